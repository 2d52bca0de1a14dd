"""Margin of a portfolio in floats: the twin of the contract's scan, written apart from it.

With V0 the value at mark, W the worst value over the scenarios less contingencies, both summed over
underlyings, and g(x) = factor * x for x > 0, x / factor otherwise:

    equity = cash + V0    maintenance = max(0, V0 - W)    initial = max(0, V0 + g(-W))

so that an account is sound while cash + W >= 0, and may add risk while cash >= g(-W). V0 - W is a
sublinear function of the portfolio: what is margined together never needs more than apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from protocol.errors import InputError
from protocol.parameters import MarginParameters
from protocol.pricing.black76 import Floats
from protocol.risk.legs import Legs, legs_of, linear_requirement
from protocol.risk.portfolio import MarketState, Portfolio
from protocol.risk.scenarios import Scenarios, scenarios


@dataclass(frozen=True, slots=True)
class Contingencies:
    """What is asked on top of the worst scenario, USD: for naked shorts, perps and delta."""

    short: float
    perp: float
    basis: float

    @property
    def total(self) -> float:
        return self.short + self.perp + self.basis


@dataclass(frozen=True, slots=True)
class UnderlyingRisk:
    """The scan of one underlying at one spot, USD.

    Attributes
    ----------
    spot : float
        Where it was judged.
    value : float
        V0: options at mark, unrealised P&L of perps, collateral after its haircut, payoffs.
    values : ndarray
        The same in each scenario, the share that counts applied, shape (scenarios,).
    worst : int
        Index of the lowest.
    contingencies : Contingencies
    marks : ndarray
        What makes up `value`: each option (as `Portfolio.options` orders them), the perp and the
        collateral, shape (options + 2,).
    contributions : ndarray
        The same of the change of value in the worst scenario.
    linear : float
        A floor under `stressed` that needs no scan.
    """

    underlying: int
    spot: float
    value: float
    values: Floats
    worst: int
    contingencies: Contingencies
    marks: Floats
    contributions: Floats
    linear: float

    @property
    def stressed(self) -> float:
        """W of this underlying."""
        return float(self.values[self.worst]) - self.contingencies.total


@dataclass(frozen=True, slots=True)
class Margin:
    """Equity and margin of a portfolio, USD.

    `initial_headroom` and `maintenance_headroom` are the cash beyond what each asks; the `linear_`
    ones are lower bounds of them that need no scan. `risks` has the scan of each underlying, at
    the worse edge where there are two.
    """

    equity: float
    initial: float
    maintenance: float
    initial_headroom: float
    maintenance_headroom: float
    linear_initial_headroom: float
    linear_maintenance_headroom: float
    scenarios: Scenarios
    risks: tuple[UnderlyingRisk, ...]

    @property
    def is_sound(self) -> bool:
        """Whether equity covers the maintenance margin."""
        return self.maintenance_headroom >= 0.0


def margin(
    *,
    portfolio: Portfolio,
    markets: Mapping[int, MarketState],
    now: int,
    parameters: MarginParameters,
) -> Margin:
    """Equity, initial and maintenance margin.

    Parameters
    ----------
    portfolio : Portfolio
    markets : mapping of int to MarketState
        By underlying.
    now : int
        Unix seconds.
    parameters : MarginParameters

    Raises
    ------
    InputError
        Where the portfolio holds an underlying that has no market.
    """
    listed, risks, value, stressed, linear = scenarios(parameters), [], 0.0, 0.0, 0.0
    for underlying in portfolio.underlyings:
        if underlying not in markets:
            raise InputError("underlying", underlying, bound=f"one of {tuple(markets)}")
        state = markets[underlying]
        seen = [
            _scan(portfolio, underlying, state, spot, now, listed, parameters)
            for spot in state.judged_at
        ]
        value += min(risk.value for risk in seen)
        linear += min(risk.linear for risk in seen)
        risks.append(min(seen, key=lambda risk: risk.stressed))
        stressed += risks[-1].stressed
    cash, factor = portfolio.cash, parameters.initial_factor
    return Margin(
        equity=cash + value,
        initial=max(0.0, value + cash_needed(stressed, factor)),
        maintenance=max(0.0, value - stressed),
        initial_headroom=cash - cash_needed(stressed, factor),
        maintenance_headroom=cash + stressed,
        linear_initial_headroom=cash - cash_needed(linear, factor),
        linear_maintenance_headroom=cash + linear,
        scenarios=listed,
        risks=tuple(risks),
    )


def cash_needed(stressed: float, factor: float) -> float:
    """Cash that initial margin asks for at a stressed value: negative where some may be owed."""
    return -stressed * factor if stressed < 0.0 else -stressed / factor


def _scan(
    portfolio: Portfolio,
    underlying: int,
    state: MarketState,
    spot: float,
    now: int,
    listed: Scenarios,
    parameters: MarginParameters,
) -> UnderlyingRisk:
    options, perp = portfolio.options(underlying), portfolio.perp(underlying)
    legs = legs_of(options=options, state=state, spot=spot, now=now, parameters=parameters)
    posted = spot * sum(
        each.tokens * (1.0 - each.haircut)
        for each in portfolio.collateral
        if each.underlying == underlying
    )
    moved = (spot - state.spot) * (1.0 - state.accrued)
    held = perp * moved + portfolio.unrealised.get(underlying, 0.0)
    marks = np.append(legs.size * legs.marks(), [held, posted])
    changes = _changes(legs, listed, parameters, perp * spot, posted)
    total = changes.sum(axis=1)
    worst = int(np.argmin(total))
    value = float(marks.sum())
    return UnderlyingRisk(
        underlying=underlying,
        spot=spot,
        value=value,
        values=value + total,
        worst=worst,
        contingencies=_contingencies(legs, perp, spot, state.uncertainty, parameters),
        marks=marks,
        contributions=changes[worst],
        linear=held + _linear(legs, perp, posted, spot, state.uncertainty, parameters),
    )


def _changes(
    legs: Legs, listed: Scenarios, parameters: MarginParameters, exposure: float, posted: float
) -> Floats:
    """Of each option, the perp and the collateral in each scenario, (scenarios, options + 2)."""
    options = legs.size * (legs.values(listed=listed, parameters=parameters) - legs.marks())
    linear = listed.move[:, None] * np.array([exposure, posted])
    changes: Floats = listed.share[:, None] * np.concatenate([options, linear], axis=1)
    return changes


def _contingencies(
    legs: Legs, perp: float, spot: float, uncertainty: float, parameters: MarginParameters
) -> Contingencies:
    """
    Notes
    -----
    Delta counts where calls or puts of an expiry are net short of it, the larger of the two. Were
    it the net of both, a long call would need more than its price, and so would a short beside it
    than alone; were a straddle's to cancel, margin would not be sub-additive.
    """
    short, delta, held = 0.0, 0.0, legs.size * legs.delta()
    for day in np.unique(legs.day[legs.is_open]).tolist():
        at = legs.is_open & (legs.day == day)
        calls, puts = at & legs.is_call, at & ~legs.is_call
        short += max(0.0, -float(legs.size[calls].sum())) + max(0.0, -float(legs.size[puts].sum()))
        delta += max(0.0, -float(held[calls].sum()), float(held[puts].sum()))
    return Contingencies(
        short=spot * parameters.short_rate * short,
        perp=spot * parameters.perp_rate * abs(perp),
        basis=spot * (parameters.basis_rate + uncertainty) * delta,
    )


def _linear(
    legs: Legs,
    perp: float,
    posted: float,
    spot: float,
    uncertainty: float,
    parameters: MarginParameters,
) -> float:
    """A floor under W without the unrealised P&L: longs count nothing, nothing nets."""
    needs = linear_requirement(legs=legs, spot=spot, uncertainty=uncertainty, parameters=parameters)
    shorts = float(np.maximum(-legs.size, 0.0) @ needs)
    payoffs = float((legs.size * legs.payoff)[legs.is_printed].sum())
    perps = abs(perp) * spot * (parameters.range + parameters.perp_rate)
    return payoffs + posted * (1.0 - parameters.range) - shorts - perps
