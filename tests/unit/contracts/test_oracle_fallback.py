"""Prints of days nobody recorded: proved from the feed's rounds, or proposed and fixed."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract
from protocol.clients.system import GUARDIAN
from protocol.types import Kind
from tests.system_fixtures import COLLECTION, HOUR, TAKER, Exchange, account

WAD = 10**18
ETH, BTC = 1, 2
ADMIN = "0x" + "d0" * 20
GUARD = "0x" + "9a" * 20
STRANGER = "0x" + "e0" * 20
DAY = 20_455  # 2026-01-02
END = DAY * 86_400 + 28_800
START = END - 1_800
MAX_AGE = 3_600
DELAY = TIMELOCK = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Market:
    chain: EmbeddedChain
    oracle: AnyContract
    aggregator: AnyContract

    def rounds(self, *rounds: tuple[int, int]) -> None:
        """(updated at, price) each, from round 2 on: round 1 is the deployment's."""
        for number, (at, price) in enumerate(rounds, start=2):
            args = (number, price * WAD, at, number)
            self.aggregator.send("set_round", *args, sender=STRANGER)

    def to(self, timestamp: int) -> None:
        self.chain.set_time(timestamp)

    def prove(self, count: int, *, first: int = 2, day: int = DAY) -> list[str]:
        receipt = self.oracle.send("prove_print", ETH, day, first, count, sender=STRANGER)
        return [event.name for event in self.oracle.events(receipt)]

    def print(self) -> int:
        return self.oracle.call("settlement_print", ETH, DAY)


@pytest.fixture
def market(chain, deploy) -> Market:
    manager = deploy("AccessManager")
    oracle = deploy("PriceOracle", manager.address)
    feed = deploy("MockAggregator", 18, WAD)
    args = (ETH, feed.address, MAX_AGE, WAD, 10**24, 0, 0)
    oracle.send("set_feed", *args, sender=ADMIN)
    manager.send("grantRole", GUARDIAN, GUARD, sender=ADMIN)
    return Market(chain, oracle, feed)


# -- proofs --


def test_prove__three_prices__is_their_time_average(market):
    market.rounds((START - 600, 3_000), (START + 600, 3_300), (START + 1_200, 3_600), (END, 9_999))
    market.to(END)
    assert market.print() == 0
    assert market.prove(4) == ["PrintFixed"]
    assert market.print() == 3_300 * WAD


def test_prove__with_rounds_to_spare__is_the_same(market):
    early = (START - 3_000, 1), (START - 2_000, 7)
    late = (END + 5, 9_999), (END + 60, 1)
    market.rounds(*early, (START, 3_000), (END - 1, 4_800), *late)
    market.to(END + 60)
    start = market.chain.snapshot()
    for first, count in ((2, 6), (4, 3), (3, 4)):
        market.prove(count, first=first)
        assert market.print() == 3_001 * WAD
        market.chain.revert(start)
        start = market.chain.snapshot()


def test_prove__latest_round_before_the_end__holds_to_the_end(market):
    market.rounds((START - 100, 3_000), (START + 900, 3_200))
    market.to(END)
    market.prove(2)
    assert market.print() == 3_100 * WAD


def test_prove__last_round_at_the_very_end__needs_none_after_it(market):
    market.rounds((START, 3_000), (END, 9_999), (END + 5, 1))
    market.to(END + 60)
    market.prove(2)
    assert market.print() == 3_000 * WAD


def test_prove__one_round_for_all__is_enough(market):
    market.rounds((START, 3_000))
    market.to(END)
    market.prove(1)
    assert market.print() == 3_000 * WAD


def test_prove__before_the_end__reverts(market, reverts):
    market.rounds((START, 3_000))
    market.to(END - 1)
    with reverts("oracle: window not over"):
        market.prove(1)


def test_prove__a_round_left_out_at_either_end__reverts(market, reverts):
    market.rounds((START, 3_000), (START + 1, 1), (END - 1, 1), (END, 3_000))
    market.to(END + 1)
    with reverts("oracle: first round too late"):
        market.prove(3, first=3)
    with reverts("oracle: last round too early"):
        market.prove(3)
    with reverts("oracle: last round too early"):
        market.prove(1)
    market.prove(4)


def test_prove__rounds_that_do_not_exist__reverts(market, reverts):
    market.rounds((START, 3_000))
    market.to(END)
    with reverts("No data present"):
        market.prove(2)
    with reverts():
        market.prove(1, first=2**80)


@pytest.mark.parametrize("count", [0, 257])
def test_prove__too_many_rounds_or_none__reverts(count, market, reverts):
    market.to(END)
    with reverts("oracle: too many rounds"):
        market.prove(count)


