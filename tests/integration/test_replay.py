"""The replay as a whole: reproducible, equal on both engines, with a ledger that adds up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protocol.chain.artifacts import ROOT
from protocol.config import FlowPolicy, Scenario, load_scenario
from protocol.errors import InputError
from protocol.risk.attribution import aggregate
from protocol.sim.engine import replay, replay_pairs
from protocol.sim.record import RunRecord

DAYS = 8  # one expiry in it


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    whole = load_scenario(ROOT / "scenarios" / "replay.yaml")
    flow = replace(whole.flow, deposits_per_day=2.0, exit_per_day=0.3)
    return replace(whole, steps=24 * DAYS, flow=flow)


@pytest.fixture(scope="module")
def run(scenario: Scenario) -> RunRecord:
    return replay(scenario=scenario, prices=None, seed=3)


def timeless(run: RunRecord) -> RunRecord:
    return replace(run, wall_s=0.0, engine="")


def test_replay__same_seed__gives_the_same_record(scenario: Scenario) -> None:
    short = replace(scenario, steps=12)
    first, again, other = (replay(scenario=short, prices=None, seed=s) for s in (5, 5, 6))
    assert timeless(first) == timeless(again)
    assert timeless(first) != timeless(other)


def test_replay__on_a_real_node__gives_the_same_record(scenario: Scenario) -> None:
    short = replace(scenario, steps=10)
    here, there = (
        replay(scenario=short, prices=None, seed=5, engine=engine) for engine in ("embedded", "rpc")
    )
    assert here.gas_used > 0
    assert timeless(here) == timeless(there)


def test_replay__unknown_engine__is_refused(scenario: Scenario) -> None:
    with pytest.raises(InputError, match="engine is 'ganache', must be one of embedded, rpc"):
        replay(scenario=scenario, prices=None, seed=1, engine="ganache")


def test_replay__every_step__ledger_adds_up(run: RunRecord) -> None:
    assert len(run.steps) == 24 * DAYS
    assert len(run.trades) > 100
    assert [step.imbalance for step in run.steps] == [0] * len(run.steps)
    assert [step.shortfall for step in run.steps] == [0] * len(run.steps)


def test_replay__over_an_expiry__settles_it(run: RunRecord) -> None:
    assert len(run.expiries) == 1
    day, price = run.expiries[0]
    near = [step.spot for step in run.steps if abs(step.timestamp - day * 86_400 - 28_800) <= 3_600]
    assert min(near) * 0.99 < price < max(near) * 1.01


def test_replay__attribution__leaves_little_over(run: RunRecord) -> None:
    total = aggregate([step.attribution for step in run.steps])
    assert total.share["residual"] < 0.005
    measured = sum(step.pool_pnl for step in run.steps)
    assert sum(total.net.values()) == pytest.approx(measured, abs=1e-6)


def test_replay__lp_flows__are_no_profit(run: RunRecord) -> None:
    shares = np.array([step.shares for step in run.steps])
    assert (np.diff(shares) != 0).sum() >= 3  # LPs came and went
    growth = run.steps[-1].nav_per_share / run.steps[0].nav_per_share - 1.0
    earned = sum(step.pool_pnl for step in run.steps[1:])
    capital = np.mean([step.nav for step in run.steps])
    assert growth == pytest.approx(earned / capital, abs=2e-3)


def test_replay__hedged__varies_less_than_unhedged(scenario: Scenario) -> None:
    calm = replace(scenario, flow=FlowPolicy(), steps=96)
    with_hedges, without = 0.0, 0.0  # summed: a book nearly flat by itself has little to hedge
    for hedged, bare in replay_pairs(scenario=calm, prices=None, seeds=[3, 4, 5], jobs=1):
        assert hedged.hedged and hedged.hedges
        assert not bare.hedged and not bare.hedges
        with_hedges += float(np.var([step.delta_pnl for step in hedged.steps]))
        without += float(np.var([step.delta_pnl for step in bare.steps]))
    assert with_hedges < 0.25 * without
