"""What the pricer's twin is handed, read from a living market."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.clients.system import Market
from protocol.pricing.amm import Book, LegInput, PoolState, Risk
from protocol.pricing.amm_words import ExpiryWord, SurfaceWords
from protocol.pricing.flow_meter import Meters
from protocol.pricing.market_math import FeeRates
from protocol.types import Leg
from tests.system_fixtures import Exchange, parameters


def pool_state(exchange: Exchange, market: Market) -> PoolState:
    """The pool as the pricer would see it in a trade now."""
    amm, spot = market.amm, exchange.system.oracle.spot(market.underlying)
    terms = parameters(market)
    return PoolState(
        totals=Risk(**amm.risk()._asdict()),
        meters=meters_of(exchange, market),
        depth=amm.depth(),
        reference=amm._call("reference"),
        weights=terms.weights,
        spreads=terms.spreads,
        limits=terms.limits,
        flow=terms.flow,
        fees=FeeRates.from_word(terms.fee_word),
        spot=spot.price,
        uncertainty=spot.uncertainty,
        aged=exchange.now > spot.updated_at + terms.flow.direct_age,
    )


def storage(exchange: Exchange, market: Market, module: str, name: str, place: int = 0) -> int:
    """A word of an AMM's storage."""
    layout = exchange.artifacts["OptionsAMM"].layout["storage_layout"]
    slot = (layout[module][name] if module else layout[name])["slot"]
    return exchange.chain.storage(market.amm.address, slot + place)


def meters_of(exchange: Exchange, market: Market) -> Meters:
    return Meters.from_word(storage(exchange, market, "pool_book", "totals", 1))


def leg_inputs(
    exchange: Exchange, market: Market, owner: int, legs: Sequence[Leg]
) -> list[LegInput]:
    books = {row.day: row for row in market.amm.expiries()}
    return [_leg_input(exchange, market, owner, leg, books[leg.instrument.day]) for leg in legs]


def _leg_input(exchange: Exchange, market: Market, owner: int, leg: Leg, book: Any) -> LegInput:
    ledger, day = exchange.system.ledger, leg.instrument.day
    surface = exchange.system.surface
    live = SurfaceWords.from_words(surface._call("words", market.underlying, day))
    snapshot = SurfaceWords.from_words(market.amm._call("snapshot", day))
    previous = None
    if exchange.now < live.timestamp + parameters(market).limits.push_window:
        words = surface._call("previous_words", market.underlying, day)
        previous = SurfaceWords.from_words(words)
    last = book.spot, book.refreshed_at, book.bound, snapshot.timestamp, book.strike_step
    return LegInput(
        instrument=leg.instrument,
        size=leg.size,
        taker_position=ledger.position(owner, leg.instrument.id),
        live=live,
        previous=previous,
        expiry=ExpiryWord(*last),
        snapshot=snapshot,
        book=Book(
            risk=Risk(delta=book.delta, vega=book.vega, gamma=book.gamma, reserve=book.reserve),
            value=book.value,
        ),
    )
