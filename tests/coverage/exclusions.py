"""What no test can reach, and why: by file and text of the line, whose number may change.

Of such a line only what was not reached is left out, so a wrong reason cannot hide what runs.
"""

EXCLUDED: dict[tuple[str, str], str] = {
    ("position_book.vy", "if place == 0:"): "`_get` reads the last place where an earlier one falls"
    " free, so never the first; `_put`, on a line of the same text, goes both ways",
    ("position_book.vy", "return account_codec._first(head)"): "see above",
    ("black76_math.vy", 'assert time >> _FACTOR == 0, "black76: time out of range"'): "in"
    " `_value_greeks` it is asked only where some input has left the domain and every other has"
    " passed its check, so it always fails; in `_discounted` it goes both ways",
    ("day_list.vy", "if other != day:"): "its only caller inserts days without a word, and every"
    " day of the list has one",
}
