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
@custom:security Tokens that rebase or that can take from a holder without a transfer are not
        supported: `held` would be more than there is. A token that takes a fee on the way in or
        more than was asked on the way out reverts. Tokens sent here by mistake stay here.
"""


from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import ICollector
from ..interfaces import ICustody


implements: ICustody
initializes: access
exports: access.manager


token: public(immutable(address))
unit: public(immutable(uint256))

ledger: public(address)
held: public(uint256)


@deploy
def __init__(manager: address, token_: address):
    access.__init__(manager)
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
