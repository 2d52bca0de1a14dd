#pragma version ~=0.4.3
#pragma nonreentrancy on
"""
@title position_book
@author Vomma
@license AGPL-3.0-only
@notice Sizes of instruments by account, and lists of what an account holds. High to low:

          position = size int128 | spare 120 | place in the list 8
          head     = spare 128 | first instrument 64 | spare 48 | count 8 | spare 8
          tail     = four instruments, the next in the lowest 64 bits

        An ordinary account has one list, and its head is the account word itself, so an account
        with one instrument touches no other word. A pool has a list per (underlying, expiry day)
        with a head of its own. Lists are unordered: the last takes the place of one that goes.
        A position of size 0 is the empty word and is in no list.
"""


from ..math import series_codec
from . import account_codec


MAX_INSTRUMENTS: constant(uint256) = 64  # of a list

_TAIL_WORDS: constant(uint256) = 16
_BYTE: constant(uint256) = 2**8 - 1
_ID: constant(uint256) = 2**64 - 1
_SIZE_BOUND: constant(int256) = 2**127
_WAD: constant(int256) = 10**18

_positions: HashMap[uint256, HashMap[uint256, uint256]]  # account -> instrument -> word
_heads: HashMap[uint256, uint256]  # pool list -> word
_tails: HashMap[uint256, uint256[_TAIL_WORDS]]  # list -> words


# ── reads ──


@external
@view
def position(account: uint256, instrument: uint256) -> int256:
    return self._size(account, instrument)


@external
@view
def pool_positions(account: uint256, underlying: uint256, day: uint256) -> (
    DynArray[uint256, MAX_INSTRUMENTS],
    DynArray[int256, MAX_INSTRUMENTS],
):
    return self._pool_list(account, underlying, day)


@internal
@view
def _size(account: uint256, instrument: uint256) -> int256:
    return convert(convert(self._positions[account][instrument], bytes32), int256) >> 128


@internal
@pure
def _pool_key(account: uint256, underlying: uint256, day: uint256) -> uint256:
    # Hashed, so that no account id can be ground into the list of a pool.
    return convert(keccak256(abi_encode(account, underlying, day)), uint256)


@internal
@view
def _pool_list(account: uint256, underlying: uint256, day: uint256) -> (
    DynArray[uint256, MAX_INSTRUMENTS], DynArray[int256, MAX_INSTRUMENTS]
):
    key: uint256 = self._pool_key(account, underlying, day)
    return self._list(account, key, self._heads[key])


@internal
@view
def _list(
    account: uint256, key: uint256, head: uint256
) -> (DynArray[uint256, MAX_INSTRUMENTS], DynArray[int256, MAX_INSTRUMENTS]):
    instruments: DynArray[uint256, MAX_INSTRUMENTS] = []
    sizes: DynArray[int256, MAX_INSTRUMENTS] = []
    tail: uint256 = 0
    for i: uint256 in range(account_codec._count(head), bound=MAX_INSTRUMENTS):
        instrument: uint256 = account_codec._first(head)
        if i != 0:
            if i & 3 == 1:
                tail = self._tails[key][i >> 2]
            instrument = tail & _ID
            tail >>= 64
        instruments.append(instrument)
        sizes.append(self._size(account, instrument))
    return instruments, sizes


# ── writes ──


@internal
def _apply(
    account: uint256, word: uint256, legs: DynArray[uint256, 8], buys: bool
) -> (uint256, bool):
    """
    @notice Adds every leg to the account, or takes it off where it does not buy.
    @return (account word after, whether every leg brought a position nearer to zero).
    """
    reduces: bool = True
    after: uint256 = word
    for leg: uint256 in legs:
        delta: int256 = series_codec._leg_size(leg)
        if not buys:
            delta = -delta
        size: int256 = 0
        after, size = self._change(account, after, series_codec._leg_instrument(leg), delta)
        # The size before was size - delta. Nearer to zero: before and delta have opposite signs,
        # and the size has not come out beyond zero with the sign of delta.
        if delta > 0:
            reduces = reduces and size <= 0
        else:
            reduces = reduces and size >= 0
    return after, reduces


@internal
def _change(
    account: uint256, word: uint256, instrument: uint256, delta: int256
) -> (uint256, int256):
    """
    @return (account word after, size after).
    """
    position: uint256 = self._positions[account][instrument]
    old: int256 = convert(convert(position, bytes32), int256) >> 128
    size: int256 = old + delta
    assert size > -_SIZE_BOUND and size < _SIZE_BOUND, "ledger: size out of range"
    after: uint256 = word
    place: uint256 = position & _BYTE
    if word & account_codec.IS_POOL == 0:
        after = self._tally(word, instrument, old, size)
    if size == 0:
        self._positions[account][instrument] = 0
        return self._remove(account, after, instrument, place), size
    if old == 0:
        after, place = self._insert(account, after, instrument)
    self._positions[account][instrument] = (
        convert(convert(size << 128, bytes32), uint256) | place
    )
    return after, size


