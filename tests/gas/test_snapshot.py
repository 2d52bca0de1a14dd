"""Gas of trades and size of contracts against the committed snapshot, to the unit.

A change that means to move them writes the snapshot anew with `--write-snapshot` and shows it in
its diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.bench.loans import loan_gas_rows
from protocol.bench.margin import margin_gas_rows, scenario_count
from protocol.bench.trades import listed_world, trade_gas_rows
from protocol.chain.artifacts import Artifacts
from protocol.clients.system import System
from protocol.parameters import MarginParameters

SNAPSHOT = Path(__file__).with_name("snapshot.json")
MAX_RUNTIME = 24_576  # EIP-170
NO_SYSTEM = ("testing", "examples")  # folders
MAX_INITCODE = 49_152  # EIP-3860


@pytest.fixture(scope="module")
def deployables(artifacts: Artifacts) -> list[str]:
    return [name for name, path in artifacts.sources.items() if path.parent.name not in NO_SYSTEM]


def deployed_size(artifacts: Artifacts, name: str) -> int:
    """Bytes of code on chain: the compiler's, and the immutables that the constructor appends."""
    immutables = [artifacts[name].layout.get("code_layout", {})]
    size = artifacts[name].runtime_size
    while immutables:
        for entry in immutables.pop().values():
            if "length" in entry:
                size += entry["length"]
            else:  # those of a module
                immutables.append(entry)
    return size


def contracts(system: System) -> Iterator[Any]:
    for name in system.contracts():
        yield getattr(system, name)
    for market in system.markets:
        yield from (market.amm, market.perp, market.options_vault, market.perp_vault)
        yield market.collateral


def test_snapshot__of_gas_and_sizes__is_as_committed(
    artifacts: Artifacts, deployables: list[str], request: pytest.FixtureRequest
) -> None:
    found = {
        "gas": dict(
            trade_gas_rows(artifacts) + loan_gas_rows(artifacts) + margin_gas_rows(artifacts)
        ),
        "margin_scenarios": scenario_count(MarginParameters()),
        "runtime_size": {name: deployed_size(artifacts, name) for name in sorted(deployables)},
    }
    if request.config.getoption("--write-snapshot"):
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_margin__of_a_full_scan__costs_what_was_promised(artifacts: Artifacts) -> None:
    found = dict(margin_gas_rows(artifacts))
    assert found["margin 4 legs"] <= 380_000 and found["margin 16 legs"] <= 1_300_000
    assert scenario_count(MarginParameters()) >= 33


def test_contracts__of_any_kind__fit_on_chain(artifacts: Artifacts, deployables: list[str]) -> None:
    sizes = {name: deployed_size(artifacts, name) for name in deployables}
    assert len(sizes) >= 13
    assert {name: size for name, size in sizes.items() if size > MAX_RUNTIME} == {}
    assert all(len(artifacts[name].bytecode) <= MAX_INITCODE for name in deployables)


def test_deployed_size__of_a_whole_system__is_that_on_chain(
    artifacts: Artifacts, deployables: list[str]
) -> None:
    """The sizes above are computed; a deployment says what they are."""
    world = listed_world(artifacts)
    found = {
        type(each).__name__: len(world.chain.code(each.address)) for each in contracts(world.system)
    }
    found.pop("Token")  # a test contract
    assert found == {name: deployed_size(artifacts, name) for name in found}
    assert set(found) == set(deployables)
