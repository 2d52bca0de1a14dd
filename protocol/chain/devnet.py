"""A local anvil as a background process, and where its contracts are.

Everything it needs to be found again lies under deployments/devnet/: which process, which port,
and the chain's state, written every few seconds so that even a killed node comes back.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protocol.chain.artifacts import ROOT, read_json, write_json
from protocol.chain.base import BLOCK_GAS_LIMIT, DEVNET_CHAIN_ID
from protocol.chain.rpc import DevnetChain
from protocol.errors import AnvilMissing, ChainError, ChainUnavailable, NotDeployed, PortInUse

DEPLOYMENTS = ROOT / "deployments"
FOLDER = DEPLOYMENTS / "devnet"
PORT = 8545
_START_PATIENCE = 20.0  # seconds; a large state takes some to load
_STOP_PATIENCE = 20.0
_KEPT_STATES = 256  # blocks a reader may stay pinned to; without a bound anvil slows with age


@dataclass(frozen=True, slots=True)
class Devnet:
    """A running devnet."""

    pid: int
    port: int
    chain_id: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *, hold_time: bool = True) -> DevnetChain:
        """Its chain; with `hold_time` false its clock runs with the wall's."""
        return DevnetChain(self.url, hold_time=hold_time)


def start(
    *,
    port: int = PORT,
    chain_id: int = DEVNET_CHAIN_ID,
    folder: Path = FOLDER,
    fresh: bool = False,
    state_interval: int = 2,
    genesis_time: int | None = None,
) -> Devnet:
    """Start a devnet, or return the one that runs. `fresh` forgets the state kept on disk.

    `genesis_time` is that of a fresh chain's first block; now, if not given.

    Raises `AnvilMissing`, `PortInUse`, or `ChainError` with anvil's own words.
    """
    if (running := status(folder)) is not None:
        return running
    anvil = find_anvil()
    _check_port(port)
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:
        (folder / "state.json").unlink(missing_ok=True)
    command = [anvil, *_options(port, chain_id), "--state", folder / "state.json"]
    if genesis_time is not None:
        command += ["--timestamp", str(genesis_time)]
    with (folder / "anvil.log").open("w") as log:
        process = subprocess.Popen(
            [*map(str, command), "--state-interval", str(state_interval)],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is not meant for it
        )
    devnet = Devnet(process.pid, port, chain_id)
    _await_answer(devnet, process, folder)
    write_json(folder / "devnet.json", asdict(devnet))
    return devnet


def status(folder: Path = FOLDER) -> Devnet | None:
    """The running devnet; None when there is none (a stale record is cleared)."""
    record = read_json(folder / "devnet.json")
    if record is None:
        return None
    devnet = Devnet(**record)
    if "anvil" in _command_of(devnet.pid):
        return devnet
    (folder / "devnet.json").unlink(missing_ok=True)
    return None


def stop(folder: Path = FOLDER) -> bool:
    """Stop the devnet and wait until its state is on disk; False when none was running."""
    devnet = status(folder)
    if devnet is None:
        return False
    os.kill(devnet.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_PATIENCE
    while _lives(devnet.pid):
        if time.monotonic() > deadline:
            raise ChainError(
                f"devnet (pid {devnet.pid}) still runs after {_STOP_PATIENCE:.0f} s: "
                f"`kill -9 {devnet.pid}` ends it, its state is at most seconds old"
            )
        time.sleep(0.05)
    (folder / "devnet.json").unlink(missing_ok=True)
    return True


def find_anvil() -> Path:
    """The node program: next to this Python, or on the PATH."""
    beside = Path(sys.executable).parent / "anvil"
    found = str(beside) if beside.exists() else shutil.which("anvil")
    if found is None:
        raise AnvilMissing(
            f"no anvil beside {sys.executable} nor on PATH: run `python3 dev.py setup`"
        )
    return Path(found)


def read_addresses(chain_id: int, *, folder: Path = DEPLOYMENTS) -> dict[str, Any]:
    """The address book of what was deployed on a chain, as it was written."""
    book: dict[str, Any] | None = read_json(folder / f"{chain_id}.json")
    if book is None:
        raise NotDeployed(
            f"nothing is known to be deployed on chain {chain_id} "
            f"({folder / f'{chain_id}.json'} is missing): run `vomma deploy`"
        )
    return book


def write_addresses(chain_id: int, book: Mapping[str, Any], *, folder: Path = DEPLOYMENTS) -> Path:
    """Keep the address book of a chain (names to addresses, nested as one likes), whole."""
    path = folder / f"{chain_id}.json"
    write_json(path, dict(book))
    return path


def _options(port: int, chain_id: int) -> list[str]:
    return [
        *("--hardfork", "cancun"),
        *("--host", "127.0.0.1"),
        *("--port", str(port)),
        *("--chain-id", str(chain_id)),
        *("--gas-limit", str(BLOCK_GAS_LIMIT)),
        *("--base-fee", "0"),
        *("--gas-price", "0"),
        *("--prune-history", str(_KEPT_STATES)),
        "--auto-impersonate",
        "--quiet",
    ]


def _await_answer(devnet: Devnet, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = (folder / "anvil.log").read_text().strip().splitlines()
            raise ChainError(
                f"anvil stopped at once ({said[0] if said else 'it said nothing'}): "
                f"`vomma devnet up --fresh` starts without {folder / 'state.json'}"
            )
        try:
            chain = DevnetChain(devnet.url, hold_time=False)
            # a loaded state may be ahead of the wall clock, and anvil would mine into its past
            chain.ask("anvil_setTime", chain.timestamp)
            return
        except ChainUnavailable:
            time.sleep(0.05)
    process.kill()
    raise ChainUnavailable(f"anvil did not answer on port {devnet.port}: see {folder}/anvil.log")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            owner = _listener(port)
            raise PortInUse(
                f"port {port} is used by {owner or 'another program'}: "
                f"{'stop it' if owner else 'see `ss -ltnp`'}, or choose another with --port"
            ) from None


def _listener(port: int) -> str | None:
    """Who listens on a port, as far as /proc tells (Linux, own processes)."""
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
        inodes |= {row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link).removeprefix("socket:[").rstrip("]") in inodes:
                pid = int(link.parts[2])
                return f"pid {pid} ({_command_of(pid).split()[0]})"
        except OSError:  # it ended, or is not ours to look at
            continue
    return None


def _lives(pid: int) -> bool:
    """Whether any thread of a process runs; a zombie does not, whoever has yet to reap it."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # started by another process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    states = [_thread_state(path) for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return any(state not in "ZX" for state in states) if states else not Path("/proc").exists()


def _thread_state(path: Path) -> str:
    try:
        return path.read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _command_of(pid: int) -> str:
    """A process's command line; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        pass
    if Path("/proc").exists():
        return ""
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True)
    return shown.stdout.strip()
