"""The raw SVI smile: published values, the floor, and both signs of moneyness."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import pytest

from protocol.clients.base import AnyContract
from protocol.units import WAD, to_wad

# Gatheral, Jacquier (2014), example 3.1 (Vogt): a, b, rho, m, sigma
VOGT = (-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)


@pytest.fixture
def harness(deploy: Any) -> AnyContract:
    return deploy("MathHarness")


@pytest.mark.parametrize("k", [-1.5, -0.3, 0.0, 0.3586, 0.7, 1.5])
def test_total_variance__vogt_smile__agrees(harness: AnyContract, k: float) -> None:
    a, b, rho, m, sigma = VOGT
    expected = a + b * (rho * (k - m) + sqrt((k - m) ** 2 + sigma**2))
    found = harness.call("total_variance", to_wad(k), *map(to_wad, VOGT))
    assert found / WAD == pytest.approx(expected, abs=1e-16)


def test_total_variance__negative_smile__is_zero(harness: AnyContract) -> None:
    flat = [to_wad(number) for number in (0, -0.1, 0.1, 0, 0, 0.5)]
    assert harness.call("total_variance", *flat) == 0


def test_log_moneyness__either_side__has_the_sign_of_the_strike(harness: AnyContract) -> None:
    for strike in (1_000, 1_999, 2_000, 2_001, 9_000):
        found = harness.call("log_moneyness", strike * WAD, 2_000 * WAD)
        assert found / WAD == pytest.approx(log(strike / 2_000), abs=2e-16)
        assert harness.call("log_moneyness", 2_000 * WAD, strike * WAD) == -found
