"""Quotes, trades and LP requests from the command line, on a market in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from protocol import cli
from protocol.chain import devnet
from protocol.chain.accounts import create_keystore, dev_account
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.markets import OptionsAMM
from protocol.commands import market, network
from protocol.commands.market import DEV_CASH, DEV_TOKENS, open_market, pass_time
from protocol.commands.series import day_name, parse_leg, series_name
from protocol.config import HestonPrices, Scenario
from protocol.errors import ConfigError, InputError
from protocol.types import Kind, account_id
from protocol.units import WAD

TRADER = dev_account(0).address.lower()


def vomma(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def _refused(result: Result, *phrases: str, code: int = 2) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("vomma: ")
    for phrase in phrases:
        assert phrase in result.stderr


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market, "write_addresses", lambda *_: None)
        scenario = Scenario(name="small", seed=1, prices=HestonPrices())
        return open_market(EmbeddedChain(), scenario, progress=lambda _: None)


@pytest.fixture
def world(opened, monkeypatch: pytest.MonkeyPatch):
    """The market as it was opened, whatever a test does to it."""
    before = opened.chain.snapshot()
    monkeypatch.setattr(network, "open_system", lambda *_, **__: (opened.system, TRADER))
    yield opened
    opened.chain.revert(before)


@pytest.fixture
def call(world) -> str:
    day = world.market.amm.expiries()[1].day
    return f"ETH-{day_name(day)}-2600-C"


def test_quote__no_legs__lists_the_expiries(world) -> None:
    rows = json.loads(vomma("quote", "--json").stdout)["listed"]
    assert [row["expiry"] for row in rows] == [
        day_name(book.day) for book in world.market.amm.expiries()
    ]
    assert all(row["spot"] == 2_500.0 and 0.5 < row["vol"] < 1.0 for row in rows)
    assert "vol at the money" in vomma("quote").stdout


def test_quote__package__parts_add_up(world, call) -> None:
    other = call.replace("2600", "2800")
    quote = json.loads(vomma("quote", f"{call}:2", f"{other}:-2", "--json").stdout)
    parts = sum(quote[name] for name in ("mark", "impact", "spread", "fee"))
    assert quote["cash"] == pytest.approx(parts, abs=1e-9)
    assert quote["legs"] == [f"{call}:2", f"{other}:-2"]


def test_trade__without_send__sends_nothing(world, call) -> None:
    before = world.chain.block_number
    result = vomma("trade", f"{call}:2")
    assert "nothing was sent; add --send" in result.stdout
    assert json.loads(vomma("trade", f"{call}:2", "--json").stdout)["sent"] is False
    assert world.chain.block_number == before


def test_trade__with_send__is_what_was_quoted(world, call) -> None:
    quote = json.loads(vomma("quote", f"{call}:2", "--json").stdout)
    done = json.loads(vomma("trade", f"{call}:2", "--send", "--json").stdout)
    assert done["sent"] is True
    assert done["cash"] == quote["cash"]
    assert done["cash_left"] == pytest.approx(DEV_CASH - quote["cash"], abs=1e-6)
    (size,) = world.system.ledger.portfolio(account_id(int(TRADER, 16))).values()
    assert size == 2 * WAD


@pytest.mark.parametrize(("size", "factor"), [(2, 1.02), (-2, 0.98)])
def test_trade__slippage__bounds_what_is_paid(world, call, monkeypatch, size, factor) -> None:
    asked: list[int] = []
    send = OptionsAMM.trade

    def trade(amm, *words, limit_cash, **more):
        asked.append(limit_cash)
        return send(amm, *words, limit_cash=limit_cash, **more)

    monkeypatch.setattr(OptionsAMM, "trade", trade)
    done = vomma("trade", f"{call}:{size}", "--slippage", "2", "--send", "--json")
    assert asked[0] / WAD == pytest.approx(factor * json.loads(done.stdout)["cash"], rel=1e-9)


def test_wait__price_stands_still__and_is_fresh_again(world, call) -> None:
    before = world.system.oracle.spot(world.underlying)
    pass_time(world.system, world.chain, 7_000)
    after = world.system.oracle.spot(world.underlying)
    assert after.price == before.price
    assert after.updated_at == world.chain.timestamp
    assert all(book.refreshed_at == world.chain.timestamp for book in world.market.amm.expiries())


def test_trade__sale__is_received(world, call) -> None:
    assert "you receive" in vomma("trade", f"{call}:-1").stdout


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [("2600", "2601", "distance of strikes"), ("2600", "9000", "nearer to the money")],
)
def test_quote__refused__says_what_to_do(world, call, old, new, phrase) -> None:
    _refused(vomma("quote", call.replace(old, new)), phrase, code=1)


def test_trade__two_underlyings_or_five_legs__refused(world, call) -> None:
    _refused(vomma("trade", *[call] * 5), "1 to 4 legs")
    _refused(vomma("trade", call.replace("ETH", "BTC")), "'BTC'", "ETH")


def test_lp__deposit_then_redeem__round_trip(world) -> None:
    assert "add --send" in vomma("lp", "deposit", "10000").stdout
    asked = json.loads(vomma("lp", "deposit", "10000", "--send", "--json").stdout)
    assert (asked["pending_deposit"], asked["wallet"]) == (10_000.0, DEV_TOKENS - 10_000.0)
    assert "nothing is ready yet" in vomma("lp", "claim", "--send").stdout
    pass_time(world.system, world.chain, int(asked["ripe_in_seconds"]))
    claimed = json.loads(vomma("lp", "claim", "--send", "--json").stdout)
    assert claimed["shares"] == pytest.approx(10_000.0, rel=1e-3)
    left = json.loads(vomma("lp", "redeem", "400", "--send", "--json").stdout)
    assert left["pending_redeem"] == 400.0
    pass_time(world.system, world.chain, int(left["ripe_in_seconds"]))
    paid = json.loads(vomma("lp", "claim", "--send", "--json").stdout)
    assert paid["wallet"] - left["wallet"] == pytest.approx(400.0, rel=5e-3)


def test_lp__more_than_held__refused(world) -> None:
    _refused(vomma("lp", "deposit", "1e9"), "at most 1,000,000")
    _refused(vomma("lp", "redeem", "1"), "at most 0")
    _refused(vomma("lp", "status", "--pool", "perps"), "options or perp")


@pytest.mark.parametrize("text", ["ETH-26JAN24-2600-C:2", "ETH-5JAN24-2600.5-P:-0.25"])
def test_leg__name__reads_back(text: str) -> None:
    symbol, leg = parse_leg(text, {"ETH": 1})
    assert f"{series_name(symbol, leg.instrument)}:{leg.size / WAD:g}" == text


def test_leg__without_size__buys_one() -> None:
    _, leg = parse_leg("eth-26jan24-2600-p", {"ETH": 1})
    assert (leg.size, leg.instrument.kind, leg.instrument.day) == (WAD, Kind.PUT, 19_748)


@pytest.mark.parametrize("text", ["ETH", "ETH-99JAN24-2600-C", "ETH-26JAN24-2600-C:0", "-C"])
def test_leg__unreadable__refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_leg(text, {"ETH": 1})


def test_network__nobody_there__says_how_to_start_one(monkeypatch) -> None:
    monkeypatch.setattr(devnet, "status", lambda *_: None)
    _refused(vomma("deploy", "--rpc", "http://127.0.0.1:1"), "vomma devnet up", code=1)


def _on_chain(monkeypatch, chain_id: int) -> None:
    class Node:
        def __init__(self, url: str, **_: object) -> None:
            self.chain_id = chain_id

    monkeypatch.setattr(network, "RpcChain", Node)
    monkeypatch.setattr(devnet, "read_addresses", lambda _: {})


def test_deploy__no_devnet__refused(monkeypatch) -> None:
    _on_chain(monkeypatch, 1)
    _refused(vomma("deploy", "--rpc", "http://x"), "chain is 1", "vomma devnet up")


def test_network__real_chain_without_key__refused(monkeypatch) -> None:
    _on_chain(monkeypatch, 1)
    with pytest.raises(ConfigError, match="--keystore"):
        network.open_system("http://x")


def test_network__keystore__is_read_without_password_for_reading(monkeypatch, tmp_path) -> None:
    seen = []
    monkeypatch.setattr(network, "system_at", lambda *words: seen.append(words))
    _on_chain(monkeypatch, 1)
    address = create_keystore(tmp_path / "key.json", "word", key=bytes(31) + b"\x01")
    assert network.open_system("http://x", keystore=tmp_path / "key.json")[1] == address
    (tmp_path / "bad.json").write_text("{}")
    for name, phrase in (("bad.json", "names no address"), ("none.json", "does not exist")):
        with pytest.raises(ConfigError, match=phrase):
            network.open_system("http://x", keystore=Path(tmp_path / name))
