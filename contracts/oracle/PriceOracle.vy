#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title PriceOracle
@author Vomma
@license AGPL-3.0-only
@notice Spot of every underlying from a push feed (Chainlink AggregatorV3), with its age and
        uncertainty, and the 30-minute settlement print. Exits and liquidation that must not wait
        for a live feed use `last_good`.

        What it does not promise: that the feed is right within its bounds, or that anybody records.
@custom:security A price older than the feed's `max_age`, from the future, of an incomplete round or
        outside the feed's bounds reverts; it is never clamped.
@custom:kill None. A feed is switched off by replacing it, or by bounds it cannot meet.
"""


from ..access import role_access as access
from ..interfaces import IAggregatorV3
from ..interfaces import IPriceOracle
from . import print_window


implements: IPriceOracle
initializes: access
initializes: print_window


WAD: constant(uint256) = 10**18
_MAX_UNDERLYING: constant(uint256) = 255
_MAX_DECIMALS: constant(uint256) = 18
_MAX_AGE: constant(uint256) = 172_800  # two heartbeats of the slowest feeds
_MAX_DEVIATION: constant(uint256) = 10**17  # 10 %
_MAX_DRIFT: constant(uint256) = 10**15  # a volatility of 560 % a year
_MASK64: constant(uint256) = 2**64 - 1
_MASK96: constant(uint256) = 2**96 - 1

# Two words a feed, read on every trade:
#   aggregator 160 | decimals 8 | max age 24 | deviation 64
#   min price 96 | max price 96 | drift 64
_feeds: HashMap[uint256, uint256[2]]


@deploy
def __init__(manager: address):
    access.__init__(manager)


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
    assert underlying != 0 and underlying <= _MAX_UNDERLYING, "oracle: unknown underlying"
    assert max_age != 0 and max_age <= _MAX_AGE, "oracle: max age out of range"
    assert min_price != 0 and min_price < max_price, "oracle: empty price bounds"
    assert max_price <= _MASK96, "oracle: price bounds too wide"
    assert deviation <= _MAX_DEVIATION, "oracle: deviation out of range"
    assert drift <= _MAX_DRIFT, "oracle: drift out of range"
    decimals: uint256 = convert(staticcall IAggregatorV3(aggregator).decimals(), uint256)
    assert decimals <= _MAX_DECIMALS, "oracle: decimals above 18"
    feed: uint256 = convert(convert(aggregator, uint160), uint256) << 96
    self._feeds[underlying][0] = feed | (decimals << 88) | (max_age << 64) | deviation
    self._feeds[underlying][1] = (min_price << 160) | (max_price << 64) | drift
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
def record(underlying: uint256):
    price: uint256 = 0
    updated_at: uint256 = 0
    price, updated_at = self._read(self._feeds[underlying])
    print_window._observe(underlying, price, updated_at)
    log IPriceOracle.PriceRecorded(underlying=underlying, price=price, updated_at=updated_at)


# The lock is left out on the hot path: these read a word or two that are always whole.
@external
@view
@reentrant
def spot(underlying: uint256) -> IPriceOracle.Spot:
    feed: uint256[2] = self._feeds[underlying]
    price: uint256 = 0
    updated_at: uint256 = 0
    price, updated_at = self._read(feed)
    return IPriceOracle.Spot(
        price=price, updated_at=updated_at, uncertainty=self._uncertainty(feed, updated_at)
    )


@external
@view
@reentrant
def last_good(underlying: uint256) -> IPriceOracle.Spot:
    price: uint256 = 0
    updated_at: uint256 = 0
    price, updated_at = print_window._last_observation(underlying)
    assert price != 0, "oracle: nothing recorded"
    return IPriceOracle.Spot(
        price=price,
        updated_at=updated_at,
        uncertainty=min(self._uncertainty(self._feeds[underlying], updated_at), WAD),
    )


@external
@view
@reentrant
def settlement_print(underlying: uint256, day: uint256) -> uint256:
    return print_window._print(underlying, day)


@internal
@view
def _read(feed: uint256[2]) -> (uint256, uint256):
    """
    @notice The one way to a live price, whatever the source.
    @return (price in WAD, when the source updated it)
    """
    assert feed[0] != 0, "oracle: unknown underlying"
    aggregator: address = convert(convert(feed[0] >> 96, uint160), address)
    round_id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    # Without code there is no return data either, and that reverts: no need to ask for the code.
    round_id, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(
        aggregator
    ).latestRoundData(skip_contract_check=True)
    assert answer > 0 and updated_at != 0 and answered_in >= round_id, "oracle: bad round"
    assert updated_at <= block.timestamp, "oracle: price from future"
    max_age: uint256 = (feed[0] >> 64) & (2**24 - 1)
    assert unsafe_sub(block.timestamp, updated_at) <= max_age, "oracle: price stale"
    decimals: uint256 = (feed[0] >> 88) & 255
    # `set_feed` let no more than 18 decimals in, and the answer is positive.
    scale: uint256 = pow_mod256(10, unsafe_sub(_MAX_DECIMALS, decimals))
    price: uint256 = convert(convert(answer, bytes32), uint256) * scale
    assert price >= feed[1] >> 160, "oracle: price out of bounds"
    assert price <= (feed[1] >> 64) & _MASK96, "oracle: price out of bounds"
    return price, updated_at


@internal
@view
def _uncertainty(feed: uint256[2], updated_at: uint256) -> uint256:
    """
    @return deviation + drift * sqrt(age), rounded up; the root is of drift**2 * age, so no digit of
            a small drift is lost.
    """
    drift: uint256 = feed[1] & _MASK64
    # 50 + 50 + 64 bits: nothing here can overflow.
    square: uint256 = unsafe_mul(unsafe_mul(drift, drift), unsafe_sub(block.timestamp, updated_at))
    growth: uint256 = isqrt(square)
    if unsafe_mul(growth, growth) < square:
        growth = unsafe_add(growth, 1)
    return unsafe_add(feed[0] & _MASK64, growth)
