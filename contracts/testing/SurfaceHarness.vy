#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
"""
@title SurfaceHarness
@author Vomma
@license AGPL-3.0-only
@notice Test door to the pure modules of the surface.
"""


from ..math import surface_codec


@external
@pure
def pack(
    a: int256,
    b: int256,
    basis: int256,
    rate: int256,
    rho: int256,
    m: int256,
    sigma: int256,
    timestamp: uint256,
    behind: uint256,
) -> uint256[2]:
    return surface_codec._pack(a, b, basis, rate, rho, m, sigma, timestamp, behind)


@external
@pure
def unpack(
    words: uint256[2],
) -> (int256, int256, int256, int256, int256, int256, int256, uint256):
    return surface_codec._unpack(words)


@external
@pure
def behind(words: uint256[2]) -> uint256:
    return surface_codec._behind(words)
