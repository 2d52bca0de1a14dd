"""The replay: a scenario's market, step by step, on a chain, with the keeper's own strategies."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from joblib import Parallel, delayed

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.clients.deploy import CONTRACTS
from protocol.config import HestonPrices, Scenario
from protocol.sim.engines import open_chain
from protocol.sim.margin.run import MarginRun
from protocol.sim.paths import Path, heston_path
from protocol.sim.prices import PriceSeries
from protocol.sim.record import RunRecord
from protocol.sim.run import MarketRun, Outside
from protocol.sim.world import SETUP_SECONDS
from protocol.surface.reference_model import realised_variance

PATH_STREAM = 0  # the path's stream of a seed; the order flow's is another

Progress = Callable[[int, int], None]


def replay(
    *,
    scenario: Scenario,
    prices: PriceSeries | None,
    seed: int,
    hedged: bool = True,
    engine: str = "embedded",
    source: str = "",
    progress: Progress | None = None,
) -> RunRecord:
    """One run; the same arguments give the same record but for its wall time.

    Parameters
    ----------
    scenario : Scenario
    prices : PriceSeries or None
        A history; None draws the scenario's model path.
    seed : int
        Of the order flow, and of the model path.
    hedged : bool, optional
        Whether the keeper hedges.
    engine : {"embedded", "rpc"}, optional
    source : str, optional
        What the history is called in the record.
    progress : callable, optional
        Told (steps done, steps).
    """
    started = time.perf_counter()
    outside = outside_market(scenario, prices, seed, source)
    artifacts = Artifacts()
    artifacts.load(CONTRACTS)  # what is not compiled yet, in parallel
    with open_chain(engine, timestamp=int(outside.ts[0]) - SETUP_SECONDS) as chain:
        run = _open(chain, artifacts, scenario, outside, seed, hedged)
        for i in range(1, len(outside.ts)):
            run.step(i)
            if progress is not None:
                progress(i, len(outside.ts) - 1)
        return run.record(engine, time.perf_counter() - started)


def replay_pairs(
    *,
    scenario: Scenario,
    prices: PriceSeries | None,
    seeds: Sequence[int],
    jobs: int = -1,
    source: str = "",
    progress: Progress | None = None,
) -> list[tuple[RunRecord, RunRecord]]:
    """(hedged, unhedged) runs of each seed, in parallel processes."""
    Artifacts().load(CONTRACTS)  # once, before the workers would each compile
    one = partial(replay, scenario=scenario, prices=prices, source=source)
    jobs_done = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(one)(seed=seed, hedged=hedged) for seed in seeds for hedged in (True, False)
    )
    runs: list[RunRecord] = []
    for run in jobs_done:
        runs.append(run)
        if progress is not None:
            progress(len(runs), 2 * len(seeds))
    return list(zip(runs[::2], runs[1::2], strict=True))


def _open(
    chain: TestChain,
    artifacts: Artifacts,
    scenario: Scenario,
    outside: Outside,
    seed: int,
    hedged: bool,
) -> MarketRun:
    if scenario.margin is None:
        return MarketRun(chain, artifacts, scenario, outside, seed, hedged)
    policy = scenario.margin
    return MarginRun(chain, artifacts, scenario, outside, seed, hedged, policy=policy)


def outside_market(
    scenario: Scenario, prices: PriceSeries | None, seed: int, source: str
) -> Outside:
    """A history as it became known, or the model's path."""
    if prices is not None:
        variance = realised_variance(
            closes=prices.close, interval=prices.interval, policy=scenario.reference
        )
        return Outside(prices.known_at, prices.close, variance, source or "history")
    model = scenario.prices
    if not isinstance(model, HestonPrices):
        raise TypeError("a scenario on a file needs its prices read first")
    path: Path = heston_path(
        np.random.default_rng([seed, PATH_STREAM]),
        model=model,
        start=int(np.datetime64(scenario.start, "s").astype(int)),
        step=scenario.step_seconds,
        steps=scenario.steps,
    )
    return Outside(path.ts, path.spot, path.variance, "Heston path with jumps")
