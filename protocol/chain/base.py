"""The chain port: what the rest of Vomma may ask of a chain.

Time is held: on a test chain it moves only by `set_time`, and every transaction sees exactly the
time last set. Each transaction, and each `set_time`, is one block. So a script gives the same
blocks, receipts and state on every engine.

Addresses are lower-case 0x strings everywhere; checksums are for screens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

ZERO_ADDRESS = "0x" + "00" * 20
BLOCK_GAS_LIMIT = 30_000_000
DEVNET_CHAIN_ID = 31_337


@dataclass(frozen=True, slots=True)
class Log:
    """One emitted event, undecoded."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that went through.

    `return_data` is None where the engine cannot know it; `created` is the address of a
    deployment; `tx_hash` names the transaction on its own chain only.
    """

    tx_hash: str
    block_number: int
    timestamp: int
    gas_used: int
    logs: tuple[Log, ...]
    return_data: bytes | None = None
    created: str | None = None


class Chain(ABC):
    """Read a chain and send to it."""

    @property
    @abstractmethod
    def chain_id(self) -> int: ...

    @property
    @abstractmethod
    def timestamp(self) -> int:
        """Unix time of the latest block."""

    @property
    @abstractmethod
    def block_number(self) -> int: ...

    @abstractmethod
    def call(self, *, to: str, data: bytes, sender: str | None = None) -> bytes:
        """Run without changing anything; raises `Revert`."""

    @abstractmethod
    def transact(
        self,
        *,
        sender: str,
        to: str | None,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
    ) -> Receipt:
        """Run and keep; `to=None` deploys. Raises `Revert`, and then nothing has changed."""

    @abstractmethod
    def nonce(self, address: str) -> int: ...

    @abstractmethod
    def balance(self, address: str) -> int: ...

    @abstractmethod
    def code(self, address: str) -> bytes: ...

    @abstractmethod
    def storage(self, address: str, slot: int) -> int: ...

    def pin(self) -> Chain:
        """This chain for reading at its present block, whatever happens meanwhile.

        Itself where nothing can happen meanwhile, as on the embedded engine.
        """
        return self


class TestChain(Chain):
    """A chain of one's own: time, money and history at will, and any sender without its key."""

    __test__ = False  # not a pytest class

    @abstractmethod
    def set_time(self, timestamp: int) -> None:
        """Move to `timestamp` (never back) by one empty block, and hold it there."""

    @abstractmethod
    def fund(self, address: str, wei: int) -> None:
        """Set the native balance of an address."""

    @abstractmethod
    def snapshot(self) -> int:
        """A point to come back to."""

    @abstractmethod
    def revert(self, snapshot: int) -> None:
        """Go back to a snapshot, time and block number too; later snapshots are gone, and so is
        this one."""

    def advance(self, seconds: int) -> Self:
        """Move time on by some seconds."""
        self.set_time(self.timestamp + seconds)
        return self
