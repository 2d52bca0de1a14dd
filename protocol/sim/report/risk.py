"""Figures of risk: delta and its hedge, the reserve, the ledger's checks, seeds and refusals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocol.pricing.black76 import Floats
from protocol.sim.record import StepRecord
from protocol.sim.report import words
from protocol.sim.report.figure import Figure, Json, line, points, rounded, time_layout, times
from protocol.sim.result import RunResult, column
from protocol.sim.summary import Summary


def delta(result: RunResult, summary: Summary) -> Figure:
    """Delta of the options, and what hedging left of it."""
    record = result.record
    at = points(record.steps)
    x = times(record.steps, at)
    before, after = column(record.steps, "delta_options"), column(record.steps, "delta_net")
    text = (
        f"The options' delta has a standard deviation of {before.std():,.2f} {record.underlying}; "
        f"after {words.plural(summary.hedge.hedges, 'hedge')} {after.std():,.2f} is left. "
        f"Variance of its P&L, hedged over unhedged: "
        f"{words.ratio(summary.hedge.delta_variance_ratio)}."
    )
    data = [
        line(x, before[at], name="options", color="@s2", width=1.4),
        line(x, after[at], name="after hedges", color="@s1", width=2.0),
    ]
    layout = time_layout(f"delta, {record.underlying}")
    return Figure("delta", "Delta before and after hedging", text, data, layout)


def hedging(result: RunResult, summary: Summary) -> Figure | None:
    """The same market with and without the hedge."""
    if result.unhedged is None:
        return None
    data = [
        line(
            times(run.steps, points(run.steps)),
            np.cumsum(column(run.steps, "pool_pnl"))[points(run.steps)],
            name=name,
            color=color,
            width=2.0,
        )
        for run, name, color in (
            (result.unhedged, "never hedged", "@s2"),
            (result.record, "hedged", "@s1"),
        )
    ]
    text = (
        f"P&L of the option pool in the same market, all costs included. Variance of hourly P&L, "
        f"hedged over unhedged: {words.ratio(summary.hedge.variance_ratio)}."
    )
    layout = time_layout("summed up, USD")
    return Figure("hedging", "With and without the hedge", text, data, layout)


def reserve(result: RunResult, summary: Summary) -> Figure:
    """What the pool keeps back for its shorts."""
    steps = result.record.steps
    at = points(steps)
    x = times(steps, at)
    used = column(steps, "utilisation")
    text = (
        f"The reserve is what the pool must keep for its short options; at most it took "
        f"{words.percent(summary.pool.max_utilisation, digits=1)} of NAV, on average "
        f"{words.percent(float(used.mean()), digits=1)}."
    )
    data = [
        line(x, column(steps, "nav")[at], name="NAV", color="@ink"),
        line(
            x,
            column(steps, "reserve")[at],
            name="reserve",
            color="@s4",
            fill="tozeroy",
            fillcolor="@s4/26",
        ),
        line(x, 100.0 * used[at], name="utilisation", color="@s4", width=2.0, panel=2),
    ]
    layout = time_layout("USD", "of NAV, %", shares=(0.6, 0.4))
    layout["yaxis"]["rangemode"] = layout["yaxis2"]["rangemode"] = "tozero"
    return Figure("reserve", "Reserve and utilisation", text, data, layout, height=460)


def ledger(result: RunResult, summary: Summary) -> Figure:
    """Checks of conservation; any line off zero is a defect."""
    steps = result.record.steps
    at = points(steps)
    x = times(steps, at)
    data = [
        line(x, _worst(steps, "imbalance", at), name="imbalance", color="@s6", width=2.0),
        line(x, _worst(steps, "shortfall", at), name="shortfall", color="@s4", dash="dash"),
    ]
    worst = summary.ledger
    text = (
        f"After each of {words.plural(len(steps), 'step')} the positions of every instrument add "
        f"up to 0 (largest imbalance {worst.imbalance:,} wei) and the tokens cover every claim "
        f"(largest shortfall {worst.shortfall:,} wei)."
    )
    layout = time_layout("wei")
    if not (worst.imbalance or worst.shortfall):
        layout["yaxis"] |= {"range": [-1, 1], "tickvals": [0], "zeroline": False}
    return Figure("ledger", "Checks of the ledger", text, data, layout, height=220)


def refusals(result: RunResult, summary: Summary) -> Figure | None:
    """Requests the market turned down, by reason."""
    if not summary.refusals:
        return None
    rows = list(reversed(summary.refusals.items()))
    bars: Json = {
        "type": "bar",
        "orientation": "h",
        "x": [number for _, number in rows],
        "y": [reason for reason, _ in rows],
        "text": [words.count(number) for _, number in rows],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": "@s8"},
        "hovertemplate": "%{y}: %{x}<extra></extra>",
        "showlegend": False,
    }
    asked = summary.trades + summary.refused
    most, times_ = rows[-1]
    text = (
        f"The AMM refused {words.count(summary.refused)} of {words.plural(asked, 'request')}; the "
        f'most common reason is "{most}" ({words.plural(times_, "time")}).'
    )
    layout = {"yaxis": {"showgrid": False}, "xaxis": {"title": {"text": "times"}}, "bargap": 0.4}
    return Figure("refusals", "Refusals", text, [bars], layout, height=130 + 34 * len(rows))


def seeds(result: RunResult, summary: Summary) -> Figure | None:
    """The variance ratio of every seed, best to worst."""
    rows = sorted(summary.seeds, key=lambda seed: seed.variance_ratio or 0.0)
    if not rows:
        return None
    x = [f"seed {row.seed}" for row in rows]
    data = [
        _bars(x, [row.variance_ratio or 0.0 for row in rows], name="option pool", color="@s1"),
        _bars(x, [row.delta_variance_ratio or 0.0 for row in rows], name="its delta", color="@s3"),
        _bars(x, [row.system_variance_ratio or 0.0 for row in rows], name="system", color="@s8"),
    ]
    text = (
        f"Variance of hourly P&L, hedged over unhedged, by seed: "
        f"{words.ratio(summary.hedge.variance_ratio)}; of the delta's P&L "
        f"{words.ratio(summary.hedge.delta_variance_ratio)}."
    )
    layout = {"yaxis": {"title": {"text": "variance ratio"}}, "barmode": "group", "bargap": 0.25}
    return Figure("seeds", "Every seed", text, data, layout)


def _bars(x: Sequence[str], y: Sequence[float], *, name: str, color: str) -> Json:
    return {"type": "bar", "x": x, "y": rounded(y), "name": name, "marker": {"color": color}}


def _worst(steps: Sequence[StepRecord], name: str, at: NDArray[np.intp]) -> Floats:
    """The largest since the point before: a spike between two points still shows."""
    starts = np.concatenate(([0], at[:-1] + 1))
    worst: Floats = np.maximum.reduceat(column(steps, name), starts)
    return worst
