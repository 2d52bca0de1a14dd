#pragma version ~=0.4.3
#pragma optimize gas
#pragma evm-version cancun
"""
@title MockBorrower
@author Vomma
@license AGPL-3.0-only
@notice Gives back whatever it is lent by anybody, the fee from what it holds: for measuring lenders.
"""


from ethereum.ercs import IERC20


@external
def onFlashLoan(
    initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[1024]
) -> bytes32:
    extcall IERC20(token).approve(msg.sender, amount + fee)
    return keccak256("ERC3156FlashBorrower.onFlashLoan")
