#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title PriceOracle
@author Vomma
@license AGPL-3.0-only
@notice Spot of every underlying with its age and uncertainty, and the 30-minute settlement print.
        A feed is push (a Chainlink AggregatorV3, read in place) or pull (a price that k of n
        signers vouch for, posted by whoever needs it in the transaction that needs it). Exits and
        liquidation that must not wait for a live feed use `last_good`.

        What it does not promise: that a feed is right within its bounds, that anybody records, or
        that the price posted is the newest signed: whoever posts may choose among those younger
        than `max_age` and newer than the last. Venues bound the age they trade at, and charge it.
@custom:security A price older than the feed's `max_age`, from the future, of an incomplete round or
        outside the feed's bounds reverts; it is never clamped.
@custom:kill None. A feed is switched off by replacing it, or by bounds it cannot meet.
"""


from ..access import role_access as access
from ..interfaces import IAggregatorV3
from ..interfaces import IPriceOracle
from . import feed_codec
from . import print_fallback
from . import print_window
from . import sequencer_guard
from . import signed_prices


implements: IPriceOracle
initializes: access
initializes: print_window
initializes: print_fallback[print_window := print_window]
initializes: sequencer_guard
initializes: signed_prices
exports: signed_prices.domain.eip712Domain


WAD: constant(uint256) = 10**18
_MAX_UNDERLYING: constant(uint256) = 255
_MAX_DECIMALS: constant(uint256) = 18
_MAX_AGE: constant(uint256) = 172_800  # two heartbeats of the slowest feeds
_MAX_PULL_AGE: constant(uint256) = 600
_MAX_DEVIATION: constant(uint256) = 10**17  # 10 %
_MAX_DRIFT: constant(uint256) = 10**15  # a volatility of 560 % a year

# Packed by feed_codec: what a read of the price needs, and what bounds it.
_feeds: HashMap[uint256, uint256]
_bounds: HashMap[uint256, uint256]
_known: uint256  # one bit for every underlying with a feed


@deploy
def __init__(manager: address):
    access.__init__(manager)
    signed_prices.__init__()


# ── posting and recording, by anyone ──


@external
def post(reports: DynArray[IPriceOracle.Report, 4]):
    # Under the core's lock as well: a newer price that k signers vouch for is what the next
    # transaction would bring, and asking would cost every trade in a batch 7k gas.
    for report: IPriceOracle.Report in reports:
        self._post(report)


@external
def record(underlying: uint256):
    access._check_unlocked()
    price: uint256 = 0
    updated_at: uint256 = 0
    deviation: uint256 = 0
    drift: uint256 = 0
    price, updated_at, deviation, drift = self._read(underlying)
    print_window._observe(underlying, price, updated_at)
    log IPriceOracle.PriceRecorded(underlying=underlying, price=price, updated_at=updated_at)


@external
def prove_print(underlying: uint256, day: uint256, first_round: uint256, count: uint256):
    access._check_unlocked()
    feed: uint256 = self._feeds[underlying]
    bounds: uint256 = self._bounds[underlying]
    print_fallback._prove(underlying, day, feed, bounds, first_round, count)


@external
def fix_print(underlying: uint256, day: uint256):
    access._check_unlocked()
    print_fallback._fix(underlying, day)


# ── views ──


# The lock is left out on the hot path: these read a word or two that are always whole.
@external
@view
@reentrant
def spot(underlying: uint256) -> IPriceOracle.Spot:
    price: uint256 = 0
    updated_at: uint256 = 0
    deviation: uint256 = 0
    drift: uint256 = 0
    price, updated_at, deviation, drift = self._read(underlying)
    return IPriceOracle.Spot(
        price=price,
        updated_at=updated_at,
        uncertainty=self._uncertainty(deviation, drift, updated_at),
    )


@external
@view
@reentrant
def last_good(underlying: uint256) -> IPriceOracle.Spot:
    price: uint256 = 0
    updated_at: uint256 = 0
    deviation: uint256 = 0
    drift: uint256 = 0
    price, updated_at, deviation, drift = self._last_good(underlying)
    assert price != 0, "oracle: nothing recorded"
    return IPriceOracle.Spot(
        price=price,
        updated_at=updated_at,
        uncertainty=min(self._uncertainty(deviation, drift, updated_at), WAD),
    )


@external
@view
@reentrant
def settlement_print(underlying: uint256, day: uint256) -> uint256:
    recorded: uint256 = print_window._print(underlying, day)
    return recorded if recorded != 0 else print_fallback._print(underlying, day)


@external
@view
@reentrant
def window(underlying: uint256, day: uint256) -> (uint256, uint256):
    return print_window._window(underlying, day)


@external
@view
def proposed_print(underlying: uint256, day: uint256) -> (uint256, uint256):
    return print_fallback._proposal(underlying, day)


@external
@view
def feed_words(underlying: uint256) -> uint256[2]:
    return [self._feeds[underlying], self._bounds[underlying]]


@external
@view
def signers() -> (DynArray[address, signed_prices.MAX_SIGNERS], uint256):
    return signed_prices._list()


# ── administration ──


@external
def set_feed(
    underlying: uint256,
    aggregator: address,
    max_age: uint256,
    min_price: uint256,
    max_price: uint256,
    deviation: uint256,
    drift: uint256,
):
    access._check_admin()
    self._check_feed(underlying, max_age, _MAX_AGE, min_price, max_price, drift)
    assert deviation <= _MAX_DEVIATION, "oracle: deviation out of range"
    decimals: uint256 = convert(staticcall IAggregatorV3(aggregator).decimals(), uint256)
    assert decimals <= _MAX_DECIMALS, "oracle: decimals above 18"
    self._store(
        underlying,
        feed_codec._pack_push(aggregator, decimals, max_age, deviation),
        feed_codec._pack_bounds(min_price, max_price, drift),
    )
    log IPriceOracle.FeedSet(
        underlying=underlying,
        aggregator=aggregator,
        max_age=max_age,
        min_price=min_price,
        max_price=max_price,
        deviation=deviation,
        drift=drift,
    )


@external
def set_pull_feed(
    underlying: uint256,
    max_age: uint256,
    min_price: uint256,
    max_price: uint256,
    max_confidence: uint256,
    drift: uint256,
):
    access._check_admin()
    self._check_feed(underlying, max_age, _MAX_PULL_AGE, min_price, max_price, drift)
    assert max_confidence <= _MAX_DEVIATION, "oracle: confidence out of range"
    feed: uint256 = feed_codec._pack_pull(max_age, drift)
    last: uint256 = self._feeds[underlying]
    if last & feed_codec.PULL != 0:
        # The price is forgotten and its time is not: what it had overtaken stays overtaken.
        feed = feed_codec._with_price(feed, 0, feed_codec._posted(last)[1], 0)
    self._store(
        underlying, feed, feed_codec._pack_bounds(min_price, max_price, max_confidence)
    )
    log IPriceOracle.PullFeedSet(
        underlying=underlying,
        max_age=max_age,
        min_price=min_price,
        max_price=max_price,
        max_confidence=max_confidence,
        drift=drift,
    )


@external
def set_signers(signers: DynArray[address, signed_prices.MAX_SIGNERS], threshold: uint256):
    access._check_admin()
    signed_prices._set_signers(signers, threshold)


@external
def set_sequencer(feed: address, grace: uint256):
    access._check_admin()
    sequencer_guard._set_sequencer(feed, grace)
    known: uint256 = self._known
    for underlying: uint256 in range(1, _MAX_UNDERLYING + 1):
        if (known >> underlying) & 1 != 0:
            self._feeds[underlying] = self._guarded(self._feeds[underlying])


@external
def propose_print(underlying: uint256, day: uint256, price: uint256):
    access._check_admin()
    print_fallback._propose(underlying, day, self._bounds[underlying], price)


@external
def veto_print(underlying: uint256, day: uint256):
    access._check_guardian()
    print_fallback._veto(underlying, day)


# ── internal ──


@internal
def _post(report: IPriceOracle.Report):
    feed: uint256 = self._feeds[report.underlying]
    assert feed & feed_codec.PULL != 0, "oracle: not a pull feed"
    # A newer price was posted first: whoever comes with this one is served by that.
    if report.timestamp <= feed_codec._posted(feed)[1]:
        return
    assert report.timestamp <= block.timestamp, "oracle: price from future"
    age: uint256 = unsafe_sub(block.timestamp, report.timestamp)
    assert age <= feed_codec._max_age(feed), "oracle: price stale"
    bounds: uint256 = self._bounds[report.underlying]
    assert feed_codec._inside(bounds, report.price), "oracle: price out of bounds"
    assert report.confidence <= bounds & feed_codec.MASK64, "oracle: confidence too wide"
    signed_prices._check(report)
    self._feeds[report.underlying] = feed_codec._with_price(
        feed, report.price, report.timestamp, report.confidence
    )
    log IPriceOracle.PricePosted(
        underlying=report.underlying,
        price=report.price,
        confidence=report.confidence,
        timestamp=report.timestamp,
    )


@internal
@view
def _read(underlying: uint256) -> (uint256, uint256, uint256, uint256):
    """
    @notice The one way to a live price, whatever the source.
    @return (price in WAD, when the source updated it, deviation, drift)
    """
    feed: uint256 = self._feeds[underlying]
    assert feed != 0, "oracle: unknown underlying"
    if feed & feed_codec.GUARDED != 0:
        sequencer_guard._check_up()
    price: uint256 = 0
    updated_at: uint256 = 0
    deviation: uint256 = 0
    drift: uint256 = feed & feed_codec.MASK64
    if feed & feed_codec.PULL != 0:
        # Its bounds held when it was posted.
        price, updated_at, deviation = feed_codec._posted(feed)
        assert price != 0, "oracle: price stale"
    else:
        bounds: uint256 = self._bounds[underlying]
        price, updated_at = self._answer(feed)
        assert price >= bounds >> 160, "oracle: price out of bounds"
        assert price <= (bounds >> 64) & feed_codec.MASK96, "oracle: price out of bounds"
        deviation = drift
        drift = bounds & feed_codec.MASK64
    # Neither source gives a time still to come.
    age: uint256 = unsafe_sub(block.timestamp, updated_at)
    # Unpacked here: a call of the codec for each field would cost a trade 230 gas.
    assert age <= (feed >> 64) & feed_codec.MASK24, "oracle: price stale"
    return price, updated_at, deviation, drift


@internal
@view
def _answer(feed: uint256) -> (uint256, uint256):
    """
    @return (price in WAD, when it was updated) of an aggregator's latest round.
    """
    round_id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    # Without code there is no return data either, and that reverts: no need to ask for the code.
    round_id, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(
        convert(convert(feed >> 96, uint160), address)
    ).latestRoundData(skip_contract_check=True)
    assert answer > 0 and updated_at != 0 and answered_in >= round_id, "oracle: bad round"
    assert updated_at <= block.timestamp, "oracle: price from future"
    # `set_feed` let no more than 18 decimals in, and the answer is positive.
    scale: uint256 = pow_mod256(10, unsafe_sub(_MAX_DECIMALS, (feed >> 88) & 31))
    return convert(convert(answer, bytes32), uint256) * scale, updated_at


@internal
@view
def _last_good(underlying: uint256) -> (uint256, uint256, uint256, uint256):
    """
    @return As `_read`. What was posted is good without a record, and no older than one.
    """
    feed: uint256 = self._feeds[underlying]
    price: uint256 = 0
    updated_at: uint256 = 0
    deviation: uint256 = 0
    pulls: bool = feed & feed_codec.PULL != 0
    if pulls:
        price, updated_at, deviation = feed_codec._posted(feed)
        if price != 0:
            return price, updated_at, deviation, feed & feed_codec.MASK64
    price, updated_at = print_window._last_observation(underlying)
    low: uint256 = feed & feed_codec.MASK64
    high: uint256 = self._bounds[underlying] & feed_codec.MASK64
    # Recorded before the feed was replaced by a pull one: as uncertain as any price may be.
    return price, updated_at, high if pulls else low, low if pulls else high


@internal
@view
def _uncertainty(deviation: uint256, drift: uint256, updated_at: uint256) -> uint256:
    """
    @return deviation + drift * sqrt(age), rounded up; the root is of drift**2 * age, so no digit of
            a small drift is lost.
    """
    # 50 + 50 + 64 bits: nothing here can overflow.
    square: uint256 = unsafe_mul(unsafe_mul(drift, drift), unsafe_sub(block.timestamp, updated_at))
    growth: uint256 = isqrt(square)
    if unsafe_mul(growth, growth) < square:
        growth = unsafe_add(growth, 1)
    return unsafe_add(deviation, growth)


@internal
@pure
def _check_feed(
    underlying: uint256,
    max_age: uint256,
    age_bound: uint256,
    min_price: uint256,
    max_price: uint256,
    drift: uint256,
):
    assert underlying != 0 and underlying <= _MAX_UNDERLYING, "oracle: unknown underlying"
    assert max_age != 0 and max_age <= age_bound, "oracle: max age out of range"
    assert min_price != 0 and min_price < max_price, "oracle: empty price bounds"
    assert max_price <= feed_codec.MASK96, "oracle: price bounds too wide"
    assert drift <= _MAX_DRIFT, "oracle: drift out of range"


@internal
def _store(underlying: uint256, feed: uint256, bounds: uint256):
    self._feeds[underlying] = self._guarded(feed)
    self._bounds[underlying] = bounds
    self._known |= 1 << underlying


@internal
@view
def _guarded(feed: uint256) -> uint256:
    """
    @notice The flag stands in the feed's own word, so that without a sequencer nothing is read.
    """
    if sequencer_guard._is_set():
        return feed | feed_codec.GUARDED
    return feed & ~feed_codec.GUARDED
