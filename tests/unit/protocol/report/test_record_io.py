"""A result read back is the result written."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.errors import DataError
from protocol.sim.record_io import load_result, save_result
from protocol.sim.result import RunResult


def test_save__then_load__same_record(make_result, tmp_path: Path) -> None:
    result = make_result(steps=30, seeds=2)
    big = replace(result.record, gas_used=2**200 + 1, wall_s=0.1 + 0.2)
    result = replace(result, record=big)
    assert load_result(save_result(result, tmp_path / "record.json.gz")) == result


def test_save__without_twin__same_record(make_run, tmp_path: Path) -> None:
    result = RunResult(make_run(hedged=False))
    assert load_result(save_result(result, tmp_path / "deep" / "record.json.gz")) == result


def test_save__twice__same_bytes(make_result, tmp_path: Path) -> None:
    result = make_result(steps=5)
    one, two = save_result(result, tmp_path / "a"), save_result(result, tmp_path / "b")
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]  # nothing left over


def test_save__unwritable_folder__says_so(make_result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write .*--out"):
        save_result(make_result(steps=2), tmp_path / "file" / "record.json.gz")


def test_load__missing__says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; pass the record"):
        load_result(tmp_path / "record.json.gz")


def test_load__not_gzip__says_so(tmp_path: Path) -> None:
    path = tmp_path / "record.json.gz"
    path.write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        load_result(path)


def test_load__cut_off__says_so(make_result, tmp_path: Path) -> None:
    path = save_result(make_result(steps=5), tmp_path / "record.json.gz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot be read"):
        load_result(path)


@pytest.mark.parametrize("key", ["spot", "imbalance"])
def test_load__field_missing__names_it(make_result, tmp_path: Path, key: str) -> None:
    path = save_result(make_result(steps=3), tmp_path / "record.json.gz")
    content = json.loads(gzip.decompress(path.read_bytes()))
    del content["result"]["record"]["steps"][1][key]
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    with pytest.raises(DataError, match=rf"steps\.1\.{key}"):
        load_result(path)


def test_load__other_format__says_so(make_result, tmp_path: Path) -> None:
    path = save_result(make_result(steps=3), tmp_path / "record.json.gz")
    content = json.loads(gzip.decompress(path.read_bytes()))
    content["format"] = "else"
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    with pytest.raises(DataError, match="'else'"):
        load_result(path)
