"""Two options pools on one ledger: what they hold, random orders for them, and what must hold."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from protocol.clients.markets import Quote
from protocol.clients.system import Market
from protocol.errors import Revert
from protocol.pricing import amm as twin
from protocol.types import Instrument, Kind, Leg
from protocol.units import WAD
from tests.system_fixtures import (
    LP,
    OTHER_LP,
    OTHER_TAKER,
    SPOTS,
    STRIKE_STEPS,
    TAKER,
    VARIANCE,
    Exchange,
    account,
    parameters,
)
from tests.twin_inputs import pool_state

OWNERS = (TAKER, OTHER_TAKER, LP, OTHER_LP)
GREEKS = ("delta", "vega", "gamma")


@dataclass(frozen=True, slots=True)
class Pool:
    """An options pool as its public words have it; `worth` is NAV less the potential."""

    cash: int
    books: tuple[Any, ...]
    totals: Any
    depth: int
    reference: int
    hedge: int
    unrealised: int
    potential: int

    @property
    def nav(self) -> int:
        return self.cash + self.unrealised + sum(book.value for book in self.books)

    @property
    def worth(self) -> int:
        return self.nav - self.potential


@dataclass(slots=True)
class Play:
    """A market in play: draws what comes next, and checks what came of it."""

    exchange: Exchange
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    pushed_at: int = 0
    variance: float = VARIANCE
    settlements: int = 0
    open_days: list[int] = field(default_factory=list)

    def pool(self, market: Market) -> Pool:
        amm, ledger = market.amm, self.exchange.system.ledger
        state, books = pool_state(self.exchange, market), tuple(amm.expiries())
        hedge = ledger.position(amm.pool, Instrument.perp(market.underlying).id)
        return Pool(
            cash=ledger.cash(amm.pool),
            books=books,
            totals=state.totals,
            depth=state.depth,
            reference=state.reference,
            hedge=hedge,
            unrealised=market.perp.unrealised(amm.pool, hedge),
            potential=twin.potential(
                totals=state.totals,
                expiry_vegas=[book.vega for book in books],
                weights=state.weights,
                reference=state.reference,
                depth=state.depth,
            ),
        )

    # -- drawing --

    def market(self) -> Market:
        return self.rng.choice([self.exchange.eth, self.exchange.eth, self.exchange.btc])

    def other(self, market: Market) -> Market:
        return self.exchange.btc if market is self.exchange.eth else self.exchange.eth

    def taker(self) -> str:
        return self.rng.choice([TAKER, TAKER, OTHER_TAKER])

    def series(self, market: Market) -> Instrument:
        step = STRIKE_STEPS[market.symbol]
        nearest = round(self.exchange.spot(market) / WAD / step)
        strike = (nearest + self.rng.randint(-4, 4)) * step
        kind = self.rng.choice([Kind.CALL, Kind.PUT])
        return Instrument.option(kind, market.underlying, self.rng.choice(self.open_days), strike)

    def size(self, market: Market, owner: str, series: Instrument) -> int:
        held = self.exchange.system.ledger.position(account(owner), series.id)
        if held and self.rng.random() < 0.5:
            return -held if self.rng.random() < 0.5 else -held * 2
        if self.rng.random() < 0.1:
            return self.rng.choice([-2, -1, 1, 2])
        scale = 2_000.0 / SPOTS[market.symbol]
        size = int(10 ** self.rng.uniform(-2, 3.2) * scale * WAD) + self.rng.randrange(100)
        return self.rng.choice([-1, 1, 1]) * size

    def legs(self, market: Market, owner: str, *, most: int = 4) -> list[Leg]:
        count = self.rng.choice([n for n in (1, 1, 1, 2, 2, 3, 4) if n <= most])
        series = {self.series(market) for _ in range(count)}
        return [Leg(each, self.size(market, owner, each)) for each in sorted(series)]

    # -- checks --

    def check_pool(self, market: Market) -> None:
        now = self.pool(market)
        for name in GREEKS:
            hedge = now.hedge if name == "delta" else 0
            total = sum(getattr(book, name) for book in now.books) + hedge
            assert getattr(now.totals, name) == total, name
        assert now.totals.reserve == sum(book.reserve for book in now.books)

    def check_ledger(self) -> None:
        assert not any(self.exchange.positions(OWNERS).values())
        custody = self.exchange.system.custody
        spare = custody.held() * self.exchange.unit - self.exchange.ledger_cash(OWNERS)
        # Expiries pay each account rounded down; nothing else leaves a wei behind.
        assert 0 <= spare <= self.settlements

    def attempt(self, market: Market, owner: str, legs: list[Leg]) -> Quote | None:
        """A trade and what it must have done; None where it was refused and changed nothing."""
        exchange, before, bystander = self.exchange, self.pool(market), self.other(market)
        cash, untouched = exchange.cash(owner), self.pool(bystander)
        try:
            receipt = exchange.trade(*legs, taker=owner, market=market)
        except Revert as refusal:
            self.refused[refusal.reason] += 1
            assert self.pool(market) == before and exchange.cash(owner) == cash
            return None
        quote, after = exchange.quoted(receipt, market), self.pool(market)
        assert exchange.cash(owner) == cash - quote.cash
        maker = pool_state(exchange, market).fees.split(quote.fee)[0]
        gain = after.worth - before.worth - quote.spread - maker
        assert gain >= 0, "the pool must gain spread and fee"
        if self.credit_left(market, quote, before, after):
            assert gain <= len(legs) + 6, "and no more, but for a few wei"
        else:
            self.done["credit at the cap"] += 1
        assert (after.depth, after.reference) == (before.depth, before.reference)
        assert self.pool(bystander) == untouched
        return quote

    def credit_left(self, market: Market, quote: Quote, before: Pool, after: Pool) -> bool:
        """Whether the taker was paid all of the potential it took away."""
        paid = quote.impact >= 0 or quote.impact <= after.potential - before.potential + 2
        cap = parameters(market).limits.shift_cap
        moved = sum(abs(x.vega - y.vega) for x, y in zip(after.books, before.books, strict=True))
        assert paid or -quote.impact >= moved * cap // WAD - 1
        return paid
