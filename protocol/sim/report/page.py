"""The page: figures, numbers and plotly's script in one HTML file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from protocol.sim.record_io import write_atomically
from protocol.sim.report import informed, liquidation, market, profit, risk, words
from protocol.sim.report.figure import Figure, Json
from protocol.sim.result import RunResult
from protocol.sim.summary import Summary, summarise

FIGURES: tuple[Callable[[RunResult, Summary], Figure | None], ...] = (
    market.price,
    market.nav,
    informed.traders,
    liquidation.liquidations,
    profit.waterfall,
    profit.attribution,
    risk.delta,
    risk.hedging,
    profit.flows,
    market.surface,
    risk.reserve,
    profit.system,
    risk.seeds,
    risk.refusals,
    risk.ledger,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A number at the top of the page; `tone` is good, bad or nothing."""

    label: str
    value: str
    note: str
    tone: str = ""


def write_report(result: RunResult, path: Path) -> Path:
    """Write the page; it appears whole or not at all. Raises `DataError` where it cannot."""
    write_atomically(path, render(result).encode())
    return path


def render(result: RunResult) -> str:
    """The page of a result: needs no network and no other file."""
    summary = summarise(result)
    figures = [made for make in FIGURES if (made := make(result, summary)) is not None]
    loader = Environment(
        loader=PackageLoader("protocol.sim.report", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return loader.get_template("page.html").render(
        title=f"{summary.run.scenario} · {summary.run.underlying}",
        lead=_lead(summary),
        tiles=_tiles(summary),
        figures=figures,
        components=[(words.name(name), part) for name, part in summary.pnl.components.items()],
        numbers=_flat(summary.json()),
        parameters=result.parameters,
        words=words,
        figures_json=_script_json({figure.key: _drawn(figure) for figure in figures}),
        plotly=Markup(get_plotlyjs()),
    )


def _lead(summary: Summary) -> str:
    run = summary.run
    return (
        f"{words.moment(run.start)} to {words.moment(run.end)} UTC · prices: {run.source} · "
        f"seed {run.seed} · {run.engine} chain · {'hedged' if run.hedged else 'not hedged'}"
    )


def _tiles(summary: Summary) -> list[Tile]:
    pool, pnl, system = summary.pool, summary.pnl, summary.system
    sound = summary.ledger.imbalance == 0 and summary.ledger.shortfall == 0
    return [
        Tile(
            "Pool share",
            words.percent(pool.total_return, sign=True),
            f"drawdown {words.percent(pool.max_drawdown)}",
            _tone(pool.total_return),
        ),
        Tile(
            "Pool P&L",
            words.money(pnl.net, sign=True),
            f"on NAV of {words.money(pool.nav)}",
            _tone(pnl.net),
        ),
        Tile(
            "System P&L",
            words.money(system.pnl, sign=True),
            "both pools and insurance",
            _tone(system.pnl),
        ),
        Tile("Variance left", _ratio(summary), "hourly P&L, hedged / unhedged"),
        Tile("Residual", words.percent(pnl.residual_share), "of all P&L components"),
        Tile(
            "Trades",
            words.count(summary.trades),
            f"{words.count(summary.refused)} refused · "
            f"{words.plural(summary.expiries, 'expiry')} settled",
        ),
        Tile(
            "Chain",
            words.count(summary.chain.transactions),
            f"transactions · {words.short(summary.chain.gas)} gas · {summary.wall_s:.0f} s",
        ),
        Tile(
            "Ledger",
            "balanced" if sound else "broken",
            f"off by {summary.ledger.imbalance} and {summary.ledger.shortfall} wei",
            "good" if sound else "bad",
        ),
    ]


def _ratio(summary: Summary) -> str:
    value = summary.hedge.variance_ratio
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else f"{value.median:.3f}"


def _tone(amount: float) -> str:
    return "good" if amount >= 0 else "bad"


def _drawn(figure: Figure) -> Json:
    return {"data": figure.data, "layout": figure.layout}


def _script_json(content: Json) -> Markup:
    """JSON that cannot end the script element it is put into."""
    return Markup(
        json.dumps(content, separators=(",", ":"), allow_nan=False)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
    )


def _flat(content: Json, prefix: str = "") -> list[tuple[str, str]]:
    """Nested keys joined by dots, as `--json` names them; lists and causes have tables."""
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, dict) and key not in ("components", "refusals", "run"):
            rows += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            rows.append((f"{prefix}{key}", f"{value:,}" if isinstance(value, int) else _six(value)))
    return rows


def _six(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 1_000 else f"{value:.6g}"
