"""The scenarios a portfolio is margined by, as arrays: what `MarginParameters` spells out.

A core grid of spot moves by vol up, same and down; far moves of which a share of the P&L counts;
and two that tilt the smile. The order is the contract's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol.parameters import MarginParameters
from protocol.pricing.black76 import Floats

MIN_VOL_FACTOR = 0.25
_TERM_DAYS, _TERM_POWER = 30.0, 0.25
_VOLS = {1: "vol up", 0: "vol same", -1: "vol down"}
_TILTS = {1: "calls' vol up", -1: "puts' vol up"}


@dataclass(frozen=True, slots=True)
class Scenarios:
    """Arrays of shape (scenarios,).

    Attributes
    ----------
    move : ndarray
        Fraction by which spot moves.
    vol : ndarray of int
        1 up, 0 same, -1 down.
    tilt : ndarray of int
        1 where vol rises with the strike, -1 where it falls, 0 where it does neither.
    share : ndarray
        Fraction of the P&L that counts.
    """

    move: Floats
    vol: NDArray[np.int64]
    tilt: NDArray[np.int64]
    share: Floats

    def __len__(self) -> int:
        return len(self.move)

    def name(self, at: int) -> str:
        """The scenario at an index, as a report prints it."""
        how = _TILTS[int(self.tilt[at])] if self.tilt[at] else _VOLS[int(self.vol[at])]
        counted = f", {self.share[at]:.1%} counts" if self.share[at] < 1.0 else ""
        return f"spot {self.move[at]:+.1%}, {how}{counted}"


def scenarios(parameters: MarginParameters) -> Scenarios:
    """The list: core grid (spot outer, vol inner), tails, the two tilts."""
    p = parameters
    core = np.arange(-p.steps, p.steps + 1) * (p.range / p.steps)
    tails = np.array(p.tails, dtype=np.float64).reshape(-1, 2)
    count = len(tails)
    return Scenarios(
        move=np.concatenate([np.repeat(core, 3), tails[:, 0] - 1.0, [0.0, 0.0]]),
        vol=np.concatenate([np.tile([1, 0, -1], len(core)), np.ones(count, dtype=int), [0, 0]]),
        tilt=np.concatenate([np.zeros(3 * len(core) + count, dtype=int), [-1, 1]]),
        share=np.concatenate([np.ones(3 * len(core)), tails[:, 1], [1.0, 1.0]]),
    )


def term_factor(*, days: Floats, parameters: MarginParameters) -> Floats:
    """How much further vol moves at a life of `days` than at 30: (30 / days) ** (1/4), floored."""
    life = np.maximum(days, parameters.vol_floor_days)
    factor: Floats = (_TERM_DAYS / life) ** _TERM_POWER
    return factor


def vol_factors(
    *, listed: Scenarios, days: Floats, k: Floats, parameters: MarginParameters
) -> Floats:
    """What each leg's volatility is multiplied by in each scenario.

    Parameters
    ----------
    listed : Scenarios
    days : ndarray
        Life left of each leg, shape (legs,).
    k : ndarray
        ln(K/F) of each leg.
    parameters : MarginParameters

    Returns
    -------
    ndarray
        Shape (scenarios, legs).
    """
    term = term_factor(days=days, parameters=parameters)[None, :]
    up = 1.0 + parameters.vol_up * term
    down = np.maximum(1.0 - parameters.vol_down * term, MIN_VOL_FACTOR)
    vol, tilt = listed.vol[:, None], listed.tilt[:, None]
    lean = parameters.skew * term * np.clip(2.0 * k, -1.0, 1.0)[None, :]
    tilted = np.maximum(1.0 + tilt * lean, MIN_VOL_FACTOR)
    factors: Floats = np.where(tilt != 0, tilted, np.where(vol > 0, up, np.where(vol < 0, down, 1)))
    return factors


def worst_vol_factor(*, days: Floats, parameters: MarginParameters) -> Floats:
    """The largest factor any scenario has for a life."""
    term = term_factor(days=days, parameters=parameters)
    largest: Floats = 1.0 + max(parameters.vol_up, parameters.skew) * term
    return largest
