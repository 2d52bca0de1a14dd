#pragma version ~=0.4.3
"""
@title flash_loan
@author Vomma
@license AGPL-3.0-only
@notice The part of an ERC-3156 lender that Custody and the collateral vaults share: the fee, and a
        loan from the tokens going out to their coming back.
@custom:security Returned tokens are counted by difference, so that neither a fee on the way nor a
        donation made before stands for a repayment. Whoever uses this holds the core's lock.
"""


from ethereum.ercs import IERC20
from ..interfaces import IFlashBorrower
from ..interfaces import IFlashLender


MAX_DATA: constant(uint256) = 1_024

_WAD: constant(uint256) = 10**18
_DEFAULT_RATE: constant(uint256) = 5 * 10**14  # 5 bp
_MAX_RATE: constant(uint256) = 10**16  # 1 %
_RATE_BITS: constant(uint256) = 64
_RATE: constant(uint256) = 2**64 - 1
_ACCEPTED: constant(bytes32) = keccak256("ERC3156FlashBorrower.onFlashLoan")

_lending: uint256  # all that was ever lent << 64 | rate: a loan reads the one and writes the other


@deploy
def __init__():
    self._set_rate(_DEFAULT_RATE)


@external
@view
def flash_rate() -> uint256:
    return self._lending & _RATE


@external
@view
def flash_lent() -> uint256:
    return self._lending >> _RATE_BITS


@internal
@view
def _fee(amount: uint256) -> uint256:
    """
    @custom:rounding up, against the borrower
    """
    product: uint256 = amount * (self._lending & _RATE)
    return product // _WAD + convert(product % _WAD != 0, uint256)


@internal
def _set_rate(rate: uint256):
    assert rate <= _MAX_RATE, "flash: rate above 1 %"
    self._lending = ((self._lending >> _RATE_BITS) << _RATE_BITS) | rate
    log IFlashLender.FlashFeeSet(rate=rate)


@internal
@view
def _check_request(token: address, lent: address, amount: uint256, held: uint256):
    assert token == lent, "flash: foreign token"
    assert amount != 0, "flash: nothing to lend"
    assert amount <= held, "flash: above what is held"


@internal
def _lend(
    token: address,
    receiver: address,
    initiator: address,
    amount: uint256,
    fee: uint256,
    data: Bytes[MAX_DATA],
):
    self._lending += amount << _RATE_BITS
    log IFlashLender.FlashLoaned(receiver=receiver, initiator=initiator, amount=amount, fee=fee)
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    out: bool = extcall IERC20(token).transfer(receiver, amount, default_return_value=True)
    assert out, "flash: transfer failed"
    accepted: bytes32 = extcall IFlashBorrower(receiver).onFlashLoan(
        initiator, token, amount, fee, data
    )
    assert accepted == _ACCEPTED, "flash: callback refused"
    back: bool = extcall IERC20(token).transferFrom(
        receiver, self, amount + fee, default_return_value=True
    )
    assert back, "flash: transfer failed"
    left: uint256 = staticcall IERC20(token).balanceOf(self)
    assert left >= before + fee, "flash: short repayment"
