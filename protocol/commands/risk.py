"""`vomma risk table | account | stress`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from protocol.commands.console import Json, Rpc, print_json, print_note, print_table, progress
from protocol.errors import InputError

app = typer.Typer(help="Margin: of accounts, in scenarios, in history.", no_args_is_help=True)

_DATES = ["%Y-%m-%d"]
_COLUMNS = ("vomma", "initial", "worst_999", "worst_999_24h", "deribit_pm", "deribit_standard")
_TITLES = ("maint.", "initial", "12 h", "24 h", "PM", "standard")

Who = Annotated[str, typer.Argument(help="Account: an address, or ADDRESS/INDEX.")]


@app.command(epilog="Example: vomma risk table --prices ETHUSDT_1h.csv.gz --from 2018-01-01")
def table(
    prices: Annotated[
        Path | None, typer.Option(help="Klines (CSV, may be .gz); else a seeded model's.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option("--from", formats=_DATES, help="First day of the klines.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=_DATES, help="Last day, included.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Life of the options.")] = 30,
    far: Annotated[int, typer.Option(min=2, max=730, help="The calendar's far life.")] = 90,
    delta: Annotated[float, typer.Option(help="Of the wings, above 0 and below 0.5.")] = 0.25,
    vol: Annotated[float, typer.Option(min=0.05, max=4.0, help="At the money, a year.")] = 0.65,
    spot: Annotated[float, typer.Option(min=1.0, max=1_000_000.0, help="USD.")] = 2_000.0,
    paths: Annotated[int, typer.Option(min=1_000, help="Of the bootstrap.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    as_json: Json = False,
) -> None:
    """Equity that well-known positions need: here, by other rules, and against history.

    Without a price file the history is a seeded model's seven years, which is no market.
    """
    from protocol.commands.margin_report import rows_json
    from protocol.commands.price_history import history_of
    from protocol.parameters import MarginParameters
    from protocol.risk.bootstrap import VolModel
    from protocol.risk.positions import Desk, standard_positions
    from protocol.risk.table import Study, compare

    if not 0.0 < delta < 0.5:
        raise InputError("--delta", delta, bound="above 0 and below 0.5")
    if far <= days:
        raise InputError("--far", far, bound=f"above --days, {days}")
    history, source = history_of(
        prices, start and start.date(), end and end.date(), spot=spot, seed=seed
    )
    desk, model = Desk(spot=spot, vol=vol), VolModel()
    study = Study(history, MarginParameters(), desk, model, paths, seed)
    positions = standard_positions(desk, days=days, far=far, delta=delta)
    with progress("positions", quiet=as_json) as tick:
        rows = compare(study, positions, tick=tick)
    if as_json:
        print_json(rows_json(rows, source=source, study=study))
        return
    cells = [(r.name, *(f"{getattr(r, c):,.1f}" for c in _COLUMNS), f"{r.full:,.0f}") for r in rows]
    print_table(("USD of equity", *_TITLES, "full"), cells)
    for note in (
        f"Of one contract each: spot {spot:,.2f}, vol {vol:.0%}, {days} days (calendar: {far}), "
        f"wings at {100 * delta:g} delta.",
        "maint. and initial: Vomma's, the worst scenario and contingencies. PM and standard: "
        "Deribit's. full: each short covered by itself.",
        f"12 h and 24 h: losses that 99.9 % of {paths:,} stretches, drawn from the prices, do not "
        "exceed, if nobody hedges and nothing trades.",
        f"prices: {source}",
        f"vol: {model.describe()}",
    ):
        print_note(note)


@app.command(epilog="Example: vomma risk account 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266/0")
def account(who: Who, rpc: Rpc = None, as_json: Json = False) -> None:
    """Positions, equity, margin and headroom of an account, from the chain."""
    from protocol.commands.margin_chain import read_account
    from protocol.commands.margin_report import account_json, show_account
    from protocol.commands.margins import parse_account
    from protocol.commands.network import open_reader

    number = parse_account(who)
    found = read_account(open_reader(rpc), number, title=who)
    if as_json:
        print_json(account_json(found))
    else:
        show_account(found)


@app.command(epilog="Example: vomma risk stress --file positions.yaml --out stress.html")
def stress(
    who: Annotated[
        str | None, typer.Option("--account", help="An address, or ADDRESS/INDEX.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="YAML or JSON: market, cash, ether, positions.")
    ] = None,
    rpc: Rpc = None,
    out: Annotated[Path | None, typer.Option(help="HTML heat map to write.")] = None,
    as_json: Json = False,
) -> None:
    """P&L of a portfolio in every scenario it is margined by.

    A file reads: {market: {spot: 2000, vol: 0.65, date: 2024-01-01}, cash: 500,
    positions: [ETH-26JAN24-2000-P:-1, ETH-PERP:-0.4]}
    """
    from protocol.commands.margin_chain import read_account
    from protocol.commands.margin_report import show_stress, stress_json, write_heat_map
    from protocol.commands.margins import parse_account, read_file
    from protocol.commands.network import open_reader
    from protocol.risk.stress import stress as stressed

    if (who is None) == (file is None):
        raise InputError("source", None, bound="one of --account and --file", step="pass one")
    if file is not None:
        found = read_file(file)
    else:
        number = parse_account(who or "")
        found = read_account(open_reader(rpc), number, title=who or "")
    tables = stressed(found.margin)
    if out is not None:
        write_heat_map(tables, found, out)
    if as_json:
        print_json(stress_json(tables, found))
    else:
        show_stress(tables, found)
        if out is not None:
            typer.echo(f"wrote {out}")
