"""Bit-exact Python twin of the on-chain kernel (contracts/math): the same integers, to the wei.

Amounts are WAD (1e18), inner quantities RAY (1e27), as on chain; functions carry the names of the
Vyper ones. Where the contract reverts, the twin raises `InputError`.
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.errors import InputError
from protocol.pricing.fixed_math import RAY, Tails, decay, discount, log_ratio, root, tails
from protocol.units import WAD

_GIGA = 10**9  # RAY / WAD
_LOG_WAD = 10**36  # 1e54 / WAD
_TOP = 2**256
_LN2 = 693147180559945309417232121
_AMOUNT, _FACTOR, _VARIANCE, _SHORT = 96, 64, 72, 117
_MAX_EXPONENT = 20 * 10**36
_MAX_RATIO, _FAR_RATIO = 1000, 800
_SQUARE = 10**36


class Greeks(NamedTuple):
    """WAD: price and Greeks of the forward; gamma in cash (by forward ** 2), vega per 1.00."""

    price: int
    delta: int
    gamma: int
    vega: int


def mul_down(a: int, b: int) -> int:
    """a * b, rounded down."""
    return _word("product", a * b) // WAD


def mul_up(a: int, b: int) -> int:
    """a * b, rounded up."""
    return -(-_word("product", a * b) // WAD)


def div_down(a: int, b: int) -> int:
    """a / b, rounded down."""
    return _word("dividend", a * WAD) // _nonzero(b)


def div_up(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-_word("dividend", a * WAD) // _nonzero(b))


def smul_floor(a: int, b: int) -> int:
    """a * b of signed amounts, rounded towards minus infinity."""
    return a * b // WAD


def smul_ceil(a: int, b: int) -> int:
    """a * b of signed amounts, rounded towards plus infinity."""
    return -(-a * b // WAD)


def sdiv_floor(a: int, b: int) -> int:
    """a / b of signed amounts, rounded towards minus infinity."""
    return a * WAD // _nonzero(b)


def sdiv_ceil(a: int, b: int) -> int:
    """a / b of signed amounts, rounded towards plus infinity."""
    return -(-a * WAD // _nonzero(b))


def sqrt(x: int) -> int:
    """Square root of a WAD number, one wei at most above the floor."""
    return root(_word("square", x * _SQUARE)) // _GIGA


def ln(x: int) -> int:
    """Natural logarithm of a WAD number, rounded towards zero."""
    if not 0 <= x < 2**128:
        raise InputError("ln", x, bound="within 0 .. 2**128 - 1 wei")
    return -(log_ratio(WAD, x) // _LOG_WAD) if x < WAD else log_ratio(x, WAD) // _LOG_WAD


def exp(x: int) -> int:
    """e ** x for a WAD number up to 100, rounded down."""
    if x > 100 * WAD:
        raise InputError("exp", x, bound="at most 100 WAD")
    if x <= 0:
        return 0 if x < -62 * WAD else decay(-x * _GIGA) // _GIGA
    doublings = x * _GIGA // _LN2 + 1
    return (decay(doublings * _LN2 - x * _GIGA) << doublings) // _GIGA


def total_variance(*, k: int, a: int, b: int, rho: int, m: int, sigma: int) -> int:
    """Raw SVI total variance at log-moneyness k, zero where the smile would be negative."""
    offset = k - m
    distance = root((offset * offset + sigma * sigma) * WAD)
    return max(0, a + _truncate(b * (_truncate(rho * offset, _GIGA) + distance), RAY))


def log_moneyness(strike: int, forward: int) -> int:
    """ln(strike / forward) in WAD, rounded towards zero."""
    if strike >= forward:
        return log_ratio(strike, forward) // _LOG_WAD
    return -(log_ratio(forward, strike) // _LOG_WAD)


def price(*, is_call: bool, spot: int, strike: int, time: int, vol: int, rate: int) -> int:
    """Price with forward = spot * e ** (rate * time), rounded down; `time` in WAD years."""
    other = _discounted(spot, strike, time, vol, rate)
    low, high = min(spot, other), max(spot, other)
    deviation = root(vol * vol * time | 1)
    tail = tails(log_ratio(high, low) // deviation, deviation >> 1)
    return _either_side(is_call == (spot == high), low, high, tail)


def price_delta_vega(
    *, is_call: bool, spot: int, strike: int, time: int, vol: int, rate: int
) -> tuple[int, int, int]:
    """Price, d price / d spot and vega per 1.00 of vol, all WAD."""
    other = _discounted(spot, strike, time, vol, rate)
    low, high = min(spot, other), max(spot, other)
    deviation = root(vol * vol * time | 1)
    tail = tails(log_ratio(high, low) // deviation, deviation >> 1)
    delta = _truncate(_first_tail(spot == high, low, high, tail) - (not is_call) * RAY, _GIGA)
    vega = (low * tail.density // RAY) * deviation // (vol * _GIGA) if vol else 0
    return _either_side(is_call == (spot == high), low, high, tail), delta, vega


def value(*, is_call: bool, forward: int, strike: int, total_variance: int, discount: int) -> int:
    """Black-76 price of an option on a forward, all WAD, rounded down."""
    _check_value(forward, strike, total_variance, discount)
    low, high = min(forward, strike), max(forward, strike)
    deviation = root(total_variance * _SQUARE | 1)
    tail = tails(log_ratio(high, low) // deviation, deviation >> 1)
    return _either_side(is_call == (forward == high), low, high, tail) * discount // WAD


def value_greeks(
    *,
    is_call: bool,
    forward: int,
    strike: int,
    total_variance: int,
    time: int,
    discount: int,
) -> Greeks:
    """Price and Greeks with respect to the forward; see `Greeks` of black76_math.vy."""
    _check_value(forward, strike, total_variance, discount)
    _within("time", time, _FACTOR)
    low, high = min(forward, strike), max(forward, strike)
    deviation = root(total_variance * _SQUARE | 1) if time else 1
    half = deviation >> 1
    tail = tails(log_ratio(high, low) // deviation, half)
    price = _either_side(is_call == (forward == high), low, high, tail) * discount // WAD
    delta = _first_tail(forward == high, low, high, tail) - (not is_call) * RAY
    delta = _truncate(delta * discount, RAY)
    if half == 0:
        return Greeks(price, delta, 0, 0)
    weight = (low * tail.density // RAY) * discount // WAD
    return Greeks(
        price=price,
        delta=delta,
        gamma=weight * RAY // deviation,
        vega=weight * root(time * _SQUARE) // RAY,
    )


def _either_side(in_the_money: bool, low: int, high: int, tail: Tails) -> int:
    return low * tail.gap // RAY + (high - low if in_the_money else 0)


def _first_tail(spot_is_high: bool, low: int, high: int, tail: Tails) -> int:
    """N(d1): the near tail if the forward is the low side, else one minus the far tail."""
    return RAY - low * (tail.near - tail.gap) // high if spot_is_high else tail.near


def _discounted(spot: int, strike: int, time: int, vol: int, rate: int) -> int:
    _check_amounts(spot, strike)
    for name, factor in (("time", time), ("vol", vol), ("rate", rate)):
        _within(name, factor, _FACTOR)
    exponent = rate * time
    if exponent >> _SHORT == 0:
        other = strike * discount(exponent // _GIGA) // RAY
        if max(spot, other) >= _FAR_RATIO * min(spot, other):
            _check_strike(spot, strike)
        return other
    _check_strike(spot, strike)
    if exponent > _MAX_EXPONENT:
        raise InputError("rate", rate, bound="such that rate * time <= 20")
    return max(strike * decay(exponent // _GIGA) // RAY, 1)


def _check_value(forward: int, strike: int, total_variance: int, discount: int) -> None:
    _check_amounts(forward, strike)
    _within("variance", total_variance, _VARIANCE)
    _within("discount", discount, _FACTOR)
    if max(forward, strike) >= _FAR_RATIO * min(forward, strike):
        _check_strike(forward, strike)


def _check_amounts(spot: int, strike: int) -> None:
    _within("spot", spot, _AMOUNT)
    _within("strike", strike, _AMOUNT)


def _check_strike(spot: int, strike: int) -> None:
    if strike <= 1 or not strike <= spot * _MAX_RATIO or not spot <= strike * _MAX_RATIO:
        raise InputError("strike", strike, bound=f"within 1000 times of the spot {spot}")


def _within(name: str, value: int, bits: int) -> None:
    if not 0 <= value < 1 << bits:
        raise InputError(name, value, bound=f"within 0 .. 2**{bits} - 1 wei")


def _word(name: str, value: int) -> int:
    if not 0 <= value < _TOP:
        raise InputError(name, value, bound="a 256-bit word")
    return value


def _nonzero(divisor: int) -> int:
    if divisor == 0:
        raise InputError("divisor", divisor, bound="other than 0")
    return divisor


def _truncate(numerator: int, denominator: int) -> int:
    """Division rounded towards zero, as the EVM divides signed numbers."""
    size = abs(numerator) // denominator
    return size if numerator >= 0 else -size
