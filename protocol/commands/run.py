"""`vomma run`, `vomma demo`, `vomma report`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from protocol.commands.console import Json, print_json, progress

if TYPE_CHECKING:
    from protocol.commands.replaying import Request
    from protocol.sim.result import RunResult

# what replays, draws and fits loads slowly: `vomma --help` must not wait for it

_DATES = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: vomma run scenarios/replay.yaml --seeds 30 --json")(run)
    app.command(epilog="Example: vomma demo")(demo)
    app.command(epilog="Example: vomma report reports/replay-7/record.json.gz")(report)


def run(
    scenario: Annotated[Path, typer.Argument(help="Scenario file, YAML.")],
    prices: Annotated[
        Path | None, typer.Option(help="Klines to replay (CSV, may be .gz) instead of a model.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option("--from", formats=_DATES, help="First day of the klines.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=_DATES, help="Last day, included.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of flow and model path; else the scenario's.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from --seed on.")] = 1,
    engine: Annotated[str, typer.Option(help="Chain to run on: embedded or rpc.")] = "embedded",
    hedge: Annotated[bool, typer.Option(help="Whether the keeper hedges.")] = True,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Folder for report and record.")] = None,
    report: Annotated[bool, typer.Option(help="Whether to write them.")] = True,
) -> None:
    """Replay a scenario: a market, its traders and the keeper, on a chain.

    A hedged run is compared with the same market unhedged; --no-hedge runs only the latter.
    """
    from protocol.commands.replaying import ask
    from protocol.config import load_scenario

    request = ask(
        load_scenario(scenario),
        prices=prices,
        start=start.date() if start else None,
        end=end.date() if end else None,
        seed=seed,
        seeds=seeds,
        engine=engine,
        hedge=hedge,
    )
    _run(request, out=out, report=report, as_json=as_json)


def demo(
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Folder for report and record.")] = None,
) -> None:
    """Replay a month of a seeded market and write its report."""
    from protocol.chain.artifacts import ROOT
    from protocol.commands.replaying import ask
    from protocol.config import load_scenario

    request = ask(load_scenario(ROOT / "scenarios" / "replay.yaml"))
    _run(request, out=out, report=True, as_json=as_json)


def report(
    record: Annotated[Path, typer.Argument(help="The record.json.gz a run wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="The page; else report.html beside the record.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rebuild the report of a run from its record."""
    from protocol.commands.replaying import REPORT
    from protocol.sim.record_io import load_result
    from protocol.sim.report.page import write_report

    result = load_result(record)
    page = write_report(result, out or record.with_name(REPORT))
    _show(result, (page,), as_json=as_json)


def _run(request: Request, *, out: Path | None, report: bool, as_json: bool) -> None:
    from protocol.commands import replaying
    from protocol.config import Settings

    folder = out or Settings().reports / f"{request.scenario.name}-{request.seed}"
    if report:
        replaying.writable(folder)
    with progress(f"replaying {request.scenario.name}", quiet=as_json) as tick:
        result = replaying.run(request, tick)
    paths = replaying.write(result, folder)[:1] if report else ()
    _show(result, paths, as_json=as_json)


def _show(result: RunResult, paths: tuple[Path, ...], *, as_json: bool) -> None:
    from protocol.sim.report.screen import screen
    from protocol.sim.summary import summarise

    summary = summarise(result)
    if as_json:
        print_json({**summary.json(), "report": str(paths[0]) if paths else None})
    else:
        Console().print(screen(summary, paths))
