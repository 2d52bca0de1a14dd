from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.chain import devnet
from protocol.chain.accounts import Keyring
from protocol.chain.artifacts import Artifacts
from protocol.chain.rpc import DevnetChain, RpcChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import (
    AnvilMissing,
    ChainError,
    ChainUnavailable,
    ConfigError,
    InputError,
    NotDeployed,
    PortInUse,
    Revert,
)

HOLDER, OTHER = "0x" + "aa" * 20, "0x" + "bb" * 20


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    devnet.stop(tmp_path)


@pytest.fixture
def chain(folder: Path, port: int) -> DevnetChain:
    return devnet.start(port=port, folder=folder).connect()


@pytest.fixture
def token(chain: DevnetChain, artifacts: Artifacts) -> AnyContract:
    artifact = artifacts["MockERC20"]
    address = deploy_contract(chain, artifact, "Dollar", "USD", 6, sender=HOLDER)
    return AnyContract(chain, address, artifact.abi)


def test_transact__over_wall_time__timestamp_is_held(
    chain: DevnetChain, token: AnyContract
) -> None:
    chain.advance(3_600)
    held, block = chain.timestamp, chain.block_number
    for step in range(1, 3):
        time.sleep(1.1)
        receipt = token.send("mint", HOLDER, 1, sender=HOLDER)
        assert (receipt.timestamp, receipt.block_number) == (held, block + step)
    with pytest.raises(InputError, match="revert to a snapshot"):
        chain.set_time(held - 1)


def test_transact__reverts__nothing_is_mined(chain: DevnetChain, token: AnyContract) -> None:
    before = chain.block_number, chain.nonce(HOLDER)
    with pytest.raises(Revert, match="token: balance"):
        token.send("transfer", OTHER, 1, sender=HOLDER)
    assert (chain.block_number, chain.nonce(HOLDER)) == before


def test_revert__to_snapshot__restores_state_and_time(
    chain: DevnetChain, token: AnyContract
) -> None:
    before = chain.block_number, chain.timestamp
    point = chain.snapshot()
    token.send("mint", HOLDER, 1, sender=HOLDER)
    chain.advance(60)
    chain.revert(point)
    assert token.call("balanceOf", HOLDER) == 0
    assert (chain.block_number, chain.timestamp) == before
    assert token.send("mint", HOLDER, 1, sender=HOLDER).timestamp == before[1]
    with pytest.raises(InputError, match="snapshot"):
        chain.revert(99)


def test_pin__then_a_transaction__reads_the_old_block(
    chain: DevnetChain, token: AnyContract
) -> None:
    pinned = chain.pin()
    token.send("mint", HOLDER, 1, sender=HOLDER)
    assert token.on(pinned).call("balanceOf", HOLDER) == 0
    assert pinned.block_number == chain.block_number - 1
    with pytest.raises(ConfigError, match="reading only"):
        pinned.transact(sender=HOLDER, to=OTHER, data=b"")


def test_rpc__signed_with_a_key__mined_like_any_network(
    chain: DevnetChain, token: AnyContract
) -> None:
    keys = Keyring.dev(1)
    signer = keys.addresses[0]
    signed = token.on(RpcChain(chain.url, keys=keys))
    receipt = signed.send("mint", OTHER, 5, sender=signer)
    assert signed.call("balanceOf", OTHER) == 5
    assert signed.events(receipt)[0].args["value"] == 5
    rpc = signed.chain
    assert isinstance(rpc, RpcChain)
    assert rpc.receipt(receipt.tx_hash) == receipt
    assert rpc.receipt("0x" + "00" * 32) is None
    with pytest.raises(Revert, match="token: balance"):
        signed.send("transfer", HOLDER, 1, sender=signer)
    with pytest.raises(ConfigError, match=f"no key for {OTHER}"):
        signed.send("transfer", HOLDER, 1, sender=OTHER)


def test_start__after_kill_9__state_is_back(
    chain: DevnetChain, token: AnyContract, folder: Path, port: int
) -> None:
    token.send("mint", HOLDER, 7, sender=HOLDER)
    chain.advance(3_600)
    held = chain.timestamp
    time.sleep(2.5)  # one state interval
    running = devnet.status(folder)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    assert devnet.status(folder) is None
    again = devnet.start(port=port, folder=folder).connect()
    assert token.on(again).call("balanceOf", HOLDER) == 7
    assert token.on(again).send("mint", HOLDER, 1, sender=HOLDER).timestamp >= held


def test_start__twice__returns_the_running_one(chain: DevnetChain, folder: Path, port: int) -> None:
    assert devnet.start(port=port, folder=folder) == devnet.status(folder)


def test_stop__then_start__state_kept_until_fresh(
    chain: DevnetChain, token: AnyContract, folder: Path, port: int
) -> None:
    assert devnet.stop(folder)
    assert not devnet.stop(folder)
    assert devnet.start(port=port, folder=folder).connect().code(token.address)
    devnet.stop(folder)
    assert not devnet.start(port=port, folder=folder, fresh=True).connect().code(token.address)


def test_start__port_in_use__names_port_and_owner(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {busy} is used by pid {os.getpid()}"):
            devnet.start(port=busy, folder=folder)


def test_start__damaged_state__says_fresh(folder: Path, port: int) -> None:
    (folder / "state.json").write_text('{"block":')
    with pytest.raises(ChainError, match="--fresh"):
        devnet.start(port=port, folder=folder)


def test_status__record_of_a_dead_process__cleared(folder: Path) -> None:
    (folder / "devnet.json").write_text('{"pid": 4194304, "port": 1, "chain_id": 1}')
    assert devnet.status(folder) is None
    assert not (folder / "devnet.json").exists()


def test_find_anvil__nowhere__says_setup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(AnvilMissing, match=r"python3 dev\.py setup"):
        devnet.find_anvil()


def test_rpc__no_node__says_devnet_up(port: int) -> None:
    with pytest.raises(ChainUnavailable, match=f"127.0.0.1:{port}.*vomma devnet up"):
        RpcChain(f"http://127.0.0.1:{port}").timestamp  # noqa: B018


def test_addresses__written__read_back(tmp_path: Path) -> None:
    book = {"ledger": HOLDER, "markets": [{"symbol": "ETH", "amm": OTHER}]}
    devnet.write_addresses(7, book, folder=tmp_path)
    assert devnet.read_addresses(7, folder=tmp_path) == book
    assert list(tmp_path.iterdir()) == [tmp_path / "7.json"]
    with pytest.raises(NotDeployed, match="vomma deploy"):
        devnet.read_addresses(8, folder=tmp_path)
