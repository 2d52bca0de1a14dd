"""Black-76 prices of European options on a forward, on whole arrays.

The out-of-the-money side is priced first and the other side follows by parity, so that a wing
keeps its relative accuracy however small it is.

References
----------
.. [1] Black, F. (1976). The pricing of commodity contracts. Journal of Financial Economics 3.
.. [2] Jaeckel, P. (2015). Let's be rational. Wilmott 75 (Mills ratios for the wings).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, ndtr

from protocol.errors import InputError

Floats = NDArray[np.float64]
_SQRT_HALF = np.sqrt(0.5)
_SQRT_HALF_PI = np.sqrt(0.5 * np.pi)
_INV_SQRT_2PI = 1.0 / np.sqrt(2.0 * np.pi)


def checked(name: str, values: ArrayLike, *, low: float, strict: bool) -> Floats:
    """The values as a float array, all finite and at least (`strict`: above) `low`.

    Raises
    ------
    InputError
        Naming the first value out of bounds.
    """
    array = np.asarray(values, dtype=np.float64)
    good = np.isfinite(array) & ((array > low) if strict else (array >= low))
    if not good.all():
        bound = f"finite and {'>' if strict else '>='} {low}"
        raise InputError(name, float(array[~good].flat[0]), bound=bound)
    return array


def price(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Floats:
    """Black-76 price of each option.

    Parameters
    ----------
    forward, strike : array_like
        USD, > 0. All arguments broadcast against each other.
    years : array_like
        Time to expiry in years of 365 days, >= 0.
    vol : array_like
        Volatility a year, >= 0 (0.6 is 60 %).
    is_call : array_like of bool
    discount : array_like, optional
        Discount factor to the expiry, > 0.

    Returns
    -------
    ndarray
        USD per unit of the underlying, in the broadcast shape.

    Raises
    ------
    InputError
        Where an argument is out of its bounds.
    """
    forward = checked("forward", forward, low=0.0, strict=True)
    strike = checked("strike", strike, low=0.0, strict=True)
    years = checked("years", years, low=0.0, strict=False)
    vol = checked("vol", vol, low=0.0, strict=False)
    discount = checked("discount", discount, low=0.0, strict=True)
    wing = out_of_the_money(forward=forward, strike=strike, deviation=vol * np.sqrt(years))
    sign = np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)
    result: Floats = discount * (wing + np.maximum(sign * (forward - strike), 0.0))
    return result


def out_of_the_money(*, forward: Floats, strike: Floats, deviation: Floats) -> Floats:
    """Undiscounted value of the out-of-the-money option: the time value of both sides.

    Parameters
    ----------
    forward, strike : ndarray
        USD, > 0.
    deviation : ndarray
        vol * sqrt(years), >= 0.

    Notes
    -----
    With lo, hi the smaller and larger of the two, x = ln(lo/hi), d1, d2 = x/s +- s/2, the value is
    lo N(d1) - hi N(d2) = lo phi(d1) (R(-d1) - R(-d2)) with the Mills ratio R(y) = N(-y)/phi(y).
    The second form does not cancel in the wings; near and above s^2/2 = -x the first one is exact
    enough and cannot overflow.
    """
    low, high = np.minimum(forward, strike), np.maximum(forward, strike)
    alive = deviation > 0.0
    safe = np.where(alive, deviation, 1.0)
    x = np.log(low / high)
    d1, d2 = x / safe + 0.5 * safe, x / safe - 0.5 * safe
    direct = low * ndtr(d1) - high * ndtr(d2)
    far = np.minimum(d1, 0.0)
    density = _INV_SQRT_2PI * np.exp(-0.5 * far * far)
    mills = _SQRT_HALF_PI * (erfcx(-far * _SQRT_HALF) - erfcx(-d2 * _SQRT_HALF))
    value: Floats = np.where(d1 < 0.0, low * density * mills, direct)
    return np.where(alive, value, 0.0)
