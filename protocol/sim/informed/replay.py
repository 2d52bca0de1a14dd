"""Replaying a market with informed traders, with its defences or without."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from protocol.chain.artifacts import Artifacts
from protocol.clients.deploy import CONTRACTS
from protocol.config import HestonPrices, Scenario
from protocol.errors import ConfigError
from protocol.sim.engine import PATH_STREAM, Progress
from protocol.sim.engines import open_chain
from protocol.sim.informed import ticks
from protocol.sim.informed.market import TRADERS, InformedRun, policy_of
from protocol.sim.prices import PriceSeries
from protocol.sim.record import RunRecord
from protocol.sim.world import SETUP_SECONDS


def replay_informed(
    *,
    scenario: Scenario,
    prices: PriceSeries | None,
    seed: int,
    is_defended: bool,
    traders: Collection[str] = TRADERS,
    hedged: bool = True,
    engine: str = "embedded",
    source: str = "",
    progress: Progress | None = None,
) -> RunRecord:
    """One run; path and order flow are the same with the defences and without.

    Parameters
    ----------
    scenario : Scenario
        With a key `informed`.
    prices : PriceSeries or None
        Klines of any length that are whole ticks; None draws the scenario's model path.
    seed : int
        Of the path inside the klines, of implied vol's own moves and of the order flow.
    is_defended : bool
        Which of the scenario's two set-ups.
    traders : collection of str, optional
        Who of the scenario's informed traders is there.
    hedged, engine, source, progress
        As `replay` takes them.

    Raises
    ------
    ConfigError
        Where the scenario says nothing about informed traders.
    """
    started, policy = time.perf_counter(), policy_of(scenario)
    path = path_of(scenario, prices, seed)
    defence = policy.defended if is_defended else policy.exposed
    artifacts = Artifacts()
    artifacts.load(CONTRACTS)
    with open_chain(engine, timestamp=int(path.ts[0]) - SETUP_SECONDS) as chain:
        run = InformedRun(
            chain,
            artifacts,
            scenario,
            path,
            defence,
            traders=traders,
            source=source or ("model" if prices is None else "history"),
            seed=seed,
            hedged=hedged,
        )
        steps = len(run.outside.ts) - 1
        for i in range(1, steps + 1):
            run.step(i)
            if progress is not None:
                progress(i, steps)
        return replace(run.record(engine, time.perf_counter() - started), agents=run.agents())


def path_of(scenario: Scenario, prices: PriceSeries | None, seed: int) -> ticks.Ticks:
    """The outside market, tick by tick."""
    policy, rng = policy_of(scenario), np.random.default_rng([seed, PATH_STREAM])
    if prices is not None:
        return ticks.from_klines(
            rng,
            prices=prices,
            policy=policy,
            reference=scenario.reference,
            step_seconds=scenario.step_seconds,
        )
    if not isinstance(scenario.prices, HestonPrices):
        raise ConfigError(f"scenario {scenario.name} is on a file; its prices must be read first")
    start = dt.datetime.combine(scenario.start, dt.time(), tzinfo=dt.UTC)
    return ticks.from_model(
        rng,
        model=scenario.prices,
        policy=policy,
        start=int(start.timestamp()),
        step_seconds=scenario.step_seconds,
        steps=scenario.steps,
    )
