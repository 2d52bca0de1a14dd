"""What a stolen keeper key is worth, with an accomplice at the perp or at the options pool."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.config import AmmParameters, Upkeep
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import (
    contracts,
    judge,
    on_both_sides,
    perp,
    refresh,
    roomy,
    wealth,
)
from tests.attacks.twins import broken
from tests.system_fixtures import (
    KEEPER,
    OTHER_TAKER,
    VARIANCE,
    Exchange,
    account,
    build_exchange,
)

DEPTH = 2_000_000 * WAD
HEDGES = 8
CLIP = 200 * WAD  # what the accomplice buys ahead of a hedge, as far as the price bound lets it
STEPS = (
    1.12,
    1.09,
    1.07,
    1.05,
    1.03,
)  # of variance, the largest the surface takes first
PUSHES, PUSH_SECONDS = 60, 240
DRAWDOWN = 0.01  # ten times as tight as the default, to see the halt within hours
STEP_LOSS = 3_000 * WAD  # of 75,000 of vega at the largest step


def hedges_without_bounds() -> Artifact:
    return broken(
        "OptionsAMM",
        {
            "assert after == 0 or (after > 0) == (delta > 0)": "assert True",
            "convert(abs(size), uint256) * spot.price // WAD,": "0,",
        },
    )


def no_drawdown_halt() -> Artifact:
    line = "return price < peak - peak * drawdown // _WAD"
    return broken("OptionsAMM", {line: "return False"}, module="drawdown_guard")


def walk_hedges(exchange: Exchange) -> int:
    """The pool's hedge goes to and fro; the accomplice is ahead of it and takes the skew back."""
    market = exchange.eth
    exchange.trade(exchange.call(1_700, 240, week=1))
    before = wealth(exchange, market, OTHER_TAKER)
    for _ in range(HEDGES):
        delta = market.amm.risk().delta
        past_zero = -2 * delta + (1 if delta > 0 else -1)
        if not _hedge(exchange, past_zero):
            _hedge(exchange, -delta)
        if skew := market.perp.skew():
            perp(exchange, market, OTHER_TAKER, -skew)
    return wealth(exchange, market, OTHER_TAKER) - before


def _hedge(exchange: Exchange, size: int) -> bool:
    """A hedge at the worst price the pool accepts, as much pumped as it bears."""
    market, sign = exchange.eth, 1 if size > 0 else -1
    bound = 1_000 + 10 * sign
    for clip in (CLIP, CLIP // 2, CLIP // 8, 0):
        start = exchange.chain.snapshot()
        try:
            if clip:
                perp(exchange, market, OTHER_TAKER, sign * clip)
            limit = exchange.spot(market) * bound // 1_000
            market.amm.hedge(size, limit, sender=KEEPER)
        except Revert:
            exchange.chain.revert(start)
            continue
        return True
    return False


@on_both_sides
def test_hedge__by_a_stolen_key__costs_at_most_its_bound_on_its_budget(
    side: str,
) -> None:
    exchange = build_exchange(contracts(side, hedges_without_bounds), amm=roomy())
    budget = DEPTH // 2  # of an hour
    judge(side, walk_hedges(exchange), bound=budget // 100, loot=budget // 50)


def walk_surface(exchange: Exchange) -> int:
    """Vol up by the largest step as often as it goes; the accomplice buys first and sells last.

    What is left at the end, where the pool no longer quotes, counts at the price of the start: its
    owner has no other market for it.
    """
    market, variance = exchange.eth, VARIANCE
    start = wealth(exchange, market, OTHER_TAKER)
    for push in range(PUSHES):
        _trade(exchange, 1 if push < PUSHES // 2 else -1)
        exchange.advance(PUSH_SECONDS)
        if push < PUSHES // 2:
            variance = _push_higher(exchange, variance)
        else:
            exchange.push(market, variance=variance)
        refresh(exchange, market)
    if _held(exchange):
        _walk_back(exchange, variance)
    return wealth(exchange, market, OTHER_TAKER) - start


def _walk_back(exchange: Exchange, variance: float) -> None:
    while variance > VARIANCE:
        exchange.advance(PUSH_SECONDS)
        variance /= STEPS[-1]
        exchange.push(exchange.eth, variance=max(variance, VARIANCE))


def _push_higher(exchange: Exchange, variance: float) -> float:
    for step in STEPS:
        with suppress(Revert):
            exchange.push(exchange.eth, variance=variance * step)
            return variance * step
    exchange.push(exchange.eth, variance=variance)
    return variance


def _trade(exchange: Exchange, sign: int) -> None:
    """As many straddles as the pool takes, down to one; sells no more than are held."""
    size = 128 if sign > 0 else min(128, _held(exchange))
    while size:
        both = (
            exchange.call(2_000, sign * size, week=1),
            exchange.put(2_000, sign * size, week=1),
        )
        try:
            exchange.trade(*both, taker=OTHER_TAKER)
        except Revert:
            size //= 2
        else:
            size = min(size, _held(exchange)) if sign < 0 else size


def _held(exchange: Exchange) -> int:
    """Straddles, whole ones."""
    series = exchange.call(2_000, 1, week=1).instrument
    return exchange.system.ledger.position(account(OTHER_TAKER), series.id) // WAD


@on_both_sides
def test_surface__walked_by_a_stolen_key__costs_the_drawdown_and_a_step(
    side: str,
) -> None:
    amm = AmmParameters(upkeep=Upkeep(drawdown=DRAWDOWN))
    exchange = build_exchange(contracts(side, no_drawdown_halt), amm=amm)
    allowed = round(DRAWDOWN * DEPTH)
    judge(
        side,
        walk_surface(exchange),
        bound=allowed + STEP_LOSS,
        loot=allowed + 2 * STEP_LOSS,
    )
