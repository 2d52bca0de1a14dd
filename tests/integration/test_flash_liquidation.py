"""A bid for an unhealthy account, paid for with a loan that lives for one transaction."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocol.clients.base import AnyContract, deploy_contract
from protocol.clients.ledger import Token
from protocol.clients.markets import NO_LIMIT
from protocol.types import Instrument
from protocol.units import WAD
from tests.system_fixtures import ADMIN, STRANGER, Exchange, account

TRADER = "0x" + "7d" * 20
LIQUIDATOR = "0x" + "11" * 20
SICK = account(TRADER)
LOAN = 100_000  # dollars
LENDER_FEE = WAD // 10_000
PERP = Instrument.perp(1).id


@pytest.fixture
def exchange(rewound_exchange: Callable[[], Exchange]) -> Exchange:
    """TRADER long perps and short a call, half an hour after the price that ruins it."""
    return ruined(rewound_exchange(), ether_posted=0)


def ruined(made: Exchange, *, ether_posted: int) -> Exchange:
    made.fund(TRADER, 18_000)
    if ether_posted:
        post_ether(made, ether_posted)
    made.eth.perp.trade(SICK, 30 * WAD, NO_LIMIT, sender=TRADER)
    series = made.call(2_000.0, -1.0, week=1)
    made.trade(series, taker=TRADER)
    price = 2_000.0
    while equity_over_maintenance(made) >= 1.0:
        price -= 10.0
        made.set_spot(made.eth, price)
    made.system.liquidator.flag(SICK, sender=STRANGER)
    made.advance(1_800)
    made.push(made.eth)
    made.refresh(made.eth)
    return made


def post_ether(exchange: Exchange, amount: int) -> None:
    vault = exchange.eth.collateral
    token = ether(exchange)
    token.mint(TRADER, amount, sender=STRANGER)
    token.approve(vault.address, amount, sender=TRADER)
    vault.deposit_into(SICK, amount, sender=TRADER)


def ether(exchange: Exchange) -> Token:
    asset = exchange.eth.collateral.asset()
    return Token(exchange.chain, asset, exchange.artifacts["MockERC20"].abi)


def equity_over_maintenance(exchange: Exchange) -> float:
    terms = exchange.system.liquidator.terms(SICK)
    return terms.equity / terms.maintenance


def put(exchange: Exchange, name: str, *args: object) -> AnyContract:
    artifact = exchange.artifacts[name]
    at = deploy_contract(exchange.chain, artifact, *args, sender=ADMIN)
    return AnyContract(exchange.chain, at, artifact.abi)


def example(exchange: Exchange) -> tuple[AnyContract, AnyContract]:
    """(FlashLiquidation, a lender outside of the core)."""
    token = exchange.system.token
    lender = put(exchange, "MockLender", token.address, LENDER_FEE)
    token.mint(lender.address, LOAN * 10**6, sender=STRANGER)
    return put(exchange, "FlashLiquidation", exchange.system.ledger.address), lender


def order(exchange: Exchange, share: int = WAD) -> tuple[object, ...]:
    eth = exchange.eth
    where = eth.amm.address, eth.perp.address, eth.collateral.address
    return exchange.system.liquidator.address, SICK, share, *where


def test_liquidation__without_own_money__pays_the_caller_and_heals_the_account(exchange) -> None:
    contract, lender = example(exchange)
    system, before = exchange.system, equity_over_maintenance(exchange)
    row = lender.address, LOAN * 10**6, order(exchange), 1
    contract.send("run", *row, sender=LIQUIDATOR)
    assert system.token.balance_of(LIQUIDATOR) > 0
    mine = contract.call("ACCOUNT")
    assert system.ledger.portfolio(mine) == {} and system.ledger.cash(mine) < exchange.unit
    assert system.token.balance_of(contract.address) == 0
    assert system.token.balance_of(lender.address) == LOAN * 10**6 + LOAN * 100
    assert equity_over_maintenance(exchange) > before
    assert 0 < system.ledger.position(SICK, PERP) < 30 * WAD


def test_liquidation__with_collateral__costs_the_caller_what_it_brings_less_a_discount(
    rewound_exchange: Callable[[], Exchange], reverts
) -> None:
    exchange = ruined(rewound_exchange(), ether_posted=4 * WAD)
    contract, lender = example(exchange)
    token, row = exchange.system.token, (lender.address, LOAN * 10**6, order(exchange), 0)
    with reverts("token: allowance"):
        contract.send("run", *row, sender=LIQUIDATOR)
    token.mint(LIQUIDATOR, 10_000 * 10**6, sender=STRANGER)
    token.approve(contract.address, 10_000 * 10**6, sender=LIQUIDATOR)
    contract.send("run", *row, sender=LIQUIDATOR)
    taken = ether(exchange).balance_of(LIQUIDATOR)
    worth = taken * exchange.spot(exchange.eth) // WAD
    assert 0 < (10_000 * 10**6 - token.balance_of(LIQUIDATOR)) * exchange.unit < worth
    assert exchange.system.ledger.portfolio(contract.call("ACCOUNT")) == {}


def test_liquidation__below_the_least_profit__changes_nothing(exchange, reverts) -> None:
    contract, lender = example(exchange)
    held = exchange.system.ledger.portfolio(SICK)
    with reverts("flash: profit below the least"):
        row = lender.address, LOAN * 10**6, order(exchange), 10**12
        contract.send("run", *row, sender=LIQUIDATOR)
    assert exchange.system.ledger.portfolio(SICK) == held


def test_liquidation__financed_by_custody__meets_the_core_lock(exchange, reverts) -> None:
    contract, _ = example(exchange)
    with reverts(""):
        row = exchange.system.custody.address, LOAN * 10**6, order(exchange), 0
        contract.send("run", *row, sender=LIQUIDATOR)


def test_liquidation__of_a_healthy_account__reverts(exchange, reverts) -> None:
    contract, lender = example(exchange)
    exchange.set_spot(exchange.eth, 2_000.0)
    exchange.system.liquidator.close(SICK, sender=STRANGER)
    with reverts("liquidator: no auction"):
        row = lender.address, LOAN * 10**6, order(exchange), 0
        contract.send("run", *row, sender=LIQUIDATOR)


def test_callback__by_anyone_but_the_lender_in_use__reverts(exchange, reverts) -> None:
    contract, lender = example(exchange)
    token = exchange.system.token.address
    for initiator in (contract.address, STRANGER):
        with reverts("flash: not the lender"):
            contract.send("onFlashLoan", initiator, token, 1, 0, b"", sender=STRANGER)
    with reverts("flash: not the lender"):
        lender.send("flashLoan", contract.address, token, 1, b"", sender=STRANGER)
