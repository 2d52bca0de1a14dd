"""Liquidator: bids on solvent accounts, to the wei."""

from __future__ import annotations

import pytest

from protocol.pricing import auction as twin
from protocol.pricing.auction import FAST_SECONDS
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    HALTED,
    MAKER,
    PAUSED,
    POOL,
    SCOPE_TRADE,
    STRANGER,
    TAKER,
    account,
)
from tests.liquidation_bench import BIDDER, INITIAL, MAINTENANCE, SHORTS, SICK, make_ward

LEAST = 100 * WAD


@pytest.fixture
def ward(chain, deploy):
    return make_ward(chain, deploy)


@pytest.fixture
def sick(ward):
    """Flagged with 1,200 of equity, a mark of 630, at the end of the fast phase."""
    ward.sicken(1_200)
    ward.flag()
    ward.chain.advance(FAST_SECONDS)
    return ward


def health(ward, who: int = SICK) -> float:
    equity, _, maintenance = ward.margin(who)
    return equity / maintenance


def test_bid__part__pays_mark_and_discount_for_its_share(sick):
    cash, share = sick.cash(BIDDER), WAD // 5
    taken, got, covered = sick.bid(share)
    assert taken == share and covered == (0, 0, 0)
    assert got == (630 * SHORTS + MAINTENANCE // 10) // 5
    assert sick.cash(BIDDER) - cash == got
    assert sick.bench.position(BIDDER, sick.series) == -SHORTS // 5
    assert sick.bench.position(TAKER, sick.series) == -SHORTS + SHORTS // 5
    assert sick.liquidator.auction(SICK) != (0, 0)  # goes on


def test_bid__part__leaves_the_account_healthier(sick):
    before = health(sick)
    sick.bid(WAD // 5)
    middle = health(sick)
    sick.bid(WAD // 5)
    assert before < middle < health(sick)


def test_bid__more_than_the_largest__is_cut_and_ends_the_auction(sick):
    largest = twin.largest_share(
        equity=1_200 * WAD,
        initial=INITIAL,
        maintenance=MAINTENANCE,
        discount=MAINTENANCE // 10,
        least=LEAST,
    )
    taken, _, _ = sick.bid(WAD)
    assert taken == largest < WAD
    equity, initial, maintenance = sick.margin()
    assert 0 <= equity - initial < WAD // 10**5
    assert maintenance >= LEAST
    assert sick.liquidator.auction(SICK) == (0, 0)


def test_bid__in_slices__ends_where_one_bid_ends(sick):
    """The largest share of what is left, again and again, leaves what the first would have."""
    before = sick.chain.snapshot()
    sick.bid(WAD)
    at_once = sick.margin()
    sick.chain.revert(before)
    for _ in range(2):
        sick.bid(sick.terms().largest // 2)
    sick.bid(WAD)
    for once, sliced in zip(at_once, sick.margin(), strict=True):
        assert abs(once - sliced) < WAD // 10**5


def test_bid__little_would_stay__takes_all(ward):
    """An account that would keep less than the least margin is sold whole."""
    small = ward.bench.call(4_000)
    ward.mark(100, small)
    ward.bench.fund(STRANGER, 200)
    ward.bench.fill(small, -WAD, payment=-100 * WAD, maker=POOL, taker=STRANGER)
    ward.mark(170, small)
    who = account(STRANGER)
    ward.flag(who)
    ward.chain.advance(FAST_SECONDS)
    with pytest.raises(Exception, match="liquidator: slice too small"):
        ward.bid(WAD // 2, who=who)
    taken, got, _ = ward.bid(WAD, who=who)
    assert (taken, got) == (WAD, 185 * WAD)
    assert ward.bench.portfolio(STRANGER) == {}
    assert ward.cash(STRANGER) == 115 * WAD
    assert ward.liquidator.auction(who) == (0, 0)


def test_bid__slice_below_the_least_margin__reverts(sick, reverts):
    with reverts("liquidator: slice too small"):
        sick.bid(LEAST * WAD // MAINTENANCE - 1)
    with reverts("liquidator: zero share"):
        sick.bid(0)
    assert sick.bid(LEAST * WAD // MAINTENANCE + 1)[0] != 0


def test_bid__limit__is_for_the_share_asked_pro_rata(sick, reverts):
    largest = sick.terms().largest
    whole = 630 * SHORTS + MAINTENANCE // 10
    with reverts("liquidator: limit price"):
        sick.bid(WAD, limit=whole + 10**6)
    assert sick.bid(WAD, limit=whole - 10**6)[0] == largest


def test_bid__limit_out_of_any_range__reverts_by_name(sick, reverts):
    with reverts("liquidator: limit price"):
        sick.bid(WAD, limit=2**255 - 1)
    assert sick.bid(2**256 - 1, limit=-(2**255))[0] < WAD


def test_bid__after_its_deadline__reverts(sick, reverts):
    row = (SICK, account(BIDDER), WAD)
    with reverts("liquidator: deadline passed"):
        sick.liquidator.bid(*row, deadline=sick.chain.timestamp - 1, sender=BIDDER)


def test_bid__by_whom_the_bidder_did_not_allow__reverts(sick, reverts):
    row = (SICK, account(BIDDER), WAD)
    with reverts("liquidator: not authorised"):
        sick.liquidator.bid(*row, sender=STRANGER)
    sick.bench.ledger.send("set_operator", account(BIDDER), STRANGER, SCOPE_TRADE, sender=BIDDER)
    sick.liquidator.bid(*row, sender=STRANGER)


def test_bid__not_flagged__reverts(ward, reverts):
    ward.sicken(1_200)
    with reverts("liquidator: no auction"):
        ward.bid(WAD)


def test_bid__for_itself__reverts(sick, reverts):
    with reverts("liquidator: own account"):
        sick.bid(WAD, owner=TAKER)


def test_bid__healthy_again__reverts(sick, reverts):
    sick.bench.fund(TAKER, 675)
    with reverts("liquidator: account healthy"):
        sick.bid(WAD)


def test_bid__between_the_margins__still_for_sale(sick):
    sick.bench.fund(TAKER, 400)
    assert sick.bid(WAD)[0] < WAD


def test_bid__bidder_without_margin_for_it__reverts(sick, reverts):
    """It comes with its mark in cash and a discount, not with initial margin."""
    sick.bench.fund(MAKER, 1, index=1)
    row = (SICK, account(MAKER, 1), WAD)
    with reverts("ledger: below initial margin"):
        sick.liquidator.bid(*row, sender=MAKER)


def test_bid__long_positions__bidder_pays_their_mark_less_discount(ward):
    """Longs net in value; the slice has both, in proportion."""
    hedge = ward.bench.call(3_200)
    ward.mark(400, hedge)
    ward.bench.fill(hedge, 20 * WAD, payment=0, maker=POOL)
    ward.mark(500, ward.series)
    ward.bench.ledger.send("transfer_cash", SICK, account(STRANGER), 7_400 * WAD, sender=TAKER)
    ward.mark(265, hedge)  # equity = 100 - 5,000 + 5,300 = 400
    ward.flag()
    ward.chain.advance(FAST_SECONDS)
    taken, got, _ = ward.bid(WAD)
    unit = MAINTENANCE // 10 - 300 * WAD
    assert got == unit * taken // WAD < 0
    assert ward.bench.position(BIDDER, hedge) == 20 * WAD * taken // WAD
    assert ward.bench.position(BIDDER, ward.series) == -(SHORTS * taken // WAD)


def test_bid__while_paused__goes_on_and_halted_waits(sick, reverts):
    sick.bench.manager.send("set_pause_level", PAUSED, sender=ADMIN)
    sick.bid(WAD // 5)
    sick.bench.manager.send("set_pause_level", HALTED, sender=ADMIN)
    with reverts("ledger: halted"):
        sick.bid(WAD)


def test_bid__64_series__all_move_and_health_grows(ward):
    """The widest account there is: every size is cut toward zero, the price to the wei."""
    ward.bench.fund(TAKER, 2_500)
    wide = [ward.bench.call(3_000 + 50 * n) for n in range(1, 64)]
    for n, series in enumerate(wide):
        ward.mark(100, series)
        ward.bench.fill(series, -(WAD // 10 + n), payment=-10 * WAD, maker=POOL)
    for series in wide:
        ward.mark(560, series)
    ward.flag()
    ward.chain.advance(FAST_SECONDS)
    before = health(ward)
    ward.bid(WAD // 3)
    assert len(ward.bench.portfolio(BIDDER)) == 64
    assert health(ward) > before
    taken, _, _ = ward.bid(WAD)
    equity, initial, _ = ward.margin()
    assert taken < WAD and equity >= initial
