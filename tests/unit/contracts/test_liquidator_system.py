"""Liquidator on the whole system: perps, a dead feed, and the widest account there is."""

from __future__ import annotations

import pytest

from protocol.clients.ledger import TRADE
from protocol.clients.markets import NO_LIMIT
from protocol.errors import Revert
from protocol.types import Instrument, Kind
from protocol.units import WAD
from tests.system_fixtures import ADMIN, HOUR, OTHER_TAKER, STRANGER, Exchange, account

TRADER = "0x" + "7d" * 20
BIDDER = OTHER_TAKER
VENUE = "0x" + "c0" * 20
SICK = account(TRADER)
PERP = Instrument.perp(1).id
MAX_GAS = 10_000_000


@pytest.fixture
def exchange(rewound_exchange) -> Exchange:
    """TRADER long 3 ETH of perp on 2,000 dollars."""
    made: Exchange = rewound_exchange()
    made.fund(TRADER, 2_000)
    made.eth.perp.trade(SICK, 3 * WAD, NO_LIMIT, sender=TRADER)
    return made


def margin(exchange: Exchange, who: int = SICK) -> tuple[int, int, int]:
    terms = exchange.system.liquidator.terms(who)
    return terms.equity, terms.initial, terms.maintenance


def crash(exchange: Exchange, *, down_to: float = 1.0, step: float = 10.0) -> None:
    """The price falls until equity is below that share of maintenance margin."""
    price = exchange.outside(exchange.eth)
    equity, _, maintenance = margin(exchange)
    while equity >= down_to * maintenance:
        price -= step
        exchange.set_spot(exchange.eth, price)
        equity, _, maintenance = margin(exchange)
    exchange.system.oracle.record(1, sender=STRANGER)


def sold(exchange: Exchange, share: int, bidder: str = BIDDER) -> dict[str, int]:
    contract = exchange.system.liquidator
    receipt = contract.bid(SICK, account(bidder), share, sender=bidder)
    (row,) = (e.args for e in contract.events(receipt) if e.name == "SliceSold")
    return row


def test_bid__perp__goes_with_its_mark_and_the_pool_does_not_notice(exchange):
    crash(exchange)
    exchange.system.liquidator.flag(SICK, sender=STRANGER)
    exchange.advance(600)
    perp, ledger = exchange.eth.perp, exchange.system.ledger
    before, skew = perp.valuation().nav, perp.skew()
    was = margin(exchange)
    row = sold(exchange, WAD)
    taken = 3 * WAD * row["share"] // WAD
    assert ledger.position(account(BIDDER), PERP) == taken
    assert ledger.position(SICK, PERP) == 3 * WAD - taken
    assert abs(perp.valuation().nav - before) <= 3
    assert perp.skew() == skew
    now = margin(exchange)
    assert now[0] * was[2] > was[0] * now[2]  # healthier
    assert now[0] >= now[1] and exchange.system.liquidator.auction(SICK) == (0, 0)


def test_bid__perp_at_a_loss__bidder_takes_over_no_past(exchange):
    """What the perp has lost is the account's; the bidder's P&L starts at the price of now."""
    crash(exchange)
    exchange.system.liquidator.flag(SICK, sender=STRANGER)
    exchange.advance(600)
    cash = exchange.cash(BIDDER)
    row = sold(exchange, WAD)
    assert exchange.cash(BIDDER) - cash == row["cash"] > 0  # its discount: a perp is worth nothing
    assert abs(row["cash"] - row["discount"]) <= 10
    held = exchange.system.ledger.position(account(BIDDER), PERP)
    assert exchange.eth.perp.unrealised(account(BIDDER), held) == 0


def test_bid__perp_of_a_bidder_with_one__adds_up(exchange):
    exchange.eth.perp.trade(account(BIDDER), -WAD, 0, sender=BIDDER)
    crash(exchange)
    exchange.system.liquidator.flag(SICK, sender=STRANGER)
    row = sold(exchange, WAD)
    taken = 3 * WAD * row["share"] // WAD
    assert exchange.system.ledger.position(account(BIDDER), PERP) == taken - WAD


