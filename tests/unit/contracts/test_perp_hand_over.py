"""PerpMarket.hand_over: a liquidation moves marks, and every sum of the market stays exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    CASH,
    LIQUIDATE,
    LONG,
    LP,
    MAX_AGE,
    OTHER_LP,
    SHORT,
    SPOT,
    STRANGER,
    TRADE,
    Bench,
    account,
    build,
    rewound,
)

OWNER, BIDDER = account(LONG), account(OTHER_LP)


@pytest.fixture(scope="module")
def fresh(artifacts) -> Iterator[Callable[[], Bench]]:
    def make() -> Bench:
        bench = build(EmbeddedChain(), artifacts)
        bench.enter(LP, 2_000_000)
        for owner in (LONG, SHORT, OTHER_LP):
            bench.fund(owner, 500_000)
        bench.ledger.send("set_venue", ADMIN, LIQUIDATE, sender=ADMIN)
        return bench

    yield from rewound(make)


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


def hand_over(bench, size, *, owner=OWNER, bidder=BIDDER, sender=ADMIN):
    return bench.perp.send("hand_over", owner, bidder, size, sender=sender)


def take(bench, share, price=0):
    """As the Liquidator does: the mark, then the position."""
    moved = bench.size(OWNER) * share // WAD
    hand_over(bench, moved)
    bench.ledger.send("take_slice", OWNER, BIDDER, share, price, sender=ADMIN)
    return moved


def marked(bench, artifacts) -> int:
    slot = artifacts["PerpMarket"].layout["storage_layout"]["_marked"]["slot"]
    word = bench.chain.storage(bench.perp.address, slot)
    return word - 2**256 if word >> 255 else word


def mark(bench) -> int:
    """Index less funding index, now."""
    return bench.oracle.call("spot", 1)[0] - bench.perp.call("funding")[1]


@pytest.mark.parametrize("share", [1, WAD // 3, WAD])
def test_hand_over__keeps_every_sum_of_the_market(bench, artifacts, share):
    bench.trade(LONG, 7 * WAD)
    bench.trade(SHORT, -3 * WAD)
    bench.trade(OTHER_LP, -WAD)
    bench.advance(86_400, price=SPOT * 101 // 100)
    bench.perp.send("realise", account(SHORT), sender=STRANGER)
    whole = bench.perp.call("valuation")
    sizes = {each: bench.size(each) for each in (OWNER, BIDDER, account(SHORT))}
    moved = take(bench, share)
    assert bench.size(OWNER) == sizes[OWNER] - moved
    assert bench.size(BIDDER) == sizes[BIDDER] + moved
    assert bench.perp.call("skew") == sum(sizes.values()) == -bench.size(bench.pool)
    # All three were touched at this mark, so the sum of size * mark is the skew's, exactly.
    assert marked(bench, artifacts) == sum(sizes.values()) * mark(bench)
    # The pool loses no more than the two roundings give it.
    assert 0 <= bench.perp.call("valuation")[0] - whole[0] <= 2


def test_hand_over__realises_both_at_the_price(bench):
    bench.trade(LONG, 7 * WAD)
    bench.trade(OTHER_LP, -2 * WAD)
    bench.advance(60, price=SPOT * 102 // 100)
    gains = [bench.perp.call("unrealised", each, bench.size(each)) for each in (OWNER, BIDDER)]
    before = [bench.cash(each) for each in (OWNER, BIDDER)]
    hand_over(bench, 3 * WAD)
    assert [bench.cash(each) for each in (OWNER, BIDDER)] == [
        cash + gain for cash, gain in zip(before, gains, strict=True)
    ]


def test_hand_over__to_who_has_none_and_back__leaves_nothing(bench):
    bench.trade(LONG, 7 * WAD)
    take(bench, WAD)
    assert bench.size(OWNER) == 0 and bench.size(BIDDER) == 7 * WAD
    bench.trade(OTHER_LP, -7 * WAD)
    assert bench.perp.call("skew") == 0


def test_hand_over__without_a_live_price__is_at_the_last_good(bench, reverts):
    bench.trade(LONG, 8 * WAD)
    bench.oracle.send("record", 1, sender=STRANGER)
    bench.chain.advance(MAX_AGE + 1)
    with reverts():
        bench.perp.send("realise", OWNER, sender=STRANGER)
    before = bench.cash(OWNER)
    assert take(bench, WAD // 4) == bench.size(BIDDER) == 2 * WAD
    assert bench.size(OWNER) == 6 * WAD
    assert 0 < before - bench.cash(OWNER) < WAD  # the spot has not moved; funding has


@pytest.mark.parametrize("rights", [0, TRADE | CASH, 15])
def test_hand_over__by_no_liquidator__reverts(bench, reverts, rights):
    bench.trade(LONG, WAD)
    bench.ledger.send("set_venue", STRANGER, rights, sender=ADMIN)
    with reverts("perp: liquidator only"):
        hand_over(bench, WAD, sender=STRANGER)


@pytest.mark.parametrize("size", [WAD + 1, -1, -WAD])
def test_hand_over__of_more_than_is_held__reverts(bench, reverts, size):
    bench.trade(LONG, WAD)
    with reverts("perp: not that much held"):
        hand_over(bench, size)


def test_hand_over__of_nothing_or_to_itself_or_a_pool__reverts(bench, reverts):
    bench.trade(LONG, WAD)
    with reverts("perp: zero size"):
        hand_over(bench, 0)
    with reverts("perp: same account"):
        hand_over(bench, WAD, bidder=OWNER)
    with reverts("perp: pool account"):
        hand_over(bench, WAD, bidder=bench.pool)
    with reverts("perp: pool account"):
        hand_over(bench, WAD, owner=bench.pool)
