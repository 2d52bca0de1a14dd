"""`vomma lp deposit | redeem | claim | status`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol.commands.console import Account, Json, Keystore, Rpc, Send, print_json, print_table
from protocol.errors import InputError
from protocol.units import from_wad, to_token_down, to_wad

if TYPE_CHECKING:
    from pathlib import Path

    from protocol.chain.base import Receipt
    from protocol.clients.markets import LiquidityVault
    from protocol.clients.system import System

app = typer.Typer(help="Put money into a pool and take it out.", no_args_is_help=True)

Pool = Annotated[str, typer.Option(help="Which pool: options or perp.")]
Symbol = Annotated[str, typer.Option(help="Underlying of the pool.")]
Amount = Annotated[float, typer.Argument(min=0.0)]

_MAX_REQUESTS = 32  # of each kind in one processing


@dataclass(frozen=True, slots=True)
class Desk:
    """One LP at one vault."""

    system: System
    vault: LiquidityVault
    lp: str

    def tokens(self, amount: float) -> int:
        return to_token_down(to_wad(amount), decimals=self.system.token.decimals())

    def state(self) -> dict[str, float]:
        """Token amounts and shares as numbers."""
        unit = 10 ** self.system.token.decimals()
        vault, lp = self.vault, self.lp
        return {
            "wallet": self.system.token.balance_of(lp) / unit,
            "shares": from_wad(vault.balance_of(lp)),
            "pending_deposit": vault.pending_deposit(lp) / unit,
            "claimable_deposit": vault.claimable_deposit(lp) / unit,
            "pending_redeem": from_wad(vault.pending_redeem(lp)),
            "claimable_assets": vault.max_withdraw(lp) / unit,
            "ripe_in_seconds": self.ripe_in(),
        }

    def ripe_in(self) -> float:
        """Seconds until the oldest request may be served; 0 where one may, or there is none."""
        waiting = [ripe for ripe in self.vault.ripe_at() if ripe]
        return float(max(0, min(waiting) - self.system.chain.timestamp)) if waiting else 0.0


def _desk(
    symbol: str, pool: str, rpc: str | None, account: int, keystore: Path | None, *, send: bool
) -> Desk:
    from protocol.commands.network import open_system

    if pool not in ("options", "perp"):
        raise InputError("--pool", pool, bound="options or perp")
    system, lp = open_system(rpc, account=account, keystore=keystore, unlock=send)
    market = system.market(symbol.upper())
    return Desk(system, market.options_vault if pool == "options" else market.perp_vault, lp)


@app.command(epilog="Example: vomma lp deposit 10000 --send")
def deposit(
    amount: Amount,
    symbol: Symbol = "ETH",
    pool: Pool = "options",
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Ask to come in with AMOUNT dollars; served after a delay, at the NAV of then."""
    desk = _desk(symbol, pool, rpc, account, keystore, send=send)
    tokens, held = desk.tokens(amount), desk.system.token.balance_of(desk.lp)
    if not 0 < tokens <= held:
        raise InputError("amount", amount, bound=f"above 0 and at most {desk.state()['wallet']:,}")

    def act() -> Receipt:
        desk.system.token.approve(desk.vault.address, tokens, sender=desk.lp)
        return desk.vault.request_deposit(tokens, desk.lp, sender=desk.lp)

    _do(desk, f"ask to deposit ${amount:,.2f}", act, send=send, as_json=as_json)


@app.command(epilog="Example: vomma lp redeem 500 --send")
def redeem(
    shares: Amount,
    symbol: Symbol = "ETH",
    pool: Pool = "options",
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Ask to leave with SHARES; served after a delay, at NAV less the risk left behind."""
    desk = _desk(symbol, pool, rpc, account, keystore, send=send)
    asked, held = to_wad(shares), desk.vault.balance_of(desk.lp)
    if not 0 < asked <= held:
        raise InputError("shares", shares, bound=f"above 0 and at most {from_wad(held):,}")

    def act() -> Receipt:
        return desk.vault.request_redeem(asked, desk.lp, sender=desk.lp)

    _do(desk, f"ask to redeem {shares:,.2f} shares", act, send=send, as_json=as_json)


@app.command(epilog="Example: vomma lp claim --send")
def claim(
    symbol: Symbol = "ETH",
    pool: Pool = "options",
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Have ripe requests served, then take what is ready: shares, dollars or both."""
    desk = _desk(symbol, pool, rpc, account, keystore, send=send)
    _do(desk, "serve what is ripe and claim", lambda: _claim(desk), send=send, as_json=as_json)


@app.command(epilog="Example: vomma lp status --pool perp --json")
def status(
    symbol: Symbol = "ETH",
    pool: Pool = "options",
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    as_json: Json = False,
) -> None:
    """What an LP has in a pool, and what waits."""
    _show(_desk(symbol, pool, rpc, account, keystore, send=False), {}, as_json=as_json)


def _claim(desk: Desk) -> Receipt | None:
    vault, lp = desk.vault, desk.lp
    last = None
    if any(vault.ripe_at()) and desk.ripe_in() == 0.0:
        last = vault.process(_MAX_REQUESTS, sender=lp)
    if assets := vault.claimable_deposit(lp):
        last = vault.deposit(assets, lp, lp, sender=lp)
    if paid := vault.max_withdraw(lp):
        last = vault.withdraw(paid, lp, lp, sender=lp)
    return last


def _do(
    desk: Desk, what: str, act: Callable[[], Receipt | None], *, send: bool, as_json: bool
) -> None:
    from protocol.commands.network import explained

    if not send:
        if not as_json:
            typer.echo(f"would {what}; nothing was sent, add --send")
        _show(desk, {"sent": False}, as_json=as_json)
        return
    with explained():
        receipt = act()
    if not as_json:
        typer.echo(f"sent: {what}" if receipt else "nothing is ready yet")
    _show(desk, {"sent": receipt is not None}, as_json=as_json)


def _show(desk: Desk, extra: dict[str, Any], *, as_json: bool) -> None:
    state = desk.state()
    if as_json:
        print_json({**extra, **state})
    else:
        rows = [(name.replace("_", " "), f"{value:,.2f}") for name, value in state.items()]
        print_table(("", "amount"), rows)
