#pragma version ~=0.4.3
"""
@title feed_codec
@author Vomma
@license AGPL-3.0-only
@notice The two words of a feed, push or pull:

          push  aggregator 160                               | kind 8 | max age 24 | deviation 64
                min price 96 | max price 96                                        | drift 64
          pull  price 96 | updated at 40 | confidence 24     | kind 8 | max age 24 | drift 64
                min price 96 | max price 96                                        | max confidence 64

        kind: pull 1 | guarded by the sequencer 1 | unused 1 | decimals of the aggregator 5.
        A pull feed is read by its first word alone; the second bounds what may be posted.
"""


PULL: constant(uint256) = 1 << 95
GUARDED: constant(uint256) = 1 << 94
MASK24: constant(uint256) = 2**24 - 1
MASK40: constant(uint256) = 2**40 - 1
MASK64: constant(uint256) = 2**64 - 1
MASK96: constant(uint256) = 2**96 - 1
# Confidence is kept in steps of 1e-8, rounded up: 24 bits hold 16 %.
_STEP: constant(uint256) = 10**10


@internal
@pure
def _pack_push(
    aggregator: address, decimals: uint256, max_age: uint256, deviation: uint256
) -> uint256:
    source: uint256 = convert(aggregator, uint256) << 96
    return source | (decimals << 88) | (max_age << 64) | deviation


@internal
@pure
def _pack_pull(max_age: uint256, drift: uint256) -> uint256:
    return PULL | (max_age << 64) | drift


@internal
@pure
def _pack_bounds(min_price: uint256, max_price: uint256, last: uint256) -> uint256:
    return (min_price << 160) | (max_price << 64) | last


@internal
@pure
def _with_price(
    feed: uint256, price: uint256, updated_at: uint256, confidence: uint256
) -> uint256:
    """
    @param confidence WAD, up to 10 %.
    """
    steps: uint256 = (confidence + _STEP - 1) // _STEP
    return (price << 160) | (updated_at << 120) | (steps << 96) | (feed & MASK96)


@internal
@pure
def _posted(feed: uint256) -> (uint256, uint256, uint256):
    """
    @return (price, updated at, confidence) of a pull feed, zeros before the first post.
    """
    confidence: uint256 = unsafe_mul((feed >> 96) & MASK24, _STEP)
    return feed >> 160, (feed >> 120) & MASK40, confidence


@internal
@pure
def _max_age(feed: uint256) -> uint256:
    return (feed >> 64) & MASK24


@internal
@pure
def _inside(bounds: uint256, price: uint256) -> bool:
    return price >= bounds >> 160 and price <= (bounds >> 64) & MASK96
