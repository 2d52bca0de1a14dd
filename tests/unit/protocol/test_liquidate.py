"""The liquidation strategy: what it flags, ends, absorbs and bids for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from protocol.chain.artifacts import ROOT
from protocol.config import LiquidatePolicy, MarginPolicy, load_scenario, parse_scenario
from protocol.errors import ConfigError
from protocol.sim.flow import StepView
from protocol.sim.margin.traders import MarginTrader, wishes
from protocol.strategy import liquidate
from protocol.strategy.base import (
    Absorb,
    AccountState,
    Bid,
    BidderState,
    CloseAuction,
    Flag,
    ReleaseHold,
    Snapshot,
)
from protocol.units import WAD
from tests.unit.protocol.test_strategy import CALM, NOW, SPOT, surface

POLICY = LiquidatePolicy(min_discount=0.05, capital_use=0.5, tolerance=0.0)
BIDDER = BidderState(account=9, free=100_000.0)

# Short options worth -6,000 against 6,800 of cash.
SICK = AccountState(
    account=1,
    equity=800.0,
    initial=1_250.0,
    maintenance=1_000.0,
    value=-6_000.0,
    cash=6_800.0,
    positions=2,
    auctioned=True,
    turned=False,
    discount=80.0,
    largest=0.4,
    insolvent=False,
)


def seen(*accounts: AccountState, bidder: BidderState | None = BIDDER) -> Snapshot:
    return replace(CALM, accounts=accounts, bidder=bidder)


@pytest.mark.parametrize(
    ("change", "intent"),
    [
        ({"auctioned": False, "largest": 0.0}, Flag(1)),
        ({"auctioned": False, "equity": 1_000.0}, None),  # maintenance is met
        ({}, None),
        ({"equity": 1_249.0}, None),  # above maintenance is not enough to end it
        ({"equity": 1_250.0}, CloseAuction(1)),
        ({"equity": 50.0, "insolvent": True}, Flag(1)),  # turns insolvent
        ({"equity": 50.0, "insolvent": True, "turned": True}, None),
        ({"turned": True}, Flag(1)),  # and back
        ({"positions": 0, "cash": -3.0, "equity": -3.0, "auctioned": False}, Absorb(1)),
        ({"positions": 0, "cash": -3.0, "equity": -3.0}, Absorb(1)),
    ],
)
def test_upkeep__state__one_step_at_most(change, intent):
    found = liquidate.upkeep(seen(replace(SICK, **change)))
    assert found == (() if intent is None else (intent,))


def test_upkeep__hold_at_expiry__is_released_once_the_loss_is_covered():
    broke = replace(SICK, positions=0, cash=-300.0, equity=-300.0, auctioned=False, held=True)
    assert liquidate.upkeep(seen(broke)) == (Absorb(1),)  # which releases it
    paid = replace(SICK, positions=0, cash=0.0, equity=0.0, initial=0.0, maintenance=0.0, held=True)
    assert liquidate.upkeep(seen(replace(paid, auctioned=False))) == (ReleaseHold(1),)
    assert liquidate.upkeep(seen(replace(SICK, equity=-900.0, turned=True, insolvent=True))) == ()
    worse = replace(SICK, equity=-900.0, turned=True, insolvent=True, held=True)
    assert liquidate.upkeep(seen(worse)) == ()
    assert liquidate.upkeep(seen(replace(worse, equity=-99.0))) == (ReleaseHold(1),)


def test_bids__discount_pays__takes_the_largest_share_at_mark_plus_discount():
    (bid,) = liquidate.bids(seen(SICK), POLICY)
    assert bid == Bid(1, 9, 0.4, pytest.approx(0.4 * (80.0 + 6_000.0)))


def test_bids__tolerance__lowers_the_limit_by_a_share_of_the_margin_taken():
    (bid,) = liquidate.bids(seen(SICK), replace(POLICY, tolerance=0.02))
    assert bid.limit == pytest.approx(0.4 * (6_080.0 - 20.0))


@pytest.mark.parametrize(
    "change", [{"discount": 49.0}, {"auctioned": False}, {"largest": 0.0}], ids=str
)
def test_bids__nothing_worth_having__none(change):
    assert liquidate.bids(seen(replace(SICK, **change)), POLICY) == ()
    assert liquidate.bids(seen(SICK, bidder=None), POLICY) == ()


def test_bids__margin_gone__is_worth_its_mark():
    (bid,) = liquidate.bids(
        seen(replace(SICK, initial=0.0, maintenance=0.0, discount=0.0, largest=1.0)), POLICY
    )
    assert bid.share == 1.0


def test_bids__little_capital__takes_what_its_margin_allows():
    """Half of 936 pays for 0.4 of an account that asks for 1,170 net of its discount."""
    (bid,) = liquidate.bids(seen(SICK, bidder=BidderState(9, 468.0)), POLICY)
    assert bid.share == pytest.approx(0.2)
    assert liquidate.bids(seen(SICK, bidder=BidderState(9, 200.0)), POLICY) == ()  # below 100 USD


def test_bids__two_accounts__the_better_paid_first_and_capital_once():
    richer = replace(SICK, account=2, discount=160.0)
    first, second = liquidate.bids(seen(SICK, richer), POLICY)
    assert (first.account, second.account) == (2, 1)
    poor = BidderState(9, 2 * 0.4 * (1_250.0 - 160.0))
    (only,) = liquidate.bids(seen(SICK, richer, bidder=poor), POLICY)
    assert only.account == 2


def test_plan__keeper_and_bidder__upkeep_comes_first():
    flagged = replace(SICK, account=3, auctioned=False, largest=0.0)
    kinds = [type(each) for each in liquidate.plan(seen(SICK, flagged), POLICY)]
    assert kinds == [Flag, Bid]


# -- traders on margin --

MARGIN = MarginPolicy(trades_per_day=1e9, perp_close_per_day=0.0)
VIEW = StepView(
    timestamp=NOW, seconds=3_600, spot=SPOT, surface=surface(), strike_step=50.0, takers=1, lps=0
)


def wish(role: str, *, free: float = 10_000.0, perp: int = 0, policy: MarginPolicy = MARGIN):
    trader = MarginTrader("0x01", role, free, perp)
    return wishes(np.random.default_rng(1), VIEW, (trader,), policy)


def test_wishes__seller__sells_its_leverage_naked():
    (found,) = wish("seller")
    (leg,) = found.legs
    assert leg.size == -round(3.0 * 10_000.0 / SPOT) * WAD
    assert abs(leg.instrument.strike / SPOT - 1.0) < 0.5


def test_wishes__perp_trader__adds_to_what_it_has():
    units = round(3.5 * 10_000.0 / SPOT, 2)
    assert wish("perp_trader", perp=WAD)[0].perp == round(units * 100) * WAD // 100
    assert wish("perp_trader", perp=-WAD)[0].perp == -round(units * 100) * WAD // 100


def test_wishes__perp_trader__closes_at_its_rate():
    (found,) = wish("perp_trader", perp=WAD, policy=replace(MARGIN, perp_close_per_day=1e9))
    assert found.perp == -WAD


def test_wishes__no_margin_left__none():
    assert wish("seller", free=0.0) == () and wish("perp_trader", free=-5.0) == ()


def test_wishes__one_trader_more__the_others_draw_as_before():
    policy = replace(MARGIN, trades_per_day=5.0)
    two = [MarginTrader(f"0x0{i}", "seller", 10_000.0, 0) for i in (1, 2)]
    three = [*two, MarginTrader("0x03", "perp_trader", 10_000.0, 0)]
    few = wishes(np.random.default_rng(3), replace(VIEW, seconds=86_400), two, policy)
    many = wishes(np.random.default_rng(3), replace(VIEW, seconds=86_400), three, policy)
    assert many[: len(few)] == few


def test_scenario__informed_and_margin__is_refused():
    content = yaml.safe_load((ROOT / "scenarios" / "informed.yaml").read_text())
    assert parse_scenario(content).margin is None
    with pytest.raises(ConfigError, match="markets of their own"):
        parse_scenario({**content, "margin": {}})


def test_scenario__stress__has_traders_on_margin():
    scenario = load_scenario(ROOT / "scenarios" / "stress.yaml")
    assert scenario.margin is not None
    assert scenario.margin.sellers and scenario.margin.perp_traders
