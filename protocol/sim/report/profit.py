"""Figures of profit: where it came from, what flowed, and what the whole system made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from protocol.pricing.black76 import Floats
from protocol.sim.record import StepRecord
from protocol.sim.report import words
from protocol.sim.report.figure import (
    SERIES,
    Figure,
    Json,
    axes,
    line,
    points,
    rounded,
    time_layout,
    times,
)
from protocol.sim.result import RunResult, column, system_pnl
from protocol.sim.summary import Component, Summary, components

Amount = TypeVar("Amount", float, Floats)

_NAMED = 7  # components drawn by name; the rest is one bar, the residual always its own
_PERIODS = 90  # bars a chart can still show apart
_SPANS = (3_600, 14_400, 86_400, 7 * 86_400, 30 * 86_400)


def waterfall(result: RunResult, summary: Summary) -> Figure:
    """From nothing to the net P&L, cause by cause."""
    pnl = summary.pnl
    totals = {key: part.amount for key, part in pnl.components.items()}
    by_size = sorted(_order(pnl.components), key=lambda key: -abs(totals[key]))
    rows = _grouped(totals, by_size)
    ends = np.cumsum(list(rows.values()))
    text = (
        f"The pool made {words.money(pnl.net, sign=True)}. The residual, what no Greek and no flow "
        f"explains, is {words.money(totals['residual'], sign=True)} net; in absolute steps it is "
        f"{words.percent(pnl.residual_share)} of all components."
    )
    bars: Json = {
        "type": "bar",
        "x": [*rows, "net"],
        "y": rounded([*rows.values(), pnl.net]),
        "base": rounded([*(ends - list(rows.values())), 0.0]),
        "marker": {"color": [*(_sign_color(*row) for row in rows.items()), "@ink"]},
        "text": [words.money(value, sign=True) for value in (*rows.values(), pnl.net)],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{x}: %{text}<extra></extra>",
        "showlegend": False,
    }
    layout = {"yaxis": {"title": {"text": "USD"}}, "hovermode": "closest", "bargap": 0.25}
    return Figure("waterfall", "Where the profit came from", text, [bars], layout, height=420)


def attribution(result: RunResult, summary: Summary) -> Figure:
    """The same causes over time: summed up, and period by period."""
    steps = result.record.steps
    rows = _grouped(components(steps), _order(summary.pnl.components))
    net = column(steps, "pool_pnl")
    at = points(steps)
    span = _span(steps)
    x, order = times(steps, at), list(rows)
    data: list[Json] = []
    for i, (name, values) in enumerate(rows.items()):
        color = "@warn" if name == "residual" else SERIES[i % len(SERIES)]
        drawn = line(x, np.cumsum(values)[at], name=name, color=color, legendgroup=name)
        data += [drawn, _period_bars(steps, values, span, name=name, color=color)]
    data.append(line(x, np.cumsum(net)[at], name="net", color="@ink", width=2.4))
    largest = max((name for name in order if name != "residual"), key=lambda n: _gross(rows[n]))
    share = _gross(rows[largest]) / sum(_gross(rows[name]) for name in order if name != "residual")
    text = (
        f"Above: each cause summed up since the start. Below: by {_span_name(span)}. The largest "
        f"mover is {largest} with {words.percent(share, digits=0)} of all that moved."
    )
    layout = time_layout("summed up, USD", "by period, USD", shares=(0.55, 0.45))
    return Figure(
        "attribution",
        "Attribution over time",
        text,
        data,
        {**layout, "barmode": "relative", "bargap": 0.1, "hovermode": "closest"},
        height=600,
    )


def flows(result: RunResult, summary: Summary) -> Figure:
    """Premium above, everything smaller below; all summed up."""
    steps, total = result.record.steps, summary.flows
    at = points(steps)
    x = times(steps, at)

    def summed(name: str, sign: float = 1.0) -> Floats:
        values: Floats = sign * np.cumsum(column(steps, name))[at]
        return values

    data = [
        line(x, summed("premium"), name="premium at mark", color="@ink", width=2.0),
        line(x, summed("impact"), name="impact", color="@s1", panel=2),
        line(x, summed("spread"), name="spread", color="@s3", panel=2),
        line(x, summed("fees"), name="fees", color="@s5", panel=2),
        line(x, summed("hedging_cost", -1.0), name="hedging cost", color="@s6", panel=2),
        line(x, summed("funding"), name="funding", color="@s4", panel=2),
    ]
    income = total.impact + total.spread + total.fees
    text = (
        f"Takers paid {words.money(total.premium)} net at mark and, on top, "
        f"{words.money(income)} for impact, spread and fees; hedging cost "
        f"{words.money(total.hedging_cost)} and funding brought "
        f"{words.money(total.funding, sign=True)}."
    )
    layout = time_layout("premium, USD", "the rest, USD", shares=(0.4, 0.6))
    return Figure("flows", "What came in and went out", text, data, layout, height=480)


def system(result: RunResult, summary: Summary) -> Figure:
    """Both pools and insurance: hedges only move risk from one to the other."""
    steps, parts = result.record.steps, summary.system
    at = points(steps)
    x = times(steps, at)

    def summed(name: str) -> Floats:
        values: Floats = np.cumsum(column(steps, name))[at]
        return values

    data = [
        line(x, np.cumsum(system_pnl(steps))[at], name="system", color="@ink", width=2.4),
        line(x, summed("pool_pnl"), name="option pool", color="@s1"),
        line(x, summed("perp_pnl"), name="perp pool", color="@s2"),
        line(x, column(steps, "insurance")[at], name="insurance", color="@s3"),
        line(
            x, column(steps, "treasury")[at], name="treasury (beside)", color="@muted", dash="dot"
        ),
    ]
    text = (
        f"Option pool {words.money(parts.option_pool, sign=True)}, perp pool "
        f"{words.money(parts.perp_pool, sign=True)} and insurance "
        f"{words.money(parts.insurance, sign=True)} make {words.money(parts.pnl, sign=True)} for "
        f"the whole system; its variance ratio is {words.ratio(parts.variance_ratio)}."
    )
    return Figure("system", "The whole system", text, data, time_layout("summed up, USD"))


def _order(parts: Mapping[str, Component]) -> list[str]:
    """Components by how much they moved, the residual left out."""
    names = [name for name in parts if name != "residual" and parts[name].share > 0.0]
    return sorted(names, key=lambda name: -parts[name].share)


def _grouped(rows: Mapping[str, Amount], order: Sequence[str]) -> dict[str, Amount]:
    """The largest by name, the rest as one, then the residual."""
    shown = {words.name(name): rows[name] for name in order[:_NAMED]}
    if rest := order[_NAMED:]:
        shown[f"{len(rest)} smaller"] = sum((rows[name] for name in rest[1:]), rows[rest[0]])
    return {**shown, "residual": rows["residual"]}


def _gross(values: Floats) -> float:
    return float(np.abs(values).sum())


def _sign_color(name: str, value: float) -> str:
    return "@warn" if name == "residual" else "@good" if value >= 0 else "@bad"


def _span(steps: Sequence[StepRecord]) -> int:
    """The shortest usual span that cuts the run into few enough bars."""
    length = steps[-1].timestamp - steps[0].timestamp
    return next((span for span in _SPANS if length <= span * _PERIODS), _SPANS[-1])


def _span_name(span: int) -> str:
    return {3_600: "hour", 14_400: "4 hours", 86_400: "day", 7 * 86_400: "week"}.get(
        span, "30 days"
    )


def _period_bars(
    steps: Sequence[StepRecord], values: Floats, span: int, *, name: str, color: str
) -> Json:
    periods, index = np.unique(
        [(step.timestamp - 1) // span for step in steps], return_inverse=True
    )
    return {
        "type": "bar",
        "x": ((periods + 0.5) * span * 1_000).tolist(),
        "y": rounded(np.bincount(index, weights=values)),
        "name": name,
        "legendgroup": name,
        "showlegend": False,
        "marker": {"color": color},
        **axes(2),
    }
