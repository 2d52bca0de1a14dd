"""Results on disk: gzipped JSON that reads back to the very same record."""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import suppress
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from protocol.errors import DataError
from protocol.sim.result import RunResult

FORMAT = "vomma-run"


@dataclass(frozen=True, slots=True, config=ConfigDict(ser_json_inf_nan="constants"))
class _File:
    """A file says what it is, so that a stranger's JSON is refused by name."""

    format: str
    result: RunResult


_ADAPTER = TypeAdapter(_File)


def save_result(result: RunResult, path: Path) -> Path:
    """Write a result; the file appears whole or not at all."""
    write_atomically(path, gzip.compress(_ADAPTER.dump_json(_File(FORMAT, result)), 6, mtime=0))
    return path


def load_result(path: Path) -> RunResult:
    """Read a result.

    Raises
    ------
    DataError
        Where the file is missing, is no gzipped JSON or is not a run's record.
    """
    step = "pass the record.json.gz that `vomma run` wrote"
    try:
        content = gzip.decompress(path.read_bytes())
        file = _ADAPTER.validate_json(content)
    except FileNotFoundError:
        raise DataError(f"record {path} does not exist; {step}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"record {path} cannot be read ({error}); {step}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"record {path} is damaged at {place}: {first['msg']}; {step}") from None
    if file.format != FORMAT:
        raise DataError(f"record {path} is of format {file.format!r}, not {FORMAT!r}; {step}")
    return file.result


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one move, making its folder.

    Raises
    ------
    DataError
        Where the folder cannot be made or written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise DataError(
            f"cannot write {path} ({error.strerror or error}); choose another folder with --out"
        ) from None
