"""The chain port on boa's environment (py-evm), which tells every program counter it passed.

A hundred times slower than the embedded engine, and its gas is not exact: slots stay warm from one
transaction to the next. What contracts do is the same, and that is what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from boa.environment import Env  # type: ignore[import-untyped]
from boa.util.abi import Address  # type: ignore[import-untyped]
from eth.exceptions import OutOfGas
from eth.exceptions import Revert as EvmRevert

from protocol.chain.base import (
    BLOCK_GAS_LIMIT,
    DEVNET_CHAIN_ID,
    ZERO_ADDRESS,
    Log,
    Receipt,
    TestChain,
)
from protocol.chain.embedded import GENESIS_TIME
from protocol.chain.reverts import decode_revert, halt
from protocol.errors import InputError, Revert
from tests.coverage.trace import TRACES

_BASE, _CREATE, _PER_WORD, _ZERO_BYTE, _BYTE = 21_000, 32_000, 2, 4, 16
_REFUND_SHARE = 5  # EIP-3529


@dataclass(frozen=True, slots=True)
class _Snapshot:
    checkpoint: Any
    number: int
    timestamp: int


class TracedChain(TestChain):
    """A fresh chain in this process, each of whose calls goes into `TRACES`."""

    def __init__(
        self, *, chain_id: int = DEVNET_CHAIN_ID, timestamp: int = GENESIS_TIME, number: int = 0
    ) -> None:
        self._env = Env()
        self._evm = self._env.evm
        self._state = self._evm.vm.state
        self._evm.patch.gas_limit = BLOCK_GAS_LIMIT
        self._evm.patch.chain_id = chain_id
        self._chain_id = chain_id
        self._snapshots: dict[int, _Snapshot] = {}
        self._set_block(number, timestamp)

    @property
    def chain_id(self) -> int:
        return self._chain_id

    @property
    def timestamp(self) -> int:
        return self._timestamp

    @property
    def block_number(self) -> int:
        return self._number

    def call(self, *, to: str, data: bytes, sender: str | None = None) -> bytes:
        checkpoint = self._state.snapshot()
        try:
            return bytes(self._run(sender or ZERO_ADDRESS, to, data, 0, BLOCK_GAS_LIMIT).output)
        finally:
            self._state.revert(checkpoint)

    def transact(
        self,
        *,
        sender: str,
        to: str | None,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
    ) -> Receipt:
        before = (self._number, self._timestamp)
        intrinsic = _intrinsic(data, creates=to is None)
        gas = (gas_limit or BLOCK_GAS_LIMIT) - intrinsic
        if gas < 0:
            raise halt("intrinsic gas too high")
        checkpoint = self._state.snapshot()
        self._set_block(self._number + 1, self._timestamp)
        try:
            done = self._run(sender, to, data, value, gas)
        except Revert:
            self._state.revert(checkpoint)
            self._set_block(*before)
            raise
        self._state.commit(checkpoint)
        if to is not None:  # deploying has bumped it
            self._state.increment_nonce(Address(sender).canonical_address)
        return self._receipt(done, intrinsic, creates=to is None)

    def nonce(self, address: str) -> int:
        return int(self._state.get_nonce(Address(address).canonical_address))

    def balance(self, address: str) -> int:
        return int(self._evm.get_balance(Address(address)))

    def code(self, address: str) -> bytes:
        return bytes(self._evm.get_code(Address(address)))

    def storage(self, address: str, slot: int) -> int:
        return int(self._evm.get_storage(Address(address), slot))

    def set_time(self, timestamp: int) -> None:
        if timestamp < self._timestamp:
            raise InputError(
                "timestamp",
                timestamp,
                bound=f"at least the present {self._timestamp}",
                step="revert to a snapshot to go back",
            )
        self._set_block(self._number + 1, timestamp)

    def fund(self, address: str, wei: int) -> None:
        self._evm.set_balance(Address(address), wei)

    def snapshot(self) -> int:
        name = max(self._snapshots, default=0) + 1
        checkpoint = self._state.snapshot()
        self._snapshots[name] = _Snapshot(checkpoint, self._number, self._timestamp)
        return name

    def revert(self, snapshot: int) -> None:
        point = self._snapshots.get(snapshot)
        if point is None:
            raise InputError(
                "snapshot", snapshot, bound=f"one of {sorted(self._snapshots)}", step="take one"
            )
        self._state.revert(point.checkpoint)
        self._snapshots = {k: v for k, v in self._snapshots.items() if k < snapshot}
        self._set_block(point.number, point.timestamp)

    def _set_block(self, number: int, timestamp: int) -> None:
        self._number, self._timestamp = number, timestamp
        self._evm.patch.block_number, self._evm.patch.timestamp = number, timestamp

    def _run(self, sender: str, to: str | None, data: bytes, value: int, gas: int) -> Any:
        """One call or deployment, its trace kept; raises `Revert`."""
        self._state.clear_transient_storage()
        known = {"sender": Address(sender), "gas": gas, "value": value}
        if to is None:
            _, done = self._env.deploy(bytecode=data, **known)
        else:
            done = self._env.execute_code(to_address=Address(to), data=data, **known)
        for each in _all(done):
            TRACES.add(bytes(each.code._raw_code_bytes), each.code._trace)
        if not done.is_error:
            return done
        if isinstance(done.error, EvmRevert):
            raise decode_revert(bytes(done.output))
        raise halt("out of gas" if isinstance(done.error, OutOfGas) else str(done.error))

    def _receipt(self, done: Any, intrinsic: int, *, creates: bool) -> Receipt:
        used = intrinsic + done.get_gas_used()
        used -= min(max(0, done.get_gas_refund()), used // _REFUND_SHARE)
        logs = tuple(
            Log(Address(address).lower(), tuple(t.to_bytes(32, "big") for t in topics), bytes(data))
            for address, topics, data in done.get_log_entries()
        )
        created = "0x" + done.msg.storage_address.hex() if creates else None
        output = None if creates else bytes(done.output)
        hashed = f"0x{self._number:064x}"
        return Receipt(hashed, self._number, self._timestamp, used, logs, output, created)


def _all(done: Any) -> Iterator[Any]:
    yield done
    for child in done.children:
        yield from _all(child)


def _intrinsic(data: bytes, *, creates: bool) -> int:
    zeros = data.count(0)
    gas = _BASE + zeros * _ZERO_BYTE + (len(data) - zeros) * _BYTE
    return gas + (_CREATE + _PER_WORD * -(-len(data) // 32) if creates else 0)
