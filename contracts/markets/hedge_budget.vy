#pragma version ~=0.4.3
"""
@title hedge_budget
@author Vomma
@license AGPL-3.0-only
@notice Notional hedged lately, as a bucket that leaks: a full one is empty after an hour. It bounds
        what a stolen keeper key loses an hour to hedges at the worst price allowed, whoever makes
        new delta for it.
"""


_HOUR: constant(uint256) = 3_600
_TIME: constant(uint256) = 2**40 - 1

_level: uint256  # notional << 40 | when


@internal
def _spend(notional: uint256, limit: uint256):
    word: uint256 = self._level
    leaked: uint256 = limit * (block.timestamp - (word & _TIME)) // _HOUR
    level: uint256 = (word >> 40) - min(word >> 40, leaked) + notional
    assert level <= limit, "amm: hedge above hourly limit"
    self._level = (level << 40) | block.timestamp
