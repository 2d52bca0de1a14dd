"""Raw SVI fits to the quotes of a chain, free of butterfly and calendar arbitrage on a grid.

A slice is fitted in its smallest total variance, the slopes of its wings, m and sigma, in which the
static bounds of raw SVI are a box. Butterflies and the nearer expiry are held off by penalties that
grow until the grid is clean.

References
----------
.. [1] Gatheral, J. and Jacquier, A. (2014). Arbitrage-free SVI volatility surfaces. Quantitative
   Finance 14 (arXiv:1204.0646): raw SVI, g(k).
.. [2] Zeliade Systems (2009). Quasi-explicit calibration of Gatheral's SVI model: linear in
   everything but (m, sigma), which gives the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.surface.arbitrage import CHECK_GRID, MAX_M, MAX_SIGMA, MAX_WING_SLOPE
from protocol.surface.svi import butterfly, from_box, total_variance
from protocol.types import SviParams

MIN_QUOTES = 5
_START_M = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the quoted span, from its left end
_START_SIGMA = (0.05, 0.1, 0.2, 0.4, 0.8)  # of its width
_MIN_FLOOR, _MAX_FLOOR, _MIN_WING, _LEAST_SIGMA = 1e-8, 4.0, 1e-6, 1e-3
_MAX_EVALUATIONS = 200
_TOLERANCE = 1e-6  # of the mean square error
_LIFT = 1e-12  # total variance above the nearer slice, clear of rounding
_PENALTIES = (0.0, 1.0, 10.0, 100.0, 1_000.0)  # weight of arbitrage on the grid, as vol points
_MARGIN = 1e-4  # of g, so that rounding on chain stays clear of zero


@dataclass(frozen=True, slots=True)
class ExpiryQuotes:
    """One expiry's quotes, arrays of shape (n,), n >= 5.

    Attributes
    ----------
    years : float
        Life left, > 0.
    k : ndarray
        ln(K/F).
    vol : ndarray
        Implied volatility a year, > 0.
    weight : ndarray
        Trust in each quote, >= 0; only ratios matter. One over the half-spread is a good one.
    """

    years: float
    k: Floats
    vol: Floats
    weight: Floats

    def __post_init__(self) -> None:
        if not self.years > 0.0:
            raise InputError("years", self.years, bound="> 0")
        if not len(self.k) == len(self.vol) == len(self.weight) >= MIN_QUOTES:
            lengths = (len(self.k), len(self.vol), len(self.weight))
            raise InputError("quotes", lengths, bound=f"equal lengths of at least {MIN_QUOTES}")
        good = np.isfinite(self.k) & (self.vol > 0.0) & np.isfinite(self.vol) & (self.weight >= 0.0)
        if not good.all() or not self.weight.any():
            at = int(np.argmin(good))
            quote = (float(self.k[at]), float(self.vol[at]), float(self.weight[at]))
            raise InputError("quote (k, vol, weight)", quote, bound="finite, vol > 0, weights >= 0")


@dataclass(frozen=True, slots=True)
class SviFit:
    """A fitted slice.

    Attributes
    ----------
    svi : SviParams
    rmse : float
        Weighted root mean square error of implied vol (0.01 is one vol point).
    worst : float
        Largest error of implied vol.
    converged : bool
    is_free : bool
        Free of butterfly and calendar arbitrage on the check grid.
    """

    svi: SviParams
    rmse: float
    worst: float
    converged: bool
    is_free: bool


def fit_chain(chain: Sequence[ExpiryQuotes]) -> tuple[SviFit, ...]:
    """Fit every expiry, near to far, each above the one before it.

    Parameters
    ----------
    chain : sequence of ExpiryQuotes
        Lives ascending.
    """
    fits: list[SviFit] = []
    for quotes in chain:
        fits.append(fit_slice(quotes, nearer=fits[-1].svi if fits else None))
    return tuple(fits)


def fit_slice(quotes: ExpiryQuotes, *, nearer: SviParams | None = None) -> SviFit:
    """Fit one expiry.

    Parameters
    ----------
    quotes : ExpiryQuotes
    nearer : SviParams, optional
        The slice this one may not fall below on the check grid.

    Notes
    -----
    Least squares of vol errors, approximated by total variance errors over 2 vol years (exact to
    first order). The vertex stays over the quotes and is no wider than they are: beyond, a slice is
    a parabola there whose wings no quote has a say in, and the next expiries would stand on them.
    A slice that is clean without penalties is left as it is; what calendar violation the largest
    penalty leaves is lifted off as a constant.
    """
    floor = None if nearer is None else total_variance(k=CHECK_GRID, svi=nearer)
    low, high = _bounds(quotes)
    at = _start(quotes, low, high)
    for penalty in _PENALTIES:
        problem = _Problem(quotes, floor, penalty)
        result = least_squares(
            problem.residuals,
            at,
            problem.jacobian,
            bounds=(low, high),
            x_scale="jac",
            max_nfev=_MAX_EVALUATIONS,
            ftol=_TOLERANCE,
        )
        at = result.x
        svi = _params(at)
        if _is_free(svi, floor):
            break
    if floor is not None:
        lack = float(np.max(floor - total_variance(k=CHECK_GRID, svi=svi)))
        svi = replace(svi, a=svi.a + (lack + _LIFT if lack > 0.0 else 0.0))
    return _judged(quotes, svi, floor, converged=bool(result.success))


def _judged(
    quotes: ExpiryQuotes, svi: SviParams, floor: Floats | None, *, converged: bool
) -> SviFit:
    fitted = np.sqrt(np.maximum(total_variance(k=quotes.k, svi=svi), 0.0) / quotes.years)
    error = np.abs(fitted - quotes.vol)
    return SviFit(
        svi=svi,
        rmse=float(np.sqrt(np.average(error**2, weights=quotes.weight))),
        worst=float(error.max()),
        converged=converged,
        is_free=_is_free(svi, floor),
    )


def _is_free(svi: SviParams, floor: Floats | None) -> bool:
    rises = floor is None or bool((total_variance(k=CHECK_GRID, svi=svi) >= floor).all())
    return rises and bool((butterfly(k=CHECK_GRID, svi=svi) >= 0.0).all())


def _params(box: Floats) -> SviParams:
    floor, left, right, m, sigma = box.tolist()
    return from_box(floor=floor, left=left, right=right, m=m, sigma=sigma)


def _bounds(quotes: ExpiryQuotes) -> tuple[Floats, Floats]:
    left, right = float(quotes.k.min()), float(quotes.k.max())
    width = min(max(right - left, 2.0 * _LEAST_SIGMA), MAX_SIGMA)
    low = np.array([_MIN_FLOOR, _MIN_WING, _MIN_WING, max(left, -MAX_M), _LEAST_SIGMA])
    steepest = MAX_WING_SLOPE - _MIN_WING
    high = np.array([_MAX_FLOOR, steepest, steepest, min(left + width, MAX_M), width])
    return low, high


def _start(quotes: ExpiryQuotes, low: Floats, high: Floats) -> Floats:
    """The best of a grid of (m, sigma) with the rest solved linearly, put inside the box."""
    w = quotes.vol**2 * quotes.years
    scale = np.sqrt(quotes.weight) / (2.0 * quotes.vol * quotes.years)
    inside = 1e-3 * (high - low)
    best, lowest = 0.5 * (low + high), np.inf
    for m in low[3] + (high[3] - low[3]) * np.array(_START_M):
        for sigma in high[4] * np.array(_START_SIGMA):
            y = quotes.k - m
            z = np.sqrt(y * y + sigma * sigma)
            design = np.stack([np.ones_like(y), 0.5 * (z - y), 0.5 * (z + y)], axis=1)
            a, left, right = np.linalg.lstsq(design * scale[:, None], w * scale, rcond=None)[0]
            left, right = np.clip((left, right), low[1:3], high[1:3])
            box = np.array([a + sigma * np.sqrt(left * right), left, right, m, sigma])
            box = np.clip(box, low + inside * 1e-3, high - inside)
            miss = float(np.sum(((total_variance(k=quotes.k, svi=_params(box)) - w) * scale) ** 2))
            if miss < lowest:
                best, lowest = box, miss
    return best


class _Problem:
    """Residuals of one slice and their exact Jacobian in (floor, left, right, m, sigma)."""

    def __init__(self, quotes: ExpiryQuotes, floor: Floats | None, penalty: float) -> None:
        self.k, self.w = quotes.k, quotes.vol**2 * quotes.years
        weight = np.sqrt(quotes.weight / quotes.weight.sum())
        self.scale = weight / (2.0 * quotes.vol * quotes.years)
        self.floor, self.penalty = floor, penalty
        # A total variance short of the floor counts as the vol it is short of.
        self.calendar_scale = penalty / (2.0 * float(np.mean(quotes.vol)) * quotes.years)

    def residuals(self, box: Floats) -> Floats:
        parts = [(_slice(box, self.k)[0] - self.w) * self.scale]
        if self.penalty:
            w, slope, curvature = _slice(box, CHECK_GRID)
            g = _butterfly(w, slope, curvature)
            parts.append(self.penalty * np.minimum(g - _MARGIN, 0.0))
            if self.floor is not None:
                parts.append(self.calendar_scale * np.minimum(w - self.floor, 0.0))
        return np.concatenate(parts)

    def jacobian(self, box: Floats) -> Floats:
        parts = [_slice_jacobian(box, self.k)[0] * self.scale[:, None]]
        if self.penalty:
            w, slope, curvature = _slice(box, CHECK_GRID)
            dw, dslope, dcurvature = _slice_jacobian(box, CHECK_GRID)
            bad = _butterfly(w, slope, curvature) < _MARGIN
            by_w, by_slope = _butterfly_gradient(w, slope)
            dg = by_w[:, None] * dw + by_slope[:, None] * dslope + 0.5 * dcurvature
            parts.append(self.penalty * bad[:, None] * dg)
            if self.floor is not None:
                parts.append(self.calendar_scale * (w < self.floor)[:, None] * dw)
        return np.concatenate(parts)


def _slice(box: Floats, k: Floats) -> tuple[Floats, Floats, Floats]:
    """w, w' and w'' at k."""
    floor, left, right, m, sigma = box
    y = k - m
    z = np.sqrt(y * y + sigma * sigma)
    sum_, skew = 0.5 * (left + right), 0.5 * (right - left)
    w = floor - sigma * np.sqrt(left * right) + skew * y + sum_ * z
    return w, skew + sum_ * y / z, sum_ * sigma**2 / z**3


