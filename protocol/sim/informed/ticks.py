"""The outside price at the scale of seconds: a seeded bridge inside each kline.

Klines say where a price opened, closed and how far it went; what it did in between is drawn as a
Brownian bridge in log price whose volatility is fitted to the kline's range.

References
----------
.. [1] Feller, W. (1951). The asymptotic distribution of the range of sums of independent random
   variables. Annals of Mathematical Statistics 22: the mean range of a bridge over a time T is
   sqrt(pi T / 2) sigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np

from protocol.config import HestonPrices, InformedPolicy, ReferencePolicy
from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.sim.paths import VARIANCE_FLOOR, heston_path
from protocol.sim.prices import PriceSeries, Times
from protocol.surface.reference_model import realised_variance
from protocol.units import YEAR

BRIDGE_RANGE = sqrt(pi / 2.0)
# A kline that trends needs less volatility for its range than one that returns: several are tried.
SCALES: Floats = np.repeat(np.linspace(0.35, 1.1, 8), 4)


@dataclass(frozen=True, slots=True)
class Ticks:
    """The outside price at equal ticks, and the outside variance at steps of several ticks.

    Attributes
    ----------
    ts, spot : ndarray
        Shape (n,): unix seconds, USD.
    every : int
        Ticks a step; tick `k * every` ends step k.
    variance : ndarray
        A year, at the steps, shape ((n - 1) // every + 1,).
    """

    ts: Times
    spot: Floats
    every: int
    variance: Floats

    @property
    def seconds(self) -> int:
        """Of a tick."""
        return int(self.ts[1] - self.ts[0])


def from_klines(
    rng: np.random.Generator,
    *,
    prices: PriceSeries,
    policy: InformedPolicy,
    reference: ReferencePolicy,
    step_seconds: int,
) -> Ticks:
    """Ticks of a history; the same generator state gives the same path.

    Raises
    ------
    InputError
        Where a kline is not whole ticks.
    """
    tick = policy.tick_seconds
    if prices.interval % tick:
        raise InputError("tick_seconds", tick, bound=f"a divisor of {prices.interval} s klines")
    count = prices.interval // tick
    clocks = _clocks(np.log(prices.high / prices.low), count)
    rows = zip(prices.high, prices.low, prices.close, clocks, strict=True)
    start = log(prices.open[0])
    parts = [np.array([start])]
    for high, low, close, clock in rows:
        end = log(close)
        parts.append(bridge(rng, start=start, end=end, low=log(low), high=log(high), clock=clock))
        start = end
    spot = np.exp(np.concatenate(parts))
    every = step_seconds // tick
    spot = spot[: (len(spot) - 1) // every * every + 1]
    variance = realised_variance(closes=spot[::every], interval=step_seconds, policy=reference)
    return _noisy(rng, int(prices.ts[0]), spot, every, variance, policy)


def from_model(
    rng: np.random.Generator,
    *,
    model: HestonPrices,
    policy: InformedPolicy,
    start: int,
    step_seconds: int,
    steps: int,
) -> Ticks:
    """Ticks of the scenario's own model."""
    every = step_seconds // policy.tick_seconds
    path = heston_path(rng, model=model, start=start, step=policy.tick_seconds, steps=steps * every)
    return _noisy(rng, start, path.spot, every, path.variance[::every], policy)


def bridge(
    rng: np.random.Generator, *, start: float, end: float, low: float, high: float, clock: Floats
) -> Floats:
    """One kline's log prices after its open, shape (n,), ending at `end` and inside its range.

    `clock` is the share of the kline's variance that has passed at each tick, shape (n,). Of
    several bridges the one whose range is nearest is kept, and folded at the kline's high and low
    where it goes beyond.
    """
    low, high = min(low, start, end), max(high, start, end)
    deviation = (high - low) / BRIDGE_RANGE
    shocks = rng.standard_normal((len(SCALES), len(clock)))
    steps = shocks * np.sqrt(np.diff(clock, prepend=0.0)) * (SCALES * deviation)[:, None]
    walks = np.cumsum(steps, axis=1)
    walks += start + clock * (end - start - walks[:, -1:])
    misses = np.abs(walks.max(axis=1) - high) + np.abs(walks.min(axis=1) - low)
    best: Floats = walks[int(np.argmin(misses))]
    return _folded(best, low, high)


def _clocks(ranges: Floats, count: int) -> Floats:
    """Variance time of each kline, shape (n, count): vol goes over into the neighbours', in
    proportion, instead of jumping at the edge of a kline.
    """
    level = np.log(np.maximum(ranges, 1e-6))
    before = 0.5 * (level + np.append(level[0], level[:-1]))
    after = 0.5 * (level + np.append(level[1:], level[-1]))
    at = (np.arange(count) + 0.5) / count
    left = (before - level)[:, None] * np.maximum(1.0 - 2.0 * at, 0.0)
    right = (after - level)[:, None] * np.maximum(2.0 * at - 1.0, 0.0)
    clock = np.cumsum(np.exp(2.0 * (left + right)), axis=1)
    shares: Floats = clock / clock[:, -1:]
    return shares


def _folded(x: Floats, low: float, high: float) -> Floats:
    width = high - low
    if width == 0.0:
        return np.full(len(x), low)
    phase = np.mod(x - low, 2.0 * width)
    folded: Floats = low + np.minimum(phase, 2.0 * width - phase)
    return folded


def _noisy(
    rng: np.random.Generator,
    start: int,
    spot: Floats,
    every: int,
    variance: Floats,
    policy: InformedPolicy,
) -> Ticks:
    """Implied vol moves by itself too, and jumps: variance times exp(2 x), x an Ornstein-Uhlenbeck
    process with normal jumps.
    """
    dt = every * policy.tick_seconds / YEAR
    keep = float(np.exp(-policy.noise_reversion * dt))
    shocks = policy.vol_noise * sqrt(dt) * rng.standard_normal(len(variance))
    jumps = rng.poisson(policy.vol_jumps_per_year * dt, len(variance))
    shocks += policy.vol_jump * np.sqrt(jumps) * rng.standard_normal(len(variance))
    level, noise = 0.0, np.zeros(len(variance))
    for i, shock in enumerate(shocks.tolist()[1:], start=1):
        level = keep * level + shock
        noise[i] = level
    ts = start + policy.tick_seconds * np.arange(len(spot), dtype=np.int64)
    return Ticks(ts, spot, every, np.maximum(variance * np.exp(2.0 * noise), VARIANCE_FLOOR))
