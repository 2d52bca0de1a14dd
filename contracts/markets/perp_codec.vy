#pragma version ~=0.4.3
"""
@title perp_codec
@author Vomma
@license AGPL-3.0-only
@notice The storage words of a PerpMarket, high to low:

          market   skew int128 | rate int64 | updated_at uint64
          funding  index int128 | velocity uint48 | rate cap uint48 | direct age uint32
          limits   scale uint64 | max skew uint64 | max trade uint64 | reserve share uint64
          mark     last index uint128 | last funding int128        (one for each account)

        Quantities in `limits`, velocity and rate cap are in steps of 1e-9, everything else is WAD or
        seconds. Who packs has bounded what does not check its own field.
"""


STEP: constant(uint256) = 10**9
_MASK_32: constant(uint256) = 2**32 - 1
_MASK_48: constant(uint256) = 2**48 - 1
_MASK_64: constant(uint256) = 2**64 - 1
_MASK_128: constant(uint256) = 2**128 - 1


@internal
@pure
def _signed(word: uint256) -> int256:
    # A reinterpretation: convert(uint256, int256) is range-checked.
    return convert(convert(word, bytes32), int256)


@internal
@pure
def _unsigned(number: int256) -> uint256:
    return convert(convert(number, bytes32), uint256)


@internal
@pure
def _with_index(word: uint256, index: int256) -> uint256:
    """
    @return The funding word with another funding index.
    """
    high: int256 = convert(convert(index, int128), int256)
    return (self._unsigned(high) << 128) | (word & _MASK_128)


@internal
@pure
def _pack_limits(
    scale: uint256, max_skew: uint256, max_trade: uint256, reserve_share: uint256
) -> uint256:
    return (
        (self._steps(scale) << 192)
        | (self._steps(max_skew) << 128)
        | (self._steps(max_trade) << 64)
        | reserve_share
    )


@internal
@pure
def _unpack_limits(word: uint256) -> (uint256, uint256, uint256, uint256):
    """
    @return (scale, max skew, max trade, reserve share)
    """
    return (
        (word >> 192) * STEP,
        ((word >> 128) & _MASK_64) * STEP,
        ((word >> 64) & _MASK_64) * STEP,
        word & _MASK_64,
    )


@internal
@pure
def _steps(quantity: uint256) -> uint256:
    assert quantity % STEP == 0, "perp: finer than 1e-9"
    assert quantity // STEP <= _MASK_64, "perp: quantity out of field"
    return quantity // STEP


@internal
@pure
def _pack_market(skew: int256, rate: int256, updated_at: uint256) -> uint256:
    # The conversions revert when a value leaves its field; the rate is within its cap.
    high: int256 = convert(convert(skew, int128), int256)
    return (
        (self._unsigned(high) << 128)
        | ((self._unsigned(rate) & _MASK_64) << 64)
        | (updated_at & _MASK_64)
    )


@internal
@pure
def _unpack_market(word: uint256) -> (int256, int256, uint256):
    """
    @return (skew, rate, updated at)
    """
    return self._signed(word) >> 128, self._signed(word << 128) >> 192, word & _MASK_64


@internal
@pure
def _pack_funding(index: int256, velocity: uint256, cap: uint256, direct_age: uint256) -> uint256:
    high: int256 = convert(convert(index, int128), int256)
    return (
        (self._unsigned(high) << 128)
        | (self._steps(velocity) << 80)
        | (self._steps(cap) << 32)
        | direct_age
    )


@internal
@pure
def _unpack_funding(word: uint256) -> (int256, int256, int256):
    """
    @return (funding index, velocity, rate cap)
    """
    return (
        self._signed(word) >> 128,
        self._signed(((word >> 80) & _MASK_48) * STEP),
        self._signed(((word >> 32) & _MASK_48) * STEP),
    )


@internal
@pure
def _direct_age(word: uint256) -> uint256:
    """
    @param word The funding word.
    """
    return word & _MASK_32


@internal
@pure
def _pack_mark(index: int256, funding: int256) -> uint256:
    # An index above 2^128 pushes its high bits out of the word: the oracle ends at 2^96.
    return (self._unsigned(index) << 128) | (self._unsigned(funding) & _MASK_128)


@internal
@pure
def _unpack_mark(word: uint256) -> (int256, int256):
    """
    @return (last index, last funding)
    """
    return self._signed(word >> 128), self._signed(word << 128) >> 128
