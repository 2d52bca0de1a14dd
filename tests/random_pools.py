"""Random option markets, pools and packages for the pricer and its twins."""

from __future__ import annotations

import random
from dataclasses import replace
from math import exp, sqrt
from typing import Any

from protocol.pricing import amm as twin
from protocol.pricing.amm_words import (
    ExpiryWord,
    Spreads,
    SurfaceWords,
    Weights,
)
from protocol.pricing.market_math import FeeRates
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD, YEAR

FINE, COARSE = 10**9, 10**12  # steps of weights, and of spreads and limits


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


def random_pool(rng: random.Random, spot: int) -> twin.PoolState:
    nav = 10 ** rng.uniform(4, 8)
    delta, vega, gamma, vanna, volga = (wad(nav * rng.gauss(0, 0.3)) for _ in range(5))
    totals = twin.Risk(
        delta=delta * WAD // spot, vega=vega, gamma=gamma, vanna=vanna, volga=volga, reserve=5
    )
    weights = [rng.choice([0, rng.randrange(10 * FINE)]) * FINE for _ in range(6)]
    spreads = [
        *(rng.randrange(30_000) * COARSE for _ in range(3)),
        rng.randrange(10**6, 5 * 10**6 + 1) * COARSE,
        rng.randrange(20 * 10**6) * COARSE,
        rng.choice([5 * WAD // 100, WAD // 2]),
        rng.choice([0, 3 * WAD // 100]),
        rng.randrange(500_000) * COARSE,
    ]
    rates = [
        rng.randrange(10**7),
        rng.randrange(25 * 10**7),
        *(rng.randrange(10**9 + 1),) * 2,
        0,
        0,
    ]
    return twin.PoolState(
        totals=totals,
        depth=wad(nav),
        reference=wad(spot / WAD * rng.uniform(0.95, 1.05)),
        weights=Weights(*weights),
        spreads=Spreads(*spreads),
        fees=FeeRates(**dict(zip(FeeRates.__slots__, (x * FINE for x in rates), strict=True))),
        spot=spot,
        uncertainty=rng.randrange(10_000) * COARSE,
    )


def random_leg(rng: random.Random, market: dict[int, tuple[Any, ...]], spot: int) -> twin.LegInput:
    day = rng.choice(list(market))
    expiry, snapshot, live, vega = market[day]
    life = (day * DAY + 28_800 - live.timestamp) / YEAR
    strike = spot / WAD * exp(rng.gauss(0, 0.8) * sqrt(life))
    kind = rng.choice([Kind.CALL, Kind.PUT])
    size = rng.choice([-1, 1]) * (int(10 ** rng.uniform(-6, 5) * WAD) + rng.randrange(1_000))
    held = [rng.choice([0, rng.randint(-2, 2) * size // 2, rng.randint(-(10**21), 10**21)])]
    held.append(rng.choice([0, rng.randint(-(10**21), 10**21)]))
    return twin.LegInput(
        instrument=Instrument.option(kind, 1, day, strike),
        size=size,
        taker_position=held[0],
        pool_position=held[1],
        live=live,
        expiry=expiry,
        snapshot=snapshot,
        expiry_vega=vega,
    )


def random_package(rng: random.Random, now: int) -> tuple[twin.PoolState, list[twin.LegInput]]:
    spot = wad(10 ** rng.uniform(0, 5))
    today, market = now // DAY, {}
    for _ in range(rng.choice([1, 2, 3])):
        day = today + int(10 ** rng.uniform(0.1, 2.6))
        snapshot = random_surface(rng, day, now)
        refreshed = rng.randrange(snapshot.timestamp, now + 1)
        then = wad(spot / WAD * (1 + rng.uniform(-0.055, 0.055)))
        expiry = ExpiryWord(then, refreshed, rng.randrange(10**24), 1)
        market[day] = expiry, snapshot, bent(rng, snapshot, now), rng.randint(-(10**24), 10**24)
    legs = {leg.instrument: leg for leg in (random_leg(rng, market, spot) for _ in range(4))}
    return random_pool(rng, spot), list(legs.values())[: rng.randint(1, 4)]
