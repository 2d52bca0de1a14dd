"""The integer twin (equal to the bytecode, see test_kernel_twin) against 50 digits."""

from __future__ import annotations

import csv
import os
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from protocol.bench.kernel import accuracy_rows, sample
from protocol.pricing import fixed, fixed_math, reference
from protocol.units import WAD, YEAR, to_wad

RAY = 10**27
MP = reference.context()
DATA = os.environ.get("VOMMA_DATA")


def log_uniform(rng: Random, low: float, high: float) -> int:
    return int(10 ** rng.uniform(low, high))


def relative(got: int, scale: int, exact: Any) -> float:
    return float(abs(MP.mpf(got) / scale / exact - 1))


def test_accuracy__hot_domain__within_the_promised_bounds(artifacts: Any) -> None:
    found = dict(accuracy_rows(artifacts, count=1_500))
    assert found["max_abs_over_spot"] <= 4e-19
    assert found["max_rel"] <= 1e-13
    assert found["max_delta_abs"] <= 1.5e-18


def test_vega__hot_domain__within_1e_18_of_spot() -> None:
    for option in sample(300):
        named = {name: getattr(option, name) for name in type(option).__slots__}
        _, _, vega = fixed.price_delta_vega(**named)
        _, _, exact = reference.price_delta_vega(**named)
        assert abs(reference.number(vega) - exact) <= 1e-18 * option.spot / WAD


def test_price__whole_domain__within_4e_19_of_the_larger_side() -> None:
    rng = Random(1)
    for _ in range(600):
        spot = 2_000 * WAD
        option: dict[str, Any] = {
            "is_call": rng.random() < 0.5,
            "spot": spot,
            "strike": int(spot * 10 ** rng.uniform(-3, 3)),
            "time": log_uniform(rng, 0, 8.49) * WAD // YEAR,
            "vol": log_uniform(rng, 16, 19.17),
            "rate": int(rng.uniform(0, 0.1) * WAD),
        }
        price, delta, _ = fixed.price_delta_vega(**option)
        exact, exact_delta, _ = reference.price_delta_vega(**option)
        larger = MP.mpf(max(spot, option["strike"])) / WAD
        assert abs(reference.number(price) - exact) <= 4.5e-19 * larger, option
        assert abs(reference.number(delta) - exact_delta) <= 1.5e-18, option


def test_value_greeks__market_domain__within_the_bounds_of_each() -> None:
    rng = Random(2)
    bounds = {
        "price": 1e-15, "delta": 2e-18, "gamma": 1e-14, "vega": 1e-15,
    }  # fmt: skip
    for _ in range(300):
        time, vol = rng.uniform(3_600, YEAR) / YEAR, rng.uniform(0.2, 2)
        mark: dict[str, Any] = {
            "is_call": rng.random() < 0.5,
            "forward": to_wad(rng.uniform(1_500, 2_500)),
            "strike": to_wad(rng.uniform(1_000, 4_000)),
            "total_variance": to_wad(vol * vol * time),
            "time": to_wad(time),
            "discount": to_wad(rng.uniform(0.9, 1)),
        }
        got, exact = fixed.value_greeks(**mark), reference.value_greeks(**mark)
        for name, bound in bounds.items():
            error = abs(reference.number(getattr(got, name)) - getattr(exact, name))
            assert error <= bound, (name, mark)


def test_value_greeks__reference__is_the_derivative_of_the_price() -> None:
    forward, strike, time, vol, rate = (MP.mpf(x) for x in ("2000", "2300", "0.7", "0.6", "0.07"))

    def price(f: Any, v: Any, t: Any) -> Any:
        deviation = v * MP.sqrt(t)
        d1 = MP.log(f / strike) / deviation + deviation / 2
        normal = reference.normal_cdf
        return MP.exp(-rate * t) * (f * normal(d1) - strike * normal(d1 - deviation))

    wads = [int(x * WAD) for x in (forward, strike, vol**2 * time, time)]
    discount = int(MP.exp(-rate * time) * WAD)
    found = reference.value_greeks(
        is_call=True, forward=wads[0], strike=wads[1], total_variance=wads[2], time=wads[3],
        discount=discount,
    )  # fmt: skip
    at = (forward, vol, time)
    for name, order in {
        "price": (0, 0, 0), "delta": (1, 0, 0), "gamma": (2, 0, 0), "vega": (0, 1, 0),
    }.items():  # fmt: skip
        expected = MP.diff(price, at, order) if any(order) else price(*at)
        if name == "gamma":
            expected *= forward**2
        assert abs(getattr(found, name) / expected - 1) < 1e-15, name


