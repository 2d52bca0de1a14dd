"""A run as raw transactions, taken down on one engine and played on another.

What a transaction did is its record: whether it went through and why not, gas, logs and the address
it created. Calls are not on the tape: they leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.chain.base import Log, Receipt, TestChain
from protocol.chain.embedded import EmbeddedChain
from protocol.errors import Revert


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of a transaction; equal on every engine."""

    reason: str | None  # of the refusal, None where it went through
    gas: int
    logs: tuple[Log, ...]
    created: str | None
    number: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction, or (without a sender) a step of time."""

    sender: str | None
    to: str | None
    data: bytes
    time: int
    record: Record | None


class TapingChain(EmbeddedChain):
    """An embedded chain that takes down what is sent to it and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.tape: list[Entry] = []
        self._lengths: dict[int, int] = {}

    def transact(
        self,
        *,
        sender: str,
        to: str | None,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
    ) -> Receipt:
        assert not value and gas_limit is None  # random play sends neither
        try:
            receipt = super().transact(sender=sender, to=to, data=data)
        except Revert as refusal:
            record = refused(self, refusal)
            self.tape.append(Entry(sender, to, data, self.timestamp, record))
            raise
        self.tape.append(Entry(sender, to, data, self.timestamp, kept(receipt)))
        return receipt

    def set_time(self, timestamp: int) -> None:
        super().set_time(timestamp)
        self.tape.append(Entry(None, None, b"", timestamp, None))

    def snapshot(self) -> int:
        name = super().snapshot()
        self._lengths[name] = len(self.tape)
        return name

    def revert(self, snapshot: int) -> None:
        super().revert(snapshot)
        del self.tape[self._lengths.pop(snapshot) :]  # as if it had never been sent


def kept(receipt: Receipt) -> Record:
    return Record(
        None,
        receipt.gas_used,
        receipt.logs,
        receipt.created,
        receipt.block_number,
        receipt.timestamp,
    )


def refused(chain: TestChain, refusal: Revert) -> Record:
    return Record(refusal.reason, 0, (), None, chain.block_number, chain.timestamp)


def send(chain: TestChain, entry: Entry) -> Record | None:
    """One entry on another chain."""
    if entry.sender is None:
        chain.set_time(entry.time)
        return None
    try:
        return kept(chain.transact(sender=entry.sender, to=entry.to, data=entry.data))
    except Revert as refusal:
        return refused(chain, refusal)


def play_tape(chain: TestChain, tape: Iterable[Entry]) -> int:
    """Play a tape; raises at the first difference. How many transactions it had."""
    count = 0
    for place, entry in enumerate(tape):
        record = send(chain, entry)
        assert record == entry.record, f"entry {place}, to {entry.to}: {record} is not {entry}"
        count += entry.sender is not None
    return count
