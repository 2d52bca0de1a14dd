"""The Vyper compiler, called as a library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import CompilerInput, FilesystemInputBundle
from vyper.compiler.settings import OptimizationLevel, Settings
from vyper.exceptions import VyperException

from protocol.errors import CompileError

_OUTPUTS = ["abi", "bytecode", "bytecode_runtime", "layout"]


class _Watched(FilesystemInputBundle):  # type: ignore[misc]
    """A file bundle that remembers which files the compiler read."""

    def __init__(self, search_paths: Sequence[Path]) -> None:
        super().__init__(search_paths)
        self.read: set[Path] = set()

    def _load_from_path(self, resolved_path: Path, original_path: Path) -> CompilerInput:
        loaded = super()._load_from_path(resolved_path, original_path)
        self.read.add(Path(resolved_path))
        return loaded


def build(path: Path, *, search_paths: Sequence[Path]) -> tuple[dict[str, Any], list[Path]]:
    """The compiler's outputs for one contract, and the files it read."""
    bundle = _Watched(search_paths)
    settings = Settings(evm_version="cancun", optimize=OptimizationLevel.GAS)
    try:
        source = bundle.load_file(path)
        output = compile_from_file_input(
            source, input_bundle=bundle, settings=settings, output_formats=_OUTPUTS
        )
    except (VyperException, FileNotFoundError, SyntaxError) as error:
        raise CompileError(f"{path.name} does not compile: {error}") from None
    return output, sorted(bundle.read)
