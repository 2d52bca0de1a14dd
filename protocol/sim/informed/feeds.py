"""What a feed makes of the outside price, tick by tick, before any chain is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from protocol.config import PullFeed, PushFeed
from protocol.pricing.black76 import Floats
from protocol.sim.informed.ticks import Ticks

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Updates:
    """Reports of a push feed, shape (n,), as tick indices: `seen` when it read its price, `lands`
    when the chain has it. The first is there from the start.
    """

    seen: Indices
    lands: Indices


def push_updates(ticks: Ticks, feed: PushFeed) -> Updates:
    """When a push feed reports: on a move from its last answer, or on its heartbeat.

    A round takes until it lands; the next begins after.
    """
    lag = feed.latency_seconds // ticks.seconds
    beat = feed.heartbeat_seconds // ticks.seconds
    seen, lands = [0], [0]
    answer, spot, n = float(ticks.spot[0]), ticks.spot.tolist(), len(ticks.spot)
    tick = 1
    while tick < n:
        if abs(spot[tick] / answer - 1.0) >= feed.deviation or tick - seen[-1] >= beat:
            answer = spot[tick]
            seen.append(tick)
            lands.append(tick + lag)
            tick += max(lag, 1)
        else:
            tick += 1
    return Updates(np.array(seen), np.array(lands))


def confidence(ticks: Ticks, feed: PullFeed) -> Floats:
    """What reporters sign beside each tick's price, a fraction of it, shape (n,)."""
    rate = np.append(0.0, np.diff(np.log(ticks.spot)) ** 2) / ticks.seconds
    fast, slow = (
        _average(rate, life / ticks.seconds) for life in (feed.fast_seconds, feed.slow_seconds)
    )
    moves = np.sqrt(np.maximum(fast, slow) * feed.max_age_seconds)
    widths: Floats = feed.floor + feed.widening * moves
    return widths


def _average(values: Floats, half_life: float) -> Floats:
    keep = 0.5 ** (1.0 / half_life)
    average: Floats = lfilter([1.0 - keep], [1.0, -keep], values)
    return average
