"""What still works when the feed or the surface is stale, or the core is paused or halted.

One table: a row for each action, a column for each state of the world. Empty is success. A second
one: what a pending insolvency holds up, in the same states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protocol.chain.artifacts import Artifacts
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import Revert
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD
from tests.attacks.core_stage import (
    MAX,
    NO_LIMIT,
    HookTokens,
    Stage,
    account_of,
    build_stage,
)
from tests.system_fixtures import ADMIN, COLLECTION, HOUR, KEEPER, STRANGER, parameters

OWNER = "0x" + "0e" * 20
BANK = "0x" + "ba" * 20  # every right of a venue, and a pool: what takes an account's cash away
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
    "settle accounts": ("", *WORKS, "", "", HALTED),
    "close an expiry": ("", *WORKS, "", "", HALTED),
    "settle before a print": ("expiry: no print",) * 7,
    "take a print that is missing": ("expiry: no print",) * 7,
    "flag an account": ("", *WORKS, "", "", HALTED),
    "bid for an account": ("", *WORKS, "", "", HALTED),
    "end an auction": ("", *WORKS, "", "", ""),
    "absorb a debt": ("", *WORKS, "", "", HALTED),
    "accrue interest": ("", *WORKS, "", "", ""),
    "post collateral": ("", *WORKS, "", "collateral: paused", "collateral: paused"),
    "take collateral": ("", *WORKS, "", "", HALTED),
    "borrow of custody": ("", *WORKS, "", "custody: paused", "custody: paused"),
    "borrow of a vault": ("", *WORKS, "", "collateral: paused", "collateral: paused"),
    "release overdue LPs": ("", *GONE, "amm: valuation stale", "", HALTED),
    "cancel an overdue request": ("", *WORKS, "", "", ""),
    "record a price": ("", *GONE, "", "", ""),
    "push a surface": ("", *WORKS, "", "", ""),
}

# contract, function, arguments, and the keeper where the owner is not the sender
Action = Callable[[Stage], tuple[Any, ...]]


def sub(s: Stage, index: int) -> int:
    return s.mine + index


CASH, LONG, SHORT, EDGE = 1, 2, 3, 4  # sub-accounts of the owner
WEAK, SOLD, CURED, BROKE, BUYER = 5, 6, 8, 9, 10  # to flag, on auction, on it and well, in debt
DEBTOR, WINNER = 11, 12  # of an expiry
GUARDIAN = ADMIN

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
    "settle accounts": lambda s: (
        "ExpirySettlement",
        "settle_accounts",
        [s.mine, s.pool],
        1,
        s.past_day,
    ),
    "close an expiry": lambda s: ("other OptionsAMM", "close_expiry", s.past_day),
    "settle before a print": lambda s: (
        "ExpirySettlement",
        "settle_accounts",
        [s.mine],
        1,
        s.missed_day,
    ),
    "take a print that is missing": lambda s: ("ExpirySettlement", "take_print", 1, s.missed_day),
    "flag an account": lambda s: ("Liquidator", "flag", sub(s, WEAK)),
    "bid for an account": lambda s: (
        "Liquidator",
        "bid",
        sub(s, SOLD),
        sub(s, BUYER),
        WAD,
        -(10**6) * WAD,
        MAX,
    ),
    "end an auction": lambda s: ("Liquidator", "close", sub(s, CURED)),
    "absorb a debt": lambda s: ("Liquidator", "absorb", sub(s, BROKE)),
    "accrue interest": lambda s: ("Clearinghouse", "accrue"),
    "post collateral": lambda s: ("CollateralVault", "post", s.collateral, WAD),
    "take collateral": lambda s: ("CollateralVault", "take", s.collateral, WAD, OWNER),
    "borrow of custody": lambda s: ("Custody", "flashLoan", s.at("borrower"), *loan(s)),
    "borrow of a vault": lambda s: ("CollateralVault", "flashLoan", s.at("borrower"), *loan(s)),
    "release overdue LPs": lambda s: ("LiquidityVault", "release_overdue", 1, GUARDIAN),
    "cancel an overdue request": lambda s: (
        "LiquidityVault",
        "cancel_request",
        1,
        first_waiting(s),
    ),
    "record a price": lambda s: ("PriceOracle", "record", 1),
    "push a surface": lambda s: ("VolSurface", "push", 1, [], KEEPER),
}


def legs(s: Stage, size: int) -> list[tuple[int, int]]:
    return [(s.option, size * WAD)]


def withdraw(account: int) -> tuple[Any, ...]:
    return ("Clearinghouse", "withdraw", account, DOLLARS, OWNER)


def loan(s: Stage) -> tuple[Any, ...]:
    return (s.token.address, DOLLARS, b"")


def first_waiting(s: Stage) -> int:
    return int(s.contracts["LiquidityVault"].call("places", 1)[0])


def btc_pool(s: Stage) -> int:
    return s.exchange.btc.amm.pool


@pytest.fixture(scope="module")
def world() -> Iterator[Callable[[str], Stage]]:
    """The stage in a given state, as it was for everyone before."""
    stage = build_stage(HookTokens(), OWNER)
    _prepare(stage)
    start = stage.exchange.chain.snapshot()

    def bring(mode: str, *, pending: bool = False) -> Stage:
        nonlocal start
        stage.exchange.chain.revert(start)
        start = stage.exchange.chain.snapshot()
        if pending:
            _settle_into_a_loss(stage)
        STATES[mode](stage)
        return stage

    yield bring


def _prepare(s: Stage) -> None:
    """Accounts of every kind, requests that are ripe or overdue, and one record."""
    ex = s.exchange
    terms = (*s.contracts["LiquidityVault"].call("terms")[:-1], HOUR)
    s.contracts["LiquidityVault"].send("set_terms", terms, sender=ADMIN)
    for index in (CASH, LONG, SHORT, EDGE):
        s.do("Clearinghouse", "transfer_cash", s.mine, sub(s, index), 20_000 * WAD)
    for index, size in ((LONG, 2), (SHORT, -1), (EDGE, -1)):
        s.do("OptionsAMM", "trade", sub(s, index), legs(s, size), NO_LIMIT, MAX)
    for vault in ("LiquidityVault", "other LiquidityVault"):
        s.do(vault, "requestDeposit", 10 * DOLLARS, OWNER, OWNER)
        s.do(vault, "requestRedeem", 20 * WAD, OWNER, OWNER)
    ex.advance(2 * HOUR)
    ex.push(ex.eth)
    ex.refresh(ex.eth)
    ex.system.oracle.record(1, sender=STRANGER)
    # All that one account holds above what the live price asks for, but for one dollar and change.
    equity, initial, _ = s.contracts["Clearinghouse"].call("margin", sub(s, EDGE))
    spare = (equity - initial) // WAD - 1
    s.do("Clearinghouse", "withdraw", sub(s, EDGE), spare * DOLLARS, OWNER)
    _fail(s)
    borrower = deploy_contract(ex.chain, Artifacts()["MockBorrower"], sender=ADMIN)
    s.contracts["borrower"] = AnyContract(ex.chain, borrower, Artifacts()["MockBorrower"].abi)
    s.token.send("mint", borrower, DOLLARS, sender=OWNER)


def _fail(s: Stage) -> None:
    """Shorts whose cash is gone: one to flag, one on auction, one on it and well again; a debt."""
    system = s.exchange.system
    system.ledger.set_venue(BANK, 31, sender=ADMIN)
    system.ledger.open_pool(account_of(BANK), sender=ADMIN)
    for index in (WEAK, SOLD, CURED, BROKE, BUYER):
        s.do("Clearinghouse", "transfer_cash", s.mine, sub(s, index), 20_000 * WAD)
    for index in (WEAK, SOLD, CURED):
        fill(s, sub(s, index), account_of(BANK), s.option, -WAD)
        equity, _, maintenance = s.contracts["Clearinghouse"].call("margin", sub(s, index), 2)
        take(s, sub(s, index), equity - maintenance // 2)
    for index in (SOLD, CURED):
        s.do("Liquidator", "flag", sub(s, index))
    s.do("Clearinghouse", "transfer_cash", s.mine, sub(s, CURED), 10_000 * WAD)
    take(s, sub(s, BROKE), 20_000 * WAD + 50 * WAD)


def take(s: Stage, account: int, amount: int) -> None:
    system = s.exchange.system
    system.ledger._send("move_cash", account, account_of(BANK), amount, sender=BANK)


def _settle_into_a_loss(s: Stage) -> None:
    """An account pays for two calls that pay 1,000 each, and has half of it."""
    ex = s.exchange
    for index in (DEBTOR, WINNER):
        s.do("Clearinghouse", "transfer_cash", s.mine, sub(s, index), 20_000 * WAD)
    series = Instrument.option(Kind.CALL, 1, ex.now // DAY + 2, 1_000.0)
    fill(s, sub(s, WINNER), sub(s, DEBTOR), series.id, 2 * WAD)
    take(s, sub(s, DEBTOR), 19_000 * WAD)
    ex.pass_expiry(series.day)
    ex.system.settlement.take_print(1, series.day, sender=STRANGER)
    ex.system.settlement.settle_account(sub(s, DEBTOR), sender=STRANGER)
    ex.advance(COLLECTION)


def fill(s: Stage, taker: int, maker: int, instrument: int, size: int) -> None:
    """For nothing."""
    leg = instrument << 128 | size & (2**128 - 1)
    row = (OWNER, taker, maker, [leg], 0, [0, 0, 0])
    s.exchange.system.ledger._send("settle", *row, sender=BANK)


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
    contract, function, *args = {**ACTIONS, **PENDING_ACTIONS}[action](s)
    sender = args.pop() if args and args[-1] in (KEEPER, GUARDIAN) else OWNER
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


HELD = "ledger: insolvency pending"
UNCOVERED = "expiry: loss not covered"
PENDING: dict[str, tuple[str, ...]] = {
    "withdraw, cash only": (*[HELD] * 6, HALTED),
    "transfer cash": (*[HELD] * 6, HALTED),
    "take collateral": (*[HELD] * 6, HALTED),
    "post collateral": TABLE["post collateral"],
    "deposit": TABLE["deposit"],
    "close a perp": TABLE["close a perp"],
    "settle the winner": TABLE["settle an account"],
    "absorb the debt": TABLE["absorb a debt"],
    "release what is owed": (UNCOVERED,) * 7,
    "release what is covered": ("",) * 7,  # it only gives freedom back: a halt needs no say in it
}
PENDING_ACTIONS: dict[str, Action] = {
    "settle the winner": lambda s: ("ExpirySettlement", "settle_account", sub(s, WINNER)),
    "absorb the debt": lambda s: ("Liquidator", "absorb", sub(s, DEBTOR)),
    "release what is owed": lambda s: ("ExpirySettlement", "release_hold", sub(s, DEBTOR)),
    "release what is covered": lambda s: (
        s.do("Clearinghouse", "deposit", sub(s, DEBTOR), 2_000 * DOLLARS)
        or ("ExpirySettlement", "release_hold", sub(s, DEBTOR))
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_pending_insolvency__holds_withdrawals_and_nothing_else(
    world: Callable[..., Stage], mode: str
) -> None:
    stage = world(mode, pending=True)
    found = {action: attempt(stage, action) for action in PENDING}
    assert found == {action: row[MODES.index(mode)] for action, row in PENDING.items()}


def test_pending_insolvency__once_absorbed__holds_nobody(
    world: Callable[..., Stage],
) -> None:
    stage = world("fresh", pending=True)
    assert attempt(stage, "withdraw, cash only") == HELD
    stage.do("Liquidator", "absorb", sub(stage, DEBTOR))
    assert attempt(stage, "withdraw, cash only") == attempt(stage, "take collateral") == ""


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
