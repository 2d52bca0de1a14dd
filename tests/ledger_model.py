"""The ledger and its stand-alone margin once more, in plain Python integers: the reference that the
contracts are played against. Dictionaries instead of words, and no packing, lists or indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt

from protocol.types import Instrument, Kind
from protocol.units import WAD

YEAR = 365 * 86_400
INITIAL = (WAD // 5, WAD, WAD // 10)  # option rate, stressed volatility, perp rate
MAINTENANCE = (WAD * 3 // 20, WAD * 3 // 4, WAD // 20)
ATM_FACTOR = 4 * 10**17
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


def mul_up(a: int, b: int) -> int:
    return -(-a * b // WAD)


def strike_of(instrument: Instrument) -> int:
    return instrument.strike_steps * 10**14


def payoff(instrument: Instrument, price: int) -> int:
    difference = price - strike_of(instrument)
    return max(difference if instrument.is_call else -difference, 0)


def short_option(instrument: Instrument, spot: int, now: int, rate: int, vol: int) -> int:
    left = instrument.expiry - now
    root = isqrt(left * WAD * WAD // YEAR) + 1 if left > 0 else 0
    share = rate + mul_up(mul_up(mul_up(ATM_FACTOR, WAD + rate), vol), root)
    ceiling = mul_up(spot, WAD + rate) if instrument.is_call else strike_of(instrument)
    exposed = spot if instrument.is_call else min(spot, ceiling)
    return min(payoff(instrument, spot) + mul_up(exposed, share), ceiling)


@dataclass(slots=True)
class LedgerModel:
    spot: int
    now: int
    pools: set[str]
    cash: dict[str, int] = field(default_factory=dict)
    held: dict[str, dict[Instrument, int]] = field(default_factory=dict)
    gains: dict[str, int] = field(default_factory=dict)  # unrealised, of perps
    prints: dict[int, int] = field(default_factory=dict)
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
        """Settles what has a print, of these days; how many series."""
        due = [i for i in self.held[owner] if i.day in self.prints and i.day in days]
        for instrument in due:
            size = self.held[owner].pop(instrument)
            self.cash[owner] += size * payoff(instrument, self.prints[instrument.day]) // WAD
        return len(due)

    # ── margin ──

    def margin(self, owner: str) -> tuple[int, int, int]:
        equity, initial, maintenance = self.cash[owner], 0, 0
        for instrument, size in self.held[owner].items():
            if instrument.day in self.prints:
                equity += size * payoff(instrument, self.prints[instrument.day]) // WAD
                continue
            if instrument.kind == Kind.PERP:
                equity += self.gains.get(owner, 0)
            elif size > 0:
                continue
            initial += mul_up(abs(size), self._need(instrument, INITIAL))
            maintenance += mul_up(abs(size), self._need(instrument, MAINTENANCE))
        return equity, initial, maintenance

    def unsettled(self) -> int:
        """What the positions that have a print are still to be paid, in WAD * WAD, exact."""
        return sum(
            size * payoff(instrument, self.prints[instrument.day])
            for positions in self.held.values()
            for instrument, size in positions.items()
            if instrument.day in self.prints
        )

    def _need(self, instrument: Instrument, rates: tuple[int, int, int]) -> int:
        if instrument.kind == Kind.PERP:
            return mul_up(self.spot, rates[2])
        return short_option(instrument, self.spot, self.now, rates[0], rates[1])

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
        if not self._has_margin(owner):
            fine = self.cash[owner] >= 0 or (reduces and received >= 0)
            require(fine, "ledger: not enough cash")
            return
        equity, initial, maintenance = self.margin(owner)
        if reduces:
            require(equity >= maintenance, "ledger: below maintenance")
        else:
            require(equity >= initial, "ledger: below initial margin")
