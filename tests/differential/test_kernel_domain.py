"""What holds on the whole domain, asked of the bytecode: bounds, monotonicity, edges, refusals.

A mark carries an error of 4e-19 of the larger of spot and discounted strike, so two marks may be
out of order by twice that: below a thousandth of a wei per unit of the quote token at 2,000.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from protocol.bench.kernel import Kernel
from protocol.clients.base import AnyContract
from protocol.pricing.fixed import exp
from protocol.units import WAD, YEAR

SPOT = 2_000 * WAD
ROUNDS = 250
GOOD = {
    "is_call": True,
    "spot": SPOT,
    "strike": SPOT,
    "time": WAD,
    "vol": WAD,
    "rate": WAD // 20,
}
GOOD_VALUE = {
    "is_call": True,
    "forward": SPOT,
    "strike": SPOT,
    "total_variance": WAD,
    "discount": WAD,
}


@pytest.fixture(scope="module")
def kernel(artifacts: Any) -> Kernel:
    return Kernel(artifacts)


@pytest.fixture
def harness(deploy: Any) -> AnyContract:
    return deploy("MathHarness")


def options(seed: str) -> list[dict[str, Any]]:
    rng = Random(seed)
    return [
        {
            "is_call": rng.random() < 0.5,
            "spot": SPOT,
            "strike": int(SPOT * 10 ** rng.uniform(-2.99, 2.99)),
            "time": int(10 ** rng.uniform(0, 8.49) * WAD) // YEAR,
            "vol": int(10 ** rng.uniform(16, 19.17)),
            "rate": rng.choice([0, int(rng.uniform(0, 0.1) * WAD)]),
        }
        for _ in range(ROUNDS)
    ]


def slack(*sizes: int) -> int:
    """Two marks' errors, plus the wei they are cut to."""
    return 2 + max(sizes) * 9 // 10**19


def price(kernel: Kernel, option: dict[str, Any], **changes: Any) -> int:
    return int(kernel.call("price", *{**option, **changes}.values()))


