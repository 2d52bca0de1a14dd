"""An LP who knows the true vol leaves at an old surface, before the loss is marked."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides, refresh, roomy
from tests.attacks.twins import broken
from tests.system_fixtures import (
    DELAY,
    HOUR,
    LP,
    OTHER_TAKER,
    STRANGER,
    Exchange,
    build_exchange,
)

STRADDLES = 160  # of 28 days: 70,000 of vega
SHARE = 10  # of the pool leaves: the fewer leave, the less potential they leave behind
TRUE_VARIANCES = 0.66, 0.87, 1.1, 1.36  # the way to 117 vol points, by the steps of an hour


def values_at_any_surface() -> Artifact:
    age = "if block.timestamp > amm_codec._expiry_posted(word) + VALUATION_SURFACE:"
    return broken("OptionsAMM", {age: "if False:"})


def leave_first(exchange: Exchange) -> int:
    """What was paid for shares at the old surface, less what they are worth at the new one."""
    market, vault, token = exchange.eth, exchange.eth.options_vault, exchange.system.token
    legs = exchange.call(2_000, STRADDLES, week=1), exchange.put(2_000, STRADDLES, week=1)
    exchange.trade(*legs, taker=OTHER_TAKER)
    shares, tokens = vault.balance_of(LP), token.balance_of(LP)
    vault.request_redeem(shares // SHARE, LP, sender=LP)
    exchange.advance(DELAY)
    refresh(exchange, market)  # the book is fresh, the surface an hour old
    with suppress(Revert):
        vault.process(32, sender=STRANGER)
    exchange.claim(vault, LP)
    left = shares - vault.balance_of(LP) - vault.pending_redeem(LP)
    for variance in TRUE_VARIANCES:
        exchange.push(market, variance=variance)
        exchange.advance(HOUR)
    exchange.push(market, variance=TRUE_VARIANCES[-1])
    refresh(exchange, market)
    worth = int(vault._call("convertToAssets", left))
    return (token.balance_of(LP) - tokens - worth) * exchange.unit


@on_both_sides
def test_exit__at_an_old_surface__waits_for_a_new_one(side: str) -> None:
    exchange = build_exchange(contracts(side, values_at_any_surface), amm=roomy())
    judge(side, leave_first(exchange), loot=500 * WAD)
