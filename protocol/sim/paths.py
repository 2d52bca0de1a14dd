"""Seeded price paths: Heston's stochastic variance with log-normal jumps.

References
----------
.. [1] Heston, S. (1993). A closed-form solution for options with stochastic volatility. RFS 6.
.. [2] Bates, D. (1996). Jumps and stochastic volatility. RFS 9.
.. [3] Lord, R., Koekkoek, R. and van Dijk, D. (2010). A comparison of biased simulation schemes for
   stochastic volatility models. Quantitative Finance 10: full truncation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocol.config import HestonPrices
from protocol.pricing.black76 import Floats
from protocol.sim.prices import Times
from protocol.units import YEAR

VARIANCE_FLOOR = 1e-4  # a vol of 1 %: a surface needs some


@dataclass(frozen=True, slots=True)
class Path:
    """A simulated history, arrays of shape (n + 1,): unix seconds, USD, variance a year."""

    ts: Times
    spot: Floats
    variance: Floats


def heston_path(
    rng: np.random.Generator, *, model: HestonPrices, start: int, step: int, steps: int
) -> Path:
    """One path of the model, the same for the same generator state.

    Parameters
    ----------
    rng : numpy.random.Generator
    model : HestonPrices
    start : int
        Unix seconds of the first point.
    step : int
        Seconds between points.
    steps : int
        Number of steps.

    Returns
    -------
    Path
        Of `steps` + 1 points, starting at the model's spot and variance.

    Notes
    -----
    Euler steps with full truncation of the variance: at hourly steps the bias is below the noise.
    The jumps are compensated, so the expected return is the drift.
    """
    dt = step / YEAR
    w1, w2 = rng.standard_normal((2, steps))
    shocks = np.sqrt(dt) * (model.correlation * w1 + np.sqrt(1.0 - model.correlation**2) * w2)
    raw = _raw_variance(model, shocks, dt)
    variance = np.maximum(raw, 0.0)

    jump_mean = np.exp(model.jump_mean + 0.5 * model.jump_vol**2) - 1.0
    jumps = rng.poisson(model.jumps_per_year * dt, steps)
    leaps = model.jump_mean * jumps + model.jump_vol * np.sqrt(jumps) * rng.standard_normal(steps)
    growth = (model.drift - model.jumps_per_year * jump_mean - 0.5 * variance[:-1]) * dt
    returns = growth + np.sqrt(variance[:-1] * dt) * w1 + leaps
    return Path(
        ts=start + step * np.arange(steps + 1, dtype=np.int64),
        spot=model.spot * np.exp(np.append(0.0, np.cumsum(returns))),
        variance=np.maximum(variance, VARIANCE_FLOOR),
    )


def _raw_variance(model: HestonPrices, shocks: Floats, dt: float) -> Floats:
    level = model.vol**2
    path = np.empty(len(shocks) + 1)
    path[0] = level
    for i, shock in enumerate(shocks.tolist()):
        held = max(level, 0.0)
        pull = model.mean_reversion * (model.long_run_vol**2 - held) * dt
        level += pull + model.vol_of_vol * held**0.5 * shock
        path[i + 1] = level
    return path
