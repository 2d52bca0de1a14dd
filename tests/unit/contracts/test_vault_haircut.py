"""LiquidityVault when the ledger's cash is cut or held: all who wait share alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.attacks.twins import WithTwins, broken
from tests.market_bench import (
    ADMIN,
    LIQUIDATE,
    LONG,
    LP,
    OTHER_LP,
    STRANGER,
    TERMS,
    Bench,
    account,
    build,
    rewound,
)

DEPOSITS = 1
DELAY = TERMS["delay"]
LIQUIDATOR = "0x" + "11" * 20


def make(artifacts, decimals: int) -> Bench:
    bench = build(EmbeddedChain(), artifacts, decimals=decimals)
    bench.ledger.send("set_venue", LIQUIDATOR, LIQUIDATE, sender=ADMIN)
    return bench


@pytest.fixture(scope="module", params=[6, 18])
def fresh(artifacts, request) -> Iterator[Callable[[], Bench]]:
    yield from rewound(lambda: make(artifacts, request.param))


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


def tokens(bench: Bench, dollars: int) -> int:
    return dollars * 10**bench.decimals


def cut(bench: Bench, dollars: int) -> None:
    """A loss of so much that everybody with cash pays for."""
    row = account(STRANGER), dollars * WAD, []
    bench.ledger.send("cover", *row, sender=LIQUIDATOR)


def hold(bench: Bench, change: int = 1) -> None:
    bench.ledger.send("hold_withdrawals", change, sender=LIQUIDATOR)


def leave(bench: Bench, *owners: str, dollars: int = 1_000) -> None:
    for owner in owners:
        bench.request_redeem(owner, dollars * WAD)
    bench.advance(DELAY)
    bench.process()


def claim(bench: Bench, owner: str) -> int:
    before = bench.token.call("balanceOf", owner)
    shares = bench.vault.call("maxRedeem", owner)
    bench.vault.send("redeem", shares, owner, owner, sender=owner)
    return int(bench.token.call("balanceOf", owner) - before)


def test_claims__after_a_haircut__are_paid_alike_whoever_comes_first(bench):
    for owner in (LONG, LP, OTHER_LP):
        bench.enter(owner, 2_000)
    leave(bench, LP, OTHER_LP)
    owed = [bench.vault.call("maxWithdraw", owner) for owner in (LP, OTHER_LP)]
    assert owed[0] == tokens(bench, 999)
    cut(bench, 1_200)  # of 6,000: a fifth
    left = [bench.vault.call("maxWithdraw", owner) for owner in (LP, OTHER_LP)]
    paid = [claim(bench, owner) for owner in (LP, OTHER_LP)]
    for was, shown, got in zip(owed, left, paid, strict=True):
        assert was * 4 // 5 - 1 <= got <= shown <= was * 4 // 5
    assert bench.vault.call("maxWithdraw", LP) == bench.vault.call("maxRedeem", LP) == 0


def test_claims__all_of_them_after_haircuts__leave_nothing_but_rounding(bench):
    for owner in (LONG, LP, OTHER_LP):
        bench.enter(owner, 2_000)
    leave(bench, LP)
    cut(bench, 777)
    leave(bench, OTHER_LP, dollars=333)
    cut(bench, 1_111)
    for part in (1, tokens(bench, 100)):
        bench.vault.send("withdraw", part, LP, LP, sender=LP)
    for owner in (LP, OTHER_LP):
        everything = bench.vault.call("maxWithdraw", owner)
        bench.vault.send("withdraw", everything, owner, owner, sender=owner)
        assert bench.vault.call("maxWithdraw", owner) == 0
        assert bench.vault.call("maxRedeem", owner) == 0
    assert 0 <= bench.cash(account(bench.vault.address, 1)) <= 6 * bench.unit


def test_request__after_a_haircut__pays_for_none_of_it(bench):
    bench.enter(LP, 2_000)
    bench.request_deposit(OTHER_LP, 1_000)
    cut(bench, 1_500)  # a half
    assert tokens(bench, 500) - 1 <= bench.vault.call("pendingDepositRequest", 0, OTHER_LP)
    bench.request_deposit(LONG, 1_000)
    assert bench.vault.call("pendingDepositRequest", 0, LONG) == tokens(bench, 1_000)
    place = bench.vault.call("places", DEPOSITS)[1] - 1
    assert bench.vault.call("request_at", DEPOSITS, place)[1] == tokens(bench, 1_000)
    bench.advance(DELAY)
    bench.process()
    before, after = (bench.vault.call("maxDeposit", owner) for owner in (OTHER_LP, LONG))
    assert tokens(bench, 500) - 1 <= before <= tokens(bench, 500)
    assert tokens(bench, 1_000) - 1 <= after <= tokens(bench, 1_000)
    assert bench.vault.call("maxMint", LONG) == pytest.approx(2_000 * WAD, rel=1e-6)


def test_request__cancelled_after_a_haircut__is_worth_what_is_left(bench):
    bench.request_deposit(LP, 1_000)
    cut(bench, 250)
    bench.advance(DELAY + TERMS["max_wait"])
    bench.vault.send("cancel_request", DEPOSITS, 0, sender=LP)
    assert bench.vault.call("maxWithdraw", LP) == tokens(bench, 750)
    bench.vault.send("withdraw", tokens(bench, 750), LP, LP, sender=LP)
    assert bench.token.call("balanceOf", LP) == tokens(bench, 750)


def test_claims__as_many_as_were_cut__are_covered_by_the_account(bench):
    """Every write of the account may cost it a wei: the last is paid what is there."""
    bench.request_deposit(LP, 10)
    cut(bench, 5)
    for _ in range(9):
        bench.request_deposit(LP, 11)
    bench.advance(DELAY + TERMS["max_wait"])
    for place in range(10):
        bench.vault.send("cancel_request", DEPOSITS, place, sender=LP)
    worth = bench.vault.call("maxWithdraw", LP)
    assert tokens(bench, 104) - 11 <= worth <= bench.cash(account(bench.vault.address, 1))
    bench.vault.send("withdraw", worth, LP, LP, sender=LP)
    assert bench.vault.call("maxWithdraw", LP) == 0


def test_process__first_deposit_cut_to_dust__is_refunded_not_in_the_way(bench):
    bench.request_deposit(LP, 10)
    bench.fund(STRANGER, 10**7)
    index = bench.ledger.call("indices")[0]
    cut(bench, (10**7 + 10) * 99_999 // 100_000)
    assert bench.ledger.call("indices")[0] * 10**4 < index
    bench.request_deposit(OTHER_LP, 1_000)
    bench.advance(DELAY)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 0)
    assert bench.vault.call("maxMint", LP) == 0
    assert bench.vault.call("maxMint", OTHER_LP) > 999 * WAD


def test_process__while_withdrawals_are_held__takes_deposits_and_leaves_redemptions(bench, reverts):
    bench.enter(LP, 2_000)
    bench.request_redeem(LP, 500 * WAD)
    bench.request_deposit(OTHER_LP, 100)
    bench.advance(DELAY + TERMS["max_wait"])
    hold(bench)
    assert bench.ledger.call("withdrawal_holds") == 1
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 1)
    assert bench.vault.call("maxMint", OTHER_LP) > 99 * WAD
    bench.manager.send("grantRole", bench.manager.call("GUARDIAN"), ADMIN, sender=ADMIN)
    bench.vault.send("release_overdue", 32, sender=ADMIN)
    assert bench.vault.call("queue_lengths") == (0, 1)
    hold(bench, -1)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 0)
    hold(bench)
    with reverts("ledger: insolvency pending"):
        claim(bench, LP)


UNSHARED = {"return min(stored * index // _WAD, held)": "return min(stored, held)"}
UNHEEDED = {"if staticcall LEDGER.withdrawal_holds() != 0:": "if False:"}


def test_a_vault_that_cuts_no_claims__is_caught():
    bench = make(WithTwins(broken("LiquidityVault", UNSHARED, module="claim_book")), 6)
    with pytest.raises(AssertionError):
        test_claims__after_a_haircut__are_paid_alike_whoever_comes_first(bench)


def test_a_vault_that_heeds_no_hold__is_caught(reverts):
    bench = make(WithTwins(broken("LiquidityVault", UNHEEDED)), 6)
    with reverts("ledger: insolvency pending"):
        test_process__while_withdrawals_are_held__takes_deposits_and_leaves_redemptions(
            bench, reverts
        )
