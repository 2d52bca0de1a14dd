"""OptionsAMM and its LPs: what a pool is worth, when it says so, and who may take cash out."""

from __future__ import annotations

import pytest

from protocol.clients.base import AnyContract, deploy_contract
from protocol.units import WAD
from tests.system_fixtures import (
    ADMIN,
    DELAY,
    KEEPER,
    LP,
    OTHER_LP,
    STRANGER,
    account,
)

# -- valuation --


@pytest.mark.parametrize(
    ("seconds", "price", "fresh"),
    [(300, 2_000, True), (301, 2_000, False), (1, 2_002, True), (1, 2_002.01, False),
     (1, 1_998, True), (1, 1_997.99, False)],
)  # fmt: skip
def test_valuation__age_and_drift__to_the_edge(seconds, price, fresh, exchange, reverts):
    exchange.refresh(exchange.eth)
    exchange.advance(seconds, eth=price)
    if fresh:
        exchange.eth.amm.valuation()
    else:
        with reverts("amm: valuation stale"):
            exchange.eth.amm.valuation()


def test_valuation__expired_and_not_closed__reverts(exchange, reverts):
    exchange.pass_expiry(exchange.days[0])
    exchange.push(exchange.eth)
    exchange.eth.amm.refresh(exchange.days[1], sender=STRANGER)
    with reverts("amm: valuation stale"):
        exchange.eth.amm.valuation()
    exchange.system.settlement.take_print(1, exchange.days[0], sender=STRANGER)
    exchange.eth.amm.close_expiry(exchange.days[0], sender=STRANGER)
    exchange.eth.amm.valuation()


@pytest.mark.parametrize(("seconds", "fresh"), [(900, True), (901, False)])
def test_valuation__old_surface__to_the_second(seconds, fresh, exchange, reverts):
    exchange.advance(seconds)
    exchange.refresh(exchange.eth)  # by the same surface
    if fresh:
        exchange.eth.amm.valuation()
        return
    with reverts("amm: valuation stale"):
        exchange.eth.amm.valuation()
    exchange.push(exchange.eth)
    exchange.refresh(exchange.eth)
    exchange.eth.amm.valuation()


# -- the vault --


def test_release__by_others__reverts(exchange, reverts):
    for who in (ADMIN, KEEPER, LP):
        with reverts("amm: vault only"):
            exchange.eth.amm._send("release", account(who), 1, sender=who)


def test_release__above_free_cash__reverts(exchange, reverts):
    exchange.trade(exchange.call(2_000, 100))
    exchange.refresh(exchange.eth)
    amm, vault = exchange.eth.amm, exchange.eth.options_vault.address
    value, cash = amm.valuation(), exchange.system.ledger.cash(amm.pool)
    reserve = amm.risk().reserve
    assert reserve > 0
    assert value.free_cash == min(cash, value.nav) - reserve
    with reverts("amm: cash is reserved"):
        amm._send("release", account(OTHER_LP), value.free_cash + 1, sender=vault)
    amm._send("release", account(OTHER_LP), value.free_cash, sender=vault)
    assert amm.depth() == value.depth - value.free_cash
    assert exchange.system.ledger.cash(account(OTHER_LP)) == value.free_cash


def test_release__at_a_stale_value__reverts(exchange, reverts):
    exchange.advance(301)
    with reverts("amm: valuation stale"):
        vault = exchange.eth.options_vault.address
        exchange.eth.amm._send("release", account(LP), 1, sender=vault)


def test_free_cash__all_reserved__none(exchange):
    """Everything that was free has left, and then the price rises against the pool."""
    exchange.trade(exchange.call(2_000, 100))
    exchange.refresh(exchange.eth)
    amm = exchange.eth.amm
    free = amm.valuation().free_cash
    vault = exchange.eth.options_vault.address
    amm._send("release", account(OTHER_LP), free, sender=vault)
    exchange.advance(60, eth=2_080)
    exchange.refresh(exchange.eth)
    assert amm.valuation().free_cash == 0
    assert amm.risk().reserve > min(amm.valuation().nav, exchange.system.ledger.cash(amm.pool))


def test_set_vault__once_and_by_the_admin(exchange, reverts):
    amm = exchange.eth.amm
    with reverts("access: admin only"):
        amm.set_vault(STRANGER, sender=STRANGER)
    with reverts("amm: vault is set"):
        amm.set_vault(STRANGER, sender=ADMIN)


def test_redeem__during_a_trade_free_life__pool_pays(exchange):
    """The real vault: an LP asks out, waits, and gets its cash; depth falls by it."""
    vault, amm = exchange.eth.options_vault, exchange.eth.amm
    vault.request_redeem(vault.balance_of(LP) // 4, LP, sender=LP)
    exchange.advance(DELAY)
    exchange.push(exchange.eth)
    exchange.refresh(exchange.eth)
    before = amm.valuation()
    vault.process(32, sender=STRANGER)
    after = amm.valuation()
    assert before.nav - after.nav == before.depth - after.depth > 400_000 * WAD
    tokens = exchange.system.token.balance_of(LP)
    exchange.claim(vault, LP)
    assert (exchange.system.token.balance_of(LP) - tokens) * exchange.unit == before.nav - after.nav


def test_set_vault__to_nobody__reverts(exchange, reverts):
    amm, system = exchange.eth.amm, exchange.system
    wiring = (system.ledger, system.oracle, system.surface, system.pricer, exchange.eth.perp)
    addresses = [part.address for part in (*wiring, system.settlement, system.fees)]
    words = amm._call("parameters")
    artifact = exchange.artifacts["OptionsAMM"]
    args = (system.access.address, 1, *addresses, words)
    fresh = AnyContract(
        exchange.chain, deploy_contract(exchange.chain, artifact, *args, sender=ADMIN), artifact.abi
    )
    with reverts("amm: no vault"):
        fresh.send("set_vault", "0x" + "00" * 20, sender=ADMIN)
    fresh.send("set_vault", STRANGER, sender=ADMIN)
    assert fresh.call("vault") == STRANGER
