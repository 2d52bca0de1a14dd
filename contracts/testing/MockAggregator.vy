#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title MockAggregator
@author Vomma
@license AGPL-3.0-only
@notice Chainlink-like feed that anyone may set, to anything: stale, negative, future, incomplete.
        The latest round is read from two slots, as a real feed's is; past ones are kept besides.
"""


from ..interfaces import IAggregatorV3


implements: IAggregatorV3


_MASK80: constant(uint256) = 2**80 - 1
_MASK64: constant(uint256) = 2**64 - 1

decimals: public(immutable(uint8))

_answer: int256
_round: uint256  # round id 80 | answered in round 80 | updated at 64
_history: HashMap[uint256, uint256[2]]  # round id -> answer, word as above


@deploy
def __init__(feed_decimals: uint8, answer: int256):
    decimals = feed_decimals
    self._set_round(1, answer, block.timestamp, 1)


@external
def set_answer(answer: int256):
    """
    @notice A new complete round, updated now.
    """
    round_id: uint256 = (self._round >> 144) + 1
    self._set_round(round_id, answer, block.timestamp, round_id)


@external
def set_round(round_id: uint256, answer: int256, updated_at: uint256, answered_in: uint256):
    self._set_round(round_id, answer, updated_at, answered_in)


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    return self._unpack(self._answer, self._round)


@external
@view
def getRoundData(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    past: uint256[2] = self._history[convert(round_id, uint256)]
    assert past[1] != 0, "No data present"
    return self._unpack(convert(convert(past[0], bytes32), int256), past[1])


@internal
@pure
def _unpack(answer: int256, word: uint256) -> (uint80, int256, uint256, uint256, uint80):
    updated_at: uint256 = word & _MASK64
    return (
        convert(word >> 144, uint80),
        answer,
        updated_at,
        updated_at,
        convert((word >> 64) & _MASK80, uint80),
    )


@internal
def _set_round(round_id: uint256, answer: int256, updated_at: uint256, answered_in: uint256):
    assert max(round_id, answered_in) <= _MASK80 and updated_at <= _MASK64, "mock: out of field"
    self._answer = answer
    word: uint256 = (round_id << 144) | (answered_in << 64) | updated_at
    self._round = word
    self._history[round_id] = [convert(convert(answer, bytes32), uint256), word]
