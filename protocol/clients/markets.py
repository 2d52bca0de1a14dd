"""Clients of the markets: the options AMM, its pricer, the perp, their vaults and the fees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protocol.chain.base import Receipt
from protocol.clients.base import Contract
from protocol.types import Leg

FOREVER = 2**64 - 1  # a deadline for callers whose clock does not move while they send
NO_LIMIT = 2**255 - 1


class Quote(NamedTuple):
    """WAD; `cash` is what the taker pays all in (negative: receives)."""

    cash: int
    mark: int
    impact: int
    spread: int
    fee: int


class Risk(NamedTuple):
    """Net Greeks of a pool in WAD: delta in units, the rest in cash (see IOptionPricer)."""

    delta: int
    vega: int
    gamma: int
    reserve: int


class ExpiryBook(NamedTuple):
    """The pool in one expiry, as of its last refresh plus the trades since."""

    day: int
    spot: int
    refreshed_at: int
    bound: int
    strike_step: int
    reserve: int
    delta: int
    vega: int
    gamma: int
    value: int


class Valuation(NamedTuple):
    """A pool at mark, and what of it belongs to those who will take the risk off."""

    nav: int
    risk: int
    depth: int
    free_cash: int


class OptionPricer(Contract):
    """Prices from what it is handed."""

    def mark(self, instrument: int, spot: int, words: Sequence[int]) -> int:
        return int(self._call("mark", instrument, spot, list(words)))


class OptionsAMM(Contract):
    """The options pool of one underlying."""

    @property
    def pool(self) -> int:
        """The pool's account in the ledger."""
        return int(self.address, 16) << 96

    def quote(self, account: int, legs: Sequence[Leg]) -> Quote:
        return Quote(*self._call("quote", account, _rows(legs)))

    def trade(
        self,
        account: int,
        legs: Sequence[Leg],
        *,
        sender: str,
        limit_cash: int = NO_LIMIT,
        deadline: int = FOREVER,
    ) -> Receipt:
        return self._send("trade", account, _rows(legs), limit_cash, deadline, sender=sender)

    def refresh(self, day: int, *, sender: str, receiver: int = 0) -> Receipt:
        """`receiver` is the account that gets the bounty of a refresh that was due."""
        return self._send("refresh", day, receiver, sender=sender)

    def list_expiry(self, day: int, strike_step: int, *, sender: str) -> Receipt:
        """`strike_step` in 1e-4 units of the quote token."""
        return self._send("list_expiry", day, strike_step, sender=sender)

    def close_expiry(self, day: int, *, sender: str) -> Receipt:
        return self._send("close_expiry", day, sender=sender)

    def hedge(
        self, size: int, limit_price: int, *, sender: str, deadline: int = FOREVER
    ) -> Receipt:
        return self._send("hedge", size, limit_price, deadline, sender=sender)

    def set_vault(self, vault: str, *, sender: str) -> Receipt:
        return self._send("set_vault", vault, sender=sender)

    def valuation(self) -> Valuation:
        return Valuation(*self._call("valuation"))

    def risk(self) -> Risk:
        return Risk(*self._call("risk"))

    def depth(self) -> int:
        return int(self._call("depth"))

    def expiries(self) -> list[ExpiryBook]:
        return [ExpiryBook(*row) for row in self._call("expiries")]


def _rows(legs: Sequence[Leg]) -> list[tuple[int, int]]:
    return [(leg.instrument.id, leg.size) for leg in legs]


