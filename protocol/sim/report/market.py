"""Figures of the market: prices and trades, the pool's shares, the volatility surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protocol.sim.record import RunRecord, TradeRecord
from protocol.sim.report import words
from protocol.sim.report.figure import SERIES, Figure, Json, line, points, time_layout, times
from protocol.sim.result import RunResult, column
from protocol.sim.summary import Summary
from protocol.surface.svi import implied_vol
from protocol.types import ExpirySurface, Instrument, Surface
from protocol.units import expiry_timestamp, years

_BUY, _SELL = "@s1", "@s2"
_SMALLEST, _LARGEST = 5.0, 20.0  # marks, pixels
_WIDTH = 2.5  # of a smile, in standard deviations either side


def price(result: RunResult, summary: Summary) -> Figure:
    """Spot, every traded leg at its strike, and the expiries."""
    record = result.record
    at = points(record.steps)
    spots = column(record.steps, "spot")
    legs = [_Mark.of(trade, *leg) for trade in record.trades for leg in trade.legs]
    notional = sum(mark.notional for mark in legs)
    bought = sum(mark.notional for mark in legs if mark.size > 0) / (notional or 1.0)
    text = (
        f"{record.underlying} went from {words.money(spots[0])} to {words.money(spots[-1])} "
        f"({words.percent(summary.pool.hold_return, sign=True)}). Marks are legs at their strikes: "
        f"{words.plural(summary.trades, 'trade')} on {words.money(notional)} of underlying, "
        f"{words.percent(bought, digits=0)} of it bought; "
        f"{words.plural(summary.expiries, 'expiry')} settled."
    )
    data = [
        *_marks(legs),
        line(times(record.steps, at), spots[at], name="spot", color="@ink"),
        _settlements(record),
    ]
    layout = time_layout("USD", hovermode="closest", shapes=_verticals(record))
    first, last = times(record.steps, (0, -1))
    layout["xaxis"]["range"] = [first, last + 0.01 * (last - first)]
    return Figure("price", "Price and trades", text, data, layout, height=460)


def nav(result: RunResult, summary: Summary) -> Figure:
    """NAV per share against holding either asset, and against its own peak."""
    steps = result.record.steps
    at = points(steps)
    x = times(steps, at)
    shares, spots = column(steps, "nav_per_share"), column(steps, "spot")
    own = 100.0 * (shares / shares[0] - 1.0)
    held = 100.0 * (spots / spots[0] - 1.0)
    symbol = result.record.underlying
    text = (
        f"A share of the pool made {words.percent(summary.pool.total_return, sign=True)} with a "
        f"largest drawdown of {words.percent(summary.pool.max_drawdown)}; holding {symbol} made "
        f"{words.percent(summary.pool.hold_return, sign=True)}, holding the quote token nothing."
    )
    peak = np.maximum.accumulate(own)
    data = [
        line(x, held[at], name=f"holding {symbol}", color="@s2", width=1.2),
        line(x, np.zeros(len(at)), name="holding the quote token", color="@muted", dash="dot"),
        line(x, own[at], name="pool share", color="@s1", width=2.2),
        line(x, peak[at], name="its peak", color="@s1/60", width=1.0, panel=2),
        line(
            x,
            own[at],
            name="pool share",
            color="@s1",
            panel=2,
            fill="tonexty",
            fillcolor="@s6/33",
            showlegend=False,
        ),
    ]
    layout = time_layout("return, %", "of the pool alone, %", shares=(0.5, 0.5))
    return Figure("nav", "The pool's share", text, data, layout, height=480)


def surface(result: RunResult, summary: Summary) -> Figure | None:
    """Smiles of every expiry as they stood on chain, at the moments that were kept."""
    moments = [kept for kept in result.record.surfaces if kept.expiries]
    if not moments:
        return None
    slots = max(len(kept.expiries) for kept in moments)
    data = [
        trace
        for i, kept in enumerate(moments)
        for trace in _smiles(kept, slots, visible=i == len(moments) - 1)
    ]
    near = [_at_the_money(kept.expiries[0]) for kept in moments]
    text = (
        f"Implied volatility on chain by strike, one line an expiry, at {len(moments)} moments "
        f"(move the slider); at the money the nearest expiry went from "
        f"{words.percent(near[0], digits=1)} to {words.percent(near[-1], digits=1)}."
    )
    layout: Json = {
        "xaxis": {"title": {"text": "strike over forward, %"}, "ticksuffix": " %"},
        "yaxis": {"title": {"text": "implied volatility, %"}},
        "hovermode": "closest",
        "sliders": [_slider(moments, slots)],
        "margin": {"b": 110},
    }
    return Figure("surface", "Volatility surface", text, data, layout, height=500)


@dataclass(frozen=True, slots=True)
class _Mark:
    """One traded leg on the price chart."""

    when: int
    strike: float
    call: bool
    size: float
    notional: float
    hover: str

    @classmethod
    def of(cls, trade: TradeRecord, instrument_id: int, size: float) -> _Mark:
        series = Instrument.from_id(instrument_id)
        right = "call" if series.is_call else "put"
        costs = " · ".join(
            f"{name} {words.money(value)}"
            for name, value in (
                ("mark", trade.mark),
                ("impact", trade.impact),
                ("spread", trade.spread),
                ("fee", trade.fee),
            )
        )
        hover = (
            f"{'buys' if size > 0 else 'sells'} {abs(size):.3g} × "
            f"{words.day(series.expiry)} {series.strike:g} {right}<br>"
            f"{'pays' if trade.cash >= 0 else 'receives'} {words.money(abs(trade.cash))} "
            f"({len(trade.legs)} leg{'s' if len(trade.legs) > 1 else ''})<br>{costs}"
        )
        notional = abs(size) * trade.spot
        return cls(trade.timestamp, series.strike, series.is_call, size, notional, hover)


def _marks(marks: Sequence[_Mark]) -> list[Json]:
    largest = max((mark.notional for mark in marks), default=1.0)
    kinds = [(buy, call) for buy in (True, False) for call in (True, False)]
    return [
        _mark_trace([m for m in marks if (m.size > 0, m.call) == kind], *kind, largest=largest)
        for kind in kinds
    ]


def _mark_trace(marks: Sequence[_Mark], buy: bool, call: bool, *, largest: float) -> Json:
    area = [_SMALLEST + (_LARGEST - _SMALLEST) * (m.notional / largest) ** 0.5 for m in marks]
    color = _BUY if buy else _SELL
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{'buys' if buy else 'sells'} {'calls' if call else 'puts'}",
        "x": [mark.when * 1_000 for mark in marks],
        "y": [mark.strike for mark in marks],
        "hovertext": [mark.hover for mark in marks],
        "hoverinfo": "text",
        "marker": {
            "symbol": f"triangle-{'up' if buy else 'down'}{'' if call else '-open'}",
            "size": [round(size, 1) for size in area],
            "color": f"{color}/99" if call else color,
            "line": {"width": 1.2 if not call else 0.0, "color": color},
        },
    }


def _settlements(record: RunRecord) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "settled",
        "x": [expiry_timestamp(day) * 1_000 for day, _ in record.expiries],
        "y": [price for _, price in record.expiries],
        "hovertemplate": "settled at $%{y:,.2f}<extra></extra>",
        "marker": {
            "symbol": "diamond",
            "size": 10,
            "color": "@card",
            "line": {"color": "@ink", "width": 1.6},
        },
    }


def _verticals(record: RunRecord) -> list[Json]:
    return [
        {
            "type": "line",
            "x0": expiry_timestamp(day) * 1_000,
            "x1": expiry_timestamp(day) * 1_000,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "layer": "below",
            "line": {"color": "@muted", "width": 1, "dash": "dot"},
        }
        for day, _ in record.expiries
    ]


def _smiles(kept: Surface, slots: int, *, visible: bool) -> list[Json]:
    """As many traces at every moment, so that the slider switches blocks of one length."""
    rows = [_smile(expiry, i, visible=visible) for i, expiry in enumerate(kept.expiries)]
    blank = {"type": "scatter", "x": [], "y": [], "showlegend": False, "visible": visible}
    return rows + [blank] * (slots - len(rows))


def _smile(expiry: ExpirySurface, slot: int, *, visible: bool) -> Json:
    life = _life(expiry)
    width = _WIDTH * _at_the_money(expiry) * float(np.sqrt(life))
    k = np.linspace(-width, width, 61)
    vols = implied_vol(k=k, svi=expiry.svi, years=life)
    row = line(
        [round(100.0 * float(value), 3) for value in np.exp(k)],
        100.0 * vols,
        name=words.day(expiry_timestamp(expiry.day)),
        color=SERIES[slot % len(SERIES)],
        width=2.0,
        hovertemplate="%{x:.1f} % → %{y:.1f} %<extra>%{fullData.name}</extra>",
    )
    return {**row, "visible": visible}


def _life(expiry: ExpirySurface) -> float:
    return years(expiry_timestamp(expiry.day) - expiry.timestamp)


def _at_the_money(expiry: ExpirySurface) -> float:
    return float(implied_vol(k=0.0, svi=expiry.svi, years=_life(expiry)))


def _slider(moments: Sequence[Surface], slots: int) -> Json:
    count = len(moments)
    return {
        "active": count - 1,
        "pad": {"t": 50},
        "bgcolor": "@line",
        "activebgcolor": "@s1",
        "bordercolor": "@muted",
        "tickcolor": "@muted",
        "x": 0.06,
        "len": 0.88,
        "currentvalue": {"prefix": "on chain at "},
        "steps": [
            {
                "label": words.moment(kept.timestamp),
                "method": "restyle",
                "args": ["visible", [j // slots == i for j in range(count * slots)]],
            }
            for i, kept in enumerate(moments)
        ],
    }
