from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import units
from protocol.errors import InputError


@pytest.mark.parametrize(
    ("number", "wad"),
    [
        (1, units.WAD),
        (0.07, 7 * 10**16),  # 0.07 * 1e18 as floats is 70000000000000008
        (-2.5, -25 * 10**17),
        (Decimal("1e-18"), 1),
        (Decimal("1.5e-18"), 2),
        (Decimal("2.5e-18"), 2),
        (1e40, 10**58),
    ],
)
def test_to_wad__known_numbers__exact(number: float | Decimal, wad: int) -> None:
    assert units.to_wad(number) == wad


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_to_wad__not_finite__raises(number: float) -> None:
    with pytest.raises(InputError, match="finite"):
        units.to_wad(number)


def test_to_wad__numpy_scalar__like_float() -> None:
    assert units.to_wad(np.float64(0.1)) == 10**17


@given(st.floats(min_value=1e-2, max_value=1e15))
def test_from_wad__of_to_wad__same_float(number: float) -> None:
    assert units.from_wad(units.to_wad(number)) == pytest.approx(number, rel=1e-15)


def test_vectors__like_scalars() -> None:
    numbers = [0.07, -3.25, 1e12]
    wads = units.to_wads(np.array(numbers))
    assert wads == [units.to_wad(number) for number in numbers]
    assert units.from_wads(wads).tolist() == numbers


@given(st.integers(-(10**30), 10**30), st.integers(0, 18))
def test_token__rounding_is_in_the_name(wad: int, decimals: int) -> None:
    down = units.to_token_down(wad, decimals=decimals)
    up = units.to_token_up(wad, decimals=decimals)
    back_down = units.from_token(down, decimals=decimals)
    back_up = units.from_token(up, decimals=decimals)
    assert back_down <= wad <= back_up
    assert back_up - back_down in (0, 10 ** (18 - decimals))


def test_token__decimals_beyond_18__raises() -> None:
    with pytest.raises(InputError, match=r"19, must be 0\.\.18"):
        units.from_token(1, decimals=19)


def test_expiry__day_and_timestamp__round_trip() -> None:
    friday = 1_774_598_400  # 2026-03-27 08:00 UTC
    assert units.expiry_timestamp(units.expiry_day(friday)) == friday
    assert units.next_expiry_day(friday) == units.expiry_day(friday)
    assert units.next_expiry_day(friday + 1) == units.expiry_day(friday) + 1
    with pytest.raises(InputError, match="08:00 UTC"):
        units.expiry_day(friday + 1)


def test_years__of_365_days__one() -> None:
    assert units.years(365 * 86_400) == 1.0


def test_joined__fields__part_again_high_to_low() -> None:
    widths = (4, 8, 1)
    word = units.joined((5, 200, 1), widths)
    assert word == 5 << 9 | 200 << 1 | 1
    assert units.parted(word, widths) == [5, 200, 1]
    assert units.parted(word | 1 << 40, widths) == [5, 200, 1]


@pytest.mark.parametrize("value", [-1, 16])
def test_joined__value_wider_than_its_field__is_refused(value: int) -> None:
    with pytest.raises(InputError, match=r"within 0 .. 2\*\*4 - 1"):
        units.joined((value,), (4,))
