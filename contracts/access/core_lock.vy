#pragma version ~=0.4.3
"""
@title core_lock
@author Vomma
@license AGPL-3.0-only
@notice One lock for the whole core: the ledger's own. While it is held (a token is being paid or
        pulled, and may call anybody) no contract of the core may be written to.

        Who ends in a function of the ledger, or reads its cash, positions or portfolios on the way,
        meets the lock there and needs nothing else. Whoever writes without asking the ledger calls
        `_check` first; administration meets it through role_access.
@custom:security A call that fails for another reason, such as too little gas, counts as locked.
"""


@internal
@view
def _check(ledger: address):
    assert self._unlocked(ledger), "core: locked"


@internal
@view
def _unlocked(ledger: address) -> bool:
    # Vyper's lock answers by reverting without a reason.
    return raw_call(
        ledger,
        method_id("unlocked()"),
        is_static_call=True,
        revert_on_failure=False,
    )
