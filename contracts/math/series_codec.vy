#pragma version ~=0.4.3
"""
@title series_codec
@author Vomma
@license AGPL-3.0-only
@notice An instrument in 64 bits, high to low:
          kind 2 | underlying 8 | expiry day 16 | strike in 1e-4 steps 38
        A series expires at 08:00 UTC of its day. A perp has day 0 and strike 0. Collateral, kind 0,
        is the share of a vault: in the low 54 bits, which vault of the underlying, 1..255.
        A leg of a trade is one word: instrument << 128 | uint128(int128 size).
"""


COLLATERAL: constant(uint256) = 0
CALL: constant(uint256) = 1
PUT: constant(uint256) = 2
PERP: constant(uint256) = 3

STRIKE_STEP: constant(uint256) = 10**14  # 1e-4 in WAD

_UNDERLYING_MAX: constant(uint256) = 2**8 - 1
_DAY_MAX: constant(uint256) = 2**16 - 1
_STRIKE_MAX: constant(uint256) = 2**38 - 1
_VAULT_MAX: constant(uint256) = 2**8 - 1
_LOW_54: constant(uint256) = 2**54 - 1
_SIZE_BOUND: constant(int256) = 2**127
_SIZE_MASK: constant(uint256) = 2**128 - 1
_DAY_SECONDS: constant(uint256) = 86_400
_EXPIRY_SECONDS: constant(uint256) = 28_800  # 08:00 UTC


@internal
@pure
def _check(instrument: uint256):
    """
    @notice Reverts "series: bad instrument" unless the id is one that `_pack` could have made, which
            is what trades: two ids of one thing, or an id that reads as nothing, would break the
            ledger's lists. Collateral does not trade.
    """
    kind: uint256 = instrument >> 62
    whole: bool = instrument & _LOW_54 == 0
    if kind != PERP:
        whole = (instrument >> 38) & _DAY_MAX != 0 and instrument & _STRIKE_MAX != 0
    assert (
        whole and kind != COLLATERAL and kind <= PERP and (instrument >> 54) & _UNDERLYING_MAX != 0
    ), "series: bad instrument"


@internal
@pure
def _pack(kind: uint256, underlying: uint256, day: uint256, strike_steps: uint256) -> uint256:
    """
    @notice Reverts "series: bad instrument" for a field that does not fit.
    """
    assert underlying <= _UNDERLYING_MAX and day <= _DAY_MAX, "series: bad instrument"
    assert kind <= PERP and strike_steps <= _STRIKE_MAX, "series: bad instrument"
    instrument: uint256 = (kind << 62) | (underlying << 54) | (day << 38) | strike_steps
    self._check(instrument)
    return instrument


@internal
@pure
def _kind(instrument: uint256) -> uint256:
    return instrument >> 62


@internal
@pure
def _underlying(instrument: uint256) -> uint256:
    return (instrument >> 54) & _UNDERLYING_MAX


@internal
@pure
def _day(instrument: uint256) -> uint256:
    return (instrument >> 38) & _DAY_MAX


@internal
@pure
def _strike(instrument: uint256) -> uint256:
    """
    @return WAD
    """
    return (instrument & _STRIKE_MAX) * STRIKE_STEP


@internal
@pure
def _strike_steps(instrument: uint256) -> uint256:
    """
    @return In steps of 1e-4.
    """
    return instrument & _STRIKE_MAX


@internal
@pure
def _expiry(day: uint256) -> uint256:
    """
    @return Seconds
    """
    return day * _DAY_SECONDS + _EXPIRY_SECONDS


@internal
@pure
def _is_option(instrument: uint256) -> bool:
    kind: uint256 = instrument >> 62
    return kind == CALL or kind == PUT


@internal
@pure
def _is_perp(instrument: uint256) -> bool:
    return instrument >> 62 == PERP


@internal
@pure
def _is_collateral(instrument: uint256) -> bool:
    """
    @notice False for an id that no vault could have, too.
    """
    index: uint256 = instrument & _LOW_54
    return (
        instrument >> 62 == COLLATERAL
        and instrument >> 54 != 0
        and index != 0
        and index <= _VAULT_MAX
    )


@internal
@pure
def _leg(instrument: uint256, size: int256) -> uint256:
    assert size >= -_SIZE_BOUND and size < _SIZE_BOUND, "series: size out of field"
    return (instrument << 128) | (convert(convert(size, bytes32), uint256) & _SIZE_MASK)


@internal
@pure
def _leg_instrument(leg: uint256) -> uint256:
    return leg >> 128


@internal
@pure
def _leg_size(leg: uint256) -> int256:
    # Through bytes32, a reinterpretation: convert(uint256, int256) is range-checked. The shift
    # right of a signed value carries the sign.
    return convert(convert(leg << 128, bytes32), int256) >> 128
