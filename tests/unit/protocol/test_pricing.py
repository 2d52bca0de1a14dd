"""Black-76 prices, Greeks and implied volatilities against three independent references."""

from __future__ import annotations

import csv
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import QuantLib as ql

from protocol.errors import InputError
from protocol.pricing.black76 import Floats, price
from protocol.pricing.greeks import Greeks, greeks
from protocol.pricing.implied import implied_vol

TINY = 1e-290  # below it a double has no full precision to compare


def columns(path: Path) -> dict[str, list[str]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(table: dict[str, list[str]], name: str) -> Floats:
    return np.array([float(cell) for cell in table[name]])


def worst_relative(value: Floats, reference: Floats) -> float:
    seen = np.abs(reference) > TINY
    assert seen.any()
    return float(np.max(np.abs(value[seen] / reference[seen] - 1.0)))


def mp_value(f: float, k: float, t: float, s: float, *, is_call: bool, rate: float) -> mp.mpf:
    deviation = s * mp.sqrt(t)
    d1 = mp.log(f / k) / deviation + deviation / 2
    sign = 1 if is_call else -1
    forward_part = f * mp.ncdf(sign * d1)
    return mp.e ** (-rate * t) * sign * (forward_part - k * mp.ncdf(sign * (d1 - deviation)))


def test_price__on_the_50_digit_grid__keeps_its_wings(market_data: Path) -> None:
    table = columns(market_data / "oracles" / "black76_mp50.csv")
    forward = numbers(table, "F")
    for side in ("call", "put"):
        value = price(
            forward=forward,
            strike=numbers(table, "K"),
            years=numbers(table, "T_years"),
            vol=numbers(table, "sigma"),
            is_call=side == "call",
        )
        reference = numbers(table, f"{side}_usd")
        assert np.max(np.abs(value - reference) / forward) < 1e-15
        assert worst_relative(value, reference) < 1e-11


def test_greeks__on_the_50_digit_grid__agree(market_data: Path) -> None:
    table = columns(market_data / "oracles" / "black76_mp50.csv")
    book = greeks(
        forward=numbers(table, "F"),
        strike=numbers(table, "K"),
        years=numbers(table, "T_years"),
        vol=numbers(table, "sigma"),
        is_call=True,
    )
    for name, column in {
        "delta": "delta_call",
        "gamma": "gamma",
        "vega": "vega_per_1.00",
        "theta": "theta_per_year",
        "vanna": "vanna",
        "volga": "volga",
    }.items():
        assert worst_relative(getattr(book, name), numbers(table, column)) < 1e-11, name


def test_price__normalised_grid__agrees(market_data: Path) -> None:
    table = columns(market_data / "oracles" / "normalised_black_mp50.csv")
    x, deviation = numbers(table, "x_ln_F_over_K"), numbers(table, "s_sigma_sqrtT")
    value = price(
        forward=np.exp(x / 2), strike=np.exp(-x / 2), years=1.0, vol=deviation, is_call=True
    )
    reference = numbers(table, "beta_normalised_call")
    # exp(x/2) is off by an ulp, and d ln(beta)/dx is x/s^2 in the wings, 1/s at the money.
    noise = 2e-15 * (1.0 + np.abs(x) / deviation**2 + 1.0 / deviation + (x / deviation) ** 2)
    seen = reference > TINY
    assert (np.abs(value[seen] / reference[seen] - 1.0) < noise[seen]).all()


def test_price__haug_table__agrees(market_data: Path) -> None:
    table = columns(market_data / "oracles" / "haug_bs_values.csv")
    years, rate = numbers(table, "t"), numbers(table, "r")
    value = price(
        forward=numbers(table, "spot") * np.exp((rate - numbers(table, "q")) * years),
        strike=numbers(table, "strike"),
        years=years,
        vol=numbers(table, "vol"),
        is_call=np.array(table["type"]) == "Call",
        discount=np.exp(-rate * years),
    )
    assert (np.abs(value - numbers(table, "value")) <= numbers(table, "tol")).all()


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize(
    ("f", "k", "t", "s", "rate"),
    [(2000.0, 2200.0, 0.02, 0.8, 0.05), (100.0, 80.0, 0.5, 0.35, -0.02), (1.0, 1.0, 1.0, 0.2, 0.0)],
)
def test_greeks__every_derivative__matches_mpmath(
    f: float, k: float, t: float, s: float, rate: float, is_call: bool
) -> None:
    book = greeks(forward=f, strike=k, years=t, vol=s, is_call=is_call, rate=rate)
    orders = {  # derivatives by forward, time left, volatility
        "value": (0, 0, 0),
        "delta": (1, 0, 0),
        "gamma": (2, 0, 0),
        "speed": (3, 0, 0),
        "vega": (0, 0, 1),
        "volga": (0, 0, 2),
        "ultima": (0, 0, 3),
        "theta": (0, 1, 0),
        "charm": (1, 1, 0),
        "color": (2, 1, 0),
        "vanna": (1, 0, 1),
        "zomma": (2, 0, 1),
        "veta": (0, 1, 1),
        "dvanna_dvol": (1, 0, 2),
        "theta_decay": (0, 2, 0),
    }
    assert set(orders) == set(Greeks.__slots__)
    with mp.workdps(40):
        for name, order in orders.items():
            reference = mp.diff(
                lambda x, y, z: mp_value(x, k, y, z, is_call=is_call, rate=rate), (f, t, s), order
            )
            sign = (-1) ** order[1]  # calendar time runs against time left
            assert float(getattr(book, name)) == pytest.approx(
                sign * float(reference), rel=1e-9, abs=1e-12
            ), name


def test_price_and_greeks__random_options__match_quantlib() -> None:
    rng = np.random.default_rng(5)
    n = 200
    forward, rate = rng.uniform(500.0, 4_000.0, n), rng.uniform(-0.02, 0.1, n)
    strike, years = forward * np.exp(rng.normal(0.0, 0.3, n)), rng.uniform(0.01, 2.0, n)
    vol, is_call = rng.uniform(0.2, 1.5, n), rng.random(n) < 0.5
    discount = np.exp(-rate * years)
    value = price(
        forward=forward, strike=strike, years=years, vol=vol, is_call=is_call, discount=discount
    )
    book = greeks(forward=forward, strike=strike, years=years, vol=vol, is_call=is_call, rate=rate)
    for i in range(n):
        side = ql.Option.Call if is_call[i] else ql.Option.Put
        payoff = ql.PlainVanillaPayoff(side, float(strike[i]))
        black = ql.BlackCalculator(
            payoff, float(forward[i]), float(vol[i] * np.sqrt(years[i])), float(discount[i])
        )
        assert value[i] == pytest.approx(black.value(), rel=1e-9, abs=1e-11)
        assert book.delta[i] == pytest.approx(black.deltaForward(), rel=1e-9, abs=1e-13)
        assert book.gamma[i] == pytest.approx(black.gammaForward(), rel=1e-9, abs=1e-15)
        assert book.vega[i] == pytest.approx(black.vega(float(years[i])), rel=1e-9)


def test_price__without_time_or_vol__is_intrinsic() -> None:
    strikes = np.array([90.0, 100.0, 110.0])
    expired = price(forward=100.0, strike=strikes, years=0.0, vol=0.5, is_call=True, discount=0.9)
    still = price(forward=100.0, strike=strikes, years=1.0, vol=0.0, is_call=False)
    np.testing.assert_allclose(expired, [9.0, 0.0, 0.0])
    np.testing.assert_allclose(still, [0.0, 0.0, 10.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"forward": 0.0}, "forward is 0.0, must be finite and > 0"),
        ({"strike": [100.0, -1.0]}, "strike is -1.0"),
        ({"years": -0.1}, "years is -0.1, must be finite and >= 0"),
        ({"vol": float("nan")}, "vol is nan"),
        ({"discount": float("inf")}, "discount is inf"),
    ],
)
def test_price__argument_out_of_bounds__names_it(
    change: dict[str, float | list[float]], message: str
) -> None:
    good = {"forward": 100.0, "strike": 100.0, "years": 1.0, "vol": 0.5, "discount": 1.0}
    arguments: dict[str, float | list[float]] = {**good, **change}
    with pytest.raises(InputError, match=message):
        price(**arguments, is_call=True)


