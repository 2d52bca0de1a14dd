"""Chains for a run by name: in this process, or a private anvil."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from protocol.chain.base import TestChain
from protocol.chain.embedded import EmbeddedChain
from protocol.errors import InputError

ENGINES = ("embedded", "rpc")


@contextmanager
def open_chain(engine: str, *, timestamp: int) -> Iterator[TestChain]:
    """A fresh chain whose first block is at `timestamp`.

    Raises
    ------
    InputError
        For an engine there is not.
    """
    if engine == "embedded":
        yield EmbeddedChain(timestamp=timestamp)
        return
    raise InputError("engine", engine, bound=f"one of {', '.join(ENGINES)}")
