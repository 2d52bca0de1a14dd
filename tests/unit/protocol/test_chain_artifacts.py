from __future__ import annotations

import sys
from pathlib import Path

import pytest

from protocol.chain import vyper_build
from protocol.chain.artifacts import Artifacts
from protocol.errors import CompileError, NotDeployed

MODULE = "#pragma version ~=0.4.3\n\nVALUE: constant(uint256) = {value}\n"
CONTRACT = """#pragma version ~=0.4.3
from . import one_value

@external
@view
def value() -> uint256:
    return one_value.VALUE
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "one_value.vy").write_text(MODULE.format(value=1))
    (folder / "Reader.vy").write_text(CONTRACT)
    (folder / "Other.vy").write_text(CONTRACT.replace("value()", "other()"))
    return folder


def fresh(tree: Path) -> Artifacts:
    return Artifacts(tree, tree.parent / "cache")


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files compiled in this process."""
    seen: list[str] = []
    build = vyper_build.build

    def watch(path: Path, **kwargs: object) -> object:
        seen.append(path.stem)
        return build(path, **kwargs)

    monkeypatch.setattr(vyper_build, "build", watch)
    return seen


def test_artifacts__second_time__from_cache(tree: Path, builds: list[str]) -> None:
    first = fresh(tree)["Reader"]
    again = fresh(tree)["Reader"]
    assert builds == ["Reader"]
    assert (again.bytecode, again.abi.entries) == (first.bytecode, first.abi.entries)
    assert 0 < first.runtime_size < len(first.bytecode)


def test_artifacts__imported_module_edited__recompiles_its_users(
    tree: Path, builds: list[str]
) -> None:
    before = fresh(tree)["Reader"]
    (tree / "one_value.vy").write_text(MODULE.format(value=2))
    assert fresh(tree)["Reader"].bytecode != before.bytecode
    assert builds == ["Reader", "Reader"]


def test_artifacts__unrelated_file_edited__kept(tree: Path, builds: list[str]) -> None:
    assert fresh(tree)["Reader"]
    (tree / "Other.vy").write_text("nonsense")
    assert fresh(tree)["Reader"]
    assert builds == ["Reader"]


def test_load__many__in_parallel_with_progress(tree: Path) -> None:
    steps: list[tuple[int, int]] = []
    artifacts = fresh(tree)
    loaded = artifacts.load(progress=lambda _, done, total: steps.append((done, total)))
    assert [artifact.name for artifact in loaded] == ["Other", "Reader"]
    assert steps == [(1, 2), (2, 2)]


def test_artifacts__does_not_compile__says_which(tree: Path) -> None:
    (tree / "Reader.vy").write_text(CONTRACT.replace("one_value.VALUE", "one_value.NONE"))
    with pytest.raises(CompileError, match=r"Reader\.vy does not compile"):
        fresh(tree)["Reader"]


def test_artifacts__unknown_name__lists_the_known(tree: Path) -> None:
    with pytest.raises(NotDeployed, match="Other, Reader"):
        fresh(tree)["Nobody"]


def test_artifacts__from_cache__leaves_the_compiler_alone(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fresh(tree)["Reader"]
    monkeypatch.setitem(sys.modules, "protocol.chain.vyper_build", None)
    assert fresh(tree)["Reader"]


def test_artifacts__checkout_moved_with_its_cache__kept(tree: Path, builds: list[str]) -> None:
    assert fresh(tree)["Reader"]
    moved = tree.parent / "elsewhere"
    moved.mkdir()
    for name in ("contracts", "cache"):
        (tree.parent / name).rename(moved / name)
    assert fresh(moved / "contracts")["Reader"]
    assert builds == ["Reader"]
