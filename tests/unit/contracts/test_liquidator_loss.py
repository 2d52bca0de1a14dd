"""Liquidator: accounts whose equity is used up, and who pays: insurance, pools, everybody."""

from __future__ import annotations

import pytest

from protocol.pricing.auction import LAST_SECONDS
from protocol.units import WAD
from tests.ledger_bench import ADMIN, ETH, MAKER, POOL, STRANGER, TAKER, account
from tests.liquidation_bench import BIDDER, MAINTENANCE, PERP_POOL, SHORTS, SICK, make_ward

POOL_CASH = 25_000 * WAD  # after it paid for what it is long


@pytest.fixture
def ward(chain, deploy):
    made = make_ward(chain, deploy)
    made.insure(400)
    return made


def total(ward) -> int:
    """All cash and reserves: what custody holds, while nobody is in debt."""
    owners = (TAKER, MAKER, BIDDER, POOL, PERP_POOL, STRANGER)
    return sum(map(ward.cash, owners)) + sum(ward.bench.ledger.call("reserves"))


def tokens(ward) -> int:
    return int(ward.bench.custody.call("held")) * ward.bench.unit


def insolvent(ward, equity: float) -> None:
    ward.sicken(equity)
    ward.flag()


def test_bid__insolvent_at_once__insurance_pays_what_is_missing(ward):
    insolvent(ward, -300)
    taken, got, covered = ward.bid(WAD)
    assert (taken, covered) == (WAD, (300 * WAD, 0, 0))
    assert got == 780 * SHORTS
    assert ward.cash(TAKER) == 0 and ward.bench.portfolio(TAKER) == {}
    assert ward.insurance() == 100 * WAD
    assert total(ward) == tokens(ward)
    assert ward.liquidator.auction(SICK) == (0, 0)


