"""Rules of the contracts folder that no linter knows: who imports whom, how long, how named.

A contract imports modules from math/, access/ and its own folder; other folders only through
interfaces. A PascalCase file deploys and stays within 600 lines; a module's name is two words.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
SHARED = {"math", "access", "interfaces"}
MAX_LINES = 600
IMPORT = re.compile(r"^from (\.+)(\w*) import (\w+)", re.MULTILINE)
PRAGMA = "#pragma version ~=0.4.3"


def faults(path: Path) -> Iterator[str]:
    """What is wrong with one file, a sentence each."""
    text, stem, folder = path.read_text(), path.stem, path.parent.name
    if not text.startswith(PRAGMA):
        yield f"first line must be {PRAGMA!r}: ape goes to the network otherwise"
    if len(text.splitlines()) > MAX_LINES:
        yield f"{len(text.splitlines())} lines, bound {MAX_LINES}: split decide from move"
    for tag in ("@title", "@author", "@license", "@notice"):
        if tag not in text:
            yield f"no {tag} in the header"
    deploys = stem[0].isupper()
    if deploys and "#pragma nonreentrancy on" not in text:
        yield "a contract that deploys needs #pragma nonreentrancy on"
    if not deploys and "_" not in stem:
        yield "a module's name is two words, or it collides with a variable"
    for dots, target, name in IMPORT.findall(text):
        if dots == ".." and target not in SHARED | {folder}:
            yield f"imports {name} from {target}/: go through interfaces/"


def main() -> int:
    bad = 0
    stems: dict[str, Path] = {}
    for path in sorted(CONTRACTS.rglob("*.vy")):
        where = path.relative_to(CONTRACTS.parent)
        found = [] if path.parent.name == "testing" else list(faults(path))
        if path.stem in stems:
            found.append(f"same name as {stems[path.stem]}: ape cannot tell them apart")
        stems[path.stem] = where
        for fault in found:
            print(f"{where}: {fault}", file=sys.stderr)
        bad += len(found)
    print(f"contracts: {len(stems)} files, {bad} faults")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
