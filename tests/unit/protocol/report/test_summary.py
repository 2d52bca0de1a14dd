"""The numbers of a run, worked out by hand on runs small enough for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from protocol.errors import InputError
from protocol.sim.result import RunResult, compare
from protocol.sim.summary import summarise


def _with_pnl(run, values):
    steps = zip(run.steps, values, strict=True)
    return replace(
        run, steps=tuple(replace(step, pool_pnl=pnl, delta_pnl=pnl) for step, pnl in steps)
    )


def test_json__one_seed__has_the_agreed_keys(make_result) -> None:
    numbers = json.loads(json.dumps(summarise(make_result()).json(), allow_nan=False))
    assert (numbers["steps"], numbers["expiries"]) == (48, 0)
    assert numbers["trades"] == len(make_result().record.trades)
    assert numbers["ledger"] == {"imbalance": 0, "shortfall": 0}
    assert set(numbers["pnl"]) == {"net", "residual_share", "components"}
    assert isinstance(numbers["hedge"]["variance_ratio"], float)
    assert isinstance(numbers["hedge"]["delta_variance_ratio"], float)
    assert isinstance(numbers["system"]["pnl"], float)
    assert numbers["chain"] == {"transactions": 1920, "gas": 384_000_000}
    assert numbers["wall_s"] == 21.5


def test_json__many_seeds__ratios_are_median_and_maximum(make_run) -> None:
    quiet, loud = [1.0, -1.0, 1.0, -1.0], [2.0, -2.0, 2.0, -2.0]
    base = make_run(steps=4)
    scales = {7: 1.0, 8: 2.0, 9: 0.5}
    pairs = [
        (
            _with_pnl(replace(base, seed=seed), [scale * value for value in quiet]),
            _with_pnl(replace(base, seed=seed, hedged=False), loud),
        )
        for seed, scale in scales.items()
    ]
    numbers = summarise(compare(pairs)).json()
    expected = {"median": 0.25, "maximum": 1.0, "seeds": 3}
    assert numbers["hedge"]["variance_ratio"] == expected
    assert numbers["hedge"]["delta_variance_ratio"] == expected
    assert [row["variance_ratio"] for row in numbers["seeds"]] == [0.25, 1.0, 0.0625]


def test_variance_ratio__steps_shorter_than_an_hour__sums_the_hour(make_run) -> None:
    run = make_run(steps=4)
    start = run.steps[0].timestamp  # on the hour: it closes the hour before
    run = replace(
        run,
        steps=tuple(
            replace(step, timestamp=start + 1_800 * (i + 1)) for i, step in enumerate(run.steps)
        ),
    )
    hedged, unhedged = _with_pnl(run, [1.0, 1.0, 3.0, -3.0]), _with_pnl(run, [2.0, 2.0, -4.0, 4.0])
    ratio = summarise(compare([(hedged, unhedged)])).hedge.variance_ratio
    assert ratio == pytest.approx(0.25)  # hours are (2, 0) against (4, 0)


def test_variance_ratio__without_twin__is_none(make_run) -> None:
    summary = summarise(RunResult(make_run()))
    assert summary.hedge.variance_ratio is None
    assert summary.system.variance_ratio is None


def test_variance_ratio__unhedged_run_never_moves__is_none(make_run) -> None:
    run = make_run(steps=3)
    pair = (_with_pnl(run, [1.0, 2.0, 3.0]), _with_pnl(run, [0.0, 0.0, 0.0]))
    assert summarise(compare([pair])).hedge.variance_ratio is None


def test_residual_share__is_gross_over_gross_components(make_run) -> None:
    run = make_run(steps=2)
    zero = {
        name: 0.0
        for name in run.steps[0].attribution.__dataclass_fields__
        if name not in ("residual", "delta")
    }
    parts = [
        type(step.attribution)(**zero, delta=delta, residual=residual)
        for step, delta, residual in zip(run.steps, (30.0, -70.0), (-2.0, 3.0), strict=True)
    ]
    steps = tuple(
        replace(step, attribution=part) for step, part in zip(run.steps, parts, strict=True)
    )
    pnl = summarise(RunResult(replace(run, steps=steps))).pnl
    assert pnl.residual_share == pytest.approx(5.0 / 100.0)
    assert pnl.components["delta"].amount == pytest.approx(-40.0)
    assert pnl.components["residual"].amount == pytest.approx(1.0)


def test_ledger__one_bad_step_in_the_twin_of_a_later_seed__is_reported(make_run) -> None:
    pairs = [(make_run(seed=s), make_run(seed=s, hedged=False)) for s in (7, 8)]
    twin = pairs[1][1]
    broken = replace(twin.steps[5], imbalance=3, shortfall=9)
    twin = replace(twin, steps=(*twin.steps[:5], broken, *twin.steps[6:]))
    ledger = summarise(compare([pairs[0], (pairs[1][0], twin)])).ledger
    assert (ledger.imbalance, ledger.shortfall) == (3, 9)


def test_system_pnl__is_pools_and_insurance(make_run) -> None:
    run = make_run(steps=3)
    steps = tuple(
        replace(step, pool_pnl=10.0, perp_pnl=-4.0, insurance=insurance, treasury=7.0)
        for step, insurance in zip(run.steps, (1.0, 2.0, 5.0), strict=True)
    )
    system = summarise(RunResult(replace(run, steps=steps))).system
    assert (system.pnl, system.option_pool, system.perp_pool) == (23.0, 30.0, -12.0)
    assert (system.insurance, system.treasury) == (5.0, 7.0)


def test_pool__drawdown_is_from_the_highest_so_far(make_run) -> None:
    run = make_run(steps=4)
    path = (1.0, 1.25, 1.0, 1.1)
    steps = tuple(
        replace(step, nav_per_share=nav) for step, nav in zip(run.steps, path, strict=True)
    )
    pool = summarise(RunResult(replace(run, steps=steps))).pool
    assert pool.max_drawdown == pytest.approx(0.2)
    assert pool.total_return == pytest.approx(0.1)


def test_summarise__no_steps__says_so(make_run) -> None:
    with pytest.raises(InputError, match="steps is 0"):
        summarise(RunResult(replace(make_run(), steps=())))


def test_compare__pair_of_two_seeds__is_refused(make_run) -> None:
    with pytest.raises(InputError, match="the same market"):
        compare([(make_run(seed=1), make_run(seed=2, hedged=False))])


def test_compare__no_pairs__is_refused() -> None:
    with pytest.raises(InputError, match="pairs is 0"):
        compare([])
