#pragma version ~=0.4.3
"""
@title auction_math
@author Vomma
@license AGPL-3.0-only
@notice What a bidder for an unhealthy account is paid on top of its mark, and how much of the account
        may be sold. With E = equity, M = maintenance and I = initial margin of the account, the
        discount (in cash, for the whole account) rises with the time t since the auction began:

          100 % of E                       __      fast: 10 % of M in 15 minutes, never above E
                                   ___----         slow: from there to E in two hours
                           ___-----
           10 % of M  ____/
                     /|                     |
                    / |<-- slow, 2 h ------>|

        Nobody but the account pays it. Equity is used up once the fast part alone would take all of
        it, or the slow phase is over; from then on, over an hour, the discount rises from E to M and
        what E does not cover is paid for by insurance and those behind it.

        A slice of share x costs the account x * discount and frees x of its margin, so the share
        after which equity meets initial margin is (I - E) / (I - discount).
@custom:error Discounts round down, shares and what others pay round up.
"""


from . import wad_math


FAST_SECONDS: constant(uint256) = 900
SLOW_SECONDS: constant(uint256) = 7_200
LAST_SECONDS: constant(uint256) = 3_600  # from all of the equity to all of the margin
FAST_SHARE: constant(uint256) = 10**17  # of the maintenance margin

# Sizes are moved in whole wei, rounded toward zero, so up to 64 wei of them stay behind: a billionth
# more than the exact share covers their margin for any account above a few cents of it.
_ROUNDING: constant(uint256) = 10**9



@internal
@pure
def _fast(maintenance: uint256, elapsed: uint256) -> uint256:
    return maintenance * FAST_SHARE * min(elapsed, FAST_SECONDS) // (wad_math.WAD * FAST_SECONDS)


@internal
@pure
def _is_used_up(equity: int256, maintenance: uint256, elapsed: uint256) -> bool:
    """
    @return Whether the account's own equity no longer pays for a discount that rises.
    """
    if elapsed >= FAST_SECONDS + SLOW_SECONDS:
        return True
    return equity <= convert(self._fast(maintenance, elapsed), int256)


@internal
@pure
def _discount(equity: int256, maintenance: uint256, elapsed: uint256) -> uint256:
    """
    @notice While the account is solvent.
    @return Cash for the whole account, at most its equity.
    """
    own: uint256 = convert(max(equity, 0), uint256)
    fast: uint256 = min(self._fast(maintenance, elapsed), own)
    if elapsed <= FAST_SECONDS:
        return fast
    return fast + (own - fast) * min(elapsed - FAST_SECONDS, SLOW_SECONDS) // SLOW_SECONDS


@internal
@pure
def _last_discount(equity: int256, maintenance: uint256, elapsed: uint256) -> uint256:
    """
    @param elapsed Since the equity was used up.
    @return Cash for the whole account, at least its equity and at most its margin where that is more.
    """
    own: uint256 = convert(max(equity, 0), uint256)
    rest: uint256 = max(maintenance, own) - own
    return own + rest * min(elapsed, LAST_SECONDS) // LAST_SECONDS


@internal
@pure
def _largest_share(
    equity: int256, initial: uint256, maintenance: uint256, discount: uint256, least: uint256
) -> uint256:
    """
    @notice While the account is solvent and below its initial margin: discount <= equity < initial.
    @param least Margin that may stay behind; an account that would keep less is sold whole.
    """
    missing: uint256 = convert(convert(initial, int256) - equity, uint256)
    share: uint256 = wad_math._div_up(missing, initial - discount) + _ROUNDING
    if share >= wad_math.WAD:
        return wad_math.WAD
    if wad_math._mul_down(maintenance, wad_math.WAD - share) < least:
        return wad_math.WAD
    return share


@internal
@pure
def _cover(share: uint256, discount: uint256, equity: int256) -> uint256:
    """
    @return What others must pay for a slice: its discount beyond its share of the equity.
    """
    beyond: int256 = convert(discount, int256) - equity
    if beyond <= 0:
        return 0
    return wad_math._mul_up(convert(beyond, uint256), share)
