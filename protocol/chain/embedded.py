"""The embedded engine: an in-process EVM (revm), no server, gas exact to the unit.

revm keeps slots and accounts warm for as long as they stay in its journal, so the journal is kept
empty between transactions: run, read what changed, roll back, write the changes underneath. That
makes every transaction start cold, as on a real chain, and leaves nothing to grow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pyrevm
from eth_hash.auto import keccak

from protocol.chain import revm_journal
from protocol.chain.base import (
    BLOCK_GAS_LIMIT,
    DEVNET_CHAIN_ID,
    ZERO_ADDRESS,
    Log,
    Receipt,
    TestChain,
)
from protocol.chain.reverts import decode_revert, halt
from protocol.errors import InputError, Revert

GENESIS_TIME = 1_767_225_600  # 2026-01-01 00:00 UTC
_SPEC = "CANCUN"  # case-sensitive: an unknown name silently means the latest
_PREVRANDAO = bytes(31) + b"\x01"
_EMPTY_HASH = keccak(b"")
_OUTPUT = re.compile(r"output: 0x([0-9a-f]*)")
_HALT = re.compile(r"Halt \{ reason: (\w+)")


@dataclass(frozen=True, slots=True)
class _Account:
    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    code_hash: bytes = _EMPTY_HASH


@dataclass(frozen=True, slots=True)
class _Snapshot:
    number: int
    timestamp: int
    undo: int  # how much of the undo list was there


_NOBODY = _Account()


class EmbeddedChain(TestChain):
    """A fresh chain in this process; milliseconds to make, cheap to throw away."""

    def __init__(
        self, *, chain_id: int = DEVNET_CHAIN_ID, timestamp: int = GENESIS_TIME, number: int = 0
    ) -> None:
        revm_journal.check_version()
        self._chain_id = chain_id
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id))
        self._evm = pyrevm.EVM(env=env, gas_limit=BLOCK_GAS_LIMIT, spec_id=_SPEC)
        self._evm.set_tx_env(pyrevm.TxEnv(chain_id=chain_id))
        self._number, self._timestamp = number, timestamp
        self._accounts: dict[str, _Account] = {}
        self._snapshots: dict[int, _Snapshot] = {}
        # what snapshots need to go back: an account before, or a (slot, value) before
        self._undo: list[tuple[str, _Account | tuple[int, int]]] = []
        # contracts as they were last seen, without their code, by the address as revm writes it
        self._bare: dict[str, tuple[tuple[int, int], pyrevm.AccountInfo]] = {}
        self._set_block(number)

    @property
    def chain_id(self) -> int:
        return self._chain_id

    @property
    def timestamp(self) -> int:
        return self._timestamp

    @property
    def block_number(self) -> int:
        return self._number

    @property
    def engine(self) -> pyrevm.EVM:
        """The EVM underneath, for measurements: this chain knows nothing of what is run on it."""
        return self._evm

    def call(self, *, to: str, data: bytes, sender: str | None = None) -> bytes:
        evm = self._evm
        start = evm.snapshot()
        if sender is not None and self._account(sender).code:
            self._pass_as_eoa(sender.lower(), bump=False)
        try:
            output: bytes = evm.message_call(sender or ZERO_ADDRESS, to, data)
            return output
        except RuntimeError as error:
            raise _as_revert(error) from None
        finally:
            evm.revert(start)
            evm.reset_transient_storage()

    def transact(
        self,
        *,
        sender: str,
        to: str | None,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
    ) -> Receipt:
        evm, sender = self._evm, sender.lower()
        self._set_block(self._number + 1)
        start = evm.snapshot()
        output, created = None, None
        is_contract = bool(self._account(sender).code)
        if is_contract:
            self._pass_as_eoa(sender, bump=to is not None)
        try:
            if to is None:
                created = evm.deploy(sender, data, value, gas_limit)
            else:
                output = evm.message_call(sender, to, data, value, gas_limit)
            self._drop_known_code()
            changes = revm_journal.read_changes(evm.journal_str)
            # as revm holds it, with the code's jump table made: else it is made at every call
            infos = {c.address: evm.basic(c.address) for c in changes if c.code is not None}
        except RuntimeError as error:
            self._set_block(self._number)
            raise _as_revert(error) from None
        finally:
            evm.revert(start)
            evm.reset_transient_storage()
        self._keep(changes, infos)
        if to is not None and not is_contract:  # revm bumps the nonce of a creator only
            self._bump_nonce(sender)
        self._number += 1
        return self._receipt(output, created)

    def nonce(self, address: str) -> int:
        return self._account(address).nonce

    def balance(self, address: str) -> int:
        return self._account(address).balance

    def code(self, address: str) -> bytes:
        return self._account(address).code

    def storage(self, address: str, slot: int) -> int:
        start = self._evm.snapshot()
        try:
            return int(self._evm.storage(address, slot))
        finally:
            self._evm.revert(start)

    def set_time(self, timestamp: int) -> None:
        if timestamp < self._timestamp:
            raise InputError(
                "timestamp",
                timestamp,
                bound=f"at least the present {self._timestamp}",
                step="revert to a snapshot to go back",
            )
        self._timestamp = timestamp
        self._number += 1
        self._set_block(self._number)

    def fund(self, address: str, wei: int) -> None:
        address = address.lower()
        self._write_account(address, replace(self._account(address), balance=wei))

    def snapshot(self) -> int:
        name = max(self._snapshots, default=0) + 1
        self._snapshots[name] = _Snapshot(self._number, self._timestamp, len(self._undo))
        return name

    def revert(self, snapshot: int) -> None:
        point = self._snapshots.get(snapshot)
        if point is None:
            raise InputError(
                "snapshot", snapshot, bound=f"one of {sorted(self._snapshots)}", step="take one"
            )
        for address, before in reversed(self._undo[point.undo :]):
            if isinstance(before, _Account):
                self._put_account(address, before)
            else:
                self._put_slots(address, [before])
        del self._undo[point.undo :]
        self._bare.clear()  # other code may come to where some was
        self._snapshots = {k: v for k, v in self._snapshots.items() if k < snapshot}
        self._number, self._timestamp = point.number, point.timestamp
        self._set_block(self._number)

    # -- the state underneath --

    def _account(self, address: str) -> _Account:
        return self._accounts.get(address.lower(), _NOBODY)

    def _bump_nonce(self, address: str) -> None:
        old = self._account(address)  # spelled out: `replace` costs 2 us, on every transaction
        self._write_account(address, _Account(old.balance, old.nonce + 1, old.code, old.code_hash))

    def _keep(
        self, changes: list[revm_journal.AccountChange], infos: dict[str, pyrevm.AccountInfo]
    ) -> None:
        for change in changes:
            old = self._accounts.get(change.address, _NOBODY)
            if change.destroyed:  # created in this transaction too: no slot of it was ever kept
                self._write_account(change.address, _NOBODY)
            elif change.code is not None:
                new = _Account(change.balance, change.nonce, change.code, keccak(change.code))
                self._write_account(change.address, new)
                self._evm.insert_account_info(change.address, infos[change.address])
            elif change.balance != old.balance or change.nonce != old.nonce:
                new = _Account(change.balance, change.nonce, old.code, old.code_hash)
                self._write_account(change.address, new)
            if change.slots and not change.destroyed:
                self._write_slots(change.address, change.slots)

    def _write_account(self, address: str, account: _Account) -> None:
        if self._snapshots:
            self._undo.append((address, self._account(address)))
        self._put_account(address, account)

    def _write_slots(self, address: str, slots: list[tuple[int, int, int]]) -> None:
        if self._snapshots:
            self._undo.extend((address, (slot, before)) for slot, before, _ in slots)
        self._put_slots(address, [(slot, after) for slot, _, after in slots])

    def _put_account(self, address: str, account: _Account) -> None:
        self._accounts[address] = account
        # without its code, which revm's database has kept under the hash since the creation
        self._evm.insert_account_info(address, _info(account, account.code_hash, None))

    def _put_slots(self, address: str, slots: list[tuple[int, int]]) -> None:
        evm = self._evm
        for slot, value in slots:
            # inserting loads the account; while it is loaded, pyrevm would write to the journal
            start = evm.snapshot()
            evm.insert_account_storage(address, slot, value)
            evm.revert(start)

    def _pass_as_eoa(self, sender: str, *, bump: bool) -> None:
        """Let a contract send: revm refuses a sender whose code hash is not the empty one.

        The change lives in the open journal only, and goes with it; meanwhile EXTCODEHASH of the
        sender reads as that of a plain account, the one difference to anvil's impersonation.
        """
        account = self._account(sender)
        if bump:  # before it runs: what it creates takes its address from the nonce
            account = replace(account, nonce=account.nonce + 1)
        self._evm.basic(sender)  # into the journal, or the hash would be computed from the code
        self._evm.insert_account_info(sender, _info(account, _EMPTY_HASH, account.code))

    def _drop_known_code(self) -> None:
        """Take code out of the open journal: its text would be ten times as long, and as slow."""
        evm, accounts, bare = self._evm, self._accounts, self._bare
        for address, info in evm.journal_state.items():
            found = bare.get(address)
            if found is None or (info.balance, info.nonce) != found[0]:
                known = accounts.get(address.lower(), _NOBODY)
                if not known.code:
                    continue
                now = _Account(info.balance, info.nonce)
                found = (now.balance, now.nonce), _info(now, known.code_hash, None)
                bare[address] = found
            evm.insert_account_info(address, found[1])

    def _set_block(self, number: int) -> None:
        self._evm.set_block_env(block_env(number, self._timestamp))

    def _receipt(self, output: bytes | None, created: str | None) -> Receipt:
        result = self._evm.result
        assert result is not None  # a transaction has just gone through
        return Receipt(
            f"0x{self._number:064x}",  # one transaction a block: the block names it
            self._number,
            self._timestamp,
            result.gas_used,  # the refund taken off, capped at a fifth (EIP-3529)
            tuple([_as_log(log) for log in result.logs]),
            output,
            created,
        )


def block_env(number: int, timestamp: int) -> pyrevm.BlockEnv:
    """What a transaction sees of its block."""
    return pyrevm.BlockEnv(
        number=number,
        timestamp=timestamp,
        prevrandao=_PREVRANDAO,
        gas_limit=BLOCK_GAS_LIMIT,
        excess_blob_gas=0,
    )


def _info(account: _Account, code_hash: bytes, code: bytes | None) -> pyrevm.AccountInfo:
    return pyrevm.AccountInfo(
        balance=account.balance,  # type: ignore[call-arg]  # missing in pyrevm's stubs
        nonce=account.nonce,
        code_hash=code_hash,
        code=code,
    )


def _as_log(log: pyrevm.Log) -> Log:
    topics, data = log.data
    return Log(log.address.lower(), tuple([bytes(topic) for topic in topics]), bytes(data))


def _as_revert(error: RuntimeError) -> Revert:
    """pyrevm puts the outcome into the text of a RuntimeError, and nowhere else."""
    text = str(error)
    if text.startswith("Revert"):
        output = _OUTPUT.search(text)
        return decode_revert(bytes.fromhex(output[1]) if output else b"")
    reason = _HALT.search(text)
    return halt(reason[1] if reason else text)
