#pragma version ~=0.4.3
"""
@title surface_checks
@author Vomma
@license AGPL-3.0-only
@notice What one expiry's raw SVI must satisfy, alone, against its neighbours and against the one it
        replaces. A grid of log-moneyness stands for the smile: dense where options trade, and as
        far out as a strike can be listed.
@custom:source J. Gatheral, A. Jacquier (2014), Arbitrage-free SVI volatility surfaces: positivity
        a + b sigma sqrt(1 - rho**2) >= 0 and calendar order; R. Lee (2004), The moment formula for
        implied volatility at extreme strikes: wings no steeper than 2.
"""


from ..interfaces import IVolSurface
from ..math import svi_math
from ..math import wad_math


WAD: constant(uint256) = 10**18
_SWAD: constant(int256) = 10**18
_YEAR: constant(uint256) = 365 * 86_400

POINTS: constant(uint256) = 9
ATM: constant(uint256) = 4  # where k = 0
_GRID: constant(int256[POINTS]) = [
    -1 * 10**18,
    -6 * 10**17,
    -3 * 10**17,
    -12 * 10**16,
    0,
    12 * 10**16,
    3 * 10**17,
    6 * 10**17,
    1 * 10**18,
]

_MAX_A: constant(int256) = 9 * 10**18  # a packed field ends at 9.22
_MAX_M: constant(int256) = 2 * 10**18
_MIN_SIGMA: constant(int256) = 10**14
_MAX_SIGMA: constant(int256) = 4 * 10**18
_MAX_BASIS: constant(int256) = 5 * 10**17
_MAX_RATE: constant(int256) = 10**18
_MAX_WING: constant(int256) = 2 * 10**18
# Volatility at the money, squared: 5 % and 500 % a year.
_MIN_LEVEL: constant(uint256) = 25 * 10**14
_MAX_LEVEL: constant(uint256) = 25 * 10**18


@internal
@pure
def _check_shape(s: IVolSurface.ExpirySurface):
    assert s.rho > -_SWAD and s.rho < _SWAD, "surface: rho out of range"
    assert s.sigma >= _MIN_SIGMA and s.sigma <= _MAX_SIGMA, "surface: sigma out of range"
    assert s.a >= -_MAX_A and s.a <= _MAX_A, "surface: a out of range"
    assert s.m >= -_MAX_M and s.m <= _MAX_M, "surface: m out of range"
    assert s.basis >= -_MAX_BASIS and s.basis <= _MAX_BASIS, "surface: basis out of range"
    assert s.rate >= -_MAX_RATE and s.rate <= _MAX_RATE, "surface: rate out of range"
    assert s.b >= 0, "surface: b negative"
    assert s.b <= _MAX_WING, "surface: wing too steep"
    assert s.b * (_SWAD + abs(s.rho)) <= _MAX_WING * _SWAD, "surface: wing too steep"
    # Exact but for the root, which is rounded down: against the surface.
    root: int256 = convert(isqrt(convert(_SWAD * _SWAD - s.rho * s.rho, uint256)), int256)
    assert s.a * _SWAD * _SWAD + s.b * s.sigma * root >= 0, "surface: variance negative"


@internal
@pure
def _variances(a: int256, b: int256, rho: int256, m: int256, sigma: int256) -> uint256[POINTS]:
    """
    @notice Total variance on the grid, for parameters that passed `_check_shape`.
    """
    grid: uint256[POINTS] = empty(uint256[POINTS])
    i: uint256 = 0
    for k: int256 in _GRID:
        grid[i] = svi_math._total_variance(k, a, b, rho, m, sigma)
        i += 1
    return grid


@internal
@pure
def _check_level(grid: uint256[POINTS], life: uint256):
    level: uint256 = grid[ATM] * _YEAR // life
    assert level >= _MIN_LEVEL and level <= _MAX_LEVEL, "surface: vol out of range"


@internal
@pure
def _check_calendar(near: uint256[POINTS], far: uint256[POINTS]):
    for i: uint256 in range(POINTS):
        assert near[i] <= far[i], "surface: calendar arbitrage"


@internal
@pure
def _check_step(old: uint256[POINTS], new: uint256[POINTS], life: uint256, limit: uint256):
    """
    @notice Away from the money a smile moves in proportion to its height: wings of short expiries
            stand at several times the volatility at the money, and swing by as many times more.
    @param limit Largest move of volatility at the money, WAD.
    """
    level: uint256 = wad_math._sqrt(old[ATM] * _YEAR // life)
    for i: uint256 in range(POINTS):
        before: uint256 = wad_math._sqrt(old[i] * _YEAR // life)
        room: uint256 = limit * max(before, level) // level
        after: uint256 = new[i] * _YEAR // life * WAD  # squared: one root is enough
        high: uint256 = before + room
        low: uint256 = before - min(before, room)
        assert after <= high * high and after >= low * low, "surface: step too large"
