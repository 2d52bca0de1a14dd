"""What a feed makes of the outside price, tick by tick, before any chain is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol.config import PullFeed, PushFeed
from protocol.pricing.black76 import Floats
from protocol.sim.informed.ticks import Ticks
from protocol.strategy.confidence import Confidence

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
    meter = Confidence(feed, seconds=ticks.seconds)
    return np.array([meter.seen(price) for price in ticks.spot.tolist()])
