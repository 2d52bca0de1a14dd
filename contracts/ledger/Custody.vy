#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title Custody
@author Vomma
@license AGPL-3.0-only
@notice Holds the quote token for the ledger, by internal accounting. The only contract that knows
        token decimals. Deployed before the ledger; ADMIN then calls `set_ledger` once. Until then
        nobody can move tokens, and a ledger that was given another custody is refused.
        Idle tokens are lent within a transaction (ERC-3156), the fee goes to the insurance fund.
@custom:security Tokens that rebase or that can take from a holder without a transfer are not
        supported: `held` would be more than there is. A token that takes a fee on the way in or
        more than was asked on the way out reverts. Tokens sent here by mistake stay here.
        Loans run inside the ledger's lock: what is lent cannot be deposited, traded or withdrawn.
"""


from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import ICollector
from ..interfaces import ICustody
from ..interfaces import IFlashLender
from ..interfaces import ILender
from . import flash_loan


implements: ICustody
implements: IFlashLender
implements: ILender
initializes: access
initializes: flash_loan
exports: (access.manager, flash_loan.flash_rate, flash_loan.flash_lent)


token: public(immutable(address))
unit: public(immutable(uint256))

ledger: public(address)
held: public(uint256)


@deploy
def __init__(manager: address, token_: address):
    access.__init__(manager)
    flash_loan.__init__()
    decimals: uint256 = convert(staticcall IERC20Detailed(token_).decimals(), uint256)
    assert decimals <= 18, "custody: over 18 decimals"
    token = token_
    unit = 10 ** (18 - decimals)


@external
def set_ledger(ledger: address):
    access._check_admin()
    assert self.ledger == empty(address), "custody: ledger set"
    assert staticcall IClearinghouse(ledger).custody() == self, "custody: foreign ledger"
    self.ledger = ledger
    log ICustody.LedgerSet(ledger=ledger)


@external
def set_flash_rate(rate: uint256):
    access._check_admin()
    flash_loan._set_rate(rate)


# ── the ledger's ──


@external
def pull(sender: address, tokens: uint256):
    before: uint256 = self._expect(tokens)
    done: bool = extcall IERC20(token).transferFrom(
        sender, self, tokens, default_return_value=True
    )
    assert done, "custody: transfer failed"
    self._check_came(before + tokens)


@external
def collect(collector: address, payer: address, tokens: uint256):
    before: uint256 = self._expect(tokens)
    extcall ICollector(collector).collect(payer, tokens)
    self._check_came(before + tokens)


@external
def pay(receiver: address, tokens: uint256):
    self._check_ledger()
    assert tokens <= self.held, "custody: not enough tokens"
    self.held -= tokens
    done: bool = extcall IERC20(token).transfer(receiver, tokens, default_return_value=True)
    assert done, "custody: transfer failed"
    assert self._balance() >= self.held, "custody: short transfer"


@external
def permit(owner: address, tokens: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    self._check_ledger()
    # Whether it went through does not matter: anyone may have sent the same permit first, and a
    # transfer without an allowance fails by itself.
    approved: bool = raw_call(
        token,
        abi_encode(
            owner,
            self,
            tokens,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )


# Reentrant: called back by the ledger inside `flashLoan`, which holds both locks.
@external
@reentrant
def run_loan(
    receiver: address, initiator: address, tokens: uint256, data: Bytes[flash_loan.MAX_DATA]
) -> uint256:
    self._check_ledger()
    fee: uint256 = flash_loan._fee(tokens)
    self.held += fee
    flash_loan._lend(token, receiver, initiator, tokens, fee, data)
    return fee * unit


# ── loans ──


@external
def flashLoan(
    receiver: address, token_: address, amount: uint256, data: Bytes[flash_loan.MAX_DATA]
) -> bool:
    flash_loan._check_request(token_, token, amount, self.held)
    ledger: IClearinghouse = IClearinghouse(self.ledger)
    assert staticcall ledger.pause_level() == 0, "custody: paused"
    extcall ledger.lend(receiver, msg.sender, amount, data)
    return True


@external
@view
def maxFlashLoan(token_: address) -> uint256:
    if token_ != token or staticcall IClearinghouse(self.ledger).pause_level() != 0:
        return 0
    return self.held


@external
@view
def flashFee(token_: address, amount: uint256) -> uint256:
    assert token_ == token, "flash: foreign token"
    return flash_loan._fee(amount)


# ── internal ──


@internal
def _expect(tokens: uint256) -> uint256:
    """
    @return The balance before they come. By difference: what was donated before must not make up for
            a fee taken on the way.
    """
    self._check_ledger()
    self.held += tokens
    return self._balance()


@internal
@view
def _check_came(least: uint256):
    assert self._balance() >= least, "custody: short transfer"


@internal
@view
def _check_ledger():
    assert msg.sender == self.ledger, "custody: ledger only"


@internal
@view
def _balance() -> uint256:
    return staticcall IERC20(token).balanceOf(self)