def discounted_strike(option: dict[str, Any]) -> int:
    return int(option["strike"] * exp(-option["rate"] * option["time"] // WAD) // WAD)


def test_price__whole_domain__between_intrinsic_and_bound(kernel: Kernel) -> None:
    for option in options("bounds"):
        paid = discounted_strike(option)
        gain = SPOT - paid if option["is_call"] else paid - SPOT
        bound = SPOT if option["is_call"] else paid
        # the discounted strike known here is cut to WAD twice
        cut = 2 + option["strike"] // WAD * 2
        assert max(gain - cut, 0) <= price(kernel, option) <= bound + cut, option


def test_price__parity__exact_to_the_rounding_of_the_discount(kernel: Kernel) -> None:
    for option in options("parity"):
        call, put = (price(kernel, option, is_call=side) for side in (True, False))
        difference = SPOT - discounted_strike(option)
        assert abs(call - put - difference) <= 2 + option["strike"] // WAD * 2, option


def test_price__higher_strike__call_falls_and_put_rises(kernel: Kernel) -> None:
    rng = Random("strikes")
    for option in options("strike"):
        step = max(1, int(option["strike"] * 10 ** rng.uniform(-18, -1)))
        higher = min(option["strike"] + step, SPOT * 1000)
        change = price(kernel, option, strike=higher) - price(kernel, option)
        change = -change if option["is_call"] else change
        assert change >= -slack(SPOT, higher), option
        assert change <= higher - option["strike"] + slack(SPOT, higher), option


def test_price__higher_vol__rises(kernel: Kernel) -> None:
    rng = Random("vols")
    for option in options("vol"):
        higher = option["vol"] + int(option["vol"] * 10 ** rng.uniform(-18, 0))
        change = price(kernel, option, vol=higher) - price(kernel, option)
        assert change >= -slack(SPOT, option["strike"]), option


def test_price__more_time_at_no_rate__rises(kernel: Kernel) -> None:
    rng = Random("times")
    for option in options("time"):
        option["rate"] = 0
        later = option["time"] + int(option["time"] * 10 ** rng.uniform(-18, 0))
        change = price(kernel, option, time=later) - price(kernel, option)
        assert change >= -slack(SPOT, option["strike"]), option


def test_value__more_variance__rises_and_stays_in_bounds(kernel: Kernel) -> None:
    rng = Random("variance")
    for option in options("value"):
        args = [option["is_call"], SPOT, option["strike"]]
        low = int(10 ** rng.uniform(0, 21.6))
        high = low + int(low * 10 ** rng.uniform(-18, 0))
        first, second = (kernel.call("value", *args, w, WAD) for w in (low, high))
        assert second - first >= -slack(SPOT, option["strike"]), (args, low, high)
        gain = (SPOT - option["strike"]) * (1 if option["is_call"] else -1)
        assert max(gain, 0) <= first <= (SPOT if option["is_call"] else option["strike"])


def test_delta__whole_domain__within_its_bounds(kernel: Kernel) -> None:
    for option in options("delta"):
        _, delta, vega = kernel.call("price_delta_vega", *option.values())
        low, high = (0, WAD) if option["is_call"] else (-WAD, 0)
        assert low <= delta <= high, option
        assert vega <= SPOT * 4 // 10 * (3_163 * WAD // 1_000) // WAD, option


@pytest.mark.parametrize("stopped", ["time", "vol"])
def test_price__no_time_or_no_vol__is_discounted_intrinsic(kernel: Kernel, stopped: str) -> None:
    for option in options(stopped):
        option[stopped] = 0
        found, delta, vega = kernel.call("price_delta_vega", *option.values())
        gain = SPOT - discounted_strike(option)
        gain = gain if option["is_call"] else -gain
        assert abs(found - max(gain, 0)) <= 2 + option["strike"] // WAD * 2
        assert vega == 0
        if abs(gain) > option["strike"] // 10**9:
            assert delta == (0 if gain < 0 else WAD if option["is_call"] else -WAD)


@pytest.mark.parametrize(("variance", "time"), [(0, WAD), (WAD, 0), (0, 0)])
@pytest.mark.parametrize(
    ("is_call", "strike", "price", "delta"),
    [
        (True, 1_500 * WAD, 250 * WAD, WAD // 2),
        (True, 2_500 * WAD, 0, 0),
        (False, 1_500 * WAD, 0, 0),
        (False, 2_500 * WAD, 250 * WAD, -WAD // 2),
        (True, 2_000 * WAD, 0, WAD // 4),
        (False, 2_000 * WAD, 0, -WAD // 4),
    ],
)
def test_value_greeks__nothing_left_to_happen__intrinsic_only(
    kernel: Kernel, variance: int, time: int, is_call: bool, strike: int, price: int, delta: int
) -> None:
    found = kernel.call("value_greeks", is_call, SPOT, strike, variance, time, WAD // 2)
    assert found[0] == price
    assert abs(found[1] - delta) <= 1
    assert found[2:] == (0, 0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spot": 2**96}, "black76: spot out of range"),
        ({"strike": 2**96}, "black76: strike out of range"),
        ({"strike": 0}, "black76: strike out of range"),
        ({"spot": 0}, "black76: strike out of range"),
        ({"spot": 0, "strike": 0}, "black76: strike out of range"),
        ({"strike": SPOT * 1001}, "black76: strike out of range"),
        ({"strike": SPOT // 1001}, "black76: strike out of range"),
        ({"strike": SPOT * 1001, "rate": WAD}, "black76: strike out of range"),
        ({"spot": 1, "strike": 1}, "black76: strike out of range"),
        ({"time": 2**64}, "black76: time out of range"),
        ({"vol": 2**64}, "black76: vol out of range"),
        ({"vol": 2**255}, "black76: vol out of range"),
        ({"rate": 2**64}, "black76: rate out of range"),
        ({"rate": 2**255}, "black76: rate out of range"),
        ({"rate": 11 * WAD, "time": 2 * WAD}, "black76: rate out of range"),
    ],
)
@pytest.mark.parametrize("name", ["price", "price_delta_vega"])
def test_price__outside_the_domain__reverts(
    harness: AnyContract, reverts: Any, name: str, changes: dict[str, int], reason: str
) -> None:
    harness.call(name, *GOOD.values())
    with reverts(reason):
        harness.call(name, *{**GOOD, **changes}.values())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"forward": 2**96}, "black76: spot out of range"),
        ({"strike": 2**96}, "black76: strike out of range"),
        ({"strike": SPOT * 1001}, "black76: strike out of range"),
        ({"strike": 0}, "black76: strike out of range"),
        ({"forward": 0, "strike": 0}, "black76: strike out of range"),
        ({"total_variance": 2**72}, "black76: variance out of range"),
        ({"discount": 2**64}, "black76: discount out of range"),
    ],
)
def test_value__outside_the_domain__reverts(
    harness: AnyContract, reverts: Any, changes: dict[str, int], reason: str
) -> None:
    args = {**GOOD_VALUE, **changes}
    with reverts(reason):
        harness.call("value", *args.values())
    *head, discount = args.values()
    with reverts(reason):
        harness.call("value_greeks", *head, WAD, discount)


def test_value_greeks__time_out_of_range__reverts(harness: AnyContract, reverts: Any) -> None:
    *head, discount = GOOD_VALUE.values()
    with reverts("black76: time out of range"):
        harness.call("value_greeks", *head, 2**64, discount)
