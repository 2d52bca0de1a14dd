"""What commands share: JSON out, tables, progress on stderr, settings of every option."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Tick = Callable[[int, int], None]
_WIDE = 1_000  # columns: more than any table has

Json = Annotated[bool, typer.Option("--json", help="Print numbers as JSON, nothing else.")]
Rpc = Annotated[str | None, typer.Option(help="Node; else the running devnet, else VOMMA_RPC_URL.")]
Account = Annotated[int, typer.Option(min=0, max=9, help="Which of the devnet's accounts acts.")]
Keystore = Annotated[
    Path | None, typer.Option(help="Encrypted key that acts, on other networks than the devnet.")
]
Send = Annotated[bool, typer.Option("--send", help="Send it; without, only say what would be.")]


def print_json(content: Any) -> None:
    """JSON on stdout, for other programs."""
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """First column names, the others numbers, which no terminal is too narrow for."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for i, title in enumerate(header):
        table.add_column(title, justify="right" if i else "left", no_wrap=i > 0)
    for row in rows:
        table.add_row(*row)
    wide = Console(width=_WIDE)
    needed = Measurement.get(wide, wide.options, table).minimum
    Console(width=max(needed, Console().width)).print(table)


def print_note(text: str) -> None:
    """A paragraph, wrapped at words."""
    Console().print(text, markup=False, highlight=False)


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Tick]:
    """A bar on stderr, fed by (done, of); silent where nobody looks."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    off = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=off) as bar:
        task = bar.add_task(label, total=None)

        def tick(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield tick
