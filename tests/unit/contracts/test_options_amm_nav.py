"""What the options pool counts as its own: its hedge's gain, and money given to an empty book."""

from __future__ import annotations

from protocol.types import Instrument
from protocol.units import WAD
from tests.system_fixtures import KEEPER, STRANGER, TAKER, account


def test_valuation__with_a_hedge__counts_what_it_has_won(exchange):
    amm, ledger = exchange.eth.amm, exchange.system.ledger
    exchange.trade(exchange.call(2_000, 10))
    amm.hedge(2 * WAD, 2_010 * WAD, sender=KEEPER)
    exchange.advance(600, eth=2_010)
    for book in amm.expiries():
        amm.refresh(book.day, sender=STRANGER)
    hedge = ledger.position(amm.pool, Instrument.perp(1).id)
    won = exchange.eth.perp.unrealised(amm.pool, hedge)
    assert won > 0
    marks = sum(book.value for book in amm.expiries())
    assert amm.valuation().nav == ledger.cash(amm.pool) + marks + won


def test_refresh__empty_book__depth_follows_a_gift_at_once(exchange):
    amm = exchange.eth.amm
    before = amm.depth()
    gift = int(exchange.cash(TAKER)) // 2
    transfer = (account(TAKER), amm.pool, gift)
    exchange.system.ledger._send("transfer_cash", *transfer, sender=TAKER)
    exchange.advance(60)
    amm.refresh(amm.expiries()[0].day, sender=STRANGER)
    assert amm.depth() == before + gift
