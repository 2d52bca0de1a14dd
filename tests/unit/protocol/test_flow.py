"""Order flow: rates, sides, strikes and sizes as the policy has them, and nothing but the seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from protocol.config import FlowPolicy, ReferencePolicy
from protocol.sim.flow import (
    DepositRequest,
    ExitRequest,
    OpenPosition,
    PerpRequest,
    Request,
    StepView,
    TradeRequest,
    requests,
    strike_at_delta,
)
from protocol.surface.marks import mark
from protocol.surface.reference_model import reference_surface
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD, expiry_timestamp, from_wad

NOW = 1_704_067_200
DAYS = (19_727, 19_734, 19_741)
SPOT = 2_500.0
QUIET = FlowPolicy(
    trades_per_day=0.0,
    perp_trades_per_day=0.0,
    deposits_per_day=0.0,
    exit_per_day=0.0,
    close_per_day=0.0,
    perp_close_per_day=0.0,
)
VIEW = StepView(
    timestamp=NOW,
    seconds=DAY,
    spot=SPOT,
    surface=reference_surface(
        underlying=1,
        spot=SPOT,
        variance=0.49,
        timestamp=NOW,
        days=DAYS,
        policy=ReferencePolicy(),
    ),
    strike_step=50.0,
    takers=5,
    lps=3,
)


def drawn(policy: FlowPolicy, view: StepView = VIEW, seed: int = 1) -> tuple[Request, ...]:
    return requests(np.random.default_rng(seed), view, policy)


def trades(policy: FlowPolicy, view: StepView = VIEW, seed: int = 1) -> list[TradeRequest]:
    return [each for each in drawn(policy, view, seed) if isinstance(each, TradeRequest)]


def test_requests__same_seed__are_the_same() -> None:
    assert drawn(FlowPolicy()) == drawn(FlowPolicy())
    assert drawn(FlowPolicy()) != drawn(FlowPolicy(), seed=2)


def test_requests__quiet_policy__are_none() -> None:
    assert drawn(QUIET) == ()


def test_requests__rates__are_by_the_day_whatever_the_step() -> None:
    busy = replace(QUIET, trades_per_day=50.0, perp_trades_per_day=30.0, deposits_per_day=10.0)
    for seconds, steps in ((DAY, 20), (3_600, 480)):
        rng, view = np.random.default_rng(4), replace(VIEW, seconds=seconds)
        counts = Counter(type(each) for _ in range(steps) for each in requests(rng, view, busy))
        assert counts[TradeRequest] == pytest.approx(1_000, rel=0.1)  # equal strikes drop a few
        assert counts[PerpRequest] == pytest.approx(600, rel=0.12)
        assert counts[DepositRequest] == pytest.approx(200, rel=0.2)


def test_trades__shares__are_the_policys() -> None:
    policy = replace(QUIET, trades_per_day=2_000.0, buy_share=0.7, call_share=0.2, spread_share=0.3)
    found = trades(policy)
    first = [trade.legs[0] for trade in found]
    assert np.mean([leg.size > 0 for leg in first]) == pytest.approx(0.7, abs=0.03)
    assert np.mean([leg.instrument.is_call for leg in first]) == pytest.approx(0.2, abs=0.03)
    spreads = [trade.legs for trade in found if len(trade.legs) == 2]
    assert 0.17 < len(spreads) / len(found) < 0.3
    for one, two in spreads:
        assert one.size == -two.size
        assert (one.instrument.kind, one.instrument.day) == (
            two.instrument.kind,
            two.instrument.day,
        )
        assert one.instrument.strike != two.instrument.strike
    assert {trade.taker for trade in found} == set(range(5))
    nearer = Counter(leg.instrument.day for leg in first)
    weights = np.exp(-np.arange(3) * 7.0 / policy.tenor_decay_days)
    shares = np.array([nearer[day] for day in DAYS]) / len(found)
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.04)


def test_trades__sizes__are_lognormal_in_hundredths() -> None:
    policy = replace(QUIET, trades_per_day=2_000.0, notional_median=10_000.0, notional_sigma=0.5)
    sizes = [abs(leg.size) for trade in trades(policy) for leg in trade.legs]
    assert all(size % (WAD // 100) == 0 for size in sizes)
    notionals = np.array([from_wad(size) for size in sizes]) * SPOT
    assert np.median(notionals) == pytest.approx(10_000.0, rel=0.05)
    assert np.log(notionals).std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("kind", [Kind.CALL, Kind.PUT])
@pytest.mark.parametrize("delta", [0.1, 0.25, 0.5])
def test_strike_at_delta__on_a_fine_grid__has_that_delta(kind: Kind, delta: float) -> None:
    view = replace(VIEW, strike_step=0.01)
    smile = VIEW.surface.on(DAYS[1])
    strike = strike_at_delta(view=view, smile=smile, delta=delta, is_call=kind == Kind.CALL)
    series = Instrument.option(kind, 1, DAYS[1], strike)
    marks = mark(surface=VIEW.surface, instruments=[series], spot=SPOT, now=NOW)
    assert abs(marks.black.delta[0]) == pytest.approx(delta, abs=2e-3)
    assert strike_at_delta(view=VIEW, smile=smile, delta=delta, is_call=True) % 50.0 == 0.0


def test_trades__dying_expiry__is_left_alone() -> None:
    late = replace(VIEW, timestamp=expiry_timestamp(DAYS[0]) - 3_600)
    policy = replace(QUIET, trades_per_day=200.0)
    assert {leg.instrument.day for t in trades(policy, late) for leg in t.legs} == set(DAYS[1:])
    alone = replace(late, surface=VIEW.surface.only(DAYS[:1]))
    assert trades(policy, alone) == []


def test_closing__positions__go_whole_at_their_rate() -> None:
    call = Instrument.option(Kind.CALL, 1, DAYS[0], 2_600.0)
    held = tuple(
        OpenPosition(taker, instrument, size)
        for taker in range(1_000)
        for instrument, size in ((call, 3 * WAD), (Instrument.perp(1), -2 * WAD))
    )
    policy = replace(QUIET, close_per_day=0.5, perp_close_per_day=2.0)
    found = drawn(policy, replace(VIEW, positions=held))
    options = [each for each in found if isinstance(each, TradeRequest)]
    perps = [each for each in found if isinstance(each, PerpRequest)]
    assert len(options) == pytest.approx(1_000 * (1 - np.exp(-0.5)), rel=0.1)
    assert len(perps) == pytest.approx(1_000 * (1 - np.exp(-2.0)), rel=0.1)
    assert {(leg.instrument, leg.size) for each in options for leg in each.legs} == {
        (call, -3 * WAD)
    }
    assert {each.size for each in perps} == {2 * WAD}
    assert all(each.is_closing for each in (*options, *perps))


def test_closing__expired_position__is_left_to_settlement() -> None:
    call = Instrument.option(Kind.CALL, 1, DAYS[0], 2_600.0)
    late = replace(
        VIEW, timestamp=expiry_timestamp(DAYS[0]), positions=(OpenPosition(0, call, WAD),)
    )
    assert drawn(replace(QUIET, close_per_day=1e6), late) == ()


def test_exits__each_lp__at_its_rate_and_share() -> None:
    policy = replace(QUIET, exit_per_day=0.5, exit_share=0.25)
    found = drawn(policy, replace(VIEW, lps=2_000))
    assert len(found) == pytest.approx(2_000 * (1 - np.exp(-0.5)), rel=0.1)
    assert all(isinstance(each, ExitRequest) and each.share == 0.25 for each in found)


def test_deposits__without_lps__do_not_come() -> None:
    assert drawn(replace(QUIET, deposits_per_day=50.0), replace(VIEW, lps=0)) == ()
