"""What the pricer's contract is handed, from the records of its twin."""

from __future__ import annotations

from typing import Any

from protocol.pricing import amm as twin
from protocol.pricing.amm_words import PoolParameters, Upkeep


def terms(pool: twin.PoolState) -> PoolParameters:
    """The pool's parameters; what a trade does not read is zero."""
    upkeep = Upkeep(*[0] * 8)
    return PoolParameters(
        pool.weights, pool.spreads, pool.limits, pool.flow, upkeep, pool.fees.word
    )


def encoded_pool(pool: twin.PoolState) -> tuple[Any, ...]:
    market = pool.depth << 160 | pool.reference
    words = terms(pool).words[:3]
    totals = pool.totals.words(pool.meters)
    return totals, market, *words, pool.spot, pool.uncertainty, pool.aged


def encoded_leg(leg: twin.LegInput) -> tuple[Any, ...]:
    previous = (0, 0) if leg.previous is None else leg.previous.words
    words = (leg.live.words, previous)
    packed = leg.instrument.id << 128 | leg.size % 2**128
    return packed, leg.taker_position, *words, leg.expiry.word, leg.snapshot.words, leg.book.words
