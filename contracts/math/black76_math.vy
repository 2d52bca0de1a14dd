#pragma version ~=0.4.3
"""
@title black76_math
@author Vomma
@license AGPL-3.0-only
@notice Black-76 prices and Greeks of European options.

        Only the out-of-the-money side is computed; the other is parity. With low and high the smaller
        and the larger of forward and strike, s the standard deviation and  x1, x2 = ln(high/low)/s -+ s/2,

            out-of-the-money price = low N(-x1) - high N(-x2) = low (N(-x1) - density(x1) R(x2))

        since low density(x1) = high density(x2): one exponential serves both Mills ratios R. In the same
        way  forward * density(d1) = low * density(x1)  on either side, which is vega / sqrt(time).
@custom:domain Spot, forward, strike < 2**96 wei with strike/spot in [1e-3, 1e3]; vol, time (years), rate and
        discount < 2**64 wei (18.4) with rate * time <= 20; total variance < 2**72 wei (4722).
        Zero time or variance gives the discounted intrinsic value.
@custom:error Measured: price 4e-19 of max(spot, discounted strike), cut to the wei; relative 6e-14 where it is above
        1e-6 of spot; delta 1.2e-18, nearly all of it the cut to the wei; vega 3e-20 of spot.
@custom:source F. Black (1976), The pricing of commodity contracts, J. Financial Economics 3.
"""


from . import wad_math
from . import normal_math


struct Greeks:
    price: uint256
    delta: int256  # d price / d forward: discount * N(d1), less the discount for a put
    gamma: int256  # cash: d2 price / d forward2 * forward ** 2
    vega: int256  # per 1.00 of vol, where vol = sqrt(total_variance / time)


WAD: constant(uint256) = 10**18
RAY: constant(uint256) = 10**27
_GIGA: constant(uint256) = 10**9  # RAY / WAD
_SGIGA: constant(int256) = 10**9
_SRAY: constant(int256) = 10**27
# Widths of the domain in bits; `_discount` is good up to an exponent of 2**117 / 1e36 = 0.166.
_AMOUNT: constant(uint256) = 96
_FACTOR: constant(uint256) = 64
_VARIANCE: constant(uint256) = 72
_SHORT: constant(uint256) = 117
_MAX_EXPONENT: constant(uint256) = 20 * 10**36
_MAX_RATIO: constant(uint256) = 1000
# A ratio after discounting above which the ratio before it may be out of range: 1000 * e ** -0.166 = 847.
_FAR_RATIO: constant(uint256) = 800
# A variance in WAD becomes a square at 1e54, whose root is RAY.
_SQUARE: constant(uint256) = 10**36


@internal
@pure
def _check_strike(forward: uint256, strike: uint256):
    assert forward >> _AMOUNT == 0, "black76: spot out of range"
    assert strike >> _AMOUNT == 0, "black76: strike out of range"
    # one wei of strike could be discounted to nothing, which has no logarithm
    assert strike > 1 and strike <= forward * _MAX_RATIO, "black76: strike out of range"
    assert forward <= strike * _MAX_RATIO, "black76: strike out of range"


