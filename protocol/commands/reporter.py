"""`vomma reporter run | enable`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocol.commands.console import Account, Json, Keystore, Rpc, Send, print_json

if TYPE_CHECKING:
    from protocol.chain.accounts import Keyring
    from protocol.commands.reporting import Round

app = typer.Typer(help="Vouch for prices of pull feeds, and post them.", no_args_is_help=True)

PASSWORD = "VOMMA_REPORTER_PASSWORD"
Symbol = Annotated[str, typer.Option(help="Whose price.")]


@app.command(epilog="Example: vomma reporter run --price 2500 --vol 0.7 --every 5 --live")
def run(
    price: Annotated[
        float | None, typer.Option(min=0.0, help="Price to report, the first one with --vol.")
    ] = None,
    vol: Annotated[float, typer.Option(min=0.0, help="Of a random path from --price.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of that path.")] = 0,
    klines: Annotated[
        Path | None, typer.Option(help="Klines (CSV, may be .gz): one close a round.")
    ] = None,
    symbol: Symbol = "ETH",
    floor: Annotated[
        float, typer.Option(min=0.0, max=0.1, help="Least half-width, a fraction of the price.")
    ] = 0.0003,
    widening: Annotated[
        float, typer.Option(min=0.0, max=100.0, help="Deviations of spot's moves added to it.")
    ] = 3.0,
    max_age: Annotated[
        int, typer.Option(min=1, max=600, help="Seconds for which venues trade at the price.")
    ] = 30,
    every: Annotated[int, typer.Option(min=1, max=600, help="Seconds between rounds.")] = 10,
    once: Annotated[bool, typer.Option("--once", help="One round.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Post; without, only say what would be posted.")
    ] = False,
    signer: Annotated[
        list[Path] | None,
        typer.Option(
            help="Keystore of a signer, as often as needed; else the devnet's keys. "
            f"Passwords from {PASSWORD}, or asked for."
        ),
    ] = None,
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    as_json: Json = False,
) -> None:
    """Sign a price with as many keys as the oracle asks for and post it, round after round.

    Its half-width follows spot's volatility: whoever posts chooses among the prices young enough.
    A devnet's clock stands still: every live round moves it on by --every. Ctrl-C stops between
    or within rounds; nothing is kept, so it can be started again at any time.
    """
    from protocol.clients.reporter import Reporter
    from protocol.commands.network import explained, open_system
    from protocol.commands.reporting import Desk, Source
    from protocol.config import ConfidencePolicy
    from protocol.strategy.confidence import Confidence

    system, sender = open_system(rpc, account=account, keystore=keystore, unlock=live)
    reporter = Reporter(
        system.oracle,
        _keys(signer, system.chain.chain_id),
        underlying=system.market(symbol).underlying,
        sender=sender,
    )
    policy = ConfidencePolicy(floor=floor, widening=widening, max_age_seconds=max_age)
    source = Source(price, vol, seed, klines)
    desk = Desk(reporter, source, every, Confidence(policy, seconds=every), live)
    with explained():
        for done in desk.rounds(once=once):
            _show(symbol, done, as_json=as_json)


@app.command(epilog="Example: vomma reporter enable --signers 3 --threshold 2 --send")
def enable(
    symbol: Symbol = "ETH",
    signers: Annotated[
        int, typer.Option(min=1, max=10, help="How many of the devnet's accounts may sign.")
    ] = 3,
    threshold: Annotated[int, typer.Option(min=1, max=10, help="How many must.")] = 2,
    send: Send = False,
    rpc: Rpc = None,
    as_json: Json = False,
) -> None:
    """Let a devnet's market take signed prices instead of its test feed's.

    It has no price until the first one is posted.
    """
    from protocol.chain.accounts import Keyring
    from protocol.chain.artifacts import Artifacts
    from protocol.chain.devnet import read_addresses
    from protocol.clients.system import system_at
    from protocol.commands.network import open_devnet
    from protocol.commands.reporting import enable as enable_feed
    from protocol.errors import InputError

    if threshold > signers:
        raise InputError("threshold", threshold, bound=f"at most the {signers} signers")
    chain, keys = open_devnet(rpc), Keyring.dev(signers)
    system = system_at(chain, Artifacts(), read_addresses(chain.chain_id))
    system.market(symbol)
    if send:
        enable_feed(system, symbol=symbol, keys=keys, threshold=threshold)
    if as_json:
        row = {"symbol": symbol, "signers": keys.addresses, "threshold": threshold, "sent": send}
        print_json(row)
        return
    typer.echo(f"{symbol}: prices signed by {threshold} of {', '.join(keys.addresses)}")
    typer.echo(
        "next: `vomma reporter run --price 2500 --live`"
        if send
        else "nothing was sent; add --send to change the feed"
    )


def _keys(keystores: list[Path] | None, chain_id: int) -> Keyring:
    from protocol.chain.accounts import Keyring
    from protocol.chain.base import DEVNET_CHAIN_ID
    from protocol.errors import ConfigError

    if not keystores and chain_id != DEVNET_CHAIN_ID:
        raise ConfigError(f"chain {chain_id} is no devnet: pass the signers' keys with --signer")
    if not keystores:
        return Keyring.dev()
    password = os.environ.get(PASSWORD)
    return Keyring.from_keystores(
        {
            path: password or typer.prompt(f"password of {path}", hide_input=True, err=True)
            for path in keystores
        }
    )


def _show(symbol: str, done: Round, *, as_json: bool) -> None:
    row = {"symbol": symbol, **done.json()}
    if as_json:
        typer.echo(json.dumps(row, allow_nan=False))
        return
    what = (
        f"{symbol} {row['price']:,.4f} +- {100 * float(str(row['confidence'])):.3f} % "
        f"at {row['timestamp']}, {row['signatures']} signatures"
    )
    if not done.sent:
        typer.echo(f"would post {what}; add --live to post")
    elif done.taken:
        typer.echo(f"posted {what}: {done.gas:,} gas")
    else:
        typer.echo(f"passed over {what}: the oracle has a price as new")
