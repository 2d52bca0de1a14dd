"""Chains for a run by name: in this process, or a private anvil."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.chain.base import TestChain
from protocol.chain.embedded import EmbeddedChain
from protocol.errors import InputError

ENGINES = ("embedded", "rpc")


@contextmanager
def open_chain(engine: str, *, timestamp: int) -> Iterator[TestChain]:
    """A fresh chain whose first block is at `timestamp`; gone at the end.

    Raises
    ------
    InputError
        For an engine there is not.
    """
    if engine == "embedded":
        yield EmbeddedChain(timestamp=timestamp)
    elif engine == "rpc":
        from protocol.chain import devnet  # web3 takes longer to load than a short run takes

        with tempfile.TemporaryDirectory(prefix="vomma-") as folder:
            node = devnet.start(port=_free_port(), folder=Path(folder), genesis_time=timestamp)
            try:
                yield node.connect()
            finally:
                devnet.stop(Path(folder))
    else:
        raise InputError("engine", engine, bound=f"one of {', '.join(ENGINES)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