def test_bid__later__others_pay_the_discount_too(ward):
    insolvent(ward, -100)
    ward.chain.advance(LAST_SECONDS // 6)
    _, got, covered = ward.bid(WAD)
    assert covered == (100 * WAD + MAINTENANCE // 6, 0, 0)
    assert got == 760 * SHORTS + MAINTENANCE // 6
    assert ward.cash(TAKER) == 0


def test_bid__half_of_an_insolvent_account__pays_half(ward):
    insolvent(ward, -300)
    taken, got, covered = ward.bid(WAD // 2)
    assert (taken, got, covered) == (WAD // 2, 390 * SHORTS, (150 * WAD, 0, 0))
    equity, _, maintenance = ward.margin()
    assert (equity, maintenance) == (-150 * WAD, MAINTENANCE // 2)
    ward.bid(WAD)
    assert ward.cash(TAKER) == 0 and ward.insurance() == 100 * WAD


def test_bid__insurance_spent__the_pool_of_the_loss_pays(ward):
    insolvent(ward, -1_000)
    _, _, covered = ward.bid(WAD)
    assert covered == (400 * WAD, 600 * WAD, 0)
    assert ward.cash(POOL) == POOL_CASH - 600 * WAD
    assert ward.insurance() == 0
    assert total(ward) == tokens(ward)


def test_bid__pool_spent_too__everybody_pays_alike(ward):
    """The other pool is not named for this loss: it pays as any owner of cash does."""
    ward.bench.fund(PERP_POOL, 10_000)
    insolvent(ward, -30_000)
    owners = (MAKER, PERP_POOL)
    before = {owner: ward.cash(owner) for owner in owners}
    _, _, covered = ward.bid(WAD)
    assert covered[:2] == (400 * WAD, POOL_CASH)
    assert covered[2] >= 4_600 * WAD
    shares = [ward.cash(owner) * WAD // before[owner] for owner in owners]
    assert abs(shares[0] - shares[1]) <= 1 and shares[0] < WAD
    assert ward.cash(POOL) == 0
    assert ward.cash(TAKER) == 0
    assert 0 <= tokens(ward) - total(ward) <= 10


def test_bid__loss_beyond_all_cash__reverts_and_nothing_moves(ward, reverts):
    insolvent(ward, -500_000)
    before = total(ward)
    with reverts("ledger: loss too large"):
        ward.bid(WAD)
    assert total(ward) == before


def test_bid__solvent_to_the_last_wei__nobody_else_pays(ward):
    ward.sicken(200)
    ward.flag()
    ward.chain.advance(15 * 60)
    ward.sicken(151)  # the fast discount takes 150
    _, _, covered = ward.bid(WAD)
    assert covered == (0, 0, 0)
    assert ward.insurance() == 400 * WAD


def test_bid__equity_just_used_up__bids_turn_it(ward):
    """Nobody has to flag: the bid itself finds the phase."""
    ward.sicken(200)
    ward.flag()
    ward.sicken(-50)
    _, _, covered = ward.bid(WAD)
    assert covered == (50 * WAD, 0, 0)


def owing(ward, dollars: int) -> None:
    """TAKER settles at a loss: nothing held, in debt."""
    day = ward.series.day
    ward.bench.set_print(day, (3_000 + (7_500 + dollars) // 10) * WAD)
    ward.bench.expiry.send("settle_account", SICK, sender=STRANGER)
    assert ward.cash(TAKER) == -dollars * WAD


def test_absorb__debt_without_positions__is_paid_in_order(ward):
    owing(ward, 900)
    receipt = ward.liquidator.absorb(SICK, sender=STRANGER)
    (event,) = ward.liquidator.events(receipt)
    assert event.name == "DebtAbsorbed"
    assert (event.args["amount"], tuple(event.args["covered"])) == (
        900 * WAD,
        (400 * WAD, 500 * WAD, 0),
    )
    assert ward.cash(TAKER) == 0


def test_absorb__on_auction__ends_it_and_the_hold(ward):
    """Its series settles while it is on auction: what stays is a debt, and a hold of its own."""
    insolvent(ward, -900)
    assert ward.held_back()
    owing(ward, 900)
    ward.liquidator.absorb(SICK, sender=STRANGER)
    assert ward.liquidator.auction(SICK) == (0, 0)
    assert not ward.held_back()


def test_absorb__settles_first_by_itself(ward):
    insolvent(ward, -100)
    ward.bench.set_print(ward.series.day, 3_800 * WAD)
    ward.liquidator.absorb(SICK, sender=STRANGER)
    assert ward.cash(TAKER) == 0 and ward.bench.portfolio(TAKER) == {}


def test_absorb__positions_or_no_debt__reverts(ward, reverts):
    with reverts("liquidator: has positions"):
        ward.liquidator.absorb(SICK, sender=STRANGER)
    with reverts("liquidator: no debt"):
        ward.liquidator.absorb(account(MAKER), sender=STRANGER)
    with reverts("liquidator: no debt"):
        ward.liquidator.absorb(account(STRANGER), sender=STRANGER)


def test_absorb__venue__reverts(ward, reverts):
    with reverts("liquidator: a venue's account"):
        ward.liquidator.absorb(int(ward.bench.expiry.address, 16) << 96, sender=STRANGER)


def test_close__owes_and_holds_nothing__is_for_absorb(ward, reverts):
    ward.chain.set_time(ward.series.day * 86_400 + 28_000)
    insolvent(ward, -100)
    ward.bench.set_print(ward.series.day, 3_800 * WAD)
    ward.bench.expiry.send("settle_account", SICK, sender=STRANGER)
    with reverts("liquidator: below initial margin"):
        ward.liquidator.close(SICK, sender=STRANGER)


def test_close__settled_with_something_left__ends_the_auction(ward):
    ward.chain.set_time(ward.series.day * 86_400 + 28_000)
    ward.sicken(1_200)
    ward.flag()
    ward.bench.set_print(ward.series.day, 3_100 * WAD)
    ward.bench.expiry.send("settle_account", SICK, sender=STRANGER)
    ward.liquidator.close(SICK, sender=STRANGER)
    assert ward.liquidator.auction(SICK) == (0, 0)


def test_bid__a_leg_expired_and_printed__is_paid_first(ward):
    """One leg at its print, the other on: the bidder gets what is left."""
    late = ward.bench.call(5_000, ward.bench.day + 30)
    ward.mark(500, late)
    ward.bench.fund(TAKER, 2_000)
    ward.bench.fill(late, -4 * WAD, payment=-2_000 * WAD, maker=POOL)
    ward.bench.set_print(ward.series.day, 3_780 * WAD)
    ward.mark(790, late)
    ward.flag()
    assert ward.bench.portfolio(TAKER) == {late.id: -4 * WAD}
    assert ward.bid(WAD)[0] < WAD
    assert set(ward.bench.portfolio(BIDDER)) == {late.id}


def test_bid__a_leg_expired_without_a_print__is_sold_like_any_other(ward):
    ward.sicken(1_200)
    ward.chain.set_time(ward.series.day * 86_400 + 28_801)
    ward.flag()
    taken, _, _ = ward.bid(WAD)
    assert ward.bench.position(BIDDER, ward.series) == -(SHORTS * taken // WAD)


def test_bid__printed_long_not_payable_yet__does_not_protect_the_account(ward):
    """Whoever owes has not paid in: the long moves as it is."""
    win = ward.bench.call(2_000)
    ward.mark(10, win)
    late = ward.bench.call(5_000, ward.bench.day + 30)
    ward.mark(500, late)
    ward.bench.fill(win, WAD // 100, maker=POOL)
    ward.bench.fill(ward.series, SHORTS, payment=5_000 * WAD, maker=POOL)
    ward.bench.fill(late, -8 * WAD, payment=-4_000 * WAD, maker=POOL)
    ward.bench.set_print(ward.series.day, 3_000 * WAD)
    ward.mark(1_000, win)
    ward.mark(700, late)
    ward.flag()
    assert win.id in ward.bench.portfolio(TAKER)
    ward.bid(WAD)
    assert win.id in ward.bench.portfolio(BIDDER)


def test_bid__two_underlyings__each_loss_has_its_pools(ward):
    from protocol.types import Instrument, Kind

    other = Instrument.option(Kind.CALL, 2, ward.bench.day, 100.0)
    ward.bench.ledger.send("open_pool", account(STRANGER, 5), sender=ADMIN)
    ward.liquidator.set_loss_pools(2, account(STRANGER, 5), account(PERP_POOL), sender=ADMIN)
    ward.mark(1, other)
    ward.bench.fill(other, WAD, maker=POOL)
    assert ward.liquidator.loss_pools(SICK) == [account(POOL), account(PERP_POOL)]
    assert ETH != 2
