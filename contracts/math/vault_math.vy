#pragma version ~=0.4.3
"""
@title vault_math
@author Vomma
@license AGPL-3.0-only
@notice What a share of a pool costs on the way in and brings on the way out. NAV is the pool at mark;
        the potential (risk) is owed to those who will take the risk off and never leaves with an LP.

          in    shares = amount * N / NAV
          out   payout = s/N * (NAV - risk) - (risk after - risk)
                risk after = risk * depth / (depth - s/N * NAV)

        The potential is inversely proportional to the depth the pool prices with. A leaver takes
        at most s/N * NAV of it, so `risk after` is never too low, and the payout leaves
        (NAV - risk) / N of everybody else where it was or higher. Depth 0: risk does not move.
@custom:domain supply, nav, risk, depth below 2^120.
@custom:error Rounded against whoever acts, by at most 2 wei.
"""


DEAD_SHARES: constant(uint256) = 10**15
_MIN_PRICE_DIVISOR: constant(uint256) = 1_000  # NAV per share below 1 / this counts as no value
_WAD: constant(uint256) = 10**18


@internal
@pure
def _entry(amount: uint256, supply: uint256, nav: int256) -> uint256:
    """
    @return Shares for cash at NAV, 0 where the pool has no value to share. Without shares yet the
            first are one for one, and whatever is in the pool already is a gift to them.
    """
    if supply == 0 and nav >= 0 and amount > DEAD_SHARES:
        return amount
    owned: uint256 = convert(max(nav, 0), uint256)
    if supply == 0 or owned * _MIN_PRICE_DIVISOR < supply:
        return 0
    return self._shares_for(amount, supply, owned)


@internal
@pure
def _shares_for(amount: uint256, supply: uint256, nav: uint256) -> uint256:
    """
    @custom:rounding down, against the one who enters
    """
    return amount * supply // nav


@internal
@pure
def _payout(
    shares: uint256, supply: uint256, nav: uint256, risk: uint256, depth: uint256
) -> uint256:
    """
    @notice Zero where the share is worth less than the rise in risk it leaves behind, and
            where risk cannot be left behind at all.
    @custom:rounding down, against the one who leaves
    """
    if nav <= risk:
        return 0
    worth: uint256 = shares * (nav - risk) // supply
    if depth == 0 or risk == 0:
        return worth
    taken: uint256 = self._ceil(shares * nav, supply)
    if taken >= depth:
        return 0
    rise: uint256 = self._ceil(risk * taken, depth - taken)
    return worth - min(worth, rise)


@internal
@pure
def _fitting(
    shares: uint256, supply: uint256, nav: uint256, risk: uint256, depth: uint256, limit: uint256
) -> (uint256, uint256):
    """
    @notice The part of a redemption that goes out now. At most half of the depth leaves at a time:
            beyond, a leaver would pay for more risk than its share is worth. A payout above
            `limit` is cut to the shares whose worth before the rise in risk is the limit.
    @return (shares, payout)
    """
    if nav <= risk:
        return 0, 0
    fit: uint256 = shares
    if depth != 0 and risk != 0:
        fit = min(fit, depth * supply // (2 * nav))
    payout: uint256 = self._payout(fit, supply, nav, risk, depth)
    if payout > limit:
        fit = limit * supply // (nav - risk)
        payout = self._payout(fit, supply, nav, risk, depth)
    return fit, payout


@internal
@pure
def _fee(payout: uint256, rate: uint256) -> uint256:
    """
    @custom:rounding up, against the one who leaves
    """
    return self._ceil(payout * rate, _WAD)


@internal
@pure
def _ceil(numerator: uint256, denominator: uint256) -> uint256:
    return numerator // denominator + convert(numerator % denominator != 0, uint256)
