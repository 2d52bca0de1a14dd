"""Client of the Liquidator: auctions of unhealthy accounts."""

from __future__ import annotations

from typing import NamedTuple

from protocol.chain.base import Receipt
from protocol.clients.base import Contract

NO_LIMIT = -(2**127)


class Terms(NamedTuple):
    """What a bid would meet now: cash of the whole account, WAD, and the largest share."""

    equity: int
    initial: int
    maintenance: int
    discount: int
    largest: int
    insolvent: bool


class Liquidator(Contract):
    """Sells slices of unhealthy accounts at a discount that rises."""

    def flag(self, account: int, *, sender: str) -> Receipt:
        return self._send("flag", account, sender=sender)

    def bid(
        self,
        account: int,
        bidder: int,
        share: int,
        *,
        sender: str,
        limit: int = NO_LIMIT,
        deadline: int | None = None,
    ) -> Receipt:
        """Take a share; `limit` is the least cash for it, `deadline` by default now."""
        last = self.chain.timestamp if deadline is None else deadline
        return self._send("bid", account, bidder, share, limit, last, sender=sender)

    def close(self, account: int, *, sender: str) -> Receipt:
        return self._send("close", account, sender=sender)

    def absorb(self, account: int, *, sender: str) -> Receipt:
        return self._send("absorb", account, sender=sender)

    def set_loss_pools(self, underlying: int, options: int, perp: int, *, sender: str) -> Receipt:
        return self._send("set_loss_pools", underlying, options, perp, sender=sender)

    def auction(self, account: int) -> tuple[int, int]:
        """(start, since when insolvent), seconds; 0 for neither."""
        start, since = self._call("auction", account)
        return int(start), int(since)

    def terms(self, account: int) -> Terms:
        return Terms(*self._call("terms", account))

    def loss_pools(self, account: int) -> list[int]:
        return [int(pool) for pool in self._call("loss_pools", account)]
