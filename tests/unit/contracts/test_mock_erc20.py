from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from protocol.chain.accounts import dev_account
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract

if TYPE_CHECKING:
    from tests.conftest import Deploy, Reverts

OWNER, SPENDER, RELAY = dev_account(0), "0x" + "bb" * 20, "0x" + "cc" * 20
HOLDER = OWNER.address.lower()


@pytest.fixture
def token(deploy: Deploy) -> AnyContract:
    made = deploy("MockERC20", "Dollar", "USD", 6)
    made.send("mint", HOLDER, 100, sender=RELAY)
    return made


def permit(token: AnyContract, amount: int, deadline: int) -> tuple[Any, ...]:
    domain = {"name": "Dollar", "version": "1", "chainId": 31_337}
    fields = ("owner address", "spender address", "value uint256", "nonce uint256")
    kinds = [part.split() for part in (*fields, "deadline uint256")]
    signed = OWNER.sign_typed_data(
        {**domain, "verifyingContract": token.address},
        {"Permit": [{"name": name, "type": kind} for name, kind in kinds]},
        {
            "owner": HOLDER,
            "spender": SPENDER,
            "value": amount,
            "nonce": token.call("nonces", HOLDER),
            "deadline": deadline,
        },
    )
    r, s = signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
    return HOLDER, SPENDER, amount, deadline, signed.v, r, s


def test_permit__signed_by_owner__approves_once(
    chain: EmbeddedChain, token: AnyContract, reverts: Reverts
) -> None:
    row = permit(token, 60, chain.timestamp)
    token.send("permit", *row, sender=RELAY)
    assert token.call("allowance", HOLDER, SPENDER) == 60
    with reverts("token: permit signature"):  # its nonce is used
        token.send("permit", *row, sender=RELAY)


def test_permit__changed_or_late__reverts(
    chain: EmbeddedChain, token: AnyContract, reverts: Reverts
) -> None:
    row = permit(token, 60, chain.timestamp)
    with reverts("token: permit signature"):
        token.send("permit", *row[:2], 61, *row[3:], sender=RELAY)
    chain.advance(1)
    with reverts("token: permit expired"):
        token.send("permit", *row, sender=RELAY)


def test_transfer_from__allowance__used_up(token: AnyContract, reverts: Reverts) -> None:
    token.send("approve", SPENDER, 60, sender=HOLDER)
    token.send("transferFrom", HOLDER, RELAY, 40, sender=SPENDER)
    assert token.call("allowance", HOLDER, SPENDER) == 20
    with reverts("token: allowance"):
        token.send("transferFrom", HOLDER, RELAY, 21, sender=SPENDER)
    assert (token.call("balanceOf", HOLDER), token.call("balanceOf", RELAY)) == (60, 40)


def test_burn__more_than_held__reverts(token: AnyContract, reverts: Reverts) -> None:
    token.send("burn", 30, sender=HOLDER)
    assert token.call("totalSupply") == token.call("balanceOf", HOLDER) == 70
    with reverts():
        token.send("burn", 71, sender=HOLDER)
