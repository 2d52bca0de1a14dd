"""Who knows the next surface push: buys before it, sells after it."""

from __future__ import annotations

from protocol.chain.artifacts import Artifact
from protocol.types import Leg
from protocol.units import WAD
from tests.attacks.stage import (
    contracts,
    frictionless,
    judge,
    on_both_sides,
    refresh,
    with_exact_feed,
    without_fees,
)
from tests.attacks.twins import broken
from tests.system_fixtures import TAKER, VARIANCE, Exchange, build_exchange

SIZE = 150  # straddles of 28 days: 66,000 of vega
RISE = 1.08  # of variance: the smile's vols rise by 2 points or so at one push
WAIT = 60  # seconds the sniper gives the pool to refresh; within the push window


def one_mark() -> Artifact:
    """Only the newest surface counts, from the first second."""
    return broken("OptionPricer", {"if leg.previous[1] == 0:": "if True:"})


def snipe(exchange: Exchange) -> int:
    """Long before a rise of vol, out after it; without spreads, spot standing still."""
    market = exchange.eth
    exchange.advance(300)
    refresh(exchange, market)
    before = exchange.cash(TAKER)
    both = (exchange.call(2_000, SIZE, week=1), exchange.put(2_000, SIZE, week=1))
    exchange.trade(*both)
    exchange.push(market, variance=VARIANCE * RISE)
    exchange.advance(WAIT)
    refresh(exchange, market)
    exchange.trade(*(Leg(leg.instrument, -leg.size) for leg in both))
    return exchange.cash(TAKER) - before


@on_both_sides
def test_push__known_beforehand__brings_nothing(side: str) -> None:
    exchange = without_fees(build_exchange(contracts(side, one_mark), amm=frictionless()))
    judge(side, snipe(with_exact_feed(exchange, exchange.eth)), loot=1_000 * WAD)
