"""The replay: a scenario's market, step by step, on a chain, with the keeper's own strategies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from joblib import Parallel, delayed

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.clients.deploy import CONTRACTS
from protocol.config import HestonPrices, Scenario
from protocol.pricing.black76 import Floats
from protocol.sim.accounting import attribute, delta_pnl, pool_pnl
from protocol.sim.actions import Actions, StepTape
from protocol.sim.engines import open_chain
from protocol.sim.flow import DepositRequest, ExitRequest, PerpRequest, TradeRequest, requests
from protocol.sim.ledger_check import check_ledger
from protocol.sim.paths import Path, heston_path
from protocol.sim.prices import PriceSeries, Times
from protocol.sim.record import RunRecord, StepRecord
from protocol.sim.view import PoolBook, read_book, read_positions, read_surface, snapshot, step_view
from protocol.sim.world import KEEPER, SETUP_SECONDS, World, build_world
from protocol.strategy import anchor, hedge, refresh, settle
from protocol.strategy.anchor import PRINT_WINDOW
from protocol.surface.reference_model import realised_variance, reference_surface
from protocol.types import Surface
from protocol.units import DAY, EXPIRY_HOUR, expiry_timestamp, from_wad

PRINT_RECORDS = 3  # observations in the window before an expiry
SURFACE_MOMENTS = 6  # surfaces kept for the report, evenly over the run
PATH_STREAM, FLOW_STREAM = 0, 1  # independent streams of one seed

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside market, arrays of shape (n,): unix seconds, USD, variance a year."""

    ts: Times
    spot: Floats
    variance: Floats
    source: str


def replay(
    *,
    scenario: Scenario,
    prices: PriceSeries | None,
    seed: int,
    hedged: bool = True,
    engine: str = "embedded",
    source: str = "",
    progress: Progress | None = None,
) -> RunRecord:
    """One run; the same arguments give the same record but for its wall time.

    Parameters
    ----------
    scenario : Scenario
    prices : PriceSeries or None
        A history; None draws the scenario's model path.
    seed : int
        Of the order flow, and of the model path.
    hedged : bool, optional
        Whether the keeper hedges.
    engine : {"embedded", "rpc"}, optional
    source : str, optional
        What the history is called in the record.
    progress : callable, optional
        Told (steps done, steps).
    """
    started = time.perf_counter()
    outside = outside_market(scenario, prices, seed, source)
    artifacts = Artifacts()
    artifacts.load(CONTRACTS)  # what is not compiled yet, in parallel
    with open_chain(engine, timestamp=int(outside.ts[0]) - SETUP_SECONDS) as chain:
        run = _Run(chain, artifacts, scenario, outside, seed, hedged)
        for i in range(1, len(outside.ts)):
            run.step(i)
            if progress is not None:
                progress(i, len(outside.ts) - 1)
        return run.record(engine, time.perf_counter() - started)


def replay_pairs(
    *,
    scenario: Scenario,
    prices: PriceSeries | None,
    seeds: Sequence[int],
    jobs: int = -1,
    source: str = "",
    progress: Progress | None = None,
) -> list[tuple[RunRecord, RunRecord]]:
    """(hedged, unhedged) runs of each seed, in parallel processes."""
    Artifacts().load(CONTRACTS)  # once, before the workers would each compile
    one = partial(replay, scenario=scenario, prices=prices, source=source)
    jobs_done = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(one)(seed=seed, hedged=hedged) for seed in seeds for hedged in (True, False)
    )
    runs: list[RunRecord] = []
    for run in jobs_done:
        runs.append(run)
        if progress is not None:
            progress(len(runs), 2 * len(seeds))
    return list(zip(runs[::2], runs[1::2], strict=True))


def outside_market(
    scenario: Scenario, prices: PriceSeries | None, seed: int, source: str
) -> Outside:
    """A history as it became known, or the model's path."""
    if prices is not None:
        variance = realised_variance(
            closes=prices.close, interval=prices.interval, policy=scenario.reference
        )
        return Outside(prices.known_at, prices.close, variance, source or "history")
    model = scenario.prices
    if not isinstance(model, HestonPrices):
        raise TypeError("a scenario on a file needs its prices read first")
    path: Path = heston_path(
        np.random.default_rng([seed, PATH_STREAM]),
        model=model,
        start=int(np.datetime64(scenario.start, "s").astype(int)),
        step=scenario.step_seconds,
        steps=scenario.steps,
    )
    return Outside(path.ts, path.spot, path.variance, "Heston path with jumps")


