"""The ledger once more, in plain Python integers: the reference that the contracts are played
against. Dictionaries instead of words, no packing, lists or indices; margin is the float twin's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from protocol.parameters import MarginParameters
from protocol.risk.margin import margin
from protocol.risk.portfolio import Holding, MarketState, Portfolio
from protocol.types import ExpirySurface, Instrument, Kind, Surface, SviParams
from protocol.units import WAD, YEAR, expiry_timestamp, from_wad
from tests.ledger_bench import ETH, VOL

MAX_INSTRUMENTS = 64


class Refused(Exception):
    """What the ledger would revert with."""


@dataclass(frozen=True, slots=True)
class Fill:
    taker: str
    maker: str
    legs: Sequence[tuple[Instrument, int]]
    payment: int
    fees: tuple[int, int, int]


def require(holds: bool, reason: str) -> None:
    if not holds:
        raise Refused(reason)


def strike_of(instrument: Instrument) -> int:
    return instrument.strike_steps * 10**14


def payoff(instrument: Instrument, price: int) -> int:
    difference = price - strike_of(instrument)
    return max(difference if instrument.is_call else -difference, 0)


def flat_surface(spot: int, now: int, days: set[int]) -> Surface:
    """What MockMarket pushes every second: one volatility for all strikes and lives."""
    smiles = []
    for day in sorted(day for day in days if expiry_timestamp(day) > now):
        variance = from_wad(VOL) ** 2 * (expiry_timestamp(day) - now) / YEAR
        svi = SviParams(a=variance, b=0.0, rho=0.0, m=0.0, sigma=0.1)
        smiles.append(ExpirySurface(day, svi, 0.0, 0.0, now))
    return Surface(ETH, from_wad(spot), now, tuple(smiles))


@dataclass(slots=True)
class LedgerModel:
    spot: int
    now: int
    pools: set[str]
    cash: dict[str, int] = field(default_factory=dict)
    held: dict[str, dict[Instrument, int]] = field(default_factory=dict)
    gains: dict[str, int] = field(default_factory=dict)  # unrealised, of perps
    prints: dict[int, int] = field(default_factory=dict)
    collected_at: dict[int, int] = field(default_factory=dict)  # day -> when winners are paid
    escrows: dict[int, int] = field(default_factory=dict)  # day -> paid in and not paid out
    insurance: int = 0
    treasury: int = 0
    paused: bool = False

    # ── moves ──

    def withdraw(self, owner: str, amount: int) -> None:
        self._take(owner, amount)

    def transfer(self, sender: str, receiver: str, amount: int) -> None:
        require(sender != receiver, "ledger: self transfer")
        self._take(sender, amount)
        self.cash[receiver] += amount

    def claim(self, amount: int) -> None:
        require(amount <= self.treasury, "ledger: not that much owed")
        self.treasury -= amount

    def settle(self, fill: Fill) -> None:
        require(fill.taker != fill.maker, "ledger: self trade")
        for instrument, size in fill.legs:
            expired = instrument.kind != Kind.PERP and self.now >= instrument.expiry
            require(not expired, "ledger: series expired")
            require(size != 0, "ledger: empty leg")
        reduces = self._book(fill.taker, fill.legs, 1)
        require(reduces or not self.paused, "ledger: paused, reduce only")
        maker_reduces = self._book(fill.maker, fill.legs, -1)
        paid, received = fill.payment + sum(fill.fees), fill.payment + fill.fees[0]
        self.cash[fill.taker] -= paid
        self.cash[fill.maker] += received
        self.insurance += fill.fees[1]
        self.treasury += fill.fees[2]
        self._check(fill.taker, -paid, reduces)
        self._check(fill.maker, received, maker_reduces)

    def expire(self, owner: str, days: set[int]) -> int:
        """Settles what has a print, of these days, where losers have paid in; how many series."""
        settled, collecting, waiting = 0, False, False
        for day in days & self.prints.keys():
            due = {i: size for i, size in self.held[owner].items() if i.day == day}
            total = sum(size * payoff(i, self.prints[day]) // WAD for i, size in due.items())
            if total > 0 and self.now < self.collected_at[day]:
                collecting = True
                continue
            if total > self.escrows.get(day, 0):
                waiting = True
                continue
            for instrument in due:
                del self.held[owner][instrument]
            self.cash[owner] += total
            self.escrows[day] = self.escrows.get(day, 0) - total
            settled += len(due)
        require(settled > 0 or not collecting, "expiry: still collecting")
        require(settled > 0 or not waiting, "expiry: settle shorts first")
        return settled

    # ── margin ──

    def margin(self, owner: str) -> tuple[float, float, float]:
        """(equity, initial, maintenance) in USD, by the float twin of the scan."""
        held = self.held[owner]
        perp = any(instrument.kind == Kind.PERP for instrument in held)
        portfolio = Portfolio(
            cash=from_wad(self.cash[owner]),
            holdings=tuple(Holding(i, from_wad(size)) for i, size in held.items()),
            unrealised={ETH: from_wad(self.gains.get(owner, 0))} if perp else {},
        )
        state = MarketState(
            spot=from_wad(self.spot),
            surface=flat_surface(self.spot, self.now, {i.day for i in held}),
            prints={day: from_wad(price) for day, price in self.prints.items()},
        )
        found = margin(
            portfolio=portfolio, markets={ETH: state}, now=self.now, parameters=MarginParameters()
        )
        return found.equity, found.initial, found.maintenance

    def unsettled(self) -> int:
        """What the positions that have a print are still to be paid, in WAD * WAD, exact."""
        return sum(
            size * payoff(instrument, self.prints[instrument.day])
            for positions in self.held.values()
            for instrument, size in positions.items()
            if instrument.day in self.prints
        )

    def _has_margin(self, owner: str) -> bool:
        return any(size < 0 or i.kind == Kind.PERP for i, size in self.held[owner].items())

    # ── rules ──

    def _book(self, owner: str, legs: Sequence[tuple[Instrument, int]], sign: int) -> bool:
        reduces, positions = True, self.held[owner]
        for instrument, size in legs:
            before = positions.pop(instrument, 0)
            after = before + sign * size
            reduces &= abs(after) < abs(before) and before * after >= 0
            if after:
                positions[instrument] = after
        return reduces

    def _take(self, owner: str, amount: int) -> None:
        self.cash[owner] -= amount
        require(self.cash[owner] >= 0, "ledger: not enough cash")
        if self._has_margin(owner) and owner not in self.pools:
            equity, initial, _ = self.margin(owner)
            require(equity >= initial, "ledger: below initial margin")

    def _check(self, owner: str, received: int, reduces: bool) -> None:
        if owner in self.pools:
            return
        if not self._has_margin(owner) and self.cash[owner] >= 0:
            return
        equity, initial, maintenance = self.margin(owner)
        if reduces:
            require(equity >= maintenance, "ledger: below maintenance")
        else:
            require(self.cash[owner] >= 0 or received >= 0, "ledger: not enough cash")
            require(equity >= initial, "ledger: below initial margin")
