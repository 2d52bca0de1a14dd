"""Textbook values of the Black kernel."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.clients.base import AnyContract
from protocol.units import WAD, to_wad


@pytest.fixture
def harness(deploy: Any) -> AnyContract:
    return deploy("MathHarness")


def wads(*numbers: float) -> list[int]:
    return [to_wad(number) for number in numbers]


@pytest.mark.parametrize(
    ("is_call", "spot", "strike", "time", "vol", "rate", "expected"),
    [
        # Hull, Options, Futures and Other Derivatives, ch. 15: 4.76 and 0.81
        (True, 42, 40, 0.5, 0.2, 0.1, 4.759422392871533),
        (False, 42, 40, 0.5, 0.2, 0.1, 0.8085993729000958),
        # Haug (2007), table 1-1: European call without dividends
        (True, 60, 65, 0.25, 0.3, 0.08, 2.1333684449162007),
    ],
)
def test_price__textbook_option__agrees(
    harness: AnyContract,
    is_call: bool,
    spot: float,
    strike: float,
    time: float,
    vol: float,
    rate: float,
    expected: float,
) -> None:
    args = (is_call, *wads(spot, strike, time, vol, rate))
    price, delta, vega = harness.call("price_delta_vega", *args)
    assert price / WAD == pytest.approx(expected, rel=1e-14)
    assert harness.call("price", *args) == price
    bump = 10**12
    up, down = (
        harness.call("price", is_call, to_wad(spot) + step, *args[2:]) for step in (bump, -bump)
    )
    assert delta / WAD == pytest.approx((up - down) / (2 * bump), abs=1e-6)
    up, down = (
        harness.call("price", *args[:4], to_wad(vol) + step, args[5]) for step in (bump, -bump)
    )
    assert vega / WAD == pytest.approx((up - down) / (2 * bump), abs=1e-4)


def test_value__at_the_money__is_the_py_lets_be_rational_value(harness: AnyContract) -> None:
    # F = K = 100, vol 0.2, half a year: total variance 0.02
    price = harness.call("value", True, *wads(100, 100, 0.02, 1))
    assert price / WAD == pytest.approx(5.6371977797016624, rel=1e-15)


def test_value__and_price__agree_on_one_forward(harness: AnyContract) -> None:
    args = wads(2_000, 2_300)
    mark = harness.call("value", True, *args, *wads(0.36, 1))
    assert mark == harness.call("price", True, *args, *wads(1, 0.6, 0))
    greeks = harness.call("value_greeks", True, *args, *wads(0.36, 1, 1))
    assert (greeks.price, greeks.delta) == (
        mark,
        harness.call("price_delta_vega", True, *args, *wads(1, 0.6, 0))[1],
    )


def test_value_greeks__call_and_put__share_all_but_price_and_delta(harness: AnyContract) -> None:
    args = wads(2_000, 2_300, 0.3, 0.7, 0.95)
    call, put = (harness.call("value_greeks", side, *args) for side in (True, False))
    assert (call.gamma, call.vega) == (put.gamma, put.vega)
    assert abs(call.delta - put.delta - args[4]) <= 1


def test_value_greeks__gamma_in_cash__is_what_delta_does(harness: AnyContract) -> None:
    forward, *args = wads(2_000, 2_300, 0.3, 0.7, 0.95)
    step = WAD // 100
    up, down = (
        harness.call("value_greeks", True, forward + move, *args).delta for move in (step, -step)
    )
    gamma = harness.call("value_greeks", True, forward, *args).gamma
    assert gamma / WAD == pytest.approx((up - down) / (2 * step) * 2_000**2, rel=1e-8)
