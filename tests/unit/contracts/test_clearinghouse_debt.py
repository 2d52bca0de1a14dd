"""Debt and who pays for it: interest by the borrow index, losses layer by layer."""

from __future__ import annotations

import random

import pytest

from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ALL_RIGHTS,
    LIQUIDATE,
    MAKER,
    OTHER,
    POOL,
    STRANGER,
    TAKER,
    VENUE,
    account,
    make_bench,
)

DOLLARS = 100_000
YEAR = 365 * 86_400
BASE, KINK, LOW, HIGH = WAD // 20, WAD // 5, WAD // 10, 2 * WAD
OWNERS = (TAKER, MAKER, OTHER, POOL, VENUE, STRANGER)


@pytest.fixture
def bench(chain, deploy):
    made = make_bench(chain, deploy)
    for owner in (TAKER, MAKER, OTHER, POOL):
        made.fund(owner, DOLLARS)
    made.ledger.send("set_venue", POOL, ALL_RIGHTS, sender=ADMIN)
    return made


def set_interest(bench, *terms):
    return bench.ledger.send("set_interest", *(terms or (BASE, KINK, LOW, HIGH)), sender=ADMIN)


def lose(bench, owner, amount):
    """To the pool; realised, whatever the account has."""
    bench.ledger.send("move_cash", account(owner), account(POOL), amount, sender=POOL)


def cover(bench, owner, amount, pools=(), sender=VENUE):
    row = (account(owner), amount, [account(pool) for pool in pools])
    return bench.ledger.send("cover", *row, sender=sender)


def covered(bench, receipt):
    (event,) = (e for e in bench.ledger.events(receipt) if e.name == "LossCovered")
    return [event.args[part] for part in ("insurance", "pools", "haircut")]


def spare(bench) -> int:
    """Tokens and debts that nobody owns, WAD. Below zero somebody owns what is not there."""
    owned = sum(max(bench.cash(owner), 0) for owner in OWNERS)
    tokens = bench.custody.call("held") * bench.unit
    return tokens + bench.ledger.call("debt") - owned - sum(bench.ledger.call("reserves"))


def rate_at(used: int) -> int:
    rate = BASE + LOW * min(used, KINK) // KINK
    return rate + HIGH * max(used - KINK, 0) // (WAD - KINK)


# ── interest ──


def test_debt__is_what_accounts_owe(bench):
    assert bench.ledger.call("debt") == 0
    lose(bench, TAKER, (DOLLARS + 300) * WAD)
    lose(bench, MAKER, (DOLLARS + 50) * WAD)
    assert bench.ledger.call("debt") == 350 * WAD
    lose(bench, TAKER, -200 * WAD)  # wins a part of it back
    assert bench.ledger.call("debt") == 150 * WAD
    bench.fund(TAKER, 101)
    assert bench.ledger.call("debt") == 50 * WAD
    assert bench.cash(TAKER) == WAD and spare(bench) == 0


def test_interest__before_any_terms__is_none(bench, chain):
    lose(bench, TAKER, (DOLLARS + 300) * WAD)
    chain.advance(YEAR)
    bench.ledger.send("accrue", sender=STRANGER)
    assert bench.cash(TAKER) == -300 * WAD
    assert bench.ledger.call("indices") == (WAD, WAD)


@pytest.mark.parametrize("debt", [1, 40_000, 99_999, 100_000, 100_001, 300_000, 20_000_000])
def test_rate__by_utilisation__has_a_kink(bench, debt):
    set_interest(bench)
    lose(bench, TAKER, (DOLLARS + debt) * WAD)
    used = debt * WAD // (4 * DOLLARS + debt)  # owed over owned
    assert bench.ledger.call("borrow_rate") == rate_at(used)
    assert (used > KINK) == (debt > 100_000)


def test_rate__of_no_debt__is_the_base(bench):
    set_interest(bench)
    assert bench.ledger.call("borrow_rate") == BASE


