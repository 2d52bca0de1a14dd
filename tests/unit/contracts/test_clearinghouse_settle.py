"""Clearinghouse.settle: what a fill books, who may ask for it, and what it must leave behind."""

from __future__ import annotations

import random

import pytest

from protocol.types import Instrument, Kind
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ALL_RIGHTS,
    CASH,
    EXPIRY,
    EXPIRY_SECONDS,
    HALTED,
    MAKER,
    OPEN,
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
    leg,
    make_bench,
)

DOLLARS = 100_000
PERP = Instrument.perp(1)


@pytest.fixture
def bench(chain, deploy):
    made = make_bench(chain, deploy)
    for owner in (TAKER, MAKER, OTHER, POOL):
        made.fund(owner, DOLLARS)
    return made


# ── booking ──


def test_fill__books_both_sides_and_fees(bench):
    series = bench.call(3_000)
    fees = (WAD, 2 * WAD, 3 * WAD)
    receipt = bench.fill(series, 2 * WAD, 100 * WAD, fees=fees)
    assert bench.position(TAKER, series) == 2 * WAD
    assert bench.position(MAKER, series) == -2 * WAD
    assert bench.cash(TAKER) == (DOLLARS - 106) * WAD
    assert bench.cash(MAKER) == (DOLLARS + 101) * WAD
    assert bench.ledger.call("reserves") == (2 * WAD, 3 * WAD)
    (event,) = bench.ledger.events(receipt)
    assert event.name == "FillSettled"
    assert event.args == {
        "taker": account(TAKER),
        "maker": account(MAKER),
        "legs": (leg(series, 2 * WAD),),
        "payment": 100 * WAD,
        "fees": fees,
    }


def test_fill__with_payment_to_the_taker(bench):
    bench.fill(bench.put(3_000), -WAD, -80 * WAD, fees=(0, 0, WAD))
    assert bench.cash(TAKER) == (DOLLARS + 79) * WAD
    assert bench.cash(MAKER) == (DOLLARS - 80) * WAD


def test_fill__of_legs_on_one_series__adds_up(bench):
    series, other = bench.call(3_000), bench.put(2_500)
    bench.settle([leg(series, 3 * WAD), leg(other, -WAD), leg(series, -2 * WAD)])
    assert bench.portfolio(TAKER) == {series.id: WAD, other.id: -WAD}
    assert bench.portfolio(MAKER) == {series.id: -WAD, other.id: WAD}


def test_legs_that_cancel__leave_nothing(bench):
    series = bench.call(3_000)
    bench.settle([leg(series, WAD), leg(series, -WAD)])
    assert bench.portfolio(TAKER) == bench.portfolio(MAKER) == {}


def test_portfolio__after_any_opening_and_closing__lists_what_is_held(bench):
    rng = random.Random(5)
    series = [bench.call(2_000 + 100 * n) for n in range(9)] + [PERP]
    held = dict.fromkeys((instrument.id for instrument in series), 0)
    for _ in range(120):
        instrument = rng.choice(series)
        size = held[instrument.id]
        change = -size if size and rng.random() < 0.6 else rng.choice((-1, 1, 2)) * WAD // 100
        bench.fill(instrument, change, taker=TAKER, maker=POOL)
        held[instrument.id] += change
        expected = {key: value for key, value in held.items() if value}
        assert bench.portfolio(TAKER) == expected
        pool = bench.pool_positions(POOL, bench.day) | bench.pool_positions(POOL, 0)
        assert pool == {key: -value for key, value in expected.items()}


