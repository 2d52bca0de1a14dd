"""Somebody owes more than he has at expiry: the loss is shared, whoever runs first."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides
from tests.attacks.twins import WithTwins, broken
from tests.ledger_bench import (
    ADMIN,
    COLLECTION,
    ETH,
    STRANGER,
    VENUE,
    LedgerBench,
    account,
    make_bench,
)

DEBTOR = "0x" + "d1" * 20
RICH_DEBTOR = "0x" + "d2" * 20
FIRST = "0x" + "f1" * 20  # settles and withdraws before anybody else
LAST = "0x" + "f2" * 20
STRIKE, SIZE = 3_000, 20
STAKE = 40_000  # of a debtor: enough for the margin, not for what comes


def pays_before_a_loss_is_covered() -> Artifact:
    """Nothing holds withdrawals back between a debtor's settlement and the cover of his loss."""
    hold = "if claim.total < 0:\n                self._hold(account)"
    return broken("ExpirySettlement", {hold: "pass"})


def pays_from_the_print_on() -> Artifact:
    """No time to collect: a winner is paid by the first who pays in, before other losses show."""
    return broken("ExpirySettlement", {"block.timestamp + _COLLECTION": "block.timestamp"})


def pays_ten_minutes_after_eight() -> Artifact:
    """The time to collect runs from the expiry, and is over when a print comes late."""
    since = "block.timestamp + _COLLECTION"
    fixed = "series_codec._expiry(day) + _COLLECTION"
    return broken("ExpirySettlement", {since: fixed})


def overdrawn_escrow() -> Artifact:
    """The ledger's own refusal, behind the settlement's."""
    return broken("Clearinghouse", {'assert held.cash >= 0, "ledger: escrow too small"': "pass"})


def pays_whoever_comes() -> Artifact:
    """Winners are paid although no loser has paid in."""
    limit = "if won > owed:\n            return False"
    none = "if won > owed:\n            owed = won"
    held = "held: uint256 = convert(staticcall IClearinghouse(ledger).cash(escrow), uint256)"
    return broken("ExpirySettlement", {limit: none, held: "held: uint256 = owed"})


def refuses_the_first() -> Artifact:
    """A token that sends one address nothing, as stablecoins with a list do."""
    body = "def _transfer(owner: address, receiver: address, amount: uint256):\n"
    return broken(
        "MockERC20", {body: f"{body}    assert receiver != {to_checksum_address(FIRST)}\n"}
    )


def open_market(artifacts: Artifacts) -> LedgerBench:
    chain = EmbeddedChain()

    def put(name: str, *args: Any) -> AnyContract:
        address = deploy_contract(chain, artifacts[name], *args, sender=ADMIN)
        return AnyContract(chain, address, artifacts[name].abi)

    bench = make_bench(chain, put)
    for owner, dollars in ((DEBTOR, STAKE), (RICH_DEBTOR, 10 * STAKE), (FIRST, 10), (LAST, 10)):
        bench.fund(owner, dollars)
    call = bench.call(STRIKE)
    for debtor, winner in ((DEBTOR, FIRST), (RICH_DEBTOR, LAST)):
        bench.fill(call, SIZE * WAD, taker=winner, maker=debtor)
    return bench


def settle(bench: LedgerBench, day: int, *owners: str) -> None:
    accounts = [account(owner) for owner in owners]
    bench.expiry.send("settle_accounts", accounts, ETH, day, sender=STRANGER)


def run_away(bench: LedgerBench, owner: str) -> None:
    """Everything out, or out through a friend, if it goes."""
    tokens = bench.cash(owner) * 10**6 // WAD
    with suppress(Revert):
        bench.ledger.send("withdraw", account(owner), tokens, owner, sender=owner)
    with suppress(Revert):
        row = account(owner), account(STRANGER), bench.cash(owner)
        bench.ledger.send("transfer_cash", *row, sender=owner)


def cover(bench: LedgerBench, owner: str) -> None:
    """What the liquidator does with a debt that nothing is left to pay."""
    debt = -bench.cash(owner)
    if debt > 0:
        bench.ledger.send("cover", account(owner), debt, [], sender=VENUE)


def wealth(bench: LedgerBench, owner: str) -> int:
    tokens = bench.token.call("balanceOf", owner) * WAD // 10**6
    return bench.cash(owner) + tokens


def race(bench: LedgerBench, price: int) -> int:
    """What the first to settle and leave has more than the last."""
    day = bench.day
    bench.set_print(day, price * WAD)
    settle(bench, day, DEBTOR, FIRST)
    run_away(bench, FIRST)
    settle(bench, day, RICH_DEBTOR, LAST)
    cover(bench, DEBTOR)
    with suppress(Revert):
        bench.expiry.send("release_hold", account(DEBTOR), sender=STRANGER)
    return wealth(bench, FIRST) - wealth(bench, LAST) + bench.cash(STRANGER)


@on_both_sides
def test_winner__who_leaves_first__shares_the_loss(side: str) -> None:
    bench = open_market(contracts(side, pays_before_a_loss_is_covered))
    judge(side, race(bench, 8_000), loot=5_000 * WAD, bound=2)


