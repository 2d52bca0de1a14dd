"""The outside price between klines, and what feeds make of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protocol.config import Defence, InformedPolicy, PullFeed, PushFeed, ReferencePolicy
from protocol.errors import InputError
from protocol.sim.informed.feeds import confidence, push_updates
from protocol.sim.informed.ticks import Ticks, bridge, from_klines
from protocol.sim.prices import PriceSeries, read_prices

HOUR, TICK = 3_600, 5
POLICY = InformedPolicy(defended=Defence(feed=PullFeed()), exposed=Defence(feed=PushFeed()))
RANGES = np.array([0.01, 0.04, 0.02, 0.15, 0.03, 0.01])


def klines() -> PriceSeries:
    rng = np.random.default_rng(5)
    closes = 2_000.0 * np.exp(np.cumsum(RANGES * rng.uniform(-0.8, 0.8, len(RANGES))))
    opens = np.append(2_000.0, closes[:-1])
    high = np.maximum(opens, closes) * (1.0 + 0.3 * RANGES)
    low = np.minimum(opens, closes) * (1.0 - 0.3 * RANGES)
    ts = HOUR * np.arange(len(RANGES), dtype=np.int64)
    return PriceSeries(ts, opens, high, low, closes, HOUR, ())


def ticks(seed: int = 1, **changes: object) -> Ticks:
    return from_klines(
        np.random.default_rng(seed),
        prices=klines(),
        policy=replace(POLICY, **changes),
        reference=ReferencePolicy(),
        step_seconds=300,
    )


def still(spot: list[float]) -> Ticks:
    """Ticks whose variance nobody asks for."""
    ts = TICK * np.arange(len(spot), dtype=np.int64)
    return Ticks(ts, np.array(spot), 1, np.ones(len(spot)))


def test_from_klines__goes_through_closes_and_stays_in_range() -> None:
    path, prices = ticks(), klines()
    assert len(path.ts) == len(RANGES) * HOUR // TICK + 1
    inside = path.spot[1:].reshape(len(RANGES), -1)
    assert inside[:, -1] == pytest.approx(prices.close)
    assert (inside.max(axis=1) <= prices.high * (1 + 1e-12)).all()
    assert (inside.min(axis=1) >= prices.low * (1 - 1e-12)).all()


def test_from_klines__range__is_nearly_used_up() -> None:
    prices = klines()
    shares = []
    for seed in range(20):
        inside = ticks(seed).spot[1:].reshape(len(RANGES), -1)
        shares.append(np.log(inside.max(axis=1) / inside.min(axis=1)))
    used = np.mean(shares, axis=0) / np.log(prices.high / prices.low)
    assert (used > 0.85).all()


def test_from_klines__same_seed__same_path() -> None:
    first, again, other = ticks(1), ticks(1), ticks(2)
    assert np.array_equal(first.spot, again.spot)
    assert np.array_equal(first.variance, again.variance)
    assert not np.array_equal(first.spot, other.spot)


def test_from_klines__noise__moves_variance_alone() -> None:
    calm, noisy = ticks(vol_noise=0.0), ticks(vol_noise=2.0)
    assert np.array_equal(calm.spot, noisy.spot)
    assert np.std(np.log(noisy.variance / calm.variance)) > 0.01


def test_from_klines__vol_jumps__are_as_many_and_as_large_as_asked() -> None:
    count = size = 0.0
    for seed in range(20):
        calm = ticks(seed, vol_noise=0.0, vol_jumps_per_year=0.0)
        jumpy = ticks(seed, vol_noise=0.0, vol_jumps_per_year=20_000.0, noise_reversion=1e-9)
        jumps = np.diff(0.5 * np.log(jumpy.variance / calm.variance))
        count += np.count_nonzero(np.abs(jumps) > 1e-6)
        size += (jumps**2).sum()
    expected = 20 * 20_000.0 * len(RANGES) * HOUR / (365 * 86_400)
    assert count == pytest.approx(expected, rel=0.25)  # a step may have two
    assert (size / expected) ** 0.5 == pytest.approx(POLICY.vol_jump, rel=0.2)


def test_from_klines__tick_off_the_grid__is_refused() -> None:
    with pytest.raises(InputError, match="tick_seconds is 7, must be a divisor of 3600 s klines"):
        ticks(tick_seconds=7)


def test_bridge__flat_kline__stands_still() -> None:
    clock = np.arange(1, 11) / 10
    walk = bridge(np.random.default_rng(0), start=1.0, end=1.0, low=1.0, high=1.0, clock=clock)
    assert walk.tolist() == [1.0] * 10


def test_push__deviation__reports_and_lands_later() -> None:
    feed = PushFeed(deviation=0.005, heartbeat_seconds=3_600, latency_seconds=15)
    updates = push_updates(still([100.0] * 5 + [100.6] * 20), feed)
    assert updates.seen.tolist() == [0, 5]
    assert updates.lands.tolist() == [0, 8]


def test_push__small_moves__wait_for_the_heartbeat() -> None:
    feed = PushFeed(deviation=0.005, heartbeat_seconds=60, latency_seconds=5)
    updates = push_updates(still([100.0] + [100.4] * 24), feed)
    assert updates.seen.tolist() == [0, 12, 24]


def test_confidence__jump__widens_at_once_and_narrows_slowly() -> None:
    path = still([100.0] * 100 + [101.0] * 100)
    width = confidence(path, PullFeed(floor=0.0003, widening=3.0, first_vol=0.0))
    assert width[99] == pytest.approx(0.0003)
    assert width[100] > 0.004
    assert 0.0003 < width[199] < width[110] < width[100]


def test_real_ticks__seconds_and_hours__have_one_volatility(market_data: Path) -> None:
    prices = read_prices(market_data / "spot" / "ETHUSDT_perp_5m_2023-01_2024-05.csv.gz")
    cut = slice(0, 288 * 20)
    few = PriceSeries(
        *(getattr(prices, name)[cut] for name in ("ts", "open", "high", "low", "close")), 300, ()
    )
    path = from_klines(
        np.random.default_rng(1),
        prices=few,
        policy=POLICY,
        reference=ReferencePolicy(),
        step_seconds=300,
    )
    second, hour = (np.diff(np.log(path.spot[::n])).std() / n**0.5 for n in (1, 720))
    assert second == pytest.approx(hour, rel=0.25)
