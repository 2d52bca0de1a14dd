"""`vomma collateral`: says what it would do, does it, and refuses what cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from protocol.cli import app
from protocol.clients.ledger import Token
from protocol.commands import network
from protocol.units import WAD
from tests.system_fixtures import STRANGER, TAKER, Exchange, account


@pytest.fixture
def market(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """The exchange as what the command line finds; the taker acts, with ten ether."""
    monkeypatch.setattr(network, "open_system", lambda *_, **__: (exchange.system, TAKER))
    token = exchange.eth.collateral.asset()
    ether = Token(exchange.chain, token, exchange.artifacts["MockERC20"].abi)
    ether.mint(TAKER, 10 * WAD, sender=STRANGER)
    return exchange


def collateral(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["collateral", *words])
    return result.exit_code, " ".join(result.output.split())


def numbers(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["collateral", *words, "--json"])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


def test_post_and_take__sent__move_tokens(market: Exchange) -> None:
    vault, ledger = market.eth.collateral, market.system.ledger
    dry = numbers("post", "4")
    assert (dry["sent"], dry["wallet"], dry["posted"]) == (False, 10.0, 0.0)
    done = numbers("post", "4", "--send")
    assert (done["sent"], done["wallet"], done["posted"]) == (True, 6.0, 4.0)
    assert numbers("take", "1.5")["posted"] == 4.0
    assert numbers("take", "1.5", "--send")["posted"] == 2.5
    assert numbers("take", "2.5", "--send")["wallet"] == 10.0
    assert ledger.position(account(TAKER), vault.instrument()) == 0
    assert numbers("status", "--of", "eth")["haircut"] == 0.05


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("post", "0"), "above 0 and at most the 10.0 in the wallet"),
        (("post", "11"), "above 0 and at most the 10.0 in the wallet"),
        (("post", "nan"), "Invalid value for 'amount'"),
        (("post", "inf"), "must be finite"),
        (("post", "--", "-1"), "Invalid value for 'amount'"),
        (("take", "1"), "above 0 and at most 0.0 posted"),
        (("status", "--of", "DOGE"), "it has ETH, BTC"),
        (("status", "--index", str(2**96)), "account index"),
    ],
)
def test_collateral__what_cannot_be__says_why(
    market: Exchange, words: tuple[str, ...], says: str
) -> None:
    code, output = collateral(*words)
    assert code != 0 and says in output


def test_take__margin_needs_it__is_refused_before_it_is_sent(market: Exchange) -> None:
    numbers("post", "10", "--send")
    ledger = market.system.ledger
    market.trade(market.call(2_000, -1.0))
    left = ledger.cash(account(TAKER)) // market.unit
    ledger.withdraw(account(TAKER), left, TAKER, sender=TAKER)
    code, output = collateral("take", "10")
    assert code == 1 and "below initial margin" in output and "headroom" in output
