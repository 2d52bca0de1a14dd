#pragma version ~=0.4.3
"""
@title wad_math
@author Vomma
@license AGPL-3.0-only
@notice Fixed-point arithmetic. Money and rates are WAD (1e18) and the direction of rounding is in
        the name; logarithms, roots and exponentials are computed in RAY (1e27).

        The special functions are minimax rationals written as continued fractions
            c1/(x + a1 + c2/(x + a2 + ...))
        because a division costs no more than a multiplication and needs no rescaling between levels.
        Every partial denominator keeps one sign on the fitted interval, so unsigned division is right.
@custom:domain `_log_ratio`: 0 < low <= high < 2**128. `_root`: any square. `_discount`: exponent <= 0.18 RAY,
        `_decay` any. `_sqrt`: x < 2**136. `_ln`: 0 < x < 2**128. `_exp`: x <= 100 WAD.
@custom:error Measured: `_log_ratio` 1.5e-20 absolute; `_root` 5.2e-21, `_discount` 3e-22 and `_decay` 1.3e-21
        relative. `_sqrt` and `_ln` one wei, `_exp` one wei or 1.3e-21 of its value.
@custom:source Coefficients: scripts/fit_kernel.py (Remez exchange, our own fits).
"""


WAD: constant(uint256) = 10**18
RAY: constant(uint256) = 10**27
_SWAD: constant(int256) = 10**18
_GIGA: constant(uint256) = 10**9  # RAY / WAD
_LOG_WAD: constant(uint256) = 10**36  # 1e54 / WAD
_LN2: constant(uint256) = 693147180559945309417232121  # RAY
# (2.25 - 1)/(2.25 + 1): the rational of `_log_ratio` holds for ratios up to 2.25.
_Z_END: constant(uint256) = 5 * RAY // 13
_EXP_CEILING: constant(int256) = 100 * 10**18
# Below e**-62 nothing is left of a RAY.
_EXP_FLOOR: constant(int256) = -62 * 10**18
# The seed of `_root` holds for squares between 1e-6 and 8, at 1e54.
_ROOT_LOW: constant(uint256) = 10**48
_ROOT_SPAN: constant(uint256) = 8 * 10**54 - 10**48


@internal
@pure
def _mul_down(a: uint256, b: uint256) -> uint256:
    return a * b // WAD


