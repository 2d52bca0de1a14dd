"""The Black kernel off its fast path: long discounting, deep puts, no time left."""

from __future__ import annotations

from math import erf, exp, log, sqrt
from typing import Any

import pytest

from protocol.clients.base import AnyContract
from protocol.units import WAD, to_wad

SPOT, STRIKE, VOL = 100.0, 250.0, 0.4


@pytest.fixture
def harness(deploy: Any) -> AnyContract:
    return deploy("MathHarness")


def black(is_call: bool, time: float, rate: float) -> float:
    """Black-Scholes in floats."""
    strike = STRIKE * exp(-rate * time)
    width = VOL * sqrt(time)
    high = log(SPOT / strike) / width + width / 2
    sign = 1 if is_call else -1
    near, far = (0.5 * (1 + erf(sign * d / sqrt(2))) for d in (high, high - width))
    return sign * (SPOT * near - strike * far)


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("rate", [0.0, 0.5])  # over two years: e ** -1 is no small exponent
def test_price__any_rate_either_side__agrees(
    harness: AnyContract, is_call: bool, rate: float
) -> None:
    args = (is_call, *(to_wad(x) for x in (SPOT, STRIKE, 2.0, VOL, rate)))
    expected = pytest.approx(black(is_call, 2.0, rate), rel=1e-12)
    assert harness.call("price", *args) / WAD == expected
    price, delta, _ = harness.call("price_delta_vega", *args)
    assert price / WAD == expected
    assert 0 < delta <= WAD if is_call else -WAD <= delta < 0


@pytest.mark.parametrize(
    ("is_call", "forward", "price", "delta"),
    [
        (True, 300, 45.0, 0.9),
        (True, 200, 0.0, 0.0),
        (False, 200, 45.0, -0.9),
        (False, 300, 0.0, 0.0),
        (True, 250, 0.0, 0.45),
    ],
)
def test_value_greeks__no_time_left__discounted_intrinsic_and_no_other_greek(
    harness: AnyContract, is_call: bool, forward: int, price: float, delta: float
) -> None:
    args = (is_call, forward * WAD, 250 * WAD, 0, 0, to_wad(0.9))
    found, *greeks = harness.call("value_greeks", *args)
    assert (found, greeks[0]) == pytest.approx((to_wad(price), to_wad(delta)), abs=1)
    assert not any(greeks[1:])
