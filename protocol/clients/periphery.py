"""Client of the Lens: bundled reads of one market or one account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protocol.chain.base import Receipt
from protocol.clients.base import Contract
from protocol.clients.markets import FOREVER, NO_LIMIT, ExpiryBook, Risk
from protocol.clients.oracle import Spot
from protocol.clients.signed_prices import Report
from protocol.types import Leg


class PoolView(NamedTuple):
    """A pool with the market around it; see ILens."""

    account: int
    cash: int
    depth: int
    risk: Risk
    hedge: int
    unrealised: int
    expiries: list[ExpiryBook]
    spot: Spot
    live: bool
    skew: int
    funding_rate: int
    funding_index: int


class AccountView(NamedTuple):
    """Cash, and instrument -> (size, mark)."""

    cash: int
    positions: dict[int, tuple[int, int]]


class Lens(Contract):
    """Bundled reads."""

    def pool(self, amm: str) -> PoolView:
        row = list(self._call("pool", amm))
        row[3] = Risk(*row[3])
        row[6] = [ExpiryBook(*book) for book in row[6]]
        row[7] = Spot(*row[7])
        return PoolView(*row)

    def account(self, account: int) -> AccountView:
        cash, ids, sizes, marks = self._call("account", account)
        pairs = zip(sizes, marks, strict=True)
        return AccountView(int(cash), dict(zip(ids, pairs, strict=True)))


class Batch(Contract):
    """Signed prices and a trade at them, in one transaction.

    The account's owner approves it once: `ledger.set_operator(account, batch, SCOPE_TRADE)`.
    """

    def trade_options(
        self,
        amm: str,
        reports: Sequence[Report],
        account: int,
        legs: Sequence[Leg],
        *,
        sender: str,
        limit_cash: int = NO_LIMIT,
        deadline: int = FOREVER,
    ) -> Receipt:
        rows = [report.row() for report in reports]
        package = [(leg.instrument.id, leg.size) for leg in legs]
        row = (amm, rows, account, package, limit_cash, deadline)
        return self._send("trade_options", *row, sender=sender)

    def trade_perp(
        self,
        market: str,
        reports: Sequence[Report],
        account: int,
        size: int,
        *,
        sender: str,
        limit_price: int,
        deadline: int = FOREVER,
    ) -> Receipt:
        """`limit_price` in WAD: the worst average price, spread included and fee not."""
        rows = [report.row() for report in reports]
        row = (market, rows, account, size, limit_price, deadline)
        return self._send("trade_perp", *row, sender=sender)
