"""Options as people write them: `ETH-26JAN24-2600-C:2` is two calls bought, `:-2` two sold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from protocol.errors import InputError
from protocol.types import STRIKE_STEPS, Instrument, Kind, Leg
from protocol.units import to_wad

_FORM = re.compile(
    r"([A-Z0-9]+)-(\d{1,2}[A-Z]{3}\d{2})-(\d+(?:\.\d+)?)-([CP])(?::(-?\d+(?:\.\d+)?))?"
)
_EXAMPLE = "ETH-26JAN24-2600-C:2"
_KINDS = {"C": Kind.CALL, "P": Kind.PUT}


def parse_leg(text: str, underlyings: dict[str, int]) -> tuple[str, Leg]:
    """(symbol, leg) of a word; the size is 1 where none is given.

    Raises
    ------
    InputError
        For a word of another form, an unknown symbol, no such date, no size.
    """
    match = _FORM.fullmatch(text.upper())
    if match is None:
        raise InputError("leg", text, bound=f"like {_EXAMPLE}", step="a size after `:`, < 0 sells")
    symbol, expiry, strike, kind, size = match.groups()
    if symbol not in underlyings:
        raise InputError("underlying", symbol, bound=f"one of {', '.join(underlyings)}")
    units = to_wad(Decimal(size or 1))
    if units == 0:
        raise InputError("leg", text, bound="of a size other than 0")
    series = Instrument(
        kind=_KINDS[kind],
        underlying=underlyings[symbol],
        day=_day(expiry),
        strike_steps=int(Decimal(strike) * STRIKE_STEPS),
    )
    return symbol, Leg(series, units)


def series_name(symbol: str, series: Instrument) -> str:
    """The name `parse_leg` reads."""
    return f"{symbol}-{day_name(series.day)}-{series.strike:g}-{'C' if series.is_call else 'P'}"


def day_name(day: int) -> str:
    """26JAN24 for an expiry day."""
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%-d%b%y}".upper()


def _day(text: str) -> int:
    try:
        when = datetime.strptime(text.title(), "%d%b%y").date()
    except ValueError:
        raise InputError("expiry", text, bound="a date like 26JAN24") from None
    return (when - date(1970, 1, 1)).days
