"""Moves of spot as a history shows them, and of implied volatility as they came with such moves.

Spot: a block bootstrap. Each path is one unbroken stretch of the history, as long as the horizon,
so that clusters and jumps stay as they were; starts are drawn evenly, with replacement. A stretch
that starts or ends on a bar that was filled is not drawn.

Volatility: with r the log return over the horizon and t the life in days, the log of at-the-money
volatility at constant life changes by

    (30 / t') ** 0.5 * (level * r + curvature * r ** 2) + (30 / t') ** 0.55 * noise * e,

t' = max(t, 1), held within a factor of `cap` either way; e is Student's t with 4 degrees of freedom
and variance 1, correlated between lives by exp(-0.055 ln(t1 / t2) ** 2). The smile keeps its shape
in log-moneyness.

The numbers are a least-squares fit to 355 pairs of Deribit ETH chains 9 to 16 hours apart, 30 Dec
2025 to 31 Mar 2026, log returns from -12.7 % to +10.5 %. At 30 days it has level -0.57, curvature
6.2 and residual 0.020; at 7 days -1.08, 12.9 and 0.045; at 90 days -0.29, 2.9 and 0.010; the powers
of life are rounded between them. Beyond those returns it extrapolates: a fall by 38 % more than
triples vol at 30 days, but for the cap. Tilts of the smile apart from spot and moves of the basis
are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from protocol.errors import InputError
from protocol.pricing.black76 import Floats

_TERM_DAYS, _SHORTEST_DAYS = 30.0, 1.0
_SIGNAL_POWER, _NOISE_POWER = 0.5, 0.55
_FREEDOM = 4
_FIT_HOURS = 12.0


@dataclass(frozen=True, slots=True)
class VolModel:
    """How at-the-money volatility moves with spot; see the module."""

    level: float = -0.57
    curvature: float = 6.2
    noise: float = 0.02
    closeness: float = 0.055
    cap: float = 3.0

    def describe(self) -> str:
        """One line for a report."""
        return (
            f"log change of ATM vol at 30 days = {self.level:g} r {self.curvature:+g} r^2, noise "
            f"{self.noise:g} (t, {_FREEDOM} degrees), times (30/days)^{_SIGNAL_POWER:g}, noise ^"
            f"{_NOISE_POWER:g}; at most x{self.cap:g}; smile fixed in log-moneyness"
        )


@dataclass(frozen=True, slots=True)
class History:
    """Closes at equal steps, arrays of shape (n,).

    Attributes
    ----------
    closes : ndarray
        USD, > 0.
    is_filled : ndarray of bool
        Where a close stands in for one that is missing.
    interval : int
        Seconds between them.
    """

    closes: Floats
    is_filled: NDArray[np.bool_]
    interval: int

    def __post_init__(self) -> None:
        if self.closes.ndim != 1 or self.closes.shape != self.is_filled.shape:
            shapes = (self.closes.shape, self.is_filled.shape)
            raise InputError("history shapes", shapes, bound="one row each, of one length")
        if not (self.closes > 0.0).all():
            raise InputError("close", float(self.closes.min()), bound="> 0")

    def stretches(self, hours: float) -> Floats:
        """Log returns of every stretch of so many hours between two bars that were there.

        Raises
        ------
        InputError
            Where the interval does not divide the horizon, or the history is shorter.
        """
        steps, rest = divmod(round(hours * 3_600), self.interval)
        if rest or not steps:
            raise InputError(
                "interval of prices",
                f"{self.interval} s",
                bound=f"a divisor of {hours:g} h",
                step="pass hourly prices, or another interval that divides it",
            )
        there = ~(self.is_filled[steps:] | self.is_filled[:-steps])
        if not there.any():
            raise InputError("prices", len(self.closes), bound=f"more than {steps} bars")
        logs = np.log(self.closes)
        returns: Floats = (logs[steps:] - logs[:-steps])[there]
        return returns


@dataclass(frozen=True, slots=True)
class Moves:
    """Drawn moves over a horizon.

    Attributes
    ----------
    hours : float
    spot : ndarray
        Simple returns, shape (paths,).
    days : ndarray
        Lives the vols are of, ascending, shape (lives,).
    vol : ndarray
        Log changes of at-the-money volatility, shape (paths, lives).
    """

    hours: float
    spot: Floats
    days: Floats
    vol: Floats

    def vol_at(self, days: float) -> Floats:
        """Log changes at one of the lives, shape (paths,)."""
        at = int(np.searchsorted(self.days, days))
        if at == len(self.days) or self.days[at] != days:
            raise InputError("life in days", days, bound=f"one of {self.days.tolist()}")
        changes: Floats = self.vol[:, at]
        return changes


def draw_moves(
    rng: np.random.Generator,
    *,
    history: History,
    hours: float,
    days: Floats,
    paths: int,
    model: VolModel,
) -> Moves:
    """Joint moves of spot and volatility.

    Parameters
    ----------
    rng : numpy.random.Generator
    history : History
    hours : float
        The horizon.
    days : ndarray
        Lives of options, distinct, > 0.
    paths : int
        How many.
    model : VolModel

    Raises
    ------
    InputError
        Where the history has no stretch of the horizon's length.
    """
    if paths < 1:
        raise InputError("paths", paths, bound=">= 1")
    lives = np.unique(np.asarray(days, dtype=np.float64))
    returns = rng.choice(history.stretches(hours), size=paths)
    term = _TERM_DAYS / np.maximum(lives, _SHORTEST_DAYS)
    signal = model.level * returns + model.curvature * returns**2
    spread = model.noise * np.sqrt(hours / _FIT_HOURS) * term**_NOISE_POWER
    changes = signal[:, None] * term**_SIGNAL_POWER + spread * _noise(rng, lives, paths, model)
    limit = log(model.cap)
    return Moves(hours, np.expm1(returns), lives, np.clip(changes, -limit, limit))


def worst_loss(profits: Floats, *, level: float = 0.999) -> float:
    """The loss that so large a share of the outcomes does not exceed; 0 where even that gains."""
    return max(0.0, -float(np.quantile(profits, 1.0 - level)))


def _noise(rng: np.random.Generator, lives: Floats, paths: int, model: VolModel) -> Floats:
    """Of variance 1 at each life, all lives of a path stretched alike, shape (paths, lives)."""
    gaps = np.log(lives[:, None] / lives[None, :])
    values, vectors = np.linalg.eigh(np.exp(-model.closeness * gaps**2))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = rng.standard_normal((paths, len(lives))) @ root.T
    stretch = np.sqrt((_FREEDOM - 2) / rng.chisquare(_FREEDOM, (paths, 1)))
    noise: Floats = normal * stretch
    return noise
