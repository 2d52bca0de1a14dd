"""What `bench sim` sends: a market at a fixed second, and a seeded stream of trades it accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from protocol.bench.trades import SPOT, START
from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.markets import FOREVER, NO_LIMIT
from protocol.config import HestonPrices, Scenario
from protocol.errors import ChainError, Revert
from protocol.sim.opening import open_market
from protocol.sim.world import SETUP_SECONDS, World, account_of, build_world
from protocol.types import Instrument, Kind, Leg
from protocol.units import WAD

GENESIS = START - SETUP_SECONDS
TAKERS, EXPIRIES, STRIKES = 6, 2, (1_900.0, 2_000.0, 2_100.0)
SETTLING = 200  # trades until nearly every taker holds every series, and gas no longer grows
_DRAWS = 20  # tries for each trade wanted; the pool refuses few of them
_SEED = 7


@dataclass(frozen=True, slots=True)
class Trade:
    """One leg by one taker, and its calldata."""

    taker: str
    leg: Leg
    data: bytes


def market_on(chain: TestChain, artifacts: Artifacts) -> World:
    """The bench's market: LPs, takers, a surface and four listed weeklies, at a fixed second."""
    scenario = Scenario(name="bench", seed=0, prices=HestonPrices(spot=SPOT))
    world = build_world(chain, artifacts, scenario, price=SPOT)
    open_market(world, variance=0.5)
    return world


def embedded_market(artifacts: Artifacts) -> tuple[EmbeddedChain, World]:
    """The same in this process."""
    chain = EmbeddedChain(timestamp=GENESIS)
    return chain, market_on(chain, artifacts)


def draw_trades(world: World, count: int, *, seed: int = _SEED) -> list[Trade]:
    """Random buys and sells of 0.01 to 0.05 contracts, each of which went through on `world`."""
    rng, amm, trades = Random(seed), world.market.amm, list[Trade]()
    days = [book.day for book in amm.expiries()[-EXPIRIES:]]
    refused = Revert("")
    for _ in range(_DRAWS * count):
        if len(trades) == count:
            break
        taker, kind = rng.choice(world.takers[:TAKERS]), rng.choice((Kind.CALL, Kind.PUT))
        series = Instrument.option(kind, world.underlying, rng.choice(days), rng.choice(STRIKES))
        leg = Leg(series, rng.choice((1, -1)) * rng.randint(1, 5) * WAD // 100)
        data = amm.encode("trade", account_of(taker), [(series.id, leg.size)], NO_LIMIT, FOREVER)
        try:
            world.chain.transact(sender=taker, to=amm.address, data=data)
        except Revert as error:
            refused = error
            continue
        trades.append(Trade(taker, leg, data))
    if len(trades) < count:
        raise ChainError(
            f"{len(trades)} trades went through, {count} are needed: the pool says "
            f"{refused.reason!r}; pass fewer with --trades"
        )
    return trades


def play(world: World, trades: Sequence[Trade]) -> None:
    """Send some as they are, without a client between."""
    for trade in trades:
        world.chain.transact(sender=trade.taker, to=world.market.amm.address, data=trade.data)
