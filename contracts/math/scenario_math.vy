#pragma version ~=0.4.3
"""
@title scenario_math
@author Vomma
@license AGPL-3.0-only
@notice What an option is worth in every scenario. With L = ln(F / K) and s the deviation, both once a
        leg, a move m of spot is L + ln(1 + m), a shock of volatility s times its factor; one kernel
        call each is left. Discounted forwards and strikes carry the discount, so no price is scaled.

          cell   0 .. 8 core moves, vol up | 9 .. 14 tails | 15 .. 23 core, vol same
                 | 24 .. 32 core, vol down | 33 skew down, 34 skew up

        Also the linear bound of a short, which no scenario exceeds:
          - intrinsic value rises by at most range F (a call) or range min(F, K) (a put), and a tail of
            which a share d counts by no more, as d |m| <= range;
          - time value is at most 0.4 min(F, K) s, and the share-weighted mean of min(F (1 + m), K) is
            at most min(F (1 + range), K), since min is concave;
          - neither is a call ever worth more than its forward, a put more than its strike.
@custom:domain Spot, forward, strike < 2**96, sizes < 2**127, factors < 2**64: a sum of 64 legs stays
        below 2**(127 + 98 + 6).
@custom:error The kernel's (black76_math) and three wei a contract of rounding.
"""


from . import margin_codec
from . import normal_math
from . import wad_math


CORE: constant(uint256) = 9
POINTS: constant(uint256) = 15  # core and tails
CELLS: constant(uint256) = 35
SAME: constant(uint256) = 15
DOWN: constant(uint256) = 24
TILTED: constant(uint256) = 33

WAD: constant(uint256) = 10**18
RAY: constant(uint256) = 10**27
_SWAD: constant(int256) = 10**18

_FLOOR: constant(uint256) = 25 * 10**16  # no shock leaves less of a volatility
_TERM: constant(uint256) = 30 * 86_400
_ATM_FACTOR: constant(uint256) = 4 * 10**17  # above 1 / sqrt(2 pi) = 0.39894...


struct Grid:
    # the moves of spot: core from low to high, then tails
    multiples: uint256[POINTS]  # 1 + m, WAD
    logs: int256[POINTS]  # ln(1 + m) at 1e54
    shares: int256[POINTS]  # of a tail's P&L, WAD
    core: uint256
    count: uint256


struct Term:
    # an expiry at one spot
    forwards: uint256[POINTS]  # discounted, of what is open and fixed
    logs: int256[POINTS]  # ln of each over the unmoved
    scales: uint256[POINTS]  # inside the print window: open part of each, RAY
    in_window: bool
    up: uint256  # factors of volatility, WAD
    down: uint256
    lean: uint256


struct Leg:
    size: int256
    is_call: bool
    strike: uint256  # discounted
    level: int256  # ln(F / K) at 1e54, of the forward as above
    moneyness: int256  # ln(K / F), WAD, of the expiry's own forward
    deviation: uint256  # RAY, not zero


struct Sums:
    # WAD squared
    cells: int256[CELLS]
    calls: int256  # delta by forward, undiscounted, of an expiry's calls
    puts: int256


@internal
@pure
def _grid(terms: uint256, tails: uint256) -> Grid:
    grid: Grid = empty(Grid)
    steps: uint256 = margin_codec._steps(terms)
    reach: uint256 = margin_codec._largest_move(terms)
    grid.core = unsafe_add(unsafe_mul(2, steps), 1)
    grid.count = unsafe_add(grid.core, margin_codec._tail_count(terms))
    for i: uint256 in range(grid.count, bound=POINTS):
        multiple: uint256 = 0
        if i < grid.core:
            # range < WAD, so the lowest is positive
            multiple = unsafe_sub(
                unsafe_add(WAD, unsafe_div(unsafe_mul(reach, i), steps)), reach
            )
        else:
            tail: uint256 = unsafe_sub(i, grid.core)
            multiple = margin_codec._multiple(tails, tail)
            grid.shares[i] = convert(margin_codec._share(tails, tail), int256)
        grid.multiples[i] = multiple
        grid.logs[i] = self._log(multiple, WAD)
    return grid


@internal
@pure
def _log(x: uint256, y: uint256) -> int256:
    """
    @return ln(x / y) at 1e54
    """
    if x >= y:
        return convert(convert(wad_math._log_ratio(x, y), bytes32), int256)
    return unsafe_sub(0, convert(convert(wad_math._log_ratio(y, x), bytes32), int256))


