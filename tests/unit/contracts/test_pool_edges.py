"""OptionsAMM without a vault or LPs, what its views say, and a potential without depth."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from protocol.clients.base import AnyContract, deploy_contract
from protocol.pricing.amm import Risk
from protocol.units import WAD
from tests.system_fixtures import ADMIN, KEEPER, LP, STRANGER, Exchange, account, parameters


def put(exchange: Exchange, name: str, *args: object) -> AnyContract:
    artifact = exchange.artifacts[name]
    address = deploy_contract(exchange.chain, artifact, *args, sender=ADMIN)
    return AnyContract(exchange.chain, address, artifact.abi)


@pytest.fixture
def pool(exchange) -> AnyContract:
    """A second options pool in ETH, without LPs."""
    system = exchange.system
    shared = (system.ledger, system.oracle, system.surface, system.pricer)
    made = put(
        exchange, "OptionsAMM", system.access.address, exchange.eth.underlying,
        *(part.address for part in shared), exchange.eth.perp.address, system.settlement.address,
        system.fees.address, parameters(exchange.eth).words,
    )  # fmt: skip
    system.ledger._send("open_pool", account(made.address), sender=ADMIN)
    return made


def test_refresh__no_vault__no_drawdown(exchange, pool):
    pool.send("list_expiry", exchange.days[0], 10**4, sender=KEEPER)
    assert not pool.call("halted")
    assert pool.call("depth") == 0


def test_refresh__vault_without_shares__no_drawdown_until_there_are(exchange, pool):
    shares = put(exchange, "MockERC20", "LP", "LP", 18)
    pool.send("set_vault", shares.address, sender=ADMIN)
    pool.send("list_expiry", exchange.days[0], 10**4, sender=KEEPER)
    exchange.fund(STRANGER, 100)
    transfer = ("transfer_cash", account(STRANGER), account(pool.address), 100 * WAD)
    exchange.system.ledger._send(*transfer, sender=STRANGER)
    for minted, halts in ((0, False), (100, False), (100, True)):
        if minted:
            shares.send("mint", LP, minted * WAD, sender=ADMIN)
        pool.send("refresh", exchange.days[0], sender=STRANGER)
        assert pool.call("halted") == halts


def test_views__after_a_refresh__spot_and_surface_it_was_made_at(exchange):
    amm, day = exchange.eth.amm, exchange.days[0]
    exchange.advance(300, eth=2_100)
    amm.refresh(day, sender=STRANGER)
    assert amm._call("reference") == 2_100 * WAD
    words = exchange.system.surface._call("words", exchange.eth.underlying, day)
    assert amm._call("snapshot", day) == words
    exchange.push(exchange.eth, variance=0.5)
    assert amm._call("snapshot", day) == words


def test_change__no_depth__reverts(deploy, reverts):
    harness = deploy("RiskHarness")
    none = astuple(Risk())
    assert harness.call("change", 0, 2_000 * WAD, none, none, 0, 0, 1) == 0
    with reverts("risk: no depth"):
        harness.call("change", 0, 2_000 * WAD, none, none, 0, 0, 0)


@pytest.mark.parametrize("high", [2**127 - 1, 0, -1, -(2**127)])
@pytest.mark.parametrize("low", [2**127 - 1, 0, -1, -(2**127)])
def test_pair__field_edges__come_back(high, low, deploy):
    harness = deploy("RiskHarness")
    assert tuple(harness.call("unpaired", harness.call("pair", high, low))) == (high, low)
