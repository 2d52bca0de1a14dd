"""Delta hedging with the no-trade band of Whalley and Wilmott.

References
----------
.. [1] Whalley, A. E. and Wilmott, P. (1997). An asymptotic analysis of an optimal hedging model for
   option pricing with transaction costs. Mathematical Finance 7.
"""

from __future__ import annotations

from math import copysign

from protocol.config import HedgePolicy
from protocol.strategy.base import Hedge, Intent, Snapshot

# A book without gamma has no band, and a float of its delta may be a wei too much: the pool refuses
# to be hedged past zero.
_SHORT_OF_ALL = 1.0 - 1e-12


def half_width(
    *, spot: float, gamma: float, cost: float, risk_aversion: float, discount: float = 1.0
) -> float:
    """Half-width of the band in units of the underlying.

    Parameters
    ----------
    spot : float
        USD.
    gamma : float
        Of the book, units per USD.
    cost : float
        Proportional cost of a trade, one way.
    risk_aversion : float
        Absolute, per USD.
    discount : float, optional
        exp(-rate * years) of the book.

    Notes
    -----
    (3/2 exp(-rT) cost S gamma^2 / risk_aversion)^(1/3), equation 3.10 of [1]_.
    """
    return float((1.5 * discount * cost * spot * gamma**2 / risk_aversion) ** (1.0 / 3.0))


def band(snapshot: Snapshot, policy: HedgePolicy) -> float:
    """Half-width of the pool's band: risk aversion falls with NAV, the cap grows with it."""
    pool, spot = snapshot.pool, snapshot.spot
    width = half_width(
        spot=spot,
        gamma=pool.gamma_cash / spot**2,
        cost=policy.cost,
        risk_aversion=policy.risk_aversion / pool.nav,
    )
    return min(width, policy.band_cap * pool.nav / spot)


def plan(snapshot: Snapshot, policy: HedgePolicy) -> tuple[Intent, ...]:
    """At most one order, from outside the band back to its edge.

    To the edge and not to the centre: the cost is proportional, so a unit traded inside the band
    costs the same now as later and may never be needed (a fixed cost a trade would say otherwise).
    """
    pool, spot = snapshot.pool, snapshot.spot
    if pool.nav <= 0.0:
        return ()
    excess = abs(pool.delta) - band(snapshot, policy)
    size = min(excess, policy.max_order * pool.nav / spot)
    if size <= 0.0 or size * spot < policy.min_order_usd:
        return ()
    size = -copysign(min(size, abs(pool.delta) * _SHORT_OF_ALL), pool.delta)
    bound = spot * (1.0 + copysign(policy.price_bound, size))
    return (Hedge(snapshot.underlying, size, bound),)