def test_greeks__at_expiry__raises() -> None:
    with pytest.raises(InputError, match="years is 0.0, must be finite and > 0"):
        greeks(forward=100.0, strike=100.0, years=0.0, vol=0.5, is_call=True)


def test_implied_vol__on_the_50_digit_grid__comes_back(market_data: Path) -> None:
    table = columns(market_data / "oracles" / "black76_mp50.csv")
    forward, strike = numbers(table, "F"), numbers(table, "K")
    is_call = strike >= forward
    value = np.where(is_call, numbers(table, "call_usd"), numbers(table, "put_usd"))
    vol, converged = implied_vol(
        price=value,
        forward=forward,
        strike=strike,
        years=numbers(table, "T_years"),
        is_call=is_call,
    )
    seen = value > TINY
    assert converged[seen].all()
    assert np.max(np.abs(vol[seen] / numbers(table, "sigma")[seen] - 1.0)) < 1e-11


def test_implied_vol__random_options_both_sides__reprices() -> None:
    rng = np.random.default_rng(11)
    n = 5_000
    strike, vol = 2_000.0 * np.exp(rng.normal(0.0, 0.4, n)), rng.uniform(0.05, 3.0, n)
    terms = {
        "forward": np.full(n, 2_000.0),
        "strike": strike,
        "years": rng.uniform(0.002, 2.0, n),
        "is_call": rng.random(n) < 0.5,
        "discount": np.full(n, 0.97),
    }
    value = price(**terms, vol=vol)
    found, converged = implied_vol(price=value, **terms)
    again = price(**terms, vol=np.where(converged, found, 0.5))
    assert converged.mean() > 0.9
    # In the money the time value has lost digits to the intrinsic value, and no root has them back.
    np.testing.assert_allclose(again[converged], value[converged], rtol=0.0, atol=2e-12 * 2_000.0)


def test_implied_vol__price_without_one__is_nan_and_not_converged() -> None:
    value = np.array([-1.0, 0.0, 10.0, 100.0, 101.0, np.nan, 20.0])
    vol, converged = implied_vol(price=value, forward=100.0, strike=90.0, years=1.0, is_call=True)
    assert converged.tolist() == [False, False, False, False, False, False, True]
    assert np.isnan(vol[:6]).all()
    assert price(forward=100.0, strike=90.0, years=1.0, vol=vol[6], is_call=True) == pytest.approx(
        20.0, rel=1e-14
    )
