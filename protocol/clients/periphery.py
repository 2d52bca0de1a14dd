"""Client of the Lens: bundled reads of one market or one account."""

from __future__ import annotations

from typing import NamedTuple

from protocol.clients.base import Contract
from protocol.clients.markets import ExpiryBook, Risk
from protocol.clients.oracle import Spot


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
