"""One market in progress: what happens in a step, on the chain and around it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.config import Defence, Scenario
from protocol.errors import Revert
from protocol.pricing.black76 import Floats
from protocol.sim.accounting import attribute, delta_pnl, pool_pnl
from protocol.sim.actions import Actions, StepTape
from protocol.sim.flow import DepositRequest, ExitRequest, PerpRequest, TradeRequest, requests
from protocol.sim.ledger_check import check_ledger
from protocol.sim.prices import Times
from protocol.sim.record import RunRecord, StepRecord
from protocol.sim.view import (
    read_book,
    read_books,
    read_positions,
    read_surface,
    snapshot,
    step_view,
)
from protocol.sim.world import KEEPER, World, build_world
from protocol.strategy import anchor, hedge, refresh, settle
from protocol.strategy.anchor import PRINT_WINDOW
from protocol.surface.reference_model import reference_surface
from protocol.types import Surface
from protocol.units import DAY, EXPIRY_HOUR, expiry_timestamp, from_wad

PRINT_RECORDS = 3  # observations in the window before an expiry
SURFACE_MOMENTS = 6  # surfaces kept for the report, evenly over the run
FLOW_STREAM = 1  # the order flow's stream of a seed; the path's is another


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside market, arrays of shape (n,): unix seconds, USD, variance a year."""

    ts: Times
    spot: Floats
    variance: Floats
    source: str