@pytest.mark.parametrize("gap", [MAX_AGE, MAX_AGE + 1])
def test_prove__price_older_than_the_feed_serves__reverts(gap, market, reverts):
    """Carried into the window, or out to its end."""
    market.rounds((START + 60 - gap, 3_000), (START + 60, 3_000))
    market.to(END)
    if gap > MAX_AGE:
        with reverts("oracle: gap between rounds"):
            market.prove(2)
    else:
        market.prove(2)
    assert (market.print() != 0) is (gap == MAX_AGE)


def test_prove__last_price_too_old_at_the_end__reverts(market, reverts):
    market.rounds((END - MAX_AGE - 1, 3_000))
    market.to(END)
    with reverts("oracle: gap between rounds"):
        market.prove(1)


def test_prove__gap_outside_the_window__is_nobodys_business(market):
    market.rounds((START - 9_000, 1), (START - 10, 3_000), (END - 10, 3_000), (END + 9_000, 1))
    market.to(END + 9_000)
    market.prove(4)
    assert market.print() == 3_000 * WAD


@pytest.mark.parametrize("price", [0, -1, 10**7])
def test_prove__price_out_of_bounds__reverts_where_it_weighs(price, market, reverts):
    market.rounds((START - 20, price), (START, 3_000), (START + 1, price), (START + 2, 3_000))
    market.to(END)
    with reverts("oracle: price out of bounds"):
        market.prove(4)
    market.rounds((START - 20, price), (START, 3_000), (START + 1, 2_000), (START + 2, 3_000))
    market.prove(4)


def test_prove__round_answered_in_an_earlier_one__reverts(market, reverts):
    market.aggregator.send("set_round", 2, 3_000 * WAD, START, 1, sender=STRANGER)
    market.to(END)
    with reverts("oracle: price out of bounds"):
        market.prove(1)


def test_prove__round_never_updated__reverts(market, reverts):
    market.rounds((START, 3_000))
    market.aggregator.send("set_round", 3, 3_000 * WAD, 0, 3, sender=STRANGER)
    market.to(END)
    with reverts("oracle: bad round"):
        market.prove(2)


def test_prove__rounds_back_in_time__reverts(market, reverts):
    market.rounds((START, 3_000), (START + 100, 3_100), (START + 99, 3_100))
    market.to(END)
    with reverts("oracle: rounds out of order"):
        market.prove(3)


def test_prove__recorded_day__reverts(market, reverts):
    """What was recorded stays, taken or not."""
    market.rounds((START, 3_000))
    market.to(START)
    market.oracle.send("record", ETH, sender=STRANGER)
    market.to(END)
    with reverts("oracle: day has a print"):
        market.prove(1)


def test_prove__twice__reverts_and_later_records_change_nothing(market, reverts):
    market.rounds((START, 3_000))
    market.to(END)
    market.prove(1)
    with reverts("oracle: day has a print"):
        market.prove(1)
    market.aggregator.send("set_answer", 9_000 * WAD, sender=STRANGER)
    for hours in (1, 23, 24, 48):
        market.to(END + hours * 3_600)
        market.aggregator.send("set_answer", 9_000 * WAD, sender=STRANGER)
        market.oracle.send("record", ETH, sender=STRANGER)
        assert market.print() == 3_000 * WAD


def test_prove__pull_or_no_feed__reverts(market, reverts):
    market.to(END)
    with reverts("oracle: not a push feed"):
        market.oracle.send("prove_print", BTC, DAY, 1, 1, sender=STRANGER)
    market.oracle.send("set_pull_feed", BTC, 60, WAD, 10**24, 10**15, 0, sender=ADMIN)
    with reverts("oracle: not a push feed"):
        market.oracle.send("prove_print", BTC, DAY, 1, 1, sender=STRANGER)


def slow_average(times: Sequence[int], prices: Sequence[int]) -> int:
    """The price of every second, one by one."""
    held = [prices[bisect_right(times, second) - 1] for second in range(START, END)]
    return sum(held) * WAD // 1_800


@pytest.mark.parametrize("seed", range(20))
def test_prove__random_rounds__is_the_average_of_every_second(seed, market):
    rng = random.Random(seed)
    times = sorted(rng.choices(range(START - 60, END + 60), k=rng.randint(1, 40)))
    times = [START - rng.randint(0, 1_000), *times]
    prices = [rng.randint(1, 10**5) for _ in times]
    order = sorted(range(len(times)), key=times.__getitem__)
    times, prices = [times[n] for n in order], [prices[n] for n in order]
    market.rounds(*zip(times, prices, strict=True))
    market.to(END + 60)
    market.prove(len(times))
    assert market.print() == slow_average(times, prices)


