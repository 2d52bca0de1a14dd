"""Contracts with one defence taken out: what an attack must drain, if its test is worth anything.

    twin = broken("OptionsAMM", {'assert cash < 0, "amm: no bid"': "pass"})
    exchange = build_exchange(WithTwins(twin))

A twin is compiled from a copy of `contracts/` under .build/twins/ that differs in the given
replacements only. The copy is named by them and follows the sources, and its artifact is cached as
any other: only a twin whose sources changed is compiled again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from protocol.chain.artifacts import ROOT, Artifact, Artifacts
from protocol.errors import InputError

_TWINS = ROOT / ".build" / "twins"


def broken(contract: str, changes: Mapping[str, str], *, module: str | None = None) -> Artifact:
    """A contract with pieces of its source replaced, or of a module's that it uses.

    Raises
    ------
    InputError
        Where a piece does not occur in the source exactly once: a replacement that misses would
        leave the defence in place, and the test would prove nothing.
    """
    changed = module or contract
    key = hashlib.sha256(json.dumps([contract, changed, dict(changes)]).encode()).hexdigest()
    folder = _TWINS / f"{contract}-{key[:12]}"
    for source in (ROOT / "contracts").rglob("*.vy*"):
        text = source.read_text()
        if source.name == f"{changed}.vy":
            text = _replaced(text, changes, name=changed)
        _write(folder / source.relative_to(ROOT), text)
    return Artifacts(contracts=folder / "contracts", cache=folder)[contract]


class WithTwins(Artifacts):
    """The project's artifacts, some replaced: give it to whatever deploys a system."""

    def __init__(self, *twins: Artifact) -> None:
        super().__init__()
        self._twins = {twin.name: twin for twin in twins}

    def __getitem__(self, name: str) -> Artifact:
        return self._twins[name] if name in self._twins else super().__getitem__(name)


def _replaced(text: str, changes: Mapping[str, str], *, name: str) -> str:
    for old, new in changes.items():
        if (found := text.count(old)) != 1:
            raise InputError(
                f"replacement of {old!r} in {name}.vy", found, bound="exactly one occurrence"
            )
        text = text.replace(old, new)
    return text


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and only where it changes: other workers may be compiling the same."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(name, path)