@internal
def _slice(
    account: uint256, other: uint256, word: uint256, other_word: uint256, share: uint256
) -> (uint256, uint256):
    """
    @notice Moves a share (WAD) of every position from an account to another, toward zero.
    @return (word of the account after, word of the other after).
    """
    instruments: DynArray[uint256, MAX_INSTRUMENTS] = []
    sizes: DynArray[int256, MAX_INSTRUMENTS] = []
    instruments, sizes = self._list(account, account, word)
    count: uint256 = len(instruments)
    given: uint256 = word
    taken: uint256 = other_word
    for i: uint256 in range(count, bound=MAX_INSTRUMENTS):
        # From the last to the first: a whole position is a pop off the end of the list.
        last: uint256 = unsafe_sub(count, unsafe_add(i, 1))
        instrument: uint256 = instruments[last]
        moved: int256 = sizes[last] * convert(share, int256) // _WAD
        if moved != 0:
            given = self._change(account, given, instrument, -moved)[0]
            taken = self._change(other, taken, instrument, moved)[0]
    return given, taken


@internal
@pure
def _tally(word: uint256, instrument: uint256, old: int256, size: int256) -> uint256:
    """
    @notice Keeps the counts of short options and of perps. Neither can pass MAX_INSTRUMENTS.
    """
    before: bool = old < 0
    after: bool = size < 0
    offset: uint256 = account_codec.SHORTS_SHIFT
    if not series_codec._is_option(instrument):
        if not series_codec._is_perp(instrument):
            return word  # collateral can lose no more than is posted
        before = old != 0
        after = size != 0
        offset = account_codec.PERPS_SHIFT
    if before == after:
        return word
    if after:
        return word + (1 << offset)
    return word - (1 << offset)


@internal
@view
def _locate(account: uint256, word: uint256, instrument: uint256) -> (uint256, uint256):
    """
    @return (key of the list that the instrument belongs to, its head).
    """
    if word & account_codec.IS_POOL == 0:
        return account, word
    key: uint256 = self._pool_key(
        account, series_codec._underlying(instrument), series_codec._day(instrument)
    )
    return key, self._heads[key]


@internal
def _insert(account: uint256, word: uint256, instrument: uint256) -> (uint256, uint256):
    """
    @return (account word after, place in the list).
    """
    key: uint256 = 0
    head: uint256 = 0
    key, head = self._locate(account, word, instrument)
    place: uint256 = account_codec._count(head)
    assert place < MAX_INSTRUMENTS, "ledger: too many instruments"
    head = self._put(key, head, place, instrument) + account_codec.COUNT_ONE
    return self._keep_head(account, word, key, head), place


@internal
def _remove(account: uint256, word: uint256, instrument: uint256, place: uint256) -> uint256:
    """
    @return Account word after.
    """
    key: uint256 = 0
    head: uint256 = 0
    key, head = self._locate(account, word, instrument)
    last: uint256 = account_codec._count(head) - 1
    if place != last:
        moved: uint256 = self._get(key, last)
        head = self._put(key, head, place, moved)
        self._positions[account][moved] = (self._positions[account][moved] & ~_BYTE) | place
    # What lies beyond the count is not looked at: in a tail it need not be written.
    if last == 0:
        head = account_codec._with_first(head, 0)
    head -= account_codec.COUNT_ONE
    return self._keep_head(account, word, key, head)


@internal
def _keep_head(account: uint256, word: uint256, key: uint256, head: uint256) -> uint256:
    if key == account:
        return head
    self._heads[key] = head
    return word


@internal
@view
def _get(key: uint256, place: uint256) -> uint256:
    """
    @param place Not the first, which stands in the head.
    """
    slot: uint256 = unsafe_sub(place, 1)
    return (self._tails[key][slot >> 2] >> ((slot & 3) << 6)) & _ID


@internal
def _put(key: uint256, head: uint256, place: uint256, instrument: uint256) -> uint256:
    """
    @return The head, changed where the place is the first.
    """
    if place == 0:
        return account_codec._with_first(head, instrument)
    slot: uint256 = unsafe_sub(place, 1)
    offset: uint256 = (slot & 3) << 6
    tail: uint256 = self._tails[key][slot >> 2]
    self._tails[key][slot >> 2] = (tail & ~(_ID << offset)) | (instrument << offset)
    return head
