#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title MockAggregator
@author Vomma
@license AGPL-3.0-only
@notice Chainlink-like feed that anyone may set, to anything: stale, negative, future, incomplete.
        A round takes two slots, as a real feed's does.
"""


from ..interfaces import IAggregatorV3


implements: IAggregatorV3


_MASK80: constant(uint256) = 2**80 - 1
_MASK64: constant(uint256) = 2**64 - 1

decimals: public(immutable(uint8))

_answer: int256
_round: uint256  # round id 80 | answered in round 80 | updated at 64


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
    word: uint256 = self._round
    updated_at: uint256 = word & _MASK64
    return (
        convert(word >> 144, uint80),
        self._answer,
        updated_at,
        updated_at,
        convert((word >> 64) & _MASK80, uint80),
    )


@internal
def _set_round(round_id: uint256, answer: int256, updated_at: uint256, answered_in: uint256):
    assert max(round_id, answered_in) <= _MASK80 and updated_at <= _MASK64, "mock: out of field"
    self._answer = answer
    self._round = (round_id << 144) | (answered_in << 64) | updated_at
