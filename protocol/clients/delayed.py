"""Client of DelayedOrders: commit now, execute at the next price the feed reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protocol.chain.base import Receipt
from protocol.clients.base import Contract
from protocol.types import Leg


class Terms(NamedTuple):
    """Bounty in wei; how many seconds an order lives, and may execute after a price."""

    min_bounty: int
    lifetime: int
    window: int


class Order(NamedTuple):
    """A committed order as its event has it; `legs` are (instrument, size), times seconds."""

    market: str
    account: int
    committer: str
    committed_at: int
    expires_at: int
    bounty: int
    limit: int
    legs: tuple[tuple[int, int], ...]


class DelayedOrders(Contract):
    """Orders for options packages and the perp. Bounties are native token, wei."""

    def commit(
        self,
        market: str,
        account: int,
        legs: Sequence[Leg],
        limit: int,
        *,
        bounty: int,
        sender: str,
    ) -> Receipt:
        """`limit`: the most paid all in for a package, the worst average price for a perp."""
        rows = [(leg.instrument.id, leg.size) for leg in legs]
        return self._send("commit", market, account, rows, limit, sender=sender, value=bounty)

    def execute(self, order_id: int, order: Order, *, sender: str) -> Receipt:
        return self._send("execute", order_id, order, sender=sender)

    def refund(self, order_id: int, order: Order, *, sender: str) -> Receipt:
        return self._send("refund", order_id, order, sender=sender)

    def set_terms(self, terms: Terms, *, sender: str) -> Receipt:
        return self._send("set_terms", terms, sender=sender)

    def committed(self, receipt: Receipt) -> list[tuple[int, Order]]:
        """(id, order) of every order a transaction committed."""
        found = [event.args for event in self.events(receipt) if event.name == "OrderCommitted"]
        return [(int(args["id"]), Order(*args["order"])) for args in found]

    def is_open(self, order_id: int) -> bool:
        return any(self._call("order_hash", order_id))

    def last_id(self) -> int:
        return int(self._call("last_id"))

    def terms(self) -> Terms:
        return Terms(*self._call("terms"))
