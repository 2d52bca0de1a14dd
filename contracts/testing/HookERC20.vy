#pragma version ~=0.4.3
"""
@title HookERC20
@author Vomma
@license AGPL-3.0-only
@notice A token that, in the middle of a transfer or a permit, makes a call of anybody's choice, and
        that acts for itself: whatever it owns or may do, the callee sees it do. Anyone mints;
        allowances are not looked at. It borrows from flash lenders, and may keep its call for the
        lender's callback.
"""


decimals: public(immutable(uint8))

balanceOf: public(HashMap[address, uint256])
_target: address
_waits: bool  # for the callback of a lender
_data: Bytes[2048]
_succeeded: bool
_answer: Bytes[128]


@deploy
def __init__(name: String[25], symbol: String[5], token_decimals: uint8):
    decimals = token_decimals


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def act(target: address, data: Bytes[2048]):
    """
    @notice A call by this token, outside of any transfer.
    """
    raw_call(target, data)


@external
def probe(
    outer: address, outer_data: Bytes[2048], target: address, data: Bytes[2048]
) -> (bool, bool, bool, Bytes[128]):
    """
    @notice Calls `outer`, and `target` in the first hook on the way.
    @return (whether outer went through, whether a hook was met, whether target's call succeeded, what
            it returned or reverted with).
    """
    return self._probe(outer, outer_data, target, data)


@external
def probe_callback(
    outer: address, outer_data: Bytes[2048], target: address, data: Bytes[2048]
) -> (bool, bool, bool, Bytes[128]):
    """
    @notice The same in the callback of a flash loan, not in the transfers around it.
    """
    self._waits = True
    return self._probe(outer, outer_data, target, data)


@external
def onFlashLoan(
    initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[1024]
) -> bytes32:
    self._waits = False
    self._hook()
    return keccak256("ERC3156FlashBorrower.onFlashLoan")


@external
def run_loan(
    receiver: address, initiator: address, tokens: uint256, data: Bytes[1024]
) -> uint256:
    """
    @notice ILender: this token may also move under the ledger's lock, as a vault does.
    """
    self._hook()
    return 0


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    self._move(owner, receiver, amount)
    return True


@external
def collect(payer: address, tokens: uint256):
    """
    @notice ICollector: this token may also deposit like a vault does.
    """
    self._move(payer, msg.sender, tokens)


@external
def approve(spender: address, amount: uint256) -> bool:
    return True


@external
def permit(
    owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    self._hook()


@internal
def _probe(
    outer: address, outer_data: Bytes[2048], target: address, data: Bytes[2048]
) -> (bool, bool, bool, Bytes[128]):
    self._target = target
    self._data = data
    through: bool = raw_call(outer, outer_data, revert_on_failure=False)
    return through, self._target == empty(address), self._succeeded, self._answer


@internal
def _move(owner: address, receiver: address, amount: uint256):
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    self._hook()


@internal
def _hook():
    target: address = self._target
    if target != empty(address) and not self._waits:
        # Once only, or a call that transfers would call for ever.
        self._target = empty(address)
        self._succeeded, self._answer = raw_call(
            target, self._data, max_outsize=128, revert_on_failure=False
        )
