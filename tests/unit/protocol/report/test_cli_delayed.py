"""`vomma trade --delayed` and `vomma execute`, on a market in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocol.types import account_id
from protocol.units import WAD
from tests.unit.protocol.report.test_cli_market import (
    TRADER,
    _refused,
    call,
    opened,
    vomma,
    world,
)

__all__ = ["call", "opened", "world"]  # fixtures


@pytest.fixture
def order(world, call, tmp_path: Path) -> Path:
    """One call bought, committed, saved as it was printed."""
    world.chain.fund(TRADER, 10**18)
    done = vomma("trade", call, "--delayed", "--slippage", "5", "--send", "--json")
    path = tmp_path / "order.json"
    path.write_text(done.stdout)
    return path


def next_price(world, seconds: int) -> None:
    world.chain.advance(seconds)
    feed = world.feed
    feed.set_answer(2_500 * 10 ** feed.decimals(), sender=TRADER)


def test_trade_delayed__then_a_new_price__executes_for_the_bounty(world, order) -> None:
    assert json.loads(vomma("execute", order, "--json").stdout)["sent"] is False
    next_price(world, 30)
    done = json.loads(vomma("execute", order, "--send", "--json").stdout)
    assert (done["action"], done["bounty"], done["sent"]) == ("execute", 0.0005, True)
    (size,) = world.system.ledger.portfolio(account_id(int(TRADER, 16))).values()
    assert size == WAD and world.chain.balance(TRADER) == 10**18
    assert "order 1 is not open" in vomma("execute", order).stdout


def test_execute__no_new_price_yet__is_refused(world, order) -> None:
    _refused(vomma("execute", order, "--send"), "next update", code=1)


def test_execute__after_expiry__refunds(world, order) -> None:
    world.chain.advance(7_201)
    assert json.loads(vomma("execute", order, "--send", "--json").stdout)["action"] == "refund"
    assert world.chain.balance(TRADER) == 10**18


def test_trade_delayed__bounty_too_small__says_the_least(world, call) -> None:
    refused = vomma("trade", call, "--delayed", "--bounty", "0.0001", "--send")
    _refused(refused, "bounty is 0.0001", "at least 0.0005")


@pytest.mark.parametrize("text", ["", "{}", '{"id": 1, "order": {"legs": []}}'])
def test_execute__no_order_in_the_file__says_what_to_save(world, text, tmp_path) -> None:
    path = tmp_path / "order.json"
    path.write_text(text)
    _refused(vomma("execute", path), "order.json", "--delayed")
    _refused(vomma("execute", tmp_path / "none.json"), "--delayed")
