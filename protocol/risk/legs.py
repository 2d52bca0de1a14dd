"""The options of one underlying as arrays, and what they are worth in every scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from protocol.parameters import MarginParameters
from protocol.pricing.black76 import Floats, out_of_the_money
from protocol.risk.portfolio import Holding, MarketState
from protocol.risk.scenarios import Scenarios, vol_factors, worst_vol_factor
from protocol.surface.svi import total_variance
from protocol.types import Instrument
from protocol.units import DAY, years

Bools = NDArray[np.bool_]

# 1 / sqrt(2 pi), rounded up: time value at the money is at most this times the deviation
_AT_THE_MONEY = 0.4


@dataclass(frozen=True, slots=True)
class Legs:
    """Options of one underlying at one spot, arrays of shape (legs,), USD.

    Attributes
    ----------
    size, day, strike, is_call : ndarray
    days : ndarray
        Life left in days; 0 from expiry on.
    forward : ndarray
        Of the part of the print that is open; spot from expiry on.
    fixed, open : ndarray
        What is fixed of the print, and the share that is not: 0 and 1 before the window.
    deviation : ndarray
        Square root of the total variance of the life left, at the unmoved forward.
    discount : ndarray
    payoff : ndarray
        Per contract of a printed series, else 0.
    unmarked : ndarray
        What a short of a series without a surface counts, per contract; else 0.
    is_printed, is_unmarked : ndarray of bool
    """

    size: Floats
    day: NDArray[np.int64]
    strike: Floats
    is_call: Bools
    days: Floats
    forward: Floats
    fixed: Floats
    open: Floats
    deviation: Floats
    discount: Floats
    payoff: Floats
    unmarked: Floats
    is_printed: Bools
    is_unmarked: Bools

    @property
    def is_open(self) -> Bools:
        """Whether its value moves: neither printed nor without a surface."""
        return ~(self.is_printed | self.is_unmarked)

    def marks(self) -> Floats:
        """Value per contract as the market is, shape (legs,)."""
        at_mark: Floats = self.valued(moves=np.zeros(1), factors=np.ones((1, len(self.size))))[0]
        return at_mark

    def values(self, *, listed: Scenarios, parameters: MarginParameters) -> Floats:
        """Value per contract in each scenario, all of it counted, shape (scenarios, legs)."""
        k = np.log(self.strike / self.forward)
        factors = vol_factors(listed=listed, days=self.days, k=k, parameters=parameters)
        return self.valued(moves=listed.move, factors=factors)

    def delta(self) -> Floats:
        """By the forward, undiscounted, per contract, at the mark."""
        forward = self.fixed + self.open * self.forward
        deviation = self.deviation * self.open * self.forward / forward
        alive = deviation > 0.0
        safe = np.where(alive, deviation, 1.0)
        level = np.log(forward / self.strike)
        share = np.where(alive, ndtr(level / safe + 0.5 * safe), level > 0.0)
        delta: Floats = share - np.where(self.is_call, 0.0, 1.0)
        return delta

    def valued(self, *, moves: Floats, factors: Floats) -> Floats:
        """At spot moves, shape (scenarios,), and vol factors, shape (scenarios, legs)."""
        moving = self.open * self.forward * (1.0 + moves[:, None])
        forward = self.fixed + moving
        wing = out_of_the_money(
            forward=forward,
            strike=np.broadcast_to(self.strike, forward.shape),
            deviation=self.deviation * factors * moving / forward,
        )
        sign = np.where(self.is_call, 1.0, -1.0)
        black = self.discount * (wing + np.maximum(sign * (forward - self.strike), 0.0))
        # A long that has no mark counts nothing, a short all that it might need.
        unmarked = np.where(self.size < 0.0, self.unmarked, 0.0)
        settled = np.where(self.is_printed, self.payoff, unmarked)
        values: Floats = np.where(self.is_open, black, settled)
        return values


def legs_of(
    *,
    options: Sequence[Holding],
    state: MarketState,
    spot: float,
    now: int,
    parameters: MarginParameters,
) -> Legs:
    """The options on a surface, by the rules of the on-chain engine.

    Notes
    -----
    Total variance was posted for the life left at posting and is scaled by the life left now. An
    expired series without a print is worth its intrinsic value at spot.
    """
    rows = [_row(holding.instrument, state, spot, now, parameters) for holding in options]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 9)
    days, forward, fixed, share, deviation, discount, payoff, printed, unmarked = table.T
    cap = np.array([_cap(h.instrument, spot, parameters.range) for h in options])
    rates = parameters.short_rate + parameters.basis_rate + state.uncertainty
    return Legs(
        size=np.array([holding.size for holding in options], dtype=np.float64),
        day=np.array([holding.instrument.day for holding in options], dtype=np.int64),
        strike=np.array([holding.instrument.strike for holding in options], dtype=np.float64),
        is_call=np.array([holding.instrument.is_call for holding in options], dtype=bool),
        days=days,
        forward=forward,
        fixed=fixed,
        open=share,
        deviation=deviation,
        discount=discount,
        payoff=payoff,
        unmarked=np.where(unmarked > 0.0, cap + rates * spot, 0.0) if rows else payoff,
        is_printed=printed > 0.0,
        is_unmarked=unmarked > 0.0,
    )


def linear_requirement(
    *, legs: Legs, spot: float, uncertainty: float, parameters: MarginParameters
) -> Floats:
    """Cash one short contract of each leg needs at most, shape (legs,), USD; 0 once printed.

    Notes
    -----
    In the core a call's intrinsic value rises by at most range * F, a put's by range * min(F, K); a
    tail counts no more of its P&L than that. Time value is greatest at the money. An option is
    never worth more than its forward or its strike. Rates of interest must not be negative.
    """
    p = parameters
    forward = legs.fixed + legs.open * legs.forward
    sign = np.where(legs.is_call, 1.0, -1.0)
    intrinsic = np.maximum(sign * (forward - legs.strike), 0.0)
    exposed = np.where(legs.is_call, forward, np.minimum(forward, legs.strike))
    nearest = np.minimum((1.0 + p.range) * forward, legs.strike)
    worst = legs.deviation * worst_vol_factor(days=legs.days, parameters=p)
    cap = np.where(legs.is_call, (1.0 + p.range) * forward, legs.strike)
    price = np.minimum(intrinsic + p.range * exposed + _AT_THE_MONEY * nearest * worst, cap)
    rates = (p.short_rate + p.basis_rate + uncertainty) * spot
    needs: Floats = np.where(legs.is_unmarked, legs.unmarked, price + rates)
    return np.where(legs.is_printed, 0.0, needs)


def _cap(series: Instrument, spot: float, reach: float) -> float:
    return (1.0 + reach) * spot if series.is_call else series.strike


def _row(
    series: Instrument, state: MarketState, spot: float, now: int, parameters: MarginParameters
) -> tuple[float, ...]:
    """days, forward, fixed, open, deviation, discount, payoff, is printed, is unmarked"""
    left = series.expiry - now
    flat = (0.0, spot, 0.0, 1.0, 0.0, 1.0)
    if left <= 0:
        price = state.prints.get(series.day)
        if price is None:
            return (*flat, 0.0, 0.0, 0.0)
        gain = price - series.strike if series.is_call else series.strike - price
        return (*flat, max(0.0, gain), 1.0, 0.0)
    if state.surface is None or series.day not in state.surface.days:
        return (*flat, 0.0, 0.0, 1.0)
    posted = state.surface.on(series.day)
    forward, life = posted.forward(spot), years(left)
    k = np.log(series.strike / forward)
    w = float(total_variance(k=k, svi=posted.svi)) * left / (left + now - posted.timestamp)
    fixed, share = state.windows.get(series.day, (0.0, 1.0))
    discount = float(np.exp(-posted.rate * life))
    return (left / DAY, forward, fixed, share, np.sqrt(w), discount, 0.0, 0.0, 0.0)
