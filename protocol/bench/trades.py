"""Gas of AMM trades: whole receipts, from the transaction's base cost to its events."""

from __future__ import annotations

import datetime as dt

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.ledger import SCOPE_TRADE
from protocol.config import Defence, HestonPrices, PullFeed, Scenario
from protocol.sim.opening import open_market, push_surface
from protocol.sim.world import SETUP_SECONDS, World, account_of, build_world
from protocol.types import Instrument, Kind, Leg
from protocol.units import WAD

SPOT = 2_000.0
QUIET_SECONDS = 900  # past the push window
START = int(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp())


def trade_gas_rows(artifacts: Artifacts) -> list[tuple[str, int]]:
    """(name, gas) of one-leg trades by an account that is not new, a quarter hour after a push.

    `first`: pool and account each hold something, the account not this series. `new series`: the
    pool does not hold it either. `repeat`: both hold it. `sell close`: the account sells it all.
    On signed prices, posted a transaction before; `posting the price`: in the same one, signed by
    two. `just pushed`: inside the push window, where the surface before is priced as well.
    The same again on a push feed, whose aggregator is called by every trade.
    """
    signed = _Trades(listed_world(artifacts, Defence(PullFeed())))
    pushed = _Trades(listed_world(artifacts))
    rows = [*signed.life(), ("amm buy repeat, posting the price", signed.buy_posting())]
    rows.append(("amm buy repeat, just pushed", signed.buy_just_pushed()))
    return rows + [(f"{name}, push feed", gas) for name, gas in pushed.life()]


class _Trades:
    """Calls of one weekly bought and sold by one taker."""

    def __init__(self, world: World) -> None:
        self.world, self.taker = world, world.takers[0]
        self.day = world.market.amm.expiries()[-1].day
        world.chain.advance(QUIET_SECONDS)

    def life(self) -> list[tuple[str, int]]:
        self.trade(self.taker, 1_900.0, WAD)  # the account and the pool hold something
        self.trade(self.world.takers[1], 2_000.0, WAD)  # the pool holds this series
        return [
            ("amm buy first", self.trade(self.taker, 2_000.0, WAD)),
            ("amm buy new series", self.trade(self.taker, 2_200.0, WAD)),
            ("amm buy repeat", self.trade(self.taker, 2_000.0, WAD)),
            ("amm sell close", self.trade(self.taker, 2_000.0, -2 * WAD)),
        ]

    def trade(self, who: str, strike: float, size: int) -> int:
        self.world.set_price(SPOT)
        amm = self.world.market.amm
        return amm.trade(account_of(who), self._legs(strike, size), sender=who).gas_used

    def buy_posting(self) -> int:
        world, system = self.world, self.world.system
        account = account_of(self.taker)
        system.ledger.set_operator(account, system.batch.address, SCOPE_TRADE, sender=self.taker)
        report = world.sign(SPOT, confidence=0.0, timestamp=world.chain.timestamp + 1)
        world.chain.advance(1)
        return system.batch.trade_options(
            world.market.amm.address,
            [report],
            account,
            self._legs(2_200.0, WAD),
            sender=self.taker,
        ).gas_used

    def buy_just_pushed(self) -> int:
        self.world.set_price(SPOT)
        push_surface(self.world, variance=0.5)
        return self.trade(self.taker, 2_200.0, WAD)

    def _legs(self, strike: float, size: int) -> tuple[Leg, ...]:
        series = Instrument.option(Kind.CALL, self.world.underlying, self.day, strike)
        return (Leg(series, size),)


def listed_world(artifacts: Artifacts, defence: Defence | None = None) -> World:
    """A market with LPs, takers, a surface and four listed weeklies, at a fixed second."""
    scenario = Scenario(name="bench", seed=0, prices=HestonPrices(spot=SPOT))
    chain = EmbeddedChain(timestamp=START - SETUP_SECONDS)
    world = build_world(chain, artifacts, scenario, price=SPOT, defence=defence)
    open_market(world, variance=0.5)
    return world