def test_special_functions__random__within_the_bounds_of_their_headers() -> None:
    rng = Random(3)
    for _ in range(500):
        square = log_uniform(rng, 48, 54.9)
        assert relative(fixed_math.root(square), RAY, MP.sqrt(MP.mpf(square) / RAY**2)) <= 6e-21
        low = log_uniform(rng, 17, 24)
        high = int(low * 10 ** rng.choice([rng.uniform(0, 0.4), rng.uniform(0, 14)]))
        error = MP.mpf(fixed_math.log_ratio(high, low)) / RAY**2 - MP.log(MP.mpf(high) / low)
        assert abs(error) <= 2e-20, (high, low)
        exponent = rng.randint(0, RAY * 18 // 100)
        exact = MP.exp(-MP.mpf(exponent) / RAY)
        assert relative(fixed_math.discount(exponent), RAY, exact) <= 4e-22
        power = rng.randint(-40 * WAD, 100 * WAD)
        exact = MP.exp(MP.mpf(power) / WAD)
        assert abs(fixed.exp(power) - exact * WAD) <= 1 + exact * WAD * 3e-21, power
        x = log_uniform(rng, 0, 38)
        assert abs(fixed.ln(x) - MP.log(MP.mpf(x) / WAD) * WAD) <= 1 + 1e-2, x
        assert abs(fixed.sqrt(x) - MP.sqrt(MP.mpf(x) / WAD) * WAD) <= 1 + 1e-2, x


def test_tails__random__within_1_5e_19_of_the_distribution() -> None:
    rng = Random(4)
    for _ in range(500):
        middle, half = rng.randint(0, 12 * RAY), log_uniform(rng, 20, 28)
        x1, x2 = MP.mpf(middle - half) / RAY, MP.mpf(middle + half) / RAY
        found = fixed_math.tails(middle, half)
        density = reference.normal_density(x1)
        far = reference.normal_cdf(-x2) / reference.normal_density(x2) * density
        near = reference.normal_cdf(-x1)
        assert abs(MP.mpf(found.near) / RAY - near) <= 1.6e-19
        # the clamp at 9 deviations leaves N(-9) of the high side
        ratio = density / reference.normal_density(x2)
        assert abs(MP.mpf(found.gap) / RAY - (near - far)) <= 1.6e-19 * (1 + ratio) + 1e-26
        assert abs(MP.mpf(found.density) / RAY - density) <= 3e-21


def test_total_variance__random__within_two_wei() -> None:
    rng = Random(5)
    for _ in range(500):
        smile = {
            "k": rng.randint(-3 * WAD, 3 * WAD),
            "a": rng.randint(0, WAD),
            "b": rng.randint(0, WAD),
            "rho": rng.randint(-WAD, WAD),
            "m": rng.randint(-WAD, WAD),
            "sigma": log_uniform(rng, 13, 18.3),
        }
        exact = reference.total_variance(**smile)
        assert abs(fixed.total_variance(**smile) - exact * WAD) <= 2, smile


@pytest.mark.skipif(DATA is None, reason="VOMMA_DATA does not point to the reference tables")
def test_value_greeks__published_table__agrees() -> None:
    path = Path(str(DATA)) / "oracles" / "black76_mp50.csv"
    checked = 0
    for row in csv.DictReader(path.open()):
        years, sigma = Decimal(row["T_years"]), Decimal(row["sigma"])
        forward, strike = (int(Decimal(row[name]) * WAD) for name in ("F", "K"))
        time, variance = int(years * WAD), int(sigma * sigma * years * WAD)
        # the table's variance must survive being cut to WAD
        if variance < 10**15 or not forward // 1000 <= strike <= forward * 1000:
            continue
        call = fixed.value_greeks(
            is_call=True, forward=forward, strike=strike, total_variance=variance,
            time=time, discount=WAD,
        )  # fmt: skip
        size = float(row["F"])
        assert call.price / WAD == pytest.approx(
            float(row["call_usd"]), rel=1e-12, abs=1e-14 * size
        )
        assert call.delta / WAD == pytest.approx(float(row["delta_call"]), abs=1e-12)
        vega = float(row["vega_per_1.00"])
        assert call.vega / WAD == pytest.approx(vega, rel=1e-11, abs=1e-12 * size)
        checked += 1
    assert checked > 100
