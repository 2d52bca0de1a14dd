"""What of the core's Vyper the tests have run: statements by first line, branches both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import vyper.ast as vy_ast
from rich.console import Console
from rich.table import Table
from vyper.ast.parse import parse_to_ast

from protocol.chain.artifacts import ROOT, Artifacts
from tests.coverage.exclusions import EXCLUDED
from tests.coverage.source_map import Branch, Line, SourceMap, source_maps
from tests.coverage.trace import Code, Step

LINE_BAR, BRANCH_BAR = 1.0, 0.95
CORE = ("access", "ledger", "markets", "math", "oracle", "periphery")


@dataclass(slots=True)
class FileCoverage:
    """One source file: of each thing that can be run, whether it was."""

    lines: dict[Line, bool] = field(default_factory=dict)
    ways: dict[tuple[Branch, bool], bool] = field(default_factory=dict)  # a branch, and if it jumps
    functions: set[int] = field(default_factory=set)
    uncompiled: list[int] = field(default_factory=list)  # functions no contract contains

    def missed_lines(self) -> list[int]:
        return sorted(line.number for line, run in self.lines.items() if not run)

    def missed_branches(self) -> list[Branch]:
        return sorted({branch for (branch, _), taken in self.ways.items() if not taken})


def measure(steps: dict[Code, set[Step]]) -> dict[str, FileCoverage]:
    """By source file. A module counts as run wherever it is compiled in, test harnesses too."""
    files = {str(path.relative_to(ROOT)): FileCoverage() for path in core_sources()}
    for name in Artifacts().sources:
        for code, source_map in source_maps(name).items():
            _count(files, source_map, steps.get(code, set()))
    for name, coverage in files.items():
        _exclude(name, coverage)
    return files


def core_sources() -> Iterator[Path]:
    """Deployables and modules of the core."""
    for folder in CORE:
        yield from sorted((ROOT / "contracts" / folder).glob("*.vy"))


def shares(files: Iterable[FileCoverage]) -> tuple[int, int, int, int]:
    """Lines run, of how many; ways of branches taken, of how many."""
    lines = [run for coverage in files for run in coverage.lines.values()]
    ways = [taken for coverage in files for taken in coverage.ways.values()]
    return sum(lines), len(lines), sum(ways), len(ways)


def _count(files: dict[str, FileCoverage], source_map: SourceMap, steps: set[Step]) -> None:
    for function in source_map.functions:
        if function.file in files:
            files[function.file].functions.add(function.number)
    ran = {counter for step in steps for counter in step}
    for counter, line in source_map.lines.items():
        if (coverage := files.get(line.file)) is not None:
            coverage.lines[line] = coverage.lines.get(line, False) or counter in ran
    onward: dict[int, set[bool]] = {}  # whether it jumped
    for here, there in steps:
        if here in source_map.branches:
            onward.setdefault(here, set()).add(there != here + 1)
    for counter, branch in source_map.branches.items():
        if (coverage := files.get(branch.line.file)) is not None:
            for jumps in (False, True):
                taken = jumps in onward.get(counter, ())
                coverage.ways[branch, jumps] = coverage.ways.get((branch, jumps), False) or taken


def _exclude(name: str, coverage: FileCoverage) -> None:
    text = (ROOT / name).read_text()
    out = {
        number
        for number, row in enumerate(text.splitlines(), start=1)
        if (Path(name).name, row.strip()) in EXCLUDED
    }
    lines, ways = coverage.lines, coverage.ways
    coverage.lines = {k: run for k, run in lines.items() if run or k.number not in out}
    coverage.ways = {k: run for k, run in ways.items() if run or k[0].line.number not in out}
    written = {each.lineno for each in parse_to_ast(text).get_children(vy_ast.FunctionDef)}
    coverage.uncompiled = sorted(written - coverage.functions - out)


def show(files: dict[str, FileCoverage]) -> bool:
    """Print a row for each file and what it misses; whether both bars are met."""
    table = Table("file", "lines", "branches", "missed")
    for name, coverage in files.items():
        lines, all_lines, ways, all_ways = shares([coverage])
        missed = [str(number) for number in coverage.missed_lines()]
        missed += [_words(branch) for branch in coverage.missed_branches()]
        missed += [f"{number} in no contract" for number in coverage.uncompiled]
        row = (_share(lines, all_lines), _share(ways, all_ways), ", ".join(missed))
        table.add_row(name.removeprefix("contracts/"), *row)
    lines, all_lines, ways, all_ways = shares(files.values())
    table.add_row("all", _share(lines, all_lines), _share(ways, all_ways), "")
    Console().print(table)
    return lines >= LINE_BAR * all_lines and ways >= BRANCH_BAR * all_ways


def _words(branch: Branch) -> str:
    return f"{branch.line.number} {branch.kind} one way"


def _share(done: int, whole: int) -> str:
    return f"{done}/{whole} {done / whole:.1%}" if whole else "-"
