"""Meters of the flow: got round by dust and by pushes, and used to shut out everybody else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.config import AmmParameters, FlowLimits
from protocol.errors import Revert
from protocol.surface.reference_model import reference_surface
from protocol.units import WAD
from tests.attacks.stage import (
    contracts,
    frictionless,
    judge,
    on_both_sides,
    wealth,
    with_exact_feed,
    without_fees,
)
from tests.attacks.twins import broken
from tests.system_fixtures import (
    KEEPER,
    POLICY,
    TAKER,
    VARIANCE,
    Exchange,
    build_exchange,
)
from tests.twin_inputs import meters_of

DEPTH = 2_000_000
FLOW = FlowLimits(direct_age=15)
PUSH, HOUR = round(FLOW.push_vega * DEPTH) * WAD, round(FLOW.hour_vega * DEPTH) * WAD
DUST = 0.001


def pushes_forgotten() -> Artifact:
    return broken("OptionPricer", {"if posted < last:": "if False:"}, module="flow_meter")


def hours_forgotten() -> Artifact:
    check = 'assert hour_vega <= hour_limit, "amm: vega per hour"'
    full = "hour_vega = min(hour_vega, hour_limit)"
    return broken("OptionPricer", {check: full}, module="flow_meter")


def defended(artifacts: Artifacts) -> Exchange:
    return build_exchange(artifacts, amm=AmmParameters(flow=FLOW))


def take(exchange: Exchange, sign: int, week: int = 1) -> int:
    """As many straddles as the meters let through; their gross vega."""
    size, before = 32.0, exchange.eth.amm.risk().vega
    while size > DUST:
        legs = [exchange.call(2_000, sign * size, week=week)]
        legs += [exchange.put(2_000, sign * size, week=week)]
        try:
            exchange.trade(*legs)
        except Revert:
            size /= 2
    return abs(exchange.eth.amm.risk().vega - before)


def around_a_push(exchange: Exchange) -> int:
    """Vega bought at one surface: dust before it, the second of it, every second after it."""
    exchange.advance(300)
    exchange.trade(exchange.call(2_000, DUST))
    exchange.push(exchange.eth)
    exchange.trade(exchange.call(2_000, DUST))
    taken = 0
    for _ in range(6):
        taken += take(exchange, 1)
        exchange.advance(1)
        with suppress(Revert):
            exchange.trade(exchange.call(2_000, DUST))
    return taken


@on_both_sides
def test_push_budget__with_dust_around_the_push__is_spent_twice_at_most(side: str) -> None:
    """Once in the second of the push, where the block's meter holds, and once after it."""
    exchange = defended(contracts(side, pushes_forgotten))
    judge(side, around_a_push(exchange), bound=2 * PUSH, loot=4 * PUSH)


def push_one(exchange: Exchange, week: int) -> None:
    surface = reference_surface(
        underlying=exchange.eth.underlying,
        spot=exchange.spot(exchange.eth) / WAD,
        variance=VARIANCE,
        timestamp=exchange.now,
        days=[exchange.days[week]],
        policy=POLICY,
    )
    exchange.system.surface.push(exchange.eth.underlying, surface.expiries, sender=KEEPER)


def pushes_by_expiry(exchange: Exchange) -> int:
    """A key pushes the expiries in turn, each of which starts the push's budget anew: an hour."""
    taken = 0
    exchange.advance(300)
    for turn in range(30):
        exchange.advance(120)
        push_one(exchange, turn % 2)
        exchange.advance(1)
        taken += take(exchange, 1 if turn % 2 else -1)
    return taken


@on_both_sides
def test_push_budget__renewed_expiry_by_expiry__meets_the_one_of_the_hour(side: str) -> None:
    """A full hour's, and what leaks in an hour."""
    exchange = defended(contracts(side, hours_forgotten))
    judge(side, pushes_by_expiry(exchange), bound=2 * HOUR + PUSH, loot=2 * HOUR + 2 * PUSH)


def plug(exchange: Exchange) -> int:
    """Butterflies to and fro, without delta and with little vega between them: what a thousand of
    gross vega on the meters costs."""
    exchange.advance(300)
    start, passed = wealth(exchange, exchange.eth, TAKER), 0
    for turn in range(6):
        exchange.push(exchange.eth)
        exchange.refresh(exchange.eth)
        for _ in range(2):
            exchange.advance(1)
            size = -5.0 if turn % 2 else 5.0
            wings = [exchange.call(strike, size, week=1) for strike in (1_950, 2_050)]
            exchange.trade(*wings, exchange.call(2_000, -2 * size, week=1))
        passed += meters_of(exchange, exchange.eth).push_vega
        exchange.advance(300)
    cost = start - wealth(exchange, exchange.eth, TAKER)
    return cost * 1_000 * 10**7 // (passed * DEPTH)


def test_hour_budget__used_up_to_shut_the_pool__costs_at_least_this() -> None:
    """Of 60,000 an hour for 2 M USD of depth: about 250 USD an hour keep everybody out, exits too;
    straddles, which pay for their vega, cost twelve times as much. Nothing is taken."""
    exchange = defended(Artifacts())
    thousand = plug(exchange)
    assert 3 * WAD < thousand < 6 * WAD
    free = without_fees(build_exchange(Artifacts(), amm=replace(frictionless(), flow=FLOW)))
    assert plug(with_exact_feed(free, free.eth)) < WAD // 10
