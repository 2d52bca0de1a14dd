"""PerpMarket at old prices: who may trade, and what an exit costs while the feed is down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt

import numpy as np
import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.errors import Revert
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    DEVIATION,
    DRIFT,
    ETH,
    LONG,
    LP,
    MAX_AGE,
    NO_LIMIT,
    PARAMS,
    SPOT,
    STRANGER,
    TRADE,
    Bench,
    account,
    build,
    rewound,
)

AGE = PARAMS["direct_age"]
LONG_ACCOUNT = account(LONG)
VOL = 0.6 / np.sqrt(365 * 86_400)  # of the outside price, per square root of a second
FEE = 5e-4


@pytest.fixture(scope="module")
def fresh(artifacts) -> Iterator[Callable[[], Bench]]:
    def make() -> Bench:
        bench = build(EmbeddedChain(), artifacts)
        bench.enter(LP, 2_000_000)
        bench.fund(LONG, 500_000)
        bench.set_spot(SPOT)
        return bench

    yield from rewound(make)


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


@pytest.mark.parametrize("size", [WAD, -WAD, -3 * WAD], ids=["add", "close", "flip"])
def test_trade__at_the_direct_age__passes_and_a_second_later_reverts(size, bench, reverts):
    bench.trade(LONG, 2 * WAD)
    bench.chain.advance(AGE)
    start = bench.chain.snapshot()
    bench.trade(LONG, size)
    bench.chain.revert(start)
    bench.chain.advance(1)
    with reverts("perp: price too old"):
        bench.trade(LONG, size)
    bench.set_spot(SPOT)
    bench.trade(LONG, size)


def test_trade__direct_age_zero__only_in_the_second_of_the_update(bench, reverts):
    bench.perp.send("set_params", tuple((PARAMS | {"direct_age": 0}).values()), sender=ADMIN)
    bench.trade(LONG, WAD)
    bench.chain.advance(1)
    with reverts("perp: price too old"):
        bench.trade(LONG, WAD)


def test_quote__too_old_to_trade_at__still_answers(bench):
    bench.chain.advance(AGE + 1)
    assert bench.perp.call("quote", LONG_ACCOUNT, WAD)[0] > 0


def test_trade__exempt_entry__trades_at_any_live_age(bench, reverts):
    """The caller is exempt, not the account: its owner still needs a young price."""
    bench.ledger.send("set_operator", LONG_ACCOUNT, STRANGER, TRADE, sender=LONG)
    receipt = bench.perp.send("set_age_exempt", STRANGER, True, sender=ADMIN)
    (event,) = bench.perp.events(receipt)
    assert event.args == {"entry": STRANGER, "exempt": True}
    assert bench.perp.call("age_exempt", STRANGER) is True
    bench.chain.advance(AGE + 1)
    args = (LONG_ACCOUNT, WAD, NO_LIMIT, bench.now())
    bench.perp.send("trade", *args, sender=STRANGER)
    with reverts("perp: price too old"):
        bench.perp.send("trade", *args, sender=LONG)
    bench.perp.send("set_age_exempt", STRANGER, False, sender=ADMIN)
    with reverts("perp: price too old"):
        bench.perp.send("trade", *args, sender=STRANGER)


def test_trade__feed_down__exempt_entries_open_nothing_either(bench, reverts):
    bench.ledger.send("set_operator", LONG_ACCOUNT, STRANGER, TRADE, sender=LONG)
    bench.perp.send("set_age_exempt", STRANGER, True, sender=ADMIN)
    bench.oracle.send("record", ETH, sender=STRANGER)
    bench.chain.advance(MAX_AGE + 1)
    with reverts("oracle: price stale"):
        bench.perp.send("trade", LONG_ACCOUNT, WAD, NO_LIMIT, bench.now(), sender=STRANGER)


def test_set_age_exempt__by_others__reverts(bench, reverts):
    with reverts("access: admin only"):
        bench.perp.send("set_age_exempt", STRANGER, True, sender=STRANGER)


def test_close__given_any_gas__never_gets_the_old_price_of_a_live_feed(bench):
    """A call that ran out of gas must not look like a feed that is down."""
    bench.trade(LONG, 2 * WAD)
    bench.oracle.send("record", ETH, sender=STRANGER)
    bench.set_spot(SPOT - 100 * WAD)
    args = (LONG_ACCOUNT, -2 * WAD, 0, bench.now())
    used = bench.perp.send("trade", *args, sender=LONG).gas_used
    bench.trade(LONG, 2 * WAD)
    passed = 0
    for gas in range(25_000, used + 60_000, 4_000):
        start = bench.chain.snapshot()
        try:
            receipt = bench.perp.send("trade", *args, sender=LONG, gas_limit=gas)
        except Revert:
            continue
        passed += 1
        (event,) = (e for e in bench.perp.events(receipt) if e.name == "PerpTraded")
        assert event.args["index"] == SPOT - 100 * WAD
        bench.chain.revert(start)
    assert passed > 0


def exit_costs(bench: Bench, ages: np.ndarray) -> np.ndarray:
    """Spread and fee of closing on a dead feed, as a share of notional, by age of its price."""
    bench.trade(LONG, WAD)
    bench.oracle.send("record", ETH, sender=STRANGER)
    start, costs = bench.now(), []
    for age in ages:
        bench.chain.set_time(start + int(age))
        payment, fee = bench.perp.call("quote", LONG_ACCOUNT, -WAD)
        costs.append((payment + fee) / SPOT)
    return np.array(costs)


def option_value(ages: np.ndarray, costs: np.ndarray) -> float:
    """What a holder of both sides gains by closing one at the dead price, at the best threshold.

    He sees the outside price all along and stops once the gain passes a multiple of what it
    usually moves; per unit of notional, entry not counted.
    """
    rng = np.random.default_rng(1)
    steps = np.sqrt(np.diff(ages, prepend=0.0)) * VOL
    moves = np.abs(np.cumsum(rng.normal(size=(20_000, len(ages))) * steps, axis=1))
    gains = moves - costs
    best = 0.0
    for multiple in (0.0, 0.1, 0.25, 0.5, 1.0):
        hit = gains > multiple * VOL * np.sqrt(ages)
        first = hit.argmax(axis=1)
        taken = np.where(hit.any(axis=1), gains[np.arange(len(gains)), first], 0.0)
        best = max(best, float(taken.mean()))
    return best


AGES = np.linspace(MAX_AGE + 1, 12 * 3_600, 60)


def test_close_on_a_dead_feed__whoever_sees_the_outside_price__earns_less_than_his_entry(bench):
    """He must stand ready on both sides before the feed dies: two fees and two spreads."""
    entry = 2 * (FEE + DEVIATION / WAD)
    assert option_value(AGES, exit_costs(bench, AGES)) < entry


def test_option_value__twice_the_uncertainty_alone__pays(bench):
    """The feed's own drift is for a feed that still reports: with no more than it, he wins."""
    alone = FEE + 2 * (DEVIATION + np.array([isqrt(DRIFT**2 * int(age)) for age in AGES])) / WAD
    assert option_value(AGES, alone) > 2 * 2 * (FEE + DEVIATION / WAD)