@internal
@pure
def _shocks(terms: uint256, life: uint256) -> (uint256, uint256, uint256):
    """
    @return Factors of volatility (up, down) and the tilt at full moneyness for a life in seconds, WAD.
    """
    floored: uint256 = max(life, margin_codec._vol_floor(terms))
    # (30 days / life) ** (1/4), RAY
    root: uint256 = wad_math._root(unsafe_div(unsafe_mul(_TERM, RAY * RAY), floored))
    growth: uint256 = wad_math._root(unsafe_mul(root, RAY))
    fall: uint256 = unsafe_div(unsafe_mul(margin_codec._vol_down(terms), growth), RAY)
    return (
        unsafe_add(WAD, unsafe_div(unsafe_mul(margin_codec._vol_up(terms), growth), RAY)),
        unsafe_sub(WAD, min(fall, WAD - _FLOOR)),
        unsafe_div(unsafe_mul(margin_codec._skew(terms), growth), RAY),
    )


@internal
@pure
def _plain_term(shocks: Term, grid: Grid, forward: uint256) -> Term:
    """
    @param forward Discounted.
    """
    term: Term = shocks
    term.logs = grid.logs
    for i: uint256 in range(grid.count, bound=POINTS):
        term.forwards[i] = unsafe_div(unsafe_mul(forward, grid.multiples[i]), WAD)
    return term


@internal
@pure
def _window_term(
    shocks: Term, grid: Grid, moving: uint256, fixed: uint256, discount: uint256
) -> Term:
    """
    @notice The print is an average of which `fixed` no longer moves: less of it, less volatile.
    """
    term: Term = shocks
    term.in_window = True
    unmoved: uint256 = fixed + moving
    for i: uint256 in range(grid.count, bound=POINTS):
        open: uint256 = wad_math._mul_down(moving, grid.multiples[i])
        average: uint256 = fixed + open
        term.forwards[i] = wad_math._mul_down(average, discount)
        term.logs[i] = self._log(average, unmoved)
        term.scales[i] = open * RAY // average
    return term


@internal
@pure
def _tilted(term: Term, leg: Leg, rising: bool) -> uint256:
    """
    @return The leg's deviation where the smile tilts, RAY.
    """
    lean: int256 = min(max(unsafe_mul(2, leg.moneyness), -_SWAD), _SWAD)
    change: int256 = unsafe_div(
        unsafe_mul(lean, convert(convert(term.lean, bytes32), int256)), _SWAD
    )
    if not rising:
        change = unsafe_sub(0, change)
    factor: int256 = max(unsafe_add(_SWAD, change), convert(_FLOOR, int256))
    return self._scaled(leg.deviation, convert(convert(factor, bytes32), uint256))


@internal
@pure
def _scaled(deviation: uint256, factor: uint256) -> uint256:
    return unsafe_div(unsafe_mul(deviation, factor), WAD) | 1


