"""PerpMarket: what a trade costs, what stops it, and where its cash goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.pricing.market_math import FeeRates, perp_premium, perp_spread
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    DEVIATION,
    LONG,
    LP,
    MAX_AGE,
    NO_LIMIT,
    PARAMS,
    SHORT,
    SPOT,
    STRANGER,
    TRADE,
    Bench,
    account,
    build,
    rewound,
)

SCALE = PARAMS["scale"]
STALE_DRIFT = 214 * 10**12
LONG_ACCOUNT, SHORT_ACCOUNT = account(LONG), account(SHORT)


@pytest.fixture(scope="module")
def fresh(artifacts) -> Iterator[Callable[[], Bench]]:
    def make() -> Bench:
        bench = build(EmbeddedChain(), artifacts)
        bench.enter(LP, 2_000_000)
        bench.fund(LONG, 500_000)
        bench.fund(SHORT, 500_000)
        return bench

    yield from rewound(make)


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


def expected_payment(
    size: int, *, skew: int, index: int = SPOT, uncertainty: int = DEVIATION
) -> int:
    premium = perp_premium(index=index, skew=skew, size=size, scale=SCALE)
    return premium + perp_spread(index=index, size=size, uncertainty=uncertainty)


def rates(bench: Bench) -> FeeRates:
    return FeeRates.from_word(bench.perp.call("fee_word"))


def fee_of(bench: Bench, size: int, *, closing: int = 0) -> int:
    return rates(bench).option_fee(mark=SPOT, notional=SPOT, size=size, closing=closing)


@pytest.mark.parametrize("size", [7 * WAD, -7 * WAD, 1, -1, 3 * WAD // 7])
def test_trade__from_any_skew__pays_premium_spread_and_fee(size, bench):
    bench.trade(SHORT, -20 * WAD)
    payment, fee = bench.perp.call("quote", LONG_ACCOUNT, size)
    assert payment == expected_payment(size, skew=-20 * WAD)
    assert fee == fee_of(bench, abs(size))
    before = bench.cash(LONG_ACCOUNT)
    bench.trade(LONG, size)
    assert before - bench.cash(LONG_ACCOUNT) == payment + fee
    assert bench.size(LONG_ACCOUNT) == size
    assert bench.size(bench.pool) == -bench.perp.call("skew") == 20 * WAD - size


def test_trade__towards_balance__is_paid_the_premium(bench):
    bench.fund(SHORT, 500_000)
    bench.trade(SHORT, -1_000 * WAD)
    payment, _ = bench.perp.call("quote", LONG_ACCOUNT, 100 * WAD)
    assert payment < 0


def test_trade__fee__goes_to_pool_insurance_and_treasury(bench):
    pool, reserves = bench.cash(bench.pool), bench.ledger.call("reserves")
    payment, fee = bench.perp.call("quote", LONG_ACCOUNT, 10 * WAD)
    bench.trade(LONG, 10 * WAD)
    maker, insurance, treasury = rates(bench).split(fee)
    assert bench.cash(bench.pool) - pool == payment + maker
    after = bench.ledger.call("reserves")
    assert (after[0] - reserves[0], after[1] - reserves[1]) == (insurance, treasury)


@pytest.mark.parametrize(
    ("size", "closing"), [(-4, 4), (-10, 10), (-15, 10), (5, 0)], ids=["part", "all", "flip", "add"]
)
def test_quote__against_a_position__closing_part_is_cheaper(size, closing, bench):
    bench.trade(LONG, 10 * WAD)
    _, fee = bench.perp.call("quote", LONG_ACCOUNT, size * WAD)
    assert fee == fee_of(bench, abs(size) * WAD, closing=closing * WAD)


@pytest.mark.parametrize("size", [3 * WAD, -3 * WAD])
def test_trade__limit_price__is_the_average_before_fee(size, bench, reverts):
    payment, _ = bench.perp.call("quote", LONG_ACCOUNT, size)
    average = -(-(SPOT * size + payment * WAD) // size)  # the nearest price not worse than it is
    with reverts("perp: limit price"):
        bench.trade(LONG, size, limit=average - 1 if size > 0 else average + 1)
    bench.trade(LONG, size, limit=average if size > 0 else average - 1)


def test_trade__price_moved__realises_gain_from_the_pool(bench):
    bench.trade(LONG, 10 * WAD)
    bench.set_spot(SPOT + 100 * WAD)
    cash, pool = bench.cash(LONG_ACCOUNT), bench.cash(bench.pool)
    assert bench.perp.call("unrealised", LONG_ACCOUNT, 10 * WAD) == 1_000 * WAD
    bench.perp.send("realise", LONG_ACCOUNT, sender=STRANGER)
    assert bench.cash(LONG_ACCOUNT) - cash == pool - bench.cash(bench.pool) == 1_000 * WAD
    assert bench.perp.call("unrealised", LONG_ACCOUNT, 10 * WAD) == 0


def test_trade__closed_after_a_fall__loses_exactly_the_fall(bench):
    bench.trade(LONG, 10 * WAD)
    cash = bench.cash(LONG_ACCOUNT)
    bench.set_spot(SPOT - 250 * WAD)
    payment, fee = bench.perp.call("quote", LONG_ACCOUNT, -10 * WAD)
    bench.trade(LONG, -10 * WAD)
    assert cash - bench.cash(LONG_ACCOUNT) == 2_500 * WAD + payment + fee
    assert bench.valuation().nav == bench.cash(bench.pool)


def test_realise__odd_wei__rounds_the_account_down_and_pays_the_pool_the_same(bench):
    bench.trade(LONG, 1)
    bench.trade(SHORT, -1)
    bench.set_spot(SPOT + WAD // 3 // 10**10 * 10**10)
    assert bench.perp.call("unrealised", LONG_ACCOUNT, 1) == 0
    assert bench.perp.call("unrealised", SHORT_ACCOUNT, -1) == -1
    pool = bench.cash(bench.pool)
    bench.perp.send("realise", SHORT_ACCOUNT, sender=STRANGER)
    assert bench.cash(bench.pool) == pool + 1


def test_trade__late__reverts(bench, reverts):
    args = (LONG_ACCOUNT, WAD, NO_LIMIT)
    with reverts("perp: deadline passed"):
        bench.perp.send("trade", *args, bench.now() - 1, sender=LONG)
    bench.perp.send("trade", *args, bench.now(), sender=LONG)


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (0, "perp: zero size"),
        (2**100, "perp: size out of range"),
        (-(2**100), "perp: size out of range"),
        (-(2**255), "perp: size out of range"),
        (2**255 - 1, "perp: size out of range"),
        (PARAMS["max_trade"] + 1, "perp: trade too large"),
        (-PARAMS["max_trade"] - 1, "perp: trade too large"),
    ],
)
def test_trade__bad_size__reverts(size, reason, bench, reverts):
    with reverts(reason):
        bench.trade(LONG, size)


def test_trade__for_somebody_else__needs_an_operator(bench, reverts):
    args = (LONG_ACCOUNT, WAD, NO_LIMIT, bench.now())
    with reverts("ledger: not authorised"):
        bench.perp.send("trade", *args, sender=STRANGER)
    bench.ledger.send("set_operator", LONG_ACCOUNT, STRANGER, TRADE, sender=LONG)
    bench.perp.send("trade", *args, sender=STRANGER)
    assert bench.size(LONG_ACCOUNT) == WAD


def test_pool_account__touched__reverts(bench, reverts):
    with reverts("perp: pool account"):
        bench.perp.send("realise", bench.pool, sender=STRANGER)
    with reverts("perp: pool account"):
        bench.perp.send("trade", bench.pool, WAD, NO_LIMIT, bench.now(), sender=LONG)


def test_trade__above_the_skew_cap__only_exits_and_only_to_twice_it(bench, reverts):
    big = PARAMS["max_trade"]
    for owner in (LONG, SHORT):
        bench.fund(owner, 10_000_000)
    for owner, size in ((SHORT, -big), (LONG, big), (SHORT, -big), (LONG, big), (SHORT, -1)):
        bench.trade(owner, size)
    for size in (big, big, 1):
        bench.trade(LONG, size)
    assert bench.perp.call("skew") == PARAMS["max_skew"]
    with reverts("perp: skew above cap"):
        bench.trade(LONG, 1)
    with reverts("perp: skew above cap"):
        bench.trade(STRANGER, 1)
    for size in (big, big):
        bench.trade(SHORT, size)
    assert bench.perp.call("skew") == 2 * PARAMS["max_skew"]
    with reverts("perp: skew above cap"):
        bench.trade(SHORT, 1)


def test_trade__pool_smaller_than_its_reserve__reverts(chain, artifacts, reverts):
    bench = build(chain, artifacts)
    bench.fund(LONG, 500_000)
    with reverts("perp: pool too small"):
        bench.trade(LONG, WAD)
    bench.fund(LP, 600, into=bench.pool)  # a fifth of 3,000 for each unit
    bench.trade(LONG, WAD)
    with reverts("perp: pool too small"):
        bench.trade(LONG, WAD)
    bench.trade(LONG, -WAD)


def test_trade__without_margin__reverts(bench, reverts):
    bench.fund(STRANGER, 900)
    with reverts("ledger: below initial margin"):
        bench.trade(STRANGER, 2 * WAD)
    bench.trade(STRANGER, WAD)


def test_trade__feed_stale__only_closes_at_the_last_good_price(bench, reverts):
    bench.trade(LONG, 10 * WAD)
    bench.oracle.send("record", 1, sender=STRANGER)
    bench.chain.advance(MAX_AGE + 1)
    with reverts("oracle: price stale"):
        bench.trade(LONG, WAD)
    with reverts("oracle: price stale"):
        bench.trade(LONG, -11 * WAD)
    with reverts("oracle: price stale"):
        bench.perp.send("realise", LONG_ACCOUNT, sender=STRANGER)
    old = bench.oracle.call("last_good", 1)
    payment, _ = bench.perp.call("quote", LONG_ACCOUNT, -10 * WAD)
    wide = 2 * old.uncertainty + isqrt(STALE_DRIFT**2 * (MAX_AGE + 1))
    assert payment == expected_payment(-10 * WAD, skew=10 * WAD, uncertainty=wide)
    bench.trade(LONG, -10 * WAD)
    assert bench.size(LONG_ACCOUNT) == 0


def test_trade__paused__only_reduces(bench, reverts):
    bench.trade(LONG, 10 * WAD)
    bench.manager.send("set_pause_level", 1, sender=ADMIN)
    with reverts("ledger: paused, reduce only"):
        bench.trade(LONG, WAD)
    bench.trade(LONG, -10 * WAD)


def test_fill_by_another_venue__both_accounts_realised__books_stay_exact(bench):
    """How a liquidation moves perps: realise both sides, then post the fill."""
    bench.trade(LONG, 10 * WAD)
    bench.set_spot(SPOT + 77 * WAD)
    bench.ledger.send("set_venue", ADMIN, TRADE, sender=ADMIN)
    for owner in (LONG_ACCOUNT, SHORT_ACCOUNT):
        bench.perp.send("realise", owner, sender=ADMIN)
    leg = bench.perp.call("INSTRUMENT") << 128 | 4 * WAD
    fill = (SHORT, SHORT_ACCOUNT, LONG_ACCOUNT, [leg], 0, [0, 0, 0])
    nav = bench.valuation().nav
    bench.ledger.send("settle", *fill, sender=ADMIN)
    assert bench.valuation().nav == nav
    bench.set_spot(SPOT - 33 * WAD)
    for owner, size in ((LONG, -6 * WAD), (SHORT, -4 * WAD)):
        bench.trade(owner, size)
    assert bench.valuation().nav == bench.cash(bench.pool)


def test_fill_by_another_venue__receiver_never_marked__reverts(bench, reverts):
    bench.trade(LONG, 10 * WAD)
    bench.ledger.send("set_venue", ADMIN, TRADE, sender=ADMIN)
    leg = bench.perp.call("INSTRUMENT") << 128 | 4 * WAD
    fill = (SHORT, SHORT_ACCOUNT, LONG_ACCOUNT, [leg], 0, [0, 0, 0])
    with reverts("perp: account not marked"):
        bench.ledger.send("settle", *fill, sender=ADMIN)
