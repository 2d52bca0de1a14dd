"""OptionsAMM between trades: listing, refreshing, hedging, closing; its parameters and fees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.types import Instrument
from protocol.units import WAD
from tests.system_fixtures import (
    ADMIN,
    COLLECTION,
    KEEPER,
    STRANGER,
    TAKER,
    Exchange,
    account,
)

HOUR = 3_600
ANY_PRICE = 2**128


def listed(exchange: Exchange) -> list[int]:
    return [book.day for book in exchange.eth.amm.expiries()]


# -- listing --


def test_list__by_others__reverts(exchange, reverts):
    for who in (ADMIN, STRANGER):
        with reverts("access: keeper only"):
            exchange.eth.amm.list_expiry(exchange.days[0] + 7, 500_000, sender=who)


@pytest.mark.parametrize(
    ("ahead", "step", "reason"),
    [
        (0, 500_000, "amm: expiry listed"),
        (7, 0, "amm: no strike step"),
        (-14, 500_000, "amm: series expired"),
        (7, 500_000, "amm: no surface"),
        (7, 2**32, "amm: no surface"),
    ],
)
def test_list__bad_expiry__reverts(ahead, step, reason, exchange, reverts):
    with reverts(reason):
        exchange.eth.amm.list_expiry(exchange.days[0] + ahead, step, sender=KEEPER)


def test_list__strike_step_out_of_field__reverts(exchange, reverts):
    surface = replace(exchange.system.surface.expiry(1, exchange.days[1]), day=exchange.days[1] + 7)
    exchange.system.surface.push(1, [surface], sender=KEEPER)
    with reverts("amm: expiry out of field"):
        exchange.eth.amm.list_expiry(surface.day, 2**32, sender=KEEPER)
    exchange.eth.amm.list_expiry(surface.day, 2**32 - 1, sender=KEEPER)


def test_list__thirteenth__reverts(exchange, reverts):
    amm, surface = exchange.eth.amm, exchange.system.surface
    flat = surface.expiry(1, exchange.days[1])
    for n in range(1, 11):
        surface.push(1, [replace(flat, day=flat.day + n)], sender=KEEPER)
        amm.list_expiry(flat.day + n, 500_000, sender=KEEPER)
    assert len(listed(exchange)) == 12
    surface.push(1, [replace(flat, day=flat.day + 11)], sender=KEEPER)
    with reverts("amm: too many expiries"):
        amm.list_expiry(flat.day + 11, 500_000, sender=KEEPER)


# -- refreshing --


def test_refresh__unlisted__reverts(exchange, reverts):
    with reverts("amm: expiry not listed"):
        exchange.eth.amm.refresh(exchange.days[0] + 1, sender=STRANGER)


def test_refresh__stale_price__reverts(exchange, reverts):
    exchange.chain.advance(3 * HOUR)
    with reverts("oracle: price stale"):
        exchange.eth.amm.refresh(exchange.days[0], sender=STRANGER)


def test_refresh__depth__follows_a_loss_at_once_and_a_gain_slowly(exchange):
    amm, growth = exchange.eth.amm, 2 * WAD // 100
    exchange.trade(exchange.call(2_000, 200), exchange.put(2_000, 200))
    first = amm.depth()
    exchange.advance(HOUR, eth=2_400)
    exchange.push(exchange.eth)
    exchange.refresh(exchange.eth)
    fallen = amm.depth()
    assert fallen == amm.valuation().nav < first
    exchange.advance(HOUR, eth=2_000)
    exchange.push(exchange.eth)
    exchange.refresh(exchange.eth)
    assert amm.depth() == fallen + fallen * growth // WAD < amm.valuation().nav


def test_refresh__one_expiry_stale__depth_waits(exchange):
    amm, before = exchange.eth.amm, exchange.eth.amm.depth()
    exchange.trade(exchange.call(2_000, 200), exchange.put(2_000, 200))
    exchange.advance(HOUR, eth=2_400)
    exchange.push(exchange.eth)
    amm.refresh(exchange.days[0], sender=STRANGER)
    assert amm.depth() == before
    amm.refresh(exchange.days[1], sender=STRANGER)
    assert amm.depth() < before


# -- hedging --


def hedge(exchange: Exchange, size: int, *, limit: int, sender: str = KEEPER) -> None:
    exchange.eth.amm.hedge(size, limit, sender=sender)


def test_hedge__by_others__reverts(exchange, reverts):
    exchange.trade(exchange.call(2_000, 10))
    for who in (ADMIN, STRANGER, TAKER):
        with reverts("access: keeper only"):
            hedge(exchange, WAD, limit=2_010 * WAD, sender=who)


def test_hedge__that_adds_risk__reverts(exchange, reverts):
    exchange.trade(exchange.call(2_000, 10))
    delta = exchange.eth.amm.risk().delta
    assert delta < 0
    for size, limit in (
        (0, 0),
        (-WAD, 1_990 * WAD),
        (-2 * delta, 2_010 * WAD),
        (-3 * delta, 2_010 * WAD),
    ):
        with reverts("amm: hedge adds risk"):
            hedge(exchange, size, limit=limit)


def test_hedge__past_zero__reverts(exchange, reverts):
    for sold in (10, -20):  # short, then long
        exchange.trade(exchange.call(2_000, sold))
        delta = exchange.eth.amm.risk().delta
        limit = 2_020 * WAD if delta < 0 else 1_980 * WAD
        for size in (-2 * delta + (1 if delta > 0 else -1), -delta + (1 if delta < 0 else -1)):
            with reverts("amm: hedge past zero"):
                hedge(exchange, size, limit=limit)
        hedge(exchange, -delta, limit=limit)
        assert exchange.eth.amm.risk().delta == 0


def test_hedge__price__inside_the_bound(exchange, reverts):
    exchange.trade(exchange.call(2_000, 10))
    with reverts("amm: hedge price too high"):
        hedge(exchange, WAD, limit=2_040 * WAD + 1)
    with reverts("perp: limit price"):
        hedge(exchange, WAD, limit=2_000 * WAD)
    hedge(exchange, WAD, limit=2_040 * WAD)
    exchange.trade(exchange.call(2_000, -20))
    with reverts("amm: hedge price too low"):
        hedge(exchange, -WAD, limit=1_960 * WAD - 1)
    hedge(exchange, -WAD, limit=1_960 * WAD)


def test_hedge__too_late__reverts(exchange, reverts):
    exchange.trade(exchange.call(2_000, 10))
    with reverts("perp: deadline passed"):
        exchange.eth.amm.hedge(WAD, 2_010 * WAD, sender=KEEPER, deadline=exchange.now - 1)


def test_hedge__moves_delta_and_the_perp_position(exchange):
    exchange.trade(exchange.call(2_000, 10))
    amm, ledger = exchange.eth.amm, exchange.system.ledger
    delta, cash = amm.risk().delta, ledger.cash(amm.pool)
    receipt = amm.hedge(-delta, 2_010 * WAD, sender=KEEPER)
    assert amm.risk().delta == 0
    assert ledger.position(amm.pool, Instrument.perp(1).id) == -delta
    (event,) = amm.events(receipt)
    assert event.args == {"size": -delta, "cash": cash - ledger.cash(amm.pool), "delta": 0}


# -- closing an expiry --


def test_close__without_a_price__reverts(exchange, reverts):
    amm, day = exchange.eth.amm, exchange.days[0]
    with reverts("amm: expiry not listed"):
        amm.close_expiry(day + 1, sender=STRANGER)
    with reverts("amm: no settlement price"):
        amm.close_expiry(day, sender=STRANGER)
    exchange.pass_expiry(day, record=False)
    with reverts("amm: no settlement price"):
        amm.close_expiry(day, sender=STRANGER)


def test_close__pool_that_is_owed__waits_until_losers_are_settled(exchange, reverts):
    amm, day, ledger = exchange.eth.amm, exchange.days[0], exchange.system.ledger
    exchange.trade(exchange.call(2_000, -10))
    exchange.advance(1, eth=2_100)
    exchange.pass_expiry(day)
    settlement = exchange.system.settlement
    settlement.take_print(1, day, sender=STRANGER)
    settlement.settle_account(account(TAKER), sender=STRANGER)
    with reverts("expiry: still collecting"):
        amm.close_expiry(day, sender=STRANGER)
    exchange.advance(COLLECTION)
    cash = ledger.cash(amm.pool)
    amm.close_expiry(day, sender=STRANGER)
    assert ledger.cash(amm.pool) - cash == 10 * 100 * WAD
    assert listed(exchange) == [exchange.days[1]]


@pytest.mark.parametrize("settled_before", [False, True])
def test_close__by_anyone__pays_and_forgets(settled_before, exchange):
    amm, day, ledger = exchange.eth.amm, exchange.days[0], exchange.system.ledger
    exchange.trade(exchange.call(2_000, 10), exchange.call(2_000, 10, week=1))
    exchange.advance(1, eth=2_100)
    far = amm.expiries()[1]
    exchange.pass_expiry(day)
    settlement = exchange.system.settlement
    settlement.take_print(1, day, sender=STRANGER)
    if settled_before:
        settlement.settle_pool(amm.pool, 1, day, sender=STRANGER)
    cash = ledger.cash(amm.pool)
    amm.close_expiry(day, sender=STRANGER)
    assert ledger.cash(amm.pool) - cash == (0 if settled_before else -10 * 100 * WAD)
    assert listed(exchange) == [exchange.days[1]]
    assert ledger.pool_positions(amm.pool, 1, day) == {}
    assert amm.risk() == (far.delta, far.vega, far.gamma, far.reserve)
