"""Rebates of the pool's risk potential, earned without taking risk off.

Without spreads and fees, so that nothing but the potential stands between the thief and the pool.
"""

from __future__ import annotations

from collections.abc import Callable

from protocol.chain.artifacts import Artifact
from protocol.units import WAD
from tests.attacks.stage import (
    contracts,
    frictionless,
    judge,
    on_both_sides,
    refresh,
    unwind,
    wealth,
    with_exact_feed,
    without_fees,
)
from tests.attacks.twins import broken
from tests.system_fixtures import (
    DELAY,
    OTHER_LP,
    OTHER_TAKER,
    STRANGER,
    TAKER,
    Exchange,
    build_exchange,
)

CONTRACTS = 600  # 28-day calls at the money: 130,000 of vega


def depth_less_reserve() -> Artifact:
    """Depth counts what is not reserved now: a trade moves what the next one is priced with."""
    frozen = "depth: uint256 = amm_codec._depth(pool.market)"
    reserved = "convert(risk_math._reserve(pool.totals[0]), uint256)"
    return broken("OptionPricer", {frozen: f"{frozen} - {reserved}"})


def depth_follows_at_once() -> Artifact:
    return broken("OptionsAMM", {"value = grown": "value = value"})


def market(side: str, twin: Callable[[], Artifact]) -> Exchange:
    exchange = without_fees(build_exchange(contracts(side, twin), amm=frictionless()))
    return with_exact_feed(exchange, exchange.eth)


def split_the_rebate(exchange: Exchange) -> int:
    """Buy whole, sell back in parts."""
    before = wealth(exchange, exchange.eth, TAKER)
    leg = exchange.call(2_000, CONTRACTS, week=1)
    exchange.trade(leg)
    unwind(exchange, exchange.eth, leg.instrument, parts=10)
    return wealth(exchange, exchange.eth, TAKER) - before


@on_both_sides
def test_rebate__split__is_what_was_paid(side: str) -> None:
    judge(side, split_the_rebate(market(side, depth_less_reserve)), loot=1_000 * WAD)


def bridge_a_deposit(exchange: Exchange) -> int:
    """Take the pool's risk off before a public deposit, put it back on after."""
    eth, vault = exchange.eth, exchange.eth.options_vault
    leg = exchange.call(2_000, CONTRACTS, week=1)
    exchange.trade(leg, taker=OTHER_TAKER)
    exchange.request_deposit(vault, OTHER_LP, 10_000_000)
    exchange.advance(DELAY)
    exchange.push(eth)
    refresh(exchange, eth)
    before = wealth(exchange, eth, TAKER)
    exchange.trade(exchange.call(2_050, -CONTRACTS, week=1))
    vault.process(32, sender=STRANGER)
    refresh(exchange, eth)
    exchange.trade(exchange.call(2_050, CONTRACTS, week=1))
    return wealth(exchange, eth, TAKER) - before


@on_both_sides
def test_deposit__between_two_trades__cheapens_none(side: str) -> None:
    judge(side, bridge_a_deposit(market(side, depth_follows_at_once)), loot=1_000 * WAD)
