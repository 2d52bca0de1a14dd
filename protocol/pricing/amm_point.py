"""A series on a surface at a moment, for the pricer's twin: integers, as OptionPricer has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.errors import InputError
from protocol.pricing import fixed, fixed_math
from protocol.pricing.amm_records import Risk
from protocol.pricing.amm_words import SurfaceWords, strike_wad, truncated
from protocol.types import Instrument
from protocol.units import WAD, YEAR

_GIGA = 10**9  # RAY / WAD
_SHORT = 16 * 10**16  # exponents up to this are discounted by the short form


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A series in numbers, WAD; `slope` is that of the variance by log-moneyness."""

    is_call: bool
    forward: int
    strike: int
    variance: int
    slope: int
    time: int
    discount: int

    @property
    def value(self) -> int:
        """Fair value of a contract."""
        return fixed.value(
            is_call=self.is_call,
            forward=self.forward,
            strike=self.strike,
            total_variance=self.variance,
            discount=self.discount,
        )

    @property
    def greeks(self) -> fixed.Greeks:
        """Value and Greeks of the forward, the smile standing still."""
        return fixed.value_greeks(
            is_call=self.is_call,
            forward=self.forward,
            strike=self.strike,
            total_variance=self.variance,
            time=self.time,
            discount=self.discount,
        )


@dataclass(frozen=True, slots=True)
class Window:
    """How far a print is known in its half hour: the part fixed, and the share to come. WAD."""

    fixed: int = 0
    open: int = WAD


def point_of(instrument: Instrument, spot: int, surface: SurfaceWords, at: int) -> Point:
    """The series at `spot` and second `at`; variance runs off with the life left."""
    posted, s = surface.timestamp, surface
    if posted == 0:
        raise InputError("surface", surface, bound="posted", step="push the expiry first")
    left, span = instrument.expiry - at, instrument.expiry - posted
    if left <= 0 or span <= 0:
        raise InputError("expiry", instrument.expiry, bound=f"after {max(at, posted)}")
    forward = spot * (WAD + s.basis) // WAD
    strike = strike_wad(instrument.strike_steps)
    k = fixed.log_moneyness(strike, forward)
    variance = fixed.total_variance(k=k, a=s.a, b=s.b, rho=s.rho, m=s.m, sigma=s.sigma)
    time = left * WAD // YEAR
    return Point(
        is_call=instrument.is_call,
        forward=forward,
        strike=strike,
        variance=variance * left // span,
        slope=truncated(_slope(k - s.m, variance - s.a, s.b, s.rho) * left, span),
        time=time,
        discount=_discount(s.rate, time),
    )


def in_window(point: Point, window: Window) -> tuple[Point, fixed.Greeks]:
    """(the part of a point that still moves, Greeks) where some of the print is known.

    The print averages half an hour: `window.fixed` of it is known, the forward moves a share
    `window.open` of it, and what volatility the average has left falls with that share.
    """
    moving = point.forward * window.open // WAD
    average = window.fixed + moving
    share = moving * WAD // average
    if share == WAD:
        return point, point.greeks
    variance = point.variance * share // WAD * share // WAD
    greeks = replace(point, forward=average, variance=variance).greeks
    gamma = greeks.gamma * share // WAD * share // WAD
    known = greeks._replace(vega=greeks.vega * share // WAD, gamma=gamma)
    return replace(point, forward=moving), known


def _discount(rate: int, time: int) -> int:
    exponent = truncated(rate * time, WAD)
    if 0 <= exponent <= _SHORT:
        return fixed_math.discount(exponent * _GIGA) // _GIGA
    return fixed.exp(-exponent)


def _slope(offset: int, wings: int, b: int, rho: int) -> int:
    """dw/dk, the root taken back out of wings = b (rho offset + root)."""
    if b == 0:
        return 0
    root = truncated(wings * WAD, b) - truncated(rho * offset, WAD)
    if root <= 0:
        return 0
    return truncated(b * (rho + truncated(offset * WAD, root)), WAD)


def risk_of(greeks: fixed.Greeks, point: Point, spot: int, size: int) -> Risk:
    """Forward Greeks as cash Greeks of spot, delta with the smile that moves with spot."""
    smile = truncated(greeks.gamma * point.slope, 2)
    delta = truncated(greeks.delta * point.forward - smile, spot)
    return Risk(
        delta=truncated(delta * size, WAD),
        vega=truncated(greeks.vega * size, WAD),
        gamma=truncated(greeks.gamma * size, WAD),
    )
