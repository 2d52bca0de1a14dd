"""The sniper: knows the next surface push, trades vega before it and leaves when it may.

Before every keeper's turn it compares the surface on chain with the one that is coming. Where the
difference pays for getting in and out it takes as many straddles as the pool sells, hedges what
delta they have outside, and leaves once the chain's marks are at the fair ones again, or turn
against it. A straddle at the money is vega with next to no delta, whose spread it does not pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.config import SniperPolicy
from protocol.errors import Revert
from protocol.sim.informed.desk import SIZE_DECIMALS, Desk
from protocol.sim.view import read_surface
from protocol.sim.world import World
from protocol.surface.marks import mark
from protocol.types import Instrument, Kind, Leg, Surface
from protocol.units import DAY, expiry_timestamp, from_wad, to_wad

HALVINGS = 8
LEAST_LIFE = DAY
LEAST_PROFIT = 1.0  # USD a trade must be expected to make
LOST_IMPACT = 0.5  # share of it that others take before it comes back
WORSE_MARK = 0.001  # of the mark: more than rounding


Pair = tuple[Instrument, Instrument]  # call and put of one day and strike


@dataclass(frozen=True, slots=True)
class Gap:
    """A straddle whose mark is about to move by `per_vega`, in vol (> 0: it is too cheap)."""

    pair: Pair
    fair: float
    posted: float
    vega: float

    @property
    def per_vega(self) -> float:
        return (self.fair - self.posted) / self.vega


class Sniper:
    """Acts once a step, after the feed and before the keeper."""

    def __init__(self, world: World, desk: Desk, policy: SniperPolicy) -> None:
        self.world, self.desk, self.policy = world, desk, policy
        self._since: dict[Pair, int] = {}

    def act(self, *, outside: float, shown: float, coming: Surface) -> None:
        """`outside` and `shown` are spot outside and on chain, USD."""
        held = self.desk.held()
        self._leave(held, outside, shown, coming)
        for gap in self._gaps(self._candidates(outside, coming), shown, coming):
            self._enter(gap, outside, coming)
        self.hedge(outside, coming)

    def close(self, *, outside: float, coming: Surface) -> None:
        """Leave everything, at what it costs."""
        for pair, size in _pairs(self.desk.held()).items():
            self._trade(pair, -size, outside, coming)
        self.hedge(outside, coming)

    def hedge(self, outside: float, coming: Surface) -> None:
        """The delta of what it holds, outside; small changes are not worth their cost."""
        now = self.world.chain.timestamp
        alive = {each: size for each, size in self.desk.held().items() if now < each.expiry}
        units = 0.0
        if alive:
            marks = mark(surface=coming, instruments=list(alive), spot=outside, now=now)
            units = -sum(s * d for s, d in zip(alive.values(), marks.smile_delta, strict=True))
        if abs(units - self.desk.outside_units) > 0.02 * abs(units) or not alive:
            self.desk.hedge(float(units), outside)

    # -- looking --

    def _candidates(self, outside: float, coming: Surface) -> list[Pair]:
        """A straddle at the money of every expiry: the most vega for its price."""
        step = self.world.scenario.keeper.settle.strike_step
        now, listed = self.world.chain.timestamp, self.world.market.amm.expiries()
        days = [b.day for b in listed if expiry_timestamp(b.day) - now > LEAST_LIFE]
        found = []
        for day in sorted(set(days) & set(coming.days)):
            strike = max(1, round(coming.on(day).forward(outside) / step)) * step
            found.append(_straddle(self.world.underlying, day, strike))
        return found

    def _gaps(self, pairs: Sequence[Pair], shown: float, coming: Surface) -> list[Gap]:
        """How far each mark is from the coming one at the chain's spot, the widest first."""
        posted = read_surface(self.world, sorted({call.day for call, _ in pairs}), shown)
        known = [pair for pair in pairs if pair[0].day in posted.days]
        if not known:
            return []
        series, now = [leg for pair in known for leg in pair], self.world.chain.timestamp
        old = mark(surface=posted, instruments=series, spot=shown, now=now).black
        new = mark(surface=coming, instruments=series, spot=shown, now=now).black
        sums = [each.reshape(-1, 2).sum(axis=1) for each in (new.value, old.value, new.vega)]
        rows = zip(known, *(each.tolist() for each in sums), strict=True)
        gaps = [Gap(pair, fair, then, vega) for pair, fair, then, vega in rows]
        return sorted(gaps, key=lambda gap: -abs(gap.per_vega))

    # -- doing --

    def _enter(self, gap: Gap, outside: float, coming: Surface) -> None:
        amm = self.world.market.amm
        half_spread = self.world.scenario.amm.spreads.vol_points
        if abs(gap.per_vega) < 2.0 * half_spread:
            return  # spares a call: this much it costs at least
        way = 1.0 if gap.per_vega > 0.0 else -1.0
        best, most = 0.0, LEAST_PROFIT
        for halving in range(HALVINGS):
            size = way * self.policy.largest * 0.5**halving
            try:
                quote = amm.quote(self.desk.account, _legs(gap.pair, size))
            except Revert:
                continue
            gain = size * gap.fair - from_wad(quote.mark)
            costs = 2.0 * from_wad(quote.spread + quote.fee)
            profit = gain - costs - LOST_IMPACT * max(from_wad(quote.impact), 0.0)
            if profit > most:
                best, most = size, profit
        if best and self._trade(gap.pair, best, outside, coming):
            self._since.setdefault(gap.pair, self.world.chain.timestamp)

    def _leave(
        self, held: dict[Instrument, float], outside: float, shown: float, coming: Surface
    ) -> None:
        now, sizes = self.world.chain.timestamp, _pairs(held)
        alive = [pair for pair in sizes if now < pair[0].expiry and pair[0].day in coming.days]
        for gap in self._gaps(alive, shown, coming):
            size = sizes[gap.pair]
            overdue = now - self._since[gap.pair] > self.policy.exit_seconds
            turned = size * (gap.fair - gap.posted) <= 0.0
            if overdue or (turned and self._is_good(gap, size)):
                self._trade(gap.pair, -size, outside, coming)

    def _is_good(self, gap: Gap, size: float) -> bool:
        """Whether leaving gets the posted mark (for a while after a push it gets a worse one) and
        impact back rather than paying it again.
        """
        try:
            quote = self.world.market.amm.quote(self.desk.account, _legs(gap.pair, -size))
        except Revert:
            return False
        lost = size * gap.posted + from_wad(quote.mark)
        return quote.impact <= 0 and lost < WORSE_MARK * abs(size) * gap.posted

    def _trade(self, pair: Pair, size: float, outside: float, coming: Surface) -> bool:
        now = self.world.chain.timestamp
        units = round(size, SIZE_DECIMALS)
        if now >= pair[0].expiry or pair[0].day not in coming.days:
            return False
        marks = mark(surface=coming, instruments=list(pair), spot=outside, now=now)
        fair = units * float(marks.black.value.sum())
        done = self.desk.options(_legs(pair, units), fair=fair)
        if done and pair[0] not in self.desk.held():
            self._since.pop(pair, None)
        return done


def _straddle(underlying: int, day: int, strike: float) -> Pair:
    call, put = (Instrument.option(kind, underlying, day, strike) for kind in (Kind.CALL, Kind.PUT))
    return call, put


def _legs(pair: Pair, size: float) -> tuple[Leg, Leg]:
    call, put = pair
    return Leg(call, to_wad(size)), Leg(put, to_wad(size))


def _pairs(held: dict[Instrument, float]) -> dict[Pair, float]:
    """What it holds, as straddles: it never holds anything else."""
    calls = {each: size for each, size in held.items() if each.kind is Kind.CALL}
    return {_straddle(c.underlying, c.day, c.strike): size for c, size in calls.items()}
