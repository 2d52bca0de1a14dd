#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title MathHarness
@author Vomma
@license AGPL-3.0-only
@notice Opens the numerical kernel to tests and measurements. `noop_x` has the interface of `x` and does
        nothing: the difference in gas is what the kernel itself costs, its internal call included.
"""


from ..math import black76_math
from ..math import normal_math
from ..math import svi_math
from ..math import wad_math


@external
@pure
def mul_down(a: uint256, b: uint256) -> uint256:
    return wad_math._mul_down(a, b)


@external
@pure
def mul_up(a: uint256, b: uint256) -> uint256:
    return wad_math._mul_up(a, b)


@external
@pure
def div_down(a: uint256, b: uint256) -> uint256:
    return wad_math._div_down(a, b)


@external
@pure
def div_up(a: uint256, b: uint256) -> uint256:
    return wad_math._div_up(a, b)


@external
@pure
def smul_floor(a: int256, b: int256) -> int256:
    return wad_math._smul_floor(a, b)


@external
@pure
def smul_ceil(a: int256, b: int256) -> int256:
    return wad_math._smul_ceil(a, b)


@external
@pure
def sdiv_floor(a: int256, b: int256) -> int256:
    return wad_math._sdiv_floor(a, b)


@external
@pure
def sdiv_ceil(a: int256, b: int256) -> int256:
    return wad_math._sdiv_ceil(a, b)


@external
@pure
def root(square: uint256) -> uint256:
    return wad_math._root(square)


@external
@pure
def log_ratio(high: uint256, low: uint256) -> uint256:
    return wad_math._log_ratio(high, low)


@external
@pure
def discount(exponent: uint256) -> uint256:
    return wad_math._discount(exponent)


@external
@pure
def decay(exponent: uint256) -> uint256:
    return wad_math._decay(exponent)


@external
@pure
def square_root(x: uint256) -> uint256:
    return wad_math._sqrt(x)


@external
@pure
def ln(x: uint256) -> int256:
    return wad_math._ln(x)


@external
@pure
def exp(x: int256) -> uint256:
    return wad_math._exp(x)


@external
@pure
def tails(middle: uint256, half: uint256) -> normal_math.Tails:
    return normal_math._tails(middle, half)


@external
@pure
def total_variance(
    k: int256, a: int256, b: int256, rho: int256, m: int256, sigma: int256
) -> uint256:
    return svi_math._total_variance(k, a, b, rho, m, sigma)


@external
@pure
def noop_total_variance(
    k: int256, a: int256, b: int256, rho: int256, m: int256, sigma: int256
) -> uint256:
    return 0


@external
@pure
def log_moneyness(strike: uint256, forward: uint256) -> int256:
    return svi_math._log_moneyness(strike, forward)


@external
@pure
def noop_log_moneyness(strike: uint256, forward: uint256) -> int256:
    return 0


@external
@pure
def price(
    is_call: bool, spot: uint256, strike: uint256, time: uint256, vol: uint256, rate: uint256
) -> uint256:
    return black76_math._price(is_call, spot, strike, time, vol, rate)


@external
@pure
def noop_price(
    is_call: bool, spot: uint256, strike: uint256, time: uint256, vol: uint256, rate: uint256
) -> uint256:
    return 0


@external
@pure
def price_delta_vega(
    is_call: bool, spot: uint256, strike: uint256, time: uint256, vol: uint256, rate: uint256
) -> (uint256, int256, uint256):
    return black76_math._price_delta_vega(is_call, spot, strike, time, vol, rate)


@external
@pure
def noop_price_delta_vega(
    is_call: bool, spot: uint256, strike: uint256, time: uint256, vol: uint256, rate: uint256
) -> (uint256, int256, uint256):
    return 0, 0, 0


@external
@pure
def value(
    is_call: bool, forward: uint256, strike: uint256, total_variance: uint256, discount: uint256
) -> uint256:
    return black76_math._value(is_call, forward, strike, total_variance, discount)


@external
@pure
def noop_value(
    is_call: bool, forward: uint256, strike: uint256, total_variance: uint256, discount: uint256
) -> uint256:
    return 0


@external
@pure
def value_greeks(
    is_call: bool,
    forward: uint256,
    strike: uint256,
    total_variance: uint256,
    time: uint256,
    discount: uint256,
) -> black76_math.Greeks:
    return black76_math._value_greeks(
        is_call, forward, strike, total_variance, time, discount
    )


@external
@pure
def noop_value_greeks(
    is_call: bool,
    forward: uint256,
    strike: uint256,
    total_variance: uint256,
    time: uint256,
    discount: uint256,
) -> black76_math.Greeks:
    return empty(black76_math.Greeks)
