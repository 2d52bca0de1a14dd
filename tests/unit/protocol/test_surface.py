"""SVI slices, static arbitrage, the reference model and marks on a surface."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.config import ReferencePolicy
from protocol.errors import InputError
from protocol.pricing.black76 import price
from protocol.surface.arbitrage import (
    CHECK_GRID,
    CONTRACT_GRID,
    calendar_violation,
    parameter_violations,
    static_violations,
    without_calendar,
)
from protocol.surface.marks import mark
from protocol.surface.reference_model import (
    at_the_money_variance,
    realised_variance,
    reference_surface,
    ssvi_slice,
)
from protocol.surface.svi import blend, butterfly, from_box, implied_vol, smile, total_variance
from protocol.types import ExpirySurface, Instrument, Kind, Surface, SviParams
from protocol.units import DAY, YEAR, expiry_timestamp

VOGT = SviParams(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)
DAYS = (19_951, 19_958, 19_965, 19_993, 20_140)
NOW = expiry_timestamp(19_948)

slices = st.builds(
    from_box,
    floor=st.floats(0.0, 0.5),
    left=st.floats(0.01, 1.99),
    right=st.floats(0.01, 1.99),
    m=st.floats(-0.5, 0.5),
    sigma=st.floats(0.01, 1.0),
)


def surface_of(variance: float = 0.49, **policy: float) -> Surface:
    return reference_surface(
        underlying=1,
        spot=2_500.0,
        variance=variance,
        timestamp=NOW,
        days=DAYS,
        policy=ReferencePolicy(**policy),
    )


def test_svi__vogt_example__matches_the_published_numbers(market_data: Path) -> None:
    table = json.loads((market_data / "oracles" / "svi_examples.json").read_text())
    points = table["points"]
    k = [point["k"] for point in points]
    w, g = total_variance(k=k, svi=VOGT), butterfly(k=k, svi=VOGT)
    np.testing.assert_allclose(w, [point["w"] for point in points], rtol=1e-13)
    np.testing.assert_allclose(g, [point["g"] for point in points], rtol=1e-10)
    ssvi = table["ssvi_computed"][0]
    # The table's power law is eta theta^-1/2; ours divides by (1 + theta)^1/2 too.
    eta = ssvi["eta"] * np.sqrt(1.0 + ssvi["theta"])
    svi = ssvi_slice(theta=ssvi["theta"], rho=ssvi["rho"], eta=eta, gamma=0.5)
    for k_text, reference in ssvi["w_k"].items():
        assert total_variance(k=float(k_text), svi=svi) == pytest.approx(reference, rel=1e-12)


def test_butterfly__vogt_example__is_negative_where_published() -> None:
    assert butterfly(k=0.879, svi=VOGT) == pytest.approx(-0.0328635, abs=1e-6)
    assert butterfly(k=0.64, svi=VOGT) > 0.0 > butterfly(k=0.65, svi=VOGT)


def test_smile__derivatives__match_differences() -> None:
    k, h = np.linspace(-1.0, 1.0, 21), 1e-5
    up, down = (total_variance(k=k + step, svi=VOGT) for step in (h, -h))
    at = smile(k=k, svi=VOGT)
    np.testing.assert_allclose(at.slope, (up - down) / (2 * h), atol=1e-9)
    np.testing.assert_allclose(at.curvature, (up - 2 * at.w + down) / h**2, atol=1e-5)


def test_implied_vol__negative_slice__raises() -> None:
    with pytest.raises(InputError, match="total variance is -0"):
        implied_vol(k=0.0, svi=SviParams(-0.5, 0.1, 0.0, 0.0, 0.1), years=1.0)
    with pytest.raises(InputError, match="years is 0.0"):
        implied_vol(k=0.0, svi=VOGT, years=0.0)


@given(old=slices, new=slices, share=st.floats(0.0, 1.0))
def test_blend__between_two_slices__stays_in_bounds_and_hits_the_ends(
    old: SviParams, new: SviParams, share: float
) -> None:
    between = blend(old=old, new=new, share=share)
    broken = parameter_violations(day=1, svi=between)
    assert all(v.rule == "smallest total variance" and v.value > -1e-12 for v in broken)
    for end, whole in ((old, 0.0), (new, 1.0)):
        np.testing.assert_allclose(
            total_variance(k=CHECK_GRID, svi=blend(old=old, new=new, share=whole)),
            total_variance(k=CHECK_GRID, svi=end),
            atol=1e-12,
        )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"b": -0.1}, "b"),
        ({"rho": 1.0}, r"\|rho\|"),
        ({"sigma": 0.0}, "sigma"),
        ({"sigma": 4.1}, "sigma"),
        ({"a": -0.2}, "smallest total variance"),
        ({"b": 1.7}, "wing slope"),
        ({"m": 2.1}, r"\|m\|"),
    ],
)
def test_parameter_violations__one_broken__is_named(change: dict[str, float], rule: str) -> None:
    good = SviParams(a=0.02, b=0.2, rho=0.3, m=0.0, sigma=0.2)
    assert parameter_violations(day=1, svi=good) == ()
    broken = parameter_violations(day=1, svi=replace(good, **change))
    assert rule.replace("\\", "") in {v.rule for v in broken}


def test_static_violations__vogt_slice__is_a_butterfly() -> None:
    surface = Surface(1, 100.0, 0, (ExpirySurface(400, VOGT, 0.0, 0.0, 0),))
    (violation,) = static_violations(surface)
    assert violation.rule == "butterfly g"
    assert violation.k == pytest.approx(0.879, abs=0.02)
    assert "day 400: butterfly g is -0.03" in str(violation)


def test_without_calendar__far_slice_too_low__is_lifted_just_enough() -> None:
    near, far = surface_of().expiries[1], surface_of().expiries[0]
    assert calendar_violation(near=near.svi, far=far.svi, day=9) is not None
    fixed = without_calendar((near, replace(far, day=near.day + 1)))
    assert fixed[0] == near
    assert calendar_violation(near=near.svi, far=fixed[1].svi, day=9) is None
    rise = total_variance(k=CHECK_GRID, svi=fixed[1].svi) - total_variance(
        k=CHECK_GRID, svi=near.svi
    )
    assert 0.0 <= rise.min() < 1e-9 * near.svi.a + 1e-10


def test_check_grid__covers_the_contracts() -> None:
    assert set(CONTRACT_GRID) <= set(CHECK_GRID)


@given(
    variance=st.floats(0.01, 9.0),
    level=st.floats(0.2, 2.0),
    speed=st.floats(0.1, 50.0),
    rho=st.floats(-0.6, 0.6),
    eta=st.floats(0.1, 1.25),
    gamma=st.floats(0.05, 0.5),
)
def test_reference_surface__any_policy__is_free_of_static_arbitrage(
    variance: float, level: float, speed: float, rho: float, eta: float, gamma: float
) -> None:
    surface = surface_of(
        variance, long_run_vol=level, mean_reversion=speed, rho=rho, eta=eta, gamma=gamma
    )
    assert [str(v) for v in static_violations(surface) if v.value < v.bound - 1e-12] == []


def test_reference_surface__shape__skews_down_and_flattens() -> None:
    surface = surface_of(variance=0.81, long_run_vol=0.7)
    vols, skews = [], []
    for expiry in surface.expiries:
        life = (expiry_timestamp(expiry.day) - NOW) / YEAR
        vol = implied_vol(k=[0.0, 0.01, -0.01], svi=expiry.svi, years=life)
        vols.append(vol[0])
        skews.append((vol[1] - vol[2]) / 0.02)
    assert sorted(vols, reverse=True) == vols  # from 0.9 down to 0.7, times the premium's root
    assert 0.7 * np.sqrt(1.2) < vols[-1] < vols[0] < 0.9 * np.sqrt(1.2)
    assert all(skew < 0.0 for skew in skews)
    assert np.abs(skews[-1]) < 0.25 * np.abs(skews[0])


def test_at_the_money_variance__of_the_long_run_level__is_flat() -> None:
    policy = ReferencePolicy(variance_premium=1.0)
    total = at_the_money_variance(variance=0.49, life=0.25, policy=policy)
    assert total == pytest.approx(0.49 * 0.25, rel=1e-12)


def test_reference_surface__bad_input__raises() -> None:
    with pytest.raises(InputError, match="variance is 0"):
        surface_of(variance=0.0)
    with pytest.raises(InputError, match="expiry day is 19948"):
        reference_surface(
            underlying=1,
            spot=1.0,
            variance=0.5,
            timestamp=NOW,
            days=[19_948],
            policy=ReferencePolicy(),
        )


def test_realised_variance__of_steady_moves__finds_their_vol_and_no_future() -> None:
    policy = ReferencePolicy()
    move = 0.6 / np.sqrt(365 * 24)
    closes = 2_000.0 * np.exp(np.cumsum(move * (-1.0) ** np.arange(24 * 200)))
    variance = realised_variance(closes=closes, interval=3_600, policy=policy)
    assert variance[0] == pytest.approx(policy.long_run_vol**2)
    assert variance[-1] == pytest.approx(0.36, rel=1e-3)
    crashed = closes.copy()
    crashed[-1] *= 0.8
    again = realised_variance(closes=crashed, interval=3_600, policy=policy)
    np.testing.assert_array_equal(again[:-1], variance[:-1])
    assert again[-1] > 2.0 * variance[-1]


def test_mark__between_pushes__keeps_the_vol_and_moves_the_forward() -> None:
    smiles = tuple(replace(each, basis=0.01, rate=0.05) for each in surface_of().expiries)
    surface = replace(surface_of(), expiries=smiles)
    series = [Instrument.option(Kind.CALL, 1, DAYS[1], 2_600.0)]
    later = NOW + 2 * DAY
    marks = mark(surface=surface, instruments=series, spot=2_550.0, now=later)
    forward = 2_550.0 * 1.01
    posted = (series[0].expiry - NOW) / YEAR
    vol = implied_vol(k=np.log(2_600.0 / forward), svi=surface.on(DAYS[1]).svi, years=posted)
    left = (series[0].expiry - later) / YEAR
    value = price(
        forward=forward,
        strike=2_600.0,
        years=left,
        vol=vol,
        is_call=True,
        discount=np.exp(-0.05 * left),
    )
    assert marks.black.value[0] == pytest.approx(float(value), rel=1e-14)
    assert marks.vol[0] == pytest.approx(float(vol), rel=1e-14)


def test_mark__deltas__match_a_bump_of_spot() -> None:
    surface = surface_of()
    series = [
        Instrument.option(kind, 1, day, strike)
        for kind in (Kind.CALL, Kind.PUT)
        for day in DAYS
        for strike in (2_200.0, 2_500.0, 2_900.0)
    ]
    marks, up, down = (
        mark(surface=surface, instruments=series, spot=spot, now=NOW)
        for spot in (2_500.0, 2_500.25, 2_499.75)
    )
    bump = (up.black.value - down.black.value) / 0.5
    np.testing.assert_allclose(marks.smile_delta, bump, atol=1e-6)
    assert np.max(np.abs(marks.delta - bump)) > 0.01  # the smile's own part
    np.testing.assert_allclose(marks.gamma_cash, marks.black.gamma * 2_500.0**2)


def test_mark__expired_or_missing_day__raises() -> None:
    series = [Instrument.option(Kind.CALL, 1, DAYS[0], 2_500.0)]
    with pytest.raises(InputError, match="before the expiry"):
        mark(surface=surface_of(), instruments=series, spot=1.0, now=series[0].expiry)
    with pytest.raises(InputError, match="expiry day is 19951"):
        mark(surface=surface_of().only(DAYS[1:]), instruments=series, spot=1.0, now=NOW)
