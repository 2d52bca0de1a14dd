"""Signed prices: who posts chooses among those still young, and may bring an old one back."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.clients.signed_prices import Report, sign_report
from protocol.errors import Revert
from protocol.parameters import PerpParameters, PullFeedParameters
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides, perp
from tests.attacks.twins import WithTwins, broken
from tests.system_fixtures import (
    ADMIN,
    REPORTERS,
    SPOTS,
    STRANGER,
    TAKER,
    Exchange,
    build_exchange,
)

FEED = PullFeedParameters()
AGE = PerpParameters().direct_age
SIZE = 800 * WAD
USUAL = 1.0007  # what spot moves in `AGE` seconds: a deviation at 70 % a year
CONFIDENCE = 5 * 10**14


def any_age() -> Artifact:
    return broken("PerpMarket", {"self._check_age(spot.updated_at)": "pass"})


def forgets_the_time() -> Artifact:
    return broken("PriceOracle", {"feed_codec._posted(last)[1]": "0"})


def signed(exchange: Exchange, price: float) -> Report:
    """What the reporters vouch for now."""
    report = Report(exchange.eth.underlying, round(price * WAD), CONFIDENCE, exchange.now)
    oracle = exchange.system.oracle
    return sign_report(report, REPORTERS, chain_id=exchange.chain.chain_id, oracle=oracle.address)


def trade_at_both(exchange: Exchange, old: Report, new: Report) -> int:
    """Buy at the old price, sell at the new one."""
    oracle, before = exchange.system.oracle, exchange.cash(TAKER)
    with suppress(Revert):
        oracle.post([old], sender=STRANGER)
        perp(exchange, exchange.eth, TAKER, SIZE)
    oracle.post([new], sender=STRANGER)
    if exchange.eth.perp.skew():
        perp(exchange, exchange.eth, TAKER, -SIZE)
    return exchange.cash(TAKER) - before


def hold_back(exchange: Exchange, *, age: int, move: float) -> int:
    """The best of the reports of the last `age` seconds against the newest."""
    exchange.advance(FEED.max_age)
    old = signed(exchange, SPOTS["ETH"])
    exchange.chain.advance(age)
    return trade_at_both(exchange, old, signed(exchange, SPOTS["ETH"] * move))


def replay(exchange: Exchange) -> int:
    """A new feed starts without a price: a report older than the last one is brought again."""
    oracle, underlying = exchange.system.oracle, exchange.eth.underlying
    exchange.advance(FEED.max_age)
    old = signed(exchange, SPOTS["ETH"])
    exchange.chain.advance(FEED.max_age - 1)
    new = signed(exchange, SPOTS["ETH"] * 1.01)
    oracle.post([new], sender=STRANGER)
    oracle.post([old], sender=STRANGER)
    assert oracle.spot(underlying).price == new.price
    oracle.set_pull_feed(underlying, FEED, sender=ADMIN)
    exchange.chain.advance(1)
    newest = signed(exchange, SPOTS["ETH"] * 1.01)
    return trade_at_both(exchange, old, newest)


@on_both_sides
def test_report__held_back_until_the_market_has_moved__is_refused(side: str) -> None:
    exchange = build_exchange(contracts(side, any_age), feed=FEED)
    profit = hold_back(exchange, age=FEED.max_age, move=1.01)
    judge(side, profit, loot=5_000 * WAD)


def test_report__the_best_of_the_young__costs_more_than_spot_moves() -> None:
    exchange = build_exchange(Artifacts(), feed=FEED)
    assert hold_back(exchange, age=AGE, move=USUAL) < 0


@on_both_sides
def test_report__replayed_into_a_new_feed__stays_overtaken(side: str) -> None:
    twins = [any_age(), forgets_the_time()]  # the perp's rule on age would stop it as well
    exchange = build_exchange(WithTwins(*twins[: 1 + (side == "broken")]), feed=FEED)
    judge(side, replay(exchange), loot=5_000 * WAD)
