"""Reference values to 50 digits, generated when asked for (mpmath, a development dependency).

Arguments are WAD integers, taken as exact; results are mpmath numbers, not WAD. Work is done with
40 guard digits, so that a price far out of the money still has 50 right ones.

References
----------
.. [1] Black, F. (1976). The pricing of commodity contracts. Journal of Financial Economics 3.
.. [2] Gatheral, J., Jacquier, A. (2014). Arbitrage-free SVI volatility surfaces.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from protocol.errors import ConfigError
from protocol.units import WAD

Number = Any  # mpmath.mpf
DIGITS = 50
_GUARD = 40


class Reference(NamedTuple):
    """Price and Greeks as `black76_math.vy` documents them: of the forward, gamma in cash."""

    price: Number
    delta: Number
    gamma: Number
    vega: Number


@cache
def context() -> Any:
    """An mpmath context of our own, so that nobody else's precision changes.

    Raises
    ------
    ConfigError
        Where mpmath is not installed.
    """
    try:
        from mpmath import MPContext
    except ImportError:
        raise ConfigError(
            "mpmath is not installed; the 50-digit reference needs it: install vomma[dev]"
        ) from None
    mp = MPContext()
    mp.dps = DIGITS + _GUARD
    return mp


def number(wad: int) -> Number:
    """A WAD integer as an exact number."""
    return context().mpf(wad) / WAD


def normal_cdf(x: Number) -> Number:
    """N(x), with relative accuracy in the lower tail."""
    mp = context()
    return mp.erfc(-x / mp.sqrt(2)) / 2


def normal_density(x: Number) -> Number:
    """Density of the standard normal."""
    mp = context()
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def price_delta_vega(
    *, is_call: bool, spot: int, strike: int, time: int, vol: int, rate: int
) -> tuple[Number, Number, Number]:
    """Price, delta to spot and vega per 1.00 with forward = spot * exp(rate * time)."""
    mp = context()
    years = number(time)
    growth = mp.exp(number(rate) * years)
    found = _black(is_call, number(spot) * growth, number(strike), years, number(vol), 1 / growth)
    return found.price, found.delta * growth, found.vega


def value_greeks(
    *,
    is_call: bool,
    forward: int,
    strike: int,
    total_variance: int,
    time: int,
    discount: int,
) -> Reference:
    """Black-76 price and Greeks of an option on a forward; zero time or variance is degenerate."""
    years = number(time)
    vol = context().sqrt(number(total_variance) / years) if time else number(0)
    return _black(is_call, number(forward), number(strike), years, vol, number(discount))


def total_variance(*, k: int, a: int, b: int, rho: int, m: int, sigma: int) -> Number:
    """Raw SVI total variance, not floored."""
    offset = number(k) - number(m)
    root = context().sqrt(offset**2 + number(sigma) ** 2)
    return number(a) + number(b) * (number(rho) * offset + root)


def _black(
    is_call: bool,
    forward: Number,
    strike: Number,
    years: Number,
    vol: Number,
    discount: Number,
) -> Reference:
    mp = context()
    sign = 1 if is_call else -1
    deviation = vol * mp.sqrt(years)
    if deviation == 0:
        gain = max(sign * (forward - strike), 0)
        share = mp.mpf(1) / 2 if forward == strike else mp.mpf(sign * (forward - strike) > 0)
        return Reference(discount * gain, sign * discount * share, *[mp.mpf(0)] * 2)
    d1 = mp.log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    price = sign * discount * (forward * normal_cdf(sign * d1) - strike * normal_cdf(sign * d2))
    weight = discount * forward * normal_density(d1)
    return Reference(
        price=price,
        delta=sign * discount * normal_cdf(sign * d1),
        gamma=weight / deviation,
        vega=weight * mp.sqrt(years),
    )
