"""Attacks on margin that nets: the hedge taken off, and two accounts at an extreme strike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.clients.ledger import TRADE
from protocol.clients.margin_words import margin_words
from protocol.errors import Revert
from protocol.parameters import MarginParameters
from protocol.types import Kind
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides
from tests.attacks.twins import broken
from tests.system_fixtures import ADMIN, OTHER_TAKER, Exchange, account, build_exchange

THIEF = "0x" + "7d" * 20
VENUE = "0x" + "c0" * 20
FIRST, SECOND = account(THIEF), account(THIEF, 1)


def settle(exchange: Exchange, taker: int, maker: int, series: int, size: int, cash: int) -> None:
    """A fill at any price, as between accomplices."""
    leg = series << 128 | size & (2**128 - 1)
    row = (THIEF, taker, maker, [leg], cash, [0, 0, 0])
    exchange.system.ledger._send("settle", *row, sender=VENUE)


def take_out(exchange: Exchange, who: int) -> None:
    """As much cash as goes, to the owner."""
    ledger = exchange.system.ledger
    step = ledger.cash(who) // exchange.unit
    while step:
        with suppress(Revert):
            ledger.withdraw(who, step, THIEF, sender=THIEF)
            continue
        step //= 2


def stage(artifacts_side: str, twin: Callable[[], Artifact], dollars: int) -> Exchange:
    exchange = build_exchange(contracts(artifacts_side, twin))
    exchange.system.ledger.set_venue(VENUE, TRADE, sender=ADMIN)
    exchange.fund(THIEF, dollars)
    return exchange


def owned(exchange: Exchange) -> int:
    """The thief's: tokens and both accounts, one below zero left behind."""
    tokens = exchange.system.token.balance_of(THIEF) * exchange.unit
    equities = (exchange.system.liquidator.terms(who).equity for who in (FIRST, SECOND))
    return tokens + sum(max(0, each) for each in equities)


# -- margin netted, then the hedge sold --


def reduces_unjudged() -> Artifact:
    """Whoever brings positions nearer to zero is not asked for maintenance margin."""
    check = "        self._check_healthy(side.account, price_fallback.LAST_GOOD, False)\n"
    return broken("Clearinghouse", {check: "        pass\n"})


def strip_the_hedge(exchange: Exchange) -> int:
    """Short calls against calls a strike above, on the margin of the spread. The hedge goes to the
    second account, which pays next to nothing for it, and the price rises by a half: the first
    account owes what the second has won.
    """
    ledger = exchange.system.ledger
    short, hedge = (exchange.option(Kind.CALL, k, week=1).id for k in (2_000.0, 2_100.0))
    size = 20 * WAD
    other = account(OTHER_TAKER)
    ledger.transfer_cash(FIRST, SECOND, 1_000 * WAD, sender=THIEF)
    ledger.set_operator(other, THIEF, TRADE, sender=OTHER_TAKER)
    # Bought and sold at fair prices, from somebody with capital.
    settle(exchange, FIRST, other, hedge, size, mark(exchange, hedge) * size // WAD)
    settle(exchange, FIRST, other, short, -size, -mark(exchange, short) * size // WAD)
    start = owned(exchange)
    with suppress(Revert):
        settle(exchange, FIRST, SECOND, hedge, -size, 0)
    with suppress(Revert):
        take_out(exchange, SECOND)
    exchange.advance(60, eth=3_000.0)
    return owned(exchange) - start


def mark(exchange: Exchange, series: int) -> int:
    words = exchange.system.surface._call("words", 1, exchange.days[1])
    return exchange.system.pricer.mark(series, exchange.spot(exchange.eth), words)


@on_both_sides
def test_hedge__taken_off_after_its_margin_was_netted__is_refused(side: str) -> None:
    """Kept together the spread loses what its margin covers, and nobody else pays."""
    profit = strip_the_hedge(stage(side, reduces_unjudged, 5_000))
    judge(side, profit, loot=5_000 * WAD)


# -- long and short at a strike far away (Deri Protocol, 2023) --


def extreme(exchange: Exchange) -> int:
    """One account writes calls at twice the spot to the other, as many as its margin bears, and
    the price rises by a half. What the long wins beyond the writer's equity is paid by others.
    """
    series = exchange.option(Kind.CALL, 4_000.0, week=1).id
    start = owned(exchange)
    ledger = exchange.system.ledger
    ledger.transfer_cash(FIRST, SECOND, 100 * WAD, sender=THIEF)
    size = 100_000 * WAD
    while size > WAD:
        with suppress(Revert):
            settle(exchange, FIRST, SECOND, series, -size, 0)
            continue
        size //= 2
    exchange.advance(60, eth=3_000.0)
    return owned(exchange) - start


def without_tails(exchange: Exchange) -> Exchange:
    """Scenarios of a core move only, and nothing on top for shorts."""
    bare = MarginParameters(tails=(), short_rate=0.0, basis_rate=0.0, vol_up=0.0, skew=0.0)
    exchange.system.risk_engine._send("set_scenarios", *margin_words(bare), sender=ADMIN)
    return exchange


def test_extreme_strike__two_accounts__gain_nothing_by_a_jump_of_half() -> None:
    """The broken side is the same engine without its tails, skew and contingencies."""
    judge("broken", extreme(without_tails(_bare())), loot=10_000 * WAD)
    judge("real", extreme(_bare()), loot=0)


def _bare() -> Exchange:
    return stage("real", reduces_unjudged, 10_000)
