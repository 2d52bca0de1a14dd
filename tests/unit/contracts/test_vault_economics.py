"""LiquidityVault: prices of entry and exit, queues that wait, and the thief of first deposits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.pricing.market_math import exit_payout, fitting_exit
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    LONG,
    LP,
    OTHER_LP,
    STRANGER,
    TERMS,
    Bench,
    account,
    build,
    rewound,
    with_mock_pool,
)

DEAD_SHARES = 10**15
DELAY = TERMS["delay"]
UNIT = 10**12  # of a token with 6 decimals


@pytest.fixture(scope="module")
def fresh(artifacts) -> Iterator[Callable[[], Bench]]:
    def make() -> Bench:
        bench = with_mock_pool(build(EmbeddedChain(), artifacts), artifacts)
        for owner in (LP, OTHER_LP):
            bench.enter(owner, 100_000)
        return bench

    yield from rewound(make)


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


@pytest.fixture(scope="module")
def empty(artifacts) -> Iterator[Callable[[], Bench]]:
    yield from rewound(lambda: build(EmbeddedChain(), artifacts))


@pytest.fixture
def empty_bench(empty) -> Bench:
    return empty()


def set_book(
    bench: Bench, *, positions: int = 0, reserve: int = 0, risk: int = 0, depth: int = 0
) -> None:
    book = (positions, reserve, risk * (depth or WAD), depth)
    bench.perp.send("set_book", *book, sender=STRANGER)


def owned_per_share(bench: Bench) -> Fraction:
    value = bench.valuation()
    return Fraction(value.nav - value.risk, bench.vault.call("totalSupply"))


def redeem_all(bench: Bench, owner: str) -> None:
    bench.request_redeem(owner, bench.shares(owner))
    bench.advance(DELAY)
    bench.process()


def net(payout: int) -> int:
    return (payout - -(-payout * TERMS["exit_fee"] // WAD)) // UNIT


def test_enter__after_a_gain__at_nav_per_share(bench):
    set_book(bench, positions=100_000 * WAD)
    shares = bench.enter(OTHER_LP, 3_000)
    assert shares == 2_000 * WAD


def test_enter__with_a_potential__pays_nav_and_lifts_the_others(bench):
    set_book(bench, positions=-50_000 * WAD, risk=5_000 * WAD, depth=150_000 * WAD)
    before = owned_per_share(bench)
    shares = bench.enter(OTHER_LP, 3_000)
    assert shares == 4_000 * WAD
    assert owned_per_share(bench) > before


def test_redeem__with_a_potential__leaves_it_and_its_rise_behind(bench):
    state = {"nav": 200_000 * WAD, "risk": 10_000 * WAD, "depth": 180_000 * WAD}
    set_book(bench, risk=state["risk"], depth=state["depth"])
    before, shares = owned_per_share(bench), bench.shares(LP) // 4
    payout = exit_payout(shares=shares, supply=200_000 * WAD, **state)
    assert payout < shares * 95 // 100  # less than its share of NAV - risk
    bench.request_redeem(LP, shares)
    bench.advance(DELAY)
    bench.process()
    assert bench.vault.call("maxWithdraw", LP) == net(payout)
    assert owned_per_share(bench) > before


def test_redeem__worth_nothing__waits(bench):
    set_book(bench, positions=-150_000 * WAD, risk=60_000 * WAD)
    redeem_all(bench, LP)
    assert bench.vault.call("queue_lengths") == (0, 1)
    set_book(bench, positions=-250_000 * WAD)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 1)
    set_book(bench)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 0)
    assert bench.vault.call("maxWithdraw", LP) > 0


def test_redeem__more_than_half_the_depth__goes_in_parts(bench):
    state = {"nav": 200_000 * WAD, "risk": 2_000 * WAD, "depth": 80_000 * WAD}
    set_book(bench, risk=state["risk"], depth=state["depth"])
    asked = bench.shares(LP)
    fit, payout = fitting_exit(shares=asked, supply=200_000 * WAD, limit=200_000 * WAD, **state)
    assert fit == 40_000 * WAD
    redeem_all(bench, LP)
    assert bench.vault.call("claimableRedeemRequest", 0, LP) == fit
    assert bench.vault.call("maxWithdraw", LP) == net(payout)
    assert bench.vault.call("pendingRedeemRequest", 0, LP) == asked - fit


def test_redeem__little_free_cash__part_now_and_the_rest_later(bench):
    set_book(bench, reserve=150_000 * WAD)
    redeem_all(bench, LP)
    free = 50_000 * WAD - 200_000 * TERMS["liquidity_floor"]
    assert bench.vault.call("claimableRedeemRequest", 0, LP) == free
    assert bench.vault.call("maxWithdraw", LP) == net(free)
    assert bench.vault.call("queue_lengths") == (0, 1)
    set_book(bench)
    bench.process()
    assert bench.vault.call("claimableRedeemRequest", 0, LP) == 100_000 * WAD - DEAD_SHARES
    assert bench.vault.call("queue_lengths") == (0, 0)


def test_process__head_without_cash__holds_redemptions_not_deposits(bench):
    set_book(bench, reserve=200_000 * WAD)
    bench.request_redeem(LP, 50_000 * WAD)
    bench.request_redeem(OTHER_LP, 10 * WAD)
    bench.request_deposit(OTHER_LP, 100)
    bench.advance(DELAY)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 2)
    assert bench.vault.call("maxDeposit", OTHER_LP) == 100 * 10**6


@pytest.mark.parametrize("loss", [200_000, 250_000, 199_801])
def test_deposit__pool_without_value__is_refunded(loss, bench):
    set_book(bench, positions=-loss * WAD)
    bench.request_deposit(STRANGER, 1_000)
    bench.request_deposit(STRANGER, 500)
    bench.advance(DELAY)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 0)
    assert bench.vault.call("maxDeposit", STRANGER) == 0
    assert bench.vault.call("maxWithdraw", STRANGER) == 1_500 * 10**6
    bench.vault.send("withdraw", 1_500 * 10**6, STRANGER, STRANGER, sender=STRANGER)
    assert bench.token.call("balanceOf", STRANGER) == 1_500 * 10**6


def test_total_assets__pool_in_debt__is_zero(bench):
    set_book(bench, positions=-300_000 * WAD)
    assert bench.vault.call("totalAssets") == bench.vault.call("convertToAssets", WAD) == 0
    assert bench.vault.call("convertToShares", 10**6) == 0


def test_process__valuation_stale__reverts(bench, reverts):
    bench.perp.send("set_stale", True, sender=STRANGER)
    bench.request_deposit(LP, 100)
    bench.advance(DELAY)
    with reverts("pool: valuation stale"):
        bench.process()


def test_first_deposit__gift_already_in_the_pool__goes_to_the_first(empty_bench):
    bench = empty_bench
    bench.fund(STRANGER, 5_000, into=bench.pool)
    shares = bench.enter(LP, 1_000)
    assert shares == 1_000 * WAD - DEAD_SHARES
    assert bench.vault.call("convertToAssets", shares) == 6_000 * 10**6 - 6_000


@pytest.mark.parametrize("gift", [1_000, 1_000_000, 10**12])
def test_inflation_attack__first_lp_and_a_gift__thief_only_loses(gift, empty_bench):
    """A thief enters first, leaves all but a speck, blows the share price up and leaves again."""
    bench, thief, victim = empty_bench, STRANGER, LP
    free_exit = tuple((TERMS | {"liquidity_floor": 0, "exit_fee": 0}).values())
    bench.vault.send("set_terms", free_exit, sender=ADMIN)
    bench.enter(thief, 1_000)
    bench.request_redeem(thief, bench.shares(thief) - 10**6)
    bench.advance(DELAY)
    bench.process()
    assert bench.vault.call("totalSupply") == DEAD_SHARES + 10**6
    bench.fund(thief, gift, into=bench.pool)
    shares = bench.enter(victim, 10_000)
    lost = 10_000 * 10**6 - bench.vault.call("convertToAssets", shares)
    # Rounding takes at most the price of a share's last digit: NAV / dead shares.
    assert 0 <= lost <= bench.valuation().nav // DEAD_SHARES // UNIT + 1
    redeem_all(bench, thief)
    assert bench.vault.call("maxWithdraw", thief) <= 1_000 * 10**6 + gift // 1_000


def test_redeem__perp_pool_with_skew__keeps_the_reserve(empty_bench):
    bench = empty_bench
    bench.enter(LP, 100_000)
    bench.fund(LONG, 200_000)
    for _ in range(3):
        bench.trade(LONG, 40 * WAD)
    value = bench.valuation()
    redeem_all(bench, LP)
    released = bench.vault.call("maxWithdraw", LP)
    assert 0 < released * UNIT <= value.free_cash
    assert bench.vault.call("queue_lengths") == (0, 1)
    bench.trade(LONG, -120 * WAD)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 1)  # the floor keeps a twentieth
    assert bench.cash(account(bench.vault.address, 1)) == bench.vault.call("maxWithdraw", LP) * UNIT
