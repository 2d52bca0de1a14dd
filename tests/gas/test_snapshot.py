"""Gas of trades and size of contracts against the committed snapshot, to the unit.

A change that means to move them writes the snapshot anew with `--write-snapshot` and shows it in
its diff.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocol.bench.trades import trade_gas_rows
from protocol.chain.artifacts import Artifacts

SNAPSHOT = Path(__file__).with_name("snapshot.json")
MAX_RUNTIME = 24_576  # EIP-170
MAX_INITCODE = 49_152  # EIP-3860


@pytest.fixture(scope="module")
def deployables(artifacts: Artifacts) -> list[str]:
    return [name for name, path in artifacts.sources.items() if path.parent.name != "testing"]


def test_snapshot__of_gas_and_sizes__is_as_committed(
    artifacts: Artifacts, deployables: list[str], request: pytest.FixtureRequest
) -> None:
    found = {
        "gas": dict(trade_gas_rows(artifacts)),
        "runtime_size": {name: artifacts[name].runtime_size for name in sorted(deployables)},
    }
    if request.config.getoption("--write-snapshot"):
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_contracts__of_any_kind__fit_on_chain(artifacts: Artifacts, deployables: list[str]) -> None:
    sizes = {name: artifacts[name].runtime_size for name in deployables}
    assert len(sizes) >= 13
    assert {name: size for name, size in sizes.items() if size >= MAX_RUNTIME} == {}
    assert all(len(artifacts[name].bytecode) <= MAX_INITCODE for name in deployables)
