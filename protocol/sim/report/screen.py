"""The summary of a run on one screen: 80 columns, fewer than 24 lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from protocol.sim.report import words
from protocol.sim.summary import Ratio, Ratios, Summary

_CAUSES = 6  # by name; the residual always
_BAR = 26  # cells of the longest bar

Row = tuple[str, str]


def screen(summary: Summary, paths: Sequence[Path] = ()) -> RenderableType:
    """What a person wants to know first; `paths` of what was written come last."""
    parts: list[RenderableType] = [
        _head(summary),
        Text(),
        _columns(summary),
        Text(),
        _causes(summary),
        *_traders(summary),
        *_liquidations(summary),
        _foot(summary),
    ]
    return Group(*parts, *(Text(f"→ {path}", style="bold", overflow="fold") for path in paths))


def _head(summary: Summary) -> Text:
    run = summary.run
    text = Text(f"{run.scenario} · {run.underlying}", style="bold")
    text.append(
        f"  {words.day(run.start)} to {words.day(run.end)} · seed {run.seed} · {run.engine} chain"
        f"{'' if run.hedged else ' · not hedged'}\n",
        style="not bold",
    )
    text.append(
        f"{words.plural(summary.steps, 'step')} · {words.plural(summary.trades, 'trade')}, "
        f"{words.count(summary.refused)} refused · {words.plural(summary.hedge.hedges, 'hedge')} · "
        f"{words.plural(summary.expiries, 'expiry')} settled",
        style="not bold dim",
    )
    return text


def _columns(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 3), expand=False)
    columns = (_pool(summary), _variance(summary), _system(summary))
    for _ in columns:
        table.add_column()
    table.add_row(*(_column(title, rows) for title, rows in columns))
    return table


def _pool(summary: Summary) -> tuple[str, list[Row]]:
    pool = summary.pool
    return "Option pool", [
        ("NAV", words.money(pool.nav)),
        ("share", words.percent(pool.total_return, sign=True)),
        ("drawdown", words.percent(pool.max_drawdown)),
        ("holding", words.percent(pool.hold_return, sign=True)),
        ("utilised", words.percent(pool.max_utilisation, digits=1)),
    ]


def _variance(summary: Summary) -> tuple[str, list[Row]]:
    hedge = summary.hedge
    return "Variance left by hedging", [
        ("pool P&L", _ratio(hedge.variance_ratio)),
        ("its delta", _ratio(hedge.delta_variance_ratio)),
        ("system", _ratio(summary.system.variance_ratio)),
        ("cost", words.money(summary.flows.hedging_cost)),
        ("funding", words.money(summary.flows.funding, sign=True)),
    ]


def _system(summary: Summary) -> tuple[str, list[Row]]:
    system = summary.system
    return "Whole system", [
        ("P&L", words.money(system.pnl, sign=True)),
        ("option pool", words.money(system.option_pool, sign=True)),
        ("perp pool", words.money(system.perp_pool, sign=True)),
        ("insurance", words.money(system.insurance, sign=True)),
        ("treasury", words.money(system.treasury, sign=True)),
    ]


def _column(title: str, rows: Sequence[Row]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim")
    table.add_column(justify="right")
    for label, value in rows:
        table.add_row(label, value)
    whole = Table.grid()
    whole.add_row(Text(title, style="bold"))
    whole.add_row(table)
    return whole


def _causes(summary: Summary) -> Table:
    """Amounts and shares; the bar is the amount, the residual's too."""
    parts = summary.pnl.components
    names = sorted((n for n in parts if n != "residual"), key=lambda n: -parts[n].share)
    shown = [*names[:_CAUSES], "residual"]
    largest = max(abs(parts[name].amount) for name in shown) or 1.0
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", "left"):
        table.add_column(justify=justify)
    table.add_row(
        Text("P&L by cause", style="bold"),
        Text("amount", style="dim"),
        Text("of all moves", style="dim"),
        "",
    )
    for name in shown:
        part = parts[name]
        bar = "█" * round(_BAR * abs(part.amount) / largest)
        table.add_row(
            words.name(name),
            words.money(part.amount, sign=True),
            words.percent(part.share),
            Text(bar, style="green" if part.amount >= 0 else "red"),
        )
    return table


def _traders(summary: Summary) -> list[Text]:
    """What informed traders made of the market, with its defences and without."""
    return [
        Text(
            f"{words.name(name)}: {words.money(trader.pnl['with'], sign=True)} with the defences, "
            f"{words.money(trader.pnl['without'], sign=True)} without"
        )
        for name, trader in summary.informed.items()
    ]


def _liquidations(summary: Summary) -> list[Text]:
    """Who paid for accounts on margin that failed, where any did."""
    made = summary.liquidations
    if not made.flagged:
        return []
    paid = {name: getattr(made, name) for name in ("insurance", "pools", "haircut")}
    parts = [f"bidders {words.money(made.discount)}"]
    parts += [f"{name} {words.money(amount)}" for name, amount in paid.items()]
    if made.bad_debt:
        parts.append(f"open {words.money(made.bad_debt)}")
    return [Text(f"{words.count(made.flagged)} liquidated: {', '.join(parts)}")]


def _foot(summary: Summary) -> Text:
    worst = summary.ledger
    sound = not (worst.imbalance or worst.shortfall)
    text = Text("ledger balanced" if sound else "LEDGER BROKEN", style="green" if sound else "red")
    text.append(
        f": off by {worst.imbalance} and short of {worst.shortfall} wei · "
        f"{words.count(summary.chain.transactions)} txs, {words.short(summary.chain.gas)} gas, "
        f"{summary.wall_s:.1f} s",
        style="default",
    )
    return text


def _ratio(value: Ratio) -> str:
    if isinstance(value, Ratios):
        return f"{value.median:.3f} ≤ {value.maximum:.3f}"
    return "–" if value is None else f"{value:.4f}"
