#pragma version ~=0.4.3
#pragma nonreentrancy off
"""
@title FlashReceiver
@author Vomma
@license AGPL-3.0-only
@notice A borrower that does in its callback what it was told, and pays back what it was told.
"""


from ethereum.ercs import IERC20


_target: address
_data: Bytes[2048]
_short: uint256
_refuses: bool

succeeded: public(bool)
initiator: public(address)
fee: public(uint256)
received: public(Bytes[1024])


@external
def prepare(target: address, data: Bytes[2048], short: uint256, refuses: bool):
    """
    @param target Called in the callback with `data`; nobody: no call.
    @param short How much too little is approved for the repayment.
    """
    self._target = target
    self._data = data
    self._short = short
    self._refuses = refuses


@external
def run(target: address, data: Bytes[2048]):
    raw_call(target, data)


@external
def onFlashLoan(
    initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[1024]
) -> bytes32:
    self.initiator = initiator
    self.fee = fee
    self.received = data
    if self._target != empty(address):
        self.succeeded = raw_call(self._target, self._data, revert_on_failure=False)
    extcall IERC20(token).approve(
        msg.sender, amount + fee - self._short, default_return_value=True
    )
    if self._refuses:
        return empty(bytes32)
    return keccak256("ERC3156FlashBorrower.onFlashLoan")
