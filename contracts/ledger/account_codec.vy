#pragma version ~=0.4.3
"""
@title account_codec
@author Vomma
@license AGPL-3.0-only
@notice The two words every settlement reads, high to low:

          account = cash int128 | first instrument 64 | spare 24 | tier 8 | perps 8 | shorts 8
                    | count 8 | flags 8
          pool    = cash int128 | insurance 60 | treasury 60 | flags 8
          config  = haircut index 96 | borrow index 96 | holds 16 | halt end 40 | pause level 8

        Holds counts the insolvencies that are being worked out: no cash leaves meanwhile.

        A pool keeps its lists elsewhere, and here what it owes to the reserves, in steps of 1e-9: a
        trade that writes its cash pays its fees with the same write.

        Cash is stored scaled: owned cash is stored * haircut index, owed cash is stored * borrow
        index, so that one write of an index reaches every account. Both indices start at 1.
        An account's own cash never reads above what was stored for it: every conversion rounds
        towards minus infinity, against the account.
@custom:domain |cash| < 2**127 (1.7e20 in the quote token), indices in (0, 2**96).
@custom:error A write then a read loses at most 1 wei + index / 1e18 wei.
"""


from ..math import wad_math


IS_POOL: constant(uint256) = 1  # flags
TRADES: constant(uint256) = 2  # a pool whose venue may trade against it

OPEN: constant(uint256) = 0  # pause levels
PAUSED: constant(uint256) = 1
HALTED: constant(uint256) = 2

# A list of instruments keeps its count and its first id in one word: an account's is this word, a
# pool's is one of its own (see position_book). The fields sit at the same bits in both.
COUNT_ONE: constant(uint256) = 1 << 8
SHORTS_SHIFT: constant(uint256) = 16
PERPS_SHIFT: constant(uint256) = 24
FIRST_SHIFT: constant(uint256) = 64

_BYTE: constant(uint256) = 2**8 - 1
_ACCRUED: constant(uint256) = 2**60 - 1
_ACCRUALS: constant(uint256) = (2**120 - 1) << 8
_ACCRUAL_STEP: constant(uint256) = 10**9
_ID: constant(uint256) = 2**64 - 1
_LOW: constant(uint256) = 2**128 - 1
_CASH_BOUND: constant(int256) = 2**127

_WAD: constant(uint256) = 10**18
INDEX_MAX: constant(uint256) = 2**96 - 1
_ONE: constant(int256) = 10**18
_HAIRCUT_SHIFT: constant(uint256) = 160
_BORROW_SHIFT: constant(uint256) = 64
_HOLDS_SHIFT: constant(uint256) = 48
_HOLDS: constant(uint256) = 2**16 - 1
_HALT_END_SHIFT: constant(uint256) = 8
_HALT_END: constant(uint256) = 2**40 - 1

INITIAL_CONFIG: constant(uint256) = (10**18 << _HAIRCUT_SHIFT) | (10**18 << _BORROW_SHIFT)


# ── account ──


@internal
@pure
def _cash(word: uint256, config: uint256) -> int256:
    stored: int256 = convert(convert(word, bytes32), int256) >> 128
    # The index of its own side alone: a borrow index that has moved costs who owns cash nothing.
    index: uint256 = config >> _HAIRCUT_SHIFT
    if stored < 0:
        index = self._borrow_index(config)
    if index == _WAD:
        return stored
    return wad_math._smul_floor(stored, convert(index, int256))


@internal
@pure
def _with_cash(word: uint256, cash: int256, config: uint256) -> uint256:
    stored: int256 = cash
    index: uint256 = config >> _HAIRCUT_SHIFT
    if cash < 0:
        index = self._borrow_index(config)
    if index != _WAD:
        stored = wad_math._floor_div(cash * _ONE, convert(index, int256))
    # In [-bound, bound): shifted up by the bound, no bit above the field.
    assert unsafe_add(stored, _CASH_BOUND) >> 128 == 0, "ledger: cash out of range"
    return (word & _LOW) | convert(convert(stored << 128, bytes32), uint256)