def test_bid__perp_of_few_wei__does_not_stop_a_slice(exchange):
    """Nothing of one wei can be handed over: the rest is sold all the same."""
    exchange.eth.perp.trade(SICK, -3 * WAD + 1, 0, sender=TRADER)
    ledger, pool = exchange.system.ledger, exchange.eth.amm.pool
    ledger.set_venue(VENUE, TRADE, sender=ADMIN)
    series = exchange.option(Kind.CALL, 2_000.0, week=1).id
    sell = series << 128 | (2**128 - 2 * WAD)
    row = (TRADER, SICK, pool, [sell], -300 * WAD, [0, 0, 0])
    ledger._send("settle", *row, sender=VENUE)
    price = 2_000.0
    while margin(exchange)[0] >= margin(exchange)[2]:
        price += 20.0
        exchange.set_spot(exchange.eth, price)
    exchange.system.liquidator.flag(SICK, sender=STRANGER)
    sold(exchange, WAD // 2)
    assert ledger.position(SICK, PERP) == 1


def test_dead_feed__liquidation_goes_on_at_the_worse_edge(exchange):
    crash(exchange, down_to=1.005, step=1.0)
    alive = margin(exchange)
    exchange.chain.advance(3 * HOUR)
    with pytest.raises(Revert, match="stale"):
        exchange.spot(exchange.eth)
    dead = margin(exchange)
    assert dead[0] < alive[0]  # a long is judged at the lower edge
    exchange.system.liquidator.flag(SICK, sender=STRANGER)
    exchange.chain.advance(600)
    row = sold(exchange, WAD)
    assert row["share"] > 0
    now = margin(exchange)
    assert now[0] * dead[2] > dead[0] * now[2]


def test_dead_feed__a_healthy_account_at_its_edge__is_left_alone(exchange, reverts):
    exchange.chain.advance(3 * HOUR)
    with reverts("liquidator: account healthy"):
        exchange.system.liquidator.flag(SICK, sender=STRANGER)


# -- the widest account --


def wide(exchange: Exchange) -> None:
    """63 options over both expiries, mostly short, and a perp."""
    ledger, pool = exchange.system.ledger, exchange.eth.amm.pool
    ledger.set_venue(VENUE, TRADE, sender=ADMIN)
    exchange.fund(TRADER, 400_000)
    legs = []
    for n in range(63):
        kind = Kind.CALL if n % 2 else Kind.PUT
        series = exchange.option(kind, 1_200.0 + 50.0 * (n // 4), week=n // 2 % 2)
        size = -WAD - n if n % 4 else WAD + n
        legs.append(series.id << 128 | size & (2**128 - 1))
    for first in range(0, 63, 8):
        row = (TRADER, SICK, pool, legs[first : first + 8], 0, [0, 0, 0])
        ledger._send("settle", *row, sender=VENUE)
    free = margin(exchange)
    tokens = (free[0] - free[1]) * 98 // 100 // exchange.unit
    ledger.withdraw(SICK, tokens, TRADER, sender=TRADER)
    assert len(ledger.portfolio(SICK)) == 64


@pytest.mark.parametrize("case", ["part", "whole", "poor bidder"])
def test_64_instruments__liquidated_in_bounded_gas(exchange, case):
    """A whole one: insolvent at once, every position moves and others pay. A bidder of little
    capital is judged by the scan as well.
    """
    wide(exchange)
    price = exchange.outside(exchange.eth)
    bound = 0.0 if case == "whole" else 0.6
    while margin(exchange)[0] >= bound * margin(exchange)[2]:
        price += 50.0
        exchange.set_spot(exchange.eth, price)
    contract = exchange.system.liquidator
    flagged = contract.flag(SICK, sender=STRANGER).gas_used
    exchange.advance(300)
    share = WAD if case == "whole" else WAD // 3
    if case == "poor bidder":
        _leave(exchange, margin(exchange)[1] * 36 // 100)
    bought = contract.bid(SICK, account(BIDDER), share, sender=BIDDER).gas_used
    print(f"64 instruments, {case}: flag {flagged:,}, bid {bought:,}")
    assert flagged <= MAX_GAS and bought <= MAX_GAS
    assert len(exchange.system.ledger.portfolio(account(BIDDER))) == 64


def _leave(exchange: Exchange, cash: int) -> None:
    """Take the bidder's cash out, but for what its margin needs and a little more."""
    tokens = (exchange.cash(BIDDER) - cash) // exchange.unit
    exchange.system.ledger.withdraw(account(BIDDER), tokens, BIDDER, sender=BIDDER)