def test_interest__of_a_year__goes_to_insurance(bench, chain):
    set_interest(bench)
    lose(bench, TAKER, (DOLLARS + 10_000) * WAD)
    rate = bench.ledger.call("borrow_rate")
    chain.advance(YEAR)
    receipt = bench.ledger.send("accrue", sender=STRANGER)
    interest = 10_000 * rate
    (event,) = bench.ledger.events(receipt)
    assert event.args == {"index": WAD + rate, "interest": interest}
    assert bench.cash(TAKER) == -10_000 * WAD - interest
    assert bench.ledger.call("reserves") == (interest, 0)
    assert bench.ledger.call("debt") == 10_000 * WAD + interest
    assert spare(bench) == 0


def test_interest__within_a_second__is_charged_once(bench, chain):
    set_interest(bench)
    lose(bench, TAKER, (DOLLARS + 10_000) * WAD)
    chain.advance(1)
    assert len(bench.ledger.events(bench.ledger.send("accrue", sender=STRANGER))) == 1
    chain.set_time(chain.timestamp)
    assert bench.ledger.events(bench.ledger.send("accrue", sender=STRANGER)) == []


def test_interest__is_for_debt_alone(bench, chain):
    set_interest(bench)
    lose(bench, TAKER, (DOLLARS + 10_000) * WAD)
    chain.advance(YEAR)
    before = bench.cash(OTHER)
    # Who borrows now owes what he borrows, at the index of now.
    lose(bench, MAKER, (DOLLARS + 77) * WAD)
    assert bench.ledger.call("indices")[1] > WAD
    assert bench.cash(MAKER) == -77 * WAD - 1  # rounded up, in units of the index
    assert bench.cash(OTHER) == before
    assert spare(bench) >= 0


def test_interest__of_new_terms__starts_when_they_are_set(bench, chain):
    lose(bench, TAKER, (DOLLARS + 10_000) * WAD)
    chain.advance(YEAR)
    set_interest(bench)
    assert bench.cash(TAKER) == -10_000 * WAD
    rate = bench.ledger.call("borrow_rate")
    chain.advance(YEAR)
    set_interest(bench, 0, KINK, 0, 0)
    assert bench.cash(TAKER) == -10_000 * WAD - 10_000 * rate
    assert bench.ledger.call("borrow_rate") == 0


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ((WAD + 1, KINK, LOW, HIGH), "ledger: rate out of bounds"),
        ((BASE, 0, LOW, HIGH), "ledger: rate out of bounds"),
        ((BASE, WAD, LOW, HIGH), "ledger: rate out of bounds"),
        ((BASE, KINK, 2 * WAD + 1, HIGH), "ledger: slope out of bounds"),
        ((BASE, KINK, LOW, 10 * WAD + 1), "ledger: slope out of bounds"),
    ],
)
def test_set_interest__out_of_bounds__reverts(bench, reverts, terms, reason):
    with reverts(reason):
        set_interest(bench, *terms)
    set_interest(bench, WAD, WAD - 1, 2 * WAD, 10 * WAD)


def test_set_interest__by_no_admin__reverts(bench, reverts):
    with reverts("access: admin only"):
        bench.ledger.send("set_interest", BASE, KINK, LOW, HIGH, sender=STRANGER)


def test_trades_in_credit__once_interest_has_moved__divide_nothing(bench, chain):
    """The borrow index concerns debtors alone: the same gas to the unit."""

    def cost() -> int:
        receipts = [bench.fill(series, size, maker=POOL) for size in (WAD, -WAD)]
        return sum(receipt.gas_used for receipt in receipts)

    series = bench.call(3_000, bench.day + 730)
    bench.fill(bench.call(2_900, series.day), WAD, maker=POOL)
    cost()
    before = cost()
    set_interest(bench)
    lose(bench, MAKER, (DOLLARS + 1_000) * WAD)
    chain.advance(YEAR)
    bench.ledger.send("accrue", sender=STRANGER)
    assert bench.ledger.call("indices")[1] != WAD
    assert cost() == before


# ── losses ──


