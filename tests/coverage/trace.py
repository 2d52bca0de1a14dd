"""Which steps each contract's code has taken: pairs of neighbouring program counters, per code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from protocol.chain.artifacts import Artifact, Artifacts, write_json

Step = tuple[int, int]  # from one program counter to the next one run
Code = tuple[str, bool]  # a contract's name, and whether it is the code that deploys it


class Traces:
    """Steps seen so far. Code that is nobody's artifact (a broken twin) is not kept."""

    def __init__(self) -> None:
        self.steps: dict[Code, set[Step]] = {}
        self._artifacts: list[Artifact] = []
        self._known: dict[bytes, Code | None] = {}

    def add(self, code: bytes, counters: list[int]) -> None:
        """The program counters of one call, in order."""
        if code not in self._known:
            self._known[code] = self._identify(code)
        if (name := self._known[code]) is not None:
            self.steps.setdefault(name, set()).update(zip(counters, counters[1:], strict=False))

    def save(self, path: Path) -> None:
        """Keep as JSON; contracts by name."""
        rows = [[*code, sorted(steps)] for code, steps in sorted(self.steps.items())]
        write_json(path, rows)

    def _identify(self, code: bytes) -> Code | None:
        if not self._artifacts:
            self._artifacts = Artifacts().load()
        for artifact in self._artifacts:
            if code.startswith(artifact.bytecode):  # constructor arguments follow
                return artifact.name, True
            runtime = code[: artifact.runtime_size]  # immutables follow
            if len(runtime) == artifact.runtime_size and runtime in artifact.bytecode:
                return artifact.name, False
        return None


def load(paths: Iterable[Path]) -> dict[Code, set[Step]]:
    """The union of what several runs have kept."""
    found: dict[Code, set[Step]] = {}
    for path in paths:
        for name, deploys, steps in json.loads(path.read_text()):
            found.setdefault((name, deploys), set()).update((a, b) for a, b in steps)
    return found


TRACES = Traces()  # of this process: chains are made in many places, and the run ends in one
