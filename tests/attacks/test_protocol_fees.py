"""Fees in the words of the pools: claimed twice, lost in rounding, or taken for something else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides, perp
from tests.attacks.twins import broken
from tests.system_fixtures import (
    ADMIN,
    LP,
    OTHER_LP,
    OTHER_TAKER,
    STRANGER,
    TAKER,
    Exchange,
    account,
    build_exchange,
)

OWNERS = TAKER, OTHER_TAKER, LP, OTHER_LP, STRANGER
ODD = 10**9 + 7  # of a contract, in no step of anything


def accrual_stays() -> Artifact:
    line = "cash_book._accounts[pool] = account_codec._without_accrual(word)"
    change = {line: "cash_book._accounts[pool] = word"}
    return broken("Clearinghouse", change, module="reserve_book")


def any_venue_trades_with_a_pool() -> Artifact:
    other = " or maker >> 96 != convert(msg.sender, uint256)"
    return broken("Clearinghouse", {other: ""})


def trade_oddly(exchange: Exchange) -> None:
    """Sizes that leave digits below every step, on both venues and either side."""
    for n, size in enumerate((3.0, -1.7, 0.3, -0.01)):
        leg = exchange.call(2_000, size + ODD / WAD, week=n % 2)
        exchange.trade(leg, taker=(TAKER, OTHER_TAKER)[n % 2])
        perp(exchange, exchange.eth, TAKER, round(size * WAD) + ODD)


def claim_all(exchange: Exchange, receiver: str = STRANGER) -> int:
    """Everything the treasury is owed, in whole tokens of the quote token, as tokens."""
    ledger = exchange.system.ledger
    tokens = ledger.reserves()[1] // exchange.unit
    ledger._send("claim_treasury", receiver, tokens, sender=ADMIN)
    return tokens


def claim_twice(exchange: Exchange) -> int:
    """What a second claim in a row pays."""
    trade_oddly(exchange)
    claim_all(exchange)
    paid = 0
    for _ in range(2):
        with suppress(Revert):
            paid += claim_all(exchange)
    return paid * exchange.unit


@on_both_sides
def test_claim__a_second_time__pays_nothing(side: str) -> None:
    exchange = build_exchange(contracts(side, accrual_stays))
    judge(side, claim_twice(exchange), loot=WAD)


def test_fees__of_odd_sizes__are_kept_to_the_wei() -> None:
    """Cash of all and reserves are the tokens held, after trades, a claim, and trades again."""
    exchange = build_exchange(Artifacts())
    custody = exchange.system.custody
    for turn in range(2):
        before = exchange.system.ledger.reserves()
        trade_oddly(exchange)
        after = exchange.system.ledger.reserves()
        assert after[0] > before[0] and after[1] > before[1]
        assert exchange.ledger_cash(OWNERS) == custody.held() * exchange.unit
        insured = after[0]
        tokens = claim_all(exchange)
        assert tokens > 0 or turn
        assert exchange.system.ledger.reserves() == (insured, after[1] - tokens * exchange.unit)
        assert exchange.ledger_cash(OWNERS) == custody.held() * exchange.unit


def test_fees__in_a_pools_word__count_no_positions() -> None:
    """The bits of an account's list are the bits of a pool's debts: no reader mixes them up."""
    exchange = build_exchange(Artifacts())
    ledger, amm = exchange.system.ledger, exchange.eth.amm
    trade_oddly(exchange)
    listed = [ledger.pool_positions(amm.pool, 1, day) for day in (0, *exchange.days)]
    assert [len(each) for each in listed] == [0, 1, 1]
    for name in ("portfolio", "margin"):
        extra = (2**256 - 1,) if name == "margin" else ()
        with pytest.raises(Revert, match="ledger: account is a pool"):
            ledger._call(name, amm.pool, *extra)
    claim_all(exchange)
    assert [ledger.pool_positions(amm.pool, 1, day) for day in (0, *exchange.days)] == listed


def test_pool__that_held_something_before__owes_nothing_for_it() -> None:
    """An emptied list leaves no id where a pool's debts will be read."""
    exchange = build_exchange(Artifacts())
    ledger, mine = exchange.system.ledger, account(TAKER)
    for size in (2.0, -2.0):
        exchange.trade(exchange.call(2_000, size))
    before = ledger.reserves()
    ledger.open_pool(mine, sender=ADMIN)
    assert ledger.reserves() == before


# -- whose pool it is --


def steal_from_pool(exchange: Exchange) -> int:
    """A caller that is no venue books a fill against a pool: its payment to the thief."""
    ledger, pool = exchange.system.ledger, exchange.eth.amm.pool
    leg = exchange.call(2_000, 1)
    packed = (leg.instrument.id << 128) | leg.size
    before = exchange.cash(TAKER)
    with suppress(Revert):
        fill = TAKER, account(TAKER), pool, [packed], -500_000 * WAD, [0, 0, 0]
        ledger._send("settle", *fill, sender=STRANGER)
    return exchange.cash(TAKER) - before


@on_both_sides
def test_right_of_a_pools_venue__serves_no_other_caller(side: str) -> None:
    exchange = build_exchange(contracts(side, any_venue_trades_with_a_pool))
    judge(side, steal_from_pool(exchange), loot=100_000 * WAD)


def opened_first(exchange: Exchange, venue: str) -> None:
    exchange.system.ledger.open_pool(account(venue), sender=ADMIN)
    exchange.system.ledger.set_venue(venue, 1, sender=ADMIN)


def allowed_first(exchange: Exchange, venue: str) -> None:
    exchange.system.ledger.set_venue(venue, 1, sender=ADMIN)
    exchange.system.ledger.open_pool(account(venue), sender=ADMIN)


@pytest.mark.parametrize("wire", [opened_first, allowed_first])
def test_right_of_a_venue__in_either_order__holds_until_it_is_taken(
    wire: Callable[[Exchange, str], None],
) -> None:
    exchange = build_exchange(Artifacts())
    ledger, venue = exchange.system.ledger, STRANGER
    wire(exchange, venue)
    leg = exchange.call(2_000, 1)
    packed = (leg.instrument.id << 128) | leg.size
    fill = TAKER, account(TAKER), account(venue), [packed], 0, [0, 0, 0]
    ledger._send("settle", *fill, sender=venue)
    ledger.set_venue(venue, 0, sender=ADMIN)
    with pytest.raises(Revert, match="ledger: right missing"):
        ledger._send("settle", *fill, sender=venue)


def test_right_of_the_options_pool__taken__stops_it_at_once() -> None:
    exchange = build_exchange(Artifacts())
    exchange.trade(exchange.call(2_000, 1))
    exchange.system.ledger.set_venue(exchange.eth.amm.address, 0, sender=ADMIN)
    for size in (1, -1):
        with pytest.raises(Revert, match="ledger: right missing"):
            exchange.trade(exchange.call(2_000, size))
