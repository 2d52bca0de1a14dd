#pragma version ~=0.4.3
"""
@title sequencer_guard
@author Vomma
@license AGPL-3.0-only
@notice Whether the sequencer of an L2 is up, and has been long enough for prices to have caught up
        and for everyone to have had a turn. Reads a Chainlink uptime feed: answer 0 is up, and
        `started at` is when that began (0 before the feed has spoken).
@custom:source https://docs.chain.link/data-feeds/l2-sequencer-feeds
"""


from ..interfaces import IAggregatorV3
from ..interfaces import IPriceOracle


_MAX_GRACE: constant(uint256) = 86_400

_word: uint256  # uptime feed 160 | grace 96


@internal
@view
def _is_set() -> bool:
    return self._word != 0


@internal
@view
def _check_up():
    word: uint256 = self._word
    answer: int256 = 0
    started_at: uint256 = 0
    answer, started_at = self._status(convert(convert(word >> 96, uint160), address))
    assert answer == 0 and started_at != 0, "oracle: sequencer down"
    # A start in the future is no start yet.
    assert block.timestamp > started_at + (word & (2**96 - 1)), "oracle: sequencer down"


@internal
def _set_sequencer(feed: address, grace: uint256):
    """
    @param feed Asked once here, so that a wrong address cannot shut every feed; zero for none.
    """
    assert grace <= _MAX_GRACE, "oracle: grace out of range"
    if feed == empty(address):
        self._word = 0
    else:
        answer: int256 = 0
        started_at: uint256 = 0
        answer, started_at = self._status(feed)
        assert answer == 0 or answer == 1, "oracle: no uptime feed"
        self._word = (convert(feed, uint256) << 96) | grace
    log IPriceOracle.SequencerSet(feed=feed, grace=grace)


@internal
@view
def _status(feed: address) -> (int256, uint256):
    round_id: uint80 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in: uint80 = 0
    round_id, answer, started_at, updated_at, answered_in = staticcall IAggregatorV3(
        feed
    ).latestRoundData()
    return answer, started_at
