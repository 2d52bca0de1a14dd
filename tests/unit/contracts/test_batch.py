"""Batch: signed prices and a trade at them in one transaction, for whoever may trade anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from protocol.chain.accounts import Keyring
from protocol.clients.ledger import SCOPE_TRADE, SCOPE_WITHDRAW
from protocol.clients.periphery import Batch
from protocol.clients.signed_prices import Report, sign_report
from protocol.parameters import PullFeedParameters
from protocol.types import Instrument
from protocol.units import WAD
from tests.system_fixtures import ADMIN, OTHER_TAKER, STRANGER, TAKER, Exchange, account

KEYS = Keyring.dev(2)
FEED = PullFeedParameters(max_age=60)
HIGH = 2**127


@dataclass(frozen=True, slots=True)
class Desk:
    """The exchange with ETH on signed prices, and a taker who has approved the batch."""

    exchange: Exchange

    @property
    def batch(self) -> Batch:
        return self.exchange.system.batch

    def report(self, price: float, *, age: int = 0, underlying: int = 1) -> Report:
        chain, oracle = self.exchange.chain, self.exchange.system.oracle.address
        report = Report(underlying, round(price * WAD), 10**15, chain.timestamp - age)
        return sign_report(report, KEYS, chain_id=chain.chain_id, oracle=oracle)

    def buy(self, *reports: Report, sender: str = TAKER, size: float = 5.0):
        legs = [self.exchange.call(2_000, size)]
        amm = self.exchange.eth.amm.address
        return self.batch.trade_options(amm, reports, account(TAKER), legs, sender=sender)

    def buy_perp(self, *reports: Report, sender: str = TAKER):
        market = self.exchange.eth.perp.address
        return self.batch.trade_perp(
            market, reports, account(TAKER), WAD, sender=sender, limit_price=HIGH
        )

    def perp_position(self) -> int:
        return self.exchange.system.ledger.position(account(TAKER), Instrument.perp(1).id)


@pytest.fixture
def desk(exchange: Exchange) -> Iterator[Desk]:
    system = exchange.system
    system.oracle.set_pull_feed(1, FEED, sender=ADMIN)
    system.oracle.set_signers(KEYS.addresses, 2, sender=ADMIN)
    system.ledger.set_operator(account(TAKER), system.batch.address, SCOPE_TRADE, sender=TAKER)
    yield Desk(exchange)


def trades(desk: Desk) -> tuple[Callable[..., object], ...]:
    return desk.buy, desk.buy_perp


def test_trade_options__with_a_report__is_at_its_price(desk):
    receipt = desk.buy(desk.report(2_010.0))
    (traded,) = [e for e in desk.exchange.eth.amm.events(receipt) if e.name == "Traded"]
    assert (traded.args["account"], traded.args["spot"]) == (account(TAKER), 2_010 * WAD)
    leg = desk.exchange.call(2_000, 5.0)
    held = desk.exchange.system.ledger.position(account(TAKER), leg.instrument.id)
    assert held == leg.size


def test_trade_perp__with_a_report__is_at_its_price(desk):
    receipt = desk.buy_perp(desk.report(2_010.0, age=2))
    (traded,) = [e for e in desk.exchange.eth.perp.events(receipt) if e.name == "PerpTraded"]
    assert (traded.args["index"], traded.args["size"]) == (2_010 * WAD, WAD)
    assert desk.perp_position() == WAD


def test_trade__report_overtaken__is_at_the_newer_price(desk):
    mine = desk.report(2_000.0, age=3)
    desk.exchange.system.oracle.post([desk.report(2_020.0, age=2)], sender=STRANGER)
    receipt = desk.buy_perp(mine)
    (traded,) = [e for e in desk.exchange.eth.perp.events(receipt) if e.name == "PerpTraded"]
    assert traded.args["index"] == 2_020 * WAD


def test_trade__no_report__is_at_the_price_there(desk, reverts):
    for trade in trades(desk):
        with reverts("oracle: price stale"):
            trade()
    desk.exchange.system.oracle.post([desk.report(2_000.0)], sender=STRANGER)
    for trade in trades(desk):
        trade()


def test_trade__past_its_limit__keeps_no_price(desk, reverts):
    with reverts("perp: limit price"):
        desk.batch.trade_perp(
            desk.exchange.eth.perp.address,
            [desk.report(2_010.0)],
            account(TAKER),
            WAD,
            sender=TAKER,
            limit_price=2_010 * WAD,
        )
    with reverts("oracle: price stale"):
        desk.exchange.system.oracle.spot(1)


def test_trade__of_a_strangers_account__reverts(desk, reverts):
    for trade in trades(desk):
        for sender in (STRANGER, OTHER_TAKER):
            with reverts("batch: not authorised"):
                trade(desk.report(2_000.0), sender=sender)


def test_trade__by_a_trade_operator__goes(desk, reverts):
    ledger = desk.exchange.system.ledger
    ledger.set_operator(account(TAKER), OTHER_TAKER, SCOPE_WITHDRAW, sender=TAKER)
    with reverts("batch: not authorised"):
        desk.buy_perp(desk.report(2_000.0), sender=OTHER_TAKER)
    ledger.set_operator(account(TAKER), OTHER_TAKER, SCOPE_TRADE, sender=TAKER)
    desk.buy_perp(desk.report(2_000.0), sender=OTHER_TAKER)
    assert desk.perp_position() == WAD


def test_trade__batch_not_approved__reverts(desk, reverts):
    desk.exchange.system.ledger.set_operator(account(TAKER), desk.batch.address, 0, sender=TAKER)
    for trade in trades(desk):
        with reverts("ledger: not authorised"):
            trade(desk.report(2_000.0))


def test_trade__at_no_venue__reverts(desk, reverts):
    system = desk.exchange.system
    # the settlement is a venue of the ledger without the right to trade
    for stranger in (STRANGER, system.ledger.address, system.settlement.address):
        with reverts("batch: no venue"):
            desk.batch.trade_perp(stranger, [], account(TAKER), WAD, sender=TAKER, limit_price=HIGH)
        with reverts("batch: no venue"):
            desk.batch.trade_options(stranger, [], account(TAKER), [], sender=TAKER)


def test_trade__at_a_venue_of_another_kind__reverts(desk, reverts):
    desk.exchange.system.oracle.post([desk.report(2_000.0)], sender=STRANGER)
    amm, perp = desk.exchange.eth.amm.address, desk.exchange.eth.perp.address
    with reverts():
        desk.batch.trade_perp(amm, [], account(TAKER), WAD, sender=TAKER, limit_price=HIGH)
    with reverts():
        legs = [desk.exchange.call(2_000, 1.0)]
        desk.batch.trade_options(perp, [], account(TAKER), legs, sender=TAKER)


def test_trade__bad_report__reverts(desk, reverts):
    forged = desk.report(2_000.0)
    for trade in trades(desk):
        with reverts("oracle: too few signatures"):
            trade(Report(1, forged.price, 0, forged.timestamp, forged.signatures[:0]))
