"""An options pool beside its money: terms, hedges of the hour, the peak of its shares, its price.

The price is that of the pricer's twin on what the chain holds now, so a refusal is right where the
twin refuses for the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from protocol.clients.markets import ExpiryBook
from protocol.clients.oracle import Spot
from protocol.clients.system import Market, System
from protocol.errors import InputError
from protocol.pricing import amm as twin
from protocol.pricing.amm_words import ExpiryWord, PoolParameters, SurfaceWords, truncated
from protocol.pricing.flow_meter import Meters
from protocol.pricing.market_math import FeeRates
from protocol.types import Leg
from protocol.units import DAY, WAD

HOUR = 3_600


@cache
def _fees(word: int) -> FeeRates:
    return FeeRates.from_word(word)


@dataclass(slots=True)
class PoolNote:
    """What the model knows of an options pool; `meters_slot` is where it keeps its meters."""

    terms: PoolParameters
    meters_slot: int
    hedged: int = 0  # notional in the bucket of the hour, and when
    hedged_at: int = 0
    peaks: dict[int, int] = field(default_factory=dict)  # day -> highest price of an LP share
    halted: bool = False

    def set_toxicity(self, toxicity: int) -> None:
        self.terms = replace(self.terms, spreads=replace(self.terms.spreads, toxicity=toxicity))

    def hedge_level(self, *, size: int, spot: int, depth: int, now: int) -> tuple[int, int]:
        """(level after a hedge, limit)."""
        limit = depth * self.terms.upkeep.hedge_hour // WAD
        left = max(self.hedged - limit * (now - self.hedged_at) // HOUR, 0)
        return left + abs(size) * spot // WAD, limit

    def is_bounty_due(self, *, refreshed_at: int, then: int, spot: int, now: int) -> bool:
        """Of a refresh at `spot`, after one at the price `then`."""
        upkeep = self.terms.upkeep
        aged = now >= refreshed_at + upkeep.bounty_age
        return aged or abs(spot - then) * WAD >= then * upkeep.bounty_drift

    def refreshed(self, *, nav: int, supply: int, now: int) -> None:
        """A fall of an LP share from its peak of two days halts the pool."""
        if not supply:
            return
        price, today = max(nav, 0) * WAD // supply, now // DAY
        self.peaks[today] = max(self.peaks.get(today, 0), price)
        peak = max(self.peaks[today], self.peaks.get(today - 1, 0))
        self.halted |= price < peak - peak * self.terms.upkeep.drawdown // WAD


def value_near(books: Iterable[ExpiryBook], spot: int) -> int:
    """Value of all expiries carried to a spot by delta and gamma, rounded as the pool does."""
    value = 0
    for book in books:
        change = spot - book.spot
        share = truncated(change * WAD, book.spot)
        bent = truncated(truncated(book.gamma * share, WAD) * share, WAD)
        value += book.value + truncated(book.delta * change, WAD) + truncated(bent, 2)
    return value


def priced(
    system: System, market: Market, note: PoolNote, *, account: int, legs: Sequence[Leg], spot: Spot
) -> twin.Priced:
    """What the pool would ask now; `InputError` where its pricer would refuse."""
    books, now = {book.day: book for book in market.amm.expiries()}, system.chain.timestamp
    rows = [
        _leg_input(system, market, note, account, leg, books[leg.instrument.day]) for leg in legs
    ]
    terms = note.terms
    pool = twin.PoolState(
        totals=twin.Risk(**market.amm.risk()._asdict()),
        meters=Meters.from_word(system.chain.storage(market.amm.address, note.meters_slot)),
        depth=market.amm.depth(),
        reference=market.amm._call("reference"),
        weights=terms.weights,
        spreads=terms.spreads,
        limits=terms.limits,
        flow=terms.flow,
        fees=_fees(terms.fee_word),
        spot=spot.price,
        uncertainty=spot.uncertainty,
        aged=now > spot.updated_at + terms.flow.direct_age,
    )
    return twin.price(pool=pool, legs=rows, now=now)


def _leg_input(
    system: System, market: Market, note: PoolNote, account: int, leg: Leg, book: ExpiryBook
) -> twin.LegInput:
    surface, day, instrument = system.surface, leg.instrument.day, leg.instrument
    live = SurfaceWords.from_words(surface._call("words", market.underlying, day))
    snapshot = SurfaceWords.from_words(market.amm._call("snapshot", day))
    previous = None
    if system.chain.timestamp < live.timestamp + note.terms.limits.push_window:
        words = surface._call("previous_words", market.underlying, day)
        previous = SurfaceWords.from_words(words)
    risk = twin.Risk(delta=book.delta, vega=book.vega, gamma=book.gamma, reserve=book.reserve)
    return twin.LegInput(
        instrument=instrument,
        size=leg.size,
        taker_position=system.ledger.position(account, instrument.id),
        live=live,
        previous=previous,
        expiry=ExpiryWord(
            book.spot, book.refreshed_at, book.bound, snapshot.timestamp, book.strike_step
        ),
        snapshot=snapshot,
        book=twin.Book(risk=risk, value=book.value),
    )


REASONS = {
    "delta": "pricer: delta cut-off",
    "spot drift": "pricer: market drifted",
    "net delta at an old price": "amm: price too old",
    "flow: push_vega": "amm: vega per push",
    "flow: block_vega": "amm: vega per block",
    "flow: block_delta": "amm: delta per block",
    "flow: hour_vega": "amm: vega per hour",
    "flow: hour_delta": "amm: delta per hour",
    "vega": "amm: vega limit",
    "reserve": "amm: utilisation limit",
    "impact": "amm: impact above cap",
    "bid": "amm: no bid",
    "ask": "amm: no ask",
}


def reason_of(refusal: InputError) -> str:
    """The contract's reason for what the twin refuses; empty where it has none."""
    if refusal.name == "surface":
        return f"amm: surface behind, no {'ask' if 'asks' in refusal.bound else 'bid'}"
    if refusal.name == "delta" and refusal.bound.startswith("at most"):
        return "amm: delta limit"
    return REASONS.get(refusal.name, "")
