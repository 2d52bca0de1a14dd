"""PriceOracle: what a price must satisfy, and how a feed's numbers become WAD."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract

WAD = 10**18
ETH, BTC = 1, 2
ADMIN = "0x" + "d0" * 20
STRANGER = "0x" + "e0" * 20
MAX_AGE = 3_600
MIN_PRICE, MAX_PRICE = 100 * WAD, 100_000 * WAD
DEVIATION, DRIFT = 5 * 10**14, 107 * 10**12


@dataclass(frozen=True, slots=True)
class Feed:
    chain: EmbeddedChain
    oracle: AnyContract
    aggregator: AnyContract

    def set(self, underlying: int = ETH, sender: str = ADMIN, **changes: object) -> None:
        settings = {
            "aggregator": self.aggregator.address,
            "max_age": MAX_AGE,
            "min_price": MIN_PRICE,
            "max_price": MAX_PRICE,
            "deviation": DEVIATION,
            "drift": DRIFT,
        } | changes
        self.oracle.send("set_feed", underlying, *settings.values(), sender=sender)

    def round(self, *, answer: int, age: int = 0, number: int = 7, answered_in: int = 7) -> None:
        updated_at = self.chain.timestamp - age
        self.aggregator.send("set_round", number, answer, updated_at, answered_in, sender=STRANGER)


@pytest.fixture
def feed(chain, deploy) -> Feed:
    oracle = deploy("PriceOracle", deploy("AccessManager").address)
    feed = Feed(chain, oracle, deploy("MockAggregator", 8, 3_000 * 10**8))
    feed.set()
    return feed


@pytest.mark.parametrize("decimals", [0, 1, 6, 8, 17, 18])
def test_spot__any_decimals__is_wad(decimals, feed, deploy):
    aggregator = deploy("MockAggregator", decimals, 2_345 * 10**decimals)
    feed.set(BTC, aggregator=aggregator.address)
    assert feed.oracle.call("spot", BTC).price == 2_345 * WAD


def test_set_feed__19_decimals__reverts(feed, deploy, reverts):
    aggregator = deploy("MockAggregator", 19, 10**19)
    with reverts("oracle: decimals above 18"):
        feed.set(aggregator=aggregator.address)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_age": 0}, "oracle: max age out of range"),
        ({"max_age": 172_801}, "oracle: max age out of range"),
        ({"min_price": 0}, "oracle: empty price bounds"),
        ({"min_price": MAX_PRICE}, "oracle: empty price bounds"),
        ({"max_price": 2**96}, "oracle: price bounds too wide"),
        ({"deviation": 10**17 + 1}, "oracle: deviation out of range"),
        ({"drift": 10**15 + 1}, "oracle: drift out of range"),
        ({"underlying": 0}, "oracle: unknown underlying"),
        ({"underlying": 256}, "oracle: unknown underlying"),
        ({"sender": STRANGER}, "access: admin only"),
    ],
)
def test_set_feed__out_of_bounds__reverts(change, reason, feed, reverts):
    with reverts(reason):
        feed.set(**change)


def test_set_feed__no_contract__reverts(feed, reverts):
    with reverts():
        feed.set(aggregator=STRANGER)


def test_set_feed__widest_settings__come_back_whole(feed):
    feed.set(max_age=172_800, min_price=1, max_price=2**96 - 1, deviation=10**17, drift=10**15)
    feed.round(answer=(2**96 - 1) // 10**10, age=172_800)
    spot = feed.oracle.call("spot", ETH)
    root = isqrt(10**30 * 172_800)
    assert spot.price == (2**96 - 1) // 10**10 * 10**10
    assert spot.uncertainty == 10**17 + root + 1 < WAD


def test_spot__unknown_underlying__reverts(feed, reverts):
    with reverts("oracle: unknown underlying"):
        feed.oracle.call("spot", BTC)


@pytest.mark.parametrize("answer", [0, -1, -(2**255)])
def test_spot__answer_not_positive__reverts(answer, feed, reverts):
    feed.round(answer=answer)
    with reverts("oracle: bad round"):
        feed.oracle.call("spot", ETH)


def test_spot__round_carried_over__reverts(feed, reverts):
    feed.round(answer=3_000 * 10**8, number=7, answered_in=6)
    with reverts("oracle: bad round"):
        feed.oracle.call("spot", ETH)


def test_spot__round_without_time__reverts(feed, reverts):
    feed.round(answer=3_000 * 10**8, age=feed.chain.timestamp)
    with reverts("oracle: bad round"):
        feed.oracle.call("spot", ETH)


def test_spot__round_of_next_second__reverts(feed, reverts):
    feed.round(answer=3_000 * 10**8, age=-1)
    with reverts("oracle: price from future"):
        feed.oracle.call("spot", ETH)


def test_spot__one_second_past_max_age__reverts(feed, reverts):
    feed.round(answer=3_000 * 10**8, age=MAX_AGE)
    assert feed.oracle.call("spot", ETH).updated_at == feed.chain.timestamp - MAX_AGE
    feed.chain.advance(1)
    with reverts("oracle: price stale"):
        feed.oracle.call("spot", ETH)


@pytest.mark.parametrize(("bound", "step"), [(MIN_PRICE, -1), (MAX_PRICE, 1)])
def test_spot__past_price_bounds__reverts(bound, step, feed, reverts):
    feed.round(answer=bound // 10**10)
    assert feed.oracle.call("spot", ETH).price == bound
    feed.round(answer=bound // 10**10 + step)
    with reverts("oracle: price out of bounds"):
        feed.oracle.call("spot", ETH)


@pytest.mark.parametrize("age", [0, 1, 2, 59, 60, 1_799, 3_600])
def test_spot__uncertainty__grows_with_root_of_age(age, feed):
    feed.round(answer=3_000 * 10**8, age=age)
    square = DRIFT**2 * age
    root = isqrt(square)
    rounded_up = root + (root**2 < square)
    assert feed.oracle.call("spot", ETH).uncertainty == DEVIATION + rounded_up


def test_last_good__before_any_record__reverts(feed, reverts):
    with reverts("oracle: nothing recorded"):
        feed.oracle.call("last_good", ETH)


def test_last_good__feed_dead__still_answers(feed, reverts):
    feed.oracle.send("record", ETH, sender=STRANGER)
    recorded_at = feed.chain.timestamp
    feed.chain.advance(30 * 86_400)
    with reverts("oracle: price stale"):
        feed.oracle.call("spot", ETH)
    last = feed.oracle.call("last_good", ETH)
    assert (last.price, last.updated_at) == (3_000 * WAD, recorded_at)
    assert last.uncertainty == pytest.approx(DEVIATION + DRIFT * (30 * 86_400) ** 0.5, rel=1e-9)


def test_last_good__years_old__uncertainty_saturates(feed):
    feed.set(drift=10**15)
    feed.oracle.send("record", ETH, sender=STRANGER)
    feed.chain.advance(10 * 365 * 86_400)
    assert feed.oracle.call("last_good", ETH).uncertainty == WAD


def test_record__bad_feed__reverts_and_keeps_last(feed, reverts):
    feed.oracle.send("record", ETH, sender=STRANGER)
    feed.round(answer=1)
    with reverts("oracle: price out of bounds"):
        feed.oracle.send("record", ETH, sender=STRANGER)
    assert feed.oracle.call("last_good", ETH).price == 3_000 * WAD


def test_record__feed_replaced__keeps_observations(feed, deploy):
    feed.oracle.send("record", ETH, sender=STRANGER)
    feed.set(aggregator=deploy("MockAggregator", 18, 3_100 * WAD).address)
    assert feed.oracle.call("last_good", ETH).price == 3_000 * WAD
    assert feed.oracle.call("spot", ETH).price == 3_100 * WAD


def test_record__any_caller__logs_price(feed):
    receipt = feed.oracle.send("record", ETH, sender=STRANGER)
    (event,) = feed.oracle.events(receipt)
    assert event.name == "PriceRecorded"
    assert event.args == {
        "underlying": ETH,
        "price": 3_000 * WAD,
        "updated_at": feed.chain.timestamp,
    }
