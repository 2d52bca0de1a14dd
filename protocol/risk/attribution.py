"""Where a pool's profit came from, step by step.

Each step is expanded around its start: Greeks of the book as it was held, times the moves of the
forward, of each strike's implied volatility (read off the surface at both ends) and of time. What
the expansion leaves over is the residual; nothing is plugged and nothing is revalued on the way.

References
----------
.. [1] Haug, E. G. (2007). The Complete Guide to Option Pricing Formulas, 2nd ed., ch. 2: the names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.pricing.greeks import greeks


@dataclass(frozen=True, slots=True)
class BookStep:
    """The option book held through one step, arrays of shape (n,), one entry a series.

    Attributes
    ----------
    size : ndarray
        Contracts, positive when the pool is long.
    strike : ndarray
        USD.
    is_call : ndarray of bool
    forward_start, forward_end : ndarray
        Of each series' expiry, USD.
    years_start, years_end : ndarray
        Life left; more than 0 at the start, 0 at the end for a series that expires.
    vol_start, vol_end : ndarray
        Implied volatility at the strike. At expiry there is none left: give the start's.
    rate : ndarray
        Continuous discount rate a year.
    """

    size: Floats
    strike: Floats
    is_call: NDArray[np.bool_]
    forward_start: Floats
    forward_end: Floats
    years_start: Floats
    years_end: Floats
    vol_start: Floats
    vol_end: Floats
    rate: Floats

    def __post_init__(self) -> None:
        shapes = {getattr(self, field.name).shape for field in fields(self)}
        if len(shapes) != 1:
            raise InputError("book step shapes", sorted(shapes), bound="one shape")


@dataclass(frozen=True, slots=True)
class StepCash:
    """What a step brought besides the book's own move, USD, positive for the pool.

    Attributes
    ----------
    hedge : float
        Perp position held through the step times the move of spot.
    spread : float
        Of trades in the step: premium over mark (impact and spread together).
    fees : float
        The pool's share.
    funding : float
    hedging_cost : float
        Of hedges in the step: price over spot, and perp fees; negative.
    """

    hedge: float = 0.0
    spread: float = 0.0
    fees: float = 0.0
    funding: float = 0.0
    hedging_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class StepAttribution:
    """Components of one step's profit in USD; they and the residual add up to `actual`.

    `delta` is after hedges. `actual` is the pool's measured change of NAV without LP flows.
    """

    delta: float
    gamma: float
    speed: float
    theta: float
    theta_decay: float
    charm: float
    color: float
    vega: float
    vanna: float
    volga: float
    zomma: float
    veta: float
    ultima: float
    dvanna_dvol: float
    spread: float
    fees: float
    funding: float
    hedging_cost: float
    residual: float
    actual: float


COMPONENTS = tuple(
    field.name for field in fields(StepAttribution) if field.name not in ("residual", "actual")
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Many steps together.

    Attributes
    ----------
    net : dict
        Sum over the steps by component, `residual` among them, USD.
    gross : dict
        Sum over the steps of absolute values, USD.
    share : dict
        `gross` over the gross of all components (the residual not counted below the line).
    net_share : dict
        |net| over the sum of |net| of all components.
    actual : float
        Sum of the steps' profit, USD.
    """

    net: dict[str, float]
    gross: dict[str, float]
    share: dict[str, float]
    net_share: dict[str, float]
    actual: float


def attribute_step(*, book: BookStep, cash: StepCash, actual: float) -> StepAttribution:
    """Attribute one step.

    Parameters
    ----------
    book : BookStep
        Sizes as held through the step: trades are to fall on its ends.
    cash : StepCash
    actual : float
        Measured profit of the step, USD, all of the above included.

    Notes
    -----
    Third order in the moves, second in time, whose last hours are the largest term left:
    dV = delta dF + gamma dF^2/2 + speed dF^3/6
    + (theta + charm dF + color dF^2/2) dt + theta_decay dt^2/2
    + (vega + vanna dF + zomma dF^2/2 + veta dt) ds + (volga + dvanna_dvol dF) ds^2/2
    + ultima ds^3/6.
    """
    move = book.forward_end - book.forward_start
    vol = book.vol_end - book.vol_start
    time = book.years_start - book.years_end
    at = greeks(
        forward=book.forward_start,
        strike=book.strike,
        years=book.years_start,
        vol=book.vol_start,
        is_call=book.is_call,
        rate=book.rate,
    )

    def total(greek: Floats, change: Floats) -> float:
        return float(np.sum(book.size * greek * change))

    parts = {
        "delta": total(at.delta, move) + cash.hedge,
        "gamma": total(at.gamma, move**2 / 2.0),
        "speed": total(at.speed, move**3 / 6.0),
        "theta": total(at.theta, time),
        "theta_decay": total(at.theta_decay, time**2 / 2.0),
        "charm": total(at.charm, move * time),
        "color": total(at.color, move**2 / 2.0 * time),
        "vega": total(at.vega, vol),
        "vanna": total(at.vanna, move * vol),
        "volga": total(at.volga, vol**2 / 2.0),
        "zomma": total(at.zomma, move**2 / 2.0 * vol),
        "veta": total(at.veta, time * vol),
        "ultima": total(at.ultima, vol**3 / 6.0),
        "dvanna_dvol": total(at.dvanna_dvol, move * vol**2 / 2.0),
        "spread": cash.spread,
        "fees": cash.fees,
        "funding": cash.funding,
        "hedging_cost": cash.hedging_cost,
    }
    return StepAttribution(**parts, residual=actual - sum(parts.values()), actual=actual)


def aggregate(steps: Sequence[StepAttribution]) -> Attribution:
    """Sums and shares over steps; shares are 0 where nothing happened."""
    names = (*COMPONENTS, "residual")
    table = np.array([[getattr(step, name) for name in names] for step in steps])
    table = table.reshape(len(steps), len(names))
    net, gross = table.sum(axis=0), np.abs(table).sum(axis=0)
    base, net_base = gross[:-1].sum(), np.abs(net[:-1]).sum()
    return Attribution(
        net=dict(zip(names, net.tolist(), strict=True)),
        gross=dict(zip(names, gross.tolist(), strict=True)),
        share=dict(zip(names, (gross / (base or 1.0)).tolist(), strict=True)),
        net_share=dict(zip(names, (np.abs(net) / (net_base or 1.0)).tolist(), strict=True)),
        actual=float(sum(step.actual for step in steps)),
    )
