"""The perp: there and back, two accounts of one owner, funding across new terms, old prices."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.errors import Revert
from protocol.types import Instrument
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides, perp, wealth, without_fees
from tests.attacks.twins import broken
from tests.system_fixtures import (
    ADMIN,
    HOUR,
    OTHER_TAKER,
    SPOTS,
    TAKER,
    Exchange,
    account,
    build_exchange,
)

SIZE = 800 * WAD
MOVE = 1.01  # of the outside price before the feed follows


def premium_at_the_skew_found() -> Artifact:
    """Not integrated: the last unit costs what the first did."""
    change = {"_ceil_div(index * size * (2 * skew + size)": "_ceil_div(index * size * (2 * skew)"}
    return broken("PerpMarket", change, module="perp_math")


def funding_starts_again() -> Artifact:
    return broken(
        "PerpMarket", {"self._set_params(params, state.funding)": "self._set_params(params, 0)"}
    )


def closes_without_end() -> Artifact:
    return broken("PerpMarket", {"assert after <= cap * CLOSING_ROOM": "assert True"})


def any_age() -> Artifact:
    return broken("PerpMarket", {"self._check_age(spot.updated_at)": "pass"})


def no_spread() -> Artifact:
    return broken("PerpMarket", {"payment=premium + convert(spread, int256)": "payment=premium"})


def there_and_back(exchange: Exchange) -> int:
    """Open whole, close in parts: nothing moved, so nothing may be left."""
    before = exchange.cash(TAKER)
    perp(exchange, exchange.eth, TAKER, SIZE)
    for _ in range(4):
        perp(exchange, exchange.eth, TAKER, -SIZE // 4)
    return exchange.cash(TAKER) - before


@on_both_sides
def test_round_trip__at_a_still_price__costs(side: str) -> None:
    exchange = without_fees(build_exchange(contracts(side, premium_at_the_skew_found)))
    judge(side, there_and_back(exchange), loot=10_000 * WAD)


def snipe_new_terms(exchange: Exchange) -> int:
    """Longs have paid funding for days; a long of the last minute meets the new terms."""
    market = exchange.eth
    perp(exchange, market, OTHER_TAKER, SIZE)
    for _ in range(5):
        exchange.advance(24 * HOUR)
    before = wealth(exchange, market, TAKER)
    perp(exchange, market, TAKER, SIZE // 2)
    market.perp._send("set_params", market.perp._call("params"), sender=ADMIN)
    perp(exchange, market, TAKER, -SIZE // 2)
    return wealth(exchange, market, TAKER) - before


@on_both_sides
def test_funding__across_new_terms__goes_on(side: str) -> None:
    exchange = build_exchange(contracts(side, funding_starts_again))
    judge(side, snipe_new_terms(exchange), loot=2_000 * WAD)


def pump(exchange: Exchange) -> int:
    """Grow two sides, close one: what the pool is left to carry, in units."""
    market = exchange.eth
    for _ in range(8):
        with suppress(Revert):
            perp(exchange, market, TAKER, SIZE)
            perp(exchange, market, OTHER_TAKER, -SIZE)
    key = Instrument.perp(market.underlying).id
    while held := exchange.system.ledger.position(account(OTHER_TAKER), key):
        try:
            perp(exchange, market, OTHER_TAKER, min(-held, SIZE))
        except Revert:
            break
    return market.perp.skew()


@on_both_sides
def test_skew__pumped_by_two_accounts__ends_at_twice_the_cap(side: str) -> None:
    exchange = build_exchange(contracts(side, closes_without_end))
    for taker in (TAKER, OTHER_TAKER):
        exchange.fund(taker, 20_000_000)
    cap = exchange.eth.perp._call("params").max_skew
    judge(side, pump(exchange), bound=2 * cap, loot=3 * cap)


def hit_old_price(exchange: Exchange, age: int, move: float) -> int:
    """Buy at the feed's price when the outside has moved on, sell when the feed follows."""
    before = exchange.cash(TAKER)
    exchange.chain.advance(age)
    with suppress(Revert):
        perp(exchange, exchange.eth, TAKER, SIZE)
    exchange.set_spot(exchange.eth, SPOTS["ETH"] * move)
    if exchange.system.ledger.position(account(TAKER), Instrument.perp(exchange.eth.underlying).id):
        perp(exchange, exchange.eth, TAKER, -SIZE)
    return exchange.cash(TAKER) - before


@on_both_sides
def test_old_price__hit_before_the_feed_follows__is_refused(side: str) -> None:
    exchange = build_exchange(contracts(side, any_age))
    judge(side, hit_old_price(exchange, 600, 1.01), loot=5_000 * WAD)


@on_both_sides
def test_young_price__off_by_less_than_its_uncertainty__costs(side: str) -> None:
    """What the feed promises not to show, its deviation, is in the spread on both ways."""
    exchange = without_fees(build_exchange(contracts(side, no_spread)))
    judge(side, hit_old_price(exchange, 5, 1.001), loot=1_000 * WAD)
