"""The settlement print bent for a moment, and taken twice."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.errors import Revert
from protocol.units import DAY, WAD
from tests.attacks.stage import contracts, judge, on_both_sides, roomy
from tests.attacks.twins import broken
from tests.system_fixtures import (
    COLLECTION,
    HOUR,
    STRANGER,
    TAKER,
    Exchange,
    account,
    build_exchange,
)

FAIR, FLASH = 2_000.0, 2_400.0
BLOCK, WINDOW = 12, 1_800  # seconds
SIZE = 300


def last_record_decides() -> Artifact:
    average = "return 0 if total == _VOID else (total + price * (end - since)) // WINDOW"
    return broken("PriceOracle", {average: "return price"}, module="print_window")


def taken_again_at_spot() -> Artifact:
    once = "if self._prices[underlying][day] != 0:"
    print_ = "staticcall IPriceOracle(oracle).settlement_print(underlying, day)"
    spot = "(staticcall IPriceOracle(oracle).spot(underlying)).price"
    return broken("ExpirySettlement", {once: "if False:", print_: spot})


def any_price_is_a_price() -> Artifact:
    bound = 'assert price <= (bounds >> 64) & feed_codec.MASK96, "oracle: price out of bounds"'
    return broken("PriceOracle", {bound: "pass"})


def to_window(exchange: Exchange, day: int) -> int:
    """Half an hour of records at the fair price, up to a block before expiry; that time."""
    expiry = day * DAY + 8 * HOUR
    exchange.advance(expiry - HOUR - exchange.now, eth=FAIR)
    while exchange.now < expiry - 2 * BLOCK:
        exchange.system.oracle.record(exchange.eth.underlying, sender=STRANGER)
        exchange.advance(min(300, expiry - BLOCK - exchange.now), eth=FAIR)
    return expiry


def settle(exchange: Exchange, day: int, owner: int) -> None:
    """Takes the print, then settles the pool and an account, as far as the pool's debt goes."""
    settlement, market = exchange.system.settlement, exchange.eth
    settlement.take_print(market.underlying, day, sender=STRANGER)
    both = (market.amm.pool, owner)
    exchange.chain.advance(COLLECTION)
    settlement.settle_accounts(both, market.underlying, day, sender=TAKER)


def flash(exchange: Exchange) -> int:
    """Long calls at the money; the feed jumps for the last block of the window."""
    day = exchange.days[0]
    exchange.trade(exchange.call(FAIR, SIZE))
    expiry = to_window(exchange, day)
    before = exchange.cash(TAKER)
    exchange.set_spot(exchange.eth, FLASH)
    exchange.system.oracle.record(exchange.eth.underlying, sender=TAKER)
    exchange.advance(expiry - exchange.now, eth=FAIR)
    exchange.system.oracle.record(exchange.eth.underlying, sender=STRANGER)
    settle(exchange, day, account(TAKER))
    return exchange.cash(TAKER) - before  # a fair print pays nothing


@on_both_sides
def test_flash__one_block_before_expiry__weighs_one_block(side: str) -> None:
    exchange = build_exchange(contracts(side, last_record_decides), amm=roomy())
    jump = SIZE * round(FLASH - FAIR) * WAD
    judge(side, flash(exchange), bound=jump * BLOCK // WINDOW, loot=jump * 9 // 10)


def take_twice(exchange: Exchange) -> int:
    """Calls in one account, puts in another: each is settled at the price that suits it."""
    day = exchange.days[0]
    exchange.trade(exchange.call(FAIR, SIZE))
    exchange.fund(TAKER, 1_000_000)
    put, puts = exchange.put(FAIR, SIZE), account(TAKER, 1)
    exchange.system.ledger.transfer_cash(account(TAKER), puts, 10**6 * WAD, sender=TAKER)
    exchange.eth.amm.trade(puts, [put], sender=TAKER)
    to_window(exchange, day)
    exchange.advance(BLOCK, eth=FAIR)
    exchange.system.oracle.record(exchange.eth.underlying, sender=STRANGER)
    both = (account(TAKER), puts)
    before = sum(exchange.system.ledger.cash(each) for each in both)
    for price, owner in ((FLASH, both[0]), (FAIR**2 / FLASH, both[1])):
        exchange.advance(BLOCK, eth=price)
        settle(exchange, day, owner)
    return sum(exchange.system.ledger.cash(each) for each in both) - before


@on_both_sides
def test_print__taken_again_after_a_move__pays_one_price(side: str) -> None:
    exchange = build_exchange(contracts(side, taken_again_at_spot), amm=roomy())
    judge(side, take_twice(exchange), loot=100_000 * WAD)


def more_decimals(exchange: Exchange) -> int:
    """The feed starts to answer with 18 digits after the point, where it had 8, in the window."""
    day = exchange.days[0]
    exchange.trade(exchange.call(FAIR, 1))
    expiry = to_window(exchange, day)
    before = exchange.cash(TAKER)
    exchange.set_spot(exchange.eth, FAIR * 10**10)
    with suppress(Revert):
        exchange.system.oracle.record(exchange.eth.underlying, sender=TAKER)
    exchange.chain.advance(expiry - exchange.now)
    settle(exchange, day, account(TAKER))
    return exchange.cash(TAKER) - before


@on_both_sides
def test_feed__with_other_decimals_all_at_once__prints_what_was_before(side: str) -> None:
    exchange = build_exchange(contracts(side, any_price_is_a_price), amm=roomy())
    judge(side, more_decimals(exchange), loot=10**6 * WAD)
