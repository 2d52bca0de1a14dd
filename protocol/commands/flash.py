"""`vomma flash`: borrow within one transaction and give back; what custody and vaults do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol.commands.console import Account, Json, Keystore, Rpc, Send, print_json, print_table
from protocol.errors import ChainError, InputError
from protocol.units import from_wad, to_token_down, to_wad

if TYPE_CHECKING:
    from protocol.clients.collateral import FlashLender
    from protocol.clients.ledger import Token
    from protocol.clients.system import System

CUSTODY = "dollars"
RECEIVER = "FlashRoundTrip"


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan that may be made."""

    lender: FlashLender
    token: Token
    borrower: str
    amount: int  # smallest units, as all here
    fee: int
    available: int
    wallet: int

    def numbers(self) -> dict[str, float]:
        unit = 10 ** self.token.decimals()
        found = {"amount": self.amount, "fee": self.fee}
        found |= {"available": self.available, "wallet": self.wallet}
        return {name: value / unit for name, value in found.items()}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: vomma flash 250000 --send; vomma flash --status --json")(flash)


def flash(
    amount: Annotated[float | None, typer.Argument(min=0.0, help="Tokens to borrow.")] = None,
    of: Annotated[
        str, typer.Option(help="What: dollars of the ledger, or a market's token, such as ETH.")
    ] = CUSTODY,
    receiver: Annotated[
        str | None, typer.Option(help="Borrowing contract; else the example is deployed.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Say what is at work, lend nothing.")] = (
        False
    ),
    rpc: Rpc = None,
    account: Account = 0,
    keystore: Keystore = None,
    send: Send = False,
    as_json: Json = False,
) -> None:
    """Borrow AMOUNT tokens within one transaction and give them back; the fee is yours to pay.

    A borrowing contract has `run(lender, token, amount)`, as contracts/examples/FlashRoundTrip.vy:
    it takes the fee from the wallet that calls.
    """
    from protocol.commands.network import open_system

    system, sender = open_system(rpc, account=account, keystore=keystore, unlock=send)
    if status:
        _print_status(system, as_json=as_json)
        return
    if amount is None:
        raise InputError("amount", "missing", bound="tokens to borrow", step="or pass --status")
    loan = _loan(system, of, amount, sender)
    if receiver is not None:
        _check_receiver(system, receiver)
    found: dict[str, Any] = {"sent": send, "of": of, "receiver": receiver, **loan.numbers()}
    if send:
        found |= _borrow(system, loan, receiver)
    if as_json:
        print_json(found)
    else:
        _print_loan(found)


def _loan(system: System, of: str, amount: float, borrower: str) -> Loan:
    """
    Raises
    ------
    InputError
        Where so much is not there, or the wallet cannot pay the fee.
    """
    lender, token = _lender(system, of)
    tokens = to_token_down(to_wad(amount), decimals=token.decimals())
    fee, wallet = lender.flash_fee(token.address, tokens), token.balance_of(borrower)
    loan = Loan(lender, token, borrower, tokens, fee, lender.max_flash_loan(token.address), wallet)
    numbers = loan.numbers()
    if not loan.available:
        step = "`vomma flash --status` shows what is held"
        raise InputError("amount", amount, bound=f"0: no {of} is there to lend", step=step)
    if not 0 < tokens <= loan.available:
        raise InputError("amount", amount, bound=f"above 0 and at most {numbers['available']:,}")
    if wallet < fee:
        step = f"the wallet holds {numbers['wallet']:,}"
        raise InputError("fee", numbers["fee"], bound="at most what is in the wallet", step=step)
    return loan


def _check_receiver(system: System, receiver: str) -> None:
    """
    Raises
    ------
    InputError
        For what is no contract: a call to it would do nothing and look well.
    """
    digits = receiver.lower().removeprefix("0x")
    if len(digits) != 40 or set(digits) - set("0123456789abcdef"):
        raise InputError("--receiver", receiver, bound="an address", step="or leave it out")
    if not system.chain.code(receiver):
        step = "leave it out to have the example deployed"
        raise InputError("--receiver", receiver, bound="a contract's address", step=step)


def _lender(system: System, of: str) -> tuple[FlashLender, Token]:
    from protocol.clients.ledger import Token

    if of == CUSTODY:
        return system.custody, system.token
    vault = system.market(of.upper()).collateral
    return vault, Token(system.chain, vault.asset(), system.token.abi)


def _borrow(system: System, loan: Loan, receiver: str | None) -> dict[str, Any]:
    from protocol.chain.artifacts import Artifacts
    from protocol.clients.base import AnyContract, deploy_contract
    from protocol.commands.network import explained

    artifact = Artifacts()[RECEIVER]
    at = receiver or deploy_contract(system.chain, artifact, sender=loan.borrower)
    borrower = AnyContract(system.chain, at, artifact.abi)
    before = loan.lender.flash_lent()
    with explained():
        loan.token.approve(at, loan.fee, sender=loan.borrower)
        terms = loan.lender.address, loan.token.address, loan.amount
        receipt = borrower.send("run", *terms, sender=loan.borrower)
    if loan.lender.flash_lent() < before + loan.amount:
        raise ChainError(f"{at} took the call and borrowed less than it was told to; is it one?")
    return {"receiver": at, "gas": receipt.gas_used}


def _print_loan(found: dict[str, Any]) -> None:
    lent, of, fee = found["amount"], found["of"], found["fee"]
    if found["sent"]:
        typer.echo(f"borrowed {lent:,} {of} for {fee:,} through {found['receiver']}")
        typer.echo(f"gas {found['gas']:,}")
        return
    at = found["receiver"] or f"a new {RECEIVER}"
    typer.echo(f"would borrow {lent:,} {of} of {found['available']:,} for {fee:,}, through {at};")
    typer.echo("nothing was sent, add --send")


def utilisation(system: System) -> dict[str, dict[str, float]]:
    """What custody and every collateral vault have, and how much of it works; tokens as numbers."""
    from protocol.units import WAD

    unit = 10 ** system.token.decimals()
    held, owed = system.custody.held() / unit, from_wad(system.ledger.debt())
    lent = system.custody.flash_lent() / unit
    found = {
        CUSTODY: {
            "held": held,
            "owed": owed,
            "utilisation": owed / (held + owed) if held + owed else 0.0,
            "flash_rate": system.custody.flash_rate() / WAD,
            "flash_lent": lent,
        }
    }
    for market in system.markets:
        vault, row = market.collateral, market.collateral.utilisation()
        found[market.symbol] = {
            "held": from_wad(row.held),
            "cap": from_wad(row.cap),
            "cap_used": row.held / row.cap if row.cap else 0.0,
            "utilisation": row.posted / row.supply if row.supply else 0.0,
            "flash_rate": vault.flash_rate() / WAD,
            "flash_lent": from_wad(row.lent),
        }
    return found


def _print_status(system: System, *, as_json: bool) -> None:
    found = utilisation(system)
    if as_json:
        print_json(found)
        return
    for name, row in found.items():
        shown = {"utilisation", "flash_rate", "cap_used"}
        rows = [
            (key.replace("_", " "), f"{value:.2%}" if key in shown else f"{value:,.2f}")
            for key, value in row.items()
        ]
        print_table((name, ""), rows)
