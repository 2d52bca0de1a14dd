"""`vomma deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from protocol.commands.console import Json, Rpc, print_json, print_table, progress


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: vomma deploy --rpc http://127.0.0.1:8546")(deploy)


def deploy(
    scenario: Annotated[
        Path | None, typer.Option(help="Market to open; else scenarios/replay.yaml.")
    ] = None,
    rpc: Rpc = None,
    as_json: Json = False,
) -> None:
    """Put every contract on a devnet, let the scenario's LPs in and list the first expiries.

    The devnet's first three accounts get dollars, in the ledger and in their wallets, and test
    ether to post. The clock stands still: `vomma devnet wait` moves it.
    """
    from protocol.chain.artifacts import ROOT
    from protocol.clients.deploy import CONTRACTS
    from protocol.commands.market import open_market
    from protocol.commands.network import open_devnet
    from protocol.config import load_scenario

    chosen = load_scenario(scenario or ROOT / "scenarios" / "replay.yaml")
    chain = open_devnet(rpc)
    done: list[str] = []
    with progress("deploying", quiet=as_json) as tick:

        def step(name: str) -> None:
            done.append(name)
            tick(len(done), max(len(done), len(CONTRACTS) + 1))

        world = open_market(chain, chosen, progress=step)
    book = {"chain_id": chain.chain_id, **world.system.addresses()}
    if as_json:
        print_json(book)
        return
    rows = list(world.system.contracts().items())
    market = world.market
    rows += [
        (f"{market.symbol} {name}", getattr(market, name).address)
        for name in ("amm", "perp", "options_vault", "perp_vault", "collateral")
    ]
    print_table(("contract", "address"), rows)
    typer.echo("next: `vomma quote` shows what is listed")
