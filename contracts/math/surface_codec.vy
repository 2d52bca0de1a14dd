#pragma version ~=0.4.3
"""
@title surface_codec
@author Vomma
@license AGPL-3.0-only
@notice One expiry of a volatility surface in two words, high to low:
          word 0 = a int64   | b int64 | basis int64 | rate int64
          word 1 = rho int64 | m int64 | sigma int64 | spare 22 | behind 2 | timestamp uint40
        All WAD but the last two, so a field reaches +-9.22. `behind` says that the market has moved
        further than one push may: vol stands higher than posted, lower, or both in places.
"""


HIGHER: constant(uint256) = 1
LOWER: constant(uint256) = 2


_BOUND: constant(int256) = 2**63
_MASK: constant(uint256) = 2**64 - 1
_TIME: constant(uint256) = 2**40 - 1
_BEHIND_SHIFT: constant(uint256) = 40


@internal
@pure
def _field(x: int256) -> uint256:
    assert x >= -_BOUND and x < _BOUND, "surface_codec: out of field"
    return convert(convert(x, bytes32), uint256) & _MASK


@internal
@pure
def _pack(
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
    """
    @notice Reverts "surface_codec: out of field" for a value that does not fit.
    """
    assert timestamp <= _TIME, "surface_codec: out of field"
    assert behind <= HIGHER | LOWER, "surface_codec: out of field"
    shape: uint256 = (
        (self._field(a) << 192)
        | (self._field(b) << 128)
        | (self._field(basis) << 64)
        | self._field(rate)
    )
    skew: uint256 = (
        (self._field(rho) << 192)
        | (self._field(m) << 128)
        | (self._field(sigma) << 64)
        | (behind << _BEHIND_SHIFT)
        | timestamp
    )
    return [shape, skew]


@internal
@pure
def _unpack(
    words: uint256[2],
) -> (int256, int256, int256, int256, int256, int256, int256, uint256):
    """
    @return (a, b, basis, rate, rho, m, sigma, timestamp)
    """
    # Through bytes32, a reinterpretation: convert(uint256, int256) is range-checked. The shift
    # right of a signed value carries the sign.
    shape: int256 = convert(convert(words[0], bytes32), int256)
    skew: int256 = convert(convert(words[1], bytes32), int256)
    return (
        shape >> 192,
        (shape << 64) >> 192,
        (shape << 128) >> 192,
        (shape << 192) >> 192,
        skew >> 192,
        (skew << 64) >> 192,
        (skew << 128) >> 192,
        words[1] & _TIME,
    )


@internal
@pure
def _timestamp(words: uint256[2]) -> uint256:
    return words[1] & _TIME


@internal
@pure
def _behind(words: uint256[2]) -> uint256:
    return (words[1] >> _BEHIND_SHIFT) & (HIGHER | LOWER)
