"""`vomma devnet up | down | status`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol.commands.console import Json, print_json

if TYPE_CHECKING:
    from protocol.chain.devnet import Devnet

app = typer.Typer(help="A local anvil for trying things out.", no_args_is_help=True)


@app.command(epilog="Example: vomma devnet up --port 8546")
def up(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where it listens.")] = 8545,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the state kept on disk.")] = False,
    as_json: Json = False,
) -> None:
    """Start it in the background; one that runs already is left alone."""
    from protocol.chain import devnet

    running = devnet.start(port=port, fresh=fresh)
    if running.port != port:
        typer.echo(f"one runs already, on port {running.port}, not {port}", err=True)
    _show(running, as_json=as_json)


@app.command(epilog="Example: vomma devnet down")
def down(as_json: Json = False) -> None:
    """Stop it; its state stays on disk."""
    from protocol.chain import devnet

    stopped = devnet.stop()
    if as_json:
        print_json({"stopped": stopped})
    else:
        typer.echo("devnet stopped; its state is kept" if stopped else "no devnet was running")


@app.command(epilog="Example: vomma devnet status --json")
def status(as_json: Json = False) -> None:
    """Whether it runs, where, and how far its chain is."""
    from protocol.chain import devnet

    running = devnet.status()
    if running is not None:
        _show(running, as_json=as_json)
    elif as_json:
        print_json({"running": False})
    else:
        typer.echo("no devnet is running; `vomma devnet up` starts one")


@app.command(epilog="Example: vomma devnet wait 3600")
def wait(
    seconds: Annotated[int, typer.Argument(min=1, help="How long.")],
    as_json: Json = False,
) -> None:
    """Move its clock on at a still price; feeds and snapshots are made fresh."""
    from protocol.chain.artifacts import Artifacts
    from protocol.chain.devnet import read_addresses
    from protocol.clients.system import system_at
    from protocol.commands.market import pass_time
    from protocol.commands.network import open_devnet

    chain = open_devnet(None)
    pass_time(system_at(chain, Artifacts(), read_addresses(chain.chain_id)), chain, seconds)
    if as_json:
        print_json({"timestamp": chain.timestamp})
    else:
        now = datetime.fromtimestamp(chain.timestamp, UTC)
        typer.echo(f"{seconds:,} s later: {now:%Y-%m-%d %H:%M:%S} UTC")


def _show(running: Devnet, *, as_json: bool) -> None:
    from protocol.chain.rpc import RpcChain

    block = RpcChain(running.url).block_number
    content: dict[str, Any] = {
        "running": True,
        "url": running.url,
        "block": block,
        **asdict(running),
    }
    if as_json:
        print_json(content)
    else:
        typer.echo(
            f"devnet at {running.url}: chain {running.chain_id}, block {block:,}, pid {running.pid}"
        )
