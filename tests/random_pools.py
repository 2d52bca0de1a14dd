"""Random option markets, pools and packages for the pricer and its twins."""

from __future__ import annotations

import random
from dataclasses import replace
from math import exp, sqrt
from typing import Any

from protocol.pricing import amm as twin
from protocol.pricing.amm_reserve import ShortBound
from protocol.pricing.amm_words import (
    ExpiryWord,
    FlowLimits,
    Limits,
    Spreads,
    SurfaceWords,
    Weights,
)
from protocol.pricing.flow_meter import Meters
from protocol.pricing.market_math import FeeRates
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD, YEAR

# Steps of weights, of spreads and limits, of flow limits.
FINE, COARSE, SHARE = 10**9, 10**12, 10**14


def wad(x: float) -> int:
    return round(x * 10**9) * 10**9


def random_surface(rng: random.Random, day: int, now: int) -> SurfaceWords:
    life = (day * DAY + 28_800 - now) / YEAR
    total = rng.uniform(0.15, 2.0) ** 2 * life
    width, rho = sqrt(total), rng.uniform(-0.9, 0.9)
    b, sigma = width * rng.uniform(0.0, 0.8), width * rng.uniform(0.2, 2.0)
    a = total - b * sigma * rng.uniform(0.0, 1.0) * sqrt(1.0 - rho * rho)
    shape = (a, b, rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.3), rho)
    m = width * rng.uniform(-0.5, 0.5)
    return SurfaceWords(*map(wad, (*shape, m, sigma)), timestamp=now - rng.randrange(7_200))


def bent(rng: random.Random, surface: SurfaceWords, now: int) -> SurfaceWords:
    """The surface an hour or so later."""
    a, b = (wad(x / WAD * rng.uniform(0.9, 1.1)) for x in (surface.a, surface.b))
    return replace(surface, a=a, b=b, timestamp=rng.randrange(surface.timestamp, now + 1))


def random_pool(rng: random.Random, spot: int, now: int) -> twin.PoolState:
    nav = 10 ** rng.uniform(4, 8)
    delta, vega, gamma = (wad(nav * rng.gauss(0, 0.3)) for _ in range(3))
    weights = [rng.choice([0, rng.randrange(10 * FINE)]) * FINE for _ in range(3)]
    spreads = [
        *(rng.randrange(30_000) * COARSE for _ in range(3)),
        rng.randrange(10**6, 5 * 10**6 + 1) * COARSE,
        rng.randrange(16 * 10**6) * COARSE,
        rng.choice([5 * WAD // 100, WAD // 2]),
        rng.choice([0, 3 * WAD // 100]),
    ]
    rates = [rng.randrange(10**4), rng.randrange(25 * 10**4), *(rng.randrange(10**6 + 1),) * 2]
    flow = random_flow(rng)
    return twin.PoolState(
        totals=twin.Risk(delta=delta * WAD // spot, vega=vega, gamma=gamma, reserve=wad(nav)),
        meters=random_meters(rng, now),
        depth=wad(nav),
        reference=wad(spot / WAD * rng.uniform(0.95, 1.05)),
        weights=Weights(*weights, rng.choice([0, int(10 ** rng.uniform(3, 8))]) * FINE),
        spreads=Spreads(*spreads),
        limits=Limits(*(rng.choice([1, 2, 16]) * WAD for _ in range(4)), 0, 0, 0),
        flow=flow,
        fees=FeeRates(
            **dict(zip(FeeRates.__slots__, (x * COARSE for x in (*rates, 0, 0)), strict=True))
        ),
        spot=spot,
        uncertainty=rng.randrange(10_000) * COARSE,
        aged=rng.random() < 0.1,
    )


def random_flow(rng: random.Random) -> FlowLimits:
    shares = [rng.choice([3 * WAD, rng.randrange(30_001) * SHARE]) for _ in range(5)]
    return FlowLimits(60, rng.choice([0, WAD, rng.randrange(10_000) * SHARE]), *shares)


def random_meters(rng: random.Random, now: int) -> Meters:
    last = now - rng.choice([0, 0, 1, rng.randrange(4_000), rng.randrange(10**6)])
    levels = [rng.choice([0, rng.randrange(10**7)]) for _ in range(5)]
    return Meters(last=last, **dict(zip(Meters.__slots__[1:], levels, strict=True)))


def random_bound(rng: random.Random) -> int:
    """A word that bounds a short: moves up to 60 %, factors up to six, 2 % of spot."""
    return ShortBound(
        rng.randrange(60_000) * 10**13,
        rng.randrange(10_000, 60_000) * 10**14,
        rng.randrange(20_000) * COARSE,
    ).word


def random_expiry(rng: random.Random, day: int, spot: int, now: int) -> dict[str, Any]:
    """What all legs of an expiry share."""
    snapshot = random_surface(rng, day, now)
    refreshed = rng.randrange(snapshot.timestamp, now + 1)
    then = wad(spot / WAD * (1 + rng.uniform(-0.052, 0.052)))
    live = bent(rng, snapshot, now)
    before = replace(bent(rng, live, now), timestamp=live.timestamp - rng.randrange(1, 7_200))
    vega, reserve = rng.randint(-(10**24), 10**24), rng.randrange(10**12) * FINE
    return {
        "live": replace(live, behind=rng.choice([0] * 30 + [1, 2, 3])),
        "previous": rng.choice([None, None, SurfaceWords(*[0] * 8), before]),
        "expiry": ExpiryWord(then, refreshed, random_bound(rng), snapshot.timestamp, 1),
        "snapshot": snapshot,
        "book": twin.Book(
            risk=twin.Risk(
                delta=rng.randint(-(10**21), 10**21), vega=vega, gamma=9 * vega, reserve=reserve
            ),
            value=rng.randint(-(10**24), 10**24),
        ),
    }


def random_leg(
    rng: random.Random, market: dict[int, dict[str, Any]], pool: twin.PoolState
) -> twin.LegInput:
    day = rng.choice(list(market))
    life = (day * DAY + 28_800 - market[day]["live"].timestamp) / YEAR
    strike = pool.spot / WAD * exp(rng.gauss(0, 0.8) * sqrt(life))
    kind = rng.choice([Kind.CALL, Kind.PUT])
    # Up to what the depth bears, in contracts.
    most = pool.depth / pool.spot
    size = rng.choice([-1, 1]) * (int(most * 10 ** rng.uniform(-8, 0) * WAD) + rng.randrange(1_000))
    held = rng.choice([0, rng.randint(-2, 2) * size // 2, rng.randint(-(10**21), 10**21)])
    return twin.LegInput(
        instrument=Instrument.option(kind, 1, day, strike),
        size=size or 1,
        taker_position=held,
        **market[day],
    )


def random_package(rng: random.Random, now: int) -> tuple[twin.PoolState, list[twin.LegInput]]:
    spot = wad(10 ** rng.uniform(0, 5))
    pool, today, market = random_pool(rng, spot, now), now // DAY, {}
    for _ in range(rng.choice([1, 2, 3])):
        day = today + int(10 ** rng.uniform(0.1, 2.6))
        market[day] = random_expiry(rng, day, spot, now)
    legs = {leg.instrument: leg for leg in (random_leg(rng, market, pool) for _ in range(4))}
    return pool, list(legs.values())[: rng.randint(1, 4)]
