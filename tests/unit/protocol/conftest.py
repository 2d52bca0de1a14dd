"""Where the market data is, for tests that need it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder `VOMMA_DATA` names; a test that needs it skips without."""
    folder = os.environ.get("VOMMA_DATA")
    if not folder:
        pytest.skip("VOMMA_DATA is not set: no market data to test with")
    return Path(folder)
