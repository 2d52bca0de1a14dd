"""The latency arbitrageur: sees the outside price first and trades what the chain still shows.

Two ways, whichever the moment offers. *Around an update*: the chain's next price is known (a report
on its way, or a newer signed one in the same transaction), so it trades before and back after,
needs no hedge and gets the impact back. *Against the outside*: the chain's price is off by more
than all costs, so it trades, hedges outside, and leaves once the chain has caught up.
"""

from __future__ import annotations

from math import copysign

from protocol.config import LatencyPolicy
from protocol.sim.informed.desk import Desk
from protocol.sim.informed.tape import FeedTape, Offer
from protocol.sim.informed.venues import ForwardVenue, PerpVenue, Venue
from protocol.sim.world import World

LEAST_FEE = 0.0005  # of one way: the perp's; no market on chain asks less


class LatencyArb:
    """Acts at every tick; it looks first and touches the chain only where there may be a profit."""

    def __init__(self, world: World, tape: FeedTape, desk: Desk, policy: LatencyPolicy) -> None:
        self.tape, self.desk, self.policy = tape, desk, policy
        self.venues: tuple[Venue, ...] = (
            PerpVenue(world, desk, largest=policy.perp_size),
            ForwardVenue(world, desk, largest=policy.package_size),
        )
        self._leave_at: int | None = None
        self._rest_until = 0

    @property
    def delta(self) -> float:
        """Held on chain, in units."""
        return sum(venue.held for venue in self.venues)

    def act(self, tick: int, *, last: bool) -> None:
        """Leave what has caught up, then take what there is to take; `last` before others trade."""
        low, high = self.tape.offers(tick)
        outside = self.tape.spot[tick]
        if self.delta:
            best = high if self.delta > 0.0 else low
            caught_up = copysign(1.0, self.delta) * (best.price - outside) >= 0.0
            if caught_up or tick == self._leave_at:
                self._leave(tick, best)
        if self.delta or last:
            return
        after = self.tape.following(tick)
        for offer, way in ((low, 1.0), (high, -1.0)):
            least = 2.0 * LEAST_FEE + offer.uncertainty
            if after is not None and way * (after.price / offer.price - 1.0) > least:
                self._around(tick, offer, after, way)
            elif tick >= self._rest_until and way * (outside / offer.price - 1.0) > least:
                self._against(tick, offer, outside, way)
            if self.delta:
                return

    def close(self, tick: int) -> None:
        """Leave everything, at what it costs."""
        if self.delta:
            low, high = self.tape.offers(tick)
            self._leave(tick, high if self.delta > 0.0 else low)

    def _around(self, tick: int, before: Offer, after: Offer, way: float) -> None:
        self.tape.show(tick, before)
        self._enter(tick, way, gain=abs(after.price - before.price), is_quick=True)
        if self.delta and self.tape.instant:
            self._leave(tick, after)
        else:
            self._leave_at = tick + 1

    def _against(self, tick: int, offer: Offer, outside: float, way: float) -> None:
        self._rest_until = tick + self.policy.retry_seconds // self.tape.ticks.seconds
        self.tape.show(tick, offer)
        hedging = 2.0 * outside * self.policy.outside_cost
        self._enter(tick, way, gain=abs(outside - offer.price) - hedging, is_quick=False)
        if self.delta:
            self.desk.hedge(-self.delta, outside)

    def _enter(self, tick: int, way: float, *, gain: float, is_quick: bool) -> None:
        outside = self.tape.spot[tick]
        for venue in self.venues:
            venue.enter(way, gain=gain, outside=outside, shown=self.tape.shown, is_quick=is_quick)

    def _leave(self, tick: int, offer: Offer) -> None:
        self.tape.show(tick, offer)
        self._leave_at = None
        outside = self.tape.spot[tick]
        for venue in self.venues:
            venue.leave(outside=outside, shown=self.tape.shown)
        if self.desk.outside_units:
            self.desk.hedge(-self.delta, outside)
