#pragma version ~=0.4.3
"""
@title normal_math
@author Vomma
@license AGPL-3.0-only
@notice The two normal tails an option is made of, in RAY (1e27), from one density and two Mills ratios
        R(x) = N(-x) / density(x). Straight-line code, since an internal call costs about 50 gas.
@custom:domain Any middle, half < 2**255. Beyond 9 deviations the far tail is cut, beyond 11 there is none.
@custom:error Measured: N(-x) 1.5e-19 absolute, 7e-19 relative at 0 to 1, 1.3e-15 at 3 to 4, 5.4e-12 at 5 to 6;
        the density 6.7e-21 relative.
@custom:source Coefficients: scripts/fit_kernel.py (Remez exchange, our own fits).
"""


RAY: constant(uint256) = 10**27
# Exponents are squares x ** 2 at 1e54, so ln 2 is doubled as well.
_TWO_LN2: constant(uint256) = 1386294361119890618834464242916353136151000268720510508
_TWO_RAY: constant(uint256) = 2 * 10**27
# The Mills ratio is fitted up to 9 deviations; past 11 a tail is below one RAY.
_FIT_END: constant(uint256) = 9 * RAY
_TAIL_END: constant(uint256) = 11 * RAY


struct Tails:
    gap: uint256  # N(-x1) - density(x1) * mills(x2)
    near: uint256  # N(-x1)
    density: uint256  # of x1


@internal
@pure
def _tails(middle: uint256, half: uint256) -> Tails:
    """
    @notice The two tails of an option with x1 = middle - half and x2 = middle + half, all RAY.
    """
    x2: uint256 = unsafe_add(middle, half)
    # x1 without its sign; its square wraps around only where it is not used
    x1: uint256 = unsafe_sub(middle, half)
    if middle < half:
        x1 = unsafe_sub(half, middle)
    square: uint256 = unsafe_mul(x1, x1)
    if x2 >= _FIT_END:
        if x1 > _TAIL_END:
            edge: uint256 = RAY if middle < half else 0
            return Tails(gap=edge, near=edge, density=0)
        x1 = min(x1, _FIT_END)
        x2 = _FIT_END
    # e ** -y = 2 ** -n * e ** -(y - n ln 2)
    x: uint256 = unsafe_div(square % _TWO_LN2, _TWO_RAY)
    density: uint256 = unsafe_div(
        1692923615590216635656871455061855958622145596371010944, unsafe_sub(unsafe_div(
        2557102586414814444535184182413627463145891860923367525625, unsafe_add(unsafe_sub(24397710386750172832979738510, x), unsafe_div(
        148684907933654222869768233673581380046079901118947165786, unsafe_add(unsafe_sub(5414229174740185766158088476, x), unsafe_div(
        58061367893903147444514339060670878379380147650743697614, unsafe_add(unsafe_sub(2784572302728887970534811070, x), unsafe_div(
        31811008910137186217300277646495154353812411581991981910, unsafe_add(unsafe_sub(2089801654960085768417853878, x), unsafe_div(
        16826857565425822871553811846419923505213322808278027864, unsafe_sub(2059156584760830752023502302, x)))))))))), unsafe_add(x, 70683666465681610335587384361))
    ) >> unsafe_div(square, _TWO_LN2)
    near: uint256 = unsafe_div(unsafe_mul(density, unsafe_div(
            999997185545534628071613032832511232588567891843513549, unsafe_add(unsafe_sub(x1, 211685706546397443262671), unsafe_div(
            1007954515327248714945616982300755770256530295364336204, unsafe_add(unsafe_add(x1, 197687571680682517495419633), unsafe_div(
            1683445587868325651337894531470835203202720242072840980, unsafe_sub(unsafe_div(
            658589463560517100929641482375289999178291920034484229172, unsafe_add(unsafe_sub(18920899831721161202379842690, x1), unsafe_div(
            4907067044748970569097275496421464332947821502387727624, unsafe_add(unsafe_add(x1, 3056426173311183311939351426), unsafe_div(
            28857569629830519056218184739405984049122116194845479293, unsafe_sub(unsafe_add(x1, 3561547119884805736260764892), unsafe_div(
            280099572511958875265449756831969010129381995642614546, unsafe_sub(unsafe_div(
            2651156829248527209562885493531071420342233986326356036540, unsafe_sub(49425471111572658957332947141, x1)), unsafe_add(x1, 53145295597611298670593142027))))))))), unsafe_add(x1, 32530220262913647444951339689)))))))
        ), RAY)
    if middle < half:
        near = unsafe_sub(RAY, near)
    return Tails(
        gap=unsafe_sub(near, unsafe_div(unsafe_mul(density, unsafe_div(
            999997185545534628071613032832511232588567891843513549, unsafe_add(unsafe_sub(x2, 211685706546397443262671), unsafe_div(
            1007954515327248714945616982300755770256530295364336204, unsafe_add(unsafe_add(x2, 197687571680682517495419633), unsafe_div(
            1683445587868325651337894531470835203202720242072840980, unsafe_sub(unsafe_div(
            658589463560517100929641482375289999178291920034484229172, unsafe_add(unsafe_sub(18920899831721161202379842690, x2), unsafe_div(
            4907067044748970569097275496421464332947821502387727624, unsafe_add(unsafe_add(x2, 3056426173311183311939351426), unsafe_div(
            28857569629830519056218184739405984049122116194845479293, unsafe_sub(unsafe_add(x2, 3561547119884805736260764892), unsafe_div(
            280099572511958875265449756831969010129381995642614546, unsafe_sub(unsafe_div(
            2651156829248527209562885493531071420342233986326356036540, unsafe_sub(49425471111572658957332947141, x2)), unsafe_add(x2, 53145295597611298670593142027))))))))), unsafe_add(x2, 32530220262913647444951339689)))))))
        ), RAY)),
        near=near,
        density=density,
    )
