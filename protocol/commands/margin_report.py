"""Margins as tables, JSON and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from protocol.commands.console import print_note, print_table
from protocol.commands.margins import Found
from protocol.errors import DataError
from protocol.risk.stress import VOL_NAMES, Stress
from protocol.risk.table import Row, Study

_BAR = 40


def rows_json(rows: Sequence[Row], *, source: str, study: Study) -> dict[str, Any]:
    """The efficiency table with what it was made of."""
    return {
        "rows": [asdict(row) for row in rows],
        "unit": "USD of equity",
        "spot": study.desk.spot,
        "vol": study.desk.vol,
        "paths": study.paths,
        "seed": study.seed,
        "history": source,
        "vol_model": study.model.describe(),
    }


def account_json(found: Found) -> dict[str, Any]:
    """The twin's figures and, under `chain`, the contract's."""
    asked = found.margin
    return {
        "account": found.title,
        "cash": found.portfolio.cash,
        "equity": asked.equity,
        "initial": asked.initial,
        "maintenance": asked.maintenance,
        "initial_headroom": asked.initial_headroom,
        "maintenance_headroom": asked.maintenance_headroom,
        "sound": asked.is_sound,
        "positions": _positions(found),
        "worst": [
            {
                "underlying": found.symbols[risk.underlying],
                "scenario": asked.scenarios.name(risk.worst),
                "profit": float(risk.values[risk.worst]) - risk.value,
                "contingencies": asdict(risk.contingencies),
            }
            for risk in asked.risks
        ],
        "chain": None if found.chain is None else asdict(found.chain),
        "differences": found.differences,
        "notes": list(found.notes),
    }


def show_account(found: Found) -> None:
    """Positions, then margin as a bar, then the contract's answer."""
    asked, rows = found.margin, _positions(found)
    typer.echo(f"account {found.title}")
    if not rows and not found.portfolio.cash:
        typer.echo("nothing here: no cash, no positions; accounts of an address are ADDRESS/INDEX")
        return
    cells = [(r["name"], f"{r['size']:g}", _usd(r["value"]), _usd(r["worst"])) for r in rows]
    print_table(
        ("position", "size", "value", "worst case"),
        [*cells, ("cash", "", _usd(found.portfolio.cash), "")],
    )
    for risk in asked.risks:
        extra = risk.contingencies
        typer.echo(
            f"worst for {found.symbols[risk.underlying]}: {asked.scenarios.name(risk.worst)}; "
            f"contingencies {_usd(extra.total)}"
        )
    typer.echo(_bar(asked.equity, asked.maintenance, asked.initial))
    ours = (asked.equity, asked.initial, asked.maintenance)
    said = found.chain
    columns = [("here", *map(_usd, ours))]
    if said is not None:
        columns.append(("on chain", *map(_usd, (said.equity, said.initial, said.maintenance))))
    print_table(("USD", "equity", "initial", "maintenance"), columns)
    typer.echo(
        f"headroom: {_usd(asked.initial_headroom)} to new risk, "
        f"{_usd(asked.maintenance_headroom)} to liquidation"
    )
    _show_notes(found)


def stress_json(tables: Sequence[Stress], found: Found) -> dict[str, Any]:
    """Every scenario of every underlying, with the margin they lead to."""
    return {
        **account_json(found),
        "stress": [
            {**asdict(table), "underlying": found.symbols[table.underlying], "vols": VOL_NAMES}
            for table in tables
        ],
    }


def show_stress(tables: Sequence[Stress], found: Found) -> None:
    """P&L by move of spot and vol, then far moves and tilts as they count."""
    for table in tables:
        symbol = found.symbols[table.underlying]
        print_table(
            (f"{symbol} vol", *(f"{move:+.1%}" for move in table.moves)),
            [
                (name, *(f"{cell:,.0f}" for cell in row))
                for name, row in zip(VOL_NAMES, table.grid, strict=True)
            ],
        )
        cells = [(cell.name, _usd(cell.profit)) for cell in (*table.tails, *table.tilts)]
        print_table(("as it counts", "USD"), cells)
        extra = sum(table.contingencies.values())
        typer.echo(
            f"spot {table.spot:,.2f}; worst: {table.worst}, {_usd(table.worst_profit)}; "
            f"contingencies {_usd(extra)}"
        )
    asked = found.margin
    typer.echo(f"maintenance {_usd(asked.maintenance)}, initial {_usd(asked.initial)}")
    if found.chain is not None:
        said = found.chain
        typer.echo(f"on chain: {_usd(said.maintenance)}, {_usd(said.initial)}")
    _show_notes(found)


def write_heat_map(tables: Sequence[Stress], found: Found, out: Path) -> None:
    """One page with a heat map for each underlying; needs no network.

    Raises
    ------
    DataError
        Where the file cannot be written.
    """
    from plotly import graph_objects
    from plotly.subplots import make_subplots

    titles = [f"{found.symbols[t.underlying]}: P&L, USD; worst {t.worst}" for t in tables]
    page = make_subplots(rows=max(1, len(tables)), cols=1, subplot_titles=titles)
    for at, table in enumerate(tables, 1):
        page.add_trace(
            graph_objects.Heatmap(
                x=[f"{move:+.1%}" for move in table.moves],
                y=[f"vol {name}" for name in VOL_NAMES],
                z=table.grid,
                text=[[_usd(cell) for cell in row] for row in table.grid],
                texttemplate="%{text}",
                colorscale="RdBu",
                zmid=0.0,
                showscale=False,
            ),
            row=at,
            col=1,
        )
    try:
        page.write_html(out, include_plotlyjs=True)
    except OSError as error:
        raise DataError(f"cannot write {out} ({error}); choose another with --out") from error


def _positions(found: Found) -> list[dict[str, Any]]:
    """Each position with its value and its part of the worst scenario's P&L."""
    rows = []
    for risk in found.margin.risks:
        underlying = risk.underlying
        options = found.portfolio.options(underlying)
        values = [*risk.marks.tolist()]
        names = [found.name(held.instrument) for held in options]
        sizes = [held.size for held in options]
        posted = sum(c.tokens for c in found.portfolio.collateral if c.underlying == underlying)
        symbol = found.symbols[underlying]
        entries = zip(
            [*names, f"{symbol}-PERP", f"{symbol} posted"],
            [*sizes, found.portfolio.perp(underlying), posted],
            values,
            risk.contributions.tolist(),
            strict=True,
        )
        rows += [
            {"name": name, "size": size, "value": value, "worst": worst}
            for name, size, value, worst in entries
            if size
        ]
    return rows


def _show_notes(found: Found) -> None:
    for note in found.notes:
        print_note(note)
    for name, share in found.differences.items():
        said = getattr(found.chain, name)
        ours = getattr(found.margin, name)
        typer.secho(
            f"warning: {name} is {said:,.9f} on chain and {ours:,.9f} here, {share:.1e} apart",
            fg="yellow",
        )


def _bar(equity: float, maintenance: float, initial: float) -> str:
    """Equity as a bar with M and I where the margins lie."""
    scale = max(equity, initial, maintenance, 1e-9)
    cells = ["█" if (i + 0.5) / _BAR <= equity / scale else "░" for i in range(_BAR)]
    for mark, level in (("I", initial), ("M", maintenance)):
        cells[min(_BAR - 1, int(level / scale * _BAR))] = mark
    return f"0 {''.join(cells)} {_usd(scale)}   █ equity, M maintenance, I initial"


def _usd(value: float) -> str:
    return f"{value:,.2f}"
