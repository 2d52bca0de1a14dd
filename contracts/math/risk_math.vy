#pragma version ~=0.4.3
"""
@title risk_math
@author Vomma
@license AGPL-3.0-only
@notice The pool's risk potential
            potential = 1/2 * sum_j weight_j * g_j ** 2 / depth
        over its net Greeks g: delta valued at a reference price, total vega, vega of each expiry and
        cash gamma. Its change is computed as an exact integer before the one division, so that at a
        still market a trade costs the same in any slices, to a wei a slice.
        Also the words Greeks are kept in:

          first   delta int96 | vega int96 | reserve uint64 in steps of 1e-9
          second  of an expiry: gamma int128 | value int128
                  of the totals: gamma int96 | flow meters 160 (flow_meter)
@custom:domain |Greek| < 2**95 / 1e18 dollars (39 billion); weights <= 1,099; depth > 0.
@custom:error Change of the potential: below 2 wei, rounded up, against the taker.
"""


from . import wad_math
from ..interfaces import IOptionPricer


WAD: constant(uint256) = 10**18
_SWAD: constant(int256) = 10**18
_HALF: constant(int256) = 2**127
_NARROW: constant(int256) = 2**95
_LOW: constant(uint256) = 2**128 - 1
_F96: constant(uint256) = 2**96 - 1
_FLOW: constant(uint256) = 2**160 - 1
_STEP: constant(int256) = 10**9  # of weights and reserves
_F40: constant(uint256) = 2**40 - 1
_F64: constant(uint256) = 2**64 - 1


# ── words ──


@internal
@pure
def _pair(high: int256, low: int256) -> uint256:
    assert high >= -_HALF and high < _HALF, "risk: greek out of field"
    assert low >= -_HALF and low < _HALF, "risk: greek out of field"
    return (convert(convert(high, bytes32), uint256) << 128) | (
        convert(convert(low, bytes32), uint256) & _LOW
    )


@internal
@pure
def _high(word: uint256) -> int256:
    return convert(convert(word, bytes32), int256) >> 128


@internal
@pure
def _low(word: uint256) -> int256:
    return convert(convert(word << 128, bytes32), int256) >> 128


@internal
@pure
def _first(delta: int256, vega: int256, reserve: int256) -> uint256:
    """
    @param reserve WAD, a whole number of steps (`_reserve_steps`).
    """
    assert delta >= -_NARROW and delta < _NARROW, "risk: greek out of field"
    assert vega >= -_NARROW and vega < _NARROW, "risk: greek out of field"
    steps: uint256 = convert(reserve, uint256) // 10**9
    assert steps <= _F64, "risk: reserve out of field"
    return (
        (convert(convert(delta, bytes32), uint256) << 160)
        | ((convert(convert(vega, bytes32), uint256) & _F96) << 64)
        | steps
    )


@internal
@pure
def _delta(word: uint256) -> int256:
    return convert(convert(word, bytes32), int256) >> 160


@internal
@pure
def _vega(word: uint256) -> int256:
    return convert(convert(word << 96, bytes32), int256) >> 160


@internal
@pure
def _reserve(word: uint256) -> int256:
    return convert(unsafe_mul(word & _F64, 10**9), int256)


@internal
@pure
def _with_delta(word: uint256, delta: int256) -> uint256:
    assert delta >= -_NARROW and delta < _NARROW, "risk: greek out of field"
    return (word & (2**160 - 1)) | (convert(convert(delta, bytes32), uint256) << 160)


@internal
@pure
def _totals(words: uint256[2]) -> IOptionPricer.Risk:
    return IOptionPricer.Risk(
        delta=self._delta(words[0]),
        vega=self._vega(words[0]),
        # A narrow field at the top of a word, as delta is.
        gamma=self._delta(words[1]),
        reserve=self._reserve(words[0]),
    )


@internal
@pure
def _pack_totals(risk: IOptionPricer.Risk, flow: uint256) -> uint256[2]:
    gamma: uint256 = self._with_delta(flow, risk.gamma)
    return [self._first(risk.delta, risk.vega, risk.reserve), gamma]


@internal
@pure
def _flow(words: uint256[2]) -> uint256:
    return words[1] & _FLOW


@internal
@pure
def _reserve_steps(amount: int256) -> int256:
    """
    @custom:rounding up to a whole step, against the pool's freedom
    """
    return wad_math._ceil_div(amount, _STEP) * _STEP


@internal
@pure
def _scaled(x: int256, size: int256) -> int256:
    """
    @custom:rounding toward zero, so that selling undoes exactly what buying the same size did
    """
    # A price or Greek a unit is within 2**164 (black76_math's domain), a size within 2**80.
    return unsafe_div(unsafe_mul(x, size), _SWAD)


# ── potential ──


@internal
@pure
def _weight(word: uint256, at: uint256) -> int256:
    return convert((word >> at) & _F40, int256)


@internal
@pure
def _step_up(g: int256, change: int256) -> int256:
    """
    @return (g + change) ** 2 - g ** 2, for two narrow Greeks g and g + change
    """
    return unsafe_mul(change, unsafe_add(unsafe_mul(2, g), change))


@internal
@pure
def _dollars(square: int256, reference: uint256) -> int256:
    """
    @notice A squared number of units, valued. Rounded up, against the taker.
    """
    price: int256 = convert(reference, int256)
    # Scaled down between the factors: the square of a large delta times a squared price would not
    # fit.
    once: int256 = wad_math._ceil_div(square * price, _SWAD)
    return wad_math._ceil_div(once * price, _SWAD)


@internal
@pure
def _common_change(
    weights: uint256,
    reference: uint256,
    totals: IOptionPricer.Risk,
    change: IOptionPricer.Risk,
) -> int256:
    """
    @notice The part of the potential's change that does not know expiries, before its division by
            2 * depth * 1e9. WAD squared times steps.
    """
    # 40 bits by 2 * 96: no product but the valued one can overflow.
    vega: int256 = unsafe_mul(
        self._weight(weights, 176), self._step_up(totals.vega, change.vega)
    )
    gamma: int256 = unsafe_mul(
        self._weight(weights, 96), self._step_up(totals.gamma, change.gamma)
    )
    delta: int256 = self._dollars(self._step_up(totals.delta, change.delta), reference)
    return self._weight(weights, 216) * delta + unsafe_add(vega, gamma)


@internal
@pure
def _expiry_change(weights: uint256, vega: int256, change: int256) -> int256:
    return unsafe_mul(self._weight(weights, 136), self._step_up(vega, change))


@internal
@pure
def _divide(numerator: int256, depth: uint256) -> int256:
    """
    @custom:rounding up, against the taker
    """
    assert depth != 0, "risk: no depth"
    return wad_math._ceil_div(numerator, 2 * _STEP * convert(depth, int256))
