"""The options pool quoting on a price the outside has left; the perp's twin is in test_perp.py."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides, roomy, unwind
from tests.attacks.twins import broken
from tests.system_fixtures import SPOTS, TAKER, Exchange, build_exchange

DIRECT_AGE = 15
SIZE = 400  # calls in the money, 340 of delta


def any_age() -> Artifact:
    return broken("OptionsAMM", {"aged = not self.age_exempt[msg.sender]": "aged = False"})


def hit(exchange: Exchange, *, age: int, move: float) -> int:
    """Buy delta at the feed's price when the outside has moved on, sell once the feed follows."""
    before = exchange.cash(TAKER)
    leg = exchange.call(1_700, SIZE, week=1)
    exchange.chain.advance(age)
    with suppress(Revert):
        exchange.trade(leg)
    exchange.set_spot(exchange.eth, SPOTS["ETH"] * move)
    if exchange.eth.amm.risk().vega:
        unwind(exchange, exchange.eth, leg.instrument, parts=2)
    return exchange.cash(TAKER) - before


@on_both_sides
def test_delta__at_an_old_price__is_refused(side: str) -> None:
    exchange = build_exchange(contracts(side, any_age), amm=roomy(direct_age=DIRECT_AGE))
    judge(side, hit(exchange, age=600, move=1.03), loot=5_000 * WAD)


def test_package_without_delta__at_an_old_price__is_taken() -> None:
    """The rule is for delta: a straddle at the money picks nothing off."""
    exchange = build_exchange(Artifacts(), amm=roomy(direct_age=DIRECT_AGE))
    exchange.chain.advance(600)
    exchange.trade(exchange.call(2_050, 10, week=1), exchange.put(2_050, 10, week=1))
    assert exchange.eth.amm.risk().vega != 0
