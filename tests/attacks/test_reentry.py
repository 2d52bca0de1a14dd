"""A withdrawal that withdraws again from inside the token.

Locks stop it, and so does cash booked before it is paid: each is enough alone.

The pairwise matrix of entries is in test_core_lock.py; this is the robbery it prevents.
"""

from __future__ import annotations

import pytest

from protocol.clients.base import AnyContract
from protocol.clients.ledger import SCOPE_WITHDRAW
from protocol.units import WAD
from tests.attacks.core_stage import HookTokens
from tests.attacks.stage import judge
from tests.attacks.twins import broken
from tests.system_fixtures import TAKER, Exchange, account, build_exchange

AMOUNT = 100_000  # USD

OPEN_LEDGER = {"@external\ndef withdraw(": "@external\n@reentrant\ndef withdraw("}
OPEN_CUSTODY = {"@external\ndef pay(": "@external\n@reentrant\ndef pay("}
# The ledger learns that the cash is gone only once the tokens are.
PAY_FIRST = {
    "    self._check_exit(left)\n    extcall ICustody(cash_book.custody).pay(receiver, tokens)": (
        "    self._check_exit(left)\n"
        "    cash_book._give(account, convert(amount, int256), config)\n"
        "    extcall ICustody(cash_book.custody).pay(receiver, tokens)\n"
        "    cash_book._accounts[account] = left.word"
    )
}


def withdraw_twice(exchange: Exchange) -> int:
    """All of an account's cash, and from inside of the payment all of it again."""
    system = exchange.system
    token = AnyContract(exchange.chain, system.token.address, exchange.artifacts["HookERC20"].abi)
    spare = system.ledger.cash(account(TAKER)) // exchange.unit - AMOUNT * 10**exchange.decimals
    system.ledger.withdraw(account(TAKER), spare, TAKER, sender=TAKER)
    held = system.token.balance_of(TAKER)
    tokens = AMOUNT * 10**exchange.decimals
    system.ledger.set_operator(account(TAKER), token.address, SCOPE_WITHDRAW, sender=TAKER)
    withdrawal = system.ledger.encode("withdraw", account(TAKER), tokens, TAKER)
    token.send("probe", *[system.ledger.address, withdrawal] * 2, sender=TAKER)
    gained: int = system.token.balance_of(TAKER) - held - tokens
    return gained * exchange.unit


@pytest.mark.parametrize(
    ("ledger", "custody", "side"),
    [
        ({}, {}, "real"),
        (OPEN_LEDGER, OPEN_CUSTODY, "real"),
        (PAY_FIRST, {}, "real"),
        (OPEN_LEDGER | PAY_FIRST, OPEN_CUSTODY, "broken"),
    ],
    ids=["real", "without locks", "paying first", "without locks, paying first"],
)
def test_withdraw__from_inside_of_a_withdrawal__pays_once(
    ledger: dict[str, str], custody: dict[str, str], side: str
) -> None:
    changes = {"Clearinghouse": ledger, "Custody": custody}
    twins = [broken(name, change) for name, change in changes.items() if change]
    exchange = build_exchange(HookTokens(*twins))
    judge(side, withdraw_twice(exchange), loot=AMOUNT * WAD - 1)
