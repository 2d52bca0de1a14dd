"""What still works when the feed or the surface is stale, or the core is paused or halted.

One table: a row for each action, a column for each state of the world. A dot is success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.core_stage import MAX, NO_LIMIT, HookTokens, Stage, build_stage
from tests.system_fixtures import ADMIN, HOUR, KEEPER, STRANGER, parameters

OWNER = "0x" + "0e" * 20
HALT = 72 * HOUR
DOLLARS = 10**6  # token units
TOO_OLD = 2 * 86_400 + 1  # seconds: no feed may be set to bear more

MODES = ["fresh", "stale feed", "future price", "bad round", "stale surface", "paused", "halted"]
STALE, FUTURE, BAD = "oracle: price stale", "oracle: price from future", "oracle: bad round"
SURFACE = "amm: surface stale"
PAUSED, HALTED = "ledger: paused, reduce only", "ledger: halted"
GONE = (STALE, FUTURE, BAD)  # the feed, in its three ways
WORKS = ("", "", "")

# action: (fresh, stale feed, future price, bad round, stale surface, paused, halted)
TABLE: dict[str, tuple[str, ...]] = {
    "open an option": ("", *GONE, SURFACE, PAUSED, HALTED),
    "close an option": ("", *GONE, SURFACE, "", HALTED),
    "open a perp": ("", *GONE, "", PAUSED, HALTED),
    "close a perp": ("", *WORKS, "", "", HALTED),
    "close half a perp": ("", *WORKS, "", "", HALTED),
    "realise a perp": ("", *GONE, "", "", HALTED),
    "deposit": ("", *WORKS, "", "", ""),
    "withdraw, cash only": ("", *WORKS, "", "", HALTED),
    "withdraw, long only": ("", *WORKS, "", "", HALTED),
    "withdraw, with a short": ("", *WORKS, "", "", HALTED),
    "withdraw, with a perp": ("", *WORKS, "", "", HALTED),
    "withdraw, short of the band": ("", *("ledger: below initial margin",) * 3, "", "", HALTED),
    "transfer cash": ("", *WORKS, "", "", HALTED),
    "approve an operator": ("", *WORKS, "", "", ""),
    "request an LP deposit": ("", *WORKS, "", "", ""),
    "request an LP exit": ("", *WORKS, "", "", ""),
    "process LPs of options": ("", *GONE, "amm: valuation stale", "", HALTED),
    "process LPs of the perp": ("", *GONE, "", "", HALTED),
    "claim LP shares": ("", *WORKS, "", "", ""),
    "claim LP cash": ("", *WORKS, "", "", HALTED),
    "transfer LP shares": ("", *WORKS, "", "", ""),
    "refresh": ("", *GONE, "", "", ""),
    # A pause stops the keeper's key, too: hedges that open are new risk of the perp's LPs.
    "hedge": ("", *GONE, "", PAUSED, HALTED),
    "list an expiry": ("", *GONE, "", "", ""),
    "take a print": ("", *WORKS, "", "", ""),
    "settle an account": ("", *WORKS, "", "", HALTED),
    "settle a pool": ("", *WORKS, "", "", HALTED),
    "close an expiry": ("", *WORKS, "", "", HALTED),
    "record a price": ("", *GONE, "", "", ""),
    "push a surface": ("", *WORKS, "", "", ""),
}

# contract, function, arguments, and the keeper where the owner is not the sender
Action = Callable[[Stage], tuple[Any, ...]]


def sub(s: Stage, index: int) -> int:
    return s.mine + index


CASH, LONG, SHORT, EDGE = 1, 2, 3, 4  # sub-accounts of the owner

ACTIONS: dict[str, Action] = {
    "open an option": lambda s: ("OptionsAMM", "trade", sub(s, CASH), legs(s, 1), NO_LIMIT, MAX),
    "close an option": lambda s: ("OptionsAMM", "trade", sub(s, LONG), legs(s, -1), NO_LIMIT, MAX),
    "open a perp": lambda s: ("PerpMarket", "trade", sub(s, CASH), WAD, MAX, MAX),
    "close a perp": lambda s: ("PerpMarket", "trade", s.mine, -WAD, 0, MAX),
    "close half a perp": lambda s: ("PerpMarket", "trade", s.mine, -WAD // 2, 0, MAX),
    "realise a perp": lambda s: ("PerpMarket", "realise", s.mine),
    "deposit": lambda s: ("Clearinghouse", "deposit", s.mine, 1),
    "withdraw, cash only": lambda s: withdraw(sub(s, CASH)),
    "withdraw, long only": lambda s: withdraw(sub(s, LONG)),
    "withdraw, with a short": lambda s: withdraw(sub(s, SHORT)),
    "withdraw, with a perp": lambda s: withdraw(s.mine),
    "withdraw, short of the band": lambda s: withdraw(sub(s, EDGE)),
    "transfer cash": lambda s: ("Clearinghouse", "transfer_cash", sub(s, CASH), s.mine, DOLLARS),
    "approve an operator": lambda s: ("Clearinghouse", "set_operator", s.mine, STRANGER, 1),
    "request an LP deposit": lambda s: (
        "LiquidityVault",
        "requestDeposit",
        10 * DOLLARS,
        OWNER,
        OWNER,
    ),
    "request an LP exit": lambda s: ("LiquidityVault", "requestRedeem", 20 * WAD, OWNER, OWNER),
    "process LPs of options": lambda s: ("LiquidityVault", "process", 1),
    "process LPs of the perp": lambda s: ("other LiquidityVault", "process", 1),
    "claim LP shares": lambda s: ("LiquidityVault", "deposit", 1, OWNER),
    "claim LP cash": lambda s: ("LiquidityVault", "withdraw", 1, OWNER),
    "transfer LP shares": lambda s: ("LiquidityVault", "transfer", STRANGER, 1),
    "refresh": lambda s: ("OptionsAMM", "refresh", s.day),
    "hedge": lambda s: ("OptionsAMM", "hedge", WAD // 100, 2_010 * WAD, MAX, KEEPER),
    "list an expiry": lambda s: ("OptionsAMM", "list_expiry", s.new_day, 500_000, KEEPER),
    "take a print": lambda s: ("ExpirySettlement", "take_print", 1, s.past_day),
    "settle an account": lambda s: ("ExpirySettlement", "settle_account", s.mine),
    "settle a pool": lambda s: ("ExpirySettlement", "settle_pool", btc_pool(s), 2, s.past_day),
    "close an expiry": lambda s: ("other OptionsAMM", "close_expiry", s.past_day),
    "record a price": lambda s: ("PriceOracle", "record", 1),
    "push a surface": lambda s: ("VolSurface", "push", 1, [], KEEPER),
}


def legs(s: Stage, size: int) -> list[tuple[int, int]]:
    return [(s.option, size * WAD)]


def withdraw(account: int) -> tuple[Any, ...]:
    return ("Clearinghouse", "withdraw", account, DOLLARS, OWNER)


def btc_pool(s: Stage) -> int:
    return s.exchange.btc.amm.pool


@pytest.fixture(scope="module")
def world() -> Iterator[Callable[[str], Stage]]:
    """The stage in a given state, as it was for everyone before."""
    stage = build_stage(HookTokens(), OWNER)
    _prepare(stage)
    start = stage.exchange.chain.snapshot()

    def bring(mode: str) -> Stage:
        nonlocal start
        stage.exchange.chain.revert(start)
        start = stage.exchange.chain.snapshot()
        STATES[mode](stage)
        return stage

    yield bring


def _prepare(s: Stage) -> None:
    """Accounts of every kind, requests that are ripe, and one record."""
    ex = s.exchange
    for index in (CASH, LONG, SHORT, EDGE):
        s.do("Clearinghouse", "transfer_cash", s.mine, sub(s, index), 20_000 * WAD)
    for index, size in ((LONG, 2), (SHORT, -1), (EDGE, -1)):
        s.do("OptionsAMM", "trade", sub(s, index), legs(s, size), NO_LIMIT, MAX)
    for vault in ("LiquidityVault", "other LiquidityVault"):
        s.do(vault, "requestDeposit", 10 * DOLLARS, OWNER, OWNER)
        s.do(vault, "requestRedeem", 20 * WAD, OWNER, OWNER)
    ex.advance(HOUR)
    ex.push(ex.eth)
    ex.refresh(ex.eth)
    ex.system.oracle.record(1, sender=STRANGER)
    # All that one account holds above what the live price asks for, but for one dollar and change.
    equity, initial, _ = s.contracts["Clearinghouse"].call("margin", sub(s, EDGE))
    spare = (equity - initial) // WAD - 1
    s.do("Clearinghouse", "withdraw", sub(s, EDGE), spare * DOLLARS, OWNER)


# ── states of the world ──


def _feed_round(s: Stage, *, ago: int = 0, answer: int = 2_000 * 10**8) -> None:
    feed, now = s.exchange.feed(s.exchange.eth), s.exchange.now
    feed._send("set_round", 10**6, answer, now - ago, 10**6, sender=STRANGER)


def _stale_surface(s: Stage) -> None:
    limits = parameters(s.exchange.eth).limits
    s.exchange.advance(limits.max_age + 1)
    s.exchange.refresh(s.exchange.eth)


def _pause(s: Stage, level: int) -> None:
    s.contracts["AccessManager"].send("set_pause_level", level, sender=ADMIN)


STATES: dict[str, Callable[[Stage], None]] = {
    "fresh": lambda s: None,
    "stale feed": lambda s: _feed_round(s, ago=TOO_OLD),
    "future price": lambda s: _feed_round(s, ago=-1),
    "bad round": lambda s: _feed_round(s, answer=0),
    "stale surface": _stale_surface,
    "paused": lambda s: _pause(s, 1),
    "halted": lambda s: _pause(s, 2),
}


def attempt(s: Stage, action: str) -> str:
    """The reason an action reverts with; nothing where it goes through."""
    contract, function, *args = ACTIONS[action](s)
    sender = args.pop() if args[-1] == KEEPER else OWNER
    try:
        s.contracts[contract].call(function, *args, sender=sender)
    except Revert as revert:
        return revert.reason or "no reason"
    return ""


@pytest.mark.parametrize("mode", MODES)
def test_every_action__in_every_state(world: Callable[[str], Stage], mode: str) -> None:
    stage = world(mode)
    column = MODES.index(mode)
    found = {action: attempt(stage, action) for action in ACTIONS}
    assert found == {action: row[column] for action, row in TABLE.items()}


def test_halt__after_72_hours__is_a_pause_that_nobody_renews(
    world: Callable[[str], Stage],
) -> None:
    stage = world("halted")
    stage.exchange.advance(HALT)
    assert attempt(stage, "withdraw, with a perp") == attempt(stage, "close a perp") == ""
    assert attempt(stage, "open a perp") == PAUSED
    manager = stage.contracts["AccessManager"]
    with pytest.raises(Revert, match="ledger: halted lately"):
        manager.call("set_pause_level", 2, sender=ADMIN)
    stage.exchange.advance(HALT)
    manager.call("set_pause_level", 2, sender=ADMIN)


def test_guardian__raises_the_level_and_never_lowers_it(world: Callable[[str], Stage]) -> None:
    stage = world("paused")
    manager = stage.contracts["AccessManager"]
    manager.send("grantRole", manager.call("GUARDIAN"), STRANGER, sender=ADMIN)
    for level in (0, 1):
        with pytest.raises(Revert, match="access: guardian only raises"):
            manager.call("set_pause_level", level, sender=STRANGER)
    manager.send("set_pause_level", 2, sender=STRANGER)
    assert attempt(stage, "withdraw, cash only") == HALTED