def race_of_the_solvent(bench: LedgerBench, late: int) -> int:
    """FIRST is paid by the debtor who can pay, and runs before the other's loss is seen."""
    day = bench.day
    bench.chain.set_time(day * 86_400 + 28_800 + late)
    bench.set_print(day, 8_000 * WAD, collected=False)
    run_away(bench, LAST)  # what he came with, as FIRST takes his
    with suppress(Revert):
        settle(bench, day, RICH_DEBTOR, FIRST)
        run_away(bench, FIRST)
    settle(bench, day, DEBTOR)  # the keeper, a block later
    bench.chain.advance(COLLECTION)
    settle(bench, day, FIRST, LAST)
    run_away(bench, FIRST)
    cover(bench, DEBTOR)
    with suppress(Revert):
        bench.expiry.send("release_hold", account(DEBTOR), sender=STRANGER)
    return wealth(bench, FIRST) - wealth(bench, LAST) + bench.cash(STRANGER)


@on_both_sides
def test_winner__who_settles_himself_in_the_first_block__gets_no_more(side: str) -> None:
    bench = open_market(contracts(side, pays_from_the_print_on))
    judge(side, race_of_the_solvent(bench, late=0), loot=5_000 * WAD, bound=2)


@on_both_sides
def test_winner__after_a_late_print__gets_no_more(side: str) -> None:
    bench = open_market(contracts(side, pays_ten_minutes_after_eight))
    judge(side, race_of_the_solvent(bench, late=3_600), loot=5_000 * WAD, bound=2)


@on_both_sides
def test_winner__before_anybody_paid_in__is_not_paid(side: str) -> None:
    twins = (pays_whoever_comes(), overdrawn_escrow()) if side == "broken" else ()
    bench = open_market(WithTwins(*twins))
    day = bench.day
    bench.set_print(day, 8_000 * WAD)
    before = bench.cash(FIRST)
    with suppress(Revert):
        settle(bench, day, FIRST)
        run_away(bench, FIRST)
    judge(side, wealth(bench, FIRST) - before, loot=0)


def test_loss__at_expiry__takes_insurance_first_then_everybody_alike() -> None:
    bench = open_market(WithTwins())
    day = bench.day
    fees = (0, 30_000 * WAD, 0)  # for insurance
    bench.fund(RICH_DEBTOR, 30_000)
    bench.fill(bench.call(STRIKE), -WAD, taker=RICH_DEBTOR, maker=LAST, fees=fees)
    bench.set_print(day, 8_000 * WAD)
    settle(bench, day, DEBTOR, RICH_DEBTOR, FIRST, LAST)
    loss = -bench.cash(DEBTOR)
    before = {owner: bench.cash(owner) for owner in (RICH_DEBTOR, FIRST, LAST)}
    insured = bench.ledger.call("reserves")[0]
    paid = bench.ledger.call("cover", account(DEBTOR), loss, [], sender=VENUE)
    assert paid == (insured, 0, loss - insured)
    cover(bench, DEBTOR)
    owned = sum(before.values())
    for owner, cash in before.items():
        share = cash * (owned - paid[2]) // owned
        assert bench.cash(owner) == pytest.approx(share, rel=1e-12)
    assert bench.cash(DEBTOR) == 0


def test_hold__until_the_loss_is_covered__and_no_longer(reverts) -> None:
    bench = open_market(WithTwins())
    day = bench.day
    bench.set_print(day, 8_000 * WAD)
    settle(bench, day, DEBTOR, RICH_DEBTOR, FIRST, LAST)
    assert bench.expiry.call("holds", account(DEBTOR))
    assert not bench.expiry.call("holds", account(RICH_DEBTOR))
    with reverts("ledger: insolvency pending"):
        bench.ledger.send("withdraw", account(LAST), 1, LAST, sender=LAST)
    with reverts("expiry: loss not covered"):
        bench.expiry.send("release_hold", account(DEBTOR), sender=STRANGER)
    cover(bench, DEBTOR)
    bench.expiry.send("release_hold", account(DEBTOR), sender=STRANGER)
    bench.ledger.send("withdraw", account(LAST), 1, LAST, sender=LAST)
    with reverts("expiry: no hold"):
        bench.expiry.send("release_hold", account(DEBTOR), sender=STRANGER)


def test_hold__for_less_than_a_hundred_dollars__never_starts() -> None:
    bench = open_market(WithTwins())
    day = bench.day
    bench.set_print(day, STRIKE * WAD + (STAKE + 99) * WAD // SIZE)
    settle(bench, day, DEBTOR)
    assert -100 * WAD < bench.cash(DEBTOR) < 0
    assert not bench.expiry.call("holds", account(DEBTOR))


def test_token__that_refuses_a_winner__holds_up_nobody_else(reverts) -> None:
    bench = open_market(WithTwins(refuses_the_first()))
    day, price = bench.day, STRIKE + 1_000
    bench.set_print(day, price * WAD)
    settle(bench, day, DEBTOR, RICH_DEBTOR, FIRST, LAST)
    won = 10 + SIZE * 1_000
    assert bench.cash(FIRST) == bench.cash(LAST) == won * WAD
    bench.ledger.send("withdraw", account(LAST), won * 10**6, LAST, sender=LAST)
    with reverts():
        bench.ledger.send("withdraw", account(FIRST), won * 10**6, FIRST, sender=FIRST)
    bench.ledger.send("withdraw", account(FIRST), won * 10**6, STRANGER, sender=FIRST)
    assert bench.token.call("balanceOf", STRANGER) == won * 10**6