# -- proposals --


def propose(market: Market, price: int = 3_000, *, sender: str = ADMIN) -> None:
    market.oracle.send("propose_print", ETH, DAY, price * WAD, sender=sender)


def fix(market: Market) -> None:
    market.oracle.send("fix_print", ETH, DAY, sender=STRANGER)


def test_propose__two_days_after__is_fixed_by_anyone_two_days_later(market, reverts):
    market.to(END + DELAY - 1)
    with reverts("oracle: too early to propose"):
        propose(market)
    market.to(END + DELAY)
    propose(market)
    fixable_at = END + DELAY + TIMELOCK
    assert market.oracle.call("proposed_print", ETH, DAY) == (3_000 * WAD, fixable_at)
    assert market.print() == 0
    market.to(fixable_at - 1)
    with reverts("oracle: timelock running"):
        fix(market)
    market.to(fixable_at)
    fix(market)
    assert market.print() == 3_000 * WAD
    with reverts("oracle: day has a print"):
        fix(market)
    with reverts("oracle: day has a print"):
        propose(market)


def test_propose__again__waits_from_the_start(market, reverts):
    market.to(END + DELAY)
    propose(market)
    market.to(END + DELAY + TIMELOCK)
    propose(market, 4_000)
    with reverts("oracle: timelock running"):
        fix(market)
    market.chain.advance(TIMELOCK)
    fix(market)
    assert market.print() == 4_000 * WAD


def test_veto__by_the_guardian__is_the_end_of_a_proposal(market, reverts):
    market.to(END + DELAY)
    propose(market)
    with reverts("access: guardian only"):
        market.oracle.send("veto_print", ETH, DAY, sender=STRANGER)
    market.oracle.send("veto_print", ETH, DAY, sender=GUARD)
    market.chain.advance(TIMELOCK)
    for function, sender in (("fix_print", STRANGER), ("veto_print", GUARD)):
        with reverts("oracle: nothing proposed"):
            market.oracle.send(function, ETH, DAY, sender=sender)


def test_prove__while_a_proposal_waits__wins(market, reverts):
    market.rounds((START, 3_000))
    market.to(END + DELAY)
    propose(market, 9_000)
    market.chain.advance(TIMELOCK)
    market.aggregator.send("set_answer", 9_000 * WAD, sender=STRANGER)
    market.prove(2)
    with reverts("oracle: day has a print"):
        fix(market)
    assert market.print() == 3_000 * WAD


def test_propose__recorded_day__reverts(market, reverts):
    market.rounds((START, 3_000))
    market.to(START)
    market.oracle.send("record", ETH, sender=STRANGER)
    market.to(END + DELAY)
    with reverts("oracle: day has a print"):
        propose(market)


@pytest.mark.parametrize("price", [0, 10**6 + 1])
def test_propose__out_of_the_feeds_bounds__reverts(price, market, reverts):
    market.to(END + DELAY)
    with reverts("oracle: price out of bounds"):
        propose(market, price)
    with reverts("oracle: price out of bounds"):
        market.oracle.send("propose_print", BTC, DAY, WAD, sender=ADMIN)


def test_propose__by_others__reverts(market, reverts):
    market.to(END + DELAY)
    for sender in (STRANGER, GUARD):
        with reverts("access: admin only"):
            propose(market, sender=sender)


# -- settlement --


def test_settlement__nobody_recorded__pays_at_the_proved_print(exchange: Exchange, reverts):
    market, day = exchange.eth, exchange.days[0]
    exchange.trade(exchange.call(1_800.0, 2.0))
    exchange.pass_expiry(day, record=False)
    system = exchange.system
    with reverts("expiry: no print"):
        system.settlement._send("take_print", 1, day, sender=STRANGER)
    latest = exchange.feed(market)._call("latestRoundData")[0]
    system.oracle._send("prove_print", 1, day, latest - 12, 13, sender=STRANGER)
    system.settlement._send("take_print", 1, day, sender=STRANGER)
    before = exchange.cash(TAKER)
    market.amm.close_expiry(day, sender=STRANGER)
    exchange.advance(COLLECTION)
    system.settlement._send("settle_account", account(TAKER), sender=STRANGER)
    assert exchange.cash(TAKER) - before == 2 * 200 * WAD
    instrument = exchange.option(Kind.CALL, 1_800.0).id
    assert system.ledger.position(market.amm.pool, instrument) == 0
    assert exchange.now < day * 86_400 + 9 * HOUR
