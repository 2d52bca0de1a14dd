"""What a reporter does round after round: price, sign, post, wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from math import exp, sqrt
from pathlib import Path

import numpy as np

from protocol.chain.accounts import Keyring
from protocol.chain.base import TestChain
from protocol.clients.oracle import PriceOracle
from protocol.clients.reporter import Reporter
from protocol.clients.signed_prices import Report
from protocol.clients.system import System
from protocol.errors import ChainUnavailable, ConfigError
from protocol.parameters import PullFeedParameters
from protocol.sim.prices import read_prices
from protocol.sim.world import ADMIN
from protocol.strategy.confidence import Confidence
from protocol.units import YEAR, from_wad

MAX_MISSES = 5  # rounds in a row without an answer from the node
DEV_CONFIDENCE = 0.0005


@dataclass(frozen=True, slots=True)
class Source:
    """Where prices come from: closes of a klines file, or a log-normal path from `price`.

    `vol` a year; 0 stands still. A file ends, a path does not.
    """

    price: float | None = None
    vol: float = 0.0
    seed: int = 0
    klines: Path | None = None

    def prices(self, *, every: int) -> Iterator[float]:
        """One price for each round, `every` seconds apart."""
        if (self.klines is None) == (self.price is None):
            raise ConfigError("pass either --price or --klines: where prices come from")
        if self.klines is not None:
            return iter([float(close) for close in read_prices(self.klines).close])
        assert self.price is not None
        return _path(self.price, self.vol, self.seed, every) if self.vol else repeat(self.price)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did, or would do; gas and hash where it was sent."""

    report: Report
    sent: bool
    taken: bool = False
    gas: int = 0
    tx: str = ""

    def json(self) -> dict[str, object]:
        r = self.report
        return {
            "underlying": r.underlying,
            "price": from_wad(r.price),
            "confidence": from_wad(r.confidence),
            "timestamp": r.timestamp,
            "signatures": len(r.signatures),
            "sent": self.sent,
            "taken": self.taken,
            "gas": self.gas,
            "tx": self.tx,
        }


@dataclass(frozen=True, slots=True)
class Desk:
    """A reporter with its source, its rhythm and its clock."""

    reporter: Reporter
    source: Source
    every: int
    confidence: Confidence
    live: bool
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def rounds(self, *, once: bool) -> Iterator[Round]:
        """Round after round until the source ends, each one awaited.

        Raises
        ------
        ChainUnavailable
            After `MAX_MISSES` rounds in a row without an answer.
        """
        misses = 0
        for price in self.source.prices(every=self.every):
            try:
                yield self._round(price)
                misses = 0
            except ChainUnavailable:
                misses += 1
                if misses == MAX_MISSES or once:
                    raise
            if once:
                return
            self.sleep(self.every)

    def _round(self, price: float) -> Round:
        # At the widest the feed takes hardly anybody trades; without a price exits get dearer too.
        width = min(self.confidence.seen(price), from_wad(self.reporter.feed.width))
        report = self.reporter.sign(price=price, confidence=width, timestamp=self._timestamp())
        if not self.live:
            return Round(report, sent=False)
        receipt, taken = self.reporter.post(report)
        return Round(report, True, taken, receipt.gas_used, receipt.tx_hash)

    def _timestamp(self) -> int:
        """The newest time that cannot be the future of the block the report lands in.

        A devnet's clock stands still between rounds: a live round moves it on.
        """
        chain = self.reporter.oracle.chain
        if not isinstance(chain, TestChain):
            return min(int(self.now()), chain.timestamp)
        if self.live:
            chain.advance(self.every)
        return chain.timestamp


def enable(system: System, *, symbol: str, keys: Keyring, threshold: int) -> None:
    """Let the feed of a devnet's market take signed prices, within the bounds it has."""
    oracle, underlying = system.oracle, system.market(symbol).underlying
    old = oracle.feed(underlying)
    feed = PullFeedParameters(
        min_price=from_wad(old.min_price),
        max_price=from_wad(old.max_price),
        drift=from_wad(old.drift),
    )
    oracle.set_signers(keys.addresses, threshold, sender=ADMIN)
    oracle.set_pull_feed(underlying, feed, sender=ADMIN)


def post_dev_price(oracle: PriceOracle, *, underlying: int, price: float) -> None:
    """A price vouched for by the devnet's well-known keys, at the chain's time."""
    reporter = Reporter(oracle, Keyring.dev(), underlying=underlying, sender=ADMIN)
    timestamp = oracle.chain.timestamp
    reporter.post(reporter.sign(price=price, confidence=DEV_CONFIDENCE, timestamp=timestamp))


def _path(price: float, vol: float, seed: int, every: int) -> Iterator[float]:
    rng, step = np.random.default_rng(seed), vol * sqrt(every / YEAR)
    while True:
        yield price
        price *= exp(step * rng.standard_normal() - 0.5 * step * step)
