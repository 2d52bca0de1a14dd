"""A portfolio in every scenario it is margined by, as a table of P&L."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.pricing.black76 import Floats
from protocol.risk.margin import Margin, UnderlyingRisk
from protocol.risk.scenarios import Scenarios

VOL_NAMES = ("up", "same", "down")
_VOL_CODES = (1, 0, -1)


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario off the grid: its name, what of its P&L counts, that P&L in USD."""

    name: str
    share: float
    profit: float


@dataclass(frozen=True, slots=True)
class Stress:
    """P&L of one underlying's positions in USD, before contingencies.

    Attributes
    ----------
    moves : tuple of float
        Of spot, ascending.
    grid : tuple of tuples
        By vol up, same, down; then by move.
    tails, tilts : tuple of Cell
        Far moves, vol up, of which a share counts; the two tilts of the smile.
    worst : str
    worst_profit : float
    contingencies : dict of str to float
    """

    underlying: int
    spot: float
    moves: tuple[float, ...]
    grid: tuple[tuple[float, ...], ...]
    tails: tuple[Cell, ...]
    tilts: tuple[Cell, ...]
    worst: str
    worst_profit: float
    contingencies: dict[str, float]


def stress(asked: Margin) -> tuple[Stress, ...]:
    """The scan of each underlying as a table."""
    return tuple(_stress(risk, asked.scenarios) for risk in asked.risks)


def _stress(risk: UnderlyingRisk, listed: Scenarios) -> Stress:
    profits = risk.values - risk.value
    core = (listed.share >= 1.0) & (listed.tilt == 0)
    moves = tuple(sorted(set(listed.move[core].tolist())))
    grid = tuple(
        tuple(
            float(profits[core & (listed.vol == vol) & (listed.move == move)][0]) for move in moves
        )
        for vol in _VOL_CODES
    )
    extra = risk.contingencies
    return Stress(
        underlying=risk.underlying,
        spot=risk.spot,
        moves=moves,
        grid=grid,
        tails=_cells(profits, listed, (listed.share < 1.0).nonzero()[0].tolist()),
        tilts=_cells(profits, listed, (listed.tilt != 0).nonzero()[0].tolist()),
        worst=listed.name(risk.worst),
        worst_profit=float(profits[risk.worst]),
        contingencies={"short": extra.short, "perp": extra.perp, "basis": extra.basis},
    )


def _cells(profits: Floats, listed: Scenarios, at: list[int]) -> tuple[Cell, ...]:
    return tuple(Cell(listed.name(i), float(listed.share[i]), float(profits[i])) for i in at)
