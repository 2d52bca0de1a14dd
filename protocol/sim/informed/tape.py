"""A modelled feed on the chain: what price it can show at a tick, and showing it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import sqrt

from protocol.chain.artifacts import Artifacts
from protocol.clients.base import AnyContract
from protocol.clients.deploy import FEED_DECIMALS
from protocol.config import PullFeed, PushFeed
from protocol.parameters import FeedParameters, PullFeedParameters
from protocol.sim.informed.feeds import confidence, push_updates
from protocol.sim.informed.ticks import Ticks
from protocol.sim.world import ADMIN, World


@dataclass(frozen=True, slots=True)
class Offer:
    """A price a trader can have the chain show now, and the tick it is of."""

    price: float
    tick: int
    uncertainty: float  # as the chain will have it, a fraction


class FeedTape(ABC):
    """The feed of one market; `shown` is the price on chain.

    `instant`: whether the following price can be had within the same block.
    """

    instant: bool

    def __init__(self, world: World, ticks: Ticks) -> None:
        self.world, self.ticks = world, ticks
        self.spot = ticks.spot.tolist()
        self.shown = float(self.spot[0])

    @abstractmethod
    def offers(self, tick: int) -> tuple[Offer, Offer]:
        """(lowest, highest) price that a trade at a tick can be made at."""

    @abstractmethod
    def following(self, tick: int) -> Offer | None:
        """The price the chain will have right after, if that is known for sure."""

    @abstractmethod
    def show(self, tick: int, offer: Offer | None = None) -> None:
        """Move the chain to a tick; with an offer, at its price."""

    def _move_to(self, tick: int) -> None:
        now = int(self.ticks.ts[tick])
        if now > self.world.chain.timestamp:
            self.world.chain.set_time(now)


class PushTape(FeedTape):
    """Everybody trades at the last report that has landed."""

    instant = False

    def __init__(self, world: World, ticks: Ticks, artifacts: Artifacts, feed: PushFeed) -> None:
        super().__init__(world, ticks)
        # A round may be of another time than the block's, which no client of a real feed can say.
        self._mock = AnyContract(world.chain, world.market.feed, artifacts["MockAggregator"].abi)
        self._terms = FeedParameters()
        updates = push_updates(ticks, feed)
        self._reports = list(zip(updates.seen.tolist(), updates.lands.tolist(), strict=True))
        self._next = 1  # the first report still to land
        self._told = 0

    def offers(self, tick: int) -> tuple[Offer, Offer]:
        self._advance(tick)
        seen, lands = self._reports[self._next - 1]
        offer = Offer(self.spot[seen], seen, self._uncertainty(tick - lands))
        return offer, offer

    def following(self, tick: int) -> Offer | None:
        self._advance(tick)
        if self._next == len(self._reports):
            return None
        seen, lands = self._reports[self._next]
        return Offer(self.spot[seen], seen, self._uncertainty(0)) if lands == tick + 1 else None

    def show(self, tick: int, offer: Offer | None = None) -> None:
        self._advance(tick)
        self._move_to(tick)
        if self._told < self._next - 1:
            self._told = self._next - 1
            seen, lands = self._reports[self._told]
            self.shown = self.spot[seen]
            answer, updated_at = round(self.shown * 10**FEED_DECIMALS), int(self.ticks.ts[lands])
            round_id = self._told + 1
            self._mock.send("set_round", round_id, answer, updated_at, round_id, sender=ADMIN)

    def _uncertainty(self, age: int) -> float:
        return self._terms.deviation + self._terms.drift * sqrt(age * self.ticks.seconds)

    def _advance(self, tick: int) -> None:
        while self._next < len(self._reports) and self._reports[self._next][1] <= tick:
            self._next += 1


class PullTape(FeedTape):
    """Whoever trades brings a report, no older than a venue takes (`oldest`, seconds) and newer
    than the last one posted.
    """

    instant = True

    def __init__(self, world: World, ticks: Ticks, feed: PullFeed, *, oldest: int) -> None:
        super().__init__(world, ticks)
        self._confidence = confidence(ticks, feed).tolist()
        self._delay = feed.delay_seconds // ticks.seconds
        self._oldest = oldest // ticks.seconds
        self._widest = PullFeedParameters().max_confidence
        self._posted = 0

    def offers(self, tick: int) -> tuple[Offer, Offer]:
        newest = max(tick - self._delay, 0)
        first = min(max(tick - self._oldest, self._posted), newest)
        window = self.spot[first : newest + 1]
        low, high = first + window.index(min(window)), first + window.index(max(window))
        return self._offer(low), self._offer(high)

    def following(self, tick: int) -> Offer | None:
        return self._offer(max(tick - self._delay, 0))

    def _offer(self, tick: int) -> Offer:
        return Offer(self.spot[tick], tick, self._confidence[tick])

    def show(self, tick: int, offer: Offer | None = None) -> None:
        self._move_to(tick)
        chosen = offer or self._offer(max(tick - self._delay, 0))
        if chosen.tick > self._posted:
            self._posted, self.shown = chosen.tick, chosen.price
            self.world.post(
                chosen.price,
                confidence=min(self._confidence[chosen.tick], self._widest),
                timestamp=int(self.ticks.ts[chosen.tick]),
            )
