#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
"""
@title MarketMathHarness
@author Vomma
@license AGPL-3.0-only
@notice Opens the fee module to the tests.
"""


from ..interfaces import IFeeSchedule
from ..math import fee_math


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
