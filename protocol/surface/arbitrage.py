"""Static arbitrage of a surface: the checks of the contract, and the butterfly it does not make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from protocol.pricing.black76 import Floats
from protocol.surface.svi import butterfly, total_variance
from protocol.types import ExpirySurface, Surface, SviParams

# Where the contract looks, and what else a strike of an expiry can be.
CONTRACT_GRID: Floats = np.array([-1.0, -0.6, -0.3, -0.12, 0.0, 0.12, 0.3, 0.6, 1.0])
CHECK_GRID: Floats = np.union1d(CONTRACT_GRID, np.round(np.linspace(-1.0, 1.0, 81), 6))
MAX_WING_SLOPE = 2.0  # Lee's moment bound
# What fits the contract's fields.
MIN_SIGMA, MAX_SIGMA = 1e-4, 4.0
MAX_A, MAX_M = 9.0, 2.0


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: `value` is on the wrong side of `bound`, at `k` for rules on the grid."""

    day: int
    rule: str
    value: float
    bound: float
    k: float | None = None

    def __str__(self) -> str:
        where = "" if self.k is None else f" at k = {self.k:.3f}"
        return f"day {self.day}: {self.rule} is {self.value:.6g}{where}, bound {self.bound:.6g}"


def parameter_violations(*, day: int, svi: SviParams) -> tuple[Violation, ...]:
    """Broken bounds of one slice: the contract's checks that need no grid."""
    floor = svi.a + svi.b * svi.sigma * sqrt(max(0.0, 1.0 - svi.rho**2))
    wing = svi.b * (1.0 + abs(svi.rho))
    rules = (
        ("b", svi.b, 0.0, svi.b >= 0.0),
        ("|rho|", abs(svi.rho), 1.0, abs(svi.rho) < 1.0),
        ("sigma", svi.sigma, MIN_SIGMA, svi.sigma >= MIN_SIGMA),
        ("sigma", svi.sigma, MAX_SIGMA, svi.sigma <= MAX_SIGMA),
        ("|a|", abs(svi.a), MAX_A, abs(svi.a) <= MAX_A),
        ("|m|", abs(svi.m), MAX_M, abs(svi.m) <= MAX_M),
        ("smallest total variance", floor, 0.0, floor >= 0.0),
        ("wing slope", wing, MAX_WING_SLOPE, wing <= MAX_WING_SLOPE),
    )
    return tuple(
        Violation(day, rule, value, bound) for rule, value, bound, good in rules if not good
    )


def calendar_violation(
    *, near: SviParams, far: SviParams, day: int, grid: Floats = CHECK_GRID
) -> Violation | None:
    """The worst k of the grid where total variance falls from the near expiry to `day`."""
    floor = total_variance(k=grid, svi=near)
    rise = total_variance(k=grid, svi=far) - floor
    worst = int(rise.argmin())
    if rise[worst] >= 0.0:
        return None
    value, bound = float(floor[worst] + rise[worst]), float(floor[worst])
    return Violation(day, "total variance after a nearer expiry", value, bound, float(grid[worst]))


def butterfly_violation(*, day: int, svi: SviParams, grid: Floats = CHECK_GRID) -> Violation | None:
    """The worst k of the grid where Gatheral's g is negative."""
    g = butterfly(k=grid, svi=svi)
    worst = int(g.argmin())
    if g[worst] >= 0.0:
        return None
    return Violation(day, "butterfly g", float(g[worst]), 0.0, float(grid[worst]))


def static_violations(surface: Surface, *, grid: Floats = CHECK_GRID) -> tuple[Violation, ...]:
    """Everything the contract would refuse, and butterflies; empty for a clean surface.

    Parameters
    ----------
    surface : Surface
    grid : ndarray, optional
        Log-moneyness points of the grid checks, shape (n,).
    """
    found: list[Violation] = []
    previous: SviParams | None = None
    for expiry in surface.expiries:
        broken = parameter_violations(day=expiry.day, svi=expiry.svi)
        found += broken
        if not broken and (wing := butterfly_violation(day=expiry.day, svi=expiry.svi, grid=grid)):
            found.append(wing)
        if previous and (
            fall := calendar_violation(near=previous, far=expiry.svi, day=expiry.day, grid=grid)
        ):
            found.append(fall)
        previous = expiry.svi
    return tuple(found)


def without_calendar(
    expiries: tuple[ExpirySurface, ...], *, grid: Floats = CHECK_GRID
) -> tuple[ExpirySurface, ...]:
    """The smiles, each lifted as a whole by what it lacks to its nearer neighbour on the grid."""
    lifted: list[ExpirySurface] = []
    for expiry in expiries:
        if lifted:
            floor = total_variance(k=grid, svi=lifted[-1].svi)
            lack = float(np.max(floor - total_variance(k=grid, svi=expiry.svi)))
            if lack > 0.0:
                raised = expiry.svi.a + lack * (1.0 + 1e-9) + 1e-15
                expiry = replace(expiry, svi=replace(expiry.svi, a=raised))
        lifted.append(expiry)
    return tuple(lifted)
