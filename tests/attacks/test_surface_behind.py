"""A surface that could not follow the market: sniped while it lags, or flagged by a stolen key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.clients.markets import Quote
from protocol.errors import Revert
from protocol.types import Leg
from protocol.units import WAD
from tests.attacks.stage import (
    contracts,
    frictionless,
    judge,
    on_both_sides,
    refresh,
    roomy,
    with_exact_feed,
    without_fees,
)
from tests.attacks.twins import broken
from tests.system_fixtures import KEEPER, TAKER, VARIANCE, Exchange, build_exchange

HIGHER, LOWER = 1, 2
SIZE = 150  # straddles of 28 days: 66,000 of vega
STEPS = 1.05, 1.10, 1.15  # of variance: where the market is already, pushed step by step


def flags_ignored() -> Artifact:
    return broken("OptionPricer", {"if behind != 0:": "if False:"})


def flag(exchange: Exchange, behind: int) -> None:
    """What stands there already, pushed again with a flag."""
    surface, underlying = exchange.system.surface, exchange.eth.underlying
    standing = (surface.expiry(underlying, day) for day in exchange.days)
    rows = [replace(row, behind=behind) for row in standing if row is not None]
    surface.push(underlying, rows, sender=KEEPER)


def snipe(exchange: Exchange) -> int:
    """Buy while the push has not caught up, sell once it has."""
    market, before = exchange.eth, exchange.cash(TAKER)
    exchange.advance(300)
    flag(exchange, HIGHER)
    refresh(exchange, market)
    legs = exchange.call(2_000, SIZE, week=1), exchange.put(2_000, SIZE, week=1)
    try:
        exchange.trade(*legs)
    except Revert:
        return 0
    for step in STEPS:
        exchange.advance(300)
        exchange.push(market, variance=VARIANCE * step)
    exchange.advance(3_600)
    refresh(exchange, market)
    exchange.trade(*(Leg(leg.instrument, -leg.size) for leg in legs))
    return exchange.cash(TAKER) - before


@on_both_sides
def test_surface__behind_the_market__sells_nothing(side: str) -> None:
    exchange = without_fees(build_exchange(contracts(side, flags_ignored), amm=frictionless()))
    judge(side, snipe(with_exact_feed(exchange, exchange.eth)), loot=1_000 * WAD)


def asked(exchange: Exchange) -> list[Quote | str]:
    """Quotes either way, or why there is none."""
    found: list[Quote | str] = []
    for size in (1, -1):
        try:
            found.append(exchange.quote(exchange.call(2_000, size)))
        except Revert as refusal:
            found.append(refusal.reason or "")
    return found


@pytest.mark.parametrize("behind", [0, HIGHER, LOWER, HIGHER | LOWER])
def test_flags__by_a_stolen_key__stop_quotes_and_change_none(behind: int) -> None:
    """All that the flags give a thief is silence, which a key that stops pushing gives as well."""
    exchange = build_exchange(Artifacts(), amm=roomy())
    exchange.advance(300)
    start = exchange.chain.snapshot()
    flag(exchange, 0)
    ask, bid = asked(exchange)
    exchange.chain.revert(start)
    flag(exchange, behind)
    refused = [f"amm: surface behind, no {side}" for side in ("ask", "bid")]
    expected = [refused[0] if behind & HIGHER else ask, refused[1] if behind & LOWER else bid]
    assert asked(exchange) == expected
    refresh(exchange, exchange.eth)
    assert exchange.eth.amm.valuation().nav > 0  # LPs come and go
