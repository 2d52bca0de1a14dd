"""The engines held equal on Vomma's own contracts: a market replayed on both at once, then fuzzed.

`pytest --deep` replays the whole month (8,000 transactions) and makes 5,000 random calls.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.chain import devnet
from protocol.chain.abi import canonical_type
from protocol.chain.artifacts import ROOT, Artifacts
from protocol.chain.base import Receipt, TestChain
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import Contract
from protocol.config import Scenario, load_scenario
from protocol.errors import Revert
from protocol.sim import engine
from protocol.sim.opening import open_devnet
from protocol.sim.world import World, account_of

START = 1_767_225_600
STEPS, FUZZ = 5, 250


class Mirror(TestChain):
    """Two chains driven as one: every answer is asked of both, and must be the same."""

    def __init__(self, first: TestChain, second: TestChain) -> None:
        self.both = (first, second)
        self.sent = self.reverted = 0

    def agreed(self, ask: Callable[[TestChain], Any]) -> Any:
        (one, reverted), (other, also) = (outcome(ask, chain) for chain in self.both)
        assert (one, reverted is None) == (other, also is None)
        if reverted is not None:
            raise reverted
        return one

    @property
    def chain_id(self) -> int:
        return int(self.agreed(lambda chain: chain.chain_id))

    @property
    def timestamp(self) -> int:
        return int(self.agreed(lambda chain: chain.timestamp))

    @property
    def block_number(self) -> int:
        return int(self.agreed(lambda chain: chain.block_number))

    def call(self, **request: Any) -> bytes:
        return bytes(self.agreed(lambda chain: chain.call(**request)))

    def transact(self, **request: Any) -> Receipt:
        try:
            receipt = self.agreed(lambda chain: replace(chain.transact(**request), tx_hash=""))
        except Revert:
            self.reverted += 1
            raise
        self.sent += 1
        assert isinstance(receipt, Receipt)
        return receipt

    def nonce(self, address: str) -> int:
        return int(self.agreed(lambda chain: chain.nonce(address)))

    def balance(self, address: str) -> int:
        return int(self.agreed(lambda chain: chain.balance(address)))

    def code(self, address: str) -> bytes:
        return bytes(self.agreed(lambda chain: chain.code(address)))

    def storage(self, address: str, slot: int) -> int:
        return int(self.agreed(lambda chain: chain.storage(address, slot)))

    def set_time(self, timestamp: int) -> None:
        self.agreed(lambda chain: chain.set_time(timestamp))

    def fund(self, address: str, wei: int) -> None:
        self.agreed(lambda chain: chain.fund(address, wei))

    def snapshot(self) -> int:
        raise NotImplementedError("the engines number their snapshots each in its own way")

    def revert(self, snapshot: int) -> None:
        raise NotImplementedError("the engines number their snapshots each in its own way")


def outcome(ask: Callable[[TestChain], Any], chain: TestChain) -> tuple[Any, Revert | None]:
    try:
        return ask(chain), None
    except Revert as error:
        return (error.reason, error.data), error


@contextmanager
def mirror(folder: Path, timestamp: int) -> Iterator[Mirror]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = devnet.start(port=port, folder=folder, genesis_time=timestamp, state_interval=3_600)
    try:
        yield Mirror(EmbeddedChain(timestamp=timestamp), node.connect())
    finally:
        devnet.stop(folder)


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "replay.yaml")


def test_engines__market_replay__agree(
    scenario: Scenario, deep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chains: list[Mirror] = []

    @contextmanager
    def open_mirror(_: str, *, timestamp: int) -> Iterator[Mirror]:
        with mirror(tmp_path, timestamp) as chain:
            chains.append(chain)
            yield chain

    monkeypatch.setattr(engine, "open_chain", open_mirror)
    steps = scenario.steps if deep else STEPS
    engine.replay(scenario=replace(scenario, steps=steps), prices=None, seed=11)
    assert chains[0].sent > (8_000 if deep else 100)


def test_engines__random_calls_on_a_market__agree(
    scenario: Scenario, artifacts: Artifacts, deep: bool, tmp_path: Path
) -> None:
    with mirror(tmp_path, START) as chain:
        world = open_devnet(chain, artifacts, scenario)
        draw = Fuzz(random.Random(5), world)
        kept, refused = chain.sent, chain.reverted
        for _ in range(20 * FUZZ if deep else FUZZ):
            contract, data = draw.call()
            try:
                chain.transact(sender=draw.sender(), to=contract.address, data=data)
            except Revert:
                continue
        assert chain.sent - kept > FUZZ // 20
        assert chain.reverted - refused > FUZZ // 4


class Fuzz:
    """Any function of any contract, with arguments that sometimes mean something."""

    def __init__(self, rng: random.Random, world: World) -> None:
        self._rng = rng
        system, market = world.system, world.market
        self._contracts: list[Contract] = [
            *(system.token, system.custody, system.ledger, system.oracle, system.surface),
            *(market.amm, market.perp, market.options_vault, market.perp_vault),
        ]
        self._people = [*world.takers[:3], *world.lps[:2], *(c.address for c in self._contracts)]
        days = market.amm.expiries()
        listed = [
            i for book in days for i in system.ledger.pool_positions(market.amm.pool, 1, book.day)
        ]
        self._numbers = [
            0,
            1,
            2,
            10**6,
            10**18,
            -1,
            -(10**18),
            2**255,
            *(b.day for b in days),
            *listed,
        ]
        self._numbers += [account_of(person) for person in self._people]

    def sender(self) -> str:
        return str(self._rng.choice(self._people))

    def call(self) -> tuple[Contract, bytes]:
        contract = self._rng.choice(self._contracts)
        functions = [entry for entry in contract.abi.entries if entry["type"] == "function"]
        entry = self._rng.choice(functions)
        args = [self._value(canonical_type(item)) for item in entry["inputs"]]
        return contract, contract.encode(entry["name"], *args)

    def _value(self, kind: str) -> Any:
        rng = self._rng
        if kind.endswith("]"):
            inner, _, size = kind[:-1].rpartition("[")
            return [self._value(inner) for _ in range(int(size) if size else rng.randrange(3))]
        if kind.startswith("("):
            return tuple(self._value(part) for part in split(kind[1:-1]))
        if kind == "address":
            return rng.choice(self._people)
        if kind == "bool":
            return rng.random() < 0.5
        if kind == "string":
            return "word"
        if kind.startswith("bytes"):
            return rng.randbytes(int(kind[5:] or rng.randrange(40)))
        signed, bits = kind.startswith("int"), int(kind.lstrip("uint"))
        top = 2 ** (bits - signed) - 1
        return max(-top - 1 if signed else 0, min(top, rng.choice(self._numbers)))


def split(kinds: str) -> Sequence[str]:
    """The members of a tuple type, at its own depth."""
    members, depth = [""], 0
    for letter in kinds:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            members.append("")
        else:
            members[-1] += letter
    return members
