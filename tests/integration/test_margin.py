"""Traders on margin in a crash: liquidated, paid for, with a ledger that adds up at every step."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.chain.artifacts import ROOT
from protocol.config import Scenario, load_scenario
from protocol.sim.engine import replay
from protocol.sim.prices import read_prices
from protocol.sim.record import RunRecord
from protocol.sim.report.liquidation import liquidations
from protocol.sim.result import RunResult
from protocol.sim.summary import summarise

HISTORY = "spot/ETHUSDT_1h_2017-08_2024-12.csv.gz"
CRASHES = {
    "March 2020": ("2020-03-12", "2020-03-13"),
    "May 2021": ("2021-05-19", "2021-05-19"),
    "November 2022": ("2022-11-07", "2022-11-09"),
}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "stress.yaml")


@pytest.fixture(scope="module")
def crash(scenario: Scenario) -> RunRecord:
    """Two days of a model path that falls hard."""
    prices = replace(scenario.prices, jumps_per_year=1_500.0, jump_mean=-0.05)
    return replay(scenario=replace(scenario, steps=48, prices=prices), prices=None, seed=2)


def check(record: RunRecord) -> None:
    """Nothing is owed by anybody who has nothing, and every step's books balance to the wei."""
    assert [step.imbalance for step in record.steps] == [0] * len(record.steps)
    assert [step.shortfall for step in record.steps] == [0] * len(record.steps)
    assert record.bad_debt == 0.0


def test_replay__in_a_crash__liquidates_and_leaves_no_debt(crash: RunRecord) -> None:
    check(crash)
    kinds = {row.kind for row in crash.liquidations}
    assert {"AuctionStarted", "SliceSold"} <= kinds


def test_replay__through_gaps__others_pay_and_nothing_stays_open(scenario: Scenario) -> None:
    """Falls of a third at once, seen an hour later: equity is gone before anyone can bid."""
    prices = replace(scenario.prices, vol=0.8, jumps_per_year=400.0, jump_mean=-0.45, jump_vol=0.02)
    margin = replace(scenario.margin, watch_seconds=3_600, trades_per_day=12.0)
    harsh = replace(scenario, prices=prices, margin=margin, steps=40)
    record = replay(scenario=harsh, prices=None, seed=2)
    check(record)
    made = summarise(RunResult(record)).liquidations
    assert made.insurance > 0.0 and made.pools > 0.0


def test_replay__again__is_the_same(scenario: Scenario, crash: RunRecord) -> None:
    prices = replace(scenario.prices, jumps_per_year=1_500.0, jump_mean=-0.05)
    again = replay(scenario=replace(scenario, steps=12, prices=prices), prices=None, seed=2)
    other = replay(scenario=replace(scenario, steps=12, prices=prices), prices=None, seed=2)
    assert replace(again, wall_s=0.0) == replace(other, wall_s=0.0)


def test_summary__liquidations__add_up_and_are_drawn(crash: RunRecord) -> None:
    result = RunResult(crash)
    summary = summarise(result)
    made = summary.liquidations
    rows = crash.liquidations
    assert made.flagged == sum(row.kind == "AuctionStarted" for row in rows) > 0
    assert made.discount == pytest.approx(sum(row.discount for row in rows))
    assert liquidations(result, summary) is not None
    assert liquidations(RunResult(replace(crash, liquidations=())), summary) is None


def test_replay__without_margin_traders__knows_no_liquidations(scenario: Scenario) -> None:
    record = replay(scenario=replace(scenario, margin=None, steps=3), prices=None, seed=2)
    assert record.liquidations == () and record.bad_debt == 0.0


@pytest.mark.parametrize("name", CRASHES)
def test_replay__of_a_real_crash__leaves_no_debt(scenario: Scenario, name: str) -> None:
    if not (folder := os.environ.get("VOMMA_DATA")):
        pytest.skip("VOMMA_DATA is not set: no market data to test with")
    first, last = (dt.date.fromisoformat(day) for day in CRASHES[name])
    prices = read_prices(Path(folder) / HISTORY, start=first, end=last)
    record = replay(scenario=scenario, prices=prices, seed=7)
    check(record)
    assert record.liquidations
