"""What one `vomma run` produced: its first run in full, and every seed's numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.sim.record import RunRecord, StepRecord

_HOUR = 3_600


@dataclass(frozen=True, slots=True)
class SeedOutcome:
    """One seed: what the hedged run earned, and how much of the variance hedging left.

    A ratio is None where the unhedged run did not vary. The ledger checks are the worst of both
    runs, in wei.
    """

    seed: int
    pool_pnl: float
    system_pnl: float
    variance_ratio: float | None
    delta_variance_ratio: float | None
    system_variance_ratio: float | None
    imbalance: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """The first run, its unhedged twin, each seed's outcome and the scenario's parameters.

    Without a twin (`unhedged` is None) there are no outcomes to compare, and `seeds` is empty.
    Where there are informed traders, `exposed` has the same market without its defences, once for
    each trader alone: together the first would leave the second nothing.
    """

    record: RunRecord
    unhedged: RunRecord | None = None
    seeds: tuple[SeedOutcome, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    exposed: tuple[RunRecord, ...] = ()


def compare(
    pairs: Sequence[tuple[RunRecord, RunRecord]], parameters: tuple[tuple[str, str], ...] = ()
) -> RunResult:
    """The result of (hedged, unhedged) runs, one pair a seed; the first pair is kept in full.

    Raises
    ------
    InputError
        Where there is no pair, or a pair is not one market hedged and unhedged.
    """
    if not pairs:
        raise InputError("pairs", 0, bound="at least one", step="pass --seeds 1 or more")
    hedged, unhedged = pairs[0]
    return RunResult(hedged, unhedged, tuple(_outcome(*pair) for pair in pairs), parameters)


def column(steps: Sequence[StepRecord], name: str) -> Floats:
    """One field of every step, shape (steps,)."""
    return np.array([getattr(step, name) for step in steps], dtype=np.float64)


def system_pnl(steps: Sequence[StepRecord]) -> Floats:
    """P&L of option pool, perp pool and insurance in each step, shape (steps,).

    Insurance is recorded as a level; it is 0 before the first step.
    """
    insurance = np.diff(column(steps, "insurance"), prepend=0.0)
    total: Floats = column(steps, "pool_pnl") + column(steps, "perp_pnl") + insurance
    return total


def hourly(steps: Sequence[StepRecord], values: Floats) -> Floats:
    """Step values summed over whole hours (a longer step is an hour of its own)."""
    hours = -(-np.array([step.timestamp for step in steps]) // _HOUR)
    _, index = np.unique(hours, return_inverse=True)
    total: Floats = np.bincount(index, weights=values).astype(np.float64)
    return total


def _outcome(hedged: RunRecord, unhedged: RunRecord) -> SeedOutcome:
    if not hedged.steps or (hedged.seed, len(hedged.steps)) != (unhedged.seed, len(unhedged.steps)):
        raise InputError(
            "pair",
            f"seed {hedged.seed} with {len(hedged.steps)} steps against seed {unhedged.seed} "
            f"with {len(unhedged.steps)}",
            bound="the same market, hedged and unhedged",
        )
    both = (*hedged.steps, *unhedged.steps)
    return SeedOutcome(
        seed=hedged.seed,
        pool_pnl=float(column(hedged.steps, "pool_pnl").sum()),
        system_pnl=float(system_pnl(hedged.steps).sum()),
        variance_ratio=_ratio(hedged, unhedged, lambda steps: column(steps, "pool_pnl")),
        delta_variance_ratio=_ratio(hedged, unhedged, lambda steps: column(steps, "delta_pnl")),
        system_variance_ratio=_ratio(hedged, unhedged, system_pnl),
        imbalance=max(step.imbalance for step in both),
        shortfall=max(step.shortfall for step in both),
    )


def _ratio(
    hedged: RunRecord, unhedged: RunRecord, pnl: Callable[[Sequence[StepRecord]], Floats]
) -> float | None:
    """Variance of hourly P&L, hedged over unhedged; hedging costs are in the P&L already."""
    base = float(np.var(hourly(unhedged.steps, pnl(unhedged.steps))))
    return float(np.var(hourly(hedged.steps, pnl(hedged.steps)))) / base if base > 0.0 else None
