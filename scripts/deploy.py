"""`ape run deploy`: a whole funded market on the devnet ape is connected to; prints where it is.

ape run deploy --network ethereum:local:foundry
"""

from __future__ import annotations

from pathlib import Path

import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand

from protocol.chain.artifacts import ROOT, Artifacts
from protocol.chain.rpc import DevnetChain
from protocol.config import load_scenario
from protocol.sim.opening import open_devnet

SCENARIO = ROOT / "scenarios" / "replay.yaml"


@click.command(cls=ConnectedProviderCommand)
@click.option("--scenario", default=SCENARIO, type=click.Path(path_type=Path), show_default=True)
def cli(provider: ProviderAPI, scenario: Path) -> None:
    """Deploy the contracts, let LPs in, list the first expiries."""
    chain = DevnetChain(provider.http_uri or "")
    system = open_devnet(chain, Artifacts(), load_scenario(scenario)).system
    for name, address in system.contracts().items():
        click.echo(f"{name:14} {address}")
    for market in system.markets:
        click.echo(f"{market.symbol + ' amm':14} {market.amm.address}")
        click.echo(f"{market.symbol + ' perp':14} {market.perp.address}")
