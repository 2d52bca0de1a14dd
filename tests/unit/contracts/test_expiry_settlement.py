"""ExpirySettlement: one print for all, payoffs, and the ledger's side of an expiry."""

from __future__ import annotations

import pytest

from protocol.types import Instrument
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ALL_RIGHTS,
    ETH,
    EXPIRY,
    EXPIRY_SECONDS,
    MAKER,
    OTHER,
    PAUSED,
    POOL,
    STRANGER,
    TAKER,
    VENUE,
    account,
    leg,
    make_bench,
)

DOLLARS = 100_000
PERP = Instrument.perp(ETH)


@pytest.fixture
def bench(chain, deploy):
    made = make_bench(chain, deploy)
    for owner in (TAKER, MAKER, OTHER, POOL):
        made.fund(owner, DOLLARS)
    return made


@pytest.fixture
def day(bench) -> int:
    return bench.day


def settle(bench, owner):
    return bench.expiry.send("settle_account", account(owner), sender=STRANGER)


def settle_pool(bench, day):
    return bench.expiry.send("settle_pool", account(POOL), ETH, day, sender=STRANGER)


def test_take_print__before_expiry_or_without_one__reverts(bench, chain, day, reverts):
    chain.set_time(day * 86_400 + EXPIRY_SECONDS - 1)
    bench.market.send("set_print", ETH, day, 3_000 * WAD, sender=ADMIN)
    with reverts("expiry: not expired"):
        bench.expiry.send("take_print", ETH, day, sender=STRANGER)
    chain.advance(1)
    with reverts("expiry: no print"):
        bench.expiry.send("take_print", ETH + 1, day, sender=STRANGER)
    with reverts("expiry: not expired"):  # the perp's day
        bench.expiry.send("take_print", ETH, 0, sender=STRANGER)
    receipt = bench.expiry.send("take_print", ETH, day, sender=STRANGER)
    assert bench.expiry.call("settlement_price", ETH, day) == 3_000 * WAD
    expected = {"underlying": ETH, "day": day, "price": 3_000 * WAD}
    assert bench.expiry.events(receipt)[0].args == expected


def test_take_print__again__keeps_the_first(bench, day):
    bench.set_print(day, 3_000 * WAD)
    bench.set_print(day, 9_000 * WAD)
    assert bench.expiry.call("settlement_price", ETH, day) == 3_000 * WAD


@pytest.mark.parametrize(
    ("price", "call", "put"),
    [
        (3_500, 500, 0),
        (3_000, 0, 0),
        (2_200, 0, 800),
    ],
)
def test_settle__pays_intrinsic_value(bench, day, price, call, put):
    bench.settle([leg(bench.call(3_000), 2 * WAD), leg(bench.put(3_000), -WAD)])
    bench.set_print(day, price * WAD)
    first, second = (TAKER, MAKER) if put else (MAKER, TAKER)
    settle(bench, first)
    receipt = settle(bench, second)
    assert bench.cash(TAKER) == (DOLLARS + 2 * call - put) * WAD
    assert bench.cash(MAKER) == (DOLLARS - 2 * call + put) * WAD
    assert bench.portfolio(TAKER) == bench.portfolio(MAKER) == {}
    (event,) = bench.ledger.events(receipt)
    assert event.name == "ExpiriesSettled"
    assert event.args["cash"] == abs(2 * call - put) * WAD
    assert event.args["escrow"] == bench.expiry.call("escrow", ETH, day)
    assert bench.ledger.call("cash", event.args["escrow"]) == 0


