#pragma version ~=0.4.3
"""
@title print_window
@author Vomma
@license AGPL-3.0-only
@notice Observations of a price and the settlement print they add up to.

        A price holds from the second it was recorded until the next record. The print of a day
        is its time average over the half hour before 08:00 UTC:

              07:30          08:00
          ─┬────┼────┬─────┬───┼─────┬──▶ time
           r0 start  r1    r2 end    r3

          print = (p0 (r1 - start) + p1 (r2 - r1) + p2 (end - r2)) / (end - start)

        It needs one record inside the window (start <= r < end), and a first price recorded no
        more than MAX_GAP before the start. Otherwise the day has no print, and no later record
        can give it one.
@custom:security Of several records in one second only the last weighs anything, so a burst moves
        nothing. To bend the print a price must be held, unanswered, in proportion to its weight. Who
        is the only one to record chooses which true prices enter; anybody else's end each choice.
"""


from ..interfaces import IPriceOracle


DAY: constant(uint256) = 86_400
EXPIRY_TIME: constant(uint256) = 28_800  # 08:00 UTC
WINDOW: constant(uint256) = 1_800
MAX_GAP: constant(uint256) = 3_600

_WAD: constant(uint256) = 10**18
_MASK64: constant(uint256) = 2**64 - 1
# A window entered without a recent price; no real sum comes near.
_VOID: constant(uint256) = max_value(uint256)


_last: HashMap[uint256, uint256]  # price 128 | updated at 64 | recorded at 64
_sum: HashMap[uint256, uint256]  # price * seconds, from the window's start to the last record
_prints: HashMap[uint256, HashMap[uint256, uint256]]


@internal
def _observe(underlying: uint256, price: uint256, updated_at: uint256):
    """
    @param price Below 2**128.
    """
    last: uint256 = self._last[underlying]
    since: uint256 = last & _MASK64
    end: uint256 = self._next_end(since)
    if end <= block.timestamp and end - since <= WINDOW:
        self._fix(underlying, last >> 128, since, end)
    start: uint256 = self._next_end(block.timestamp) - WINDOW
    if start <= block.timestamp:
        self._add(underlying, last >> 128, since, start)
    self._last[underlying] = (price << 128) | (updated_at << 64) | block.timestamp


@internal
@view
def _print(underlying: uint256, day: uint256) -> uint256:
    """
    @notice The print, 0 where there is none. It is complete when the window ends, so it does not
            wait for the record that will write it: settlement needs no live feed.
    """
    fixed: uint256 = self._prints[underlying][day]
    if fixed != 0:
        return fixed
    end: uint256 = day * DAY + EXPIRY_TIME
    last: uint256 = self._last[underlying]
    since: uint256 = last & _MASK64
    if block.timestamp < end or self._next_end(since) != end or end - since > WINDOW:
        return 0
    return self._average(underlying, last >> 128, since, end)


@internal
@view
def _window(underlying: uint256, day: uint256) -> (uint256, uint256):
    """
    @return (fixed part of the average, share of the window still to come, WAD).
    """
    end: uint256 = day * DAY + EXPIRY_TIME
    if block.timestamp >= end or block.timestamp < end - WINDOW:
        return 0, _WAD
    start: uint256 = end - WINDOW
    last: uint256 = self._last[underlying]
    since: uint256 = last & _MASK64
    total: uint256 = 0
    if since >= start:
        total = self._sum[underlying]
    elif start - since > MAX_GAP:
        total = _VOID
    if total == _VOID:
        return 0, _WAD
    total += (last >> 128) * (block.timestamp - max(since, start))
    return total // WINDOW, (end - block.timestamp) * _WAD // WINDOW


@internal
@view
def _last_observation(underlying: uint256) -> (uint256, uint256):
    """
    @return (price, when the feed updated it), zeros before the first record.
    """
    last: uint256 = self._last[underlying]
    return last >> 128, (last >> 64) & _MASK64


@internal
def _fix(underlying: uint256, price: uint256, since: uint256, end: uint256):
    fixed: uint256 = self._average(underlying, price, since, end)
    if fixed != 0:
        day: uint256 = (end - EXPIRY_TIME) // DAY
        self._prints[underlying][day] = fixed
        log IPriceOracle.PrintFixed(underlying=underlying, day=day, price=fixed)


@internal
def _add(underlying: uint256, price: uint256, since: uint256, start: uint256):
    """
    @notice Adds the stretch of `price` that ends now, inside the window from `start`.
    """
    if since < start:
        # A record at the very start carries nothing in, so nothing can be too old.
        recent: bool = start - since <= MAX_GAP or block.timestamp == start
        self._sum[underlying] = price * (block.timestamp - start) if recent else _VOID
    elif self._sum[underlying] != _VOID:
        self._sum[underlying] += price * (block.timestamp - since)


@internal
@view
def _average(underlying: uint256, price: uint256, since: uint256, end: uint256) -> uint256:
    """
    @notice `price` recorded at `since`, inside the window, holds to its end.
    """
    total: uint256 = self._sum[underlying]
    return 0 if total == _VOID else (total + price * (end - since)) // WINDOW


@internal
@pure
def _next_end(timestamp: uint256) -> uint256:
    """
    @return The first 08:00 UTC after `timestamp`: a record at 08:00 itself belongs to the next day.
    """
    return (timestamp + DAY - EXPIRY_TIME) // DAY * DAY + EXPIRY_TIME
