"""amm_codec: what does not fit its field is refused, and fields do not touch."""

from __future__ import annotations

import pytest

from protocol.clients.base import AnyContract

FINE, COARSE = 10**9, 10**12


@pytest.fixture
def harness(deploy) -> AnyContract:
    return deploy("RiskHarness")


@pytest.mark.parametrize(
    ("name", "steps", "bits"),
    [
        ("weights", [FINE] * 6, 40),
        ("spreads", [COARSE] * 8, 32),
        ("limits", [COARSE] * 6 + [1] * 2, 32),
    ],
)
def test_parameters__field_edges__kept_or_refused(name, steps, bits, harness, reverts):
    for place, step in enumerate(steps):
        row = [0] * len(steps)
        row[place] = (2**bits - 1) * step
        word = harness.call(f"pack_{name}", tuple(row))
        assert list(harness.call(name, word)) == row
        assert bin(word).count("1") == bits
        row[place] += step
        with reverts("amm: parameter too large"):
            harness.call(f"pack_{name}", tuple(row))
        if step > 1:
            row[place] = step + 1
            with reverts("amm: parameter too fine"):
                harness.call(f"pack_{name}", tuple(row))


def test_expiry__field_edges__kept_or_refused(harness, reverts):
    widths = (88, 40, 96, 32)
    full = [2**bits - 1 for bits in widths]
    assert harness.call("pack_expiry", *full) == 2**256 - 1
    for place, bits in enumerate(widths):
        row = [0] * 4
        row[place] = 2**bits - 1
        assert list(harness.call("expiry", harness.call("pack_expiry", *row))) == row
        row[place] = 2**bits
        with reverts("amm: expiry out of field"):
            harness.call("pack_expiry", *row)


def test_with_reserve__changes_the_reserve_alone(harness, reverts):
    row = [2**88 - 1, 2**40 - 1, 5, 2**32 - 1]
    word = harness.call("pack_expiry", *row)
    for reserve in (0, 7, 2**96 - 1):
        row[2] = reserve
        word = harness.call("with_reserve", word, reserve)
        assert list(harness.call("expiry", word)) == row
    with reverts("amm: expiry out of field"):
        harness.call("with_reserve", word, 2**96)
