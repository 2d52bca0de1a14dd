"""ExpirySettlement's escrow: nobody is paid before somebody paid in, and a haircut is shared."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from protocol.types import Instrument
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ALL_RIGHTS,
    COLLECTION,
    ETH,
    HALTED,
    MAKER,
    OTHER,
    POOL,
    STRANGER,
    TAKER,
    VENUE,
    account,
    leg,
    make_bench,
)

DOLLARS = 100_000
WINNERS = tuple("0x" + f"{n:02x}" * 20 for n in range(0x21, 0x29))


@pytest.fixture
def bench(chain, deploy):
    made = make_bench(chain, deploy)
    for owner in (TAKER, MAKER, OTHER, POOL, *WINNERS):
        made.fund(owner, DOLLARS)
    return made


@pytest.fixture
def day(bench) -> int:
    return bench.day


def settle(bench, owner):
    return bench.expiry.send("settle_account", account(owner), sender=STRANGER)


def settle_pool(bench, day):
    return bench.expiry.send("settle_pool", account(POOL), ETH, day, sender=STRANGER)


def settle_all(bench, day, owners):
    """How many were settled."""
    row = ([account(owner) for owner in owners], ETH, day)
    count = bench.expiry.call("settle_accounts", *row)
    bench.expiry.send("settle_accounts", *row, sender=STRANGER)
    return count


def escrow_cash(bench, day) -> int:
    return bench.ledger.call("cash", bench.expiry.call("escrow", ETH, day))


def owed(bench, day) -> int:
    return bench.expiry.call("owed", ETH, day)


# ── order ──


def test_long__before_any_short__waits(bench, day, reverts):
    bench.fill(bench.call(2_900), WAD)
    bench.set_print(day, 3_000 * WAD)
    with reverts("expiry: settle shorts first"):
        settle(bench, TAKER)
    settle(bench, MAKER)
    assert owed(bench, day) == escrow_cash(bench, day) == 100 * WAD
    settle(bench, TAKER)
    assert owed(bench, day) == escrow_cash(bench, day) == 0
    assert bench.cash(TAKER) - bench.cash(MAKER) == 200 * WAD


def test_pool_that_is_long__waits_for_its_takers(bench, day, reverts):
    bench.fill(bench.call(2_900), -WAD, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    with reverts("expiry: settle shorts first"):
        settle_pool(bench, day)
    settle(bench, TAKER)
    settle_pool(bench, day)
    assert bench.cash(POOL) == (DOLLARS + 100) * WAD


def test_long__is_paid_once_enough_has_come_in__whoever_paid(bench, day, reverts):
    for taker, maker in ((TAKER, MAKER), (OTHER, POOL)):
        bench.fill(bench.call(2_900), WAD, taker=taker, maker=maker)
    bench.set_print(day, 3_000 * WAD)
    settle_pool(bench, day)
    settle(bench, TAKER)  # out of what the pool paid in
    with reverts("expiry: settle shorts first"):
        settle(bench, OTHER)
    settle(bench, MAKER)
    settle(bench, OTHER)
    assert bench.cash(TAKER) == bench.cash(OTHER) == (DOLLARS + 100) * WAD


def test_days__have_escrows_of_their_own(bench, day, reverts):
    bench.fill(bench.call(2_900, day), WAD)
    bench.fill(bench.call(2_900, day + 1), WAD, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    bench.set_print(day + 1, 3_000 * WAD)
    settle(bench, MAKER)
    assert bench.expiry.call("settle_account", account(TAKER)) == 1  # the other day waits
    settle(bench, TAKER)
    assert list(bench.portfolio(TAKER)) == [bench.call(2_900, day + 1).id]
    with reverts("expiry: settle shorts first"):
        settle(bench, TAKER)


def test_account_with_both_sides_of_a_day__is_settled_for_the_sum(bench, day):
    legs = [leg(bench.call(2_900), WAD), leg(bench.call(2_950), -WAD)]
    bench.settle(legs, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    settle_pool(bench, day)
    assert owed(bench, day) == 50 * WAD
    settle(bench, TAKER)
    assert bench.cash(TAKER) == (DOLLARS + 50) * WAD


# ── the time to collect ──


def test_winner__within_ten_minutes_of_the_print__waits(bench, day, reverts):
    for taker, maker in ((TAKER, MAKER), (POOL, OTHER)):
        bench.fill(bench.call(2_900), WAD, taker=taker, maker=maker)
    bench.set_print(day, 3_000 * WAD, collected=False)
    assert bench.expiry.call("collected_at", ETH, day) == bench.chain.timestamp + COLLECTION
    settle(bench, MAKER)
    settle(bench, OTHER)
    assert escrow_cash(bench, day) == owed(bench, day) == 200 * WAD
    bench.chain.advance(COLLECTION - 1)
    with reverts("expiry: still collecting"):
        settle(bench, TAKER)
    with reverts("expiry: still collecting"):
        settle_pool(bench, day)
    assert settle_all(bench, day, [TAKER, POOL]) == 0
    bench.chain.advance(1)
    settle(bench, TAKER)
    settle_pool(bench, day)
    assert bench.cash(TAKER) == bench.cash(POOL) == (DOLLARS + 100) * WAD


def test_batch__while_collecting__takes_from_those_who_owe(bench, day):
    bench.fill(bench.call(2_900), WAD)
    bench.set_print(day, 3_000 * WAD, collected=False)
    assert settle_all(bench, day, [TAKER, MAKER]) == 1
    assert bench.portfolio(MAKER) == {} and bench.portfolio(TAKER) != {}
    bench.chain.advance(COLLECTION)
    assert settle_all(bench, day, [TAKER, MAKER]) == 1


@pytest.mark.parametrize("alone", [False, True])
def test_account_that_nets_to_zero__waits_for_nobody(bench, day, alone):
    legs = [leg(bench.call(2_900), WAD), leg(bench.put(3_100), -WAD)]
    bench.settle(legs, maker=POOL)
    bench.set_print(day, 3_000 * WAD, collected=False)
    if alone:
        settle(bench, TAKER)
        settle_pool(bench, day)
    else:
        assert settle_all(bench, day, [POOL, TAKER]) == 2
    assert bench.portfolio(TAKER) == bench.pool_positions(POOL, day) == {}
    assert bench.cash(TAKER) == bench.cash(POOL) == DOLLARS * WAD
    assert owed(bench, day) == 0


def test_account_with_a_day_that_collects__settles_the_other(bench, day, reverts):
    bench.fill(bench.call(2_900, day), WAD)
    bench.fill(bench.call(2_900, day + 1), WAD)
    bench.set_print(day, 3_000 * WAD)
    bench.set_print(day + 1, 3_000 * WAD, collected=False)
    settle(bench, MAKER)
    assert bench.expiry.call("settle_account", account(TAKER)) == 1
    settle(bench, TAKER)
    assert list(bench.portfolio(TAKER)) == [bench.call(2_900, day + 1).id]
    with reverts("expiry: still collecting"):
        settle(bench, TAKER)


def test_winners__before_a_print__are_paid_from_no_time_on(bench, day):
    assert bench.expiry.call("collected_at", ETH, day) == 0


# ── batches ──


def test_batch__takes_those_who_owe_first__in_any_order(bench, day):
    for n, winner in enumerate(WINNERS[:2]):
        bench.fill(bench.call(2_900 - n), (n + 1) * WAD, taker=winner, maker=MAKER)
    bench.fill(bench.put(3_100), WAD, taker=WINNERS[0], maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    start = bench.chain.snapshot()
    results = set()
    for order in permutations((*WINNERS[:2], MAKER, POOL)):
        assert settle_all(bench, day, order) == 4
        results.add(tuple(bench.cash(owner) for owner in (*WINNERS[:2], MAKER, POOL)))
        assert escrow_cash(bench, day) == 0
        bench.chain.revert(start)
        start = bench.chain.snapshot()
    (cash,) = results
    assert cash == tuple((DOLLARS + won) * WAD for won in (200, 202, -302, -100))


def test_batch__passes_over_who_has_nothing_and_who_cannot_be_paid(bench, day):
    bench.fill(bench.call(2_900), WAD)
    bench.fill(bench.call(2_900), WAD, taker=OTHER, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    assert settle_all(bench, day, [TAKER, OTHER, WINNERS[0]]) == 0
    assert settle_all(bench, day, [TAKER, OTHER, WINNERS[0], MAKER, MAKER]) == 2
    assert bench.cash(TAKER) == (DOLLARS + 100) * WAD and bench.cash(OTHER) == DOLLARS * WAD
    assert settle_all(bench, day, [TAKER, OTHER, POOL]) == 2
    assert settle_all(bench, day, [TAKER, MAKER, OTHER, POOL]) == 0


def test_batch__without_a_print_or_of_too_many__reverts(bench, day, reverts):
    with reverts("expiry: no print"):
        settle_all(bench, day, [TAKER])
    bench.set_print(day, 3_000 * WAD)
    with reverts():
        row = ([account(TAKER, n) for n in range(17)], ETH, day)
        bench.expiry.send("settle_accounts", *row, sender=STRANGER)


def test_batch__in_a_halt__reverts(bench, day, reverts):
    bench.fill(bench.call(2_900), WAD)
    bench.set_print(day, 3_000 * WAD)
    bench.pause(HALTED)
    with reverts("ledger: halted"):
        settle_all(bench, day, [MAKER, TAKER])


def test_batch_of_16_full_accounts__fits_in_a_block(bench, day):
    """Eight of each side, eight series each; the gas of an account does not depend on the batch."""
    for n, winner in enumerate(WINNERS):
        for strike in range(2_900, 2_908):
            row = {"taker": winner, "maker": POOL}
            bench.fill(bench.call(strike), (n + 1) * WAD // 100, **row)
    bench.set_print(day, 3_000 * WAD)
    row = ([account(owner) for owner in (*WINNERS, POOL)], ETH, day)
    gas = bench.expiry.send("settle_accounts", *row, sender=STRANGER).gas_used
    assert gas < 2_000_000
    assert all(bench.portfolio(winner) == {} for winner in WINNERS)


def test_account_with_64_days__is_settled_in_bounded_gas(bench, reverts):
    days = [bench.day + n for n in range(64)]
    for each in days:
        bench.fill(bench.call(2_900, each), WAD // 100, maker=POOL)
    for each in days:
        bench.set_print(each, 3_000 * WAD)
    with reverts("expiry: settle shorts first"):
        settle(bench, TAKER)
    for each in days:
        settle_pool(bench, each)
    assert settle(bench, TAKER).gas_used < 6_000_000
    assert bench.portfolio(TAKER) == {}
    assert bench.cash(TAKER) == (DOLLARS + 64) * WAD


# ── what is no option ──


def test_perps_and_collateral__are_passed_over(bench, day):
    perp, shares = Instrument.perp(ETH), Instrument.collateral(ETH)
    bench.risk.send("set_collateral", shares.id, bench.market.address, WAD // 10, sender=ADMIN)
    bench.fill(perp, WAD, maker=POOL)
    bench.post(TAKER, shares, WAD)
    bench.fill(bench.call(2_900), WAD, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    settle_pool(bench, day)
    settle(bench, TAKER)
    assert bench.portfolio(TAKER) == {perp.id: WAD, shares.id: WAD}


# ── rounding ──


def test_random_expiry__pays_out_what_came_in__but_for_dust(bench, day):
    rng = random.Random(5)
    owners = [TAKER, MAKER, OTHER, POOL, *WINNERS]
    series = [bench.call(2_800), bench.call(3_000), bench.put(3_000), bench.put(3_100)]
    for _ in range(60):
        taker, maker = rng.sample(owners, 2)
        bench.fill(rng.choice(series), rng.randint(1, WAD), taker=taker, maker=maker)
    before = sum(bench.cash(owner) for owner in owners)
    bench.set_print(day, 2_987 * WAD + 12_345_678_901)
    rng.shuffle(owners)
    assert settle_all(bench, day, owners) == len(owners)
    dust = escrow_cash(bench, day)
    assert 0 <= dust <= len(owners) * len(series)
    assert before - sum(bench.cash(owner) for owner in owners) == dust == owed(bench, day)


def test_donation_to_an_escrow__pays_nobody_more(bench, day):
    bench.fill(bench.call(2_900), WAD)
    bench.set_print(day, 3_000 * WAD)
    settle(bench, MAKER)
    target = bench.expiry.call("escrow", ETH, day)
    bench.ledger.send("transfer_cash", account(OTHER), target, 77 * WAD, sender=OTHER)
    settle(bench, TAKER)
    assert bench.cash(TAKER) == (DOLLARS + 100) * WAD


# ── losses ──


def bankrupt(bench, day):
    """Eight winners of 1,000 to 8,000 at the cost of one loser, whose debt everybody pays."""
    for n, winner in enumerate(WINNERS):
        bench.fill(bench.call(2_000), (n + 1) * WAD, taker=winner, maker=MAKER)
    bench.ledger.send("set_venue", POOL, ALL_RIGHTS, sender=ADMIN)
    spare = bench.cash(MAKER)
    bench.ledger.send("move_cash", account(MAKER), account(POOL), spare, sender=POOL)
    bench.set_print(day, 3_000 * WAD)
    settle(bench, MAKER)
    assert bench.cash(MAKER) == -36_000 * WAD
    assert escrow_cash(bench, day) == 36_000 * WAD


def cover(bench, amount):
    bench.ledger.send("cover", account(MAKER), amount, [], sender=VENUE)


@pytest.mark.parametrize("order", [1, -1])
def test_haircut__before_anyone_is_paid__is_the_same_for_all(bench, day, order):
    bankrupt(bench, day)
    cover(bench, 36_000 * WAD)
    held = escrow_cash(bench, day)
    assert held < 36_000 * WAD and owed(bench, day) == 36_000 * WAD
    before = {winner: bench.cash(winner) for winner in WINNERS}
    for winner in WINNERS[::order]:
        settle(bench, winner)
    for n, winner in enumerate(WINNERS):
        fair = (n + 1) * 1_000 * WAD * held // (36_000 * WAD)
        assert 0 <= fair - (bench.cash(winner) - before[winner]) <= 16
    assert 0 <= escrow_cash(bench, day) <= 200


def test_haircut__between_two_payments__costs_the_first_as_much(bench, day):
    """Cash is cut wherever it is: in the escrow, or with whoever was paid already."""
    bankrupt(bench, day)
    first, second = WINNERS[0], WINNERS[1]
    settle(bench, first)
    settle(bench, second)
    assert bench.cash(second) - bench.cash(first) == 1_000 * WAD
    cover(bench, 36_000 * WAD)
    index = bench.ledger.call("indices")[0]
    before = bench.cash(WINNERS[7])
    settle(bench, WINNERS[7])
    gained = bench.cash(WINNERS[7]) - before
    assert abs(gained - 8_000 * index) <= 16
    assert abs(bench.cash(first) - (DOLLARS + 1_000) * index) <= 16


def test_series_settled_after_a_haircut__pays_in_full(bench, day):
    bankrupt(bench, day)
    cover(bench, 36_000 * WAD)
    later = bench.call(2_900, day + 7)
    bench.fill(later, WAD, taker=TAKER, maker=OTHER)
    before = bench.cash(TAKER)
    bench.set_print(day + 7, 3_000 * WAD)
    settle(bench, OTHER)
    settle(bench, TAKER)
    assert 0 <= 100 * WAD - (bench.cash(TAKER) - before) <= 8
