"""The pricer's formulas in 50 digits, stated without a line of the twin's code."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import mpmath

from protocol.pricing import amm as twin
from protocol.pricing.amm_words import SurfaceWords
from protocol.types import Instrument
from protocol.units import WAD, YEAR

mp = mpmath.mp.clone()
mp.dps = 50
ROUNDING = mp.mpf(10) / WAD  # wei of a sum over legs


def exact(x: int) -> Any:
    return mp.mpf(x) / WAD


def exact_series(series: Instrument, spot: int, s: SurfaceWords, at: int) -> SimpleNamespace:
    """Value and Greeks of one contract by design: raw SVI, Black on the forward, moving smile."""
    left, span = series.expiry - at, series.expiry - s.timestamp
    t, rate = mp.mpf(left) / YEAR, exact(s.rate)
    forward, strike = exact(spot) * (1 + exact(s.basis)), mp.mpf(series.strike_steps) / 10_000
    y = mp.log(strike / forward) - exact(s.m)
    root = mp.sqrt(y**2 + exact(s.sigma) ** 2)
    w = (exact(s.a) + exact(s.b) * (exact(s.rho) * y + root)) * left / span
    slope = exact(s.b) * (exact(s.rho) + y / root) * left / span
    dev, discount = mp.sqrt(w), mp.exp(-rate * t)
    d1 = mp.log(forward / strike) / dev + dev / 2
    d2, sign = d1 - dev, 1 if series.is_call else -1
    density = mp.exp(-(d1**2) / 2) / mp.sqrt(2 * mp.pi)
    vega = discount * forward * density * mp.sqrt(t)
    fixed_smile = sign * discount * mp.ncdf(sign * d1)
    moved = (fixed_smile * forward - vega * slope / (2 * mp.sqrt(w * t))) / exact(spot)
    itm = forward * mp.ncdf(sign * d1) - strike * mp.ncdf(sign * d2)
    return SimpleNamespace(
        value=sign * discount * itm,
        forward_delta=fixed_smile,
        delta=moved,
        vega=vega,
        gamma=discount * density * forward / dev,
    )


def exact_previous(leg: twin.LegInput, spot: int, now: int) -> Any:
    """The mark of before the last push."""
    assert leg.previous is not None
    return exact_series(leg.instrument, spot, leg.previous, now).value


def exact_fee(pool: twin.PoolState, legs: Sequence[twin.LegInput], marks: Sequence[Any]) -> Any:
    sides, fees = {True: mp.mpf(0), False: mp.mpf(0)}, pool.fees
    for leg, unit in zip(legs, marks, strict=True):
        rate = exact(fees.notional_rate) * exact(pool.spot)
        if fees.premium_cap:
            rate = min(rate, exact(fees.premium_cap) * unit)
        opening = abs(leg.size) - leg.closing
        charged = exact(opening) + exact(leg.closing) * exact(fees.closing_factor)
        sides[leg.size > 0] += rate * charged
    return max(sides.values()) + min(sides.values()) * exact(fees.package_factor)


def exact_price(pool: twin.PoolState, legs: Sequence[twin.LegInput], now: int) -> SimpleNamespace:
    live = [exact_series(leg.instrument, pool.spot, leg.live, now) for leg in legs]
    then = [
        exact_series(leg.instrument, leg.expiry.spot, leg.snapshot, leg.expiry.refreshed_at)
        for leg in legs
    ]
    sizes = [exact(leg.size) for leg in legs]
    names = ("delta", "vega", "gamma")
    change = {
        name: -sum(size * getattr(one, name) for size, one in zip(sizes, then, strict=True))
        for name in names
    }
    books = {name: (exact(getattr(pool.totals, name)), change[name]) for name in names}
    weights = {name: exact(getattr(pool.weights, name)) for name in names}
    books["delta"] = tuple(exact(pool.reference) * x for x in books["delta"])
    terms = [weights[name] * c * (2 * g + c) for name, (g, c) in books.items()]
    by_expiry: dict[int, Any] = {}
    for leg, size, one in zip(legs, sizes, then, strict=True):
        by_expiry[leg.instrument.day] = by_expiry.get(leg.instrument.day, 0) - size * one.vega
    before = {leg.instrument.day: exact(leg.book.risk.vega) for leg in legs}
    weight = exact(pool.weights.expiry_vega)
    terms += [weight * c * (2 * before[day] + c) for day, c in by_expiry.items()]
    s, spot = pool.spreads, exact(pool.spot)
    widths = [1 + abs(spot / exact(leg.expiry.spot) - 1) * exact(s.drift_widening) for leg in legs]
    by_day = {leg.instrument.day: width for leg, width in zip(legs, widths, strict=True)}
    half = exact(s.vol_points) * sum(abs(c) * by_day[day] for day, c in by_expiry.items())
    wide_delta = sum(
        size * one.delta * width for size, one, width in zip(sizes, then, widths, strict=True)
    )
    half += abs(wide_delta) * spot * exact(pool.uncertainty + s.hedge_cost)
    wide_size = sum(abs(size) * width for size, width in zip(sizes, widths, strict=True))
    half += exact(s.floor_rate) * spot * wide_size
    toxicity, widened = exact(s.toxicity), max(widths) * exact(s.toxicity)
    marks = [one.value for one in live]
    window = sum(
        abs(size) * max(sign * (exact_previous(leg, pool.spot, now) - unit), 0)
        for leg, unit, size in zip(legs, marks, sizes, strict=True)
        for sign in (1 if size > 0 else -1,)
        if leg.previous is not None and leg.previous.timestamp
    )
    cap = exact(pool.limits.shift_cap) * sum(
        abs(size * one.vega) for size, one in zip(sizes, then, strict=True)
    )

    def errors(greek: dict[str, Any]) -> tuple[Any, Any]:
        """What errors of the change make of impact and spread."""
        lever = {name: weights[name] * (abs(g) + abs(c)) for name, (g, c) in books.items()}
        lever["delta"] *= exact(pool.reference)
        lever["vega"] += sum(weight * (abs(before[d]) + abs(c)) for d, c in by_expiry.items())
        impact = sum(lever[name] * error for name, error in greek.items()) / exact(pool.depth)
        risk = exact(s.vol_points) * greek["vega"]
        risk += spot * exact(pool.uncertainty + s.hedge_cost) * greek["delta"]
        impact += exact(pool.limits.shift_cap) * greek["vega"]
        return impact, (risk + ROUNDING * (1 + half + spot)) * widened

    return SimpleNamespace(
        mark=sum(size * unit for size, unit in zip(sizes, marks, strict=True)),
        change=change,
        impact=max(sum(terms) / (2 * exact(pool.depth)), -cap),
        spread=half * toxicity + window,
        fee=exact_fee(pool, legs, marks),
        errors=errors,
    )
