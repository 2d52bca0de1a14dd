"""`vomma collateral post | take | status`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol.commands.console import Account, Json, Keystore, Rpc, Send, print_json, print_table
from protocol.errors import InputError
from protocol.types import account_id
from protocol.units import from_wad, to_token_down, to_wad

if TYPE_CHECKING:
    from pathlib import Path

    from protocol.chain.base import Receipt
    from protocol.clients.collateral import CollateralVault
    from protocol.clients.ledger import Token
    from protocol.clients.system import System

app = typer.Typer(help="Post tokens that count in an account's margin.", no_args_is_help=True)

Amount = Annotated[float, typer.Argument(min=0.0, help="Tokens.")]
Of = Annotated[str, typer.Option("--of", help="Underlying whose token it is.")]
Index = Annotated[int, typer.Option(min=0, help="Which of the address's ledger accounts.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """One owner at one vault."""

    system: System
    vault: CollateralVault
    token: Token
    owner: str
    account: int

    @property
    def unit(self) -> int:
        return int(10 ** self.token.decimals())

    @property
    def posted(self) -> int:
        """Shares in the account."""
        return self.system.ledger.position(self.account, self.vault.instrument())

    def tokens(self, amount: float) -> int:
        return to_token_down(to_wad(amount), decimals=self.token.decimals())

    def state(self) -> dict[str, float]:
        """Tokens and fractions as numbers."""
        terms, used = self.vault.terms(), self.vault.utilisation()
        _, haircut = self.system.risk_engine.collateral(self.vault.instrument())
        limit = from_wad(terms.cap) * from_wad(terms.account_share)
        return {
            "wallet": self.token.balance_of(self.owner) / self.unit,
            "posted": from_wad(self.vault.tokens_of(self.posted)),
            "account_limit": limit,
            "vault_room": max(0.0, from_wad(used.cap - used.held)),
            "haircut": from_wad(haircut),
        }


def _desk(
    of: str, index: int, rpc: str | None, account: int, keystore: Path | None, *, send: bool
) -> Desk:
    from protocol.clients.ledger import Token
    from protocol.commands.network import open_system

    system, owner = open_system(rpc, account=account, keystore=keystore, unlock=send)
    vault = system.market(of.upper()).collateral
    token = Token(system.chain, vault.asset(), system.token.abi)
    return Desk(system, vault, token, owner, account_id(int(owner, 16), index))


@app.command(epilog="Example: vomma collateral post 5 --send")
def post(
    amount: Amount,
    of: Of = "ETH",
    index: Index = 0,
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Post AMOUNT tokens from the wallet; they count at spot less a haircut."""
    desk = _desk(of, index, rpc, account, keystore, send=send)
    state = desk.state()
    tokens = desk.tokens(amount)
    rest = max(0.0, min(state["account_limit"] - state["posted"], state["vault_room"]))
    if not 0 < tokens <= desk.token.balance_of(desk.owner):
        raise InputError("amount", amount, bound=f"above 0 and at most {_wallet(state)}")
    if amount > rest:
        step = f"one account may post {state['account_limit']:,}"
        raise InputError("amount", amount, bound=f"at most {rest:,}", step=step)

    def act() -> Receipt:
        desk.token.approve(desk.vault.address, tokens, sender=desk.owner)
        return desk.vault.deposit_into(desk.account, tokens, sender=desk.owner)

    _do(desk, f"post {amount:,} {of.upper()}", act, send=send, as_json=as_json)


@app.command(epilog="Example: vomma collateral take 2 --send")
def take(
    amount: Amount,
    of: Of = "ETH",
    index: Index = 0,
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Take AMOUNT posted tokens back into the wallet, if margin holds without them."""
    from protocol.commands.network import explained

    desk = _desk(of, index, rpc, account, keystore, send=send)
    tokens, held = desk.tokens(amount), desk.posted
    most = desk.tokens(from_wad(desk.vault.tokens_of(held)))
    if not 0 < tokens <= most:
        raise InputError("amount", amount, bound=f"above 0 and at most {most / desk.unit:,} posted")
    shares = held if tokens == most else min(held, desk.vault.shares_for(tokens))
    with explained():
        desk.vault.try_take(desk.account, shares, desk.owner, sender=desk.owner)

    def act() -> Receipt:
        return desk.vault.take(desk.account, shares, desk.owner, sender=desk.owner)

    _do(desk, f"take {amount:,} {of.upper()}", act, send=send, as_json=as_json)


@app.command(epilog="Example: vomma collateral status --of ETH --json")
def status(
    of: Of = "ETH",
    index: Index = 0,
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    as_json: Json = False,
) -> None:
    """What is posted, and how much more may be."""
    _show(_desk(of, index, rpc, account, keystore, send=False), {}, as_json=as_json)


def _wallet(state: dict[str, float]) -> str:
    return f"the {state['wallet']:,} in the wallet"


def _do(desk: Desk, what: str, act: Callable[[], Receipt], *, send: bool, as_json: bool) -> None:
    from protocol.commands.network import explained

    sent: dict[str, Any] = {"sent": send}
    if send:
        with explained():
            receipt = act()
        sent |= {"tx": receipt.tx_hash, "gas": receipt.gas_used}
    if not as_json:
        typer.echo(f"sent: {what}" if send else f"would {what}; nothing was sent, add --send")
    _show(desk, sent, as_json=as_json)


def _show(desk: Desk, extra: dict[str, Any], *, as_json: bool) -> None:
    state = desk.state()
    if as_json:
        print_json({**extra, **state})
        return
    rows = [
        (name.replace("_", " "), f"{value:.2%}" if name == "haircut" else f"{value:,.4f}")
        for name, value in state.items()
    ]
    print_table(("", "tokens"), rows)
