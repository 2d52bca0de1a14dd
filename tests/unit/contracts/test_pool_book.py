"""pool_book: what a pool keeps of its risk stays the sum of its expiries."""

from __future__ import annotations

from protocol.types import Instrument, Leg
from tests.system_fixtures import STRANGER, Exchange

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
        assert now.reserve >= was.reserve
    exchange.refresh(exchange.eth)
    assert exchange.eth.amm.risk().reserve < sum(row.reserve for row in after)
    check_sums(exchange)


def reserved(exchange: Exchange) -> int:
    """What the risk engine asks for the pool's first expiry, in whole steps."""
    system, amm = exchange.system, exchange.eth.amm
    held = system.ledger.pool_positions(amm.pool, 1, exchange.days[0])
    return -(-system.risk_engine.reserve(held) // 10**9) * 10**9


def test_reserve__after_a_refresh__is_the_risk_engines(exchange):
    for _ in range(4):
        exchange.trade(exchange.call(2_000, 50), exchange.put(1_900, 20), exchange.call(2_200, -30))
    amm = exchange.eth.amm
    before = amm.expiries()[0].reserve
    exchange.refresh(exchange.eth)
    assert 0 < amm.expiries()[0].reserve == reserved(exchange) < before
    check_sums(exchange)


def test_reserve__between_refreshes__is_no_less_than_the_risk_engines(exchange):
    """Sold out of a long or not: the long may have covered another short."""
    for _ in range(4):
        exchange.trade(exchange.call(2_100, -50), exchange.call(2_000, 50))
    exchange.refresh(exchange.eth)
    amm = exchange.eth.amm
    covered = amm.risk().reserve
    for _ in range(4):
        exchange.trade(exchange.call(2_100, 50))
    assert amm.risk().reserve > reserved(exchange) > 2 * covered
    kept = amm.risk().reserve
    for _ in range(4):
        exchange.trade(exchange.call(2_000, -50))
    assert amm.risk().reserve == kept  # freed by the refresh
    exchange.refresh(exchange.eth)
    assert amm.risk().reserve == 0
    check_sums(exchange)


def test_reserve__of_a_light_book__is_the_bound(exchange):
    """A scan costs more gas than a twentieth of the pool's depth is worth knowing exactly."""
    exchange.trade(exchange.call(2_100, -5), exchange.call(2_000, 5))
    exchange.refresh(exchange.eth)
    amm, engine = exchange.eth.amm, exchange.system.risk_engine
    held = exchange.system.ledger.pool_positions(amm.pool, 1, exchange.days[0])
    bound = engine.reserve(held, enough=amm.depth() // 20)
    assert amm.expiries()[0].reserve == -(-bound // 10**9) * 10**9 > 2 * engine.reserve(held)


def test_reserve__of_longs__none(exchange):
    exchange.trade(exchange.call(2_000, -5))
    exchange.refresh(exchange.eth)
    assert exchange.eth.amm.risk().reserve == 0


def test_refresh__at_a_still_market__changes_nothing(exchange):
    exchange.trade(exchange.call(2_000, 5), exchange.put(1_900, 3, week=1))
    before = exchange.eth.amm.expiries()
    exchange.refresh(exchange.eth)
    for was, now in zip(before, exchange.eth.amm.expiries(), strict=True):
        assert (was.delta, was.vega, was.gamma) == (now.delta, now.vega, now.gamma)
        assert abs(was.value - now.value) <= 1
        assert 0 < now.reserve <= was.reserve


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
