"""The settlement print at its edges; random times are in tests/invariant/test_print_window.py."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract

WAD = 10**18
ETH, BTC = 1, 2
ADMIN = "0x" + "d0" * 20
RECORDER = "0x" + "e0" * 20
DAY = 20_455  # 2026-01-02
END = DAY * 86_400 + 28_800
START = END - 1_800


@dataclass(frozen=True, slots=True)
class Market:
    chain: EmbeddedChain
    oracle: AnyContract
    aggregators: dict[int, AnyContract]

    def record(self, at: int, price: int, underlying: int = ETH) -> list[str]:
        """Record a price at a time; the names of the events."""
        if at > self.chain.timestamp:
            self.chain.set_time(at)
        assert self.chain.timestamp == at
        self.aggregators[underlying].send("set_answer", price * WAD, sender=RECORDER)
        receipt = self.oracle.send("record", underlying, sender=RECORDER)
        return [event.name for event in self.oracle.events(receipt)]

    def print(self, day: int = DAY, underlying: int = ETH) -> int:
        return self.oracle.call("settlement_print", underlying, day)


@pytest.fixture
def market(chain, deploy) -> Market:
    oracle = deploy("PriceOracle", deploy("AccessManager").address)
    aggregators = {n: deploy("MockAggregator", 18, WAD) for n in (ETH, BTC)}
    for n, aggregator in aggregators.items():
        oracle.send("set_feed", n, aggregator.address, 3_600, 1, 10**24, 0, 0, sender=ADMIN)
    return Market(chain, oracle, aggregators)


def test_print__three_records__is_time_average(market):
    market.record(START - 600, 3_000)
    market.record(START + 600, 3_300)
    market.record(START + 1_200, 3_600)
    assert market.record(END + 10, 9_999) == ["PrintFixed", "PriceRecorded"]
    assert market.print() == (3_000 + 3_300 + 3_600) * WAD // 3


def test_print__before_window_ends__is_none(market):
    market.record(START, 3_000)
    market.chain.set_time(END - 1)
    assert market.print() == 0


def test_print__nobody_records_after__is_known_at_end(market):
    market.record(START - 1, 3_000)
    market.record(START + 900, 3_200)
    market.chain.set_time(END)
    assert market.print() == 3_100 * WAD
    market.chain.set_time(END + 30 * 86_400)
    assert market.print() == 3_100 * WAD


def test_print__record_at_start__needs_no_earlier_price(market):
    market.record(START, 3_000)
    market.chain.set_time(END)
    assert market.print() == 3_000 * WAD


def test_print__record_at_end_only__is_none(market):
    market.record(START - 1, 3_000)
    market.record(END, 3_000)
    market.chain.set_time(END + 1)
    assert market.print() == 0


def test_print__record_at_end__weighs_nothing(market):
    market.record(START, 3_000)
    market.record(END, 9_000)
    assert market.print() == 3_000 * WAD


def test_print__later_records__change_nothing(market):
    market.record(START, 3_000)
    for hours in range(1, 60):
        events = market.record(END + hours * 3_600, 3_000 + hours)
        assert market.print() == 3_000 * WAD
        assert ("PrintFixed" in events) == (hours == 1)


def test_print__no_record_inside__is_none_for_ever(market):
    market.record(START - 1, 3_000)
    market.record(END + 1, 3_000)
    market.record(END + 3_600, 3_000)
    assert market.print() == 0


@pytest.mark.parametrize(("gap", "found"), [(3_600, True), (3_601, False)])
def test_print__first_price_too_old__is_none(gap, found, market):
    market.record(START - gap, 3_000)
    market.record(START + 10, 3_000)
    market.record(START + 20, 3_000)
    market.chain.set_time(END)
    assert (market.print() == 3_000 * WAD) is found
    market.record(END + 5, 3_000)
    assert (market.print() == 3_000 * WAD) is found


def test_print__burst_in_one_second__only_last_counts(market):
    market.record(START, 3_000)
    for price in (1, 100_000, 50, 3_600):
        market.record(START + 900, price)
    market.record(END, 1)
    assert market.print() == 3_300 * WAD


def test_print__no_record_for_days__days_between_have_none(market):
    market.record(START, 3_000)
    market.record(START + 3 * 86_400 + 60, 4_000)
    market.chain.set_time(END + 4 * 86_400)
    assert [market.print(DAY + n) for n in range(5)] == [3_000 * WAD, 0, 0, 0, 0]


def test_print__void_window__next_day_is_sound(market):
    market.record(START + 60, 3_000)  # nothing before it
    market.record(START + 86_400 - 60, 3_100)
    market.record(START + 86_400 + 900, 3_200)
    market.chain.set_time(END + 86_400)
    assert [market.print(DAY), market.print(DAY + 1)] == [0, 3_150 * WAD]


def test_print__two_underlyings__do_not_mix(market):
    market.record(START, 3_000)
    market.record(START, 60_000, BTC)
    market.record(START + 900, 62_000, BTC)
    market.chain.set_time(END)
    assert market.print(underlying=ETH) == 3_000 * WAD
    assert market.print(underlying=BTC) == 61_000 * WAD
