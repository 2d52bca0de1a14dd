"""The queue of an LP vault as a place to keep others waiting: dust, crowds, loops, and a bank run.

Who waits is an honest LP with a redemption. What a crowd in front costs whoever sends it is counted
in money held up, and what it costs those who clear the queue in gas of one call.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import pytest

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import contracts, on_both_sides
from tests.attacks.twins import broken
from tests.market_bench import (
    LONG,
    LP,
    OTHER_LP,
    STRANGER,
    TERMS,
    Bench,
    build,
    with_mock_pool,
)

THIEF = LONG
REDEMPTION, PASS = 2, 32
DELAY, MAX_WAIT, LEAST = TERMS["delay"], TERMS["max_wait"], TERMS["min_request"]
CROWD = 10_000
PASS_GAS = 1_500_000  # of one call for 32 redemptions, measured 1.40 million
EMPTY_PASS_GAS = 300_000  # of one over 32 places taken back


def waits_with_the_others() -> Artifact:
    """A balance below the least request stands in the queue of all."""
    return broken("LiquidityVault", {"        kind = SMALL\n    erc20": "        pass\n    erc20"})


def taken_back_at_once() -> Artifact:
    overdue = 'assert block.timestamp >= ready_at + self.terms.max_wait, "vault: not overdue"'
    return broken("LiquidityVault", {overdue: "pass"})


def open_vault(artifacts: Artifacts, *, thief: int, honest: int = 50_000) -> Bench:
    bench = build(EmbeddedChain(), artifacts)
    bench.enter(OTHER_LP, 1_000_000)
    bench.enter(LP, honest)
    bench.enter(THIEF, thief)
    return bench


class Wait(NamedTuple):
    """What an honest redemption went through: calls of `process`, and gas of the dearest."""

    calls: int
    gas: int


def leave(bench: Bench, *, calls: int) -> Wait:
    """The honest LP asks for everything, anyone processes, at most so many times."""
    shares = bench.shares(LP)
    bench.request_redeem(LP, shares)
    bench.advance(DELAY)
    gas = 0
    for done in range(calls + 1):
        if bench.vault.call("claimableRedeemRequest", 0, LP) == shares:
            return Wait(done, gas)
        gas = max(gas, bench.process(PASS).gas_used)
    return Wait(calls + 1, gas)


def dust(bench: Bench, count: int) -> None:
    """A wei of a share to each of many fresh addresses, which ask for the whole of it."""
    for number in range(count):
        fresh = f"0x{number + 1:040x}"
        bench.vault.send("transfer", fresh, 1, sender=THIEF)
        bench.request_redeem(fresh, 1)


@on_both_sides
def test_dust__in_front_of_a_redemption__keeps_nobody_waiting(side: str) -> None:
    bench = open_vault(contracts(side, waits_with_the_others), thief=20)
    dust(bench, 3)
    wait = leave(bench, calls=4)
    # In the queue of all the first wei is worth no token unit, and waits for ever.
    assert wait.calls == (1 if side == "real" else 5)


def test_crowd__of_ten_thousand_smallest_requests__is_cleared_in_bounded_calls() -> None:
    bench = open_vault(Artifacts(), thief=CROWD * LEAST // WAD + 100)
    before = bench.shares(THIEF)
    dearest = min(_ask(bench) for _ in range(CROWD))
    assert before - bench.shares(THIEF) == CROWD * LEAST  # 100,000 dollars held up for the delay
    assert bench.vault.call("queue_lengths") == (0, CROWD)
    wait = leave(bench, calls=CROWD // PASS + 1)
    assert wait.calls == CROWD // PASS + 1
    assert wait.gas < PASS_GAS
    assert wait.gas < PASS * dearest  # to clear costs less than to crowd


def _ask(bench: Bench) -> int:
    args = (LEAST, THIEF, THIEF)
    return bench.vault.send("requestRedeem", *args, sender=THIEF).gas_used


def test_crowd__of_deposits__keeps_no_redemption_waiting() -> None:
    bench = open_vault(Artifacts(), thief=20)
    bench.hold(THIEF, 3 * PASS * 10)
    for _ in range(3 * PASS):
        args = (LEAST // bench.unit, THIEF, THIEF)
        bench.vault.send("requestDeposit", *args, sender=THIEF)
    assert leave(bench, calls=1).calls == 1


def loop(bench: Bench, rounds: int) -> int:
    """Ask for the same shares over and over, taken back in between; the places it fills."""
    places = 0
    for _ in range(rounds):
        bench.request_redeem(THIEF, LEAST)
        places += 1
        try:
            place = bench.vault.call("places", REDEMPTION)[1] - 1
            bench.vault.send("cancel_request", REDEMPTION, place, sender=THIEF)
        except Revert:
            break
    return places


@on_both_sides
def test_loop__of_asking_and_taking_back__holds_capital_for_every_place(side: str) -> None:
    bench = open_vault(contracts(side, taken_back_at_once), thief=20)
    assert loop(bench, 40) == (1 if side == "real" else 40)


def test_places_taken_back__are_passed_over_for_little_gas() -> None:
    count = 3 * PASS
    bench = open_vault(Artifacts(), thief=count * LEAST // WAD + 100)
    for _ in range(count):
        _ask(bench)
    bench.advance(DELAY + MAX_WAIT)
    for place in range(count):
        bench.vault.send("cancel_request", REDEMPTION, place, sender=THIEF)
    for _ in range(count // PASS):
        assert bench.process(PASS).gas_used < EMPTY_PASS_GAS
    assert bench.vault.call("queue_lengths") == (0, 0)


def test_shares_of_a_request__cannot_be_asked_for_twice() -> None:
    bench = open_vault(Artifacts(), thief=20)
    bench.request_redeem(THIEF, bench.shares(THIEF))
    with pytest.raises(Revert, match="request too small"):
        bench.request_redeem(THIEF, 0)
    with pytest.raises(Revert, match="exceeds balance"):
        bench.request_redeem(THIEF, LEAST)


# ── a bank run ──

RUNNERS = tuple(f"0x{number:040x}" for number in range(0xC0, 0xC0 + 20))
STAKE = 10_000


def first_come_at_nav() -> Artifact:
    """Pays NAV, potential and all: whoever leaves first takes what is owed to those behind."""
    rule = "if depth == 0 or risk == 0:\n        return worth"
    nav = "if True:\n        return shares * nav // supply"
    return broken("LiquidityVault", {rule: nav}, module="vault_math")


class Exit(NamedTuple):
    owner: str
    paid: Fraction  # per share, WAD of cash
    fair: Fraction  # (NAV - potential) per share before it


def run(side: str) -> tuple[Bench, list[Exit]]:
    """All but one LP ask to leave after a loss of 30 %, half of the cash held against positions."""
    artifacts = contracts(side, first_come_at_nav)
    bench = with_mock_pool(build(EmbeddedChain(), artifacts), artifacts)
    for owner in (*RUNNERS, LP):
        bench.enter(owner, STAKE)
    cash = bench.cash(bench.pool)
    depth = cash * 7 // 10
    book = (-cash * 3 // 10, cash // 2, cash // 20 * depth, depth)
    bench.perp.send("set_book", *book, sender=STRANGER)
    for owner in RUNNERS:
        bench.request_redeem(owner, bench.shares(owner))
    bench.advance(DELAY)
    exits = list(_drain(bench))
    bench.perp.send("set_book", book[0] // 2, 0, 0, 0, sender=STRANGER)  # half is taken off
    return bench, exits + list(_drain(bench))


def _drain(bench: Bench) -> list[Exit]:
    """Process one by one until nothing moves."""
    exits: list[Exit] = []
    while True:
        value, supply = bench.valuation(), bench.vault.call("totalSupply")
        fair = Fraction(value.nav - value.risk, supply)
        gone = [e for e in bench.vault.events(bench.process(1)) if e.name == "RedeemProcessed"]
        if not gone:
            return exits
        for event in gone:
            paid = Fraction(event.args["assets"] * bench.unit, event.args["shares"])
            exits.append(Exit(event.args["controller"], paid, fair))


@on_both_sides
def test_bank_run__pays_in_order_and_nobody_more_than_what_is_his(side: str) -> None:
    _, exits = run(side)
    order = list(dict.fromkeys(each.owner for each in exits))
    assert order == list(RUNNERS[: len(order)])
    excess = max(each.paid - each.fair for each in exits)
    if side == "real":
        assert excess <= 0
        assert len(order) > len(RUNNERS) // 2  # half went at once, more once the risk was off
    else:
        assert excess > Fraction(1, 100)


def test_bank_run__whoever_stays_loses_nothing_at_any_step() -> None:
    _, exits = run("real")
    half = next(n for n, e in enumerate(exits) if e.fair > exits[0].fair * Fraction(11, 10))
    for part in (exits[:half], exits[half:]):
        fair = [each.fair for each in part]
        assert fair == sorted(fair) and len(fair) > 3


def test_bank_run__of_everybody_but_one__leaves_him_the_floor_and_his_share() -> None:
    bench, _ = run("real")
    value = bench.valuation()
    assert value.free_cash >= value.nav * TERMS["liquidity_floor"] // WAD
    assert bench.vault.call("convertToAssets", bench.shares(LP)) > STAKE * 10**6 * 8 // 10
