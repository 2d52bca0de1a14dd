"""LiquidityVault: requests that wait too long, by the guardian or taken back; small redemptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from protocol.chain.base import Receipt
from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    LONG,
    LP,
    OTHER_LP,
    STRANGER,
    TERMS,
    Bench,
    account,
    build,
    rewound,
    with_mock_pool,
)

DELAY, MAX_WAIT, LEAST = TERMS["delay"], TERMS["max_wait"], TERMS["min_request"]
DEPOSIT, REDEMPTION, SMALL = 1, 2, 3
GUARDIAN = "0x" + "6a" * 20
HELD = 100_000


@pytest.fixture(scope="module")
def fresh(artifacts) -> Iterator[Callable[[], Bench]]:
    def make() -> Bench:
        bench = with_mock_pool(build(EmbeddedChain(), artifacts), artifacts)
        role = bench.manager.call("GUARDIAN")
        bench.manager.send("grantRole", role, GUARDIAN, sender=ADMIN)
        for owner in (LP, OTHER_LP):
            bench.enter(owner, HELD)
        return bench

    yield from rewound(make)


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


def set_book(bench: Bench, *, positions: int = 0, reserve: int = 0) -> None:
    bench.perp.send("set_book", positions, reserve, 0, 0, sender=STRANGER)


def release(bench: Bench, count: int = 32) -> Receipt:
    return bench.vault.send("release_overdue", count, sender=GUARDIAN)


def cancel(bench: Bench, kind: int, place: int, *, sender: str) -> Receipt:
    return bench.vault.send("cancel_request", kind, place, sender=sender)


def head(bench: Bench, kind: int) -> int:
    return int(bench.vault.call("places", kind)[0])


def pending(bench: Bench, owner: str) -> int:
    return int(bench.vault.call("pendingRedeemRequest", 0, owner))


def redeemed(bench: Bench, owner: str) -> int:
    return int(bench.vault.call("claimableRedeemRequest", 0, owner))


# ── the guardian ──


def test_release__within_the_floor_and_overdue__pays_past_it(bench):
    kept = 2 * HELD * TERMS["liquidity_floor"]
    set_book(bench, reserve=2 * HELD * WAD - kept)
    bench.request_redeem(LP, 20_000 * WAD)
    bench.advance(DELAY)
    assert bench.vault.call("process", 32, sender=STRANGER) == (0, 0)
    bench.advance(MAX_WAIT - 1)
    release(bench)
    assert redeemed(bench, LP) == 0  # not overdue yet
    bench.advance(1)
    assert bench.vault.call("process", 32, sender=STRANGER) == (0, 0)  # never past the floor
    release(bench)
    assert redeemed(bench, LP) == kept  # all that is free, and no more
    assert bench.valuation().free_cash == pytest.approx(kept * TERMS["exit_fee"] // WAD, abs=1)
    assert pending(bench, LP) == 20_000 * WAD - kept


def test_release__by_others__reverts(bench, reverts):
    for sender in (STRANGER, LP):
        with reverts("access: guardian only"):
            bench.vault.send("release_overdue", 1, sender=sender)


def test_release__valuation_stale__reverts(bench, reverts):
    bench.request_redeem(LP, LEAST)
    bench.advance(DELAY + MAX_WAIT)
    bench.perp.send("set_stale", True, sender=STRANGER)
    with reverts("pool: valuation stale"):
        release(bench)


def test_release__at_most_so_many__oldest_first_and_overdue_only(bench):
    for owner in (LP, OTHER_LP):
        bench.request_redeem(owner, LEAST)
    bench.advance(1)
    bench.request_redeem(LP, LEAST)
    bench.advance(DELAY + MAX_WAIT - 1)
    assert bench.vault.call("release_overdue", 1, sender=GUARDIAN) == 1
    release(bench)
    assert redeemed(bench, LP) == redeemed(bench, OTHER_LP) == LEAST
    assert bench.vault.call("queue_lengths") == (0, 1)


def test_release__of_deposits__never(bench):
    bench.request_deposit(LP, 100)
    bench.advance(DELAY + MAX_WAIT)
    assert bench.vault.call("release_overdue", 32, sender=GUARDIAN) == 0


# ── taking back ──


def test_cancel__deposit_overdue__is_claimed_as_assets(bench):
    bench.request_deposit(LONG, 500)
    bench.perp.send("set_stale", True, sender=STRANGER)
    bench.advance(DELAY + MAX_WAIT)
    receipt = cancel(bench, DEPOSIT, head(bench, DEPOSIT), sender=LONG)
    (event,) = bench.vault.events(receipt)
    assert event.name == "RequestCancelled"
    assert event.args == {"controller": LONG, "kind": DEPOSIT, "amount": 500 * 10**6}
    assert bench.vault.call("pendingDepositRequest", 0, LONG) == 0
    bench.vault.send("withdraw", 500 * 10**6, LONG, LONG, sender=LONG)
    assert bench.token.call("balanceOf", LONG) == 500 * 10**6
    assert bench.cash(account(bench.vault.address, 1)) == 0


def test_cancel__redemption_overdue__gives_the_shares_left_back(bench):
    set_book(bench, reserve=150_000 * WAD)
    shares = bench.shares(LP)
    bench.request_redeem(LP, shares)
    bench.advance(DELAY)
    bench.process()
    left = pending(bench, LP)
    assert 0 < left < shares
    bench.perp.send("set_stale", True, sender=STRANGER)
    bench.advance(MAX_WAIT)
    cancel(bench, REDEMPTION, head(bench, REDEMPTION), sender=LP)
    assert bench.shares(LP) == left
    assert pending(bench, LP) == 0
    assert redeemed(bench, LP) == shares - left  # what was processed stays so


def test_cancel__before_it_is_overdue__reverts(bench, reverts):
    bench.request_redeem(LP, LEAST)
    bench.advance(DELAY + MAX_WAIT - 1)
    with reverts("vault: not overdue"):
        cancel(bench, REDEMPTION, 0, sender=LP)
    bench.advance(1)
    cancel(bench, REDEMPTION, 0, sender=LP)


def test_cancel__by_others__reverts(bench, reverts):
    bench.request_redeem(LP, LEAST)
    bench.advance(DELAY + MAX_WAIT)
    for sender in (STRANGER, OTHER_LP, ADMIN):
        with reverts("vault: not authorised"):
            cancel(bench, REDEMPTION, 0, sender=sender)
    bench.vault.send("setOperator", STRANGER, True, sender=LP)
    cancel(bench, REDEMPTION, 0, sender=STRANGER)
    assert bench.shares(LP) == HELD * WAD - 10**15  # the controller's, whoever called


@pytest.mark.parametrize("kind", [0, DEPOSIT, REDEMPTION, SMALL, 4])
def test_cancel__what_is_not_there__reverts(kind, bench, reverts):
    for place in (0, 1, 2**128):
        with reverts("vault: no such request"):
            cancel(bench, kind, place + 2, sender=LP)


def test_cancel__twice_or_once_served__reverts(bench, reverts):
    for _ in range(2):
        bench.request_redeem(LP, LEAST)
    bench.advance(DELAY + MAX_WAIT)
    cancel(bench, REDEMPTION, 1, sender=LP)
    bench.process()
    for place in (0, 1):
        with reverts("vault: no such request"):
            cancel(bench, REDEMPTION, place, sender=LP)


@pytest.mark.parametrize("cancelled", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("kind", [DEPOSIT, REDEMPTION])
def test_cancelled_places__wherever_they_are__are_passed_over(kind, cancelled, bench):
    ask = bench.request_deposit if kind == DEPOSIT else bench.request_redeem
    amount = 100 if kind == DEPOSIT else 100 * WAD
    owners = (LP, OTHER_LP, LP, OTHER_LP)
    for owner in owners:
        ask(owner, amount)
    bench.advance(DELAY + MAX_WAIT)
    first = head(bench, kind)
    for place in cancelled:
        cancel(bench, kind, first + place, sender=owners[place])
    assert bench.vault.call("ripe_at")[kind - 1] == bench.now() - MAX_WAIT
    assert bench.vault.call("process", 4, sender=STRANGER)[kind - 1] == 4
    bench.process(4)
    assert bench.vault.call("queue_lengths") == (0, 0)
    served = {owner: 0 for owner in owners}
    for place, owner in enumerate(owners):
        served[owner] += 0 if place in cancelled else 1
    view = "maxDeposit" if kind == DEPOSIT else "maxRedeem"
    unit = 100 * 10**6 if kind == DEPOSIT else 100 * WAD
    for owner, count in served.items():
        assert bench.vault.call(view, owner) == count * unit


def test_request_at__of_every_place__names_it(bench):
    bench.request_redeem(OTHER_LP, 30 * WAD)
    place, after = bench.vault.call("places", REDEMPTION)
    assert after == place + 1
    row = (OTHER_LP, 30 * WAD, bench.now() + DELAY)
    assert bench.vault.call("request_at", REDEMPTION, place) == row
    assert bench.vault.call("request_at", REDEMPTION, after) == ("0x" + "00" * 20, 0, 0)


# ── redemptions below the least ──


def hand_small(bench: Bench, receiver: str, shares: int) -> None:
    bench.vault.send("transfer", receiver, shares, sender=LP)
    bench.request_redeem(receiver, shares)


def test_small__is_served_behind_every_ripe_redemption(bench):
    hand_small(bench, LONG, WAD)
    bench.advance(1)
    bench.request_redeem(OTHER_LP, 1_000 * WAD)
    assert bench.vault.call("ripe_at")[1] == bench.now() - 1 + DELAY
    bench.advance(DELAY)
    bench.process(1)
    assert (redeemed(bench, OTHER_LP), redeemed(bench, LONG)) == (1_000 * WAD, 0)
    assert pending(bench, LONG) == WAD
    bench.process(1)
    assert redeemed(bench, LONG) == WAD
    assert bench.vault.call("ripe_at") == (0, 0)


def test_small__behind_a_head_without_cash__waits(bench):
    set_book(bench, reserve=2 * HELD * WAD)
    hand_small(bench, LONG, WAD)
    bench.request_redeem(OTHER_LP, 1_000 * WAD)
    bench.advance(DELAY)
    set_book(bench, reserve=(2 * HELD * 19 // 20 - 5) * WAD)  # five dollars above the floor
    bench.process()
    assert redeemed(bench, OTHER_LP) == redeemed(bench, LONG) == 0


def test_small__while_the_next_redemption_is_young__is_served(bench):
    hand_small(bench, LONG, WAD)
    bench.advance(DELAY)
    bench.request_redeem(OTHER_LP, 1_000 * WAD)
    bench.process()
    assert redeemed(bench, LONG) == WAD


def test_small__worth_less_than_a_token_unit__goes_back_and_blocks_nobody(bench):
    hand_small(bench, LONG, 1)
    hand_small(bench, STRANGER, WAD)
    bench.advance(DELAY)
    bench.process()
    assert redeemed(bench, STRANGER) == WAD
    assert (bench.shares(LONG), pending(bench, LONG)) == (1, 0)
    assert bench.vault.call("queue_lengths") == (0, 0)


def test_small__pool_without_value__waits_like_the_others(bench):
    hand_small(bench, LONG, WAD)
    set_book(bench, positions=-3 * HELD * WAD)
    bench.advance(DELAY)
    bench.process()
    assert pending(bench, LONG) == WAD


def test_small__overdue__is_released_or_taken_back(bench):
    for owner in (LONG, STRANGER):
        hand_small(bench, owner, WAD)
    set_book(bench, reserve=2 * HELD * 19 // 20 * WAD)  # the floor is all that is free
    bench.advance(DELAY + MAX_WAIT)
    bench.process()
    assert redeemed(bench, LONG) == 0
    cancel(bench, SMALL, head(bench, SMALL), sender=LONG)
    release(bench)
    assert (bench.shares(LONG), redeemed(bench, STRANGER)) == (WAD, WAD)


def test_part__below_the_least__waits_for_more_cash(bench):
    free = LEAST - 1
    set_book(bench, reserve=2 * HELD * 19 // 20 * WAD - free)
    bench.request_redeem(LP, 1_000 * WAD)
    bench.advance(DELAY)
    bench.process()
    assert redeemed(bench, LP) == 0
    set_book(bench, reserve=2 * HELD * 19 // 20 * WAD - free - 1)
    bench.process()
    assert redeemed(bench, LP) == LEAST
