"""account_codec: fields do not touch each other; scaled cash rounds against the account."""

from __future__ import annotations

import random

import pytest

from protocol.types import Instrument
from protocol.units import WAD

LOW = 2**128 - 1
INDICES = [(WAD, WAD), (9 * 10**17, WAD), (WAD, 12 * 10**17), (7 * 10**17 + 1, 13 * 10**17 + 7)]


@pytest.fixture
def codec(deploy):
    return deploy("AccountHarness")


def as_signed(word: int) -> int:
    stored = word >> 128
    return stored - 2**128 if stored >> 127 else stored


def amounts() -> list[int]:
    rng = random.Random(3)
    drawn = [rng.randint(-(10 ** rng.randint(1, 37)), 10 ** rng.randint(1, 37)) for _ in range(60)]
    return [0, 1, -1, WAD, -WAD, *drawn]


@pytest.mark.parametrize("indices", INDICES)
def test_cash__written_and_read__rounds_against_the_account(codec, indices):
    word = random.Random(1).randint(0, LOW)  # whatever else the account holds
    for amount in amounts():
        written = codec.call("with_cash", word, amount, *indices)
        read = codec.call("cash", written, *indices)
        index = indices[0] if amount >= 0 else indices[1]
        assert as_signed(written) == amount * WAD // index  # Python floors
        assert read == as_signed(written) * index // WAD
        assert amount - 2 - index // WAD <= read <= amount
        assert written & LOW == word


def test_cash__under_a_haircut_and_interest__is_scaled(codec):
    owned = codec.call("with_cash", 0, 100 * WAD, WAD, WAD)
    owed = codec.call("with_cash", 0, -100 * WAD, WAD, WAD)
    assert codec.call("cash", owned, WAD // 2, 3 * WAD) == 50 * WAD
    assert codec.call("cash", owed, WAD // 2, 3 * WAD) == -300 * WAD


@pytest.mark.parametrize("amount", [2**127, -(2**127) - 1])
def test_cash__out_of_range__reverts(codec, reverts, amount):
    with reverts("ledger: cash out of range"):
        codec.call("with_cash", 0, amount, WAD, WAD)


@pytest.mark.parametrize("amount", [2**127 - 1, -(2**127)])
def test_cash__at_the_edge_of_its_range__comes_back(codec, amount):
    word = codec.call("with_cash", 0, amount, WAD, WAD)
    assert codec.call("cash", word, WAD, WAD) == amount


def test_fields__are_read_where_they_are(codec):
    first = Instrument.perp(255).id
    bare = -5 << 128 & 2**256 - 1
    for shorts, perps, margin in ((0, 0, False), (1, 0, True), (0, 1, True), (64, 64, True)):
        word = bare | perps << 24 | shorts << 16 | 7 << 8 | 1
        word = codec.call("with_first", word, first)
        assert codec.call("fields", word) == (first, 7, True, margin)
        assert codec.call("cash", word, WAD, WAD) == -5
    assert codec.call("with_first", word, 0) == bare | 64 << 24 | 64 << 16 | 7 << 8 | 1


def test_level__of_a_config__keeps_the_indices(codec, chain):
    start = codec.call("initial_config")
    assert start >> 64 == WAD << 96 | WAD and codec.call("level", start) == 0
    now = chain.timestamp
    for level, end, seen in ((1, 0, 1), (2, now + 1, 2), (2, now, 1), (0, now + 9, 0)):
        config = codec.call("with_level", start | 2, level, end)
        assert codec.call("level", config) == seen
        assert config >> 64 == start >> 64