def test_cover__without_the_right__reverts(bench, reverts):
    bench.ledger.send("set_venue", STRANGER, ALL_RIGHTS - LIQUIDATE, sender=ADMIN)
    with reverts("ledger: right missing"):
        cover(bench, TAKER, WAD, sender=STRANGER)


def test_cover__of_nothing__or_by_no_pool__reverts(bench, reverts):
    with reverts("ledger: nothing to move"):
        cover(bench, TAKER, 0)
    with reverts("ledger: not a pool"):
        cover(bench, TAKER, WAD, [OTHER])


def test_cover__by_insurance__takes_what_pools_owe_it_too(bench):
    bench.fill(bench.call(3_000), WAD, maker=POOL, fees=(0, 500 * WAD, 7 * WAD))
    lose(bench, MAKER, (DOLLARS + 500) * WAD)
    receipt = cover(bench, MAKER, 500 * WAD, [POOL])
    assert covered(bench, receipt) == [500 * WAD, 0, 0]
    assert bench.cash(MAKER) == 0
    assert bench.ledger.call("reserves") == (0, 7 * WAD)
    assert bench.ledger.call("indices") == (WAD, WAD) and spare(bench) == 0


def test_cover__by_pools__in_the_order_given(bench):
    bench.ledger.send("open_pool", account(OTHER), sender=ADMIN)
    lose(bench, MAKER, (DOLLARS + 150_000) * WAD)
    first = bench.cash(OTHER)
    receipt = cover(bench, MAKER, 150_000 * WAD, [OTHER, POOL])
    assert covered(bench, receipt) == [0, 150_000 * WAD, 0]
    assert bench.cash(OTHER) == 0
    assert bench.cash(POOL) == (DOLLARS + 250_000) * WAD - (150_000 * WAD - first)
    assert bench.cash(MAKER) == 0 and spare(bench) == 0


def test_cover__by_a_pool_in_debt_or_named_twice__takes_no_more_than_it_has(bench):
    lose(bench, MAKER, 10 * DOLLARS * WAD)  # the pool has it
    lose(bench, MAKER, -20 * DOLLARS * WAD)  # and then owes
    assert bench.cash(POOL) < 0
    assert covered(bench, cover(bench, TAKER, WAD, [POOL, POOL]))[1] == 0


@pytest.mark.parametrize("loss", [1, 10**9 + 7, 12_345 * WAD + 1, 250_000 * WAD])
def test_haircut__is_pro_rata__to_the_wei(bench, loss):
    bench.fund(TAKER, 200_000)
    bench.ledger.send("transfer_cash", account(OTHER), account(TAKER), 333 * WAD + 7, sender=OTHER)
    lose(bench, MAKER, DOLLARS * WAD + loss)
    owned = {owner: bench.cash(owner) for owner in (TAKER, OTHER, POOL)}
    total = sum(owned.values())
    assert covered(bench, cover(bench, MAKER, loss)) == [0, 0, loss]
    index = bench.ledger.call("indices")[0]
    assert index == WAD * (total - loss) // total
    for owner, cash in owned.items():
        assert bench.cash(owner) == cash * index // WAD
    assert bench.cash(MAKER) == 0
    # What the rounding of the index leaves is insurance: total / 1e18 at the most.
    left = bench.ledger.call("reserves")[0]
    assert 0 <= left <= total // WAD + 1
    assert 0 <= spare(bench) <= len(owned)


def test_haircut__again__multiplies(bench):
    for loss in (50_000, 25_000, 12_500):
        lose(bench, MAKER, bench.cash(MAKER) + loss * WAD)
        before = bench.cash(OTHER)
        total = sum(max(bench.cash(owner), 0) for owner in OWNERS)
        insured = bench.ledger.call("reserves")[0]
        cover(bench, MAKER, loss * WAD)
        expected = before - before * (loss * WAD - insured) // total
        assert abs(bench.cash(OTHER) - expected) <= before // WAD + 2
        assert 0 <= spare(bench) <= 20


