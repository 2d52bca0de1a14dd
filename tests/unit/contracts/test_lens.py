"""Lens: one call says what many would, and still answers when prices are stale."""

from __future__ import annotations

from protocol.types import Instrument
from protocol.units import DAY, WAD
from tests.system_fixtures import KEEPER, OTHER_TAKER, STRANGER, TAKER, account


def test_pool__says_what_its_parts_say(exchange):
    exchange.trade(exchange.call(2_000, 10))
    amm, perp = exchange.eth.amm, exchange.eth.perp
    amm.hedge(2 * WAD, 2_010 * WAD, sender=KEEPER)
    exchange.advance(600, eth=2_010)
    exchange.system.oracle.record(1, sender=STRANGER)
    view = exchange.system.lens.pool(amm.address)
    hedge = exchange.system.ledger.position(amm.pool, Instrument.perp(1).id)
    assert hedge == 2 * WAD
    assert view.account == amm.pool
    assert view.cash == exchange.system.ledger.cash(amm.pool)
    assert (view.depth, view.risk, view.expiries) == (amm.depth(), amm.risk(), amm.expiries())
    assert (view.hedge, view.unrealised) == (hedge, perp.unrealised(amm.pool, hedge))
    assert view.unrealised != 0
    assert view.live
    assert view.spot == exchange.system.oracle.last_good(1)
    assert view.skew == perp.skew()
    assert (view.funding_rate, view.funding_index) == perp.funding()


def test_pool__of_the_other_underlying__its_own(exchange):
    exchange.trade(exchange.call(2_000, 10))
    view = exchange.system.lens.pool(exchange.btc.amm.address)
    assert view.account == exchange.btc.amm.pool
    assert view.risk == exchange.btc.amm.risk() and not any(view.risk)
    assert view.spot.price == 60_000 * WAD


def test_pool__stale_price__answers(exchange):
    exchange.trade(exchange.call(2_000, 10))
    exchange.eth.amm.hedge(2 * WAD, 2_010 * WAD, sender=KEEPER)
    exchange.chain.advance(DAY)
    view = exchange.system.lens.pool(exchange.eth.amm.address)
    assert not view.live
    assert (view.unrealised, view.funding_rate, view.funding_index) == (0, 0, 0)
    assert view.hedge == 2 * WAD
    assert view.spot.price == 2_000 * WAD


def test_account__positions_with_marks(exchange):
    legs = [exchange.call(2_000, 10), exchange.put(1_900, -2, week=1)]
    exchange.trade(*legs)
    exchange.eth.perp.trade(account(TAKER), WAD, 2**128, sender=TAKER)
    view = exchange.system.lens.account(account(TAKER))
    assert view.cash == exchange.cash(TAKER)
    perp = Instrument.perp(1).id
    assert view.positions.pop(perp) == (WAD, 0)
    for leg in legs:
        words = exchange.system.surface._call("words", 1, leg.instrument.day)
        mark = exchange.system.pricer.mark(leg.instrument.id, 2_000 * WAD, words)
        assert view.positions.pop(leg.instrument.id) == (leg.size, mark)
        assert mark > 0
    assert not view.positions


def test_account__expired_series__marked_zero(exchange):
    leg = exchange.call(2_000, 10)
    exchange.trade(leg)
    exchange.chain.set_time(leg.instrument.expiry)
    view = exchange.system.lens.account(account(TAKER))
    assert view.positions == {leg.instrument.id: (leg.size, 0)}


def test_account__empty__nothing(exchange):
    view = exchange.system.lens.account(account(OTHER_TAKER, 5))
    assert (view.cash, view.positions) == (0, {})
