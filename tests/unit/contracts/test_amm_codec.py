"""amm_codec: what does not fit its field is refused, and fields do not touch."""

from __future__ import annotations

import pytest

from protocol.clients.base import AnyContract

FINE, COARSE, SHARE = 10**9, 10**12, 10**14
F144 = 2**144 - 1
# Of every field: its step and its width.
RECORDS = (
    [(FINE, 40)] * 4,
    [(COARSE, 24)] * 7,
    [(COARSE, 24)] * 4 + [(1, 24), (1, 24), (1, 16)],
    [(1, 16)] + [(SHARE, 16)] * 6,
    [(COARSE, 32)] * 7 + [(1, 32)],
)


@pytest.fixture
def harness(deploy) -> AnyContract:
    return deploy("RiskHarness")


def rows(record: int, place: int, value: int) -> list[tuple[int, ...]]:
    """All records zero but for one field."""
    made = [[0] * len(fields) for fields in RECORDS]
    made[record][place] = value
    return [tuple(row) for row in made]


@pytest.mark.parametrize("record", range(5), ids=["weights", "spreads", "limits", "flow", "upkeep"])
def test_parameters__field_edges__kept_or_refused(record, harness, reverts):
    for place, (step, bits) in enumerate(RECORDS[record]):
        full = rows(record, place, (2**bits - 1) * step)
        words = harness.call("pack", *full, 0)
        assert [tuple(row) for row in harness.call("unpack", words)] == full
        assert sum(bin(word).count("1") for word in words) == bits
        with reverts("amm: parameter too large"):
            harness.call("pack", *rows(record, place, 2**bits * step), 0)
        if step > 1:
            with reverts("amm: parameter too fine"):
                harness.call("pack", *rows(record, place, step + 1), 0)


def test_parameters__all_full__fill_the_words(harness):
    full = [tuple((2**bits - 1) * step for step, bits in fields) for fields in RECORDS]
    spare = (2**24 - 1) << 64  # behind the spreads
    words = [2**256 - 1, 2**256 - 1 - spare, 2**256 - 1, 2**256 - 1]
    assert list(harness.call("pack", *full, F144)) == words
    assert [tuple(row) for row in harness.call("unpack", [2**256 - 1] * 4)] == full


def test_expiry__field_edges__kept_or_refused(harness, reverts):
    widths = (88, 40, 56, 40, 32)
    full = [2**bits - 1 for bits in widths]
    assert list(harness.call("expiry", harness.call("pack_expiry", *full))) == full
    for place, bits in enumerate(widths):
        row = [0] * len(widths)
        row[place] = 2**bits - 1
        assert list(harness.call("expiry", harness.call("pack_expiry", *row))) == row
        row[place] = 2**bits
        with reverts("amm: expiry out of field"):
            harness.call("pack_expiry", *row)


def test_market__each_writer__leaves_the_rest(harness, reverts):
    depth, at, reference = 2**96 - 1, 2**40 - 1, 2**88 - 1
    word = harness.call("with_depth", 0, depth, reference)
    assert tuple(harness.call("market", word)) == (depth, False, 0, reference)
    word = harness.call("with_depth_time", word | 1 << 159, at)
    assert tuple(harness.call("market", word)) == (depth, True, at, reference)
    assert tuple(harness.call("market", harness.call("with_depth", word, 5, 7))) == (5, True, at, 7)
    later = harness.call("with_depth_time", word, 9)
    assert tuple(harness.call("market", later)) == (depth, True, 9, reference)
    for args in ((word, 2**96, 0), (word, 0, 2**88)):
        with reverts("amm: depth out of field"):
            harness.call("with_depth", *args)
