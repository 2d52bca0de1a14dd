"""Thieves among the LPs: the first depositor, and the majority that trades with its own pool."""

from __future__ import annotations

from protocol.chain.artifacts import Artifact
from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.attacks.stage import (
    contracts,
    judge,
    on_both_sides,
    refresh,
    roomy,
    stake,
    unwind,
    wealth,
)
from tests.attacks.twins import broken
from tests.market_bench import ADMIN, OTHER_LP, TERMS, Bench, build
from tests.market_bench import LP as FIRST_LP
from tests.system_fixtures import DELAY, STRANGER, TAKER, Exchange, build_exchange

THIEF, VICTIM = FIRST_LP, OTHER_LP
GIFT, DEPOSIT = 1_000, 1_500  # USD


def no_dead_shares() -> Artifact:
    line = "DEAD_SHARES: constant(uint256) = "
    return broken("LiquidityVault", {f"{line}10**15": f"{line}0"}, module="vault_math")


def exits_at_nav() -> Artifact:
    """Pays the share of NAV, potential and all."""
    rule = "if depth == 0 or risk == 0:\n        return worth"
    nav = "if True:\n        return shares * nav // supply"
    return broken("LiquidityVault", {rule: nav}, module="vault_math")


def inflate(bench: Bench) -> int:
    """Own the only wei of a share, make it dear, and round the next LP down to the wei below."""
    bench.enter(THIEF, 20)
    at_start = _worth(bench, THIEF)
    bench.request_redeem(THIEF, bench.shares(THIEF) - 1)
    bench.advance(TERMS["delay"])
    bench.process()
    bench.fund(THIEF, GIFT, into=bench.pool)
    bench.enter(VICTIM, DEPOSIT)
    return _worth(bench, THIEF) - at_start - GIFT * WAD


def _worth(bench: Bench, owner: str) -> int:
    """Shares at NAV and what waits to be claimed; a token of 18 decimals."""
    held = int(bench.vault.call("convertToAssets", bench.shares(owner)))
    return held + int(bench.vault.call("maxWithdraw", owner))


@on_both_sides
def test_first_deposit__made_dear_by_a_gift__robs_nobody(side: str) -> None:
    bench = build(EmbeddedChain(), contracts(side, no_dead_shares), decimals=18)
    terms = {**TERMS, "liquidity_floor": 0}  # a floor would keep the shares many, too
    bench.vault.send("set_terms", tuple(terms.values()), sender=ADMIN)
    judge(side, inflate(bench), loot=200 * WAD)


def trade_and_leave(exchange: Exchange) -> int:
    """Own most of the pool, buy from it, leave with the potential just paid, and unwind."""
    market, vault = exchange.eth, exchange.eth.options_vault
    exchange.request_deposit(vault, TAKER, 18_000_000)
    exchange.advance(DELAY)
    exchange.push(market)
    refresh(exchange, market)
    vault.process(32, sender=STRANGER)
    exchange.claim(vault, TAKER)
    refresh(exchange, market)
    start = wealth(exchange, market, TAKER) + stake(exchange, vault, TAKER)
    leg = exchange.call(2_000, 4_500, week=1)
    exchange.trade(leg)
    vault.request_redeem(vault.balance_of(TAKER), TAKER, sender=TAKER)
    exchange.advance(DELAY)
    exchange.push(market)
    refresh(exchange, market)
    for _ in range(8):
        vault.process(32, sender=STRANGER)
    exchange.claim(vault, TAKER)
    unwind(exchange, market, leg.instrument, parts=9)
    return wealth(exchange, market, TAKER) + stake(exchange, vault, TAKER) - start


@on_both_sides
def test_exit__of_a_majority_with_a_position__leaves_the_potential(side: str) -> None:
    exchange = build_exchange(contracts(side, exits_at_nav), amm=roomy())
    judge(side, trade_and_leave(exchange), loot=50_000 * WAD)