def test_settle__leaves_what_has_not_expired(bench, day):
    later = bench.call(3_000, day + 7)
    for instrument in (later, bench.call(2_500, day), PERP, bench.put(3_500, day)):
        bench.fill(instrument, WAD, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    settle_pool(bench, day)
    assert bench.expiry.call("settle_account", account(TAKER)) == 2
    settle(bench, TAKER)
    assert bench.portfolio(TAKER) == {later.id: WAD, PERP.id: WAD}
    assert bench.cash(TAKER) == (DOLLARS + 1_000) * WAD
    assert bench.expiry.call("settle_account", account(TAKER)) == 0
    settle(bench, TAKER)  # nothing to do is no failure


def test_settle__of_two_expiries_at_once(bench, day):
    for when in (day, day + 1):
        bench.fill(bench.call(2_900, when), WAD, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    bench.set_print(day + 1, 3_100 * WAD)
    settle_pool(bench, day)
    settle_pool(bench, day + 1)
    settle(bench, TAKER)
    assert bench.cash(TAKER) == (DOLLARS + 100 + 200) * WAD


def test_settle_pool__pays_one_expiry(bench, day):
    bench.fill(bench.call(2_900, day), WAD, maker=POOL)
    bench.fill(bench.call(2_900, day + 1), WAD, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    settle_pool(bench, day)
    assert bench.pool_positions(POOL, day) == {}
    assert bench.pool_positions(POOL, day + 1) == {bench.call(2_900, day + 1).id: -WAD}
    assert bench.cash(POOL) == (DOLLARS - 100) * WAD
    assert bench.expiry.call("settle_pool", account(POOL), ETH, day) == 0


def test_settle__when_paused__goes_on(bench, day):
    bench.fill(bench.call(2_900), WAD, maker=POOL)
    bench.pause(PAUSED)
    bench.set_print(day, 3_000 * WAD)
    settle_pool(bench, day)
    settle(bench, TAKER)
    assert bench.cash(TAKER) == (DOLLARS + 100) * WAD


def test_loser__may_end_in_debt(bench, day):
    bench.fill(bench.call(3_000), 100 * WAD, 50_000 * WAD)
    bench.set_print(day, 5_000 * WAD)
    settle(bench, MAKER)
    assert bench.cash(MAKER) == (DOLLARS + 50_000 - 200_000) * WAD


def test_rounding__takes_from_both(bench, day):
    size, price = WAD // 3, 3_000 * WAD + 1
    bench.fill(bench.call(2_999), size, maker=MAKER)
    bench.set_print(day, price)
    exact = size * (WAD + 1)
    assert exact % WAD != 0
    settle(bench, MAKER)
    settle(bench, TAKER)
    assert bench.ledger.call("cash", bench.expiry.call("escrow", ETH, day)) == 1
    assert bench.cash(TAKER) == DOLLARS * WAD + exact // WAD
    assert bench.cash(MAKER) == DOLLARS * WAD - exact // WAD - 1


def test_gas_of_64_series__is_bounded(bench, day):
    for strike in range(2_968, 3_032):
        bench.fill(bench.call(strike), WAD // 100, maker=POOL)
    bench.set_print(day, 3_000 * WAD)
    assert settle_pool(bench, day).gas_used < 1_200_000
    assert settle(bench, TAKER).gas_used < 1_000_000
    assert bench.portfolio(TAKER) == bench.pool_positions(POOL, day) == {}


# ── the ledger's own checks ──

ESCROW = account(VENUE, 7)


def expire(bench, instruments, cash=0, *, owner=TAKER, sender=VENUE, escrow=ESCROW):
    row = (account(owner), instruments, cash, escrow)
    return bench.ledger.send("settle_expiries", *row, sender=sender)


def test_settle_expiries__without_the_right__reverts(bench, reverts):
    bench.ledger.send("set_venue", STRANGER, ALL_RIGHTS - EXPIRY, sender=ADMIN)
    with reverts("ledger: right missing"):
        expire(bench, [], sender=STRANGER)


def test_settle_expiries__of_what_has_not_expired__reverts(bench, chain, day, reverts):
    series = bench.call(3_000, day)
    bench.fill(series, WAD)
    bench.fill(PERP, WAD)
    chain.set_time(day * 86_400 + EXPIRY_SECONDS - 1)
    collateral = Instrument.collateral(ETH)
    bench.post(TAKER, collateral, WAD)
    for instrument in (series, PERP, collateral):
        with reverts("ledger: series not expired"):
            expire(bench, [instrument.id])
    chain.advance(1)
    expire(bench, [series.id])


def test_settle_expiries__of_what_is_not_held__reverts(bench, chain, day, reverts):
    series = bench.call(3_000, day)
    bench.fill(series, WAD)
    chain.set_time(day * 86_400 + EXPIRY_SECONDS)
    with reverts("ledger: no position"):
        expire(bench, [series.id, series.id])
    with reverts("ledger: no position"):
        expire(bench, [bench.put(3_000, day).id])


def test_settle_expiries__with_an_escrow_that_is_not_the_venues__reverts(bench, reverts):
    with reverts("ledger: not the venue's escrow"):
        expire(bench, [], escrow=account(MAKER))
    with reverts("ledger: self transfer"):
        expire(bench, [], owner=VENUE, escrow=account(VENUE))


def test_settle_expiries__beyond_the_escrow__reverts(bench, reverts):
    expire(bench, [], -100 * WAD, owner=MAKER)
    with reverts("ledger: escrow too small"):
        expire(bench, [], 100 * WAD + 1)
    expire(bench, [], 100 * WAD)
    assert bench.ledger.call("cash", ESCROW) == 0
    assert bench.cash(TAKER) - bench.cash(MAKER) == 200 * WAD
