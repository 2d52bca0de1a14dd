"""Random portfolios and their market, on a bench's mocks and as the float twin sees them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import exp

from protocol.pricing.amm_words import SurfaceWords
from protocol.risk.portfolio import Collateral, Holding, MarketState, Portfolio
from protocol.types import ExpirySurface, Instrument, Kind, Surface, SviParams
from protocol.units import DAY, WAD, from_wad
from tests.ledger_bench import ADMIN, ETH, SPOT, TAKER, LedgerBench, account

COLLATERAL = ETH << 54 | 1  # the first vault of ETH
HAIRCUT = 0.1
LIFE_DAYS = (1, 4, 11, 40, 200)


@dataclass(frozen=True, slots=True)
class Held:
    """A portfolio as the engine and as the twin take it."""

    cash: int
    positions: dict[int, int]
    portfolio: Portfolio

    def args(self, owner: str = TAKER) -> tuple[object, ...]:
        """(account, cash, instruments, sizes)"""
        return account(owner), self.cash, list(self.positions), list(self.positions.values())


def random_surface(rng: random.Random, day: int, posted: int, expiry: int) -> SurfaceWords:
    """A smile of 30 to 150 % at the money, posted up to a day ago."""
    life = (expiry - posted) / (365 * DAY)
    level = rng.uniform(0.3, 1.5) ** 2 * life
    sigma = rng.uniform(0.05, 0.6)
    b = level * rng.uniform(0.05, 0.6) / sigma
    numbers = {
        "a": level - b * sigma,
        "b": b,
        "basis": rng.uniform(-0.03, 0.05),
        "rate": rng.choice([0.0, rng.uniform(0.0, 0.12)]),
        "rho": rng.uniform(-0.7, 0.4),
        "m": rng.uniform(-0.1, 0.1),
        "sigma": sigma,
    }
    return SurfaceWords(**{name: int(x * WAD) for name, x in numbers.items()}, timestamp=posted)


def as_floats(day: int, words: SurfaceWords) -> ExpirySurface:
    """The same smile as the twin reads it."""
    svi = SviParams(*(from_wad(getattr(words, name)) for name in ("a", "b", "rho", "m", "sigma")))
    basis, rate = from_wad(words.basis), from_wad(words.rate)
    return ExpirySurface(day, svi, basis, rate, words.timestamp)


def random_market(rng: random.Random, bench: LedgerBench, days: list[int]) -> MarketState:
    """Sets spot, uncertainty and surfaces on the bench's mock, and says what they are."""
    spot, uncertainty = int(from_wad(SPOT) * exp(rng.gauss(0, 0.3)) * WAD), rng.randrange(10**16)
    bench.set_spot(spot)
    bench.market.send("set_uncertainty", ETH, uncertainty, sender=ADMIN)
    smiles = []
    for day in days:
        posted = bench.chain.timestamp - rng.randrange(3_000)
        words = random_surface(rng, day, posted, day * DAY + 8 * 3_600)
        bench.market.send("set_surface", ETH, day, list(words.words), sender=ADMIN)
        smiles.append(as_floats(day, words))
    surface = Surface(ETH, from_wad(spot), bench.chain.timestamp, tuple(smiles))
    return MarketState(spot=from_wad(spot), surface=surface, uncertainty=from_wad(uncertainty))


def days_of(bench: LedgerBench) -> list[int]:
    today = bench.chain.timestamp // DAY
    return [today + life for life in LIFE_DAYS]


def random_series(rng: random.Random, days: list[int], spot: float) -> Instrument:
    strike = round(spot * exp(rng.gauss(0, 0.25)), 1)
    return Instrument.option(rng.choice([Kind.CALL, Kind.PUT]), ETH, rng.choice(days), strike)


def random_holding(
    rng: random.Random, days: list[int], spot: float, *, options: int, linear: bool = True
) -> Held:
    """Up to so many options, sometimes with the perp and collateral."""
    positions: dict[int, int] = {}
    for _ in range(rng.randint(1, options)):
        series = random_series(rng, days, spot)
        positions[series.id] = int(rng.gauss(0, 10) * WAD) or WAD
    tokens = 0
    if linear and rng.random() < 0.5:
        positions[Instrument.perp(ETH).id] = int(rng.gauss(0, 10) * WAD) or WAD
    if linear and rng.random() < 0.3:
        tokens = rng.randrange(1, 20 * WAD)
        positions[COLLATERAL] = tokens
    return held(int(rng.gauss(0, 20_000) * WAD), positions, tokens=tokens)


def held(cash: int, positions: dict[int, int], *, tokens: int = 0, unrealised: int = 0) -> Held:
    """A portfolio from its parts, WAD."""
    holdings = tuple(
        Holding(Instrument.from_id(number), from_wad(size))
        for number, size in positions.items()
        if number != COLLATERAL
    )
    posted = (Collateral(ETH, from_wad(tokens), HAIRCUT),) if tokens else ()
    portfolio = Portfolio(
        cash=from_wad(cash),
        holdings=holdings,
        collateral=posted,
        unrealised={ETH: from_wad(unrealised)},
    )
    return Held(cash, positions, portfolio)
