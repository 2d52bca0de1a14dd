"""`vomma flash`: says what it would do, does it, and says what is at work."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from protocol.cli import app
from protocol.clients.base import deploy_contract
from protocol.clients.ledger import Token
from protocol.commands import network
from protocol.units import WAD
from tests.system_fixtures import STRANGER, TAKER, Exchange

LOAN, RATE = 100_000, 0.0005


@pytest.fixture
def market(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """The exchange as what the command line finds; the taker acts, with dollars for the fee."""
    monkeypatch.setattr(network, "open_system", lambda *_, **__: (exchange.system, TAKER))
    exchange.system.token.mint(TAKER, 1_000 * 10**6, sender=STRANGER)
    return exchange


def flash(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["flash", *words])
    return result.exit_code, result.output


def numbers(*words: str) -> dict[str, Any]:
    code, output = flash(*words, "--json")
    assert code == 0, output
    return dict(json.loads(output))


def test_flash__without_send__changes_nothing(market: Exchange) -> None:
    before = market.system.custody.held(), market.chain.block_number
    found = numbers(str(LOAN))
    assert (found["sent"], found["fee"]) == (False, LOAN * RATE)
    assert found["available"] == before[0] / 10**6
    assert (market.system.custody.held(), market.chain.block_number) == before
    code, output = flash(str(LOAN))
    assert code == 0 and "nothing was sent, add --send" in output


def test_flash__sent__pays_the_fee_from_the_wallet(market: Exchange) -> None:
    system = market.system
    wallet, held, insured = system.token.balance_of(TAKER), system.custody.held(), reserves(market)
    found = numbers(str(LOAN), "--send")
    fee = round(LOAN * RATE * 10**6)
    assert found["sent"] and found["gas"] < 150_000
    assert system.token.balance_of(TAKER) == wallet - fee
    assert system.custody.held() == held + fee
    assert reserves(market) == insured + fee * market.unit
    again = numbers(str(LOAN), "--send", "--receiver", found["receiver"])
    assert again["receiver"] == found["receiver"]
    code, output = flash(str(LOAN), "--send")
    assert code == 0 and f"borrowed {LOAN:,}" in output


def reserves(market: Exchange) -> int:
    return market.system.ledger.reserves()[0]


def test_flash__of_a_collateral_vault__borrows_its_token(market: Exchange) -> None:
    vault = market.eth.collateral
    ether = Token(market.chain, vault.asset(), market.artifacts["MockERC20"].abi)
    ether.mint(TAKER, 11 * WAD, sender=STRANGER)
    ether.approve(vault.address, 10 * WAD, sender=TAKER)
    vault.deposit(10 * WAD, TAKER, sender=TAKER)
    found = numbers("10", "--of", "eth", "--send")
    assert (found["amount"], found["fee"]) == (10.0, 0.005)
    status = numbers("--status")
    assert status["ETH"]["held"] == 10.005
    assert (status["ETH"]["flash_lent"], status["BTC"]["flash_lent"]) == (10.0, 0.0)
    assert (status["ETH"]["utilisation"], status["dollars"]["utilisation"]) == (0.0, 0.0)
    code, output = flash("--status")
    assert code == 0 and "cap used" in output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "amount is 'missing'"),
        (("0",), "above 0 and at most"),
        (("1e12",), "above 0 and at most"),
        (("5000000",), "at most what is in the wallet"),
        (("1", "--of", "DOGE"), "it has ETH, BTC"),
        (("1", "--of", "BTC"), "no BTC is there to lend"),
        (("1", "--receiver", "hello"), "must be an address"),
        (("1", "--receiver", "0x" + "01" * 20), "must be a contract's address"),
    ],
)
def test_flash__of_what_cannot_be__says_why(
    market: Exchange, words: tuple[str, ...], says: str
) -> None:
    code, output = flash(*words)
    assert code != 0 and says in " ".join(output.split())


def test_flash__through_a_contract_that_does_not_borrow__fails(market: Exchange) -> None:
    artifact = market.artifacts["MockBorrower"]
    other = deploy_contract(market.chain, artifact, sender=TAKER)
    code, _ = flash(str(LOAN), "--send", "--receiver", other)
    assert code == 1
