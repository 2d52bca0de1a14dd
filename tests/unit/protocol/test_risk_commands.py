"""`vomma risk`: the table, a file of positions, an account on a chain."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocol.cli import app
from protocol.clients.ledger import Token
from protocol.commands.margin_chain import read_account
from protocol.commands.margin_report import account_json, show_account
from protocol.commands.margins import Found, parse_account, read_file
from protocol.errors import DataError, InputError
from protocol.parameters import MarginParameters
from protocol.risk.stress import stress
from protocol.types import account_id
from protocol.units import WAD, expiry_timestamp, from_wad
from tests.system_fixtures import ADMIN, TAKER, Exchange, account

FILE = """
market: {spot: 2000, vol: 0.65, date: 2024-01-01}
cash: 1500
positions: [ETH-26JAN24-1800-P:-2, ETH-26JAN24-2400-C:-2, "ETH-PERP:0.3"]
"""


@pytest.fixture
def positions(tmp_path: Path) -> Path:
    path = tmp_path / "positions.yaml"
    path.write_text(FILE)
    return path


def run(*words: str) -> dict:
    result = CliRunner().invoke(app, ["risk", *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_table__model_prices__has_the_rows_and_says_where_they_are_from() -> None:
    found = run("table", "--paths", "2000")
    assert [row["name"] for row in found["rows"]] == [
        "naked put",
        "covered call",
        "vertical",
        "straddle",
        "iron condor",
        "calendar",
        "call hedged with perp",
        "box",
    ]
    keys = {"vomma", "worst_999", "worst_999_24h", "deribit_pm", "deribit_standard", "full"}
    assert keys <= set(found["rows"][0])
    assert "no market" in found["history"]


@pytest.mark.parametrize(
    "words, message",
    [
        (["table", "--delta", "0.6"], "--delta is 0.6"),
        (["table", "--far", "20"], "--far is 20, must be above --days, 30"),
        (["table", "--from", "2024-01-01"], "add --prices"),
        (["table", "--prices", "nowhere.csv"], "nowhere.csv do not exist"),
        (["stress"], "one of --account and --file"),
        (["account", "0x12"], "must be ADDRESS or ADDRESS/INDEX"),
    ],
)
def test_risk__bad_input__exits_with_what_to_do(words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["risk", *words])
    assert result.exit_code == 2
    assert message in result.output


def test_stress__file__adds_up_to_its_margin(positions: Path, tmp_path: Path) -> None:
    out = tmp_path / "stress.html"
    found = run("stress", "--file", str(positions), "--out", str(out))
    (table,) = found["stress"]
    assert len(table["moves"]) == 9 and [len(row) for row in table["grid"]] == [9, 9, 9]
    assert table["grid"][1][4] == pytest.approx(0.0, abs=1e-9)  # spot and vol as they are
    every = [cell for row in table["grid"] for cell in row]
    every += [cell["profit"] for cell in table["tails"] + table["tilts"]]
    assert len(every) == 33 and min(every) == table["worst_profit"]
    extra = sum(table["contingencies"].values())
    assert found["maintenance"] == pytest.approx(extra - min(every))
    assert "heatmap" in out.read_text()


def test_stress__text__shows_every_part(positions: Path) -> None:
    result = CliRunner().invoke(app, ["risk", "stress", "--file", str(positions)])
    assert result.exit_code == 0
    for word in ("+22.5%", "same", "20.0% counts", "puts' vol up", "worst:", "maintenance"):
        assert word in result.output


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("cash: 1500", "cash: much", "cash is 'much'"),
        ("spot: 2000", "spot: -1", "market.spot is -1"),
        ("cash", "money", "money"),
        ("2024-01-01", "2024-02-01", "before every expiry"),
        ("ETH-PERP:0.3", "ETH-PERP:x", "like ETH-PERP:-0.5"),
        ("26JAN24-1800-P:-2", "1800-P", "like ETH-26JAN24-2600-C:2"),
    ],
)
def test_read_file__bad_file__names_the_fault(
    positions: Path, old: str, new: str, message: str
) -> None:
    positions.write_text(FILE.replace(old, new))
    with pytest.raises((DataError, InputError), match=message):
        read_file(positions)


def test_parse_account__address_and_index__is_its_id() -> None:
    assert parse_account("0x" + "0a" * 20 + "/3") == account_id(int("0a" * 20, 16), 3)


@pytest.mark.parametrize("text", ["", "0x12", "0x" + "zz" * 20, "0x" + "0a" * 20 + "/x"])
def test_parse_account__anything_else__is_refused(text: str) -> None:
    with pytest.raises(InputError, match="ADDRESS or ADDRESS/INDEX"):
        parse_account(text)


def test_read_account__spread_and_perp__agrees_with_the_chain(
    exchange: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange.trade(exchange.call(2_000, -1.0), exchange.call(2_200, 1.0))
    eth = exchange.eth
    eth.perp.trade(account(TAKER), 10**18, 10**30, sender=TAKER)
    found = read_account(exchange.system, account(TAKER), title=TAKER)
    content = account_json(found)
    assert {row["name"].rsplit("-", 1)[-1] for row in content["positions"]} == {"C", "PERP"}
    assert content["cash"] == pytest.approx(exchange.cash(TAKER) / 1e18)
    value = sum(row["value"] for row in content["positions"])
    assert content["equity"] == pytest.approx(content["cash"] + value)
    assert content["sound"] and content["chain"]["maintenance"] > 0.0
    (table,) = stress(found.margin)
    lost = sum(row["worst"] for row in content["positions"])
    assert lost == pytest.approx(table.worst_profit)
    show_account(found)
    assert "headroom" in capsys.readouterr().out


def collateral(exchange: Exchange, tokens: int) -> None:
    vault = exchange.eth.collateral
    ether = Token(exchange.chain, vault.asset(), exchange.artifacts["MockERC20"].abi)
    ether.mint(TAKER, tokens, sender=TAKER)
    ether.approve(vault.address, tokens, sender=TAKER)
    vault.deposit_into(account(TAKER), tokens, sender=TAKER)


def agreed(exchange: Exchange) -> Found:
    found = read_account(exchange.system, account(TAKER), title=TAKER)
    assert found.chain is not None and found.differences == {}
    assert found.chain.maintenance == pytest.approx(found.margin.maintenance, rel=1e-9)
    return found


@pytest.fixture
def leveraged(exchange: Exchange) -> Exchange:
    """The taker short a call and long the perp, with ether posted."""
    exchange.trade(exchange.call(2_000, -1.0))
    collateral(exchange, 2 * WAD)
    exchange.eth.perp.trade(account(TAKER), WAD, 10**30, sender=TAKER)
    return exchange


def test_read_account__collateral__counts_after_its_haircut(leveraged: Exchange) -> None:
    rows = {row["name"]: row for row in account_json(agreed(leveraged))["positions"]}
    spot = from_wad(leveraged.spot(leveraged.eth))
    assert rows["ETH posted"]["size"] == 2.0
    assert rows["ETH posted"]["value"] == pytest.approx(2.0 * spot * 0.95)


def test_read_account__feed_stale__is_judged_at_both_edges(leveraged: Exchange) -> None:
    leveraged.chain.advance(2 * 86_400)
    found = agreed(leveraged)
    (state,) = found.markets.values()
    low, high = state.edges
    assert low < state.spot < high
    assert state.accrued != 0.0
    assert any("both edges" in note for note in found.notes)
    assert any("surface is old" in note for note in found.notes)


def test_read_account__last_half_hour__takes_what_the_print_has_fixed(
    leveraged: Exchange,
) -> None:
    chain, system = leveraged.chain, leveraged.system
    day = leveraged.call(2_000, 1.0).instrument.day
    for left in (1_900, 900):
        chain.advance(expiry_timestamp(day) - left - chain.timestamp)
        leveraged.set_spot(leveraged.eth, 2_010.0)
        system.oracle.record(leveraged.eth.underlying, sender=TAKER)
    found = agreed(leveraged)
    (state,) = found.markets.values()
    fixed, to_come = state.windows[day]
    assert to_come == pytest.approx(0.5) and fixed == pytest.approx(1_005.0)
    assert any("print fixed to 50.0%" in note for note in found.notes)


def test_read_account__other_scenarios__are_read_from_the_chain(leveraged: Exchange) -> None:
    before = agreed(leveraged).margin.maintenance
    risk = leveraged.system.risk_engine
    risk.set_scenarios(replace(MarginParameters(), range=0.4), sender=ADMIN)
    assert agreed(leveraged).margin.maintenance > before


def test_show_account__twin_differs__warns(
    leveraged: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    found = agreed(leveraged)
    assert found.chain is not None
    off = replace(found, chain=replace(found.chain, initial=found.chain.initial * 1.00001))
    assert set(off.differences) == {"initial"}
    show_account(off)
    assert "warning: initial is" in capsys.readouterr().out


def test_read_account__pool__says_what_it_is(exchange: Exchange) -> None:
    with pytest.raises(InputError, match="a trader's, not a pool"):
        read_account(exchange.system, exchange.eth.amm.pool, title="pool")


@pytest.mark.parametrize(
    ("content", "says"),
    [("a: [b", r"no YAML or JSON \(line"), ("words", "no keys in it"), ("", "no keys in it")],
)
def test_read_file__no_yaml__says_so(positions: Path, content: str, says: str) -> None:
    positions.write_text(content)
    with pytest.raises(DataError, match=says):
        read_file(positions)
