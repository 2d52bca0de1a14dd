"""Integer twin of `auction_math`: what a bidder is paid over mark, and how much may be sold.

All amounts are WAD ints of the quote token for the whole account, times are seconds, shares WAD.
"""

from __future__ import annotations

from protocol.units import WAD

FAST_SECONDS, SLOW_SECONDS, LAST_SECONDS = 900, 7_200, 3_600
FAST_SHARE = WAD // 10
_ROUNDING = 10**9


def is_used_up(*, equity: int, maintenance: int, elapsed: int) -> bool:
    """Whether the account's own equity no longer pays for a discount that rises."""
    if elapsed >= FAST_SECONDS + SLOW_SECONDS:
        return True
    return equity <= _fast(maintenance, elapsed)


def discount(*, equity: int, maintenance: int, elapsed: int) -> int:
    """On top of mark while the account is solvent; at most its equity, rounded down."""
    own = max(equity, 0)
    fast = min(_fast(maintenance, elapsed), own)
    if elapsed <= FAST_SECONDS:
        return fast
    return fast + (own - fast) * min(elapsed - FAST_SECONDS, SLOW_SECONDS) // SLOW_SECONDS


def last_discount(*, equity: int, maintenance: int, elapsed: int) -> int:
    """The same `elapsed` seconds after its equity was used up; others pay what is beyond it."""
    own = max(equity, 0)
    return own + (max(maintenance, own) - own) * min(elapsed, LAST_SECONDS) // LAST_SECONDS


def largest_share(*, equity: int, initial: int, maintenance: int, discount: int, least: int) -> int:
    """The share after whose sale equity meets initial margin, or all where little would stay."""
    share = -((equity - initial) * WAD // (initial - discount)) + _ROUNDING
    if share >= WAD or maintenance * (WAD - share) // WAD < least:
        return WAD
    return share


def cover(*, share: int, discount: int, equity: int) -> int:
    """What others pay for a slice: its discount beyond its share of the equity, rounded up."""
    return -(-max(0, discount - equity) * share // WAD)


def _fast(maintenance: int, elapsed: int) -> int:
    return maintenance * FAST_SHARE * min(elapsed, FAST_SECONDS) // (WAD * FAST_SECONDS)
