"""What other margin rules ask for a portfolio, in terms that compare with Vomma's.

Every figure is the equity an account must have, equity being cash, options at mark and ether at
spot: the value at mark less what the rule lets the account count. A rule that counts premium
received but no long option (Deribit's standard margin) thus asks the long's price, which has been
paid; posted ether is at market, so that a haircut is part of what is asked.

Sources
-------
Deribit portfolio margin: the page in force (support.deribit.com, article 25944756247837) for moves
of +-16 % in nine buckets, vol up, same and down in each, and an extended table with vol up of which
a share counts. It leaves the vol range, contingencies and shares to its margin screen; taken
instead are those of the 2019 page (deribit.com/pages/docs/portfoliomargin), vol +-38 % * (30 /
days) ** 0.30 and 1 % of the underlying for each net short option per strike, and a share of
16 % / |move|, which is this module's assumption. Ether in the account is a linear exposure.
Deribit standard margin: maintenance of short options as doc.tslab.pro restates it; 1 % of notional
for perpetuals (maintenance of the ETH perpetual's smallest size).
Full collateral: each short on its own, its strike in cash or its unit of ether; longs paid for;
perpetuals at their whole notional.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocol.parameters import MarginParameters
from protocol.pricing.black76 import Floats
from protocol.risk.legs import Legs, legs_of
from protocol.risk.portfolio import MarketState, Portfolio

_PM_RANGE, _PM_STEPS = 0.16, 4
_PM_VOL, _PM_VOL_POWER = 0.38, 0.30
_PM_EXTENDED = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
_PM_SHORT_RATE = 0.01
_STANDARD_RATE, _STANDARD_PERP_RATE = 0.075, 0.01


@dataclass(frozen=True, slots=True)
class Position:
    """A portfolio of one underlying, taken apart.

    Attributes
    ----------
    legs : Legs
        Its options, all alive and marked.
    marks : ndarray
        Their values per contract, USD, shape (legs,).
    spot : float
    perp : float
        Units of the underlying.
    ether : float
        Units of the underlying posted.
    """

    legs: Legs
    marks: Floats
    spot: float
    perp: float
    ether: float


def position_of(
    *,
    portfolio: Portfolio,
    underlying: int,
    state: MarketState,
    now: int,
    parameters: MarginParameters,
) -> Position:
    """One underlying of a portfolio at the market's spot."""
    options = portfolio.options(underlying)
    legs = legs_of(options=options, state=state, spot=state.spot, now=now, parameters=parameters)
    ether = sum(each.tokens for each in portfolio.collateral if each.underlying == underlying)
    return Position(legs, legs.marks(), state.spot, portfolio.perp(underlying), ether)


def deribit_portfolio(position: Position) -> float:
    """Maintenance by Deribit's portfolio margin, USD."""
    core = np.arange(-_PM_STEPS, _PM_STEPS + 1) * (_PM_RANGE / _PM_STEPS)
    moves = np.concatenate([np.repeat(core, 3), _PM_EXTENDED])
    vols = np.concatenate([np.tile([1.0, 0.0, -1.0], len(core)), np.ones(len(_PM_EXTENDED))])
    share = np.minimum(1.0, _PM_RANGE / np.maximum(np.abs(moves), _PM_RANGE))
    legs = position.legs
    change = _PM_VOL * (30.0 / legs.days) ** _PM_VOL_POWER
    factors = np.maximum(1.0 + vols[:, None] * change, 0.0)
    options = (legs.valued(moves=moves, factors=factors) - position.marks) @ legs.size
    profits = share * (options + moves * position.spot * (position.perp + position.ether))
    return max(0.0, -float(profits.min())) + _net_shorts(legs) * _PM_SHORT_RATE * position.spot


def deribit_standard(position: Position) -> float:
    """Maintenance by Deribit's standard margin, USD."""
    legs, spot, marks = position.legs, position.spot, position.marks
    put_rate = np.maximum(_STANDARD_RATE, _STANDARD_RATE * marks / spot)
    short = np.where(legs.is_call, _STANDARD_RATE, put_rate) * spot
    options = np.where(legs.size < 0.0, -legs.size * short, legs.size * marks)
    return float(options.sum()) + abs(position.perp) * spot * _STANDARD_PERP_RATE


def full_collateral(position: Position) -> float:
    """Equity behind shorts that are each covered by themselves, USD."""
    legs, spot, marks = position.legs, position.spot, position.marks
    cover = np.where(legs.is_call, spot, legs.strike) - marks
    options = np.where(legs.size < 0.0, -legs.size * cover, legs.size * marks)
    return float(options.sum()) + abs(position.perp) * spot


def _net_shorts(legs: Legs) -> float:
    """Options that are net short at their strike and expiry, calls and puts together."""
    at, sums = np.unique(np.stack([legs.day, legs.strike]), axis=1, return_inverse=True)
    net = np.zeros(at.shape[1])
    np.add.at(net, sums.ravel(), legs.size)
    return float(np.maximum(-net, 0.0).sum())
