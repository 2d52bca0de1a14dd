#pragma version ~=0.4.3
"""
@title role_access
@author Vomma
@license AGPL-3.0-only
@notice Asks one AccessManager, fixed at deployment, whether msg.sender holds a role, and whether the
        core is unlocked: nothing is administered while a token has the floor.
@custom:security External calls: for administration only, never on the trade path. The ledger, which
        administers itself under its own lock, asks for the role alone.
"""


from ..interfaces import IAccessManager


ADMIN: constant(bytes32) = empty(bytes32)
_GUARDIAN: constant(bytes32) = keccak256("GUARDIAN_ROLE")
_KEEPER: constant(bytes32) = keccak256("KEEPER_ROLE")

manager: public(immutable(address))


@deploy
def __init__(manager_: address):
    assert manager_ != empty(address), "access: no manager"
    manager = manager_


@internal
@view
def _has(role: bytes32) -> bool:
    return staticcall IAccessManager(manager).hasRole(role, msg.sender)


@internal
@view
def _check_unlocked():
    """
    @notice For functions that anyone may call. Reverts "core: locked".
    """
    assert staticcall IAccessManager(manager).unlocked(), "core: locked"


@internal
@view
def _check_admin():
    self._check_unlocked()
    assert self._has(ADMIN), "access: admin only"


@internal
@view
def _check_keeper():
    self._check_unlocked()
    assert self._has(_KEEPER), "access: keeper only"


@internal
@view
def _check_guardian():
    self._check_unlocked()
    assert self._has(_GUARDIAN), "access: guardian only"
