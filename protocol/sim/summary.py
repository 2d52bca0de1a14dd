"""The numbers of a run: what `vomma run --json` prints and every screen is made of.

Amounts are in the quote token, shares and ratios are fractions, ledger checks are in wei.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.risk.attribution import COMPONENTS, aggregate
from protocol.sim.record import StepRecord
from protocol.sim.result import RunResult, SeedOutcome, column, system_pnl


@dataclass(frozen=True, slots=True)
class Ratios:
    """A ratio over several seeds."""

    median: float
    maximum: float
    seeds: int


Ratio = float | Ratios | None  # one seed's is a plain number; None where nothing was compared


@dataclass(frozen=True, slots=True)
class Run:
    """Which run it was; times in unix seconds."""

    scenario: str
    seed: int
    source: str
    underlying: str
    engine: str
    hedged: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The worst over all steps and runs; anything but 0 is a defect."""

    imbalance: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class Pool:
    """The option pool; its return is from the first step's NAV per share to the last's."""

    nav: float
    nav_per_share: float
    total_return: float
    hold_return: float  # of the underlying, over the same time
    max_drawdown: float  # of NAV per share, from its highest so far
    max_utilisation: float


@dataclass(frozen=True, slots=True)
class Component:
    """One cause of P&L: its amount, its part of all that moved, and of what was left in the end."""

    amount: float
    share: float  # sum |step amount| over that sum for all components
    net_share: float  # |amount| over the sum of |amount| of all components


@dataclass(frozen=True, slots=True)
class Pnl:
    """P&L of the option pool. `residual_share` is sum |residual| over sum |step components|."""

    net: float
    residual_share: float
    components: dict[str, Component]


@dataclass(frozen=True, slots=True)
class Flows:
    """What came in and went out, whole run."""

    premium: float
    impact: float
    spread: float
    fees: float
    hedging_cost: float
    funding: float


@dataclass(frozen=True, slots=True)
class Hedge:
    """How much of the unhedged variance of hourly P&L is left."""

    hedges: int
    variance_ratio: Ratio
    delta_variance_ratio: Ratio


@dataclass(frozen=True, slots=True)
class System:
    """Option pool, perp pool and insurance together; the treasury beside them."""

    pnl: float
    option_pool: float
    perp_pool: float
    insurance: float
    treasury: float
    variance_ratio: Ratio


@dataclass(frozen=True, slots=True)
class Work:
    """What the chain did."""

    transactions: int
    gas: int


