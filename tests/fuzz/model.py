"""The reference: the ledger replayed from its own events, and the perp once more in plain integers.

Events say all that moves money or positions; what the chain answers must be their sum. Rules that
know better (a transfer, a fill of the perp) predict the change and compare.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from protocol.chain.base import Receipt
from protocol.clients.system import System
from protocol.pricing.market_math import (
    FeeRates,
    accrue_rate,
    funding_cash,
    perp_premium,
    perp_spread,
)
from protocol.types import Instrument, Kind
from protocol.units import WAD, expiry_timestamp

OPEN, PAUSED, HALTED = 0, 1, 2
TRADE_SCOPE, WITHDRAW_SCOPE = 1, 2
_HALF, _WORD = 2**127, 2**128


def unpack_leg(word: int) -> tuple[int, int]:
    """(instrument, size) of a leg as the ledger posts it."""
    raw = word & (_WORD - 1)
    return word >> 128, raw - _WORD if raw >= _HALF else raw


@cache
def series_of(instrument: int) -> Instrument:
    """`Instrument.from_id`, which the model asks of the same few all the time."""
    return Instrument.from_id(instrument)


def payoff(instrument: int, price: int) -> int:
    """Cash of one contract at a settlement price."""
    series = series_of(instrument)
    gap = price - series.strike_steps * 10**14
    return max(gap if series.kind == Kind.CALL else -gap, 0)


@dataclass(slots=True)
class PerpBook:
    """One perp market: what its contract keeps, by name."""

    pool: int
    instrument: int
    params: Any
    rates: FeeRates
    skew: int = 0
    rate: int = 0
    funding: int = 0
    touched: int = 0
    marks: dict[int, int] = field(default_factory=dict)  # account -> index less funding

    def accrued(self, index: int, now: int) -> tuple[int, int]:
        """(rate, funding index) now."""
        if now == self.touched:
            return self.rate, self.funding
        rate, area = accrue_rate(
            rate=self.rate,
            velocity=self.params.velocity,
            cap=self.params.rate_cap,
            skew=self.skew,
            scale=self.params.scale,
            elapsed=now - self.touched,
        )
        return rate, self.funding + funding_cash(area=area, index=index)

    def touch(self, account: int, held: int, size: int, index: int, now: int) -> int:
        """Marks an account that trades `size`; what it has won since it was last marked."""
        self.rate, self.funding = self.accrued(index, now)
        mark = index - self.funding
        won = held * (mark - self.marks.get(account, 0)) // WAD
        self.skew, self.touched, self.marks[account] = self.skew + size, now, mark
        return won

    def payment(self, held: int, size: int, index: int, uncertainty: int) -> tuple[int, int]:
        """(premium and spread, fee) of a trade."""
        scale = self.params.scale
        premium = perp_premium(index=index, skew=self.skew, size=size, scale=scale)
        spread = perp_spread(index=index, size=size, uncertainty=uncertainty)
        closing = min(abs(size), abs(held)) if (held > 0) != (size > 0) else 0
        fee = self.rates.option_fee(mark=index, notional=index, size=abs(size), closing=closing)
        return premium + spread, fee

    def owed(self, held: dict[int, int], index: int, now: int) -> int:
        """What all accounts have won and not realised, WAD squared, exact."""
        mark = index - self.accrued(index, now)[1]
        return sum(size * (mark - self.marks[account]) for account, size in held.items())


@dataclass(slots=True)
class Model:
    """The ledger, and what the rules need to know of the rest."""

    cash: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    held: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    touched: set[tuple[int, int]] = field(default_factory=set)  # (account, instrument or 0)
    insurance: int = 0
    treasury: int = 0
    tokens: int = 0  # in custody, WAD
    escrows: set[int] = field(default_factory=set)  # accounts that expiries are paid through
    payments: int = 0  # of expired positions
    perps: list[PerpBook] = field(default_factory=list)
    level: int = OPEN
    halt_end: int = 0
    scopes: dict[tuple[int, str], int] = field(default_factory=dict)
    prints: dict[tuple[int, int], int] = field(default_factory=dict)
    collected_at: dict[tuple[int, int], int] = field(default_factory=dict)

    def absorb(self, system: System, receipt: Receipt) -> None:
        """Book what the ledger says it did."""
        for event in system.ledger.events(receipt):
            book = getattr(self, f"_{event.name}", None)
            if book is not None:
                book(**event.args)

    def fill(self, account: int, instrument: int, size: int) -> None:
        book = self.held[account]
        after = book.pop(instrument, 0) + size
        if after:
            book[instrument] = after
        self.touched.add((account, instrument))

    def pay(self, account: int, amount: int) -> None:
        self.cash[account] += amount
        self.touched.add((account, 0))

    def position(self, account: int, instrument: int) -> int:
        return self.held[account].get(instrument, 0)

    def holders(self, instrument: int, *, but: int) -> dict[int, int]:
        """Account -> size, of all but a pool."""
        sizes = {a: book.get(instrument, 0) for a, book in self.held.items() if a != but}
        return {account: size for account, size in sizes.items() if size}

    def has_margin(self, account: int) -> bool:
        perps = {perp.instrument for perp in self.perps}
        return any(size < 0 or i in perps for i, size in self.held[account].items())

    def reduces(self, account: int, legs: list[tuple[int, int]]) -> bool:
        """Whether every leg brings a position nearer to zero."""
        befores = [(self.position(account, i), size) for i, size in legs]
        return all(b * size < 0 and abs(size) <= abs(b) for b, size in befores)

    def may(self, account: int, sender: str, scope: int) -> bool:
        owner = f"0x{account >> 96:040x}" == sender
        return owner or self.scopes.get((account, sender), 0) & scope == scope

    def level_at(self, now: int) -> int:
        return PAUSED if self.level == HALTED and now >= self.halt_end else self.level

    def open_sums(self) -> dict[int, int]:
        """Sum over all accounts of every instrument that no account has been paid for yet."""
        sums: dict[int, int] = defaultdict(int)
        for book in self.held.values():
            for instrument, size in book.items():
                sums[instrument] += size
        printed = {i for i in sums if self._print_of(i)}
        return {i: total for i, total in sums.items() if total and i not in printed}

    def _print_of(self, instrument: int) -> int:
        series = series_of(instrument)
        return self.prints.get((series.underlying, series.day), 0)

    def in_escrow(self) -> int:
        """What losers of expiries have paid in and winners have not taken yet."""
        return sum(self.cash[escrow] for escrow in self.escrows)

    def unpaid(self) -> int:
        """What printed positions are still to be paid, WAD squared, exact."""
        return sum(
            size * payoff(instrument, price)
            for book in self.held.values()
            for instrument, size in book.items()
            if (price := self._print_of(instrument))
        )

    def backing(self) -> int:
        """Cash and reserves on the ledger."""
        return sum(self.cash.values()) + self.insurance + self.treasury

    # -- the ledger's events --

    def _Deposited(self, account: int, sender: str, cash: int) -> None:
        self.pay(account, cash)
        self.tokens += cash

    def _Withdrawn(self, account: int, receiver: str, cash: int) -> None:
        self.pay(account, -cash)
        self.tokens -= cash

    def _CashMoved(self, sender: int, receiver: int, amount: int) -> None:
        self.pay(sender, -amount)
        self.pay(receiver, amount)

    def _FillSettled(
        self, taker: int, maker: int, legs: list[int], payment: int, fees: list[int]
    ) -> None:
        for instrument, size in map(unpack_leg, legs):
            self.fill(taker, instrument, size)
            self.fill(maker, instrument, -size)
        self.pay(taker, -payment - sum(fees))
        self.pay(maker, payment + fees[0])
        self.insurance += fees[1]
        self.treasury += fees[2]

    def _ExpiriesSettled(
        self, account: int, instruments: list[int], cash: int, escrow: int
    ) -> None:
        for instrument in instruments:
            self.fill(account, instrument, -self.position(account, instrument))
        self.pay(account, cash)
        self.pay(escrow, -cash)
        self.escrows.add(escrow)
        self.payments += len(instruments)

    def _ReservesClaimed(self, receiver: str, amount: int) -> None:
        self.treasury -= amount
        self.tokens -= amount

    def _OperatorSet(self, account: int, operator: str, scope: int) -> None:
        self.scopes[account, operator] = scope


def read_model(system: System, accounts: tuple[int, ...], unit: int) -> Model:
    """The model of a system in which nobody has traded yet."""
    model = Model(tokens=system.custody.held() * unit)
    model.insurance, model.treasury = system.ledger.reserves()
    pools = [pool for m in system.markets for pool in (m.amm.pool, m.perp.pool)]
    vaults = [v.account() for m in system.markets for v in (m.options_vault, m.perp_vault)]
    for number in (*accounts, *pools, *vaults):
        model.cash[number] = system.ledger.cash(number)
    for market in system.markets:
        perp = market.perp
        rates = FeeRates.from_word(perp._call("fee_word"))
        instrument = Instrument.perp(market.underlying).id
        book = PerpBook(perp.pool, instrument, perp._call("params"), rates)
        book.touched = system.chain.timestamp
        model.perps.append(book)
    return model


def expired(instrument: int, now: int) -> bool:
    """False for a perp."""
    series = series_of(instrument)
    return series.kind != Kind.PERP and now >= expiry_timestamp(series.day)
