"""What every contract client is made of: an address, an ABI and the chain port.

A typed client names its functions and nothing else:

    class Clearinghouse(Contract):
        def cash(self, account: int) -> int:
            return self._call("cash", account)
"""

from __future__ import annotations

from typing import Any, Self

from protocol.chain.abi import Abi, Event
from protocol.chain.artifacts import Artifact, Artifacts
from protocol.chain.base import Chain, Receipt
from protocol.errors import ChainError


class Contract:
    """A contract at an address on a chain."""

    def __init__(self, chain: Chain, address: str, abi: Abi) -> None:
        self.chain, self.address, self.abi = chain, address.lower(), abi

    @classmethod
    def at(cls, chain: Chain, address: str, artifacts: Artifacts) -> Self:
        """A typed client of the contract its class is named after."""
        return cls(chain, address, artifacts[cls.__name__].abi)

    def on(self, chain: Chain) -> Self:
        """The same contract seen through another chain, such as one pinned to a block."""
        return type(self)(chain, self.address, self.abi)

    def encode(self, name: str, *args: Any) -> bytes:
        """Call data, for multi-calls and signed intents."""
        return self.abi.function(name, len(args)).encode(args)

    def events(self, receipt: Receipt) -> list[Event]:
        """The events this contract emitted in a transaction, in order."""
        found = [self.abi.event(log) for log in receipt.logs if log.address == self.address]
        return [event for event in found if event is not None]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def _call(self, name: str, *args: Any, sender: str | None = None) -> Any:
        function = self.abi.function(name, len(args))
        data = function.encode(args)
        return function.decode(self.chain.call(to=self.address, data=data, sender=sender))

    def _send(
        self, name: str, *args: Any, sender: str, value: int = 0, gas_limit: int | None = None
    ) -> Receipt:
        return self.chain.transact(
            sender=sender,
            to=self.address,
            data=self.encode(name, *args),
            value=value,
            gas_limit=gas_limit,
        )


class AnyContract(Contract):
    """A contract without a class of its own: functions by name."""

    def call(self, name: str, *args: Any, sender: str | None = None) -> Any:
        """The decoded result of a function, run without changing anything."""
        return self._call(name, *args, sender=sender)

    def send(
        self, name: str, *args: Any, sender: str, value: int = 0, gas_limit: int | None = None
    ) -> Receipt:
        """Send a transaction to a function."""
        return self._send(name, *args, sender=sender, value=value, gas_limit=gas_limit)


def deploy_contract(chain: Chain, artifact: Artifact, *args: Any, sender: str) -> str:
    """Deploy an artifact with constructor arguments; the new address."""
    data = artifact.bytecode + artifact.abi.encode_constructor(args)
    created = chain.transact(sender=sender, to=None, data=data).created
    if created is None:
        raise ChainError(f"{artifact.name}: the node gave no address; look at its receipt")
    return created