@dataclass(frozen=True, slots=True)
class Informed:
    """An informed trader: each value with the market's defences and without, same path and seed."""

    pnl: dict[str, float]
    trades: dict[str, int]
    causes: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Liquidations:
    """Accounts on margin that failed; who paid for them, and what nobody has paid for."""

    flagged: int
    slices: int
    discount: float  # to bidders, on top of mark
    insurance: float
    pools: float
    haircut: float
    bad_debt: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it; `json()` is what the command line prints."""

    run: Run
    steps: int
    trades: int
    expiries: int
    ledger: Ledger
    pool: Pool
    pnl: Pnl
    flows: Flows
    hedge: Hedge
    system: System
    chain: Work
    refused: int
    refusals: dict[str, int]
    seeds: tuple[SeedOutcome, ...]
    wall_s: float
    informed: dict[str, Informed]
    liquidations: Liquidations

    def json(self) -> dict[str, Any]:
        """Nested dicts of plain numbers; an informed trader is a key of its own."""
        rows = asdict(self)
        traders: dict[str, Any] = rows.pop("informed")
        return {**rows, **traders}


def summarise(result: RunResult) -> Summary:
    """Every number of a result.

    Raises
    ------
    InputError
        Where the run has no steps.
    """
    record = result.record
    steps = record.steps
    if not steps:
        raise InputError("steps", 0, bound="at least one", step="lengthen the scenario")
    return Summary(
        run=_run(result),
        steps=len(steps),
        trades=len(record.trades),
        expiries=len(record.expiries),
        ledger=_ledger(result),
        pool=_pool(steps),
        pnl=_pnl(steps),
        flows=_flows(steps),
        hedge=Hedge(
            hedges=len(record.hedges),
            variance_ratio=_over_seeds(result.seeds, "variance_ratio"),
            delta_variance_ratio=_over_seeds(result.seeds, "delta_variance_ratio"),
        ),
        system=_system(result),
        chain=Work(record.transactions, record.gas_used),
        refused=sum(step.refused for step in steps),
        refusals=dict(sorted(record.refusals, key=lambda row: -row[1])),
        seeds=result.seeds if len(result.seeds) > 1 else (),
        wall_s=record.wall_s,
        informed=_informed(result),
        liquidations=_liquidations(result),
    )


def drawdown(nav_per_share: Floats) -> Floats:
    """Fraction lost from the highest value so far, shape as given."""
    peak = np.maximum.accumulate(nav_per_share)
    lost: Floats = 1.0 - nav_per_share / peak
    return lost


def components(steps: Sequence[StepRecord]) -> dict[str, Floats]:
    """P&L by cause, each of shape (steps,); the residual comes last."""
    parts = [step.attribution for step in steps]
    return {
        name: np.array([getattr(part, name) for part in parts], dtype=np.float64)
        for name in (*COMPONENTS, "residual")
    }


def _run(result: RunResult) -> Run:
    record = result.record
    return Run(
        scenario=record.scenario,
        seed=record.seed,
        source=record.source,
        underlying=record.underlying,
        engine=record.engine,
        hedged=record.hedged,
        start=record.steps[0].timestamp,
        end=record.steps[-1].timestamp,
    )


def _ledger(result: RunResult) -> Ledger:
    rows: list[StepRecord | SeedOutcome] = [*result.record.steps, *result.seeds]
    return Ledger(
        imbalance=max(row.imbalance for row in rows),
        shortfall=max(row.shortfall for row in rows),
    )


def _pool(steps: Sequence[StepRecord]) -> Pool:
    first, last = steps[0], steps[-1]
    return Pool(
        nav=last.nav,
        nav_per_share=last.nav_per_share,
        total_return=last.nav_per_share / first.nav_per_share - 1.0,
        hold_return=last.spot / first.spot - 1.0,
        max_drawdown=float(drawdown(column(steps, "nav_per_share")).max()),
        max_utilisation=float(column(steps, "utilisation").max()),
    )


def _pnl(steps: Sequence[StepRecord]) -> Pnl:
    total = aggregate([step.attribution for step in steps])
    rows = {
        name: Component(total.net[name], total.share[name], total.net_share[name])
        for name in total.net
    }
    net = float(column(steps, "pool_pnl").sum())
    return Pnl(net=net, residual_share=total.share["residual"], components=rows)


def _flows(steps: Sequence[StepRecord]) -> Flows:
    names = Flows.__dataclass_fields__
    return Flows(**{name: float(column(steps, name).sum()) for name in names})


def _system(result: RunResult) -> System:
    steps = result.record.steps
    return System(
        pnl=float(system_pnl(steps).sum()),
        option_pool=float(column(steps, "pool_pnl").sum()),
        perp_pool=float(column(steps, "perp_pnl").sum()),
        insurance=steps[-1].insurance,
        treasury=steps[-1].treasury,
        variance_ratio=_over_seeds(result.seeds, "system_variance_ratio"),
    )


def _liquidations(result: RunResult) -> Liquidations:
    record = result.record
    rows = record.liquidations
    sums = {
        name: sum(float(getattr(row, name)) for row in rows)
        for name in ("discount", "insurance", "pools", "haircut")
    }
    return Liquidations(
        flagged=sum(row.kind == "AuctionStarted" for row in rows),
        slices=sum(row.kind == "SliceSold" for row in rows),
        bad_debt=record.bad_debt,
        **sums,
    )


def _informed(result: RunResult) -> dict[str, Informed]:
    alone = {agent.name: agent for run in result.exposed for agent in run.agents}
    pairs = {
        agent.name: {"with": agent, "without": alone[agent.name]}
        for agent in result.record.agents
        if agent.name in alone
    }
    return {
        name: Informed(
            pnl={key: agent.pnl for key, agent in pair.items()},
            trades={key: agent.trades for key, agent in pair.items()},
            causes={key: dict(agent.causes) for key, agent in pair.items()},
        )
        for name, pair in pairs.items()
    }


def _over_seeds(seeds: Sequence[SeedOutcome], name: str) -> Ratio:
    values = [value for seed in seeds if (value := getattr(seed, name)) is not None]
    if len(seeds) <= 1 or not values:
        return values[0] if values else None
    return Ratios(median=statistics.median(values), maximum=max(values), seeds=len(values))
