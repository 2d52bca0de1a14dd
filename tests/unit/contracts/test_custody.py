"""Custody: only the ledger moves tokens, hostile tokens revert, donations change nothing."""

from __future__ import annotations

import pytest

from protocol.units import WAD
from tests.ledger_bench import ADMIN, MAX, OTHER, STRANGER, TAKER, account, make_bench
from tests.market_bench import TERMS

FEE, REFUSING, GREEDY = 1, 2, 3


@pytest.mark.parametrize("decimals", [0, 6, 8, 18])
def test_deposit_and_withdraw__at_any_decimals__move_the_same_dollars(chain, deploy, decimals):
    bench = make_bench(chain, deploy, decimals=decimals)
    bench.fund(TAKER, 1_000)
    assert bench.cash(TAKER) == 1_000 * WAD
    assert bench.custody.call("held") == 1_000 * 10**decimals
    assert bench.custody.call("unit") == 10 ** (18 - decimals)
    bench.ledger.send("withdraw", account(TAKER), 400 * 10**decimals, OTHER, sender=TAKER)
    assert bench.cash(TAKER) == 600 * WAD
    assert bench.token.call("balanceOf", OTHER) == 400 * 10**decimals
    assert bench.custody.call("held") == 600 * 10**decimals


def test_deploy__of_a_token_with_over_18_decimals__reverts(deploy, reverts):
    token = deploy("MockERC20", "Fine", "FINE", 19)
    with reverts("custody: over 18 decimals"):
        deploy("Custody", deploy("AccessManager").address, token.address)


def test_set_ledger__twice_or_foreign__reverts(chain, deploy, reverts):
    bench = make_bench(chain, deploy)
    with reverts("custody: ledger set"):
        bench.custody.send("set_ledger", bench.ledger.address, sender=ADMIN)
    fresh = deploy("Custody", bench.manager.address, bench.token.address)
    with reverts("custody: foreign ledger"):
        fresh.send("set_ledger", bench.ledger.address, sender=ADMIN)


def test_deposit__before_wiring__reverts(chain, deploy, reverts):
    bench = make_bench(chain, deploy)
    custody = deploy("Custody", bench.manager.address, bench.token.address)
    unwired = (bench.manager.address, custody.address, bench.risk.address)
    ledger = deploy("Clearinghouse", *unwired)
    bench.token.send("mint", TAKER, 100, sender=TAKER)
    bench.token.send("approve", custody.address, MAX, sender=TAKER)
    with reverts("custody: ledger only"):
        ledger.send("deposit", account(TAKER), 100, sender=TAKER)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("pull", (TAKER, 1)),
        ("pay", (STRANGER, 1)),
        ("permit", (TAKER, 1, 0, 27, bytes(32), bytes(32))),
    ],
)
def test_moves__by_anyone_but_the_ledger__revert(chain, deploy, reverts, name, args):
    bench = make_bench(chain, deploy)
    bench.fund(TAKER, 10)
    for sender in (STRANGER, ADMIN, TAKER):
        with reverts("custody: ledger only"):
            bench.custody.send(name, *args, sender=sender)


def test_donation__changes_nothing(chain, deploy, reverts):
    bench = make_bench(chain, deploy)
    bench.fund(TAKER, 10)
    bench.token.send("mint", bench.custody.address, 5 * 10**6, sender=STRANGER)
    assert bench.custody.call("held") == 10 * 10**6
    assert bench.cash(TAKER) == 10 * WAD
    with reverts("ledger: not enough cash"):
        bench.ledger.send("withdraw", account(TAKER), 10 * 10**6 + 1, TAKER, sender=TAKER)


def test_deposit__without_allowance__reverts(chain, deploy, reverts):
    bench = make_bench(chain, deploy)
    bench.token.send("mint", TAKER, 10, sender=TAKER)
    with reverts("token: allowance"):
        bench.ledger.send("deposit", account(TAKER), 10, sender=TAKER)


def test_token_that_returns_nothing__works(chain, deploy):
    bench = make_bench(chain, deploy, token=deploy("NoReturnERC20"))
    bench.fund(TAKER, 10)
    bench.ledger.send("withdraw", account(TAKER), 4 * 10**6, TAKER, sender=TAKER)
    assert bench.token.call("balanceOf", TAKER) == 4 * 10**6


def hostile(chain, deploy, vice):
    bench = make_bench(chain, deploy, token=deploy("HostileERC20", 6, vice))
    bench.token.send("mint", TAKER, 10**9, sender=TAKER)
    return bench


def test_token_with_a_fee__reverts_even_over_a_donation(chain, deploy, reverts):
    bench = hostile(chain, deploy, FEE)
    bench.token.send("mint", bench.custody.address, 10**9, sender=STRANGER)
    with reverts("custody: short transfer"):
        bench.ledger.send("deposit", account(TAKER), 10**6, sender=TAKER)


def test_token_that_refuses__reverts(chain, deploy, reverts):
    bench = hostile(chain, deploy, REFUSING)
    with reverts("custody: transfer failed"):
        bench.ledger.send("deposit", account(TAKER), 10**6, sender=TAKER)


def test_token_that_takes_more_than_it_pays__reverts(chain, deploy, reverts):
    bench = hostile(chain, deploy, GREEDY)
    bench.ledger.send("deposit", account(TAKER), 10**6, sender=TAKER)
    with reverts("custody: short transfer"):
        bench.ledger.send("withdraw", account(TAKER), 10**5, TAKER, sender=TAKER)


def vault_of(deploy, bench):
    pool = deploy("MockPool", bench.ledger.address)
    around = (pool, bench.ledger, bench.custody, bench.manager)
    args = (*(each.address for each in around), "LP", "LP", tuple(TERMS.values()))
    return deploy("LiquidityVault", *args)


@pytest.mark.parametrize(
    ("vice", "reason"), [(FEE, "custody: short transfer"), (REFUSING, "vault: transfer failed")]
)
def test_deposit_that_a_vault_collects__short_or_refused__reverts(
    chain, deploy, reverts, vice, reason
):
    bench = hostile(chain, deploy, vice)
    vault = vault_of(deploy, bench)
    with reverts(reason):
        vault.send("requestDeposit", 10**8, TAKER, TAKER, sender=TAKER)
    assert bench.ledger.call("cash", vault.call("ACCOUNT")) == 0


def test_collect__by_anyone_but_the_ledger_or_the_custody__reverts(chain, deploy, reverts):
    bench = make_bench(chain, deploy)
    vault = vault_of(deploy, bench)
    with reverts("custody: ledger only"):
        bench.custody.send("collect", vault.address, TAKER, 1, sender=STRANGER)
    with reverts("vault: custody only"):
        vault.send("collect", TAKER, 1, sender=STRANGER)
    with reverts():  # an address that brings nothing
        bench.ledger.send("deposit_from", account(TAKER), 1, TAKER, sender=STRANGER)
