"""The JSON-RPC engine: any network with one's own keys, or a devnet with every power.

`RpcChain` signs with a `Keyring`; `DevnetChain` sends for anyone on a local anvil and holds its
time, so that a script gives the blocks and receipts it gives on the embedded engine.
"""

from __future__ import annotations

import time
from typing import Any

from requests.exceptions import RequestException
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from protocol.chain.accounts import Keyring
from protocol.chain.base import BLOCK_GAS_LIMIT, ZERO_ADDRESS, Chain, Log, Receipt, TestChain
from protocol.chain.reverts import decode_revert, halt
from protocol.errors import ChainError, ChainUnavailable, ConfigError, InputError, Revert

RECEIPT_PATIENCE = 120.0  # seconds to wait for a transaction to be mined
_GAS_HEADROOM = 6, 5  # over the estimate: refunds come after the limit is checked
_EVM_STOPPED = "evm error "


class RpcChain(Chain):
    """A network behind a URL, sending for the addresses whose keys are in the ring."""

    def __init__(
        self, url: str, *, keys: Keyring | None = None, pinned_at: int | None = None
    ) -> None:
        self.url = url
        self._provider = HTTPProvider(url, request_kwargs={"timeout": 30})
        self._keys = keys
        self._block = "latest" if pinned_at is None else hex(pinned_at)
        self._chain_id: int | None = None

    @property
    def chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = int(self.ask("eth_chainId"), 16)
        return self._chain_id

    @property
    def timestamp(self) -> int:
        return int(self.ask("eth_getBlockByNumber", self._block, False)["timestamp"], 16)

    @property
    def block_number(self) -> int:
        if self._block != "latest":
            return int(self._block, 16)
        return int(self.ask("eth_blockNumber"), 16)

    def call(self, *, to: str, data: bytes, sender: str | None = None) -> bytes:
        fields = _fields(sender or ZERO_ADDRESS, to, data, 0, None)
        return bytes.fromhex(self.ask("eth_call", fields, self._block)[2:])

    def transact(
        self,
        *,
        sender: str,
        to: str | None,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
    ) -> Receipt:
        if self._keys is None or self._block != "latest":
            raise ConfigError(f"{self.url} is open for reading only: pass keys to send")
        fields = _fields(sender, to, data, value, gas_limit)
        # refuses with the contract's reason before anything is paid for
        needed = int(self.ask("eth_estimateGas", fields), 16)
        limit = gas_limit or needed * _GAS_HEADROOM[0] // _GAS_HEADROOM[1]
        signed = self._keys.sign_transaction(sender, self._priced(fields, limit))
        tx_hash: str = self.ask("eth_sendRawTransaction", f"0x{signed.hex()}")
        return self._kept(self.wait(tx_hash), fields)

    def wait(self, tx_hash: str, *, patience: float = RECEIPT_PATIENCE) -> dict[str, Any]:
        """The raw receipt of a transaction, once it is mined."""
        pause, deadline = 0.02, time.monotonic() + patience
        while time.monotonic() < deadline:
            if raw := self.ask("eth_getTransactionReceipt", tx_hash):
                return dict(raw)
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)
        raise ChainUnavailable(
            f"{tx_hash} not mined within {patience:.0f} s: ask `receipt()` later, or replace it"
        )

    def receipt(self, tx_hash: str) -> Receipt | None:
        """What became of a transaction; None while it is not mined. Raises `Revert`."""
        raw = self.ask("eth_getTransactionReceipt", tx_hash)
        return None if raw is None else self._kept(raw, None)

    def nonce(self, address: str) -> int:
        return int(self.ask("eth_getTransactionCount", address, self._block), 16)

    def balance(self, address: str) -> int:
        return int(self.ask("eth_getBalance", address, self._block), 16)

    def code(self, address: str) -> bytes:
        return bytes.fromhex(self.ask("eth_getCode", address, self._block)[2:])

    def storage(self, address: str, slot: int) -> int:
        return int(self.ask("eth_getStorageAt", address, hex(slot), self._block), 16)

    def pin(self) -> RpcChain:
        return RpcChain(self.url, pinned_at=self.block_number)

    def ask(self, method: str, *params: Any) -> Any:
        """One JSON-RPC request: its result, or the error it stands for."""
        try:
            answer = self._provider.make_request(RPCEndpoint(method), params)
        except RequestException as error:
            raise ChainUnavailable(
                f"no answer from {self.url} to {method} ({type(error).__name__}): "
                "start a node there, `vomma devnet up` for a local one"
            ) from None
        if "error" in answer:
            raise _as_error(method, answer["error"])
        return answer["result"]

    def _priced(self, fields: dict[str, Any], limit: int) -> dict[str, Any]:
        base = int(self.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        tip = int(self.ask("eth_maxPriorityFeePerGas"), 16)
        return {
            "to": fields.get("to", b""),
            "data": fields["data"],
            "value": int(fields["value"], 16),
            "gas": limit,
            "maxFeePerGas": 2 * base + tip,  # the base fee doubles in six full blocks
            "maxPriorityFeePerGas": tip,
            "nonce": int(self.ask("eth_getTransactionCount", fields["from"], "pending"), 16),
            "chainId": self.chain_id,
        }

    def _kept(self, raw: dict[str, Any], fields: dict[str, Any] | None) -> Receipt:
        if int(raw["status"], 16) == 0:
            if fields is not None:  # what it would say now is the best guess of what it said then
                self.ask("eth_call", fields, raw["blockNumber"])
            raise Revert(f"mined and reverted: {raw['transactionHash']}")
        if (stamp := raw.get("blockTimestamp")) is None:  # only some nodes say
            block = self.ask("eth_getBlockByNumber", raw["blockNumber"], False)
            stamp = int(block["timestamp"], 16)
        return _as_receipt(raw, _number(stamp), None)


class DevnetChain(RpcChain, TestChain):
    """A local anvil: any sender, no fees, and time that stands still until it is set."""

    def __init__(self, url: str, *, hold_time: bool = True) -> None:
        super().__init__(url)
        self.ask("anvil_autoImpersonateAccount", True)
        if hold_time:
            self.ask("anvil_setBlockTimestampInterval", 0)
        else:
            self.ask("anvil_removeBlockTimestampInterval")

    def transact(
        self,
        *,
        sender: str,
        to: str | None,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
    ) -> Receipt:
        fields = _fields(sender, to, data, value, gas_limit or BLOCK_GAS_LIMIT)
        # tried first in the block it will be in: a failing one must not be mined
        output = bytes.fromhex(self.ask("eth_call", fields, "pending")[2:])
        raw = self.ask("eth_sendTransactionSync", fields)  # a plain send may answer null at first
        if int(raw["status"], 16) == 0:
            raise ChainError(f"{raw['transactionHash']} failed after its trial: another sender?")
        return _as_receipt(raw, _number(raw["blockTimestamp"]), None if to is None else output)

    def set_time(self, timestamp: int) -> None:
        if timestamp < self.timestamp:
            raise InputError(
                "timestamp",
                timestamp,
                bound=f"at least the present {self.timestamp}",
                step="revert to a snapshot to go back",
            )
        self.ask("evm_setNextBlockTimestamp", timestamp)
        self.ask("evm_mine")

    def fund(self, address: str, wei: int) -> None:
        self.ask("anvil_setBalance", address, hex(wei))

    def snapshot(self) -> int:
        return int(self.ask("evm_snapshot"), 16)

    def revert(self, snapshot: int) -> None:
        if not self.ask("evm_revert", hex(snapshot)):
            raise InputError("snapshot", snapshot, bound="an unused one", step="take one")


def _fields(
    sender: str, to: str | None, data: bytes, value: int, gas_limit: int | None
) -> dict[str, Any]:
    fields = {"from": sender, "data": f"0x{data.hex()}", "value": hex(value), "gasPrice": "0x0"}
    if to is not None:
        fields["to"] = to
    if gas_limit is not None:
        fields["gas"] = hex(gas_limit)
    return fields


def _number(value: int | str) -> int:
    """A quantity as nodes write it: hex mostly, a plain number in anvil's `blockTimestamp`."""
    return value if isinstance(value, int) else int(value, 16)


def _as_receipt(raw: dict[str, Any], timestamp: int, output: bytes | None) -> Receipt:
    created = raw.get("contractAddress")
    return Receipt(
        raw["transactionHash"],
        int(raw["blockNumber"], 16),
        timestamp,
        int(raw["gasUsed"], 16),
        tuple([_as_log(log) for log in raw["logs"]]),
        output,
        created.lower() if created else None,
    )


def _as_log(raw: dict[str, Any]) -> Log:
    topics = tuple([bytes.fromhex(topic[2:]) for topic in raw["topics"]])
    return Log(raw["address"].lower(), topics, bytes.fromhex(raw["data"][2:]))


def _as_error(method: str, error: Any) -> ChainError:
    message, data = str(error.get("message", error)), error.get("data")
    text = message.lower()
    if isinstance(data, str) and data.startswith("0x") and len(data) > 2:
        return decode_revert(bytes.fromhex(data[2:]))
    if "revert" in text:
        return decode_revert(b"")
    if text.startswith(_EVM_STOPPED):
        return halt(message[len(_EVM_STOPPED) :])
    refused = halt(message)
    known = refused.reason != f"halt: {message}"
    return refused if known else ChainError(f"{method}: {message}")
