"""Informed traders on the embedded chain: they rob a bare market, and not a defended one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from protocol.chain.artifacts import ROOT
from protocol.config import Defence, PullFeed, Scenario, load_scenario
from protocol.errors import ConfigError
from protocol.sim.informed.replay import path_of, replay_informed
from protocol.sim.prices import PriceSeries
from protocol.sim.record import AgentRecord, RunRecord
from protocol.sim.result import RunResult
from protocol.sim.summary import summarise

STEPS = 12 * 9  # nine hours
FIRST = 1_722_816_000  # of a day like 5 August 2024: it loses 17 % from the third hour to the fifth
CLOSES = (2690.0, 2690.0, 2527.0, 2319.0, 2335.0, 2313.0, 2337.0, 2312.0, 2268.0)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "informed.yaml")


@pytest.fixture(scope="module")
def prices() -> PriceSeries:
    close = np.array(CLOSES)
    start = np.append(2690.0, close[:-1])
    high, low = np.maximum(start, close) * 1.01, np.minimum(start, close) * 0.99
    ts = FIRST + 3_600 * np.arange(len(close), dtype=np.int64)
    return PriceSeries(ts, start, high, low, close, 3_600, ())


@pytest.fixture(scope="module")
def defended(scenario: Scenario, prices: PriceSeries) -> RunRecord:
    return replay_informed(scenario=scenario, prices=prices, seed=7, is_defended=True)


@pytest.fixture(scope="module")
def exposed(scenario: Scenario, prices: PriceSeries) -> tuple[RunRecord, ...]:
    one = partial(replay_informed, scenario=scenario, prices=prices, seed=7, is_defended=False)
    return tuple(one(traders=(name,)) for name in ("latency_arb", "sniper"))


def agent(run: RunRecord, name: str) -> AgentRecord:
    (found,) = (each for each in run.agents if each.name == name)
    return found


def test_latency_arb__push_feed_traded_directly__wins(exposed: tuple[RunRecord, ...]) -> None:
    arb = agent(exposed[0], "latency_arb")
    assert arb.pnl > 50_000.0
    assert arb.trades > 50


def test_latency_arb__signed_prices__does_not_win(defended: RunRecord) -> None:
    assert agent(defended, "latency_arb").pnl <= 0.0


def test_latency_arb__signed_prices_of_fixed_width__wins(
    scenario: Scenario, prices: PriceSeries
) -> None:
    assert scenario.informed is not None
    loose = PullFeed(max_age_seconds=30, widening=0.0)
    informed = replace(scenario.informed, defended=Defence(feed=loose, direct_age=30))
    cut = {name: getattr(prices, name)[1:4] for name in ("ts", "open", "high", "low", "close")}
    run = replay_informed(
        scenario=replace(scenario, informed=informed),
        prices=replace(prices, **cut),
        seed=7,
        is_defended=True,
        traders=("latency_arb",),
    )
    assert agent(run, "latency_arb").pnl > 10_000.0


def test_sniper__hourly_pushes__wins(exposed: tuple[RunRecord, ...]) -> None:
    sniper = agent(exposed[1], "sniper")
    assert sniper.trades >= 2
    assert sniper.pnl > 1_000.0


def test_agents__causes__explain_the_arbitrage(exposed: tuple[RunRecord, ...]) -> None:
    arb = agent(exposed[0], "latency_arb")
    causes = dict(arb.causes)
    assert sum(causes.values()) == pytest.approx(arb.pnl)
    assert causes["stale"] > arb.pnl  # out of stale prices, less what trading cost
    assert abs(causes["held"]) < 0.1 * arb.pnl


def test_informed__every_account__ledger_adds_up(
    defended: RunRecord, exposed: tuple[RunRecord, ...]
) -> None:
    for run in (defended, *exposed):
        assert len(run.steps) == STEPS // 12
        assert {step.imbalance for step in run.steps} == {0}
        assert {step.shortfall for step in run.steps} == {0}


def test_informed__same_seed__gives_the_same_record(
    scenario: Scenario, prices: PriceSeries
) -> None:
    cut = {name: getattr(prices, name)[1:3] for name in ("ts", "open", "high", "low", "close")}
    few = replace(prices, **cut)
    first, again = (
        replay_informed(scenario=scenario, prices=few, seed=3, is_defended=False) for _ in range(2)
    )
    assert replace(first, wall_s=0.0) == replace(again, wall_s=0.0)


def test_informed__model_prices__end_with_the_scenarios_steps(scenario: Scenario) -> None:
    path = path_of(replace(scenario, steps=3), None, 1)
    assert len(path.spot) == 3 * 60 + 1
    assert len(path.variance) == 4
    assert path.spot[0] == 2_500.0


def test_informed__scenario_without_the_key__is_refused() -> None:
    plain = load_scenario(ROOT / "scenarios" / "replay.yaml")
    with pytest.raises(ConfigError, match="scenario replay has no key `informed`"):
        replay_informed(scenario=plain, prices=None, seed=1, is_defended=True)


def test_summary__informed__has_both_values_of_each(
    defended: RunRecord, exposed: tuple[RunRecord, ...]
) -> None:
    numbers = summarise(RunResult(defended, exposed=exposed)).json()
    for name, run in zip(("latency_arb", "sniper"), exposed, strict=True):
        assert numbers[name]["pnl"]["with"] == agent(defended, name).pnl
        assert numbers[name]["pnl"]["without"] == agent(run, name).pnl
