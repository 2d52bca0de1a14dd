"""The places on chain where delta is traded: the perp, and forwards made of two options."""

from __future__ import annotations

from abc import ABC, abstractmethod

from protocol.errors import Revert
from protocol.sim.informed.desk import Desk, synthetic, value
from protocol.sim.view import read_surface
from protocol.sim.world import World
from protocol.types import Leg
from protocol.units import DAY, expiry_timestamp, from_wad, to_wad

LEAST_PROFIT = 1.0  # USD a trade must be expected to make
HALVINGS = 6  # sizes tried, each half of the last


class Venue(ABC):
    """One way to hold delta on chain; `held` in units of the underlying."""

    def __init__(self, world: World, desk: Desk, *, largest: float) -> None:
        self.world, self.desk, self.largest = world, desk, largest
        self.held = 0.0

    def enter(
        self, way: float, *, gain: float, outside: float, shown: float, is_quick: bool
    ) -> None:
        """The size that leaves most of `gain`, USD a unit, when the way in and out is paid.

        Whoever is quick gets the impact back on the way out; in the meantime others may.
        """
        self.prepare(outside)
        best, most = 0.0, LEAST_PROFIT
        for halving in range(HALVINGS):
            size = way * self.largest * 0.5**halving
            try:
                impact, cost = self.cost(size, shown)
            except Revert:
                continue
            profit = gain * abs(size) - 2.0 * cost - (0.0 if is_quick else max(impact, 0.0))
            if profit > most:
                best, most = size, profit
        if best and self.trade(best, outside=outside, shown=shown):
            self.held += best

    def leave(self, *, outside: float, shown: float) -> None:
        """All of it, at what it costs; what is refused stays."""
        if self.held and self.trade(-self.held, outside=outside, shown=shown):
            self.held = 0.0

    @abstractmethod
    def prepare(self, outside: float) -> None:
        """Choose what to trade."""

    @abstractmethod
    def cost(self, size: float, shown: float) -> tuple[float, float]:
        """(impact, spread and fee) of a trade, USD. Raises `Revert` where it is refused."""

    @abstractmethod
    def trade(self, size: float, *, outside: float, shown: float) -> bool: ...


class PerpVenue(Venue):
    """The perp."""

    def prepare(self, outside: float) -> None:
        pass

    def cost(self, size: float, shown: float) -> tuple[float, float]:
        perp = self.world.market.perp
        payment, fee = perp.quote(self.desk.account, to_wad(size))
        skew, scale = from_wad(perp.skew()), from_wad(perp.scale())
        premium = shown * size * (2.0 * skew + size) / (2.0 * scale)
        return premium, from_wad(payment + fee) - premium

    def trade(self, size: float, *, outside: float, shown: float) -> bool:
        return self.desk.perp(size, outside=outside, shown=shown)


class ForwardVenue(Venue):
    """A call less a put of one strike: delta alone, so that no spread on vega is paid."""

    def __init__(self, world: World, desk: Desk, *, largest: float) -> None:
        super().__init__(world, desk, largest=largest)
        self.day, self.strike = 0, 0.0

    def prepare(self, outside: float) -> None:
        step = self.world.scenario.keeper.settle.strike_step
        now = self.world.chain.timestamp
        days = sorted(
            book.day
            for book in self.world.market.amm.expiries()
            if expiry_timestamp(book.day) - now > DAY
        )
        self.day = days[0] if days else 0
        self.strike = max(1, round(outside / step)) * step

    def cost(self, size: float, shown: float) -> tuple[float, float]:
        quote = self.world.market.amm.quote(self.desk.account, self._legs(size))
        return from_wad(quote.impact), from_wad(quote.spread + quote.fee)

    def trade(self, size: float, *, outside: float, shown: float) -> bool:
        legs = self._legs(size)
        surface = read_surface(self.world, [self.day], outside)
        worth = {leg.instrument: from_wad(leg.size) for leg in legs}
        now = self.world.chain.timestamp
        fair = value(worth, surface=surface, spot=outside, now=now)
        return self.desk.options(legs, fair=fair)

    def _legs(self, size: float) -> tuple[Leg, Leg]:
        return synthetic(self.world.underlying, self.day, self.strike, size)
