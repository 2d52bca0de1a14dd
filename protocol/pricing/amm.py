"""Bit-exact twin of the on-chain options pricer: the price, the mark and the book to the wei.

What a pool asks for a package, with every part of it, from numbers alone: RFQ desks and the keeper
quote with it what the chain would. Everything is WAD; a pool's Greeks are its own (short an option:
negative vega). Where the contract reverts, the twin raises `InputError`.

Notes
-----
price = mark + change of the risk potential + spread + fee, see `contracts/markets/OptionPricer.vy`.
The mark is taken on the live surface, the Greeks inside the potential at the last refresh.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocol.errors import InputError
from protocol.pricing import amm_package as package
from protocol.pricing import fixed
from protocol.pricing.amm_point import Point, Window, in_window, point_of, risk_of
from protocol.pricing.amm_potential import potential
from protocol.pricing.amm_records import (
    RESERVE_STEP,
    Book,
    BookValue,
    LegInput,
    PoolState,
    Priced,
    PricedLeg,
    Risk,
)
from protocol.pricing.amm_reserve import ShortBound, short_bound
from protocol.pricing.amm_words import SurfaceWords, truncated
from protocol.types import Instrument
from protocol.units import WAD

__all__ = [
    "RESERVE_STEP",
    "Book",
    "BookValue",
    "LegInput",
    "PoolState",
    "Priced",
    "PricedLeg",
    "Risk",
    "Window",
    "book",
    "mark",
    "potential",
    "price",
]

_STALE_SHARE = 9 * 10**16  # 0.3 deviations, squared: Greeks serve so far from where they were taken
CLOSED = Window()  # nothing of the print is known
_HIGHER, _LOWER = 1, 2  # how a surface is behind its market


def price(*, pool: PoolState, legs: Sequence[LegInput], now: int) -> Priced:
    """What the pool asks of a taker for a package.

    Parameters
    ----------
    pool : PoolState
    legs : sequence of LegInput
        One to four, no instrument twice.
    now : int
        Unix seconds: the block the trade would be in.

    Raises
    ------
    InputError
        Where the pricer reverts: an expired series, a delta outside the cut-off, spot too far from
        the last refresh, a limit passed, no bid or no ask, numbers outside the kernel's domain.
    """
    priced: list[PricedLeg] = []
    books: dict[int, Book] = {}  # by day, as the legs so far leave them
    befores: list[Book] = []
    for leg in legs:
        day = leg.instrument.day
        before = books.get(day, leg.book)
        one = _price_leg(leg, before, pool, now)
        books[day] = one.book
        befores.append(before)
        priced.append(one)
    return package.decided(pool=pool, legs=legs, priced=priced, befores=befores, now=now)


def mark(*, instrument: Instrument, spot: int, surface: SurfaceWords, now: int) -> int:
    """Fair value of one contract on a surface.

    Raises
    ------
    InputError
        Where the series has expired or there is no surface.
    """
    return point_of(instrument, spot, surface, now).value


def book(
    *,
    positions: Sequence[tuple[Instrument, int]],
    spot: int,
    surface: SurfaceWords,
    now: int,
    reserve: int = 0,
    window: Window = CLOSED,
) -> BookValue:
    """Value and risk of (series, size) pairs of one expiry on the surface now.

    `window` is how far the expiry's print is known, from the oracle; `reserve` the margin of the
    positions, from the risk engine.
    """
    value, risk = 0, Risk(reserve=reserve)
    for instrument, size in positions:
        point, greeks = in_window(point_of(instrument, spot, surface, now), window)
        value += fixed.smul_floor(greeks.price, size)
        risk += risk_of(greeks, point, spot, size)
    return BookValue(value=value, risk=risk)


def _price_leg(leg: LegInput, before: Book, pool: PoolState, now: int) -> PricedLeg:
    cut, then = pool.spreads.delta_cut, leg.expiry.spot
    point = point_of(leg.instrument, then, leg.snapshot, leg.expiry.refreshed_at)
    greeks = point.greeks
    if not cut <= abs(greeks.delta) <= WAD - cut:
        bound = f"at least {cut} from 0 and 1"
        raise InputError("delta", greeks.delta, bound=bound, step="trade a nearer strike")
    drift = abs(pool.spot - then) * WAD // then
    if drift**2 > point.variance * _STALE_SHARE:
        bound = "within 0.3 deviations of the last refresh"
        raise InputError("spot drift", drift, bound=bound, step="refresh the expiry")
    live = point_of(leg.instrument, pool.spot, leg.live, now)
    unit = live.value
    change = risk_of(greeks, point, then, -leg.size)
    change += Risk(reserve=_reserve(leg, live, pool))
    return PricedLeg(
        mark=unit,
        worse=_worse(leg, unit, pool.spot, now),
        change=change,
        book=Book(risk=before.risk + change, value=before.value - truncated(unit * leg.size, WAD)),
    )


def _worse(leg: LegInput, unit: int, spot: int, now: int) -> int:
    """Who knew of a push buys before it and sells after: for some minutes both marks stand."""
    if leg.live.behind & (_HIGHER if leg.size > 0 else _LOWER):
        side = "asks" if leg.size > 0 else "bids"
        step = "wait for the next push"
        raise InputError(
            "surface", leg.live.behind, bound=f"not behind its market: no {side}", step=step
        )
    if leg.previous is None or not leg.previous.words[1]:
        return unit
    before = mark(instrument=leg.instrument, spot=spot, surface=leg.previous, now=now)
    return max(unit, before) if leg.size > 0 else min(unit, before)


def _reserve(leg: LegInput, live: Point, pool: PoolState) -> int:
    """What a pool sells it reserves for; what it buys frees nothing before the refresh."""
    if leg.size < 0:
        return 0
    bound = ShortBound.from_word(leg.expiry.bound)
    unit = short_bound(point=live, bound=bound, spot=pool.spot, uncertainty=pool.uncertainty)
    return -(-fixed.smul_ceil(unit, leg.size) // RESERVE_STEP) * RESERVE_STEP
