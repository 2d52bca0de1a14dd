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
from dataclasses import dataclass
from itertools import groupby

from protocol.errors import InputError
from protocol.pricing import fixed
from protocol.pricing.amm_potential import common_change, expiry_change, over_depth, potential
from protocol.pricing.amm_records import BookValue, LegInput, PoolState, Priced, PricedLeg, Risk
from protocol.pricing.amm_words import SurfaceWords, strike_wad, truncated
from protocol.types import Instrument
from protocol.units import WAD, YEAR

__all__ = [
    "BookValue",
    "LegInput",
    "PoolState",
    "Priced",
    "PricedLeg",
    "Risk",
    "book",
    "mark",
    "potential",
    "price",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """A series on a surface at a moment."""

    is_call: bool
    forward: int
    strike: int
    variance: int
    slope: int
    time: int
    discount: int
    rate: int

    @property
    def value(self) -> int:
        return fixed.value(
            is_call=self.is_call,
            forward=self.forward,
            strike=self.strike,
            total_variance=self.variance,
            discount=self.discount,
        )

    @property
    def greeks(self) -> fixed.Greeks:
        return fixed.value_greeks(
            is_call=self.is_call,
            forward=self.forward,
            strike=self.strike,
            total_variance=self.variance,
            time=self.time,
            discount=self.discount,
            rate=self.rate,
        )


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
        the last refresh, numbers outside the kernel's domain.
    """
    priced = [_price_leg(leg, pool, now) for leg in legs]
    total = sum((one.change for one in priced), Risk())
    drift = max(_drift(pool.spot, leg.expiry.spot) for leg in legs)
    if drift > pool.spreads.max_drift:
        bound = f"within {pool.spreads.max_drift} of the last refresh"
        raise InputError("spot drift", drift, bound=bound, step="refresh the expiry")
    vegas = _net_vegas(legs, priced)
    return Priced(
        mark=sum(_at_mark(leg, one.mark) for leg, one in zip(legs, priced, strict=True)),
        impact=_impact(pool, total, vegas),
        spread=_spread(pool, legs, total, vegas, drift),
        fee=_fee(pool, legs, priced),
        gross_vega=sum(abs(one.change.vega) for one in priced),
        total=total,
        legs=tuple(priced),
    )


def mark(*, instrument: Instrument, spot: int, surface: SurfaceWords, now: int) -> int:
    """Fair value of one contract on a surface.

    Raises
    ------
    InputError
        Where the series has expired or there is no surface.
    """
    return _point(instrument, spot, surface, now).value


def book(
    *,
    positions: Sequence[tuple[Instrument, int]],
    spot: int,
    surface: SurfaceWords,
    reserve_share: int,
    now: int,
) -> BookValue:
    """Value and risk of (series, size) pairs of one expiry on the surface now."""
    value, risk = 0, Risk()
    for instrument, size in positions:
        point = _point(instrument, spot, surface, now)
        greeks = point.greeks
        value += fixed.smul_floor(greeks.price, size)
        reserve = _reserve(instrument, spot, reserve_share, 0, size)
        risk = risk + _risk(greeks, point, spot, size) + Risk(reserve=reserve)
    return BookValue(value=value, risk=risk)


def _price_leg(leg: LegInput, pool: PoolState, now: int) -> PricedLeg:
    spreads, then = pool.spreads, leg.expiry.spot
    point = _point(leg.instrument, then, leg.snapshot, leg.expiry.refreshed_at)
    greeks = point.greeks
    if not spreads.delta_cut <= abs(greeks.delta) <= WAD - spreads.delta_cut:
        bound = f"at least {spreads.delta_cut} from 0 and 1"
        raise InputError("delta", greeks.delta, bound=bound, step="trade a nearer strike")
    reserve = _reserve(
        leg.instrument, pool.spot, spreads.reserve_share, leg.pool_position, -leg.size
    )
    return PricedLeg(
        mark=mark(instrument=leg.instrument, spot=pool.spot, surface=leg.live, now=now),
        change=_risk(greeks, point, then, -leg.size) + Risk(reserve=reserve),
    )


def _at_mark(leg: LegInput, unit: int) -> int:
    # Rounded up for what is bought and down for what is sold: against the taker.
    return fixed.mul_up(unit, leg.size) if leg.size > 0 else -fixed.mul_down(unit, -leg.size)


def _fee(pool: PoolState, legs: Sequence[LegInput], priced: Sequence[PricedLeg]) -> int:
    sides = {True: 0, False: 0}
    for leg, one in zip(legs, priced, strict=True):
        sides[leg.size > 0] += pool.fees.option_fee(
            mark=one.mark, notional=pool.spot, size=abs(leg.size), closing=leg.closing
        )
    return pool.fees.package_fee(bought=sides[True], sold=sides[False])


def _net_vegas(legs: Sequence[LegInput], priced: Sequence[PricedLeg]) -> list[tuple[int, int]]:
    """(vega before, change) of every expiry of the package."""
    rows = sorted(
        (leg.instrument.day, leg.expiry_vega, one.change.vega)
        for leg, one in zip(legs, priced, strict=True)
    )
    return [
        (before, sum(row[2] for row in group))
        for (_, before), group in groupby(rows, key=lambda row: row[:2])
    ]


def _impact(pool: PoolState, total: Risk, vegas: Sequence[tuple[int, int]]) -> int:
    numerator = common_change(pool.weights, pool.reference, pool.totals, total)
    numerator += sum(expiry_change(pool.weights, before, change) for before, change in vegas)
    return over_depth(numerator, pool.depth)


def _spread(
    pool: PoolState,
    legs: Sequence[LegInput],
    total: Risk,
    vegas: Sequence[tuple[int, int]],
    drift: int,
) -> int:
    """Pays for the age of the price and the surface, and for hedging the delta taken on."""
    up, spreads = fixed.mul_up, pool.spreads
    half = up(sum(abs(change) for _, change in vegas), spreads.vol_points)
    half += up(up(abs(total.delta), pool.spot), pool.uncertainty + spreads.hedge_cost)
    half += sum(up(up(pool.spot, abs(leg.size)), spreads.floor_rate) for leg in legs)
    widened = WAD + up(drift, spreads.drift_widening)
    return up(up(half, widened), spreads.toxicity)


def _point(instrument: Instrument, spot: int, surface: SurfaceWords, at: int) -> _Point:
    posted, s = surface.timestamp, surface
    if posted == 0:
        raise InputError("surface", surface, bound="posted", step="push the expiry first")
    left, span = instrument.expiry - at, instrument.expiry - posted
    if left <= 0 or span <= 0:
        raise InputError("expiry", instrument.expiry, bound=f"after {max(at, posted)}")
    forward = spot * (WAD + s.basis) // WAD
    strike = strike_wad(instrument.strike_steps)
    k = fixed.log_moneyness(strike, forward)
    variance = fixed.total_variance(k=k, a=s.a, b=s.b, rho=s.rho, m=s.m, sigma=s.sigma)
    time = left * WAD // YEAR
    return _Point(
        is_call=instrument.is_call,
        forward=forward,
        strike=strike,
        variance=variance * left // span,
        slope=truncated(_slope(k - s.m, variance - s.a, s.b, s.rho) * left, span),
        time=time,
        discount=fixed.exp(truncated(-s.rate * time, WAD)),
        rate=s.rate,
    )


def _slope(offset: int, wings: int, b: int, rho: int) -> int:
    """dw/dk, the root taken back out of wings = b (rho offset + root)."""
    if b == 0:
        return 0
    root = truncated(wings * WAD, b) - truncated(rho * offset, WAD)
    if root <= 0:
        return 0
    return truncated(b * (rho + truncated(offset * WAD, root)), WAD)


def _risk(greeks: fixed.Greeks, point: _Point, spot: int, size: int) -> Risk:
    """Forward Greeks as cash Greeks of spot, delta with the smile that moves with spot."""
    f = point.forward
    smile = 0
    if deviation := fixed.sqrt(point.variance * point.time // WAD):
        smile = truncated(greeks.vega * point.slope, 2 * deviation) * WAD
    gamma = truncated(truncated(greeks.gamma * f, WAD) * f, WAD)
    return Risk(
        delta=truncated(truncated(greeks.delta * f - smile, spot) * size, WAD),
        vega=truncated(greeks.vega * size, WAD),
        gamma=truncated(gamma * size, WAD),
        vanna=truncated(truncated(greeks.vanna * f, WAD) * size, WAD),
        volga=truncated(greeks.volga * size, WAD),
    )


def _reserve(instrument: Instrument, spot: int, share: int, position: int, change: int) -> int:
    """Change of the margin reserved when a pool's position changes."""
    shorts = max(-(position + change), 0) - max(-position, 0)
    strike = strike_wad(instrument.strike_steps)
    intrinsic = max(spot - strike if instrument.is_call else strike - spot, 0)
    return fixed.smul_ceil(intrinsic + fixed.mul_up(spot, share), shorts)


def _drift(spot: int, then: int) -> int:
    return abs(spot - then) * WAD // then