def test_instruments__of_one_account__are_64_at_most(bench, reverts):
    for strike in range(1_000, 1_064):
        bench.fill(bench.call(strike), WAD // 1_000, maker=POOL)
    assert len(bench.portfolio(TAKER)) == 64
    assert len(bench.pool_positions(POOL, bench.day)) == 64
    with reverts("ledger: too many instruments"):
        bench.fill(PERP, WAD // 1_000, maker=POOL)  # the taker has no place left
    with reverts("ledger: too many instruments"):
        bench.fill(bench.call(2_000), WAD, taker=OTHER, maker=POOL)  # nor has that expiry
    bench.fill(bench.call(1_063), -WAD // 1_000, maker=POOL)
    bench.fill(PERP, WAD // 1_000, maker=POOL)


def test_pool__has_a_list_per_expiry_and_none_of_its_own(bench, reverts):
    near, far = bench.day, bench.day + 7
    bench.fill(bench.call(3_000, near), WAD, maker=POOL)
    bench.fill(bench.put(3_000, far), WAD, maker=POOL)
    bench.fill(PERP, WAD, maker=POOL)
    assert bench.pool_positions(POOL, near) == {bench.call(3_000, near).id: -WAD}
    assert bench.pool_positions(POOL, far) == {bench.put(3_000, far).id: -WAD}
    assert bench.pool_positions(POOL, 0) == {PERP.id: -WAD}
    assert bench.pool_positions(POOL, near, underlying=2) == {}
    assert bench.pool_positions(TAKER, near) == {}
    assert bench.ledger.call("is_pool", account(POOL))
    for name in ("portfolio", "margin"):
        with reverts("ledger: account is a pool"):
            bench.ledger.call(name, account(POOL))


def test_open_pool__of_an_account_with_positions__reverts(bench, reverts):
    bench.fill(bench.call(3_000), WAD, maker=POOL)
    with reverts("ledger: account in use"):
        bench.ledger.send("open_pool", account(TAKER), sender=ADMIN)


def test_open_pool__keeps_cash(bench):
    bench.ledger.send("open_pool", account(TAKER), sender=ADMIN)
    assert bench.cash(TAKER) == DOLLARS * WAD


@pytest.mark.parametrize("size", [2**127 - 1, -(2**127) + 1])
def test_size__beyond_int128__reverts(bench, reverts, size):
    for owner in (TAKER, OTHER):  # pools both: no margin in the way
        bench.ledger.send("open_pool", account(owner), sender=ADMIN)
    series = bench.call(3_000)
    bench.fill(series, size, maker=OTHER)
    with reverts("ledger: size out of range"):
        bench.fill(series, 1 if size > 0 else -1, maker=OTHER)


def test_amounts__beyond_their_range__revert(bench, reverts):
    series = bench.call(3_000)
    bench.ledger.send("open_pool", account(TAKER), sender=ADMIN)
    with reverts("ledger: cash out of range"):
        bench.fill(series, WAD, 2**127, maker=POOL)
    for fees in ((2**255, 0, 0), (0, 2**255, 0), (0, 2**255, 2**255)):
        with reverts():
            bench.fill(series, WAD, fees=fees, maker=POOL)
    half = 2**127 - 10**30
    for maker in (MAKER, OTHER):
        bench.ledger.send("open_pool", account(maker), sender=ADMIN)
        bench.fill(series, WAD, -half, fees=(0, half, 0), maker=maker)
    with reverts("ledger: reserves out of range"):
        bench.fill(series, WAD, -(10**31), fees=(0, 10**31, 0), maker=POOL)


# ── who and what ──


def test_settle__without_the_right__reverts(bench, reverts):
    for rights in (0, CASH, EXPIRY, ALL_RIGHTS - TRADE):
        bench.ledger.send("set_venue", STRANGER, rights, sender=ADMIN)
        with reverts("ledger: right missing"):
            bench.fill(bench.call(3_000), WAD, venue=STRANGER)
    with reverts("ledger: no such right"):
        bench.ledger.send("set_venue", STRANGER, ALL_RIGHTS + 1, sender=ADMIN)
    receipt = bench.ledger.send("set_venue", STRANGER, TRADE, sender=ADMIN)
    assert bench.ledger.events(receipt)[0].args == {"venue": STRANGER, "rights": TRADE}
    bench.fill(bench.call(3_000), WAD, venue=STRANGER)


def test_settle__asked_for_by_whom(bench, reverts):
    series = bench.call(3_000)
    for scope, allowed in ((0, False), (SCOPE_WITHDRAW, False), (SCOPE_TRADE, True), (3, True)):
        bench.ledger.send("set_operator", account(TAKER), OTHER, scope, sender=TAKER)
        if allowed:
            bench.fill(series, WAD, caller=OTHER)
            continue
        with reverts("ledger: not authorised"):
            bench.fill(series, WAD, caller=OTHER)
    for caller in (MAKER, VENUE, ADMIN):
        with reverts("ledger: not authorised"):
            bench.fill(series, WAD, caller=caller)


def test_settle__with_oneself__reverts(bench, reverts):
    with reverts("ledger: self trade"):
        bench.fill(bench.call(3_000), WAD, maker=TAKER)


def test_settle__of_bad_legs__reverts(bench, reverts):
    good = leg(bench.call(3_000), WAD)
    with reverts("ledger: no legs"):
        bench.settle([])
    with reverts("ledger: empty leg"):
        bench.settle([good, leg(bench.put(3_000), 0)])
    for number in (0, PERP.id + 1, bench.call(3_000).id | 1 << 64, 1 << 54):
        with reverts("series: bad instrument"):
            bench.settle([good, leg(number, WAD)])


def test_settle__from_expiry_on__reverts(bench, chain, reverts):
    day = bench.day
    series = bench.call(3_000, day)
    chain.set_time(day * 86_400 + EXPIRY_SECONDS - 1)
    bench.fill(series, WAD)
    chain.advance(1)
    for size in (WAD, -WAD):
        with reverts("ledger: series expired"):
            bench.fill(series, size)


# ── margin ──


def test_long__costs_no_more_than_the_cash(bench, reverts):
    with reverts("ledger: not enough cash"):
        bench.fill(bench.call(3_000), WAD, DOLLARS * WAD, fees=(0, 0, 1))
    bench.fill(bench.call(3_000), WAD, DOLLARS * WAD)
    assert bench.cash(TAKER) == 0


@pytest.mark.parametrize("shorter", ["taker", "maker"])
def test_short__needs_initial_margin(bench, reverts, shorter):
    series = bench.call(3_000)
    need, _ = bench.cash_needed({series: -WAD})
    most = DOLLARS * WAD * WAD // need
    sign = 1 if shorter == "maker" else -1
    with reverts("ledger: below initial margin"):
        bench.fill(series, sign * (most + 1), maker=MAKER if sign > 0 else POOL)
    bench.fill(series, sign * (most - 1), maker=MAKER if sign > 0 else POOL)


def test_pool__is_not_margined(bench):
    bench.fill(bench.call(3_000), 1_000 * WAD, maker=POOL)
    bench.fill(bench.call(3_100), -1_000 * WAD, taker=POOL, maker=OTHER, payment=-DOLLARS * WAD)


def test_perp__counts_its_gains_and_needs_margin(bench, reverts):
    need, _ = bench.cash_needed({PERP: WAD})
    most = DOLLARS * WAD * WAD // need
    with reverts("ledger: below initial margin"):
        bench.fill(PERP, most + 1, maker=POOL)
    bench.fill(PERP, most - 1, maker=POOL)
    bench.market.send("set_gain", account(TAKER), -WAD, sender=ADMIN)
    with reverts("ledger: below initial margin"):
        bench.ledger.send("withdraw", account(TAKER), 1, TAKER, sender=TAKER)
    bench.market.send("set_gain", account(TAKER), need, sender=ADMIN)
    bench.fill(PERP, WAD // 2, maker=POOL)


def test_reduction__between_initial_and_maintenance__is_allowed(bench, reverts):
    series = bench.call(3_000)
    need, _ = bench.cash_needed({series: -WAD})
    bench.fill(series, 10 - DOLLARS * WAD * WAD // need, maker=POOL)
    bench.set_spot(SPOT * 101 // 100)  # below initial now
    with reverts("ledger: below initial margin"):
        bench.fill(series, -WAD // 100, maker=POOL)
    with reverts("ledger: below initial margin"):  # nearer to zero on one leg, not on the other
        bench.settle([leg(series, WAD), leg(bench.put(2_000), WAD)], maker=POOL)
    bench.fill(series, WAD, 10 * WAD, maker=POOL)


def test_reduction__below_maintenance__reverts(bench, reverts):
    series = bench.call(3_000)
    need, _ = bench.cash_needed({series: -WAD})
    bench.fill(series, 10 - DOLLARS * WAD * WAD // need, maker=POOL)
    bench.set_spot(SPOT * 13 // 10)
    with reverts("ledger: below maintenance"):
        bench.fill(series, WAD, 10 * WAD, maker=POOL)


def test_reduction__beyond_zero__is_none(bench, reverts):
    series = bench.put(3_000)
    bench.fill(series, WAD, maker=POOL)
    with reverts("ledger: below initial margin"):
        bench.fill(series, -DOLLARS * WAD, maker=POOL)


def test_long_only_in_debt__is_judged_by_margin(bench, reverts):
    series = bench.call(3_000)
    bench.fill(series, 2 * WAD, maker=POOL)
    bench.ledger.send("set_venue", POOL, TRADE | CASH, sender=ADMIN)
    move = (account(TAKER), account(POOL), 2 * DOLLARS * WAD)
    bench.ledger.send("move_cash", *move, sender=POOL)
    with reverts("ledger: below maintenance"):
        bench.fill(series, -WAD, 1, maker=POOL)  # sells and pays for it
    with reverts("ledger: not enough cash"):
        bench.fill(series, WAD, 1, maker=POOL)  # buys more
    with reverts("ledger: below initial margin"):
        bench.fill(series, WAD, -WAD, maker=POOL)  # ... and is paid for it
    bench.fill(series, -WAD, -DOLLARS * WAD, maker=POOL)
    assert bench.cash(TAKER) == 0


# ── pause ──


def test_when_paused__only_what_brings_the_taker_nearer_to_zero(bench, reverts):
    long, short, new = bench.call(3_000), bench.put(3_000), bench.call(3_500)
    bench.settle([leg(long, 5 * WAD), leg(short, -5 * WAD)], maker=POOL)
    bench.pause(PAUSED)
    refused = [
        [leg(long, WAD)],
        [leg(short, -WAD)],
        [leg(new, WAD)],
        [leg(new, -WAD)],
        [leg(long, -6 * WAD)],
        [leg(short, 6 * WAD)],
        [leg(long, -WAD), leg(new, WAD)],
        [leg(long, -3 * WAD), leg(long, -3 * WAD)],
        [leg(long, -5 * WAD), leg(long, -WAD)],
    ]
    for legs in refused:
        with reverts("ledger: paused, reduce only"):
            bench.settle(legs, maker=POOL)
    bench.settle([leg(long, -2 * WAD), leg(short, 2 * WAD)], maker=POOL)
    bench.settle([leg(long, -3 * WAD)], maker=OTHER)  # whatever it means to the maker
    bench.fill(short, 3 * WAD, maker=POOL)
    assert bench.portfolio(TAKER) == {}


def test_when_halted__nothing_settles(bench, chain, reverts):
    series = bench.call(3_000)
    bench.fill(series, WAD, maker=POOL)
    bench.pause(HALTED)
    with reverts("ledger: halted"):
        bench.fill(series, -WAD, maker=POOL)
    chain.advance(72 * 3_600)
    bench.fill(series, -WAD // 2, maker=POOL)
    with reverts("ledger: paused, reduce only"):
        bench.fill(series, WAD, maker=POOL)
    bench.pause(OPEN)
    bench.fill(series, WAD, maker=POOL)


def test_put_and_call__of_one_strike__are_two_instruments(bench):
    bench.fill(Instrument.option(Kind.PUT, 1, bench.day, 3_000), WAD)
    assert bench.position(TAKER, bench.call(3_000)) == 0
