#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title AccessManager
@author Vomma
@license AGPL-3.0-only
@notice Who may do what, and the pause level that every trade meets in the ledger.
        Deployed first. The deployer is the first ADMIN and calls `set_ledger` once; until then
        nothing can trade, since venues do not exist either.
@custom:security ADMIN grants and revokes every role and is its own admin: hand it to a timelock.
        GUARDIAN can only raise the pause level, so a stolen guardian key costs time, not money.
"""


from snekmate.auth import access_control
from ..interfaces import IAccessManager
from ..interfaces import IClearinghouse
from . import core_lock


implements: IAccessManager
initializes: access_control
exports: (
    access_control.hasRole,
    access_control.getRoleAdmin,
    access_control.supportsInterface,
)


ADMIN: public(constant(bytes32)) = empty(bytes32)
GUARDIAN: public(constant(bytes32)) = keccak256("GUARDIAN_ROLE")
KEEPER: public(constant(bytes32)) = keccak256("KEEPER_ROLE")

_HALTED: constant(uint256) = 2

ledger: public(address)
pause_level: public(uint256)


@deploy
def __init__():
    access_control.__init__()


@external
def grantRole(role: bytes32, account: address):
    self._check_unlocked()
    access_control._check_role(access_control.getRoleAdmin[role], msg.sender)
    access_control._grant_role(role, account)


@external
def revokeRole(role: bytes32, account: address):
    self._check_unlocked()
    access_control._check_role(access_control.getRoleAdmin[role], msg.sender)
    access_control._revoke_role(role, account)


@external
def renounceRole(role: bytes32, account: address):
    self._check_unlocked()
    assert account == msg.sender, "access: own roles only"
    access_control._revoke_role(role, account)


@external
def set_ledger(ledger: address):
    """
    @notice ADMIN, once.
    """
    self._check_unlocked()
    assert access_control.hasRole[ADMIN][msg.sender], "access: admin only"
    assert ledger != empty(address), "access: no ledger"
    assert self.ledger == empty(address), "access: ledger set"
    self.ledger = ledger
    log IAccessManager.LedgerSet(ledger=ledger)


@external
def set_pause_level(level: uint256):
    self._check_unlocked()
    assert level <= _HALTED, "access: no such level"
    if not access_control.hasRole[ADMIN][msg.sender]:
        assert access_control.hasRole[GUARDIAN][msg.sender], "access: guardian only"
        assert level > self.pause_level, "access: guardian only raises"
    self.pause_level = level
    extcall IClearinghouse(self.ledger).set_pause_level(level)


@external
@view
def unlocked() -> bool:
    return self._unlocked()


@internal
@view
def _check_unlocked():
    assert self._unlocked(), "core: locked"


@internal
@view
def _unlocked() -> bool:
    ledger: address = self.ledger
    return ledger == empty(address) or core_lock._unlocked(ledger)
