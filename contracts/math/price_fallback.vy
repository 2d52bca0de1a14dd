#pragma version ~=0.4.3
"""
@title price_fallback
@author Vomma
@license AGPL-3.0-only
@notice What margin is judged at where an underlying has no live price, by what is to be judged.
"""


LIVE_ONLY: constant(uint256) = 0  # new risk: none
LAST_GOOD: constant(uint256) = 1  # a trade that reduces: the last good price
BAND: constant(uint256) = 2  # money that leaves: that price, more or less its uncertainty
