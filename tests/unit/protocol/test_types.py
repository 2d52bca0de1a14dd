"""Instrument ids, surfaces and account ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import InputError
from protocol.types import (
    ExpirySurface,
    Instrument,
    Kind,
    Surface,
    SviParams,
    account_id,
    account_index,
    account_owner,
)

SVI = SviParams(a=0.01, b=0.1, rho=-0.2, m=0.0, sigma=0.1)


def test_id__of_a_call__has_the_fields_in_their_bits() -> None:
    call = Instrument.option(Kind.CALL, 1, 19_944, 2_500.5)
    assert call.id == (1 << 62) | (1 << 54) | (19_944 << 38) | 25_005_000
    assert call.strike == 2_500.5
    assert call.expiry == 19_944 * 86_400 + 28_800


def test_id__of_a_perp__is_kind_and_underlying() -> None:
    assert Instrument.perp(7).id == (3 << 62) | (7 << 54)


@given(
    kind=st.sampled_from([Kind.CALL, Kind.PUT]),
    underlying=st.integers(1, 255),
    day=st.integers(1, 2**16 - 1),
    steps=st.integers(1, 2**38 - 1),
)
def test_from_id__after_id__is_identity(kind: Kind, underlying: int, day: int, steps: int) -> None:
    option = Instrument(kind, underlying, day, steps)
    assert option.id < 2**64
    assert Instrument.from_id(option.id) == option
    assert Instrument.from_id(Instrument.perp(underlying).id) == Instrument.perp(underlying)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((Kind.CALL, 0, 1, 1), "underlying is 0"),
        ((Kind.CALL, 256, 1, 1), "underlying is 256"),
        ((Kind.PUT, 1, 0, 1), "expiry day is 0"),
        ((Kind.PUT, 1, 2**16, 1), "expiry day is 65536"),
        ((Kind.CALL, 1, 1, 0), "strike steps is 0"),
        ((Kind.CALL, 1, 1, 2**38), "strike steps is 274877906944"),
        ((Kind.PERP, 1, 1, 0), "expiry day is 1"),
        ((Kind.PERP, 1, 0, 1), "strike steps is 1"),
        ((Kind.COLLATERAL, 1, 1, 1), "expiry day is 1"),
        ((Kind.COLLATERAL, 1, 0, 0), "vault index is 0"),
        ((Kind.COLLATERAL, 1, 0, 256), "vault index is 256"),
        ((4, 1, 1, 1), "kind is 4"),
    ],
)
def test_instrument__field_out_of_bounds__names_it(
    fields: tuple[Kind, int, int, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Instrument(*fields)


@pytest.mark.parametrize("bad", [0, 1 << 54, 1 << 64 | 1, -1])
def test_from_id__bad_id__raises(bad: int) -> None:
    with pytest.raises(InputError):
        Instrument.from_id(bad)


def test_expiry__of_a_perp__raises() -> None:
    with pytest.raises(InputError, match="nothing else expires"):
        _ = Instrument.perp(1).expiry


def test_surface__by_day__finds_cuts_and_names_what_is_missing() -> None:
    smiles = tuple(ExpirySurface(day, SVI, 0.01, 0.0, 0) for day in (100, 107))
    surface = Surface(1, 2_000.0, 0, smiles)
    assert surface.on(107) is smiles[1]
    assert surface.on(100).forward(2_000.0) == pytest.approx(2_020.0)
    assert surface.only([107, 114]).days == (107,)
    with pytest.raises(InputError, match="expiry day is 114"):
        surface.on(114)
    with pytest.raises(InputError, match="must be ascending"):
        Surface(1, 2_000.0, 0, smiles[::-1])


@given(owner=st.integers(0, 2**160 - 1), index=st.integers(0, 2**96 - 1))
def test_account_id__splits_into_owner_and_index(owner: int, index: int) -> None:
    account = account_id(owner, index)
    assert (account_owner(account), account_index(account)) == (owner, index)


def test_account_id__out_of_bounds__raises() -> None:
    with pytest.raises(InputError, match="owner"):
        account_id(1 << 160)
    with pytest.raises(InputError, match="index"):
        account_id(1, 1 << 96)
