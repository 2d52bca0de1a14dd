"""Which statement and which branch each program counter of a contract's code stands for.

From the compiler's own source map, the one that boa uses. A branch is a conditional jump that the
source asks for: of `if`, of a conditional expression, of each `and` and `or`, of an `assert`. Jumps
that the compiler adds (overflow, bounds, dispatch, the lock) belong to no such node.
"""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vyper.ast as vy_ast
from vyper.compiler import CompilerData
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import OptimizationLevel, Settings
from vyper.ir.compile_ir import assembly_to_evm

from protocol.chain.artifacts import EVM_VERSION, ROOT, Artifacts
from protocol.errors import CompileError
from tests.coverage.trace import Code

_JUMPI, _PUSH0, _PUSH32 = 0x57, 0x5F, 0x7F
_CHOICES = (vy_ast.If, vy_ast.IfExp, vy_ast.BoolOp, vy_ast.Assert)


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """The first line of a statement."""

    file: str  # relative to the repository
    number: int


@dataclass(frozen=True, slots=True, order=True)
class Branch:
    """A conditional jump; `part` counts the operands of a chain of `and` or `or`."""

    line: Line
    column: int
    kind: str
    part: int


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Statements and branches by program counter; the functions that the code contains."""

    lines: dict[int, Line]
    branches: dict[int, Branch]
    functions: set[Line]


def source_maps(name: str) -> dict[Code, SourceMap]:
    """Those of a contract's runtime code and of the code that deploys it.

    Raises
    ------
    CompileError
        Where the source no longer compiles to the artifact that was run.
    """
    artifact, data = Artifacts()[name], _compile(Artifacts().sources[name])
    runtime, runtime_maps = assembly_to_evm(data.assembly_runtime, compiler_metadata=None)
    # the same up to the metadata at the end and the length that counts it
    deploying, deploying_maps = assembly_to_evm(data.assembly, compiler_metadata=None)
    if data.bytecode != artifact.bytecode:
        raise CompileError(f"{name}: the source is not what was run; measure again")
    start = deploying.index(runtime)
    return {
        (name, False): _read(runtime, runtime_maps["pc_raw_ast_map"]),
        (name, True): _read(deploying[:start], deploying_maps["pc_raw_ast_map"]),
    }


def _compile(path: Path) -> Any:
    bundle = FilesystemInputBundle([Path(sysconfig.get_path("purelib")), ROOT])
    settings = Settings(evm_version=EVM_VERSION, optimize=OptimizationLevel.GAS)
    return CompilerData(bundle.load_file(path), input_bundle=bundle, settings=settings)


def _read(code: bytes, nodes: dict[int, Any]) -> SourceMap:
    lines, branches, functions = {}, {}, set()
    parts: dict[int, int] = {}
    for counter, opcode in _operations(code):
        if (node := nodes.get(counter)) is None:
            continue
        if (function := _function(node)) is not None:
            functions.add(Line(_file(function), function.lineno))
        statement = _statement(node)
        if statement is None or statement.lineno is None:  # a getter has no text
            continue
        line = Line(_file(statement), statement.lineno)
        lines[counter] = line
        if opcode == _JUMPI and isinstance(node, _CHOICES):
            part = parts[id(node)] = parts.get(id(node), -1) + 1
            place = Line(line.file, node.lineno)
            branches[counter] = Branch(place, node.col_offset, type(node).__name__, part)
    return SourceMap(lines, branches, functions)


def _operations(code: bytes) -> list[tuple[int, int]]:
    found, counter = [], 0
    while counter < len(code):
        opcode = code[counter]
        found.append((counter, opcode))
        counter += 1 + (opcode - _PUSH0 if _PUSH0 < opcode <= _PUSH32 else 0)
    return found


def _function(node: Any) -> Any:
    """The function a node is part of, or None."""
    return node if isinstance(node, vy_ast.FunctionDef) else node.get_ancestor(vy_ast.FunctionDef)


def _statement(node: Any) -> Any:
    """The statement a node is part of, or None for what stands outside of a function's body."""
    if _function(node) is None:
        return None
    while not isinstance(node, (vy_ast.Stmt, vy_ast.FunctionDef)):
        node = node.get_ancestor()
    if isinstance(node, vy_ast.FunctionDef):
        return None  # a default argument, or what every function does on its way in and out
    loop = node.get_ancestor()
    # the variable of a loop is declared in its head
    return loop if isinstance(loop, vy_ast.For) and node is loop.target else node


def _file(node: Any) -> str:
    path = Path(node.module_node.resolved_path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