@internal
@pure
def _add(before: Sums, term: Term, leg: Leg, grid: Grid) -> Sums:
    """
    @notice The sums with a leg's value in every scenario. Long legs round down, short ones up.
    """
    sums: Sums = before
    is_call: bool = leg.is_call
    strike: uint256 = leg.strike
    size: int256 = leg.size
    short_wei: uint256 = convert(size < 0, uint256)
    middle: uint256 = grid.core >> 1
    up: uint256 = self._scaled(leg.deviation, term.up)
    same: uint256 = leg.deviation
    down: uint256 = self._scaled(leg.deviation, term.down)
    for i: uint256 in range(grid.count, bound=POINTS):
        forward: uint256 = term.forwards[i]
        distance: uint256 = convert(
            convert(abs(unsafe_add(leg.level, term.logs[i])), bytes32), uint256
        )
        low: uint256 = forward
        high: uint256 = strike
        if forward >= strike:
            low = strike
            high = forward
        base: uint256 = short_wei
        if is_call == (forward >= strike):
            base = unsafe_add(base, unsafe_sub(high, low))
        if term.in_window:
            up = unsafe_div(unsafe_mul(self._scaled(leg.deviation, term.up), term.scales[i]), RAY) | 1
            same = unsafe_div(unsafe_mul(leg.deviation, term.scales[i]), RAY) | 1
            down = unsafe_div(
                unsafe_mul(self._scaled(leg.deviation, term.down), term.scales[i]), RAY
            ) | 1
        gap: uint256 = normal_math._tails(unsafe_div(distance, up), up >> 1).gap
        sums.cells[i] = unsafe_add(sums.cells[i], self._held(size, base, low, gap))
        if i >= grid.core:
            continue
        at: uint256 = unsafe_add(SAME, i)
        tails: normal_math.Tails = normal_math._tails(unsafe_div(distance, same), same >> 1)
        sums.cells[at] = unsafe_add(sums.cells[at], self._held(size, base, low, tails.gap))
        at = unsafe_add(DOWN, i)
        gap = normal_math._tails(unsafe_div(distance, down), down >> 1).gap
        sums.cells[at] = unsafe_add(sums.cells[at], self._held(size, base, low, gap))
        if i == middle:
            # N(d1): the near tail if the forward is the low side, else one minus the far tail
            share: uint256 = tails.near
            if forward >= strike:
                share = unsafe_sub(
                    RAY, unsafe_div(unsafe_mul(low, unsafe_sub(share, tails.gap)), high)
                )
            if is_call:
                sums.calls = unsafe_add(sums.calls, self._held(size, 0, share, WAD))
            else:
                sums.puts = unsafe_sub(
                    sums.puts, self._held(size, 0, unsafe_sub(RAY, share), WAD)
                )
            for tilt: uint256 in range(2):
                leaned: uint256 = self._tilted(term, leg, tilt == 1)
                if term.in_window:
                    leaned = unsafe_div(unsafe_mul(leaned, term.scales[i]), RAY) | 1
                gap = normal_math._tails(unsafe_div(distance, leaned), leaned >> 1).gap
                at = unsafe_add(TILTED, tilt)
                sums.cells[at] = unsafe_add(sums.cells[at], self._held(size, base, low, gap))
    return sums


@internal
@pure
def _held(size: int256, base: uint256, low: uint256, gap: uint256) -> int256:
    value: uint256 = unsafe_add(base, unsafe_div(unsafe_mul(low, gap), RAY))
    return unsafe_mul(size, convert(convert(value, bytes32), int256))


@internal
@pure
def _up(a: uint256, b: uint256) -> uint256:
    return unsafe_div(unsafe_add(unsafe_mul(a, b), WAD - 1), WAD)


@internal
@pure
def _short_bound(
    is_call: bool, forward: uint256, strike: uint256, deviation: uint256, bound: uint256
) -> uint256:
    """
    @notice What one short option is worth at most in any scenario, at a discount of one.
    @param deviation Square root of total variance, RAY.
    @param bound Largest move and vol factor of the expiry's life (margin_codec).
    @custom:rounding up, against the account
    """
    reach: uint256 = margin_codec._bound_move(bound)
    low: uint256 = min(forward, strike)
    # The bound's fields are below 2**67 and a deviation below 2**96: no product reaches 2**170.
    climb: uint256 = self._up(forward, reach)
    raised: uint256 = unsafe_add(forward, climb)
    value: uint256 = unsafe_sub(forward, low)
    if not is_call:
        value = unsafe_sub(strike, low)
        climb = self._up(low, reach)
    stressed: uint256 = self._up(
        unsafe_add(unsafe_div(deviation, 10**9), 1),
        self._up(_ATM_FACTOR, margin_codec._bound_factor(bound)),
    )
    value = unsafe_add(unsafe_add(value, climb), self._up(min(raised, strike), stressed))
    return min(value, raised if is_call else strike)


@internal
@pure
def _lowest(
    cells: int256[CELLS], grid: Grid, exposure: int256
) -> (int256, int256):
    """
    @param exposure Value of what moves with spot, WAD.
    @return (value at mark, lowest of all scenarios), WAD squared; without the exposure's own value.
    """
    mark: int256 = cells[SAME + (grid.core >> 1)]
    lowest: int256 = min(mark, min(cells[TILTED], cells[TILTED + 1]))
    for i: uint256 in range(grid.count, bound=POINTS):
        multiple: int256 = convert(grid.multiples[i], int256)
        moved: int256 = exposure * (multiple - _SWAD)
        if i < grid.core:
            core: int256 = min(min(cells[i], cells[SAME + i]), cells[DOWN + i])
            lowest = min(lowest, core + moved)
        else:
            # Scaled down between the factors: the square of a large sum would not fit.
            change: int256 = wad_math._floor_div(cells[i] + moved - mark, 10**9)
            lowest = min(lowest, mark + change * (grid.shares[i] // 10**9))
    return mark, lowest
