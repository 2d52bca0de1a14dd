"""Clients of the price oracle, the feeds it reads and the volatility surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from protocol.chain.base import Receipt
from protocol.clients.base import Contract
from protocol.clients.signed_prices import Report
from protocol.errors import NotDeployed
from protocol.parameters import PullFeedParameters
from protocol.types import ExpirySurface, SviParams
from protocol.units import from_wad, to_wad


class Spot(NamedTuple):
    """A price in WAD, the second it is of, and its uncertainty as a WAD fraction."""

    price: int
    updated_at: int
    uncertainty: int


@dataclass(frozen=True, slots=True)
class Feed:
    """How the oracle gets a price: bounds in WAD, `max_age` in seconds.

    `width` is the deviation of a push feed, and the widest confidence a pull feed takes.
    """

    pull: bool
    guarded: bool
    max_age: int
    min_price: int
    max_price: int
    width: int
    drift: int


class PriceOracle(Contract):
    """Spot, observations and the settlement print."""

    def spot(self, underlying: int) -> Spot:
        return Spot(*self._call("spot", underlying))

    def last_good(self, underlying: int) -> Spot:
        return Spot(*self._call("last_good", underlying))

    def record(self, underlying: int, *, sender: str) -> Receipt:
        return self._send("record", underlying, sender=sender)

    def feed(self, underlying: int) -> Feed:
        """
        Raises
        ------
        NotDeployed
            Where the underlying has no feed.
        """
        word, bounds = self._call("feed_words", underlying)
        if word == 0:
            raise NotDeployed(f"the oracle has no feed of underlying {underlying}; set one")
        return unpack_feed(word, bounds)

    def set_pull_feed(self, underlying: int, feed: PullFeedParameters, *, sender: str) -> Receipt:
        bounds = feed.min_price, feed.max_price, feed.max_confidence, feed.drift
        row = (underlying, feed.max_age, *(to_wad(bound) for bound in bounds))
        return self._send("set_pull_feed", *row, sender=sender)

    def post(self, reports: Sequence[Report], *, sender: str) -> Receipt:
        """Signed prices for pull feeds, at most four; one no newer than the last is passed over."""
        return self._send("post", [report.row() for report in reports], sender=sender)

    def window(self, underlying: int, day: int) -> tuple[int, int]:
        """How far the print of a day is known in its half hour: (part fixed, share to come)."""
        fixed, to_come = self._call("window", underlying, day)
        return int(fixed), int(to_come)

    def settlement_print(self, underlying: int, day: int) -> int:
        return int(self._call("settlement_print", underlying, day))

    def signers(self) -> tuple[tuple[str, ...], int]:
        """(addresses of those who vouch for prices, ascending; how many must)."""
        signers, threshold = self._call("signers")
        return tuple(signer.lower() for signer in signers), int(threshold)

    def set_signers(self, signers: Sequence[str], threshold: int, *, sender: str) -> Receipt:
        """ADMIN; in any order."""
        ascending = sorted(signer.lower() for signer in signers)
        return self._send("set_signers", ascending, threshold, sender=sender)

    def set_sequencer(self, feed: str, grace: int, *, sender: str) -> Receipt:
        return self._send("set_sequencer", feed, grace, sender=sender)


class MockAggregator(Contract):
    """A price feed that answers what it was last told."""

    def decimals(self) -> int:
        return int(self._call("decimals"))

    def set_answer(self, answer: int, *, sender: str) -> Receipt:
        """A complete round at the chain's present time."""
        return self._send("set_answer", answer, sender=sender)


class VolSurface(Contract):
    """SVI per expiry."""

    def push(self, underlying: int, expiries: Sequence[ExpirySurface], *, sender: str) -> Receipt:
        return self._send("push", underlying, [_row(e) for e in expiries], sender=sender)

    def live_days(self, underlying: int) -> list[int]:
        return list(self._call("live_days", underlying))

    def expiry(self, underlying: int, day: int) -> ExpirySurface | None:
        """The surface of one expiry as the chain has it, None where it has none."""
        return unpack_surface(day, self._call("words", underlying, day))


def unpack_feed(word: int, bounds: int) -> Feed:
    """The twin of feed_codec."""
    pull = bool(word >> 95 & 1)
    low, high = word & (2**64 - 1), bounds & (2**64 - 1)
    return Feed(
        pull=pull,
        guarded=bool(word >> 94 & 1),
        max_age=word >> 64 & (2**24 - 1),
        min_price=bounds >> 160,
        max_price=bounds >> 64 & (2**96 - 1),
        width=high if pull else low,
        drift=low if pull else high,
    )


def unpack_surface(day: int, words: Sequence[int]) -> ExpirySurface | None:
    """The twin of `surface_codec._unpack`."""
    shape, skew = words
    timestamp, behind = skew & (2**40 - 1), skew >> 40 & 3
    if timestamp == 0:
        return None
    a, b, basis, rate = (from_wad(_field(shape, n)) for n in range(4))
    rho, m, sigma = (from_wad(_field(skew, n)) for n in range(3))
    return ExpirySurface(day, SviParams(a, b, rho, m, sigma), basis, rate, timestamp, behind)


def _field(word: int, place: int) -> int:
    """The signed 64-bit field at a place counted from the top."""
    raw = word >> (192 - 64 * place) & (2**64 - 1)
    return raw - 2**64 if raw >> 63 else raw


def _row(e: ExpirySurface) -> tuple[int, ...]:
    s = e.svi
    wads = (to_wad(x) for x in (s.a, s.b, s.rho, s.m, s.sigma, e.basis, e.rate))
    return e.day, *wads, e.behind
