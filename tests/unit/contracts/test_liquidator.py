"""Liquidator: when an auction starts, changes phase and ends, and who may do what."""

from __future__ import annotations

import pytest

from protocol.pricing.auction import FAST_SECONDS, LAST_SECONDS, SLOW_SECONDS
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ETH,
    MAKER,
    POOL,
    STRANGER,
    TAKER,
    TRADE,
    VENUE,
    account,
)
from tests.liquidation_bench import BIDDER, INITIAL, MAINTENANCE, PERP_POOL, SICK, make_ward

LIFETIME = 43_200
FAST_DISCOUNT = MAINTENANCE // 10


@pytest.fixture
def ward(chain, deploy):
    return make_ward(chain, deploy)


@pytest.fixture
def sick(ward):
    """Flagged with 1,200 of equity."""
    ward.sicken(1_200)
    ward.flag()
    return ward


def test_flag__below_maintenance__starts_an_auction(ward):
    ward.sicken(1_499.99)
    receipt = ward.flag()
    (event,) = ward.liquidator.events(receipt)
    assert event.name == "AuctionStarted"
    assert event.args == {
        "account": SICK,
        "equity": 149_999 * WAD // 100,
        "maintenance": MAINTENANCE,
    }
    assert ward.liquidator.auction(SICK) == (ward.chain.timestamp, 0)


def test_flag__at_maintenance__reverts(ward, reverts):
    ward.sicken(1_500)
    with reverts("liquidator: account healthy"):
        ward.flag()


def test_flag__twice__reverts(sick, reverts):
    with reverts("liquidator: nothing to flag"):
        sick.flag()


def test_flag__nothing_held__reverts(ward, reverts):
    with reverts("liquidator: no positions"):
        ward.flag(account(STRANGER))


@pytest.mark.parametrize("owner", [POOL, VENUE])
def test_flag__account_of_a_venue__reverts(ward, reverts, owner):
    ward.bench.ledger.send("set_venue", POOL, TRADE, sender=ADMIN)
    with reverts("liquidator: a venue's account"):
        ward.flag(account(owner))


def test_flag__pool_without_rights__reverts(ward, reverts):
    with reverts("ledger: account is a pool"):
        ward.flag(account(PERP_POOL))


def test_flag__equity_used_up__turns_insolvent(sick):
    sick.sicken(0)
    (event,) = sick.liquidator.events(sick.flag())
    assert (event.name, event.args["insolvent"]) == ("AuctionTurned", True)
    start, since = sick.liquidator.auction(SICK)
    assert since == sick.chain.timestamp >= start


def test_flag__equity_back__turns_solvent(sick):
    sick.sicken(-1)
    sick.flag()
    sick.chain.advance(60)
    sick.sicken(1_000)
    (event,) = sick.liquidator.events(sick.flag())
    assert (event.name, event.args["insolvent"]) == ("AuctionTurned", False)
    assert sick.liquidator.auction(SICK)[1] == 0


def test_flag__slow_phase_over__turns_insolvent(sick, reverts):
    sick.chain.advance(FAST_SECONDS + SLOW_SECONDS - 1)
    with reverts("liquidator: nothing to flag"):
        sick.flag()
    sick.chain.advance(1)
    sick.flag()
    assert sick.liquidator.auction(SICK)[1] == sick.chain.timestamp


def test_flag__insolvent_before_its_first_flag__is_insolvent_at_once(ward):
    ward.sicken(-100)
    names = [event.name for event in ward.liquidator.events(ward.flag())]
    assert names == ["AuctionStarted", "AuctionTurned"]
    assert ward.liquidator.auction(SICK) == (ward.chain.timestamp,) * 2


def test_flag__auction_too_old__starts_anew(sick, reverts):
    sick.chain.advance(LIFETIME)
    sick.flag()  # its slow phase is over
    sick.chain.advance(1)
    with reverts("liquidator: flag anew"):
        sick.bid(WAD)
    sick.flag()
    assert sick.liquidator.auction(SICK) == (sick.chain.timestamp, 0)


