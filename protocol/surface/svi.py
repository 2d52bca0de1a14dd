"""Raw SVI: total variance, its derivatives, and Gatheral's butterfly function.

References
----------
.. [1] Gatheral, J. and Jacquier, A. (2014). Arbitrage-free SVI volatility surfaces.
   Quantitative Finance 14 (arXiv:1204.0646), eq. 2.1 and 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.types import SviParams


@dataclass(frozen=True, slots=True)
class Smile:
    """Total variance w and its first two derivatives by k, arrays of the shape of k."""

    w: Floats
    slope: Floats
    curvature: Floats


def total_variance(*, k: ArrayLike, svi: SviParams) -> Floats:
    """w(k) of a slice.

    Parameters
    ----------
    k : array_like
        Log-moneyness ln(K/F).
    svi : SviParams

    Returns
    -------
    ndarray
        Total variance (vol^2 * years), in the shape of `k`.
    """
    y = np.asarray(k, dtype=np.float64) - svi.m
    w: Floats = svi.a + svi.b * (svi.rho * y + np.sqrt(y * y + svi.sigma**2))
    return w


def smile(*, k: ArrayLike, svi: SviParams) -> Smile:
    """w(k), w'(k) and w''(k) of a slice, in the shape of `k`."""
    y = np.asarray(k, dtype=np.float64) - svi.m
    root = np.sqrt(y * y + svi.sigma**2)
    return Smile(
        w=svi.a + svi.b * (svi.rho * y + root),
        slope=svi.b * (svi.rho + y / root),
        curvature=svi.b * svi.sigma**2 / root**3,
    )


def implied_vol(*, k: ArrayLike, svi: SviParams, years: ArrayLike) -> Floats:
    """Volatility a year at each k, `years` being the span the slice's total variance covers.

    Raises
    ------
    InputError
        Where the span is not positive or the slice is negative at some k.
    """
    span = np.asarray(years, dtype=np.float64)
    if not (span > 0.0).all():
        raise InputError("years", float(span.min()), bound="> 0")
    w = total_variance(k=k, svi=svi)
    if not (w >= 0.0).all():
        raise InputError("total variance", float(w.min()), bound=f">= 0 on {svi}")
    vol: Floats = np.sqrt(w / span)
    return vol


def butterfly(*, k: ArrayLike, svi: SviParams) -> Floats:
    """Gatheral's g(k): the slice is free of butterfly arbitrage where it is never negative.

    Notes
    -----
    g = (1 - k w'/(2w))^2 - (w'^2/4)(1/w + 1/4) + w''/2, equation 2.1 of [1]_.
    """
    s = smile(k=k, svi=svi)
    g: Floats = (
        (1.0 - np.asarray(k, dtype=np.float64) * s.slope / (2.0 * s.w)) ** 2
        - 0.25 * s.slope**2 * (1.0 / s.w + 0.25)
        + 0.5 * s.curvature
    )
    return g


def blend(*, old: SviParams, new: SviParams, share: float) -> SviParams:
    """A slice `share` of the way from one to another.

    Notes
    -----
    Linear in the smallest total variance, the two wing slopes, m and sigma, in which the static
    bounds of a slice are a box: between two slices within the bounds every blend is within them.
    """
    floor, left, right, m, sigma = (
        x + share * (y - x) for x, y in zip(_box(old), _box(new), strict=True)
    )
    return from_box(floor=floor, left=left, right=right, m=m, sigma=sigma)


def _box(svi: SviParams) -> tuple[float, float, float, float, float]:
    floor = svi.a + svi.b * svi.sigma * float(np.sqrt(1.0 - svi.rho**2))
    return floor, svi.b * (1.0 - svi.rho), svi.b * (1.0 + svi.rho), svi.m, svi.sigma


def from_box(*, floor: float, left: float, right: float, m: float, sigma: float) -> SviParams:
    """Raw SVI from its smallest total variance and the slopes of its two wings, both positive.

    The static bounds are floor >= 0, 0 <= left, right <= 2 and sigma > 0.
    """
    b = 0.5 * (left + right)
    return SviParams(
        a=floor - sigma * float(np.sqrt(left * right)),
        b=b,
        rho=0.5 * (right - left) / b if b > 0.0 else 0.0,
        m=m,
        sigma=sigma,
    )
