#pragma version ~=0.4.3
"""
@title MockLender
@author Vomma
@license AGPL-3.0-only
@notice An ERC-3156 lender that is no part of the core: lends whatever it holds of one token.
"""


from ethereum.ercs import IERC20
from ..interfaces import IFlashBorrower


token: immutable(address)
_fee_rate: immutable(uint256)  # WAD


@deploy
def __init__(token_: address, fee_rate: uint256):
    token = token_
    _fee_rate = fee_rate


@external
@view
def maxFlashLoan(token_: address) -> uint256:
    if token_ != token:
        return 0
    return staticcall IERC20(token).balanceOf(self)


@external
@view
def flashFee(token_: address, amount: uint256) -> uint256:
    assert token_ == token, "lender: foreign token"
    return amount * _fee_rate // 10**18


@external
def flashLoan(receiver: address, token_: address, amount: uint256, data: Bytes[1024]) -> bool:
    assert token_ == token, "lender: foreign token"
    fee: uint256 = amount * _fee_rate // 10**18
    extcall IERC20(token).transfer(receiver, amount, default_return_value=True)
    accepted: bytes32 = extcall IFlashBorrower(receiver).onFlashLoan(
        msg.sender, token, amount, fee, data
    )
    assert accepted == keccak256("ERC3156FlashBorrower.onFlashLoan"), "lender: refused"
    extcall IERC20(token).transferFrom(
        receiver, self, amount + fee, default_return_value=True
    )
    return True
