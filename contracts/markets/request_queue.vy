#pragma version ~=0.4.3
"""
@title request_queue
@author Vomma
@license AGPL-3.0-only
@notice First-in-first-out queues of LP requests, one for each kind, and what is pending for each
        controller. Only the head is served, in whole or in part. A request taken back leaves its
        place empty, with its time, and is passed over when it comes to the head.
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
def _at(kind: uint256, place: uint256) -> (address, uint256, uint256):
    """
    @return (controller, amount, ready at): nobody where there is no request, amount 0 where
            it was served or taken back.
    """
    entry: uint256[2] = self._entries[kind][place]
    controller: address = convert(convert(entry[0] & _ADDRESS, uint160), address)
    return controller, entry[1], entry[0] >> 160


@internal
@view
def _head(kind: uint256, wait: uint256) -> (address, uint256):
    """
    @return (controller, amount) of the oldest request, nobody where there is none or it is not ripe
            for `wait` seconds yet.
    """
    controller: address = empty(address)
    amount: uint256 = 0
    ready_at: uint256 = 0
    controller, amount, ready_at = self._at(kind, self._ends[kind] >> 128)
    if block.timestamp < ready_at + wait:
        return empty(address), 0
    return controller, amount


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
def _cancel(kind: uint256, place: uint256, controller: address, amount: uint256):
    """
    @param amount All of the request at this place.
    """
    self._entries[kind][place][1] = 0
    self._pending[kind][controller] -= amount


@internal
@view
def _places(kind: uint256) -> (uint256, uint256):
    """
    @return (place of the head, place of the next request to come).
    """
    ends: uint256 = self._ends[kind]
    return ends >> 128, ends & _INDEX


@internal
@view
def _length(kind: uint256) -> uint256:
    head: uint256 = 0
    tail: uint256 = 0
    head, tail = self._places(kind)
    return tail - head


@internal
@view
def _ready_at(kind: uint256) -> uint256:
    """
    @return When the oldest request may be processed, 0 without requests.
    """
    return self._entries[kind][self._ends[kind] >> 128][0] >> 160
