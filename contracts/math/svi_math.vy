#pragma version ~=0.4.3
"""
@title svi_math
@author Vomma
@license AGPL-3.0-only
@notice Total variance of a raw SVI smile in log-moneyness k = ln(strike / forward):
        w(k) = a + b (rho (k - m) + sqrt((k - m) ** 2 + sigma ** 2)).
@custom:domain Every input below 2**80 in size (1.2e6 WAD); strike and forward as in `wad_math._log_ratio`.
        The surface contract keeps parameters far inside, so nothing is checked again here.
@custom:error 2 wei of total variance for b <= 1; one wei of log-moneyness.
@custom:source J. Gatheral, A. Jacquier (2014), Arbitrage-free SVI volatility surfaces.
"""


from . import wad_math


_LOG_WAD: constant(uint256) = 10**36  # 1e54 / WAD
_SGIGA: constant(int256) = 10**9
_SRAY: constant(int256) = 10**27
_SWAD: constant(int256) = 10**18


@internal
@pure
def _total_variance(
    k: int256, a: int256, b: int256, rho: int256, m: int256, sigma: int256
) -> uint256:
    """
    @notice Total variance in WAD, zero where the smile would be negative.
    """
    offset: int256 = unsafe_sub(k, m)
    # squares are at 1e36, their root is wanted in RAY
    square: int256 = unsafe_mul(unsafe_add(unsafe_mul(offset, offset), unsafe_mul(sigma, sigma)), _SWAD)
    root: int256 = convert(convert(wad_math._root(convert(convert(square, bytes32), uint256)), bytes32), int256)
    wings: int256 = unsafe_add(unsafe_div(unsafe_mul(rho, offset), _SGIGA), root)
    variance: int256 = unsafe_add(a, unsafe_div(unsafe_mul(b, wings), _SRAY))
    if variance < 0:
        return 0
    return convert(convert(variance, bytes32), uint256)


@internal
@pure
def _log_moneyness(strike: uint256, forward: uint256) -> int256:
    """
    @notice ln(strike / forward) in WAD, rounded toward zero.
    """
    if strike >= forward:
        return convert(unsafe_div(wad_math._log_ratio(strike, forward), _LOG_WAD), int256)
    return -convert(unsafe_div(wad_math._log_ratio(forward, strike), _LOG_WAD), int256)