@internal
@pure
def _stored_debt(word: uint256) -> uint256:
    """
    @return What the account owes before the borrow index, or 0.
    """
    if word >> 255 == 0:
        return 0
    return 2**128 - (word >> 128)


@internal
@pure
def _is_pool(word: uint256) -> bool:
    return word & IS_POOL != 0


@internal
@pure
def _accrued(word: uint256) -> uint256[2]:
    """
    @return What a pool owes to [insurance, treasury].
    """
    return [((word >> 68) & _ACCRUED) * _ACCRUAL_STEP, ((word >> 8) & _ACCRUED) * _ACCRUAL_STEP]


@internal
@pure
def _with_accrual(word: uint256, insurance: uint256, treasury: uint256) -> uint256:
    """
    @return The pool's word owing more, or the word as it was where that does not fit.
    """
    if (insurance | treasury) == 0 or not self._is_pool(word):
        return word
    if (insurance % _ACCRUAL_STEP | treasury % _ACCRUAL_STEP) != 0:
        return word
    insured: uint256 = ((word >> 68) & _ACCRUED) + insurance // _ACCRUAL_STEP
    owed: uint256 = ((word >> 8) & _ACCRUED) + treasury // _ACCRUAL_STEP
    if (insured | owed) > _ACCRUED:
        return word
    return (word & ~_ACCRUALS) | (insured << 68) | (owed << 8)


@internal
@pure
def _without_accrual(word: uint256) -> uint256:
    return word & ~_ACCRUALS


@internal
@pure
def _count(word: uint256) -> uint256:
    return (word >> 8) & _BYTE


@internal
@pure
def _has_margin(word: uint256) -> bool:
    """
    @return Whether anything in the account can lose more than was paid for it.
    """
    return (word >> SHORTS_SHIFT) & (2**16 - 1) != 0


@internal
@pure
def _first(word: uint256) -> uint256:
    return (word >> FIRST_SHIFT) & _ID


@internal
@pure
def _with_first(word: uint256, instrument: uint256) -> uint256:
    return (word & ~(_ID << FIRST_SHIFT)) | (instrument << FIRST_SHIFT)


# ── config ──


@internal
@view
def _level(config: uint256) -> uint256:
    """
    @return The pause level in force: a halt that has run out is a pause.
    """
    level: uint256 = config & _BYTE
    if level == HALTED and block.timestamp >= self._halt_end(config):
        return PAUSED
    return level


@internal
@pure
def _halt_end(config: uint256) -> uint256:
    return (config >> _HALT_END_SHIFT) & _HALT_END


@internal
@pure
def _with_level(config: uint256, level: uint256, halt_end: uint256) -> uint256:
    return ((config >> 48) << 48) | (halt_end << _HALT_END_SHIFT) | level


@internal
@pure
def _haircut_index(config: uint256) -> uint256:
    return config >> _HAIRCUT_SHIFT


@internal
@pure
def _borrow_index(config: uint256) -> uint256:
    return (config >> _BORROW_SHIFT) & INDEX_MAX


@internal
@pure
def _with_haircut_index(config: uint256, index: uint256) -> uint256:
    """
    @param index At most the one before: an index of owned cash never rises.
    """
    return (index << _HAIRCUT_SHIFT) | (config & (2**_HAIRCUT_SHIFT - 1))


@internal
@pure
def _with_borrow_index(config: uint256, index: uint256) -> uint256:
    """
    @param index At most INDEX_MAX.
    """
    return (config & ~(INDEX_MAX << _BORROW_SHIFT)) | (index << _BORROW_SHIFT)


@internal
@pure
def _holds(config: uint256) -> uint256:
    return (config >> _HOLDS_SHIFT) & _HOLDS


@internal
@pure
def _with_holds(config: uint256, holds: uint256) -> uint256:
    assert holds <= _HOLDS, "ledger: too many holds"
    return (config & ~(_HOLDS << _HOLDS_SHIFT)) | (holds << _HOLDS_SHIFT)
