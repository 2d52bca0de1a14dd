"""`vomma quote` and `vomma trade`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol.commands.console import Account, Json, Keystore, Rpc, Send, print_json, print_table
from protocol.commands.delayed import commit_order, execute
from protocol.commands.series import day_name, parse_leg, series_name
from protocol.errors import InputError
from protocol.types import STRIKE_STEPS, Leg, account_id
from protocol.units import expiry_timestamp, from_wad, to_wad, years

if TYPE_CHECKING:
    from protocol.clients.markets import Quote
    from protocol.clients.system import Market, System

Delayed = Annotated[
    bool, typer.Option("--delayed", help="Commit now, trade at the next price the feed reports.")
]
Bounty = Annotated[
    float | None,
    typer.Option(min=0.0, help="With --delayed: native token for who executes; else the least."),
]
Legs = Annotated[list[str], typer.Argument(help="Legs like ETH-26JAN24-2600-C:2, at most 4.")]


@dataclass(frozen=True, slots=True)
class Package:
    """Legs of one market, and who wants them."""

    market: Market
    legs: tuple[Leg, ...]
    account: int

    def names(self) -> list[str]:
        symbol = self.market.symbol
        return [
            f"{series_name(symbol, leg.instrument)}:{from_wad(leg.size):g}" for leg in self.legs
        ]

    def quote(self) -> Quote:
        from protocol.commands.network import explained

        with explained():
            return self.market.amm.quote(self.account, self.legs)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: vomma quote ETH-26JAN24-2600-C:2 ETH-26JAN24-2800-C:-2")(quote)
    app.command(epilog="Example: vomma trade ETH-26JAN24-2600-C:2 --send")(trade)
    app.command(epilog="Example: vomma execute order.json --send")(execute)


def quote(
    legs: Legs = [],  # noqa: B006  typer copies it
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    as_json: Json = False,
) -> None:
    """What the AMM asks for a package; without legs, what is listed."""
    from protocol.commands.network import open_system

    system, sender = open_system(rpc, account=account, keystore=keystore)
    if not legs:
        _show_listed(system, as_json=as_json)
        return
    package = _package(system, legs, sender)
    _show_quote(package, package.quote(), as_json=as_json)


def trade(
    legs: Legs,
    slippage: Annotated[
        float, typer.Option(min=0.0, help="Most paid above the quote, % of it.")
    ] = 0.5,
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    delayed: Delayed = False,
    bounty: Bounty = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Trade a package with the AMM, at the quoted price or refuse."""
    from protocol.commands.network import explained, open_system

    system, sender = open_system(rpc, account=account, keystore=keystore, unlock=send)
    package = _package(system, legs, sender)
    asked = package.quote()
    limit = asked.cash + to_wad(abs(from_wad(asked.cash)) * slippage / 100.0)
    if not send:
        _show_quote(package, asked, as_json=as_json, sent=False)
        return
    if delayed:
        amm = package.market.amm.address
        commit_order(
            system, amm, package.legs, limit, bounty=bounty, sender=sender, as_json=as_json
        )
        return
    with explained():
        receipt = package.market.amm.trade(
            package.account, package.legs, sender=sender, limit_cash=limit
        )
    left = from_wad(system.ledger.cash(package.account))
    if as_json:
        content = _quote_json(package, asked)
        print_json(
            {
                **content,
                "sent": True,
                "tx": receipt.tx_hash,
                "gas": receipt.gas_used,
                "cash_left": left,
            }
        )
    else:
        _show_quote(package, asked, as_json=False)
        typer.echo(f"sent: {receipt.gas_used:,} gas, {receipt.tx_hash}; cash left ${left:,.2f}")


def _package(system: System, words: Sequence[str], sender: str) -> Package:
    underlyings = {market.symbol: market.underlying for market in system.markets}
    parsed = [parse_leg(word, underlyings) for word in words]
    symbols = {symbol for symbol, _ in parsed}
    if len(symbols) != 1 or len(parsed) > 4:
        raise InputError("legs", " ".join(words), bound="1 to 4 legs of one underlying")
    legs = tuple(leg for _, leg in parsed)
    return Package(system.market(symbols.pop()), legs, account_id(int(sender, 16)))


def _quote_json(package: Package, asked: Quote) -> dict[str, Any]:
    return {
        "legs": package.names(),
        **{name: from_wad(value) for name, value in asked._asdict().items()},
    }


def _show_quote(package: Package, asked: Quote, *, as_json: bool, sent: bool | None = None) -> None:
    content = _quote_json(package, asked)
    if as_json:
        print_json(content if sent is None else {**content, "sent": sent})
        return
    typer.echo("  ".join(package.names()))
    rows = [(name, f"{content[name]:,.4f}") for name in ("mark", "impact", "spread", "fee")]
    end = "you pay" if asked.cash >= 0 else "you receive"
    rows.append((end, f"{abs(content['cash']):,.4f}"))
    print_table(("", "USD"), rows)
    if sent is False:
        typer.echo("nothing was sent; add --send to trade")


def _show_listed(system: System, *, as_json: bool) -> None:
    rows = [row for market in system.markets for row in _listed(system, market)]
    if as_json:
        print_json({"listed": rows})
        return
    print_table(
        ("expiry", "days", "spot", "vol at the money", "strikes every"),
        [
            (
                f"{row['underlying']}-{row['expiry']}",
                f"{row['days']:.1f}",
                f"{row['spot']:,.2f}",
                f"{100 * row['vol']:.1f} %",
                f"{row['strike_step']:g}",
            )
            for row in rows
        ],
    )


def _listed(system: System, market: Market) -> list[dict[str, Any]]:
    from protocol.surface.svi import implied_vol

    spot = from_wad(system.oracle.last_good(market.underlying).price)
    now, rows = system.chain.timestamp, []
    for book in market.amm.expiries():
        smile = system.surface.expiry(market.underlying, book.day)
        if smile is None:
            continue
        life = years(expiry_timestamp(book.day) - smile.timestamp)
        rows.append(
            {
                "underlying": market.symbol,
                "expiry": day_name(book.day),
                "days": (expiry_timestamp(book.day) - now) / 86_400,
                "spot": spot,
                "vol": float(implied_vol(k=0.0, svi=smile.svi, years=life)),
                "strike_step": book.strike_step / STRIKE_STEPS,
            }
        )
    return rows
