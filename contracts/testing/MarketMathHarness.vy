#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
"""
@title MarketMathHarness
@author Vomma
@license AGPL-3.0-only
@notice Opens the fee, perp, vault and auction arithmetic to the tests.
"""


from ..interfaces import IFeeSchedule
from ..math import auction_math
from ..math import fee_math
from ..math import perp_math
from ..math import vault_math


@external
@pure
def pack(rates: IFeeSchedule.FeeRates) -> uint256:
    return fee_math._pack(rates)


@external
@pure
def unpack(word: uint256) -> IFeeSchedule.FeeRates:
    return fee_math._unpack(word)


@external
@pure
def option_fee(
    word: uint256, mark: uint256, notional: uint256, size: uint256, closing: uint256
) -> uint256:
    return fee_math._option_fee(word, mark, notional, size, closing)


@external
@pure
def package_fee(word: uint256, bought: uint256, sold: uint256) -> uint256:
    return fee_math._package_fee(word, bought, sold)


@external
@pure
def split(word: uint256, fee: uint256) -> uint256[3]:
    return fee_math._split(word, fee)


@external
@pure
def premium(index: int256, skew: int256, size: int256, scale: int256) -> int256:
    return perp_math._premium(index, skew, size, scale)


@external
@pure
def potential(index: int256, skew: int256, scale: int256) -> uint256:
    return perp_math._potential(index, skew, scale)


@external
@pure
def spread(index: uint256, size: uint256, uncertainty: uint256) -> uint256:
    return perp_math._spread(index, size, uncertainty)


@external
@pure
def accrue(
    rate: int256, velocity: int256, cap: int256, skew: int256, scale: int256, elapsed: int256
) -> (int256, int256):
    return perp_math._accrue(rate, velocity, cap, skew, scale, elapsed)


@external
@pure
def funding(area: int256, index: int256) -> int256:
    return perp_math._funding(area, index)


@external
@pure
def shares_for(amount: uint256, supply: uint256, nav: uint256) -> uint256:
    return vault_math._shares_for(amount, supply, nav)


@external
@pure
def payout(shares: uint256, supply: uint256, nav: uint256, risk: uint256, depth: uint256) -> uint256:
    return vault_math._payout(shares, supply, nav, risk, depth)


@external
@pure
def fitting(
    shares: uint256, supply: uint256, nav: uint256, risk: uint256, depth: uint256, limit: uint256
) -> (uint256, uint256):
    return vault_math._fitting(shares, supply, nav, risk, depth, limit)


@external
@pure
def is_used_up(equity: int256, maintenance: uint256, elapsed: uint256) -> bool:
    return auction_math._is_used_up(equity, maintenance, elapsed)


@external
@pure
def discount(equity: int256, maintenance: uint256, elapsed: uint256) -> uint256:
    return auction_math._discount(equity, maintenance, elapsed)


@external
@pure
def last_discount(equity: int256, maintenance: uint256, elapsed: uint256) -> uint256:
    return auction_math._last_discount(equity, maintenance, elapsed)


@external
@pure
def largest_share(
    equity: int256, initial: uint256, maintenance: uint256, discount: uint256, least: uint256
) -> uint256:
    return auction_math._largest_share(equity, initial, maintenance, discount, least)


@external
@pure
def cover(share: uint256, discount: uint256, equity: int256) -> uint256:
    return auction_math._cover(share, discount, equity)
