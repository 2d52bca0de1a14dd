"""A surface when only a spot history, or a model's variance, is known.

At-the-money variance is a fast/slow mixture of exponentially weighted squared returns that reverts
to a long-run level with maturity and carries a variance premium. Skew and curvature follow a
surface SVI with a power law, so each surface is free of static arbitrage by construction.

References
----------
.. [1] Gatheral, J. and Jacquier, A. (2014). Arbitrage-free SVI volatility surfaces, Quantitative
   Finance 14: eq. 4.1 (SSVI), theorem 4.2 (butterflies), remark 4.4 (power law).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt

import numpy as np

from protocol.config import ReferencePolicy
from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.types import ExpirySurface, Surface, SviParams
from protocol.units import DAY, YEAR, expiry_timestamp, years


def realised_variance(*, closes: Floats, interval: int, policy: ReferencePolicy) -> Floats:
    """Instantaneous variance a year as a spot history shows it, known at each close.

    Parameters
    ----------
    closes : ndarray
        Spot at equal steps, USD, shape (n,), > 0.
    interval : int
        Seconds between closes.
    policy : ReferencePolicy

    Returns
    -------
    ndarray
        Shape (n,): entry i uses closes up to i only; the first is the long-run level.
    """
    if closes.ndim != 1 or not (closes > 0.0).all():
        raise InputError("closes", closes.shape, bound="one row of prices above 0")
    squares = np.diff(np.log(closes)) ** 2 * (YEAR / interval)
    fast, slow = (
        _ewma(squares, start=policy.long_run_vol**2, decay=0.5 ** (interval / (days * DAY)))
        for days in (policy.fast_half_life_days, policy.slow_half_life_days)
    )
    return policy.fast_weight * fast + (1.0 - policy.fast_weight) * slow


def _ewma(values: Floats, *, start: float, decay: float) -> Floats:
    averages = np.empty(len(values) + 1)
    averages[0] = level = start
    for i, value in enumerate(values.tolist()):
        level = decay * level + (1.0 - decay) * value
        averages[i + 1] = level
    return averages


def reference_surface(
    *,
    underlying: int,
    spot: float,
    variance: float,
    timestamp: int,
    days: Sequence[int],
    policy: ReferencePolicy,
) -> Surface:
    """The surface of an instantaneous variance: a history's, or a Heston path's own.

    Parameters
    ----------
    underlying : int
    spot : float
        USD, > 0.
    variance : float
        Instantaneous variance a year, > 0.
    timestamp : int
        Unix seconds.
    days : sequence of int
        Expiry days, ascending, all after `timestamp`.
    policy : ReferencePolicy

    Raises
    ------
    InputError
        Where the variance is not positive or a day has expired.
    """
    if not variance > 0.0:
        raise InputError("variance", variance, bound="> 0")
    smiles = []
    for day in days:
        life = years(expiry_timestamp(day) - timestamp)
        if life <= 0.0:
            raise InputError("expiry day", day, bound=f"after the timestamp {timestamp}")
        theta = at_the_money_variance(variance=variance, life=life, policy=policy)
        svi = ssvi_slice(theta=theta, rho=policy.rho, eta=policy.eta, gamma=policy.gamma)
        basis = exp(policy.rate * life) - 1.0
        smiles.append(ExpirySurface(day, svi, basis, policy.rate, timestamp))
    return Surface(underlying, spot, timestamp, tuple(smiles))


def at_the_money_variance(*, variance: float, life: float, policy: ReferencePolicy) -> float:
    """Total variance at the money over a life in years.

    Notes
    -----
    Expected variance of a mean-reverting process, times the premium. Its derivative by life is the
    premium times the expected variance at that time, which is positive: no calendar arbitrage.
    """
    level, speed = policy.long_run_vol**2, policy.mean_reversion
    decay = (1.0 - exp(-speed * life)) / speed
    return policy.variance_premium * (level * life + (variance - level) * decay)


def ssvi_slice(*, theta: float, rho: float, eta: float, gamma: float) -> SviParams:
    """One expiry of power-law SSVI as raw SVI, phi = eta / (theta^gamma (1 + theta)^(1 - gamma)).

    Free of static arbitrage for gamma in (0, 1/2] and eta (1 + |rho|) <= 2 (remark 4.4 of [1]_);
    with gamma = 1/2 the at-the-money skew falls as one over the root of the life.
    """
    phi = eta / (theta**gamma * (1.0 + theta) ** (1.0 - gamma))
    side = 1.0 - rho**2
    return SviParams(
        a=0.5 * theta * side,
        b=0.5 * theta * phi,
        rho=rho,
        m=-rho / phi,
        sigma=sqrt(side) / phi,
    )