class _Run:
    """A run in progress."""

    def __init__(
        self,
        chain: TestChain,
        artifacts: Artifacts,
        scenario: Scenario,
        outside: Outside,
        seed: int,
        hedged: bool,
    ) -> None:
        self.scenario, self.outside, self.seed, self.hedged = scenario, outside, seed, hedged
        self.rng = np.random.default_rng([seed, FLOW_STREAM])
        self.world: World = build_world(chain, artifacts, scenario, price=float(outside.spot[0]))
        self.actions = Actions(self.world)
        self.steps: list[StepRecord] = []
        self.tapes: list[StepTape] = []
        self.surfaces: list[Surface] = []
        self._upkeep(0)
        spot = float(outside.spot[0])
        surface = self._surface(spot)
        self.book = read_book(self.world, surface, spot)
        self.perp_nav = from_wad(self.world.market.perp.valuation().nav)

    def step(self, i: int) -> None:
        """From outside price i - 1 to i: time, prices, keeper, traders, hedge, accounts."""
        self.actions.tape = tape = StepTape()
        spot = float(self.outside.spot[i])
        self._move_to(i)
        self._upkeep(i)
        self._trade(spot)
        self._hedge(spot)
        surface = self._surface(spot)
        after = read_book(self.world, surface, spot)
        self._account(i, after, surface, tape)
        self.book = after
        self.tapes.append(tape)

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

    def _move_to(self, i: int) -> None:
        """Time and the outside price, observed on the way too where an expiry's print wants it."""
        end = int(self.outside.ts[i])
        start, first = int(self.outside.ts[i - 1]), float(self.outside.spot[i - 1])
        if end % DAY == EXPIRY_HOUR * 3600:
            for n in range(PRINT_RECORDS):
                at = end - PRINT_WINDOW + n * PRINT_WINDOW // PRINT_RECORDS
                if at > start:
                    share = (at - start) / (end - start)
                    move = float(self.outside.spot[i]) - first
                    self._observe(at, first + share * move)
        self._observe(end, float(self.outside.spot[i]))

    def _observe(self, at: int, price: float) -> None:
        self.world.chain.set_time(at)
        self.world.set_price(price)
        self.world.system.oracle.record(self.world.underlying, sender=KEEPER)

    def _upkeep(self, i: int) -> None:
        """The keeper before anyone trades: anchor, settle and list, refresh, vaults."""
        keeper, spot = self.scenario.keeper, float(self.outside.spot[i])
        target = self._target(i)
        positions = read_positions(self.world)
        see = partial(snapshot, self.world, spot=spot, target=target, positions=positions)
        self.actions.keep(anchor.plan(see(), keeper.anchor))
        self.actions.keep(settle.plan(see(), keeper.settle), positions)
        self.actions.keep(refresh.plan(see(), keeper.refresh))

    def _trade(self, spot: float) -> None:
        surface = self._surface(spot)
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

    def _hedge(self, spot: float) -> None:
        if self.hedged:
            now = snapshot(self.world, spot=spot, target=None, positions=())
            self.actions.keep(hedge.plan(now, self.scenario.keeper.hedge))

    def _account(self, i: int, after: PoolBook, surface: Surface, tape: StepTape) -> None:
        before, market = self.book, self.world.market
        explained = attribute(before, after, surface=surface, prints=dict(tape.settled), tape=tape)
        perp_nav = from_wad(market.perp.valuation().nav)
        valuation = market.amm.valuation()
        shares = from_wad(market.options_vault.total_supply())
        insurance, treasury = (from_wad(x) for x in self.world.system.ledger.reserves())
        check = check_ledger(self.world, after.view)
        reserve = from_wad(after.view.risk.reserve)
        self.steps.append(
            StepRecord(
                timestamp=after.timestamp,
                spot=after.spot,
                nav=after.nav,
                shares=shares,
                nav_per_share=after.nav / shares,
                risk_potential=from_wad(valuation.risk),
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
        self.perp_nav = perp_nav
        if i % max(1, (len(self.outside.ts) - 1) // SURFACE_MOMENTS) == 0:
            self.surfaces.append(surface)

    # -- what the outside market says --

    def _target(self, i: int) -> Surface:
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

    def _surface(self, spot: float) -> Surface:
        """On chain, for the expiries that are listed."""
        days = [book.day for book in self.world.market.amm.expiries()]
        return read_surface(self.world, days, spot)
