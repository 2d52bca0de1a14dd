"""Black-76 Greeks to third order, on whole arrays.

With respect to the forward, at the strike's own volatility held fixed: a smile's move is a move of
that volatility. Time runs forward (theta of a long option is negative), in years; vega is per 1.00
of volatility.

References
----------
.. [1] Haug, E. G. (2007). The Complete Guide to Option Pricing Formulas, 2nd ed., ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from protocol.pricing.black76 import Floats, checked, price

_INV_SQRT_2PI = 1.0 / np.sqrt(2.0 * np.pi)


@dataclass(frozen=True, slots=True)
class Greeks:
    """Value and derivatives per unit of the underlying, arrays of one shape.

    F is the forward, s the volatility, t calendar time in years.

    Attributes
    ----------
    value : ndarray
        V.
    delta, gamma, speed : ndarray
        V_F, V_FF, V_FFF.
    vega, volga, ultima : ndarray
        V_s, V_ss, V_sss.
    theta, charm, color : ndarray
        V_t, V_Ft, V_FFt.
    vanna, zomma : ndarray
        V_Fs, V_FFs.
    veta, dvanna_dvol : ndarray
        V_st, V_Fss.
    theta_decay : ndarray
        V_tt.
    """

    value: Floats
    delta: Floats
    gamma: Floats
    speed: Floats
    vega: Floats
    volga: Floats
    ultima: Floats
    theta: Floats
    charm: Floats
    color: Floats
    vanna: Floats
    zomma: Floats
    veta: Floats
    dvanna_dvol: Floats
    theta_decay: Floats


def greeks(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    is_call: ArrayLike,
    rate: ArrayLike = 0.0,
) -> Greeks:
    """Greeks of each option.

    Parameters
    ----------
    forward, strike : array_like
        USD, > 0. All arguments broadcast against each other.
    years : array_like
        Time to expiry in years of 365 days, > 0.
    vol : array_like
        Volatility a year, > 0.
    is_call : array_like of bool
    rate : array_like, optional
        Continuous discount rate a year, finite.

    Returns
    -------
    Greeks
        Arrays in the broadcast shape.

    Raises
    ------
    InputError
        Where an argument is out of its bounds. At expiry there are no Greeks: take the payoff.
    """
    f = checked("forward", forward, low=0.0, strict=True)
    k = checked("strike", strike, low=0.0, strict=True)
    t = checked("years", years, low=0.0, strict=True)
    s = checked("vol", vol, low=0.0, strict=True)
    r = checked("rate", rate, low=-np.inf, strict=True)
    call = np.asarray(is_call, dtype=bool)
    f, k, t, s, r, call = np.broadcast_arrays(f, k, t, s, r, call)

    deviation = s * np.sqrt(t)
    discount = np.exp(-r * t)
    d1 = np.log(f / k) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    sign = np.where(call, 1.0, -1.0)
    density = discount * _INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
    cross = d1 * d2

    value = price(forward=f, strike=k, years=t, vol=s, is_call=call, discount=discount)
    delta = discount * sign * ndtr(sign * d1)
    gamma = density / (f * deviation)
    vega = f * density * np.sqrt(t)
    vanna = -density * d2 / s
    erosion = -f * density * s / (2.0 * np.sqrt(t))
    theta = r * value + erosion
    # t in the denominators is time left, so its derivative by calendar time changes sign.
    return Greeks(
        value=value,
        delta=delta,
        gamma=gamma,
        speed=-gamma / f * (d1 / deviation + 1.0),
        vega=vega,
        volga=vega * cross / s,
        ultima=-vega / s**2 * (cross * (1.0 - cross) + d1 * d1 + d2 * d2),
        theta=theta,
        charm=r * delta + density * d2 / (2.0 * t),
        color=r * gamma + gamma * (1.0 - cross) / (2.0 * t),
        vanna=vanna,
        zomma=gamma * (cross - 1.0) / s,
        veta=r * vega - vega * (1.0 + cross) / (2.0 * t),
        dvanna_dvol=density * (d1 + d2 - d1 * d2 * d2) / s**2,
        theta_decay=r * (2.0 * theta - r * value) + erosion * (1.0 - cross) / (2.0 * t),
    )
