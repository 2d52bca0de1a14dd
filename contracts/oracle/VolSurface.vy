#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title VolSurface
@author Vomma
@license AGPL-3.0-only
@notice The volatility surface of every underlying, posted by the keeper and kept in bounds here.

        How far one push may move volatility at the money from the surface it replaces:
          vol_step * sqrt(min(1, elapsed / step_interval)) * max(1, sqrt(30 days / life))
        with life no less than a day, and in proportion to its height elsewhere on the grid. Honest
        moves grow with the root of time and are larger for short expiries. Basis and rate steps
        scale with elapsed time alone.
        Defaults for an hourly keeper: vol_step 0.12, basis_step 0.01, rate_step 0.05,
        step_interval 3600, min_interval 240. That lets a weekly move 25 points an hour.
@custom:security A stolen keeper key that pushes as often as it may walks a surface by no more than
        vol_step * sqrt(step_interval / min_interval) per step_interval: 3.9 steps an hour by
        default. Butterflies are the keeper's to avoid: they are not checked here.
@custom:kill None. Without pushes a surface goes stale, and its readers stop new risk.
"""


from ..access import role_access as access
from ..interfaces import IVolSurface
from ..math import series_codec
from ..math import surface_codec
from ..math import wad_math
from . import day_list
from . import surface_checks


implements: IVolSurface
initializes: access


# A grid of total variance, as it stands now.
struct Slice:
    day: uint256
    grid: uint256[surface_checks.POINTS]


WAD: constant(uint256) = 10**18
_DAY: constant(uint256) = 86_400
_MAX_UNDERLYING: constant(uint256) = 255
_MAX_LIFE: constant(uint256) = 731 * _DAY
_MIN_TENOR: constant(uint256) = _DAY
_TENOR: constant(uint256) = 30 * _DAY
# Wider than any market has moved within an hour.
_MAX_VOL_STEP: constant(uint256) = 10**18
_MAX_BASIS_STEP: constant(uint256) = 2 * 10**17
_MAX_RATE_STEP: constant(uint256) = 10**18
_MAX_INTERVAL: constant(uint256) = _DAY
_MASK64: constant(uint256) = 2**64 - 1
_MASK32: constant(uint256) = 2**32 - 1

_words: HashMap[uint256, HashMap[uint256, uint256[2]]]
_previous: HashMap[uint256, HashMap[uint256, uint256[2]]]
_days: HashMap[uint256, uint256[2]]
_limits: uint256  # vol step 64 | basis step 64 | rate step 64 | step interval 32 | min interval 32


@deploy
def __init__(
    manager: address,
    vol_step: uint256,
    basis_step: uint256,
    rate_step: uint256,
    step_interval: uint256,
    min_interval: uint256,
):
    access.__init__(manager)
    self._set_step_limits(vol_step, basis_step, rate_step)
    self._set_intervals(step_interval, min_interval)


@external
def push(underlying: uint256, surfaces: DynArray[IVolSurface.ExpirySurface, 12]):
    access._check_keeper()
    assert underlying != 0 and underlying <= _MAX_UNDERLYING, "surface: unknown underlying"
    stored: uint256[2] = self._days[underlying]
    days: DynArray[uint256, day_list.SIZE] = day_list._unpack(stored, self._first_day())
    limits: uint256 = self._limits
    pushed: DynArray[Slice, 12] = []
    last: uint256 = 0
    for s: IVolSurface.ExpirySurface in surfaces:
        assert s.day > last, "surface: days not ascending"
        last = s.day
        if self._words[underlying][s.day][1] == 0:
            days = day_list._insert(days, s.day)
        pushed.append(Slice(day=s.day, grid=self._replace(underlying, s, limits)))
    self._check_neighbours(underlying, days, pushed)
    words: uint256[2] = day_list._pack(days)
    for i: uint256 in range(2):
        if words[i] != stored[i]:
            self._days[underlying][i] = words[i]


@external
def set_step_limits(vol_step: uint256, basis_step: uint256, rate_step: uint256):
    access._check_admin()
    self._set_step_limits(vol_step, basis_step, rate_step)


@external
def set_intervals(step_interval: uint256, min_interval: uint256):
    access._check_admin()
    self._set_intervals(step_interval, min_interval)


# The lock is left out on the hot path: a push calls nobody between its first write and its last.
@external
@view
@reentrant
def words(underlying: uint256, day: uint256) -> uint256[2]:
    return self._words[underlying][day]


@external
@view
@reentrant
def previous_words(underlying: uint256, day: uint256) -> uint256[2]:
    return self._previous[underlying][day]


@external
@view
def live_days(underlying: uint256) -> DynArray[uint256, day_list.SIZE]:
    return day_list._unpack(self._days[underlying], self._first_day())


@internal
def _replace(
    underlying: uint256, s: IVolSurface.ExpirySurface, limits: uint256
) -> uint256[surface_checks.POINTS]:
    """
    @return The new surface's total variance on the grid.
    """
    assert s.day >= self._first_day(), "surface: day expired"
    life: uint256 = series_codec._expiry(s.day) - block.timestamp
    assert life <= _MAX_LIFE, "surface: day too far"
    surface_checks._check_shape(s)
    grid: uint256[surface_checks.POINTS] = surface_checks._variances(s.a, s.b, s.rho, s.m, s.sigma)
    surface_checks._check_level(grid, life)
    old: uint256[2] = self._words[underlying][s.day]
    if old[1] != 0:
        self._check_steps(s, grid, old, limits)
        self._previous[underlying][s.day] = old
    words: uint256[2] = surface_codec._pack(
        s.a, s.b, s.basis, s.rate, s.rho, s.m, s.sigma, block.timestamp, s.behind
    )
    self._words[underlying][s.day] = words
    log IVolSurface.SurfacePushed(underlying=underlying, day=s.day, words=words)
    return grid


@internal
@view
def _check_steps(
    s: IVolSurface.ExpirySurface,
    grid: uint256[surface_checks.POINTS],
    old: uint256[2],
    limits: uint256,
):
    elapsed: uint256 = block.timestamp - surface_codec._timestamp(old)
    interval: uint256 = (limits >> 32) & _MASK32
    assert elapsed >= limits & _MASK32, "surface: pushed too soon"
    share: uint256 = min(elapsed, interval) * WAD // interval
    pace: uint256 = wad_math._sqrt(share)
    basis: int256 = (convert(convert(old[0], bytes32), int256) << 128) >> 192
    rate: int256 = (convert(convert(old[0], bytes32), int256) << 192) >> 192
    room: uint256 = wad_math._mul_down((limits >> 128) & _MASK64, pace)
    assert convert(abs(s.basis - basis), uint256) <= room, "surface: basis step too large"
    room = wad_math._mul_down((limits >> 64) & _MASK64, pace)
    assert convert(abs(s.rate - rate), uint256) <= room, "surface: rate step too large"
    life: uint256 = series_codec._expiry(s.day) - block.timestamp
    if life < _TENOR:
        pace = wad_math._sqrt(share * _TENOR // max(life, _MIN_TENOR))
    limit: uint256 = wad_math._mul_down(limits >> 192, pace)
    surface_checks._check_step(self._grid_now(s.day, old), grid, life, limit)


@internal
@view
def _check_neighbours(
    underlying: uint256,
    days: DynArray[uint256, day_list.SIZE],
    pushed: DynArray[Slice, 12],
):
    """
    @notice Calendar order of every pair of live neighbours of which one was pushed.
    """
    near: uint256[surface_checks.POINTS] = empty(uint256[surface_checks.POINTS])
    near_pushed: bool = False
    j: uint256 = 0
    for i: uint256 in range(len(days), bound=day_list.SIZE):
        here: uint256[surface_checks.POINTS] = empty(uint256[surface_checks.POINTS])
        here_pushed: bool = j < len(pushed) and pushed[j].day == days[i]
        next_pushed: bool = (
            j < len(pushed) and i + 1 < len(days) and pushed[j].day == days[i + 1]
        )
        if here_pushed:
            here = pushed[j].grid
            j += 1
        elif near_pushed or next_pushed:
            here = self._grid_now(days[i], self._words[underlying][days[i]])
        if i != 0 and (near_pushed or here_pushed):
            surface_checks._check_calendar(near, here)
        near = here
        near_pushed = here_pushed


@internal
@view
def _grid_now(day: uint256, words: uint256[2]) -> uint256[surface_checks.POINTS]:
    """
    @notice Total variance of a stored surface for the life left: between pushes implied volatility
            stays, as the pricer has it.
    """
    a: int256 = 0
    b: int256 = 0
    basis: int256 = 0
    rate: int256 = 0
    rho: int256 = 0
    m: int256 = 0
    sigma: int256 = 0
    posted: uint256 = 0
    a, b, basis, rate, rho, m, sigma, posted = surface_codec._unpack(words)
    grid: uint256[surface_checks.POINTS] = surface_checks._variances(a, b, rho, m, sigma)
    expiry: uint256 = series_codec._expiry(day)
    for i: uint256 in range(surface_checks.POINTS):
        grid[i] = grid[i] * (expiry - block.timestamp) // (expiry - posted)
    return grid


@internal
@view
def _first_day() -> uint256:
    """
    @return The first day whose expiry is still to come.
    """
    return (block.timestamp - series_codec._expiry(0)) // _DAY + 1


@internal
def _set_step_limits(vol_step: uint256, basis_step: uint256, rate_step: uint256):
    assert vol_step != 0 and vol_step <= _MAX_VOL_STEP, "surface: vol step out of range"
    assert basis_step <= _MAX_BASIS_STEP, "surface: basis step out of range"
    assert rate_step <= _MAX_RATE_STEP, "surface: rate step out of range"
    steps: uint256 = (vol_step << 192) | (basis_step << 128) | (rate_step << 64)
    self._limits = steps | (self._limits & _MASK64)
    log IVolSurface.StepLimitsSet(vol_step=vol_step, basis_step=basis_step, rate_step=rate_step)


@internal
def _set_intervals(step_interval: uint256, min_interval: uint256):
    assert step_interval <= _MAX_INTERVAL, "surface: interval out of range"
    # Never twice in a second: a second push would hide the surface before the first.
    assert min_interval != 0 and min_interval <= step_interval, "surface: interval out of range"
    self._limits = (self._limits >> 64 << 64) | (step_interval << 32) | min_interval
    log IVolSurface.IntervalsSet(step_interval=step_interval, min_interval=min_interval)
