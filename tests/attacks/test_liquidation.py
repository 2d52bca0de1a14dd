"""Attacks on auctions: the owner as bidder, clocks put back, accounts emptied, losses escaped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import Revert
from protocol.pricing import auction as twin
from protocol.pricing.auction import FAST_SECONDS, LAST_SECONDS, SLOW_SECONDS
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides
from tests.attacks.twins import broken
from tests.ledger_bench import ADMIN, MAKER, POOL, STRANGER, TAKER, VENUE, account
from tests.liquidation_bench import BIDDER, INITIAL, MAINTENANCE, SHORTS, SICK, Ward, make_ward

ROUNDING = 1_000  # wei a thief may gain or lose by


def stage(side: str, twin: Callable[[], Artifact]) -> Ward:
    chain, artifacts = EmbeddedChain(), contracts(side, twin)
    ward = make_ward(chain, _deployer(chain, artifacts))
    ward.insure(4_000)
    return ward


def _deployer(chain: EmbeddedChain, artifacts: Artifacts) -> Callable[..., AnyContract]:
    def put(name: str, *args: object) -> AnyContract:
        artifact = artifacts[name]
        return AnyContract(
            chain, deploy_contract(chain, artifact, *args, sender=ADMIN), artifact.abi
        )

    return put


def wealth(ward: Ward, *owners: str) -> int:
    """Equity of all, an account below zero counted as nothing: its owner walks away."""
    return sum(max(0, ward.margin(account(owner))[0]) for owner in owners)


# -- the owner bids for its own account, by another --


def pays_bidders_from_insurance() -> Artifact:
    """Discounts of solvent accounts are made good by insurance."""
    whole = "beyond: int256 = convert(discount, int256) - equity"
    change = {whole: "beyond: int256 = convert(discount, int256)"}
    return broken("Liquidator", change, module="auction_math")


def buy_oneself(ward: Ward) -> int:
    """Unhealthy, at a discount of most of the equity, without anyone to bid before."""
    ward.sicken(1_200)
    before = wealth(ward, TAKER, BIDDER)
    ward.flag()
    ward.chain.advance(FAST_SECONDS + SLOW_SECONDS - 60)
    ward.bid(WAD)
    return wealth(ward, TAKER, BIDDER) - before


@on_both_sides
def test_bid__for_the_bonus_of_ones_own__pays_oneself(side: str) -> None:
    judge(
        side,
        buy_oneself(stage(side, pays_bidders_from_insurance)),
        loot=500 * WAD,
        bound=ROUNDING,
    )


def test_bid__own_insolvent_account__takes_the_bonus_of_an_hour_nobody_came() -> None:
    """The bound where others pay: what is missing, and the discount that a stranger would have had.

    Whoever waits for it lets everybody else bid before; at once it is worth nothing.
    """
    for waited in (0, LAST_SECONDS // 4, 2 * LAST_SECONDS):
        ward = stage("real", pays_bidders_from_insurance)
        ward.sicken(-300)
        before = wealth(ward, TAKER, BIDDER)
        ward.flag()
        ward.chain.advance(waited)
        bonus = twin.last_discount(equity=-300 * WAD, maintenance=MAINTENANCE, elapsed=waited)
        ward.bid(WAD)
        assert abs(wealth(ward, TAKER, BIDDER) - before - bonus) <= ROUNDING


# -- made insolvent on purpose, by giving away (Euler Finance, March 2023) --


def gives_without_margin() -> Artifact:
    check = "amount=signed)\n    self._check_exit(left)\n\n\n@external\ndef set_operator"
    return broken("Clearinghouse", {check: check.replace("\n    self._check_exit(left)", "")})


def donate_and_buy(ward: Ward) -> int:
    """All cash of a healthy account to the owner's other one, which then takes the debt's bonus."""
    before = wealth(ward, TAKER, BIDDER)
    everything = ward.cash(TAKER)
    with suppress(Revert):
        row = (SICK, account(BIDDER), everything)
        ward.bench.ledger.send("transfer_cash", *row, sender=TAKER)
    with suppress(Revert):
        ward.flag()
        ward.bid(WAD)
    return wealth(ward, TAKER, BIDDER) - before


@on_both_sides
def test_donation__into_insolvency__is_refused(side: str) -> None:
    judge(side, donate_and_buy(stage(side, gives_without_margin)), loot=3_000 * WAD, bound=ROUNDING)


def empty_by_fills(ward: Ward) -> int:
    """The same by trades with an accomplice, one way and the other, at any price."""
    before = wealth(ward, TAKER, BIDDER)
    for size in (-WAD, WAD, SHORTS):
        for gift in (7_400, 5_000, 2_000):
            with suppress(Revert):
                ward.bench.fill(ward.series, size, payment=gift * WAD, maker=BIDDER)
    with suppress(Revert):
        ward.flag()
        ward.bid(WAD)
    return wealth(ward, TAKER, BIDDER) - before


def test_donation__by_fills__never_into_insolvency() -> None:
    """Whoever reduces keeps maintenance, whoever adds keeps initial margin: nobody else pays."""
    ward = stage("real", gives_without_margin)
    reserves = ward.insurance()
    assert empty_by_fills(ward) <= ROUNDING
    assert ward.insurance() == reserves


# -- the clock of an auction put back by deposits --


def ends_at_maintenance() -> Artifact:
    old = 'health.equity >= convert(health.initial, int256), "liquidator: below initial margin"'
    new = 'health.equity >= convert(health.maintenance, int256), "liquidator: below"'
    return broken("Liquidator", {old: new})


def put_the_clock_back(ward: Ward) -> int:
    """A top-up to just above maintenance every five minutes, taken away again by the market.

    The profit is the discount that it spares the account.
    """
    ward.sicken(1_499)
    ward.flag()
    rounds, extra = 24, 0
    for _ in range(rounds):
        ward.chain.advance(300)
        ward.bench.fund(TAKER, 1)
        extra += 1
        with suppress(Revert):
            ward.liquidator.close(SICK, sender=TAKER)
        ward.sicken(1_499 - extra)
        with suppress(Revert):
            ward.flag()
    ward.chain.advance(60)
    terms = ward.terms()
    due = twin.discount(equity=terms.equity, maintenance=MAINTENANCE, elapsed=300 * rounds + 60)
    return due - terms.discount


@on_both_sides
def test_top_up__of_a_dollar__does_not_put_the_clock_back(side: str) -> None:
    assert INITIAL > MAINTENANCE
    judge(side, put_the_clock_back(stage(side, ends_at_maintenance)), loot=500 * WAD)


# -- out before the loss is booked --


def holds_nobody() -> Artifact:
    """Withdrawals go on while an insolvency is worked out."""
    hold = "        after |= _HELD\n        extcall IClearinghouse(ledger).hold_withdrawals(1)"
    return broken("Liquidator", {hold: "        pass"})


def leave_before_the_haircut(ward: Ward) -> int:
    """Who sees an account that will cost everybody takes the money out first.

    The profit is what leaving saved: what was taken out, over what the haircut left of it.
    """
    ward.sicken(-40_000)
    ward.flag()
    before = ward.cash(MAKER)
    tokens = before // ward.bench.unit
    with suppress(Revert):
        ward.bench.ledger.send("withdraw", account(MAKER), tokens, MAKER, sender=MAKER)
    ward.bid(WAD)
    index = int(ward.bench.ledger.call("indices")[0])
    taken = int(ward.bench.token.call("balanceOf", MAKER)) * ward.bench.unit
    return taken + ward.cash(MAKER) - before * index // WAD


@on_both_sides
def test_exit__before_a_loss_is_booked__waits_for_it(side: str) -> None:
    thief = leave_before_the_haircut(stage(side, holds_nobody))
    judge(side, thief, loot=1_000 * WAD, bound=ROUNDING)


# -- others stopped by accounts of cents --


def test_hold__many_accounts_of_cents__stop_nobody() -> None:
    """Ten insolvent accounts of half a dollar of margin each: withdrawals go on."""
    ward = stage("real", holds_nobody)
    tiny = ward.bench.call(4_000)
    ward.mark(0.1, tiny)
    for index in range(10):
        ward.bench.fund(STRANGER, 2, index=index)
        row = (account(STRANGER, index), account(POOL))
        leg = tiny.id << 128 | (2**128 - WAD // 100)
        ward.bench.ledger.send("settle", STRANGER, *row, [leg], 0, [0, 0, 0], sender=VENUE)
    ward.mark(500, tiny)
    for index in range(10):
        ward.flag(account(STRANGER, index))
        assert ward.liquidator.auction(account(STRANGER, index))[1] != 0
    assert not ward.held_back()
