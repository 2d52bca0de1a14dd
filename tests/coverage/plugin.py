"""A pytest plugin that runs the contracts' tests on the traced chain: `-p tests.coverage.plugin`.

Tests make their chains by name in many places, so the class itself is replaced before any of them
is imported.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

import protocol.chain.embedded as embedded
from protocol.chain.artifacts import ROOT
from tests.coverage.engine import TracedChain
from tests.coverage.trace import TRACES

FOLDER = ROOT / ".build" / "coverage"

embedded.EmbeddedChain = TracedChain  # type: ignore[misc, assignment]
settings.register_profile("traced", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("traced")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what this process has seen."""
    if TRACES.steps:
        TRACES.save(FOLDER / f"{os.getpid()}.json")
