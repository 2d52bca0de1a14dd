"""The pure strategies: what they answer to a snapshot, in numbers."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protocol.config import (
    AnchorPolicy,
    HedgePolicy,
    ReferencePolicy,
    RefreshPolicy,
    SettlePolicy,
)
from protocol.parameters import SurfaceParameters
from protocol.pricing.black76 import Floats
from protocol.strategy import anchor, hedge, refresh, settle
from protocol.strategy.anchor import PRINT_WINDOW
from protocol.strategy.base import (
    CloseExpiry,
    ExpiredDay,
    ExpiryState,
    Hedge,
    Holder,
    Intent,
    ListExpiry,
    PerpState,
    PoolState,
    ProcessVault,
    PushSurface,
    RecordPrice,
    RecordPrint,
    Refresh,
    SettleAccounts,
    Snapshot,
)
from protocol.surface.arbitrage import CONTRACT_GRID, static_violations
from protocol.surface.reference_model import reference_surface
from protocol.surface.svi import total_variance
from protocol.types import Surface
from protocol.units import DAY, YEAR, expiry_timestamp

NOW = int(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp())
DAYS = (19_727, 19_734, 19_741, 19_748)
SPOT = 2_000.0
POOL = 1 << 96


def surface(variance: float = 0.49, now: int = NOW, days: tuple[int, ...] = DAYS) -> Surface:
    return reference_surface(
        underlying=1,
        spot=SPOT,
        variance=variance,
        timestamp=now,
        days=days,
        policy=ReferencePolicy(),
    )


def expiry(day: int, *, refreshed_at: int = NOW, snapshot_spot: float = SPOT) -> ExpiryState:
    return ExpiryState(
        day=day,
        delta=0.0,
        vega=-1_000.0,
        gamma_cash=-1e5,
        value=-5_000.0,
        refreshed_at=refreshed_at,
        snapshot_spot=snapshot_spot,
    )


def pool(*, delta: float = 0.0, perp: float = 0.0, days: tuple[int, ...] = DAYS) -> PoolState:
    return PoolState(
        account=POOL,
        nav=2e6,
        cash=2e6,
        depth_nav=2e6,
        delta_options=delta,
        perp_position=perp,
        vega=-4_000.0,
        gamma_cash=-4e6,
        expiries=tuple(expiry(day) for day in days),
    )


CALM = Snapshot(
    timestamp=NOW,
    underlying=1,
    spot=SPOT,
    oracle_timestamp=NOW,
    surface=surface(),
    target=surface(),
    pool=pool(),
    perp=PerpState(skew=0.0, funding_rate=0.0),
)


def grid_vols(smiles: Surface, day: int, now: int) -> Floats:
    smile = smiles.on(day)
    span = (expiry_timestamp(day) - smile.timestamp) / YEAR
    vols: Floats = np.sqrt(total_variance(k=CONTRACT_GRID, svi=smile.svi) / span)
    return vols


# -- hedge --


def test_half_width__reference_table__agrees(market_data: Path) -> None:
    path = market_data / "oracles" / "leland_whalley_wilmott_computed.csv"
    with path.open() as file:
        rows = [{name: float(x) for name, x in row.items()} for row in csv.DictReader(file)]
    assert rows
    for row in rows:
        width = hedge.half_width(
            spot=row["S"],
            gamma=row["bs_gamma"],
            cost=row["kappa_one_way"],
            risk_aversion=row["lambda_abs_risk_aversion"],
            discount=float(np.exp(-row["r"] * row["T"])),
        )
        assert width == pytest.approx(row["ww_halfwidth"], rel=1e-12)


def test_hedge__inside_the_band__waits() -> None:
    # (1.5 * 0.0008 * 2000 * (4e6/2000^2)^2 / (20/2e6))^(1/3)
    width = hedge.band(CALM, HedgePolicy())
    assert width == pytest.approx((1.5 * 0.0008 * 2_000.0 * 1.0 / 1.5e-5) ** (1 / 3))
    assert width == pytest.approx(54.288, abs=1e-3)
    inside = replace(CALM, pool=pool(delta=-100.0, perp=50.0))
    assert hedge.plan(inside, HedgePolicy()) == ()


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_hedge__outside_the_band__goes_to_its_edge(side: float) -> None:
    snapshot = replace(CALM, pool=pool(delta=side * 120.0, perp=-side * 20.0))
    (order,) = hedge.plan(snapshot, HedgePolicy())
    assert isinstance(order, Hedge)
    assert order.size == pytest.approx(-side * (100.0 - 54.288), abs=1e-3)
    assert order.price_bound == pytest.approx(SPOT * (1.0 - side * 0.01))


def test_hedge__caps__band_order_and_minimum() -> None:
    snapshot = replace(CALM, pool=pool(delta=900.0))
    capped = HedgePolicy(band_cap=0.01, max_order=0.2)
    assert hedge.band(snapshot, capped) == pytest.approx(10.0)  # 1 % of NAV in units
    (order,) = hedge.plan(snapshot, capped)
    assert isinstance(order, Hedge) and order.size == pytest.approx(-200.0)
    small = replace(CALM, pool=pool(delta=54.443))
    assert hedge.plan(small, HedgePolicy(min_order_usd=500.0)) == ()
    assert len(hedge.plan(small, HedgePolicy(min_order_usd=100.0))) == 1


def test_hedge__no_nav__does_nothing() -> None:
    broke = replace(pool(delta=500.0), nav=-1.0)
    assert hedge.plan(replace(CALM, pool=broke), HedgePolicy()) == ()


# -- refresh --


def test_refresh__calm__nothing_is_due() -> None:
    assert refresh.plan(CALM, RefreshPolicy()) == ()


def test_refresh__age_drift_and_a_newer_smile__each_call_for_one() -> None:
    books = (
        expiry(DAYS[0], refreshed_at=NOW - 3_600),
        expiry(DAYS[1], snapshot_spot=SPOT / 1.02),
        expiry(DAYS[2], refreshed_at=NOW - 900),
        expiry(DAYS[3], refreshed_at=NOW - 899),
    )
    snapshot = replace(CALM, pool=replace(CALM.pool, expiries=books))
    assert refresh.plan(snapshot, RefreshPolicy()) == tuple(Refresh(day) for day in DAYS[:3])


@pytest.mark.parametrize(("before", "due"), [(PRINT_WINDOW, False), (PRINT_WINDOW - 1, True)])
def test_refresh__print_being_fixed__follows_it_by_the_minute(before: int, due: bool) -> None:
    now = expiry_timestamp(DAYS[0]) - before
    books = tuple(expiry(day, refreshed_at=now - 60) for day in DAYS)
    snapshot = replace(CALM, timestamp=now, pool=replace(CALM.pool, expiries=books))
    assert refresh.plan(snapshot, RefreshPolicy()) == ((Refresh(DAYS[0]),) if due else ())
    slow = RefreshPolicy(window_age_seconds=61)
    assert refresh.plan(snapshot, slow) == ()


def test_refresh__vault_due__values_first() -> None:
    books = (
        expiry(DAYS[0], refreshed_at=NOW - 61),
        expiry(DAYS[1], snapshot_spot=SPOT * 1.0011),
        expiry(DAYS[2]),
    )
    snapshot = replace(CALM, pool=replace(CALM.pool, expiries=books), vaults_due=("options",))
    assert refresh.plan(snapshot, RefreshPolicy()) == (
        Refresh(DAYS[0]),
        Refresh(DAYS[1]),
        ProcessVault("options"),
    )


def test_refresh__smile_posted_since__is_valued_at_it() -> None:
    later = NOW + 30
    snapshot = replace(CALM, timestamp=later, surface=surface(now=later), vaults_due=("options",))
    assert refresh.plan(snapshot, RefreshPolicy()) == (
        *(Refresh(day) for day in DAYS),
        ProcessVault("options"),
    )


def test_refresh__old_smile__the_vault_waits_for_a_push() -> None:
    books = tuple(expiry(day, refreshed_at=NOW + 841) for day in DAYS)
    for late, due in (
        (840, (ProcessVault("options"), ProcessVault("perp"))),
        (841, (ProcessVault("perp"),)),
    ):
        snapshot = replace(
            CALM,
            timestamp=NOW + late,
            pool=replace(CALM.pool, expiries=books),
            vaults_due=("options", "perp"),
        )
        assert refresh.plan(snapshot, RefreshPolicy()) == due


def test_refresh__expired_day_still_listed__its_vault_waits_the_perps_does_not() -> None:
    later = expiry_timestamp(DAYS[0])
    books = tuple(expiry(day, refreshed_at=later) for day in DAYS)
    snapshot = replace(
        CALM,
        timestamp=later,
        surface=surface(now=later, days=DAYS[1:]),
        pool=replace(CALM.pool, expiries=books),
        vaults_due=("options", "perp"),
    )
    assert refresh.plan(snapshot, RefreshPolicy()) == (ProcessVault("perp"),)


def test_refresh__without_a_surface__cannot() -> None:
    assert refresh.plan(replace(CALM, timestamp=NOW + DAY, surface=None), RefreshPolicy()) == ()


# -- settle --


def test_weekly_days__are_fridays_that_live_long_enough() -> None:
    days = settle.weekly_days(NOW, SettlePolicy())
    assert days == DAYS
    assert [dt.date(1970, 1, 1) + dt.timedelta(day) for day in days] == [
        dt.date(2024, 1, day) for day in (5, 12, 19, 26)
    ]
    edge = expiry_timestamp(DAYS[0]) - 2 * DAY
    assert settle.weekly_days(edge, SettlePolicy())[0] == DAYS[0]
    assert settle.weekly_days(edge + 1, SettlePolicy())[0] == DAYS[1]


def test_settle__missing_weekly__is_listed_once_the_surface_has_it() -> None:
    snapshot = replace(CALM, pool=pool(days=DAYS[:2]), surface=surface(days=DAYS[:3]))
    assert settle.plan(snapshot, SettlePolicy()) == (ListExpiry(DAYS[2], 50.0),)
    assert settle.plan(replace(snapshot, surface=None), SettlePolicy()) == ()


def expired(*holders: Holder, at: int | None = None, day: int = DAYS[0]) -> Snapshot:
    """Just after an expiry; `at`: when those who are owed are paid."""
    start = expiry_timestamp(day)
    return replace(CALM, timestamp=start, expired=(ExpiredDay(day, at, holders),))


def batches(intents: tuple[Intent, ...]) -> list[tuple[int, ...]]:
    return [each.accounts for each in intents if isinstance(each, SettleAccounts)]


def test_settle__expired_day_without_a_print__waits() -> None:
    later = replace(CALM, timestamp=expiry_timestamp(DAYS[0]))
    rest = [day for day in settle.weekly_days(later.timestamp, SettlePolicy()) if day not in DAYS]
    assert rest and settle.plan(later, SettlePolicy()) == ()  # its surface lacks the new day


def test_settle__pool_that_owes__closes_at_once_and_winners_wait() -> None:
    now, day = expiry_timestamp(DAYS[0]), DAYS[0]
    holders = Holder(7, 500.0), Holder(POOL, -420.0), Holder(8, -80.0), Holder(9, 0.0)
    owing = SettleAccounts(1, day, (POOL, 8, 9))
    first = settle.plan(expired(*holders), SettlePolicy())
    assert first == (RecordPrint(1, day), owing, CloseExpiry(day))
    early = expired(Holder(7, 500.0), at=now + 1)
    early = replace(early, pool=pool(days=DAYS[1:]))
    assert settle.plan(early, SettlePolicy()) == ()
    assert settle.plan(replace(early, timestamp=now + 1), SettlePolicy()) == (
        SettleAccounts(1, day, (7,)),
    )


def test_settle__pool_that_is_owed__closes_with_the_winners() -> None:
    now, day = expiry_timestamp(DAYS[0]), DAYS[0]
    seen = expired(Holder(POOL, 420.0), Holder(7, -420.0), at=now + 600)
    assert settle.plan(seen, SettlePolicy()) == (SettleAccounts(1, day, (7,)),)
    left = replace(expired(Holder(POOL, 420.0), at=now + 600), timestamp=now + 600)
    done = SettleAccounts(1, day, (POOL,)), CloseExpiry(day)
    assert settle.plan(left, SettlePolicy()) == done


def test_settle__pool_that_is_owed__waits_for_whoever_a_batch_passed_over() -> None:
    now = expiry_timestamp(DAYS[0]) + 600
    seen = expired(Holder(POOL, 420.0), Holder(7, -420.0), at=now)
    (only,) = settle.plan(replace(seen, timestamp=now), SettlePolicy())
    assert only == SettleAccounts(1, DAYS[0], (7, POOL))


def test_settle__listed_day_that_nobody_holds__closes() -> None:
    seen = expired(at=expiry_timestamp(DAYS[0]) + 600)
    assert settle.plan(seen, SettlePolicy()) == (CloseExpiry(DAYS[0]),)


@pytest.mark.parametrize("seed", range(3))
def test_settle__many_accounts_in_any_order__who_owes_comes_before_who_is_owed(seed: int) -> None:
    """Round by round: each settles what the plan says, the next sees what is left."""
    rng, now = np.random.default_rng(seed), expiry_timestamp(DAYS[0]) + 600
    payoffs = dict(enumerate(rng.normal(0.0, 100.0, 150).tolist(), start=1))
    payoffs[POOL] = -sum(payoffs.values())
    policy, left, order, rounds = SettlePolicy(batches=2), dict(payoffs), [], 0
    while left:
        numbers = rng.permutation(np.arange(len(left))).tolist()
        rows = [Holder(*list(left.items())[n]) for n in numbers]
        intents = settle.plan(replace(expired(*rows, at=now), timestamp=now), policy)
        parts = batches(intents)
        assert 1 <= len(parts) <= 2 and all(len(part) <= 16 for part in parts)
        done = [account for part in parts for account in part]
        assert (CloseExpiry(DAYS[0]) in intents) == (POOL not in left or POOL in done)
        order += done
        left = {account: owed for account, owed in left.items() if account not in done}
        rounds += 1
    assert sorted(order) == sorted(payoffs) and rounds == 5
    assert [payoffs[each] for each in order] == sorted(payoffs.values())


def test_settle__while_collecting__takes_every_debtor_and_no_winner() -> None:
    rng, now = np.random.default_rng(4), expiry_timestamp(DAYS[0])
    rows = [Holder(n, owed) for n, owed in enumerate(rng.normal(0.0, 100.0, 120).tolist())]
    parts = batches(settle.plan(expired(*rows, at=now + 1), SettlePolicy()))
    settled = {account for part in parts for account in part}
    assert settled == {each.account for each in rows if each.payoff <= 0.0}


def test_settle__two_days__share_the_calls_of_a_round() -> None:
    at = expiry_timestamp(DAYS[1]) + 600
    rows = tuple(Holder(n, -1.0) for n in range(40))
    days = tuple(ExpiredDay(day, at, rows) for day in DAYS[:2])
    parts = batches(
        settle.plan(replace(CALM, timestamp=at, expired=days[::-1]), SettlePolicy(batches=4))
    )
    assert [len(part) for part in parts] == [16, 16, 8, 16]


# -- anchor --


def push_of(snapshot: Snapshot, policy: AnchorPolicy | None = None) -> Surface:
    (push,) = (
        intent
        for intent in anchor.plan(snapshot, policy or AnchorPolicy())
        if isinstance(intent, PushSurface)
    )
    return Surface(1, snapshot.spot, snapshot.timestamp, push.expiries)


def test_anchor__calm__does_nothing() -> None:
    assert anchor.plan(CALM, AnchorPolicy()) == ()


def test_anchor__old_surface__is_pushed_and_the_price_recorded() -> None:
    later = replace(CALM, timestamp=NOW + 300, target=surface(now=NOW + 300))
    intents = anchor.plan(later, AnchorPolicy())
    assert intents == (RecordPrice(1), PushSurface(1, surface(now=NOW + 300).expiries))


def test_anchor__first_surface__is_the_target() -> None:
    assert push_of(replace(CALM, surface=None)) == surface()


def test_anchor__small_move__waits_for_the_interval_a_large_one_does_not() -> None:
    later = NOW + 250
    small, large = surface(0.492, later), surface(0.6, later)
    assert not any(
        isinstance(intent, PushSurface)
        for intent in anchor.plan(replace(CALM, timestamp=later, target=small), AnchorPolicy())
    )
    assert push_of(replace(CALM, timestamp=later, target=large))
    soon = replace(CALM, timestamp=NOW + 200, target=surface(0.6, NOW + 200))
    assert anchor.plan(soon, AnchorPolicy()) == (RecordPrice(1),)  # the chain would refuse it


def test_anchor__target_beyond_the_step__goes_as_far_as_it_may() -> None:
    policy, later = AnchorPolicy(), NOW + 1_200
    target = surface(2.5, later)
    pushed = push_of(replace(CALM, timestamp=later, target=target))
    used = []
    for day in DAYS:
        life = expiry_timestamp(day) - later
        limit = policy.vol_step * np.sqrt(1_200 / 3_600 * max(30 * DAY / life, 1.0))
        step = np.max(np.abs(grid_vols(pushed, day, later) - grid_vols(surface(), day, later)))
        used.append(step / limit)
    assert max(used) == pytest.approx(1.0, abs=1e-4)  # the tightest expiry sets the share
    assert max(used) <= 1.0 + 1e-9
    assert static_violations(pushed) == ()
    for _ in range(40):  # and pushes on until it is there
        later += 1_200
        target = surface(2.5, later)
        pushed = push_of(replace(CALM, timestamp=later, surface=pushed, target=target))
    assert pushed == target


@pytest.mark.parametrize(("level", "flag"), [(2.5, 1), (0.1, 2), (0.5, 0)])
def test_anchor__short_of_the_target__says_which_way_vol_still_goes(level, flag) -> None:
    later = NOW + 300
    start = replace(CALM, timestamp=later, target=surface(level, later))
    pushed = push_of(start)
    assert {smile.behind for smile in pushed.expiries} == {flag}
    for _ in range(60):
        later += 1_200
        target = surface(level, later)
        pushed = push_of(replace(CALM, timestamp=later, surface=pushed, target=target))
    assert {smile.behind for smile in pushed.expiries} == {0}, "it got there"


def test_anchor__short_of_a_twisted_target__closes_both_sides() -> None:
    later = NOW + 300
    smiles = tuple(
        replace(each, svi=replace(each.svi, rho=0.9)) for each in surface(now=later).expiries
    )
    start = replace(CALM, timestamp=later, target=replace(surface(now=later), expiries=smiles))
    assert 3 in {smile.behind for smile in push_of(start).expiries}


def test_anchor__basis_beyond_the_step__is_cut_to_it() -> None:
    later = NOW + 3_600
    smiles = tuple(replace(each, basis=0.038) for each in surface(now=later).expiries)
    target = replace(surface(now=later), expiries=smiles)
    pushed = push_of(replace(CALM, timestamp=later, target=target))
    assert pushed.expiries[0].basis == pytest.approx(AnchorPolicy().basis_step)


def test_anchor__new_expiry__is_pushed_at_once_with_the_rest() -> None:
    later = NOW + 240
    days = (*DAYS, 19_755)
    pushed = push_of(replace(CALM, timestamp=later, target=surface(now=later, days=days)))
    assert pushed.days == days


def test_anchor__print_window_without_a_record__asks_for_one() -> None:
    end = expiry_timestamp(DAYS[0])
    policy = AnchorPolicy(record_seconds=7_200)
    before = replace(CALM, target=None, oracle_timestamp=end - 3_600)
    assert anchor.plan(replace(before, timestamp=end - 1_801), policy) == ()
    inside = replace(before, timestamp=end - 1_800)
    assert anchor.plan(inside, policy) == (RecordPrice(1),)
    assert anchor.plan(replace(inside, oracle_timestamp=end - 1_800), policy) == ()


def test_anchor_policy__is_within_the_contracts_steps() -> None:
    policy, contract = AnchorPolicy(), SurfaceParameters()
    assert policy.vol_step < contract.vol_step
    assert policy.basis_step < contract.basis_step
    assert policy.rate_step < contract.rate_step
    assert policy.min_push_seconds >= contract.min_interval
    assert policy.step_interval_seconds >= contract.step_interval
