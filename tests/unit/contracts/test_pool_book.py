"""pool_book: what a pool keeps of its risk stays the sum of its expiries."""

from __future__ import annotations

from protocol.types import Instrument, Leg
from protocol.units import WAD
from tests.system_fixtures import STRANGER, Exchange, set_parameters

GREEKS = ("delta", "vega", "gamma", "reserve")


def check_sums(exchange: Exchange) -> None:
    amm = exchange.eth.amm
    hedge = exchange.system.ledger.position(amm.pool, Instrument.perp(1).id)
    totals, books = amm.risk(), amm.expiries()
    for name in GREEKS:
        expected = sum(getattr(book, name) for book in books) + (name == "delta") * hedge
        assert getattr(totals, name) == expected, name


def test_buy_then_sell__still_market__as_before(exchange):
    legs = [exchange.call(2_100, 7), exchange.put(1_900, -3, week=1)]
    exchange.trade(exchange.call(2_000, 5))
    before = exchange.eth.amm.expiries()
    exchange.trade(*legs)
    assert exchange.eth.amm.expiries() != before
    exchange.trade(*(Leg(leg.instrument, -leg.size) for leg in legs))
    after = exchange.eth.amm.expiries()
    for was, now in zip(before, after, strict=True):
        assert was._replace(reserve=0) == now._replace(reserve=0)
        assert 0 <= now.reserve - was.reserve <= 10**9
    check_sums(exchange)


def test_reserve__sold_back_at_a_higher_spot__never_below_zero(exchange):
    """Shorts of one expiry reserve less when opened than they free when closed: the totals must not
    take the difference from what other expiries have reserved."""
    amm = exchange.eth.amm
    exchange.trade(exchange.call(2_000, 50, week=1))
    kept = amm.expiries()[1].reserve
    exchange.trade(exchange.call(2_000, 50))
    exchange.advance(60, eth=2_040)
    exchange.trade(exchange.call(2_000, -50))
    assert amm.expiries()[0].reserve == 0
    assert amm.risk().reserve == kept
    check_sums(exchange)
    amm.refresh(exchange.days[0], sender=STRANGER)
    check_sums(exchange)


def test_reserve__of_longs__none(exchange):
    exchange.trade(exchange.call(2_000, -5))
    assert exchange.eth.amm.risk().reserve == 0
    exchange.trade(exchange.call(2_000, 8))
    assert exchange.eth.amm.risk().reserve == 3 * 300 * WAD


def test_reserve__in_the_money__intrinsic_on_top(exchange):
    set_parameters(exchange.eth, spreads={"delta_cut": 0})
    exchange.trade(exchange.put(2_200, 2))
    assert exchange.eth.amm.risk().reserve == 2 * (200 + 300) * WAD


def test_refresh__at_a_still_market__changes_nothing(exchange):
    exchange.trade(exchange.call(2_000, 5), exchange.put(1_900, 3, week=1))
    before = exchange.eth.amm.expiries()
    exchange.refresh(exchange.eth)
    for was, now in zip(before, exchange.eth.amm.expiries(), strict=True):
        assert (was.delta, was.vega, was.gamma) == (now.delta, now.vega, now.gamma)
        assert abs(was.value - now.value) <= 1
        assert was.reserve == now.reserve


def test_forget__middle_of_the_list__keeps_the_others(exchange):
    """Unlisting the first expiry leaves the second as it was, order and all."""
    amm, day = exchange.eth.amm, exchange.days[0]
    exchange.trade(exchange.call(2_000, 5), exchange.put(1_900, 3, week=1))
    far = amm.expiries()[1]
    exchange.pass_expiry(day)
    exchange.system.settlement.take_print(1, day, sender=STRANGER)
    amm.close_expiry(day, sender=STRANGER)
    assert amm.expiries() == [far]
    check_sums(exchange)
