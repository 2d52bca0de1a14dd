"""Implied volatility from Black-76 prices, on whole arrays.

References
----------
.. [1] Jaeckel, P. (2015). Let's be rational. Wilmott 75: solve on the logarithm of the
   out-of-the-money price, and on its distance to the upper bound where that is the smaller.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from protocol.pricing.black76 import Floats, checked, out_of_the_money

_MAX_DEVIATION = 60.0
_MIN_DEVIATION = 1e-9
_MAX_STEPS = 64
_TOLERANCE = 2e-15


def implied_vol(
    *,
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Volatility that reproduces each price.

    Parameters
    ----------
    price : array_like
        USD per unit; any value, see Returns. All arguments broadcast against each other.
    forward, strike : array_like
        USD, > 0.
    years : array_like
        Time to expiry in years, > 0.
    is_call : array_like of bool
    discount : array_like, optional
        Discount factor to the expiry, > 0.

    Returns
    -------
    vol : ndarray
        Volatility a year; NaN where the price has none.
    converged : ndarray of bool
        False where the price is NaN, at or below its intrinsic value, or at or above its bound.

    Notes
    -----
    Newton's method on the log of the deviation, in a bracket that shrinks at each step; a step out
    of the bracket is replaced by its geometric middle, so every price with a volatility gets it.
    """
    forward = checked("forward", forward, low=0.0, strict=True)
    strike = checked("strike", strike, low=0.0, strict=True)
    years = checked("years", years, low=0.0, strict=True)
    discount = checked("discount", discount, low=0.0, strict=True)
    sign = np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)
    undiscounted = np.asarray(price, dtype=np.float64) / discount
    time_value = undiscounted - np.maximum(sign * (forward - strike), 0.0)
    time_value, forward, strike, years = np.broadcast_arrays(time_value, forward, strike, years)

    low = np.minimum(forward, strike)
    solvable = (time_value > 0.0) & (time_value < low)
    target = np.where(solvable, time_value, 0.5 * low) / low
    deviation, close = _deviation(target=target, x=-np.abs(np.log(forward / strike)))
    converged = solvable & close
    return np.where(converged, deviation / np.sqrt(years), np.nan), converged


def _deviation(
    *, target: Floats, x: Floats
) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Root s of the value over lo, b(s) = N(d1) - e^-x N(d2), at b = target in (0, 1)."""
    # ln b is near linear in the wings, ln(1 - b) where b has come near its bound of 1.
    upper = target > 0.5
    goal = np.log(np.where(upper, 1.0 - target, target))
    left, right = np.full_like(x, _MIN_DEVIATION), np.full_like(x, _MAX_DEVIATION)
    s = np.clip(np.sqrt(2.0 * np.abs(x)), 0.1, 10.0)  # the inflection point of b, off the ends
    done = np.zeros(x.shape, dtype=bool)
    for _ in range(_MAX_STEPS):
        d1, d2 = x / s + 0.5 * s, x / s - 0.5 * s
        wing = out_of_the_money(forward=np.exp(x), strike=np.ones_like(x), deviation=s)
        value = np.exp(-x) * wing
        rest = ndtr(-d1) + np.exp(-x) * ndtr(d2)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            miss = np.where(upper, goal - np.log(rest), np.log(value) - goal)
            slope = np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi) / np.where(upper, rest, value)
            step = np.exp(-miss / (slope * s))
        left, right = np.where(miss < 0.0, s, left), np.where(miss > 0.0, s, right)
        proposed = s * step
        inside = (proposed > left) & (proposed < right)
        following = np.where(inside, proposed, np.sqrt(left * right))
        done |= np.abs(following - s) <= _TOLERANCE * s
        done |= miss == 0.0
        s = np.where(done, s, following)
        if done.all():
            break
    settled = np.abs(right - left) <= 1e-12 * s
    return s, done | settled
