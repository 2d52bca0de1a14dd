#pragma version ~=0.4.3
"""
@title flash_cash
@author Vomma
@license AGPL-3.0-only
@notice Borrowed cash for one transaction in the ledger: from any ERC-3156 lender of the quote token
        into an account of the contract that uses this, and back out of it with what was earned.
@custom:security The lender must stand outside of the core: while Custody lends, the core is locked, and
        nothing can be deposited or traded. Nobody but the lender in use is let into the callback.
"""


from ethereum.ercs import IERC20
from ..interfaces import IClearinghouse
from ..interfaces import ICustody
from ..interfaces import IFlashLender


MAX_DATA: constant(uint256) = 1_024
ACCEPTED: constant(bytes32) = keccak256("ERC3156FlashBorrower.onFlashLoan")

LEDGER: immutable(IClearinghouse)
TOKEN: immutable(address)
ACCOUNT: public(immutable(uint256))
_UNIT: immutable(uint256)

_lender: transient(address)
_caller: transient(address)  # not in the loan's data: the lender, anybody's choice, hands those back


@deploy
def __init__(ledger: address):
    custody: address = staticcall IClearinghouse(ledger).custody()
    LEDGER = IClearinghouse(ledger)
    TOKEN = staticcall ICustody(custody).token()
    ACCOUNT = convert(self, uint256) << 96
    _UNIT = staticcall ICustody(custody).unit()
    extcall IERC20(TOKEN).approve(custody, max_value(uint256), default_return_value=True)


@internal
def _borrow(lender: address, tokens: uint256, least: uint256, data: Bytes[MAX_DATA]) -> uint256:
    """
    @notice The whole of it: the loan, the callback, and the profit to the caller.
    @return Tokens earned, at least `least`.
    """
    self._lender = lender
    self._caller = msg.sender
    extcall IFlashLender(lender).flashLoan(self, TOKEN, tokens, data)
    self._lender = empty(address)
    profit: uint256 = staticcall IERC20(TOKEN).balanceOf(self)
    assert profit >= least, "flash: profit below the least"
    done: bool = extcall IERC20(TOKEN).transfer(msg.sender, profit, default_return_value=True)
    assert done, "flash: transfer failed"
    return profit


@internal
def _put_in(initiator: address, tokens: uint256):
    """
    @notice What the callback starts with.
    """
    assert msg.sender == self._lender and initiator == self, "flash: not the lender"
    extcall LEDGER.deposit(ACCOUNT, tokens)


@internal
def _take_out(due: uint256):
    """
    @notice What the callback ends with: all cash out of the ledger, and the lender may take his.
    """
    cash: int256 = staticcall LEDGER.cash(ACCOUNT)
    extcall LEDGER.withdraw(ACCOUNT, convert(cash, uint256) // _UNIT, self)
    approved: bool = extcall IERC20(TOKEN).approve(msg.sender, due, default_return_value=True)
    assert approved, "flash: approval failed"
