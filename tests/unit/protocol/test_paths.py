"""Heston paths with jumps: seeded, and with the moments of the model."""

from __future__ import annotations

import numpy as np
import pytest

from protocol.config import HestonPrices
from protocol.sim.paths import VARIANCE_FLOOR, Path, heston_path

HOUR = 3_600


def path_of(seed: int, steps: int = 720, **model: float) -> Path:
    return heston_path(
        np.random.default_rng(seed),
        model=HestonPrices(**model),
        start=1_704_067_200,
        step=HOUR,
        steps=steps,
    )


def test_heston_path__same_seed__same_path() -> None:
    one, two, other = path_of(7), path_of(7), path_of(8)
    np.testing.assert_array_equal(one.spot, two.spot)
    np.testing.assert_array_equal(one.variance, two.variance)
    assert not np.array_equal(one.spot, other.spot)
    assert one.ts[0] == 1_704_067_200 and one.ts[-1] == 1_704_067_200 + 720 * HOUR
    assert (one.spot[0], one.variance[0]) == (2_500.0, pytest.approx(0.49))
    assert len(one.ts) == len(one.spot) == len(one.variance) == 721


def test_heston_path__many_steps__has_the_models_moments() -> None:
    steps = 24 * 365 * 12
    path = path_of(3, steps, jumps_per_year=0.0, vol_of_vol=3.0, mean_reversion=60.0)
    returns = np.diff(np.log(path.spot))
    assert path.variance.mean() == pytest.approx(0.49, rel=0.05)
    assert returns.var() * 365 * 24 == pytest.approx(path.variance.mean(), rel=0.01)
    # Stationary variance of the variance: level * vol_of_vol^2 / (2 mean_reversion).
    assert path.variance.var() == pytest.approx(0.49 * 9.0 / 120.0, rel=0.15)
    shocks = np.diff(path.variance)
    correlation = np.corrcoef(returns / np.sqrt(path.variance[:-1]), shocks)[0, 1]
    assert -0.35 < correlation < -0.2


def test_heston_path__mean_return__is_the_drift_jumps_included() -> None:
    growth = [
        path_of(seed, 24 * 30, vol=0.3, long_run_vol=0.3, vol_of_vol=0.3, jumps_per_year=30.0).spot[
            -1
        ]
        / 2_500.0
        for seed in range(400)
    ]
    noise = np.std(growth) / 20.0
    assert np.mean(growth) == pytest.approx(1.0, abs=3.0 * noise)
    assert noise < 0.01


def test_heston_path__jumps__come_at_their_rate() -> None:
    steps = 24 * 365 * 2
    path = path_of(5, steps, jumps_per_year=50.0, jump_mean=-0.2, jump_vol=0.01, vol_of_vol=0.1)
    leaps = (np.diff(np.log(path.spot)) < -0.12).sum()
    assert 75 <= leaps <= 125  # 100 expected, Poisson


def test_heston_path__wild_vol_of_vol__keeps_a_variance() -> None:
    path = path_of(1, 2_000, vol_of_vol=8.0)
    assert path.variance.min() == VARIANCE_FLOOR
    assert np.isfinite(path.spot).all() and (path.spot > 0.0).all()
