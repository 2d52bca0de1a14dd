"""The whole core at random: 100,000 transactions in eight seeds, every rule and every check.

`-s` prints what each seed did; `--deep` plays ten times as long.
"""

from __future__ import annotations

import pytest

from protocol.chain.artifacts import Artifacts
from tests.fuzz.machine import Run, new_game, play, stage
from tests.fuzz.shrink import explain

SEEDS, STEPS = 8, 12_500
LEAST_CHECKED = {
    "worth of a trade": 500,
    "arbitrage quotes": 300,
    "quote": 200,
    "valuation": 50,
    "bounty": 40,
    "split over unequal drifts": 4,
}
# refusals that every seed must have met, or their row of the table is never tried
REASONS = (
    "ledger: not authorised",
    "ledger: not enough cash",
    "ledger: below initial margin",
    "ledger: paused, reduce only",
    "ledger: halted",
    "amm: worse than limit",
    "amm: surface stale",
    "amm: valuation stale",
    "amm: price too old",
    "amm: surface behind, no ask",
    "amm: surface behind, no bid",
    "amm: halted by drawdown",
    "amm: impact above cap",
    "amm: vega limit",
    "amm: vega per push",
    "amm: vega per block",
    "amm: vega per hour",
    "amm: delta per block",
    "amm: hedge past zero",
    "amm: hedge above hourly limit",
    "amm: toxicity out of range",
    "pricer: market drifted",
    "perp: trade too large",
    "perp: skew above cap",
    "oracle: price stale",
    "surface: pushed too soon",
    "vault: request too small",
)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_core__random_life__every_check_holds(seed: int, artifacts: Artifacts, deep: bool) -> None:
    run = play(new_game(artifacts), seed=seed, steps=10 * STEPS if deep else STEPS)
    print(run.report())
    if run.broken is not None:
        pytest.fail(explain(run, stage(artifacts)))
    check_counts(run)


def check_counts(run: Run) -> None:
    """A rule that hardly ever succeeds tests nothing."""
    assert run.starved() == {}
    assert {what: n for what, n in LEAST_CHECKED.items() if run.checked[what] < n} == {}
    assert [reason for reason in REASONS if not run.refused[reason]] == []
