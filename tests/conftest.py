"""Fixtures for every tier: compiled contracts, a fresh embedded chain, and how to deploy on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import Revert
from tests.market_bench import rewound
from tests.system_fixtures import Exchange, build_exchange

Deploy = Callable[..., AnyContract]
Reverts = Callable[..., AbstractContextManager[None]]

DEPLOYER = "0x" + "d0" * 20


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # once and in parallel, not in every worker of xdist
        Artifacts().load()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--deep", action="store_true", help="differential tests at full length")
    parser.addoption("--write-snapshot", action="store_true", help="keep gas and sizes as found")


@pytest.fixture(scope="session")
def deep(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--deep"))


@pytest.fixture(scope="session")
def artifacts() -> Artifacts:
    """Compiled contracts by name: `artifacts["MockERC20"]`."""
    return Artifacts()


@pytest.fixture
def chain() -> EmbeddedChain:
    """A fresh embedded chain."""
    return EmbeddedChain()


@pytest.fixture
def deploy(chain: EmbeddedChain, artifacts: Artifacts) -> Deploy:
    """`deploy("MockERC20", "Dollar", "USD", 6)` puts a contract on `chain`."""

    def put(name: str, *args: Any, sender: str = DEPLOYER) -> AnyContract:
        artifact = artifacts[name]
        address = deploy_contract(chain, artifact, *args, sender=sender)
        return AnyContract(chain, address, artifact.abi)

    return put


@pytest.fixture(scope="session")
def reverts() -> Reverts:
    """`with reverts("token: balance"): ...`; without a reason any revert will do."""

    @contextmanager
    def expect(reason: str | None = None) -> Iterator[None]:
        with pytest.raises(Revert) as caught:
            yield
        if reason is not None:
            assert caught.value.reason == reason

    return expect


@pytest.fixture(scope="session")
def rewound_exchange(artifacts: Artifacts) -> Iterator[Callable[[], Exchange]]:
    """A whole deployment with two underlyings, built once; each call hands it out as it was."""
    yield from rewound(lambda: build_exchange(artifacts))


@pytest.fixture
def exchange(rewound_exchange: Callable[[], Exchange]) -> Exchange:
    """The deployment of `tests/system_fixtures.py`, as built."""
    return rewound_exchange()
