#pragma version ~=0.4.3
"""
@title LoanProbe
@author Vomma
@license AGPL-3.0-only
@notice Lends nothing, and keeps what the ledger asked of it.
"""


from ..access import core_lock
from ..interfaces import IClearinghouse
from ..interfaces import ILender


implements: ILender


LEDGER: immutable(address)

_fee: uint256
_receiver: address
_initiator: address
_tokens: uint256
_data: Bytes[1024]
_locked: bool


@deploy
def __init__(ledger: address):
    LEDGER = ledger


@external
def set_fee(fee: uint256):
    self._fee = fee


@external
def borrow(receiver: address, tokens: uint256, data: Bytes[1024]):
    fee: uint256 = extcall IClearinghouse(LEDGER).lend(receiver, msg.sender, tokens, data)
    assert fee == self._fee, "lender: another fee"


@external
def run_loan(receiver: address, initiator: address, tokens: uint256, data: Bytes[1024]) -> uint256:
    assert msg.sender == LEDGER, "lender: ledger only"
    self._receiver = receiver
    self._initiator = initiator
    self._tokens = tokens
    self._data = data
    self._locked = not core_lock._unlocked(LEDGER)
    return self._fee


@external
@view
def seen() -> (address, address, uint256, Bytes[1024], bool):
    """
    @return What `run_loan` was called with, and whether the core was locked then.
    """
    return self._receiver, self._initiator, self._tokens, self._data, self._locked
