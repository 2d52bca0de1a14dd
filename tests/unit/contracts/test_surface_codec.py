"""The surface's two words, there and back."""

from __future__ import annotations

import random

import pytest

LOW, HIGH = -(2**63), 2**63 - 1
ZEROS = [0] * 9


@pytest.fixture
def harness(deploy):
    return deploy("SurfaceHarness")


def random_field(rng: random.Random) -> int:
    return rng.choice([LOW, -1, 0, 1, HIGH, rng.randint(LOW, HIGH)])


def test_pack__random_fields__unpack_to_the_same(harness):
    rng = random.Random(1)
    for _ in range(300):
        fields = [random_field(rng) for _ in range(7)] + [rng.choice([0, 1, 2**40 - 1])]
        behind = rng.randrange(4)
        words = harness.call("pack", *fields, behind)
        assert list(harness.call("unpack", words)) == fields
        assert harness.call("behind", words) == behind


def test_pack__layout__is_high_to_low(harness):
    word, skew = harness.call("pack", 1, -1, 2, -2, 3, -3, 4, 5, 2)
    top = 2**64
    assert word == (1 << 192) | ((top - 1) << 128) | (2 << 64) | (top - 2)
    assert skew == (3 << 192) | ((top - 3) << 128) | (4 << 64) | (2 << 40) | 5


@pytest.mark.parametrize("place", range(9))
def test_pack__field_too_wide__reverts(place, harness, reverts):
    for wide in (HIGH + 1, LOW - 1) if place < 7 else (2**40,) if place == 7 else (4,):
        fields = list(ZEROS)
        fields[place] = wide
        with reverts("surface_codec: out of field"):
            harness.call("pack", *fields)
