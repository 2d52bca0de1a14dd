"""The one place where floats (numbers) and ints (WAD, 1e18) meet; with tokens, days, packed words.

Ints are WAD everywhere in the code, floats are plain numbers; nothing else converts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protocol.errors import InputError

_WAD_DECIMALS = 18
WAD: int = 10**18
DAY = 86_400
YEAR = 365 * DAY
EXPIRY_HOUR = 8  # expiries are at 08:00 UTC
_EXACT = Context(prec=120, rounding=ROUND_HALF_EVEN)  # wider than any int256 in WAD


def to_wad(number: float | int | Decimal) -> int:
    """A number as WAD, half to even; a float counts as the decimal it prints as (0.07 is 7e16)."""
    if isinstance(number, int):
        return number * WAD
    value = number if isinstance(number, Decimal) else Decimal(repr(float(number)))
    if not value.is_finite():
        raise InputError("number", number, bound="finite", step="check the data it came from")
    return int(value.scaleb(_WAD_DECIMALS, _EXACT).to_integral_value(ROUND_HALF_EVEN, _EXACT))


def from_wad(wad: int) -> float:
    """The nearest float to a WAD amount."""
    return wad / WAD


def to_wads(numbers: ArrayLike) -> list[int]:
    """Numbers of any shape as a flat list of WAD ints (they do not fit numpy's 64 bits)."""
    return [to_wad(number) for number in np.asarray(numbers, dtype=np.float64).ravel().tolist()]


def from_wads(wads: Iterable[int]) -> NDArray[np.float64]:
    """WAD ints as a float64 vector, each the nearest float."""
    return np.array([wad / WAD for wad in wads], dtype=np.float64)


def to_token_down(wad: int, *, decimals: int) -> int:
    """Token units of a WAD amount, rounded towards minus infinity (what the protocol pays out)."""
    return wad // _token_step(decimals)


def to_token_up(wad: int, *, decimals: int) -> int:
    """Token units of a WAD amount, rounded towards plus infinity (what the protocol takes in)."""
    return -(-wad // _token_step(decimals))


def from_token(amount: int, *, decimals: int) -> int:
    """A token amount in WAD; exact, since a token has at most 18 decimals here."""
    return amount * _token_step(decimals)


def _token_step(decimals: int) -> int:
    if not 0 <= decimals <= _WAD_DECIMALS:
        raise InputError("decimals", decimals, bound="0..18", step="wrap the token first")
    return int(10 ** (_WAD_DECIMALS - decimals))


def expiry_timestamp(day: int) -> int:
    """Unix time of 08:00 UTC on an expiry day (days since 1970-01-01)."""
    return day * DAY + EXPIRY_HOUR * 3600


def expiry_day(timestamp: int) -> int:
    """The expiry day of a timestamp that lies exactly at 08:00 UTC."""
    day, rest = divmod(timestamp - EXPIRY_HOUR * 3600, DAY)
    if rest:
        raise InputError("expiry", timestamp, bound="at 08:00 UTC", step="see next_expiry_day")
    return day


def next_expiry_day(timestamp: int) -> int:
    """The first expiry day whose 08:00 UTC is at or after a timestamp."""
    return -((EXPIRY_HOUR * 3600 - timestamp) // DAY)


def years(seconds: float) -> float:
    """Seconds as years of 365 days (ACT/365)."""
    return seconds / YEAR


def joined(values: Iterable[int], widths: Iterable[int]) -> int:
    """Unsigned fields in one word, high to low."""
    word = 0
    for value, width in zip(values, widths, strict=True):
        if not 0 <= value < 1 << width:
            raise InputError("field of a word", value, bound=f"within 0 .. 2**{width} - 1")
        word = word << width | value
    return word


def parted(word: int, widths: Sequence[int]) -> list[int]:
    """The inverse of `joined`; bits above the first field are dropped."""
    parts = []
    for width in reversed(widths):
        parts.append(word & ((1 << width) - 1))
        word >>= width
    return parts[::-1]
