#pragma version ~=0.4.3
"""
@title day_list
@author Vomma
@license AGPL-3.0-only
@notice Up to 24 expiry days, ascending, in two words: 16 bits a day from the lowest bits up, 16
        days in the first word. Day 0 ends the list.
"""


SIZE: constant(uint256) = 24

_PER_WORD: constant(uint256) = 16
_DAY_MASK: constant(uint256) = 2**16 - 1


@internal
@pure
def _unpack(words: uint256[2], after: uint256) -> DynArray[uint256, SIZE]:
    """
    @return The days not before `after`.
    """
    days: DynArray[uint256, SIZE] = []
    for word: uint256 in words:
        rest: uint256 = word
        for _: uint256 in range(_PER_WORD):
            if rest == 0:
                break
            day: uint256 = rest & _DAY_MASK
            if day >= after:
                days.append(day)
            rest = rest >> 16
    return days


@internal
@pure
def _pack(days: DynArray[uint256, SIZE]) -> uint256[2]:
    """
    @param days Each below 2**16.
    """
    words: uint256[2] = empty(uint256[2])
    for i: uint256 in range(len(days), bound=SIZE):
        words[i // _PER_WORD] |= days[i] << (16 * (i % _PER_WORD))
    return words


@internal
@pure
def _insert(days: DynArray[uint256, SIZE], day: uint256) -> DynArray[uint256, SIZE]:
    """
    @notice The list with `day` in its place, once.
    """
    longer: DynArray[uint256, SIZE] = []
    placed: bool = False
    for other: uint256 in days:
        if not placed and other >= day:
            longer.append(day)
            placed = True
        if other != day:
            assert len(longer) < SIZE, "surface: too many days"
            longer.append(other)
    if not placed:
        assert len(longer) < SIZE, "surface: too many days"
        longer.append(day)
    return longer
