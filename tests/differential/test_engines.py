"""The embedded engine against a real anvil: one random script, two chains, no difference.

`pytest --deep` runs 10,000 transactions instead of a few hundred.
"""

from __future__ import annotations

import gzip
import json
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from protocol.chain import devnet, revm_journal
from protocol.chain.artifacts import Artifacts
from protocol.chain.base import Receipt, TestChain
from protocol.chain.embedded import EmbeddedChain
from protocol.chain.rpc import DevnetChain
from protocol.errors import Revert

SENDERS = ["0x" + f"{i:02x}" * 20 for i in range(0xA1, 0xA5)]
STRANGER = "0x" + "ee" * 20
SHORT, DEEP = 400, 10_000
CHECK_EVERY = 2_000

# init codes: empty contract, one that reverts, one that destroys itself, one byte too ugly (0xef)
INIT_CODES = ["60015ff3", "5f5ffd", "600160005560aaff", "60ef5f5360015ff3", "5b600056", ""]

Outcome = Receipt | tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the script: who calls what with how much."""

    sender: str
    to: str | None
    data: bytes
    value: int
    gas_limit: int | None


@dataclass(frozen=True, slots=True)
class World:
    """The contracts both chains have at the same addresses."""

    token: str
    probes: tuple[str, str]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[DevnetChain]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield devnet.start(port=port, folder=tmp_path, state_interval=3_600).connect()
    devnet.stop(tmp_path)


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, int]]:
    """Every slot the embedded engine ever wrote."""
    seen: set[tuple[str, int]] = set()
    read = revm_journal.read_changes

    def watch(journal: str) -> list[revm_journal.AccountChange]:
        changes = read(journal)
        seen.update((c.address, slot) for c in changes if not c.destroyed for slot, *_ in c.slots)
        return changes

    monkeypatch.setattr(revm_journal, "read_changes", watch)
    return seen


def test_engines__random_transactions__agree(
    node: DevnetChain, artifacts: Artifacts, touched: set[tuple[str, int]], deep: bool
) -> None:
    embedded = EmbeddedChain(timestamp=node.timestamp, number=node.block_number)
    chains: list[TestChain] = [embedded, node]
    preset = set(accounts_of(node))
    world = build(chains, artifacts)
    rng = random.Random(20_260_101)
    draw = Script(rng, world, artifacts)
    length, kept = DEEP if deep else SHORT, 0
    for count in range(length):
        if rng.random() < 0.04:
            move_time(chains, rng)
        if rng.random() < 0.02:
            detour(chains, draw, rng)
        kept += isinstance(assert_agree(chains, draw.step()), Receipt)
        if count % CHECK_EVERY == CHECK_EVERY - 1:
            assert_same_state(embedded, node, touched, preset)
    assert_same_state(embedded, node, touched, preset)
    assert 0.5 < kept / length < 0.95  # the script has both kinds


def build(chains: list[TestChain], artifacts: Artifacts) -> World:
    for chain in chains:
        chain.set_time(chain.timestamp + 1_000)
        for sender in SENDERS:
            chain.fund(sender, 10**18)
    token, probe = artifacts["MockERC20"], artifacts["EngineProbe"]
    created = []
    for artifact, args in ((token, ("Dollar", "USD", 6)), (probe, (1,)), (probe, (2,))):
        data = artifact.bytecode + artifact.abi.encode_constructor(args)
        receipt = assert_agree(chains, Step(SENDERS[0], None, data, 0, None))
        assert isinstance(receipt, Receipt) and receipt.created
        created.append(receipt.created)
    return World(created[0], (created[1], created[2]))


def assert_agree(chains: list[TestChain], step: Step) -> Outcome:
    first, second = (run(chain, step) for chain in chains)
    assert first == second, f"{step}: {first} is not {second}"
    return first


def run(chain: TestChain, step: Step) -> Outcome:
    try:
        receipt = chain.transact(
            sender=step.sender,
            to=step.to,
            data=step.data,
            value=step.value,
            gas_limit=step.gas_limit,
        )
    except Revert as error:
        return error.reason, error.data
    return replace(receipt, tx_hash="")


def move_time(chains: list[TestChain], rng: random.Random) -> None:
    seconds = rng.choice([0, 1, 12, 3_600, 7 * 86_400])
    for chain in chains:
        chain.set_time(chain.timestamp + seconds)


def detour(chains: list[TestChain], draw: Script, rng: random.Random) -> None:
    """Some steps that are then undone."""
    points = [chain.snapshot() for chain in chains]
    for _ in range(rng.randrange(6)):
        move_time(chains, rng)
        assert_agree(chains, draw.step())
    for chain, point in zip(chains, points, strict=True):
        chain.revert(point)


class Script:
    """Draws steps: mostly sensible calls, some starved of gas or sent by a contract."""

    def __init__(self, rng: random.Random, world: World, artifacts: Artifacts) -> None:
        self._rng, self._world = rng, world
        self._token, self._probe = artifacts["MockERC20"].abi, artifacts["EngineProbe"].abi
        self._kinds: list[Callable[[], tuple[str | None, bytes]]] = [
            *([self._token_call] * 4),
            *([self._probe_call] * 12),
            self._creation,
            self._plain,
        ]

    def step(self) -> Step:
        rng = self._rng
        to, data = rng.choice(self._kinds)()
        sender = rng.choice(SENDERS)
        # a contract that sends has no code hash of its own while it does, on the embedded engine
        if rng.random() < 0.03 and data[:4] != self._probe.function("look", 1).selector:
            sender = rng.choice([self._world.token, *self._world.probes])
        value = rng.choice([1, 10**15, 10**19]) if rng.random() < 0.1 else 0
        starved = rng.random() < 0.05
        return Step(sender, to, data, value, rng.randrange(15_000, 120_000) if starved else None)

    def _token_call(self) -> tuple[str, bytes]:
        rng, (one, other) = self._rng, self._rng.sample(SENDERS, 2)
        amount = rng.choice([0, 1, 10**6, 2**255])
        name, *args = rng.choice(
            [
                ("mint", one, amount),
                ("burn", amount),
                ("transfer", one, amount),
                ("approve", one, amount),
                ("transferFrom", one, other, amount),
            ]
        )
        return self._world.token, self._token.function(name, len(args)).encode(args)

    def _probe_call(self) -> tuple[str, bytes]:
        rng = self._rng
        key, small, where = rng.randrange(8), rng.randrange(9), rng.choice(self._world.probes)
        targets = [*SENDERS, *self._world.probes, self._world.token, STRANGER]
        init_code = bytes.fromhex(rng.choice(INIT_CODES))
        calls: list[tuple[Any, ...]] = [
            ("write", key, rng.choice([0, 0, 1, 2**256 - 1])),
            ("clear_range", key, small),
            ("churn", key, small),
            ("blink", key),
            ("nest", rng.randrange(5), rng.randrange(8)),
            ("pay", rng.choice(targets), rng.choice([0, 1, 10**14]), rng.choice([0, 2300, 50_000])),
            ("look", rng.choice(targets)),
            ("stamp",),
            ("spawn", small),
            ("create", init_code, small.to_bytes(32, "big")),
            # the endless loop takes all the gas and anvil's time: rarely
            ("fail", rng.randrange(5) if rng.random() < 0.95 else 5),
        ]
        name, *args = rng.choice(calls)
        return where, self._probe.function(name, len(args)).encode(args)

    def _creation(self) -> tuple[None, bytes]:
        return None, bytes.fromhex(self._rng.choice(INIT_CODES))

    def _plain(self) -> tuple[str, bytes]:
        to = self._rng.choice([*SENDERS, *self._world.probes, STRANGER])
        return to, self._rng.randbytes(self._rng.randrange(40))


def accounts_of(node: DevnetChain) -> dict[str, dict[str, Any]]:
    """All of anvil's state, by address."""
    dump = json.loads(gzip.decompress(bytes.fromhex(node.ask("anvil_dumpState")[2:])))
    return {address.lower(): account for address, account in dump["accounts"].items()}


def assert_same_state(
    embedded: EmbeddedChain, node: DevnetChain, touched: set[tuple[str, int]], preset: set[str]
) -> None:
    """Equal accounts and slots, but for those a new anvil has of its own (`preset`)."""
    nobody = {"nonce": 0, "balance": "0x0", "code": "0x", "storage": {}}
    accounts = accounts_of(node)
    for address in {address for address, _ in touched} | set(accounts) - preset:
        account = accounts.get(address, nobody)
        assert embedded.nonce(address) == account["nonce"], address
        assert embedded.balance(address) == int(account["balance"], 16), address
        assert embedded.code(address).hex() == account["code"].removeprefix("0x"), address
    theirs = {
        (address, int(slot, 16)): int(value, 16)
        for address, account in accounts.items()
        for slot, value in account["storage"].items()
    }
    for address, slot in touched | set(theirs):
        assert embedded.storage(address, slot) == theirs.get((address, slot), 0), (address, slot)
