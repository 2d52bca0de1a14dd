"""Compiled contracts, kept under .build/ until one of their sources changes.

Each artifact remembers the hash of every file the compiler read for it, so an edit recompiles only
what depends on it, and a second run reads JSON and never imports the compiler.
"""

from __future__ import annotations

import hashlib
import json
import os
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from protocol.chain.abi import Abi
from protocol.errors import InputError, NotDeployed

ROOT = Path(__file__).resolve().parents[2]
EVM_VERSION = "cancun"
_CACHE_FORMAT = 1

Progress = Callable[[str, int, int], None]  # contract name, how many done, of how many


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled deployable: `bytecode` deploys it, `runtime_size` is what EIP-170 bounds."""

    name: str
    abi: Abi
    bytecode: bytes
    runtime_size: int
    layout: dict[str, Any]


class Artifacts:
    """All deployables (PascalCase.vy) below a contracts folder, compiled when first asked for."""

    def __init__(
        self, contracts: Path = ROOT / "contracts", cache: Path = ROOT / ".build" / "artifacts"
    ) -> None:
        self._contracts, self._cache = contracts, cache
        self._loaded: dict[str, Artifact] = {}

    @cached_property
    def sources(self) -> dict[str, Path]:
        """Contract name to source file."""
        paths = sorted(self._contracts.rglob("[A-Z]*.vy"))
        return {path.stem: path for path in paths}

    def __getitem__(self, name: str) -> Artifact:
        if name not in self._loaded:
            self.load([name])
        return self._loaded[name]

    def load(
        self,
        names: Iterable[str] | None = None,
        *,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> list[Artifact]:
        """Artifacts by name (all without names), compiling in parallel what the cache lacks."""
        wanted = list(self.sources if names is None else names)
        missing = [n for n in wanted if n not in self._loaded and not self._load_cached(n)]
        for done, name in enumerate(self._compile(missing, workers), start=1):
            if progress is not None:
                progress(name, done, len(missing))
        return [self._loaded[name] for name in wanted]

    def _load_cached(self, name: str) -> bool:
        record = read_json(self._cache / f"{name}.json")
        if record is None or record["compiler"] != _compiler():
            return False
        root = self._contracts.parent
        if root / record["source"] != self._source(name):
            return False
        if any(_hash(root / path) != seen for path, seen in record["inputs"].items()):
            return False
        self._loaded[name] = _artifact(name, record)
        return True

    def _compile(self, names: list[str], workers: int | None) -> Iterable[str]:
        paths = {name: self._source(name) for name in names}
        if len(names) <= 1:
            for name in names:
                yield self._store(name, compile_file(paths[name], self._contracts.parent))
            return
        with ProcessPoolExecutor(workers or min(len(names), os.cpu_count() or 1)) as pool:
            jobs = {
                pool.submit(compile_file, path, self._contracts.parent): name
                for name, path in paths.items()
            }
            for job in as_completed(jobs):
                yield self._store(jobs[job], job.result())

    def _store(self, name: str, record: dict[str, Any]) -> str:
        write_json(self._cache / f"{name}.json", record)
        self._loaded[name] = _artifact(name, record)
        return name

    def _source(self, name: str) -> Path:
        if name not in self.sources:
            raise NotDeployed(
                f"no contract {name!r} under {self._contracts}: one of {', '.join(self.sources)}"
            )
        return self.sources[name]


def compile_file(path: Path, root: Path) -> dict[str, Any]:
    """Compile one contract; the record names every source file that was read, with its hash."""
    from protocol.chain.vyper_build import build  # importing the compiler takes a second

    output, inputs = build(path, search_paths=[Path(sysconfig.get_path("purelib")), root])
    return {
        "compiler": _compiler(),
        # relative, so that a checkout can be moved with its cache
        "source": os.path.relpath(path, root),
        "inputs": {os.path.relpath(read, root): _hash(read) for read in inputs},
        "abi": output["abi"],
        "bytecode": output["bytecode"].removeprefix("0x"),
        "runtime_size": len(output["bytecode_runtime"].removeprefix("0x")) // 2,
        "layout": output["layout"],
    }


def read_json(path: Path) -> Any:
    """A JSON file's content, or None where there is no file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except json.JSONDecodeError as error:
        raise InputError(str(path), error.msg, bound="JSON", step="delete the file") from None


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all, also when others write it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        json.dump(value, file, indent=1)
    os.replace(name, path)


def _artifact(name: str, record: dict[str, Any]) -> Artifact:
    return Artifact(
        name,
        Abi(record["abi"]),
        bytes.fromhex(record["bytecode"]),
        record["runtime_size"],
        record["layout"],
    )


def _compiler() -> str:
    return f"vyper {version('vyper')} {EVM_VERSION} gas {_CACHE_FORMAT}"


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