class MarketRun:
    """A market in progress, on a feed that tells the outside price at once.

    `shown` is the spot the chain has: what the pool is marked and hedged at.
    """

    def __init__(
        self,
        chain: TestChain,
        artifacts: Artifacts,
        scenario: Scenario,
        outside: Outside,
        seed: int,
        hedged: bool,
        defence: Defence | None = None,
    ) -> None:
        self.scenario, self.outside, self.seed, self.hedged = scenario, outside, seed, hedged
        self.rng = np.random.default_rng([seed, FLOW_STREAM])
        self.shown = float(outside.spot[0])
        self.world: World = build_world(
            chain, artifacts, scenario, price=self.shown, defence=defence
        )
        self.actions = Actions(self.world)
        self.steps: list[StepRecord] = []
        self.tapes: list[StepTape] = []
        self.surfaces: list[Surface] = []
        self.upkeep(0)
        self.actions.tape = StepTape()
        self.book = read_book(self.world, self.surface(), self.shown)
        self.perp_nav = from_wad(self.world.market.perp.valuation().nav)
        self.potential = from_wad(self.world.market.amm.valuation().risk)

    def step(self, i: int) -> None:
        """From outside price i - 1 to i: time, prices, keeper, traders, hedge, accounts."""
        self.move_to(i)
        self.upkeep(i)
        self.trade()
        self.hedge()
        if self.is_accounted(i):
            self._account(i)

    def is_accounted(self, i: int) -> bool:
        """Whether accounts are made after a step: what happened since the last falls on it."""
        return True

    def record(self, engine: str, wall_s: float) -> RunRecord:
        refusals: Counter[str] = sum((tape.refusals for tape in self.tapes), Counter())
        return RunRecord(
            scenario=self.scenario.name,
            seed=self.seed,
            source=self.outside.source,
            underlying=self.scenario.underlying.symbol,
            hedged=self.hedged,
            engine=engine,
            steps=tuple(self.steps),
            trades=tuple(trade for tape in self.tapes for trade in tape.trades),
            hedges=tuple(each for tape in self.tapes for each in tape.hedges),
            surfaces=tuple(self.surfaces),
            expiries=tuple(each for tape in self.tapes for each in tape.settled),
            refusals=tuple(refusals.most_common()),
            transactions=self.actions.transactions,
            gas_used=self.actions.gas_used,
            wall_s=wall_s,
        )

    # -- the parts of a step --

    def move_to(self, i: int) -> None:
        """Time and the outside price, observed on the way too where an expiry's print wants it."""
        end, last = int(self.outside.ts[i]), float(self.outside.spot[i])
        start, first = int(self.outside.ts[i - 1]), float(self.outside.spot[i - 1])
        for at in self.moments(start, end):
            if at <= self.world.chain.timestamp:
                continue  # the last step ran on to pay an expiry's winners
            self._observe(at, first + (at - start) / (end - start) * (last - first))
            self.on_the_way()
        self._observe(end, last)

    def moments(self, start: int, end: int) -> tuple[int, ...]:
        """Times between two steps at which the price is observed: those a print wants."""
        if end % DAY != EXPIRY_HOUR * 3600:
            return ()
        first, gap = end - PRINT_WINDOW, PRINT_WINDOW // PRINT_RECORDS
        return tuple(at for at in range(first, end, gap) if at > start)

    def on_the_way(self) -> None:
        """What happens at such a moment: nothing here."""

    def _observe(self, at: int, price: float) -> None:
        self.shown = price
        self.world.chain.set_time(at)
        self.world.set_price(price)
        self.world.system.oracle.record(self.world.underlying, sender=KEEPER)

    def upkeep(self, i: int) -> None:
        """The keeper before anyone trades: anchor, settle and list, refresh, vaults."""
        keeper, target, books = self.scenario.keeper, self.target(i), read_books(self.world)
        see = partial(snapshot, self.world, spot=self.shown, target=target)
        self.actions.keep(anchor.plan(see(books=books), keeper.anchor))
        seen = see(books=books)
        self.actions.keep(settle.plan(seen, keeper.settle))
        if seen.expired:
            self._pay_winners(i)
        self.actions.keep(refresh.plan(see(spot=self.shown, books={}), keeper.refresh))

    def _pay_winners(self, i: int) -> None:
        """Who is owed at an expiry is paid within the step, where it is longer than the collection.

        A shorter step leaves them to a later one.
        """
        see = partial(snapshot, self.world, spot=self.shown, target=None)
        expired = see(books=read_books(self.world)).expired
        at = max((each.collected_at or 0 for each in expired), default=0)
        if self.world.chain.timestamp < at and i + 1 < len(self.outside.ts):
            if at < int(self.outside.ts[i + 1]):
                self._observe(at, self.shown)
                seen = see(books=read_books(self.world))
                self.actions.keep(settle.plan(seen, self.scenario.keeper.settle))

    def trade(self) -> None:
        surface, spot = self.surface(), self.shown
        view = step_view(
            self.world, surface=surface, spot=spot, positions=read_positions(self.world)
        )
        for request in requests(self.rng, view, self.scenario.flow):
            match request:
                case TradeRequest():
                    self.actions.trade(request, spot)
                case PerpRequest():
                    self.actions.trade_perp(request)
                case DepositRequest():
                    self.actions.deposit(request)
                case ExitRequest():
                    self.actions.leave(request)
        perp = self.world.market.perp
        self.actions.arbitrage_perp(from_wad(perp.skew()), from_wad(perp.scale()))

    def hedge(self) -> None:
        if self.hedged:
            now = snapshot(self.world, spot=self.shown, target=None, books={})
            self.actions.keep(hedge.plan(now, self.scenario.keeper.hedge))

    def _account(self, i: int) -> None:
        surface, tape = self.surface(), self.actions.tape
        after = read_book(self.world, surface, self.shown)
        before, market = self.book, self.world.market
        explained = attribute(before, after, surface=surface, prints=dict(tape.settled), tape=tape)
        perp_nav = from_wad(market.perp.valuation().nav)
        self.potential = self._potential()
        shares = from_wad(market.options_vault.total_supply())
        insurance, treasury = (from_wad(x) for x in self.world.system.ledger.reserves())
        check = check_ledger(self.world, after.view)
        reserve = from_wad(after.view.risk.reserve)
        self.steps.append(
            StepRecord(
                timestamp=int(self.outside.ts[i]),
                spot=after.spot,
                nav=after.nav,
                shares=shares,
                nav_per_share=after.nav / shares,
                risk_potential=self.potential,
                depth=from_wad(after.view.depth),
                delta_options=after.delta_options,
                delta_net=after.delta,
                gamma_cash=after.gamma_cash,
                vega=after.vega,
                reserve=reserve,
                utilisation=reserve / after.nav,
                premium=sum(trade.mark for trade in tape.trades),
                impact=sum(trade.impact for trade in tape.trades),
                spread=sum(trade.spread for trade in tape.trades),
                fees=sum(trade.fee for trade in tape.trades),
                hedging_cost=sum(each.cost for each in tape.hedges),
                funding=explained.funding,
                trades=len(tape.trades),
                hedges=len(tape.hedges),
                refused=tape.refusals.total(),
                pool_pnl=pool_pnl(before, after, tape),
                delta_pnl=delta_pnl(before, after),
                perp_pnl=perp_nav - self.perp_nav - tape.perp_flows,
                insurance=insurance,
                treasury=treasury,
                attribution=explained,
                imbalance=check.imbalance,
                shortfall=check.shortfall,
            )
        )
        self.perp_nav, self.book = perp_nav, after
        self.tapes.append(tape)
        self.actions.tape = StepTape()
        if i % max(1, (len(self.outside.ts) - 1) // SURFACE_MOMENTS) == 0:
            self.surfaces.append(surface)

    def _potential(self) -> float:
        """The pool's; between refreshes it has none, and the last one stands."""
        try:
            return from_wad(self.world.market.amm.valuation().risk)
        except Revert:
            return self.potential

    # -- what the outside market says --

    def target(self, i: int) -> Surface:
        now = int(self.outside.ts[i])
        listed = (book.day for book in self.world.market.amm.expiries())
        days = {day for day in listed if now < expiry_timestamp(day)}
        days |= set(settle.weekly_days(now, self.scenario.keeper.settle))
        return reference_surface(
            underlying=self.world.underlying,
            spot=float(self.outside.spot[i]),
            variance=float(self.outside.variance[i]),
            timestamp=now,
            days=sorted(days),
            policy=self.scenario.reference,
        )

    def surface(self) -> Surface:
        """On chain, for the expiries that are listed."""
        days = [book.day for book in self.world.market.amm.expiries()]
        return read_surface(self.world, days, self.shown)