class PerpMarket(Contract):
    """The perpetual of one underlying against its LP pool. Sizes are WAD units of it."""

    @property
    def pool(self) -> int:
        """The pool's account in the ledger."""
        return int(self.address, 16) << 96

    def trade(
        self,
        account: int,
        size: int,
        limit_price: int,
        *,
        sender: str,
        deadline: int = FOREVER,
    ) -> Receipt:
        return self._send("trade", account, size, limit_price, deadline, sender=sender)

    def realise(self, account: int, *, sender: str) -> Receipt:
        return self._send("realise", account, sender=sender)

    def quote(self, account: int, size: int) -> tuple[int, int]:
        """(payment on top of index * size, fee)."""
        payment, fee = self._call("quote", account, size)
        return int(payment), int(fee)

    def unrealised(self, account: int, size: int) -> int:
        return int(self._call("unrealised", account, size))

    def unrealised_at(self, account: int, size: int, index: int) -> int:
        """The same at an index, for an account with a position."""
        return int(self._call("unrealised_at", account, size, index))

    def scale(self) -> int:
        """Skew at which the premium of the next unit is the whole index."""
        return int(self._call("params")[0])

    def skew(self) -> int:
        return int(self._call("skew"))

    def funding(self) -> tuple[int, int]:
        """(rate a year, index in cash per unit)."""
        rate, index = self._call("funding")
        return int(rate), int(index)

    def set_vault(self, vault: str, *, sender: str) -> Receipt:
        return self._send("set_vault", vault, sender=sender)

    def valuation(self) -> Valuation:
        return Valuation(*self._call("valuation"))


class LiquidityVault(Contract):
    """Shares of one pool (ERC-7540). Assets are token units, shares have 18 decimals."""

    def request_deposit(self, assets: int, controller: str, *, sender: str) -> Receipt:
        return self._send("requestDeposit", assets, controller, sender, sender=sender)

    def request_redeem(self, shares: int, controller: str, *, sender: str) -> Receipt:
        return self._send("requestRedeem", shares, controller, sender, sender=sender)

    def process(self, max_requests: int, *, sender: str) -> Receipt:
        return self._send("process", max_requests, sender=sender)

    def release_overdue(self, max_requests: int, *, sender: str) -> Receipt:
        """The guardian's `process` of redemptions overdue, past the liquidity floor."""
        return self._send("release_overdue", max_requests, sender=sender)

    def cancel_request(self, kind: int, place: int, *, sender: str) -> Receipt:
        """Takes back a request overdue: kind 1 a deposit, 2 a redemption, 3 a small one."""
        return self._send("cancel_request", kind, place, sender=sender)

    def places(self, kind: int) -> tuple[int, int]:
        """(place of the oldest request of a kind, place of the next to come)."""
        head, tail = self._call("places", kind)
        return int(head), int(tail)

    def request_at(self, kind: int, place: int) -> tuple[str, int, int]:
        """(controller, amount left, when it is ripe)."""
        controller, amount, ready_at = self._call("request_at", kind, place)
        return str(controller), int(amount), int(ready_at)

    def deposit(self, assets: int, receiver: str, controller: str, *, sender: str) -> Receipt:
        """Claims the shares of processed deposits."""
        return self._send("deposit", assets, receiver, controller, sender=sender)

    def withdraw(self, assets: int, receiver: str, controller: str, *, sender: str) -> Receipt:
        """Claims the assets of processed redemptions."""
        return self._send("withdraw", assets, receiver, controller, sender=sender)

    def pending_deposit(self, controller: str) -> int:
        return int(self._call("pendingDepositRequest", 0, controller))

    def claimable_deposit(self, controller: str) -> int:
        return int(self._call("claimableDepositRequest", 0, controller))

    def pending_redeem(self, controller: str) -> int:
        return int(self._call("pendingRedeemRequest", 0, controller))

    def claimable_redeem(self, controller: str) -> int:
        """Shares."""
        return int(self._call("claimableRedeemRequest", 0, controller))

    def max_withdraw(self, controller: str) -> int:
        """Assets to claim."""
        return int(self._call("maxWithdraw", controller))

    def balance_of(self, who: str) -> int:
        return int(self._call("balanceOf", who))

    def total_supply(self) -> int:
        return int(self._call("totalSupply"))

    def ripe_at(self) -> tuple[int, int]:
        """When the oldest (deposit, redemption) may be processed; 0 without one."""
        deposit, redemption = self._call("ripe_at")
        return int(deposit), int(redemption)

    def account(self) -> int:
        """The ledger account in which assets wait."""
        return int(self._call("ACCOUNT"))


class FeeSchedule(Contract):
    """Rates and splits per path."""

    def push(self, path: int, venue: str, *, sender: str) -> Receipt:
        return self._send("push", path, venue, sender=sender)
