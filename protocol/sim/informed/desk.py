"""An informed trader's books: one ledger account, one position on the outside market."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from protocol.chain.base import Receipt
from protocol.errors import Revert
from protocol.sim.world import World, account_of, deposit_cash
from protocol.surface.marks import mark
from protocol.types import Instrument, Kind, Leg, Surface
from protocol.units import from_wad, to_wad

SIZE_DECIMALS = 4
NO_LIMIT = 2**128


class Desk:
    """Trades on chain and outside, and knows by cause what it made.

    `causes` in USD: what the chain's prices were off when it traded (stale), what it paid in
    impact, spread, fee and outside; the rest (funding, what moved while it was not hedged) is what
    its P&L has beyond them.
    """

    def __init__(self, world: World, address: str, *, cash: float, outside_cost: float) -> None:
        self.world, self.address, self.account = world, address, account_of(address)
        self.outside_cost = outside_cost
        self.outside_units = self.outside_cash = 0.0
        self.causes: defaultdict[str, float] = defaultdict(float)
        self.refusals: defaultdict[str, int] = defaultdict(int)
        self.trades = 0
        deposit_cash(world, address, cash)
        self.capital = from_wad(world.system.ledger.cash(self.account))

    # -- on chain --

    def options(self, legs: Sequence[Leg], *, fair: float) -> bool:
        """Trade a package whose worth at the outside price and surface is `fair`, USD."""
        amm = self.world.market.amm
        try:
            receipt = amm.trade(self.account, legs, sender=self.address)
        except Revert as refusal:
            self.refusals[refusal.reason or "no reason"] += 1
            return False
        (quote,) = (e.args["quote"] for e in amm.events(receipt) if e.name == "Traded")
        _, value, impact, spread, fee = (from_wad(x) for x in quote)
        self._book(fair - value, impact=impact, spread=spread, fee=fee)
        return True

    def perp(self, units: float, *, outside: float, shown: float) -> bool:
        """Trade the perp; what it shows and what the outside pays are USD a unit."""
        perp, size = self.world.market.perp, to_wad(round(units, SIZE_DECIMALS))
        try:
            receipt: Receipt = perp.trade(
                self.account, size, NO_LIMIT if size > 0 else 0, sender=self.address
            )
        except Revert as refusal:
            self.refusals[refusal.reason or "no reason"] += 1
            return False
        (fill,) = (e.args for e in perp.events(receipt) if e.name == "PerpTraded")
        paid, fee = from_wad(fill["payment"]), from_wad(fill["fee"])
        premium = from_wad(fill["index"]) * from_wad(size)
        premium *= (2.0 * from_wad(fill["skew"]) - from_wad(size)) / (2.0 * from_wad(perp.scale()))
        stale = from_wad(size) * (outside - shown)
        self._book(stale, impact=premium, spread=paid - premium, fee=fee)
        return True

    def _book(self, stale: float, *, impact: float, spread: float, fee: float) -> None:
        self.trades += 1
        self.causes["stale"] += stale
        self.causes["impact"] -= impact
        self.causes["spread"] -= spread
        self.causes["fees"] -= fee

    # -- outside --

    def hedge(self, units: float, price: float) -> None:
        """Bring the outside position to `units`."""
        traded = units - self.outside_units
        cost = abs(traded) * price * self.outside_cost
        self.outside_cash -= traded * price + cost
        self.outside_units = units
        self.causes["outside"] -= cost

    # -- what it has --

    def held(self) -> dict[Instrument, float]:
        """On chain, in units."""
        found = self.world.system.ledger.portfolio(self.account)
        return {Instrument.from_id(each): from_wad(size) for each, size in found.items()}

    def pnl(self, *, spot: float, shown: float, surface: Surface) -> float:
        """Everything at the outside price and surface, less what was put in, USD."""
        held, ledger = self.held(), self.world.system.ledger
        perp = held.pop(Instrument.perp(self.world.underlying), 0.0)
        equity = from_wad(ledger.cash(self.account)) + perp * (spot - shown)
        if perp:
            equity += from_wad(self.world.market.perp.unrealised(self.account, to_wad(perp)))
        equity += value(held, surface=surface, spot=spot, now=self.world.chain.timestamp)
        return equity - self.capital + self.outside_cash + self.outside_units * spot


def value(held: dict[Instrument, float], *, surface: Surface, spot: float, now: int) -> float:
    """Options at fair marks, USD; expired ones wait for their print and count nothing."""
    alive = {each: size for each, size in held.items() if now < each.expiry}
    if not alive:
        return 0.0
    marks = mark(surface=surface, instruments=list(alive), spot=spot, now=now)
    return float(sum(s * v for s, v in zip(alive.values(), marks.black.value, strict=True)))


def synthetic(underlying: int, day: int, strike: float, size: float) -> tuple[Leg, Leg]:
    """A forward of options: delta and nothing else."""
    units = to_wad(round(size, SIZE_DECIMALS))
    call, put = (Instrument.option(kind, underlying, day, strike) for kind in (Kind.CALL, Kind.PUT))
    return Leg(call, units), Leg(put, -units)
