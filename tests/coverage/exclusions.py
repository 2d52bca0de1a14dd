"""What no test can reach, and why: by file and text of the line, whose number may change.

Of such a line only what was not reached is left out, so a wrong reason cannot hide what runs.
"""

EXCLUDED: dict[tuple[str, str], str] = {
    ("day_list.vy", "if other != day:"): "its only caller inserts days without a word, and every"
    " day of the list has one",
}