def test_haircut__leaves_debts_and_later_deposits_whole(bench):
    lose(bench, MAKER, (DOLLARS + 50_000) * WAD)
    lose(bench, TAKER, (DOLLARS + 1_000) * WAD)
    cover(bench, MAKER, 50_000 * WAD)
    assert bench.cash(TAKER) == -1_000 * WAD
    bench.fund(STRANGER, 500)
    assert 0 <= 500 * WAD - bench.cash(STRANGER) <= 2
    bench.ledger.send("withdraw", account(STRANGER), 499 * 10**6, STRANGER, sender=STRANGER)
    assert 0 <= spare(bench) <= 10


def test_cover__beyond_all_there_is__reverts(bench, reverts):
    owned = 4 * DOLLARS * WAD
    for loss in (owned, owned + 1, 10 * owned):
        with reverts("ledger: loss too large"):
            cover(bench, MAKER, loss)
    cover(bench, MAKER, owned // 2)
    assert spare(bench) >= 0


def test_cover__after_insurance_and_pools__cuts_the_rest_only(bench):
    bench.fill(bench.call(3_000), WAD, maker=POOL, fees=(0, 500 * WAD, 0))
    lose(bench, MAKER, (DOLLARS + 1_000) * WAD)
    pool = bench.cash(POOL)
    loss = 500 * WAD + pool + 10_000 * WAD
    others = bench.cash(TAKER) + bench.cash(OTHER)
    assert covered(bench, cover(bench, MAKER, loss, [POOL])) == [500 * WAD, pool, 10_000 * WAD]
    assert bench.cash(POOL) == 0
    lost = others - bench.cash(TAKER) - bench.cash(OTHER)
    assert 0 <= lost - 10_000 * WAD <= others // WAD + 4
    assert 0 <= spare(bench) <= 10


def test_cover__charges_interest_first(bench, chain):
    set_interest(bench)
    lose(bench, MAKER, (DOLLARS + 10_000) * WAD)
    rate = bench.ledger.call("borrow_rate")
    chain.advance(YEAR)
    cover(bench, MAKER, 10_000 * WAD, [POOL])
    assert bench.cash(MAKER) == -10_000 * rate - 1  # rounded up, in units of the index
    assert spare(bench) == 0


def test_random_debts_interest_and_losses__nobody_owns_what_is_not_there(bench, chain):
    rng = random.Random(11)
    set_interest(bench, BASE + 3, KINK + 1, 7, 9)
    most = 0
    for _ in range(120):
        owner = rng.choice((TAKER, MAKER, OTHER))
        what = rng.choice(("lose", "lose", "win", "fund", "cover", "wait", "fee"))
        amount = rng.randint(1, 200_000 * WAD)
        if what == "lose":
            lose(bench, owner, amount)
        elif what == "win":
            lose(bench, owner, -amount)
        elif what == "fund":
            bench.fund(owner, rng.randint(1, 20_000))
        elif what == "wait":
            chain.advance(rng.randint(1, 40 * 86_400))
        elif what == "cover" and (debt := -bench.cash(owner)) > 0:
            cover(bench, owner, debt, rng.choice(((), (), (POOL,))))
        elif what == "fee":
            bench.ledger.send("accrue", sender=STRANGER)
        left = spare(bench)
        assert left >= 0
        most = max(most, left)
    # A few wei a write, and no more: nothing leaks.
    assert most <= 120 * 8
    assert bench.ledger.call("indices")[0] < WAD < bench.ledger.call("indices")[1]
    owed = sum(max(-bench.cash(owner), 0) for owner in OWNERS)
    assert 0 <= owed - bench.ledger.call("debt") <= len(OWNERS)


def test_index__at_the_end_of_its_field__stops(bench, chain):
    set_interest(bench, WAD, KINK, 2 * WAD, 10 * WAD)
    lose(bench, TAKER, 10**4 * DOLLARS * WAD)
    for _ in range(40):
        chain.advance(10 * YEAR)
        bench.ledger.send("accrue", sender=STRANGER)
    assert bench.ledger.call("indices")[1] == 2**96 - 1
    bench.fund(OTHER, 1)
    assert bench.cash(OTHER) == (DOLLARS + 1) * WAD and spare(bench) >= 0
