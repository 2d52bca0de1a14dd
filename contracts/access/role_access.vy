#pragma version ~=0.4.3
"""
@title role_access
@author Vomma
@license AGPL-3.0-only
@notice Asks one AccessManager, fixed at deployment, whether msg.sender holds a role.
@custom:security An external call: for administration only, never on the trade path.
"""


from ..interfaces import IAccessManager


_ADMIN: constant(bytes32) = empty(bytes32)
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
def _check_admin():
    assert self._has(_ADMIN), "access: admin only"


@internal
@view
def _check_keeper():
    assert self._has(_KEEPER), "access: keeper only"


@internal
@view
def _check_guardian():
    assert self._has(_GUARDIAN), "access: guardian only"
