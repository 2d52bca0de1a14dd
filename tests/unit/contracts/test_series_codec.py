"""series_codec: Vyper packs what `protocol.types.Instrument` packs, and refuses the rest."""

from __future__ import annotations

import random

import pytest

from protocol.types import Instrument, Kind
from protocol.units import WAD

BAD = "series: bad instrument"


@pytest.fixture
def codec(deploy):
    return deploy("SeriesHarness")


def random_instruments(count: int) -> list[Instrument]:
    rng = random.Random(7)
    edges = [Instrument(Kind.CALL, 255, 65_535, 2**38 - 1), Instrument(Kind.PUT, 1, 1, 1)]
    drawn = []
    for _ in range(count):
        underlying = rng.randint(1, 255)
        strike = rng.randint(1, 2 ** rng.randint(1, 38) - 1)
        option = Instrument(
            rng.choice((Kind.CALL, Kind.PUT)), underlying, rng.randint(1, 65_535), strike
        )
        drawn += [option, Instrument.perp(underlying)]
    return edges + drawn


def test_pack__of_any_instrument__is_the_python_id(codec):
    for made in random_instruments(100):
        fields = (int(made.kind), made.underlying, made.day, made.strike_steps)
        assert codec.call("pack", *fields) == made.id
        codec.call("check", made.id)


def test_unpack__of_any_instrument__gives_its_fields(codec):
    for made in random_instruments(100):
        option = made.kind != Kind.PERP
        strike = made.strike_steps * WAD // 10_000
        expiry = made.expiry if option else 28_800
        assert codec.call("unpack", made.id) == (
            int(made.kind),
            made.underlying,
            made.day,
            strike,
            expiry,
            option,
        )


def test_leg__of_any_size__comes_back(codec):
    rng = random.Random(8)
    sizes = [2**127 - 1, -(2**127), 1, -1, 0] + [
        rng.randint(-(2**127), 2**127 - 1) for _ in range(50)
    ]
    for made, size in zip(random_instruments(60), sizes, strict=False):
        packed = made.id << 128 | size & (2**128 - 1)
        assert codec.call("leg", made.id, size) == packed
        assert codec.call("unleg", packed) == (made.id, size)


@pytest.mark.parametrize("size", [2**127, -(2**127) - 1])
def test_leg__beyond_the_field__reverts(codec, reverts, size):
    with reverts("series: size out of field"):
        codec.call("leg", Instrument.perp(1).id, size)


@pytest.mark.parametrize(
    "fields",
    [
        (0, 1, 20_000, 1),
        (4, 1, 20_000, 1),
        (1, 0, 20_000, 1),
        (1, 256, 20_000, 1),
        (1, 1, 0, 1),
        (1, 1, 2**16, 1),
        (2, 1, 20_000, 0),
        (2, 1, 20_000, 2**38),
        (3, 1, 1, 0),
        (3, 1, 0, 1),
        (3, 0, 0, 0),
    ],
)
def test_pack__with_a_field_out_of_bounds__reverts(codec, reverts, fields):
    with reverts(BAD):
        codec.call("pack", *fields)


@pytest.mark.parametrize(
    "number",
    [
        0,
        Instrument.perp(1).id + 1,
        Instrument.perp(1).id | 1 << 38,
        Instrument.perp(1).id | 1 << 64,
        1 << 62 | 1 << 54 | 1 << 38,
        1 << 62 | 1 << 54 | 1,
        1 << 62 | 1 << 38 | 1,
        1 << 54 | 1 << 38 | 1,
    ],
)
def test_check__of_what_pack_cannot_make__reverts(codec, reverts, number):
    with reverts(BAD):
        codec.call("check", number)
