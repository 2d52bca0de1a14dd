#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title FlashRoundTrip
@author Vomma
@license AGPL-3.0-only
@notice The smallest borrower: takes a flash loan and gives it back, the fee from the caller's wallet.
        Copy it, and do something in the callback.
@custom:security Keeps nothing between transactions.
@custom:kill Deploy another.
"""


from ethereum.ercs import IERC20
from ..interfaces import IFlashBorrower
from ..interfaces import IFlashLender


implements: IFlashBorrower


_lender: transient(address)


@external
def run(lender: address, token: address, amount: uint256) -> uint256:
    """
    @notice The caller has approved the fee to this contract.
    @return The fee.
    """
    fee: uint256 = staticcall IFlashLender(lender).flashFee(token, amount)
    self._lender = lender
    paid: bool = extcall IERC20(token).transferFrom(
        msg.sender, self, fee, default_return_value=True
    )
    assert paid, "flash: transfer failed"
    extcall IFlashLender(lender).flashLoan(self, token, amount, b"")
    self._lender = empty(address)
    return fee


# Reentrant: called back by the lender within `run`.
@external
@reentrant
def onFlashLoan(
    initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[1024]
) -> bytes32:
    assert msg.sender == self._lender and initiator == self, "flash: not the lender"
    approved: bool = extcall IERC20(token).approve(
        msg.sender, amount + fee, default_return_value=True
    )
    assert approved, "flash: approval failed"
    return keccak256("ERC3156FlashBorrower.onFlashLoan")
