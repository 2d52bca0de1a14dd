"""Clients of the ledger and what it stands on: cash, positions, custody, settlement, margin."""

from __future__ import annotations

from protocol.chain.base import Receipt
from protocol.clients.base import Contract

TRADE, CASH, EXPIRY = 1, 2, 4  # rights of a venue
SCOPE_TRADE, SCOPE_WITHDRAW, SCOPE_ALL = 1, 2, 3  # scopes of an operator


class AccessManager(Contract):
    """Roles and the pause level."""

    def grant_role(self, role: bytes, who: str, *, sender: str) -> Receipt:
        return self._send("grantRole", role, who, sender=sender)

    def has_role(self, role: bytes, who: str) -> bool:
        return bool(self._call("hasRole", role, who))

    def set_ledger(self, ledger: str, *, sender: str) -> Receipt:
        return self._send("set_ledger", ledger, sender=sender)

    def set_pause_level(self, level: int, *, sender: str) -> Receipt:
        return self._send("set_pause_level", level, sender=sender)


class Token(Contract):
    """An ERC-20; `mint` is there on test tokens only."""

    def balance_of(self, who: str) -> int:
        return int(self._call("balanceOf", who))

    def decimals(self) -> int:
        return int(self._call("decimals"))

    def approve(self, spender: str, amount: int, *, sender: str) -> Receipt:
        return self._send("approve", spender, amount, sender=sender)

    def mint(self, receiver: str, amount: int, *, sender: str) -> Receipt:
        return self._send("mint", receiver, amount, sender=sender)


class Custody(Contract):
    """The quote token held for the ledger."""

    def token(self) -> str:
        return str(self._call("token"))

    def unit(self) -> int:
        """WAD per smallest token unit."""
        return int(self._call("unit"))

    def held(self) -> int:
        """Smallest token units."""
        return int(self._call("held"))


class Clearinghouse(Contract):
    """The ledger. Cash and sizes are WAD, accounts `owner << 96 | index`."""

    def deposit(self, account: int, tokens: int, *, sender: str) -> Receipt:
        return self._send("deposit", account, tokens, sender=sender)

    def withdraw(self, account: int, tokens: int, receiver: str, *, sender: str) -> Receipt:
        return self._send("withdraw", account, tokens, receiver, sender=sender)

    def transfer_cash(self, source: int, target: int, amount: int, *, sender: str) -> Receipt:
        return self._send("transfer_cash", source, target, amount, sender=sender)

    def set_operator(self, account: int, operator: str, scope: int, *, sender: str) -> Receipt:
        return self._send("set_operator", account, operator, scope, sender=sender)

    def set_venue(self, venue: str, rights: int, *, sender: str) -> Receipt:
        return self._send("set_venue", venue, rights, sender=sender)

    def open_pool(self, account: int, *, sender: str) -> Receipt:
        return self._send("open_pool", account, sender=sender)

    def may(self, account: int, who: str, scope: int) -> bool:
        """Whether somebody may act for an account."""
        return bool(self._call("may", account, who, scope))

    def cash(self, account: int) -> int:
        return int(self._call("cash", account))

    def position(self, account: int, instrument: int) -> int:
        return int(self._call("position", account, instrument))

    def portfolio(self, account: int) -> dict[int, int]:
        """Instrument -> size, of an account that is not a pool."""
        instruments, sizes = self._call("portfolio", account)
        return dict(zip(instruments, sizes, strict=True))

    def pool_positions(self, account: int, underlying: int, day: int) -> dict[int, int]:
        """Instrument -> size of a pool in one expiry; day 0 is the perp."""
        instruments, sizes = self._call("pool_positions", account, underlying, day)
        return dict(zip(instruments, sizes, strict=True))

    def reserves(self) -> tuple[int, int]:
        """(insurance, treasury)."""
        insurance, treasury = self._call("reserves")
        return int(insurance), int(treasury)


class ExpirySettlement(Contract):
    """Settlement prices, and paying expired series at them."""

    def take_print(self, underlying: int, day: int, *, sender: str) -> Receipt:
        return self._send("take_print", underlying, day, sender=sender)

    def settle_account(self, account: int, *, sender: str) -> Receipt:
        return self._send("settle_account", account, sender=sender)

    def settle_pool(self, account: int, underlying: int, day: int, *, sender: str) -> Receipt:
        return self._send("settle_pool", account, underlying, day, sender=sender)

    def settlement_price(self, underlying: int, day: int) -> int:
        return int(self._call("settlement_price", underlying, day))


class RiskEngine(Contract):
    """Equity and margin of positions handed to it."""

    def assess(self, account: int, cash: int, positions: dict[int, int]) -> tuple[int, int, int]:
        """(equity, initial margin, maintenance margin)."""
        ids, sizes = list(positions), list(positions.values())
        equity, initial, maintenance = self._call("assess", account, cash, ids, sizes)
        return int(equity), int(initial), int(maintenance)

    def set_perp(self, underlying: int, market: str, *, sender: str) -> Receipt:
        return self._send("set_perp", underlying, market, sender=sender)
