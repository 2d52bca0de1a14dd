#pragma version ~=0.4.3
"""
@title print_fallback
@author Vomma
@license AGPL-3.0-only
@notice Prints of days on which nobody recorded in the settlement window.

          day's end          + 2 days                + 2 days
          ──┬───────────────────┬───────────────────────┬──────▶ time
            │ anyone proves     │ ADMIN proposes,       │ anyone fixes what
            │ rounds, at once   │ GUARDIAN vetoes       │ was proposed

        A proof is a push feed's own rounds, each the next, from one in force at the window's start to
        the first not before its end (or the feed's latest): nothing can be left out, and the average
        is that of print_window, each price holding from the second of its round. A price may weigh in
        up to the feed's `max_age`, as it would have served trades. Rounds of two phases of an
        aggregator are not consecutive; a feed that changed phase in the window leaves the other way.
@custom:security What is written stays. A proof goes on being possible until a proposal is fixed, so a
        proposed price stands only where for days nobody could or would prove another.
"""


from ..interfaces import IAggregatorV3
from ..interfaces import IPriceOracle
from . import feed_codec
from . import print_window


uses: print_window


MAX_ROUNDS: constant(uint256) = 256  # one every 8 seconds of the window, and to spare
PROPOSAL_DELAY: constant(uint256) = 172_800
TIMELOCK: constant(uint256) = 172_800

_MAX_DECIMALS: constant(uint256) = 18

_prints: HashMap[uint256, HashMap[uint256, uint256]]
_proposals: HashMap[uint256, HashMap[uint256, uint256]]  # price 128 | fixable at 128


@internal
@view
def _print(underlying: uint256, day: uint256) -> uint256:
    return self._prints[underlying][day]


@internal
@view
def _proposal(underlying: uint256, day: uint256) -> (uint256, uint256):
    """
    @return (price, when it may be fixed), zeros where nothing is proposed.
    """
    word: uint256 = self._proposals[underlying][day]
    return word >> 128, word & (2**128 - 1)


@internal
def _prove(
    underlying: uint256, day: uint256, feed: uint256, bounds: uint256, first: uint256, count: uint256
):
    """
    @param feed, bounds The words of the feed, see feed_codec.
    """
    assert feed != 0 and feed & feed_codec.PULL == 0, "oracle: not a push feed"
    self._check_none(underlying, day)
    end: uint256 = self._end(day)
    assert block.timestamp >= end, "oracle: window not over"
    assert count != 0 and count <= MAX_ROUNDS, "oracle: too many rounds"
    price: uint256 = 0
    since: uint256 = 0
    price, since = self._round(feed, first)
    assert since <= end - print_window.WINDOW, "oracle: first round too late"
    total: uint256 = 0
    for i: uint256 in range(1, count, bound=MAX_ROUNDS):
        next_price: uint256 = 0
        updated_at: uint256 = 0
        next_price, updated_at = self._round(feed, first + i)
        assert updated_at >= since, "oracle: rounds out of order"
        total += self._weight(feed, bounds, price, since, updated_at, end)
        price = next_price
        since = updated_at
    if since < end:
        assert first + count - 1 == self._latest(feed), "oracle: last round too early"
        total += self._weight(feed, bounds, price, since, end, end)
    self._write(underlying, day, total // print_window.WINDOW)


@internal
def _propose(underlying: uint256, day: uint256, bounds: uint256, price: uint256):
    self._check_none(underlying, day)
    assert block.timestamp >= self._end(day) + PROPOSAL_DELAY, "oracle: too early to propose"
    assert feed_codec._inside(bounds, price), "oracle: price out of bounds"
    fixable_at: uint256 = block.timestamp + TIMELOCK
    self._proposals[underlying][day] = (price << 128) | fixable_at
    log IPriceOracle.PrintProposed(
        underlying=underlying, day=day, price=price, fixable_at=fixable_at
    )


@internal
def _veto(underlying: uint256, day: uint256):
    assert self._proposals[underlying][day] != 0, "oracle: nothing proposed"
    self._proposals[underlying][day] = 0
    log IPriceOracle.PrintVetoed(underlying=underlying, day=day)


@internal
def _fix(underlying: uint256, day: uint256):
    price: uint256 = 0
    fixable_at: uint256 = 0
    price, fixable_at = self._proposal(underlying, day)
    assert price != 0, "oracle: nothing proposed"
    assert block.timestamp >= fixable_at, "oracle: timelock running"
    self._check_none(underlying, day)
    self._write(underlying, day, price)


@internal
def _write(underlying: uint256, day: uint256, price: uint256):
    self._prints[underlying][day] = price
    log IPriceOracle.PrintFixed(underlying=underlying, day=day, price=price)


@internal
@view
def _check_none(underlying: uint256, day: uint256):
    # What print_window will ever say of a day it says from the day's end on.
    assert print_window._print(underlying, day) == 0, "oracle: day has a print"
    assert self._prints[underlying][day] == 0, "oracle: day has a print"


@internal
@view
def _round(feed: uint256, round_id: uint256) -> (uint256, uint256):
    """
    @return (price in WAD, when it was updated). A round without an answer has price 0, which no
            feed's bounds let in.
    """
    found: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    found, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(
        self._aggregator(feed)
    ).getRoundData(convert(round_id, uint80))
    assert convert(found, uint256) == round_id and updated_at != 0, "oracle: bad round"
    if answer <= 0 or answered_in < found:
        return 0, updated_at
    decimals: uint256 = (feed >> 88) & 31
    return convert(answer, uint256) * pow_mod256(10, _MAX_DECIMALS - decimals), updated_at


@internal
@view
def _latest(feed: uint256) -> uint256:
    found: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    found, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(
        self._aggregator(feed)
    ).latestRoundData()
    return convert(found, uint256)


@internal
@pure
def _aggregator(feed: uint256) -> address:
    return convert(convert(feed >> 96, uint160), address)


@internal
@pure
def _weight(
    feed: uint256, bounds: uint256, price: uint256, since: uint256, until: uint256, end: uint256
) -> uint256:
    """
    @return price * the seconds of [since, until) inside the window that ends at `end`.
    """
    first: uint256 = max(since, end - print_window.WINDOW)
    last: uint256 = min(until, end)
    if last <= first:
        return 0
    assert last - since <= feed_codec._max_age(feed), "oracle: gap between rounds"
    assert feed_codec._inside(bounds, price), "oracle: price out of bounds"
    return price * (last - first)


@internal
@pure
def _end(day: uint256) -> uint256:
    return day * print_window.DAY + print_window.EXPIRY_TIME