@pytest.mark.parametrize(
    ("elapsed", "discount"),
    [
        (0, 0),
        (FAST_SECONDS // 2, FAST_DISCOUNT // 2),
        (FAST_SECONDS, FAST_DISCOUNT),
        (FAST_SECONDS + SLOW_SECONDS // 2, (FAST_DISCOUNT + 1_200 * WAD) // 2),
    ],
)
def test_terms__solvent__discount_rises_to_equity(sick, elapsed, discount):
    sick.chain.advance(elapsed)
    terms = sick.terms()
    assert (terms.discount, terms.insolvent) == (discount, False)
    exact = (INITIAL - 1_200 * WAD) * WAD // (INITIAL - discount)
    assert exact < terms.largest <= exact + 2 * 10**9


def test_terms__insolvent__discount_rises_from_equity_to_margin(sick):
    sick.sicken(-300)
    sick.flag()
    assert sick.terms().discount == 0
    sick.chain.advance(LAST_SECONDS // 2)
    terms = sick.terms()
    assert (terms.discount, terms.largest, terms.insolvent) == (MAINTENANCE // 2, WAD, True)
    sick.chain.advance(LAST_SECONDS)
    assert sick.terms().discount == MAINTENANCE


def test_terms__not_flagged__what_a_flag_would_start(ward):
    assert ward.terms().largest == 0
    ward.sicken(1_200)
    assert ward.terms().discount == 0
    assert 0 < ward.terms().largest < WAD


def test_close__between_the_margins__reverts(sick, reverts):
    """A deposit of what is missing to maintenance, or of a wei, does not end an auction."""
    sick.bench.fund(TAKER, 674)
    with reverts("liquidator: below initial margin"):
        sick.liquidator.close(SICK, sender=TAKER)
    sick.bench.fund(TAKER, 1)
    sick.liquidator.close(SICK, sender=TAKER)
    assert sick.liquidator.auction(SICK) == (0, 0)


def test_close__no_auction__reverts(ward, reverts):
    with reverts("liquidator: no auction"):
        ward.liquidator.close(SICK, sender=STRANGER)


def test_close__auction_too_old__ends_it_and_the_hold(sick):
    sick.sicken(-300)
    sick.flag()
    assert sick.held_back()
    sick.chain.advance(LIFETIME + 1)
    sick.liquidator.close(SICK, sender=STRANGER)
    assert sick.liquidator.auction(SICK) == (0, 0)
    assert not sick.held_back()


def test_hold__insolvent__appears_and_goes(sick):
    assert not sick.held_back()
    sick.sicken(-1)
    sick.flag()
    assert sick.held_back()
    sick.sicken(1_100)
    sick.flag()
    assert not sick.held_back()
    sick.sicken(-1)
    sick.flag()
    assert sick.held_back()
    sick.bid(WAD)
    assert not sick.held_back()


def sicken_stranger(ward) -> int:
    """A second account whose equity is used up: 120 below zero, 150 of margin."""
    other = ward.bench.call(4_000)
    ward.mark(0.1, other)
    ward.bench.fund(STRANGER, 200)
    ward.bench.fill(other, -WAD, maker=POOL, taker=STRANGER)
    ward.mark(320, other)
    ward.flag(account(STRANGER))
    return account(STRANGER)


@pytest.mark.parametrize(("insured", "waits"), [(1_500, True), (1_501, False)])
def test_hold__insurance_could_pay_it_all__nobody_waits(ward, insured, waits):
    ward.insure(insured)
    ward.sicken(-1)
    ward.flag()
    assert ward.terms().insolvent
    assert ward.held_back() == waits


def test_hold__insurance_could_pay_one_of_two__the_second_makes_them_wait(ward):
    ward.insure(1_501)
    ward.sicken(-1)
    ward.flag()
    assert not ward.held_back()
    second = sicken_stranger(ward)
    assert ward.held_back()
    ward.bid(WAD, who=second)
    assert not ward.held_back()


def test_hold__insurance_spent_meanwhile__can_be_flagged_again(ward, reverts):
    ward.insure(1_800)
    second = sicken_stranger(ward)
    ward.sicken(-1)
    ward.flag()
    assert not ward.held_back()
    with reverts("liquidator: nothing to flag"):
        ward.flag()
    ward.chain.advance(LAST_SECONDS)
    ward.bid(WAD, who=second)
    ward.sicken(-100)
    ward.bid(WAD // 2)
    ward.flag()
    assert ward.held_back()
    ward.bid(WAD)
    assert not ward.held_back()


def test_hold__account_of_cents__nobody_waits(ward):
    """What it could cost others is below the least margin: no reason to stop anybody."""
    tiny = ward.bench.call(4_000)
    ward.mark(0.1, tiny)
    ward.bench.fund(STRANGER, 100)
    ward.bench.fill(tiny, -WAD // 2, maker=POOL, taker=STRANGER)
    ward.mark(220, tiny)
    who = account(STRANGER)
    ward.flag(who)
    assert ward.terms(who).insolvent
    assert ward.liquidator.auction(who)[1] != 0
    assert not ward.held_back()
    assert ward.bid(WAD, who=who)[0] == WAD


def test_set_loss_pools__not_admin_or_no_pool__reverts(ward, reverts):
    with reverts("access: admin only"):
        ward.liquidator.set_loss_pools(ETH, account(POOL), account(PERP_POOL), sender=MAKER)
    with reverts("liquidator: not a pool"):
        ward.liquidator.set_loss_pools(ETH, account(POOL), account(MAKER), sender=ADMIN)


def test_loss_pools__by_what_is_held__options_where_short(ward):
    assert ward.liquidator.loss_pools(SICK) == [account(POOL)]
    ward.bench.fill(ward.bench.put(2_000), WAD, taker=BIDDER, maker=POOL)
    assert ward.liquidator.loss_pools(account(BIDDER)) == [account(PERP_POOL)]
    ward.bench.fill(ward.bench.put(1_000), -WAD, taker=BIDDER, maker=POOL)
    assert ward.liquidator.loss_pools(account(BIDDER)) == [account(POOL)]
