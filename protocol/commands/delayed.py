"""Delayed orders: what `vomma trade --delayed` sends, and `vomma execute`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol.commands.console import Account, Json, Keystore, Rpc, Send, print_json
from protocol.errors import InputError
from protocol.types import Leg, account_id
from protocol.units import from_wad, to_wad

if TYPE_CHECKING:
    from protocol.clients.delayed import Order
    from protocol.clients.system import System


def commit_order(
    system: System,
    market: str,
    legs: Sequence[Leg],
    limit: int,
    *,
    bounty: float | None,
    sender: str,
    as_json: bool,
) -> None:
    """Approve once, commit, and show the order as `vomma execute` reads it.

    Raises
    ------
    InputError
        For a bounty below the least.
    """
    from protocol.clients.ledger import SCOPE_TRADE
    from protocol.commands.network import explained

    orders, account = system.delayed, account_id(int(sender, 16))
    least = orders.terms().min_bounty
    paid = least if bounty is None else to_wad(bounty)
    if paid < least:
        raise InputError("bounty", bounty, bound=f"at least {from_wad(least):g}")
    with explained():
        if not system.ledger.may(account, orders.address, SCOPE_TRADE):
            system.ledger.set_operator(account, orders.address, SCOPE_TRADE, sender=sender)
        receipt = orders.commit(market, account, legs, limit, bounty=paid, sender=sender)
    ((number, order),) = orders.committed(receipt)
    if as_json:
        print_json({"id": number, "order": order._asdict(), "gas": receipt.gas_used})
    else:
        life = order.expires_at - order.committed_at
        typer.echo(
            f"committed as order {number}: {receipt.gas_used:,} gas, {receipt.tx_hash}\n"
            f"it executes at the next price within {life:,} s, or its bounty comes back"
        )


def execute(
    order: Annotated[Path, typer.Argument(help="What `vomma trade --delayed --json` printed.")],
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Execute a delayed order for its bounty, or send the bounty back once it has expired."""
    from protocol.commands.network import explained, open_system

    number, committed = _read(order)
    system, sender = open_system(rpc, account=account, keystore=keystore, unlock=send)
    expired = system.chain.timestamp > committed.expires_at
    action = "refund" if expired else "execute"
    content: dict[str, Any] = {
        "id": number,
        "open": system.delayed.is_open(number),
        "action": action,
        "bounty": from_wad(committed.bounty),
        "sent": send,
    }
    if send:
        step = system.delayed.refund if expired else system.delayed.execute
        with explained():
            receipt = step(number, committed, sender=sender)
        content |= {"tx": receipt.tx_hash, "gas": receipt.gas_used}
    if as_json:
        print_json(content)
        return
    state = "open" if content["open"] else "not open"
    typer.echo(f"order {number} is {state}; {action}, bounty {content['bounty']:g}")
    typer.echo(f"sent: {content['gas']:,} gas" if send else "nothing was sent; add --send")


def _read(path: Path) -> tuple[int, Order]:
    from protocol.clients.delayed import Order

    try:
        content = json.loads(path.read_text())
        fields = content["order"]
        legs = tuple((int(instrument), int(size)) for instrument, size in fields["legs"])
        return int(content["id"]), Order(**{**fields, "legs": legs})
    except (OSError, ValueError, KeyError, TypeError) as fault:
        step = "save what `vomma trade --delayed --send --json` prints"
        raise InputError("order", str(path), bound="a committed order", step=step) from fault