@internal
@pure
def _mul_up(a: uint256, b: uint256) -> uint256:
    product: uint256 = a * b
    return unsafe_add(product // WAD, convert(product % WAD != 0, uint256))


@internal
@pure
def _div_down(a: uint256, b: uint256) -> uint256:
    return a * WAD // b


@internal
@pure
def _div_up(a: uint256, b: uint256) -> uint256:
    scaled: uint256 = a * WAD
    return unsafe_add(scaled // b, convert(scaled % b != 0, uint256))


@internal
@pure
def _ceil_wad(a: uint256) -> uint256:
    """
    @return From WAD squared to WAD.
    """
    return unsafe_add(a // WAD, convert(a % WAD != 0, uint256))


@internal
@pure
def _floor_div(a: int256, b: int256) -> int256:
    """
    @param b Above zero.
    """
    # Division truncates toward zero: below zero it is the ceiling.
    quotient: int256 = unsafe_div(a, b)
    if unsafe_mul(quotient, b) > a:
        return unsafe_sub(quotient, 1)
    return quotient


@internal
@pure
def _ceil_div(a: int256, b: int256) -> int256:
    """
    @param b Above zero.
    """
    quotient: int256 = unsafe_div(a, b)
    if unsafe_mul(quotient, b) < a:
        return unsafe_add(quotient, 1)
    return quotient


@internal
@pure
def _smul_floor(a: int256, b: int256) -> int256:
    return self._floor_div(a * b, _SWAD)


@internal
@pure
def _smul_ceil(a: int256, b: int256) -> int256:
    return self._ceil_div(a * b, _SWAD)


@internal
@pure
def _sdiv_floor(a: int256, b: int256) -> int256:
    assert b > 0, "wad_math: divisor not positive"
    return self._floor_div(a * _SWAD, b)


@internal
@pure
def _sdiv_ceil(a: int256, b: int256) -> int256:
    assert b > 0, "wad_math: divisor not positive"
    return self._ceil_div(a * _SWAD, b)


@internal
@pure
def _doublings(high: uint256, low: uint256) -> uint256:
    """
    @notice Largest n with low * 2 ** n <= high.
    """
    assert low != 0, "wad_math: ln of zero"
    quotient: uint256 = high // low
    count: uint256 = 0
    step: uint256 = 64
    for _: uint256 in range(7):
        if quotient >> step != 0:
            quotient >>= step
            count = unsafe_add(count, step)
        step >>= 1
    return count


@internal
@pure
def _log_ratio(high: uint256, low: uint256) -> uint256:
    """
    @notice ln(high / low) at 1e54, so that dividing by a RAY gives a RAY; zero when they are equal.
    """
    # ln(high / low) = 2 atanh z with z = (high - low)/(high + low), in x = z ** 2, both RAY
    z: uint256 = unsafe_div(unsafe_mul(unsafe_sub(high, low), RAY), unsafe_add(high, low))
    whole: uint256 = 0
    if z >= _Z_END:
        # Take factors of two off first.
        doublings: uint256 = self._doublings(high, low)
        base: uint256 = low << doublings
        z = unsafe_div(unsafe_mul(unsafe_sub(high, base), RAY), unsafe_add(high, base))
        whole = unsafe_mul(doublings, _LN2 * RAY)
    x: uint256 = unsafe_div(unsafe_mul(z, z), RAY)
    return unsafe_add(whole, unsafe_mul(z, unsafe_div(
        29758332225691957353814395448370458718421051022736594574, unsafe_sub(unsafe_sub(36535039763933678933385745122, x), unsafe_div(
        172133095559136997060890256218786887929622633132666031543, unsafe_sub(unsafe_sub(9036763896731363938081315812, x), unsafe_div(
        2913307972446995145760359407756291680312650592010207731, unsafe_sub(unsafe_sub(2858078958797293217311613926, x), unsafe_div(
        290086273946037715377450059893444665757189515268250911, unsafe_sub(unsafe_sub(1630507061840125905278309233, x), unsafe_div(
        31676106422675359992761939726458547977214896402956945, unsafe_sub(1176697161564172583731334495, x))))))))))
    ))


@internal
@pure
def _root(square: uint256) -> uint256:
    """
    @notice Square root in RAY of a number at scale 1e54.
    """
    if unsafe_sub(square, _ROOT_LOW) >= _ROOT_SPAN:
        return isqrt(square)
    x: uint256 = unsafe_div(square, RAY)
    # The seed is within 10 %, four Newton steps square that to 1e-20.
    root: uint256 = unsafe_sub(3311214635944166888479901957, unsafe_div(
        8041729788491047047880567445594309653793343039696564395, unsafe_sub(unsafe_add(x, 2574610545791053033051406111), unsafe_div(
        1544768634156113719145879607192366545970053598799039, unsafe_sub(unsafe_add(x, 11320865867597984751629885), unsafe_div(
        37829321658064096051480643100758560116028105064, unsafe_add(x, 54560456939510385371011)))))))
    root = unsafe_add(root, unsafe_div(square, root)) >> 1
    root = unsafe_add(root, unsafe_div(square, root)) >> 1
    root = unsafe_add(root, unsafe_div(square, root)) >> 1
    return unsafe_add(root, unsafe_div(square, root)) >> 1


@internal
@pure
def _discount(exponent: uint256) -> uint256:
    """
    @notice e ** -exponent, both RAY, for exponents up to 0.18; exactly one RAY at zero.
    """
    return unsafe_div(
        4569749384217124162827435713000000000000000000000000000, unsafe_sub(unsafe_add(exponent, 48912045466166458935053771154), unsafe_div(
        1224097202789574899089764884409105021845071468188458917520, unsafe_add(unsafe_sub(16816166548547165503486122265, exponent), unsafe_div(
        72138080319244196076199445271549887528440760057205847006, unsafe_add(unsafe_sub(3733399098821216331307900091, exponent), unsafe_div(
        28250315949019666734732870393204207742329537726997752571, unsafe_add(unsafe_sub(2029129995949077769279682885, exponent), unsafe_div(
        13435248596152127986055784855368798881865099565177803932, unsafe_sub(1782122557908005179467790121, exponent))))))))))


@internal
@pure
def _decay(exponent: uint256) -> uint256:
    """
    @notice e ** -exponent, both RAY, for any exponent.
    """
    # e ** -y = 2 ** -n * (e ** -(f / 4)) ** 4 with y = n ln 2 + f
    factor: uint256 = self._discount((exponent % _LN2) >> 2)
    factor = unsafe_div(unsafe_mul(factor, factor), RAY)
    return unsafe_div(unsafe_mul(factor, factor), RAY) >> unsafe_div(exponent, _LN2)


@internal
@pure
def _sqrt(x: uint256) -> uint256:
    return self._root(x * 10**36) // _GIGA


@internal
@pure
def _ln(x: uint256) -> int256:
    assert x >> 128 == 0, "wad_math: ln out of range"
    if x < WAD:
        return -convert(self._log_ratio(WAD, x) // _LOG_WAD, int256)
    return convert(self._log_ratio(x, WAD) // _LOG_WAD, int256)


@internal
@pure
def _exp(x: int256) -> uint256:
    assert x <= _EXP_CEILING, "wad_math: exp out of range"
    if x <= 0:
        if x < _EXP_FLOOR:
            return 0
        return self._decay(convert(-x, uint256) * _GIGA) // _GIGA
    # e ** x = 2 ** n * e ** -(n ln 2 - x) with the smallest n that leaves an exponent below zero
    exponent: uint256 = convert(x, uint256) * _GIGA
    doublings: uint256 = unsafe_add(unsafe_div(exponent, _LN2), 1)
    rest: uint256 = unsafe_sub(unsafe_mul(doublings, _LN2), exponent)
    return (self._decay(rest) << doublings) // _GIGA
