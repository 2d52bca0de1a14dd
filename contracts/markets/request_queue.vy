#pragma version ~=0.4.3
"""
@title request_queue
@author Vomma
@license AGPL-3.0-only
@notice First-in-first-out queues of LP requests, one for each kind, and what is pending for each
        controller. Only the head can be taken from, in whole or in part.
"""


_ADDRESS: constant(uint256) = 2**160 - 1
_INDEX: constant(uint256) = 2**128 - 1

_ends: HashMap[uint256, uint256]  # kind -> head << 128 | tail
_entries: HashMap[uint256, HashMap[uint256, uint256[2]]]  # [ready at << 160 | controller, amount]
_pending: HashMap[uint256, HashMap[address, uint256]]


@internal
def _append(kind: uint256, controller: address, amount: uint256, ready_at: uint256):
    ends: uint256 = self._ends[kind]
    self._entries[kind][ends & _INDEX] = [
        (ready_at << 160) | convert(controller, uint256), amount
    ]
    self._ends[kind] = ends + 1
    self._pending[kind][controller] += amount


@internal
@view
def _head(kind: uint256) -> (address, uint256):
    """
    @return (controller, amount) of the oldest request, amount 0 if there is none or it is too young.
    """
    ends: uint256 = self._ends[kind]
    if self._count(ends) == 0:
        return empty(address), 0
    entry: uint256[2] = self._entries[kind][ends >> 128]
    if block.timestamp < entry[0] >> 160:
        return empty(address), 0
    return convert(convert(entry[0] & _ADDRESS, uint160), address), entry[1]


@internal
def _take(kind: uint256, controller: address, amount: uint256):
    """
    @param controller Of the head, which keeps its place with what is left.
    """
    ends: uint256 = self._ends[kind]
    left: uint256 = self._entries[kind][ends >> 128][1] - amount
    self._entries[kind][ends >> 128][1] = left
    self._pending[kind][controller] -= amount
    if left == 0:
        self._entries[kind][ends >> 128][0] = 0
        self._ends[kind] = ends + (1 << 128)


@internal
@view
def _length(kind: uint256) -> uint256:
    return self._count(self._ends[kind])


@internal
@view
def _ready_at(kind: uint256) -> uint256:
    """
    @return When the oldest request may be processed, 0 without requests.
    """
    return self._entries[kind][self._ends[kind] >> 128][0] >> 160


@internal
@pure
def _count(ends: uint256) -> uint256:
    return (ends & _INDEX) - (ends >> 128)
