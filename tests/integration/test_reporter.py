"""The reporter against a real node: enabled, posting, stopped by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocol import cli
from protocol.chain import devnet
from protocol.chain.artifacts import Artifacts
from protocol.chain.rpc import DevnetChain
from protocol.clients.deploy import deploy_system
from protocol.clients.system import System
from protocol.parameters import SystemParameters
from protocol.sim.world import ADMIN, KEEPER
from protocol.units import WAD


@pytest.fixture
def system(
    tmp_path: Path, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> Iterator[System]:
    """A deployment on an anvil of its own, known to the command line."""
    monkeypatch.setenv("VOMMA_DEPLOYMENTS", str(tmp_path))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    chain = devnet.start(port=port, folder=tmp_path).connect()
    system = deploy_system(chain, artifacts, SystemParameters(), sender=ADMIN, keeper=KEEPER)
    devnet.write_addresses(chain.chain_id, system.addresses())
    yield system
    devnet.stop(tmp_path)


def test_reporter__on_a_devnet__posts_until_stopped(system: System) -> None:
    chain = system.chain
    assert isinstance(chain, DevnetChain)
    where = ("--rpc", chain.url)

    enabled = CliRunner().invoke(cli.app, ["reporter", "enable", "--send", *where])
    assert enabled.exit_code == 0, enabled.output
    assert system.oracle.feed(1).pull and system.oracle.signers()[1] == 2

    words = ("reporter", "run", "--live", "--json", "--price", "2500", "--vol", "0.7")
    running = subprocess.Popen(
        [sys.executable, "-c", "from protocol.cli import main; main()", *words, "--every", "1"]
        + [*where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # A suite that runs in the background was started with interrupts ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stdout is not None
    rounds = [json.loads(running.stdout.readline()) for _ in range(2)]
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)

    assert running.returncode == 130 and said.strip() == "vomma: stopped"
    assert all(row["taken"] and row["signatures"] == 2 for row in rounds)
    assert rounds[1]["timestamp"] == rounds[0]["timestamp"] + 1
    last = system.oracle.last_good(1)
    assert last.updated_at >= rounds[1]["timestamp"]
    assert abs(last.price - 2_500 * WAD) < 25 * WAD
