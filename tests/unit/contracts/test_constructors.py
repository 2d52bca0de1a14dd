"""What a contract refuses to be deployed without: an address left empty cannot be set later."""

from __future__ import annotations

import pytest

from protocol.chain.base import ZERO_ADDRESS
from tests.ledger_bench import make_bench


@pytest.fixture
def bench(chain, deploy):
    return make_bench(chain, deploy)


def test_clearinghouse__without_a_risk_engine__reverts(bench, deploy, reverts):
    args = (bench.manager.address, bench.custody.address, ZERO_ADDRESS)
    with reverts("ledger: no risk engine"):
        deploy("Clearinghouse", *args)


@pytest.mark.parametrize("missing", ["oracle", "surface"])
def test_risk_engine__without_a_part__reverts(bench, deploy, reverts, missing):
    parts = dict.fromkeys(("oracle", "surface"), bench.market.address)
    parts[missing] = ZERO_ADDRESS
    with reverts(f"risk: no {missing}"):
        deploy("RiskEngine", bench.manager.address, *parts.values())


@pytest.mark.parametrize("missing", ["ledger", "oracle"])
def test_expiry_settlement__without_a_part__reverts(bench, deploy, reverts, missing):
    parts = {"ledger": bench.ledger.address, "oracle": bench.market.address}
    parts[missing] = ZERO_ADDRESS
    with reverts("expiry: no ledger or oracle"):
        deploy("ExpirySettlement", *parts.values())


def test_liquidator__without_a_settlement__reverts(bench, deploy, reverts):
    with reverts("liquidator: no settlement"):
        deploy("Liquidator", bench.manager.address, bench.ledger.address, ZERO_ADDRESS)
