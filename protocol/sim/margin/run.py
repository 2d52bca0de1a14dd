"""A market with traders on margin in it: watched between its steps, liquidated where they fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.config import MarginPolicy, Scenario
from protocol.sim.margin.auctions import Auctions
from protocol.sim.margin.traders import MarginTrader, Role, Wish, wishes
from protocol.sim.record import RunRecord
from protocol.sim.run import MarketRun, Outside
from protocol.sim.view import snapshot, step_view
from protocol.sim.world import account_of, actor, deposit_cash
from protocol.strategy import liquidate
from protocol.strategy.base import Snapshot
from protocol.types import Instrument
from protocol.units import from_wad

MARGIN_STREAM = 2  # the margin traders' stream of a seed
LIQUIDATOR = "0x" + "11" * 20
_SMALLEST = 0.25  # a refused order is halved down to this share of what was wanted


class MarginRun(MarketRun):
    """A market whose traders on margin come on top of the scenario's flow."""

    def __init__(
        self,
        chain: TestChain,
        artifacts: Artifacts,
        scenario: Scenario,
        outside: Outside,
        seed: int,
        hedged: bool,
        *,
        policy: MarginPolicy,
    ) -> None:
        super().__init__(chain, artifacts, scenario, outside, seed, hedged)
        self.policy = policy
        self.margin_rng = np.random.default_rng([seed, MARGIN_STREAM])
        self.roles = _cast(policy)
        self.world.guests.extend((*self.roles, LIQUIDATOR))
        for owner in self.roles:
            deposit_cash(self.world, owner, policy.cash)
        if policy.liquidator_cash:
            deposit_cash(self.world, LIQUIDATOR, policy.liquidator_cash)
        watched = (*self.world.takers, *self.roles)
        self.auctions = Auctions(self.world, self.actions, watched, LIQUIDATOR)

    def record(self, engine: str, wall_s: float) -> RunRecord:
        made = super().record(engine, wall_s)
        return replace(
            made, liquidations=tuple(self.auctions.records), bad_debt=self.auctions.bad_debt()
        )

    def moments(self, start: int, end: int) -> tuple[int, ...]:
        """Whoever fails on the way is not left to the end."""
        watched = range(start + self.policy.watch_seconds, end, self.policy.watch_seconds)
        return tuple(sorted({*watched, *super().moments(start, end)}))

    def on_the_way(self) -> None:
        self.watch()

    def upkeep(self, i: int) -> None:
        super().upkeep(i)
        if i:
            self.watch()

    def trade(self) -> None:
        super().trade()
        self._refill()
        view = step_view(
            self.world,
            surface=self.surface(),
            spot=self.shown,
            positions=(),
        )
        for wish in wishes(self.margin_rng, view, self._traders(), self.policy):
            self._grant(wish)
        self.auctions.unwind(self.shown)

    def watch(self) -> None:
        """The keeper and the liquidator, where somebody is unhealthy: flags first, then bids."""
        if (seen := self._seen()) is not None:
            self.auctions.send(liquidate.upkeep(seen))
        if self.policy.liquidator_cash and (seen := self._seen()) is not None:
            self.auctions.send(liquidate.bids(seen, self.policy.liquidate))

    def _seen(self) -> Snapshot | None:
        """What the liquidation strategy sees, where anything is wrong."""
        accounts = self.auctions.unhealthy()
        if not accounts:
            return None
        seen = snapshot(self.world, spot=self.shown, target=None, books={})
        bidder = self.auctions.bidder_state() if self.policy.liquidator_cash else None
        return replace(seen, accounts=accounts, bidder=bidder)

    # -- traders --

    def _traders(self) -> tuple[MarginTrader, ...]:
        return tuple(self._trader(owner, role) for owner, role in self.roles.items())

    def _trader(self, owner: str, role: Role) -> MarginTrader:
        account, ledger = account_of(owner), self.world.system.ledger
        terms = self.world.system.liquidator.terms(account)
        perp = ledger.position(account, Instrument.perp(self.world.underlying).id)
        return MarginTrader(owner, role, from_wad(terms.equity - terms.initial), perp)

    def _grant(self, wish: Wish) -> None:
        """All of it, or what is taken of it in halves: margin is the ledger's to judge."""
        share = 1.0
        while share >= _SMALLEST:
            legs = tuple(replace(leg, size=int(leg.size * share)) for leg in wish.legs)
            if legs:
                done = self.actions.trade_legs(wish.trader, legs, self.shown)
            else:
                done = self.actions.trade_units(wish.trader, int(wish.perp * share))
            if done:
                return
            share /= 2.0

    def _refill(self) -> None:
        """Who lost everything is followed by another with as much cash."""
        ledger = self.world.system.ledger
        for owner in self.roles:
            account = account_of(owner)
            if not ledger.portfolio(account) and ledger.cash(account) >= 0:
                missing = self.policy.cash - from_wad(ledger.cash(account))
                if missing > 0.5 * self.policy.cash:
                    deposit_cash(self.world, owner, missing)


def _cast(policy: MarginPolicy) -> dict[str, Role]:
    sellers: dict[str, Role] = {actor(0x5E, i): "seller" for i in range(policy.sellers)}
    return sellers | {actor(0x9E, i): "perp_trader" for i in range(policy.perp_traders)}
