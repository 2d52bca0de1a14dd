"""Special functions of the integer twin, in RAY (1e27): what wad_math.vy and normal_math.vy compute.

Each table is a continued fraction from scripts/fit_kernel.py. A level `(c, a, sx)` stands for
`sign(c) * (abs(c) // (a + sx * x + next level))`; denominators stay positive where it is used.
"""
# ruff: noqa: E501

from __future__ import annotations

from math import isqrt
from typing import NamedTuple, TypeAlias

from protocol.errors import InputError

Table: TypeAlias = tuple[tuple[int, int, int], ...]

RAY = 10**27
_LN2 = 693147180559945309417232121
_TWO_LN2 = 1386294361119890618834464242916353136151000268720510508  # at 1e54
_LOG_END = 5 * RAY // 13
_ROOT_LOW, _ROOT_HIGH = 10**48, 8 * 10**54
_FIT_END, _TAIL_END = 9 * RAY, 11 * RAY

# fmt: off
_MILLS: Table = (
    (999997185545534628071613032832511232588567891843513549, -211685706546397443262671, 1),
    (1007954515327248714945616982300755770256530295364336204, 197687571680682517495419633, 1),
    (1683445587868325651337894531470835203202720242072840980, -32530220262913647444951339689, -1),
    (658589463560517100929641482375289999178291920034484229172, 18920899831721161202379842690, -1),
    (4907067044748970569097275496421464332947821502387727624, 3056426173311183311939351426, 1),
    (28857569629830519056218184739405984049122116194845479293, 3561547119884805736260764892, 1),
    (-280099572511958875265449756831969010129381995642614546, -53145295597611298670593142027, -1),
    (2651156829248527209562885493531071420342233986326356036540, 49425471111572658957332947141, -1),
)
_DENSITY: Table = (
    (1692923615590216635656871455061855958622145596371010944, -70683666465681610335587384361, -1),
    (2557102586414814444535184182413627463145891860923367525625, 24397710386750172832979738510, -1),
    (148684907933654222869768233673581380046079901118947165786, 5414229174740185766158088476, -1),
    (58061367893903147444514339060670878379380147650743697614, 2784572302728887970534811070, -1),
    (31811008910137186217300277646495154353812411581991981910, 2089801654960085768417853878, -1),
    (16826857565425822871553811846419923505213322808278027864, 2059156584760830752023502302, -1),
)
_DISCOUNT: Table = (
    (4569749384217124162827435713000000000000000000000000000, 48912045466166458935053771154, 1),
    (-1224097202789574899089764884409105021845071468188458917520, 16816166548547165503486122265, -1),
    (72138080319244196076199445271549887528440760057205847006, 3733399098821216331307900091, -1),
    (28250315949019666734732870393204207742329537726997752571, 2029129995949077769279682885, -1),
    (13435248596152127986055784855368798881865099565177803932, 1782122557908005179467790121, -1),
)
_LOG: Table = (
    (29758332225691957353814395448370458718421051022736594574, 36535039763933678933385745122, -1),
    (-172133095559136997060890256218786887929622633132666031543, 9036763896731363938081315812, -1),
    (-2913307972446995145760359407756291680312650592010207731, 2858078958797293217311613926, -1),
    (-290086273946037715377450059893444665757189515268250911, 1630507061840125905278309233, -1),
    (-31676106422675359992761939726458547977214896402956945, 1176697161564172583731334495, -1),
)
_ROOT: Table = (
    (-8041729788491047047880567445594309653793343039696564395, 2574610545791053033051406111, 1),
    (-1544768634156113719145879607192366545970053598799039, 11320865867597984751629885, 1),
    (-37829321658064096051480643100758560116028105064, 54560456939510385371011, 1),
)
# fmt: on
_ROOT_LEAD = 3311214635944166888479901957


class Tails(NamedTuple):
    """RAY: N(-x1) less density(x1) * mills(x2); N(-x1); the density of x1."""

    gap: int
    near: int
    density: int


def log_ratio(high: int, low: int) -> int:
    """ln(high / low) at 1e54 for 0 < low <= high < 2**128."""
    z = (high - low) * RAY // (high + low)
    whole = 0
    if z >= _LOG_END:
        if low == 0:
            raise InputError("low", low, bound="above 0: a logarithm of it is taken")
        doublings = (high // low).bit_length() - 1
        base = low << doublings
        z = (high - base) * RAY // (high + base)
        whole = doublings * _LN2 * RAY
    return whole + z * _fraction(_LOG, z * z // RAY)


def root(square: int) -> int:
    """Square root in RAY of a number at 1e54."""
    if not _ROOT_LOW <= square < _ROOT_HIGH:
        return isqrt(square)
    guess = _ROOT_LEAD + _fraction(_ROOT, square // RAY)
    for _ in range(4):
        guess = (guess + square // guess) >> 1
    return guess


def discount(exponent: int) -> int:
    """e ** -exponent, both RAY, for exponents up to 0.18; exactly one RAY at zero."""
    return _fraction(_DISCOUNT, exponent)


def decay(exponent: int) -> int:
    """e ** -exponent, both RAY, for any exponent."""
    halvings, rest = divmod(exponent, _LN2)
    factor = discount(rest >> 2)
    factor = factor * factor // RAY
    return (factor * factor // RAY) >> halvings


def tails(middle: int, half: int) -> Tails:
    """The two tails of an option with x1 = middle - half and x2 = middle + half, all RAY."""
    x1, x2 = abs(middle - half), middle + half
    square = x1 * x1
    if x2 >= _FIT_END:
        if x1 > _TAIL_END:
            edge = RAY if middle < half else 0
            return Tails(edge, edge, 0)
        x1, x2 = min(x1, _FIT_END), _FIT_END
    halvings, rest = divmod(square, _TWO_LN2)
    density = _fraction(_DENSITY, rest // (2 * RAY)) >> halvings
    near = density * _fraction(_MILLS, x1) // RAY
    if middle < half:
        near = RAY - near
    return Tails(near - density * _fraction(_MILLS, x2) // RAY, near, density)


def _fraction(levels: Table, x: int) -> int:
    tail = 0
    for c, a, sx in reversed(levels):
        size = abs(c) // (a + sx * x + tail)
        tail = size if c > 0 else -size
    return tail
