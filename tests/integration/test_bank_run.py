"""Every LP of the options pool asks to leave at once, after a crash that it was short of."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import pytest

from protocol.chain.artifacts import Artifacts
from protocol.units import WAD
from tests.attacks.stage import refresh, roomy
from tests.system_fixtures import DELAY, LP, OTHER_TAKER, STRANGER, Exchange, build_exchange

RUNNERS = tuple(f"0x{number:040x}" for number in range(0xC0, 0xC0 + 8))
STAKE = 250_000
STRADDLES, SPOT = 240, 1_300.0


class Exit(NamedTuple):
    owner: str
    paid: Fraction  # cash per share
    before: Fraction  # (NAV - potential) per share
    after: Fraction


def enter(exchange: Exchange) -> None:
    vault = exchange.eth.options_vault
    for owner in RUNNERS:
        exchange.request_deposit(vault, owner, STAKE)
    exchange.advance(DELAY)
    exchange.push(exchange.eth)
    refresh(exchange, exchange.eth)
    vault.process(32, sender=STRANGER)
    for owner in RUNNERS:
        exchange.claim(vault, owner)


def owned(exchange: Exchange) -> Fraction:
    value = exchange.eth.amm.valuation()
    return Fraction(value.nav - value.risk, exchange.eth.options_vault.total_supply())


def drain(exchange: Exchange) -> Iterator[Exit]:
    vault = exchange.eth.options_vault
    while True:
        before = owned(exchange)
        receipt = vault.process(1, sender=STRANGER)
        gone = [event for event in vault.events(receipt) if event.name == "RedeemProcessed"]
        if not gone:
            return
        for event in gone:
            paid = Fraction(event.args["assets"] * exchange.unit, event.args["shares"])
            yield Exit(event.args["controller"], paid, before, owned(exchange))


@pytest.fixture(scope="module")
def run(artifacts: Artifacts) -> tuple[Exchange, Fraction, list[Exit]]:
    exchange = build_exchange(artifacts, amm=roomy())
    market, vault = exchange.eth, exchange.eth.options_vault
    enter(exchange)
    at_first = owned(exchange)
    legs = exchange.call(2_000, STRADDLES, week=1), exchange.put(2_000, STRADDLES, week=1)
    exchange.trade(*legs, taker=OTHER_TAKER)
    exchange.advance(60, eth=SPOT)
    for owner in (*RUNNERS, LP):
        vault.request_redeem(vault.balance_of(owner), owner, sender=owner)
    exchange.advance(DELAY)
    exchange.push(market)
    refresh(exchange, market)
    return exchange, at_first, list(drain(exchange))


def test_run__after_a_loss__is_paid_in_order(run) -> None:
    _, at_first, exits = run
    assert exits[0].before < at_first * Fraction(99, 100)
    order = list(dict.fromkeys(each.owner for each in exits))
    assert order == [*RUNNERS, LP][: len(order)]
    assert len(order) > 2


def test_run__nobody_is_paid_more_than_his_share_of_nav_less_potential(run) -> None:
    _, _, exits = run
    assert max(each.paid - each.before for each in exits) <= 0


def test_run__who_stays_or_waits__loses_nothing_at_any_step(run) -> None:
    exchange, _, exits = run
    supply = exchange.eth.options_vault.total_supply()
    for each in exits:
        assert each.after >= each.before - Fraction(4, supply)


def test_run__what_the_positions_may_cost__stays(run) -> None:
    exchange, _, _ = run
    market = exchange.eth
    value = market.amm.valuation()
    reserve = sum(book.reserve for book in market.amm.expiries())
    assert reserve > 100_000 * WAD
    assert exchange.system.ledger.cash(market.amm.pool) >= reserve + value.free_cash
    assert value.free_cash >= value.nav // 10
    assert market.options_vault.pending_redeem(LP) > 0
