"""Clearinghouse: money in, out and between accounts, and who may move it."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from protocol.chain.base import DEVNET_CHAIN_ID
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    CASH,
    HALTED,
    MAKER,
    MAX,
    OTHER,
    PAUSED,
    POOL,
    SCOPE_TRADE,
    SCOPE_WITHDRAW,
    SPOT,
    STRANGER,
    TAKER,
    TRADE,
    VENUE,
    account,
    make_bench,
)

DOLLAR = 10**6


@pytest.fixture
def bench(chain, deploy):
    made = make_bench(chain, deploy)
    made.fund(TAKER, 1_000)
    return made


def withdraw(bench, dollars, *, owner=TAKER, sender=None, receiver=OTHER):
    return bench.ledger.send(
        "withdraw", account(owner), dollars * DOLLAR, receiver, sender=sender or owner
    )


def transfer(bench, dollars, *, sender=None, receiver=MAKER):
    return bench.ledger.send(
        "transfer_cash",
        account(TAKER),
        account(receiver),
        dollars * WAD,
        sender=sender or TAKER,
    )


def move_cash(bench, payer, receiver, amount, *, venue=VENUE):
    return bench.ledger.send("move_cash", account(payer), account(receiver), amount, sender=venue)


# ── deposits ──


def test_deposit__by_anyone__credits_the_account(bench):
    bench.token.send("mint", STRANGER, 5 * DOLLAR, sender=STRANGER)
    bench.token.send("approve", bench.custody.address, MAX, sender=STRANGER)
    receipt = bench.ledger.send("deposit", account(TAKER, 7), 5 * DOLLAR, sender=STRANGER)
    assert bench.cash(TAKER, 7) == 5 * WAD
    assert bench.cash(STRANGER) == 0
    (event,) = bench.ledger.events(receipt)
    assert event.name == "Deposited"
    assert event.args == {"account": account(TAKER, 7), "sender": STRANGER, "cash": 5 * WAD}


def test_deposit__of_nothing_or_to_nobody__reverts(bench, reverts):
    with reverts("ledger: nothing to move"):
        bench.ledger.send("deposit", account(TAKER), 0, sender=TAKER)
    with reverts("ledger: no owner"):
        bench.ledger.send("deposit", 5, DOLLAR, sender=TAKER)


def permit(bench, signer, tokens, *, deadline=MAX, nonce=0):
    fields = {
        "owner": signer.address,
        "spender": bench.custody.address,
        "value": tokens,
        "nonce": nonce,
        "deadline": deadline,
    }
    kinds = ["address", "address", "uint256", "uint256", "uint256"]
    message = encode_typed_data(
        {
            "name": "Dollar",
            "version": "1",
            "chainId": DEVNET_CHAIN_ID,
            "verifyingContract": bench.token.address,
        },
        {"Permit": [{"name": n, "type": t} for n, t in zip(fields, kinds, strict=True)]},
        fields,
    )
    signed = signer.sign_message(message)
    return deadline, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_deposit_with_permit__needs_no_approval(bench):
    signer = Account.from_key(bytes(31) + b"\x07")
    owner = signer.address.lower()
    bench.token.send("mint", owner, 5 * DOLLAR, sender=STRANGER)
    signature = permit(bench, signer, 5 * DOLLAR)
    bench.ledger.send("deposit_with_permit", account(owner), 5 * DOLLAR, *signature, sender=owner)
    assert bench.cash(owner) == 5 * WAD


def test_deposit_with_permit__somebody_sent_first__still_works(bench):
    signer = Account.from_key(bytes(31) + b"\x07")
    owner = signer.address.lower()
    bench.token.send("mint", owner, 5 * DOLLAR, sender=STRANGER)
    signature = permit(bench, signer, 5 * DOLLAR)
    spender = bench.custody.address
    bench.token.send("permit", owner, spender, 5 * DOLLAR, *signature, sender=STRANGER)
    bench.ledger.send("deposit_with_permit", account(owner), 5 * DOLLAR, *signature, sender=owner)
    assert bench.cash(owner) == 5 * WAD


def test_deposit_with_permit__of_another_owner__reverts(bench, reverts):
    signer = Account.from_key(bytes(31) + b"\x07")
    bench.token.send("mint", signer.address, 5 * DOLLAR, sender=STRANGER)
    signature = permit(bench, signer, 5 * DOLLAR)
    with reverts("token: allowance"):
        bench.ledger.send(
            "deposit_with_permit", account(STRANGER), 5 * DOLLAR, *signature, sender=STRANGER
        )


# ── withdrawals and transfers ──


def test_withdraw__pays_the_receiver(bench):
    receipt = withdraw(bench, 300)
    assert bench.cash(TAKER) == 700 * WAD
    assert bench.token.call("balanceOf", OTHER) == 300 * DOLLAR
    (event,) = bench.ledger.events(receipt)
    assert event.args == {"account": account(TAKER), "receiver": OTHER, "cash": 300 * WAD}


def test_withdraw__of_more_than_there_is__reverts(bench, reverts):
    withdraw(bench, 1_000)
    with reverts("ledger: not enough cash"):
        withdraw(bench, 1)
    with reverts("ledger: nothing to move"):
        withdraw(bench, 0)


def test_transfer__moves_cash_between_accounts(bench):
    receipt = transfer(bench, 300)
    assert (bench.cash(TAKER), bench.cash(MAKER)) == (700 * WAD, 300 * WAD)
    (event,) = bench.ledger.events(receipt)
    expected = {"sender": account(TAKER), "receiver": account(MAKER), "amount": 300 * WAD}
    assert event.args == expected


def test_transfer__that_makes_no_sense__reverts(bench, reverts):
    with reverts("ledger: not enough cash"):
        transfer(bench, 1_001)
    with reverts("ledger: nothing to move"):
        transfer(bench, 0)
    with reverts("ledger: self transfer"):
        transfer(bench, 1, receiver=TAKER)
    with reverts("ledger: no owner"):
        bench.ledger.send("transfer_cash", account(TAKER), 1, 1, sender=TAKER)


def test_exits__by_scope_of_the_operator(bench, reverts):
    for scope, allowed in ((0, False), (SCOPE_TRADE, False), (SCOPE_WITHDRAW, True), (3, True)):
        bench.ledger.send("set_operator", account(TAKER), STRANGER, scope, sender=TAKER)
        for move in (withdraw, transfer):
            if allowed:
                move(bench, 1, sender=STRANGER)
                continue
            with reverts("ledger: not authorised"):
                move(bench, 1, sender=STRANGER)


def test_operator__of_one_account__has_no_other(bench, reverts):
    bench.ledger.send("set_operator", account(TAKER, 1), STRANGER, 3, sender=TAKER)
    assert bench.ledger.call("may", account(TAKER, 1), STRANGER, 3)
    assert not bench.ledger.call("may", account(TAKER, 1), STRANGER, 0)  # no scope, no answer
    for scope in (1, 2, 3):
        assert not bench.ledger.call("may", account(TAKER), STRANGER, scope)
        assert bench.ledger.call("may", account(TAKER), TAKER, scope)
    with reverts("ledger: not authorised"):
        withdraw(bench, 1, sender=STRANGER)


def test_set_operator__by_anyone_but_the_owner__reverts(bench, reverts):
    bench.ledger.send("set_operator", account(TAKER), STRANGER, 3, sender=TAKER)
    for sender in (STRANGER, ADMIN, VENUE):
        with reverts("ledger: owner only"):
            bench.ledger.send("set_operator", account(TAKER), sender, 3, sender=sender)
    with reverts("ledger: no such scope"):
        bench.ledger.send("set_operator", account(TAKER), STRANGER, 4, sender=TAKER)


@pytest.mark.parametrize("move", [withdraw, transfer])
def test_exit__of_a_short__stops_at_initial_margin(bench, reverts, move):
    bench.fund(POOL, 1_000)
    bench.fill(bench.call(3_000), -WAD // 10, -100 * WAD, maker=POOL)  # sells a tenth for 100
    equity, initial, _ = bench.ledger.call("margin", account(TAKER))
    need, _ = bench.cash_needed({bench.call(3_000): -WAD // 10})
    assert equity < 1_100 * WAD and equity - initial == 1_100 * WAD - need
    spare = (equity - initial) // WAD
    with reverts("ledger: below initial margin"):
        move(bench, spare + 1)
    move(bench, spare)


def test_exit__of_a_short_with_a_stale_price__needs_margin_at_both_edges(bench, reverts):
    bench.fund(MAKER, 2_000)
    bench.fill(bench.call(3_000), WAD // 10, 20 * WAD)
    bench.set_spot(0)
    withdraw(bench, 980)  # long only
    with reverts("oracle: nothing recorded"):
        withdraw(bench, 1, owner=MAKER)
    bench.market.send("set_last_good", 1, SPOT, WAD // 10, sender=ADMIN)
    equity, initial, _ = bench.ledger.call("margin", account(MAKER), 2)
    spare = (equity - initial) // WAD
    with reverts("ledger: below initial margin"):
        withdraw(bench, spare + 1, owner=MAKER)
    withdraw(bench, spare, owner=MAKER)
    # A tenth more spot is what the band asked for, at a price as uncertain as that.
    bench.set_spot(SPOT * 11 // 10)
    bench.market.send("set_uncertainty", 1, WAD // 10, sender=ADMIN)
    equity, initial, _ = bench.ledger.call("margin", account(MAKER))
    assert 0 <= equity - initial < WAD


def test_close__of_a_short_with_a_stale_price__goes_on_at_the_last_good_one(bench, reverts):
    bench.fund(MAKER, 2_000)
    series = bench.call(3_000)
    bench.fill(series, WAD, 20 * WAD)
    bench.set_spot(0)
    bench.market.send("set_last_good", 1, SPOT, WAD, sender=ADMIN)
    bench.fill(series, WAD // 2, 10 * WAD, taker=MAKER, maker=POOL)
    with reverts("oracle: price stale"):
        bench.fill(series, -WAD, -10 * WAD, taker=MAKER, maker=POOL)


# ── cash moved by venues ──


def test_move_cash__either_way_and_into_debt__books_it(bench):
    move_cash(bench, TAKER, POOL, 1_500 * WAD, venue=grant(bench, POOL))
    assert (bench.cash(TAKER), bench.cash(POOL)) == (-500 * WAD, 1_500 * WAD)
    receipt = move_cash(bench, TAKER, POOL, -700 * WAD, venue=POOL)
    assert (bench.cash(TAKER), bench.cash(POOL)) == (200 * WAD, 800 * WAD)
    assert bench.ledger.events(receipt)[0].args["amount"] == -700 * WAD


def grant(bench, venue, rights=TRADE | CASH):
    bench.ledger.send("set_venue", venue, rights, sender=ADMIN)
    return venue


def test_move_cash__between_strangers__reverts(bench, reverts):
    with reverts("ledger: not the venue's pool"):
        move_cash(bench, TAKER, MAKER, WAD)
    with reverts("ledger: self transfer"):
        move_cash(bench, VENUE, VENUE, WAD)


def test_move_cash__without_the_right__reverts(bench, reverts):
    for rights in (0, TRADE, 4):
        grant(bench, POOL, rights)
        with reverts("ledger: right missing"):
            move_cash(bench, TAKER, POOL, WAD, venue=POOL)


def test_debt__is_repaid_by_a_deposit_and_leaves_nothing_to_withdraw(bench, reverts):
    move_cash(bench, TAKER, POOL, 1_500 * WAD, venue=grant(bench, POOL))
    bench.fund(TAKER, 499)
    with reverts("ledger: not enough cash"):
        withdraw(bench, 1)
    bench.fund(TAKER, 2)
    withdraw(bench, 1)
    assert bench.cash(TAKER) == 0


# ── pause ──


def test_when_paused__money_comes_and_goes(bench):
    grant(bench, POOL)
    bench.pause(PAUSED)
    bench.fund(TAKER, 10)
    withdraw(bench, 5)
    transfer(bench, 5)
    move_cash(bench, TAKER, POOL, WAD, venue=POOL)


def test_when_halted__money_comes_only(bench, reverts):
    grant(bench, POOL)
    bench.pause(HALTED)
    bench.fund(TAKER, 10)
    for move in (lambda: withdraw(bench, 5), lambda: transfer(bench, 5)):
        with reverts("ledger: halted"):
            move()
    with reverts("ledger: halted"):
        move_cash(bench, TAKER, POOL, WAD, venue=POOL)
    with reverts("ledger: halted"):
        bench.ledger.send("settle_expiries", account(TAKER), [], 0, account(VENUE, 1), sender=VENUE)
    with reverts("ledger: halted"):
        bench.ledger.send("claim_treasury", OTHER, 0, sender=ADMIN)


# ── reserves ──


def test_claim_treasury__pays_the_treasury_and_never_insurance(bench, reverts):
    bench.fund(MAKER, 10_000)
    bench.fill(bench.call(3_000), WAD // 10, 10 * WAD, fees=(0, 7 * WAD, 3 * WAD))
    assert bench.ledger.call("reserves") == (7 * WAD, 3 * WAD)
    with reverts("ledger: not that much owed"):
        bench.ledger.send("claim_treasury", OTHER, 3 * DOLLAR + 1, sender=ADMIN)
    receipt = bench.ledger.send("claim_treasury", OTHER, 2 * DOLLAR, sender=ADMIN)
    assert bench.ledger.call("reserves") == (7 * WAD, WAD)
    assert bench.token.call("balanceOf", OTHER) == 2 * DOLLAR
    assert bench.ledger.events(receipt)[0].args == {"receiver": OTHER, "amount": 2 * WAD}
