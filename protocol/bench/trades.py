"""Gas of AMM trades: whole receipts, from the transaction's base cost to its events."""

from __future__ import annotations

import datetime as dt

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.config import HestonPrices, Scenario
from protocol.sim.opening import open_market
from protocol.sim.world import SETUP_SECONDS, World, account_of, build_world
from protocol.types import Instrument, Kind, Leg
from protocol.units import WAD

SPOT = 2_000.0
START = int(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp())


def trade_gas_rows(artifacts: Artifacts) -> list[tuple[str, int]]:
    """(name, gas) of one-leg trades by an account that is not new.

    `first`: pool and account each hold something, the account not this series. `new series`: the
    pool does not hold it either. `repeat`: both hold it. `sell close`: the account sells it all.
    """
    world = listed_world(artifacts)
    taker, other = world.takers[:2]
    day = world.market.amm.expiries()[-1].day

    def trade(who: str, strike: float, size: int) -> int:
        series = Instrument.option(Kind.CALL, world.underlying, day, strike)
        legs = (Leg(series, size),)
        return world.market.amm.trade(account_of(who), legs, sender=who).gas_used

    trade(taker, 1_900.0, WAD)  # the account and the pool hold something
    trade(other, 2_000.0, WAD)  # the pool holds this series, the account does not
    first = trade(taker, 2_000.0, WAD)
    return [
        ("amm buy first", first),
        ("amm buy new series", trade(taker, 2_200.0, WAD)),
        ("amm buy repeat", trade(taker, 2_000.0, WAD)),
        ("amm sell close", trade(taker, 2_000.0, -2 * WAD)),
    ]


def listed_world(artifacts: Artifacts) -> World:
    """A market with LPs, takers, a surface and four listed weeklies, at a fixed second."""
    scenario = Scenario(name="bench", seed=0, prices=HestonPrices(spot=SPOT))
    chain = EmbeddedChain(timestamp=START - SETUP_SECONDS)
    world = build_world(chain, artifacts, scenario, price=SPOT)
    open_market(world, variance=0.5)
    return world