@internal
@pure
def _discounted(spot: uint256, strike: uint256, time: uint256, vol: uint256, rate: uint256) -> uint256:
    """
    @notice The discounted strike where an input may be out of the domain or rate * time is not small.
    """
    self._check_strike(spot, strike)
    assert time >> _FACTOR == 0, "black76: time out of range"
    assert vol >> _FACTOR == 0, "black76: vol out of range"
    assert rate >> _FACTOR == 0, "black76: rate out of range"
    assert rate * time <= _MAX_EXPONENT, "black76: rate out of range"
    return max(strike * wad_math._decay(rate * time // _GIGA) // RAY, 1)


@internal
@pure
def _check_value(forward: uint256, strike: uint256, total_variance: uint256, discount: uint256):
    self._check_strike(forward, strike)
    assert total_variance >> _VARIANCE == 0, "black76: variance out of range"
    assert discount >> _FACTOR == 0, "black76: discount out of range"


@internal
@pure
def _price(
    is_call: bool, spot: uint256, strike: uint256, time: uint256, vol: uint256, rate: uint256
) -> uint256:
    """
    @notice Price with forward = spot * e ** (rate * time): Black on spot and discounted strike.
    """
    exponent: uint256 = unsafe_mul(rate, time)  # at 1e36
    low: uint256 = spot
    high: uint256 = 0
    if ((spot | strike) >> _AMOUNT) | ((time | vol | rate) >> _FACTOR) | (exponent >> _SHORT) != 0:
        high = self._discounted(spot, strike, time, vol, rate)
    else:
        high = unsafe_div(unsafe_mul(strike, wad_math._discount(unsafe_div(exponent, _GIGA))), RAY)
    if spot >= high:
        low = high
        high = spot
    if high >= unsafe_mul(low, _FAR_RATIO):
        self._check_strike(spot, strike)
    deviation: uint256 = wad_math._root(unsafe_mul(unsafe_mul(vol, vol), time) | 1)  # RAY, never zero
    price: uint256 = unsafe_div(unsafe_mul(low, normal_math._tails(
        unsafe_div(wad_math._log_ratio(high, low), deviation), deviation >> 1
    ).gap), RAY)
    if is_call == (spot == high):
        return unsafe_add(price, unsafe_sub(high, low))
    return price


@internal
@pure
def _price_delta_vega(
    is_call: bool, spot: uint256, strike: uint256, time: uint256, vol: uint256, rate: uint256
) -> (uint256, int256, uint256):
    """
    @notice Price, d price / d spot, and vega per 1.00 of vol.
    """
    exponent: uint256 = unsafe_mul(rate, time)  # at 1e36
    low: uint256 = spot
    high: uint256 = 0
    if ((spot | strike) >> _AMOUNT) | ((time | vol | rate) >> _FACTOR) | (exponent >> _SHORT) != 0:
        high = self._discounted(spot, strike, time, vol, rate)
    else:
        high = unsafe_div(unsafe_mul(strike, wad_math._discount(unsafe_div(exponent, _GIGA))), RAY)
    if spot >= high:
        low = high
        high = spot
    if high >= unsafe_mul(low, _FAR_RATIO):
        self._check_strike(spot, strike)
    deviation: uint256 = wad_math._root(unsafe_mul(unsafe_mul(vol, vol), time) | 1)  # RAY, never zero
    tails: normal_math.Tails = normal_math._tails(
        unsafe_div(wad_math._log_ratio(high, low), deviation), deviation >> 1
    )
    price: uint256 = unsafe_div(unsafe_mul(low, tails.gap), RAY)
    # N(d1): the near tail if spot is the low side, else one minus the far tail
    delta: uint256 = tails.near
    if spot == high:
        delta = unsafe_sub(RAY, unsafe_div(unsafe_mul(low, unsafe_sub(delta, tails.gap)), high))
        if is_call:
            price = unsafe_add(price, unsafe_sub(high, low))
    elif not is_call:
        price = unsafe_add(price, unsafe_sub(high, low))
    if not is_call:
        delta = unsafe_sub(delta, RAY)
    return (
        price,
        unsafe_div(convert(convert(delta, bytes32), int256), _SGIGA),
        # low * density(x1) * sqrt(time), the root as deviation / vol
        unsafe_div(
            unsafe_mul(unsafe_div(unsafe_mul(low, tails.density), RAY), deviation), unsafe_mul(vol, _GIGA)
        ),
    )


@internal
@pure
def _value(
    is_call: bool, forward: uint256, strike: uint256, total_variance: uint256, discount: uint256
) -> uint256:
    """
    @notice Black-76 price of a forward: discount * (forward N(d1) - strike N(d2)) for a call.
    """
    if ((forward | strike) >> _AMOUNT) | (total_variance >> _VARIANCE) | (discount >> _FACTOR) != 0:
        self._check_value(forward, strike, total_variance, discount)
    low: uint256 = forward
    high: uint256 = strike
    if forward >= strike:
        low = strike
        high = forward
    if high >= unsafe_mul(low, _FAR_RATIO):
        self._check_strike(forward, strike)
    deviation: uint256 = wad_math._root(unsafe_mul(total_variance, _SQUARE))
    price: uint256 = unsafe_div(unsafe_mul(low, normal_math._tails(
        unsafe_div(wad_math._log_ratio(high, low), deviation), deviation >> 1
    ).gap), RAY)
    if is_call == (forward == high):
        price = unsafe_add(price, unsafe_sub(high, low))
    return unsafe_div(unsafe_mul(price, discount), WAD)


@internal
@pure
def _value_greeks(
    is_call: bool,
    forward: uint256,
    strike: uint256,
    total_variance: uint256,
    time: uint256,
    discount: uint256,
) -> Greeks:
    """
    @notice Price and Greeks with respect to the forward. Zero time or variance: the discounted intrinsic
            value, delta 0, +-discount or half of it at the money, nothing else.
    """
    if (((forward | strike) >> _AMOUNT) | (total_variance >> _VARIANCE) | ((discount | time) >> _FACTOR)) != 0:
        self._check_value(forward, strike, total_variance, discount)
        raise "black76: time out of range"  # everything else is in range
    low: uint256 = forward
    high: uint256 = strike
    if forward >= strike:
        low = strike
        high = forward
    if high >= unsafe_mul(low, _FAR_RATIO):
        self._check_strike(forward, strike)
    deviation: uint256 = 1
    if time != 0:
        deviation = wad_math._root(unsafe_mul(total_variance, _SQUARE) | 1)
    half: uint256 = deviation >> 1
    tails: normal_math.Tails = normal_math._tails(
        unsafe_div(wad_math._log_ratio(high, low), deviation), half
    )
    price: uint256 = unsafe_div(unsafe_mul(low, tails.gap), RAY)
    if is_call == (forward == high):
        price = unsafe_add(price, unsafe_sub(high, low))
    greeks: Greeks = empty(Greeks)
    greeks.price = unsafe_div(unsafe_mul(price, discount), WAD)
    # N(d1): the near tail if the forward is the low side, else one minus the far tail
    delta: uint256 = tails.near
    if forward == high:
        delta = unsafe_sub(RAY, unsafe_div(unsafe_mul(low, unsafe_sub(delta, tails.gap)), high))
    if not is_call:
        delta = unsafe_sub(delta, RAY)
    greeks.delta = unsafe_div(
        unsafe_mul(convert(convert(delta, bytes32), int256), convert(convert(discount, bytes32), int256)), _SRAY
    )
    if half == 0:
        return greeks

    # discount * forward * density(d1): a factor of both, as gamma * forward ** 2 = weight / s
    weight: uint256 = unsafe_div(unsafe_mul(unsafe_div(unsafe_mul(low, tails.density), RAY), discount), WAD)
    root: uint256 = wad_math._root(unsafe_mul(time, _SQUARE))  # sqrt(time), RAY
    greeks.gamma = convert(convert(unsafe_div(unsafe_mul(weight, RAY), deviation), bytes32), int256)
    greeks.vega = convert(convert(unsafe_div(unsafe_mul(weight, root), RAY), bytes32), int256)
    return greeks