def _slice_jacobian(box: Floats, k: Floats) -> tuple[Floats, Floats, Floats]:
    """Derivatives of w, w' and w'' by the box, each of shape (n, 5)."""
    _, left, right, m, sigma = box
    y = k - m
    z = np.sqrt(y * y + sigma * sigma)
    sum_, skew, root = 0.5 * (left + right), 0.5 * (right - left), np.sqrt(left * right)
    slope, bend, one, none = skew + sum_ * y / z, sigma**2 / z**3, np.ones_like(y), 0.0 * y
    dw = (
        one,
        0.5 * (z - y) - 0.5 * sigma * right / root,
        0.5 * (z + y) - 0.5 * sigma * left / root,
        -slope,
        sum_ * sigma / z - root,
    )
    dslope = (
        none,
        0.5 * (y / z - 1.0),
        0.5 * (y / z + 1.0),
        -sum_ * bend,
        -sum_ * y * sigma / z**3,
    )
    dcurvature = (
        none,
        0.5 * bend,
        0.5 * bend,
        3.0 * sum_ * bend * y / z**2,
        sum_ * sigma * (2.0 - 3.0 * sigma**2 / z**2) / z**3,
    )
    return np.stack(dw, axis=1), np.stack(dslope, axis=1), np.stack(dcurvature, axis=1)


def _butterfly(w: Floats, slope: Floats, curvature: Floats) -> Floats:
    lean = 1.0 - 0.5 * CHECK_GRID * slope / w
    g: Floats = lean**2 - 0.25 * slope**2 * (1.0 / w + 0.25) + 0.5 * curvature
    return g


def _butterfly_gradient(w: Floats, slope: Floats) -> tuple[Floats, Floats]:
    """Derivatives of g by w and by w'; by w'' it is a half."""
    lean = 1.0 - 0.5 * CHECK_GRID * slope / w
    by_w: Floats = (lean * CHECK_GRID * slope + 0.25 * slope**2) / w**2
    by_slope: Floats = -lean * CHECK_GRID / w - 0.5 * slope * (1.0 / w + 0.25)
    return by_w, by_slope
