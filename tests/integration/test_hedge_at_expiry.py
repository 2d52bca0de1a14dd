"""The pool's hedge of an expiring book runs off with the print's window: nothing is left for 08:00.

Without the window in the pricer's book the delta of calls in the money stays whole to the last
second, and all of the hedge has to be undone at once, against whoever knows that it will be.
"""

from __future__ import annotations

import pytest

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.config import HedgePolicy
from protocol.sim.view import pool_state
from protocol.strategy import hedge
from protocol.strategy.base import Hedge, PerpState, Snapshot
from protocol.units import DAY, from_wad, to_wad
from tests.attacks.stage import roomy
from tests.attacks.twins import WithTwins, broken
from tests.system_fixtures import HOUR, KEEPER, STRANGER, Exchange, build_exchange

SPOT, STRIKE, SIZE = 2_000.0, 1_900.0, 40
WINDOW, STEP = 1_800, 60
EAGER = HedgePolicy(band_cap=1e-6, min_order_usd=1.0)  # hedges all, so that volume is delta


def whole_to_the_end() -> Artifact:
    share = "moving: uint256 = wad_math._mul_down(point.forward, open)"
    forward = "point.forward = known + moving"
    return broken("OptionPricer", {share: "moving: uint256 = point.forward", forward: "known = 0"})


def step(exchange: Exchange, day: int) -> float:
    """A keeper's round: record, refresh or close, hedge; the units of the perp it traded."""
    market = exchange.eth
    exchange.system.oracle.record(market.underlying, sender=STRANGER)
    if exchange.now < day * DAY + 8 * HOUR:
        market.amm.refresh(day, sender=KEEPER)
    else:
        exchange.system.settlement.take_print(market.underlying, day, sender=KEEPER)
        market.amm.close_expiry(day, sender=KEEPER)
    traded = 0.0
    for intent in hedge.plan(snapshot(exchange), EAGER):
        assert isinstance(intent, Hedge)
        bound = to_wad(intent.price_bound)
        market.amm.hedge(to_wad(intent.size), bound, sender=KEEPER)
        traded += abs(intent.size)
    return traded


def snapshot(exchange: Exchange) -> Snapshot:
    view = exchange.system.lens.pool(exchange.eth.amm.address)
    return Snapshot(
        timestamp=exchange.now,
        underlying=exchange.eth.underlying,
        spot=SPOT,
        oracle_timestamp=exchange.now,
        surface=None,
        target=None,
        pool=pool_state(view),
        perp=PerpState(from_wad(view.skew), from_wad(view.funding_rate)),
    )


def volumes(artifacts: Artifacts) -> list[float]:
    """Units hedged in every minute of the last half hour; the last is at 08:00 and after."""
    exchange = build_exchange(artifacts, amm=roomy())
    day = exchange.days[0]
    exchange.trade(exchange.call(STRIKE, SIZE))
    start = day * DAY + 8 * HOUR - WINDOW
    exchange.advance(start - STEP - exchange.now, eth=SPOT)
    step(exchange, day)
    traded = []
    while exchange.now < start + WINDOW:
        exchange.advance(STEP, eth=SPOT)
        traded.append(step(exchange, day))
    return traded


def test_hedge__over_the_last_half_hour__runs_off_evenly(artifacts: Artifacts) -> None:
    traded = volumes(artifacts)
    even = SIZE / (WINDOW / STEP)
    assert sum(traded) == pytest.approx(SIZE, rel=0.05)
    assert max(traded) < 2 * even
    assert traded[-1] < 2 * even


def test_hedge__of_a_book_blind_to_the_window__comes_all_at_eight() -> None:
    traded = volumes(WithTwins(whole_to_the_end()))
    assert sum(traded[:-1]) < 0.05 * SIZE
    assert traded[-1] > 0.95 * SIZE
