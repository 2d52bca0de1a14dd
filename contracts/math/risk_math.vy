#pragma version ~=0.4.3
"""
@title risk_math
@author Vomma
@license AGPL-3.0-only
@notice The pool's risk potential
            potential = 1/2 * sum_j weight_j * g_j ** 2 / depth
        over its net Greeks g: delta valued at a reference price, total vega, vega of each expiry,
        cash gamma, cash vanna, volga. Its change is computed as an exact integer before the one
        division, so that at a still market a trade costs the same in any slices, to a wei a slice.
        Also the words Greeks are kept in, and the linear margin bound of a short option.
@custom:domain |Greek| < 2**127 / 1e18 dollars; weights <= 1,099; depth > 0.
@custom:error Change of the potential: below 2 wei, rounded up, against the taker.
"""


from . import series_codec
from . import wad_math
from ..interfaces import IOptionPricer


WAD: constant(uint256) = 10**18
_SWAD: constant(int256) = 10**18
_HALF: constant(int256) = 2**127
_LOW: constant(uint256) = 2**128 - 1
_STEP: constant(int256) = 10**9  # weights are handed over in steps of 1e-9
_F40: constant(uint256) = 2**40 - 1


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
def _scaled(x: int256, size: int256) -> int256:
    """
    @custom:rounding toward zero, so that selling undoes exactly what buying the same size did
    """
    return x * size // _SWAD


@internal
@pure
def _weight(word: uint256, at: uint256) -> int256:
    return convert((word >> at) & _F40, int256)


@internal
@pure
def _step_up(g: int256, change: int256) -> int256:
    """
    @return (g + change) ** 2 - g ** 2
    """
    return change * (2 * g + change)


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
    weights: uint256, reference: uint256, totals: uint256[3], change: IOptionPricer.Risk
) -> int256:
    """
    @notice The part of the potential's change that does not know expiries, before its division by
            2 * depth * 1e9. WAD squared times steps.
    """
    return (
        self._weight(weights, 200)
        * self._dollars(self._step_up(self._high(totals[0]), change.delta), reference)
        + self._weight(weights, 160) * self._step_up(self._low(totals[0]), change.vega)
        + self._weight(weights, 80) * self._step_up(self._high(totals[1]), change.gamma)
        + self._weight(weights, 40) * self._step_up(self._low(totals[1]), change.vanna)
        + self._weight(weights, 0) * self._step_up(self._high(totals[2]), change.volga)
    )


@internal
@pure
def _expiry_change(weights: uint256, vega: int256, change: int256) -> int256:
    return self._weight(weights, 120) * self._step_up(vega, change)


@internal
@pure
def _divide(numerator: int256, depth: uint256) -> int256:
    """
    @custom:rounding up, against the taker
    """
    assert depth != 0, "risk: no depth"
    return wad_math._ceil_div(numerator, 2 * _STEP * convert(depth, int256))


@internal
@pure
def _short_requirement(kind: uint256, strike: uint256, spot: uint256, share: uint256) -> uint256:
    """
    @notice Linear margin bound of one short option: intrinsic value plus a share of spot.
    @custom:rounding up, against the account
    """
    intrinsic: uint256 = 0
    if kind == series_codec.CALL and spot > strike:
        intrinsic = spot - strike
    elif kind == series_codec.PUT and strike > spot:
        intrinsic = strike - spot
    return intrinsic + (spot * share + WAD - 1) // WAD
