"""The drawdown halt: who robs must not slip past it, and who wants it must not force it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.config import AmmParameters, FlowLimits, Upkeep
from protocol.errors import Revert
from protocol.types import Leg
from protocol.units import WAD
from tests.attacks.stage import contracts, on_both_sides, refresh, roomy
from tests.attacks.twins import broken
from tests.system_fixtures import (
    KEEPER,
    OTHER_TAKER,
    SPOTS,
    STRANGER,
    Exchange,
    build_exchange,
)

STRADDLES = 160  # of 28 days: 70,000 of vega
HOUR = 3_600
SPOT = SPOTS["ETH"]
ROOM = roomy().flow


def watches_fresh_books_only() -> Artifact:
    halt = "if fell and self._market & amm_codec.HALTED == 0:"
    return broken("OptionsAMM", {halt: halt.replace("fell", "fell and self._is_fresh(spot.price)")})


def carries_no_expiry() -> Artifact:
    """Options count at the spot of their refresh, the hedge at this one."""
    near = "pool_book._value_near(spot.price)"
    return broken("OptionsAMM", {near: "pool_book._value()"})


def build(artifacts: Artifacts, *, drawdown: float, flow: FlowLimits = ROOM) -> Exchange:
    parameters = AmmParameters(flow=flow, upkeep=Upkeep(drawdown=drawdown))
    return build_exchange(artifacts, amm=parameters)


def halted(exchange: Exchange) -> bool:
    return bool(exchange.eth.amm._call("halted"))


def straddles(exchange: Exchange, size: int) -> list[Leg]:
    return [exchange.call(2_000, size, week=1), exchange.put(2_000, size, week=1)]


@on_both_sides
def test_halt__only_the_robbed_expiry_refreshed__comes(side: str) -> None:
    """A stolen key walks vol up and leaves the other expiry old."""
    exchange = build(contracts(side, watches_fresh_books_only), drawdown=0.003)
    exchange.trade(*straddles(exchange, STRADDLES), taker=OTHER_TAKER)
    exchange.eth.amm.refresh(exchange.days[1], sender=STRANGER)
    for variance in (0.58, 0.67):  # 6 points of vol an hour, 2 * 4,200 USD of 2 M
        exchange.advance(HOUR)
        exchange.push(exchange.eth, variance=variance)
        exchange.eth.amm.refresh(exchange.days[1], sender=STRANGER)
    assert halted(exchange) == (side == "real")


def hedge(exchange: Exchange) -> None:
    """As much as the hour's budget takes."""
    amm, spot = exchange.eth.amm, exchange.spot(exchange.eth)
    for share in (1, 2, 4, 8):
        size = -amm.risk().delta // share
        limit = spot * (1_015 if size > 0 else 985) // 1_000
        with suppress(Revert):
            amm.hedge(size, limit, sender=KEEPER)
            return


@on_both_sides
def test_halt__expiries_refreshed_one_by_one_in_an_honest_market__does_not_come(
    side: str,
) -> None:
    """Spot moves 5 % between two refreshes; the pool is short options and hedged."""
    exchange = build(contracts(side, carries_no_expiry), drawdown=0.01)
    exchange.trade(exchange.call(1_700, 200, week=1), exchange.put(2_300, 20, week=1))
    exchange.trade(exchange.call(1_800, 100))
    hedge(exchange)
    for turn, move in enumerate((1.05, 1.0, 0.95, 1.0, 1.05, 1.10)):
        exchange.advance(HOUR, eth=SPOT * move)
        exchange.push(exchange.eth)
        exchange.eth.amm.refresh(exchange.days[turn % 2], sender=STRANGER)
    assert halted(exchange) == (side == "broken")


@pytest.mark.parametrize(("drawdown", "comes"), [(0.01, False), (0.0005, True)])
def test_halt__share_price_pumped_by_a_trade_and_its_return__costs_a_rebate(
    drawdown: float, comes: bool
) -> None:
    """NAV counts the potential while it is owed; the vega limits bound what that can be."""
    exchange = build(Artifacts(), drawdown=drawdown)
    exchange.trade(*straddles(exchange, STRADDLES))
    refresh(exchange, exchange.eth)
    for _ in range(8):
        exchange.trade(*straddles(exchange, -STRADDLES // 8))
    refresh(exchange, exchange.eth)
    assert halted(exchange) == comes


@pytest.mark.parametrize(("drawdown", "comes"), [(0.015, False), (0.005, True)])
def test_halt__deltas_bought_far_from_the_refresh__is_off_by_a_percent(
    drawdown: float, comes: bool
) -> None:
    """A trade is booked at the spot of its moment, and carried from that of the last refresh: the
    watched NAV is off by the delta traded since times the move, until the expiry is refreshed."""
    exchange = build(Artifacts(), drawdown=drawdown, flow=FlowLimits(direct_age=15))
    refresh(exchange, exchange.eth)
    for _ in range(12):
        exchange.advance(300, eth=SPOT * 1.045)
        exchange.push(exchange.eth)
        for _ in range(2):
            exchange.advance(1)
            with suppress(Revert):
                exchange.trade(exchange.call(1_700, 25, week=1))
    assert sum(book.delta for book in exchange.eth.amm.expiries()) < -250 * WAD
    exchange.eth.amm.refresh(exchange.days[0], sender=STRANGER)
    assert halted(exchange) == comes
