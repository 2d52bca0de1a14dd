"""Random play of the whole core taken down on the embedded engine and played on anvil: one record.

`pytest --deep` plays more than 10,000 transactions of the real contracts, instead of hundreds.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.chain import devnet
from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import GENESIS_TIME
from protocol.chain.rpc import DevnetChain
from tests.differential.test_engines import accounts_of, assert_same_state, touched
from tests.fuzz.machine import new_game, play
from tests.fuzz.tape import TapingChain, play_tape

SHORT, DEEP = 600, 10_000

__all__ = ["touched"]  # a fixture: every slot the embedded engine wrote


@pytest.fixture
def node(tmp_path: Path) -> Iterator[DevnetChain]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = devnet.start(
        port=port, folder=tmp_path, genesis_time=GENESIS_TIME, state_interval=3_600
    )
    yield started.connect()
    devnet.stop(tmp_path)


def test_engines__random_play_of_the_core__agree(
    node: DevnetChain, artifacts: Artifacts, touched: set[tuple[str, int]], deep: bool
) -> None:
    preset = set(accounts_of(node))
    chain = TapingChain()
    run = play(new_game(artifacts, chain), seed=1, steps=DEEP if deep else SHORT)
    assert run.broken is None, run.broken
    count = play_tape(node, chain.tape)
    assert count > (DEEP if deep else SHORT)
    assert_same_state(chain, node, touched, preset)
