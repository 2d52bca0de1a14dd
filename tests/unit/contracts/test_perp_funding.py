"""PerpMarket: funding, the pool's valuation, and administration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from protocol.chain.base import ZERO_ADDRESS
from protocol.chain.embedded import EmbeddedChain
from protocol.pricing.market_math import accrue_rate, funding_cash, perp_potential
from protocol.units import DAY, WAD, YEAR
from tests.market_bench import (
    ADMIN,
    ETH,
    LONG,
    LP,
    MAX_AGE,
    PARAMS,
    SHORT,
    SPOT,
    STRANGER,
    Bench,
    account,
    build,
    rewound,
)

LONG_ACCOUNT, SHORT_ACCOUNT = account(LONG), account(SHORT)
RATE_ARGS = {"velocity": PARAMS["velocity"], "cap": PARAMS["rate_cap"], "scale": PARAMS["scale"]}


@pytest.fixture(scope="module")
def fresh(artifacts) -> Iterator[Callable[[], Bench]]:
    def make() -> Bench:
        bench = build(EmbeddedChain(), artifacts)
        bench.enter(LP, 2_000_000)
        bench.fund(LONG, 500_000)
        bench.fund(SHORT, 500_000)
        return bench

    yield from rewound(make)


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


@pytest.mark.parametrize("elapsed", [1, 12, DAY, 30 * DAY, 2 * YEAR])
@pytest.mark.parametrize("size", [100 * WAD, -100 * WAD])
def test_funding__skew_left_alone__follows_the_clamped_line(size, elapsed, bench):
    bench.trade(LONG, size)
    bench.advance(elapsed)
    rate, area = accrue_rate(rate=0, skew=size, elapsed=elapsed, **RATE_ARGS)
    assert bench.perp.call("funding") == (rate, funding_cash(area=area, index=SPOT))
    assert (rate > 0) == (size > 0)


def test_funding__at_the_cap__rate_is_the_cap_and_grows_no_more(bench):
    bench.trade(LONG, 500 * WAD)
    bench.advance(YEAR)
    rate, first = bench.perp.call("funding")
    assert rate == PARAMS["rate_cap"]
    bench.advance(YEAR)
    _, second = bench.perp.call("funding")
    assert second - first == PARAMS["rate_cap"] * SPOT // WAD


def test_funding__longs_outweigh__long_pays_what_short_and_pool_get(bench):
    bench.trade(LONG, 100 * WAD)
    bench.trade(SHORT, -40 * WAD)
    bench.advance(10 * DAY)
    before = {owner: bench.cash(owner) for owner in (LONG_ACCOUNT, SHORT_ACCOUNT, bench.pool)}
    for owner in (LONG_ACCOUNT, SHORT_ACCOUNT):
        bench.perp.send("realise", owner, sender=STRANGER)
    gain = {owner: bench.cash(owner) - before[owner] for owner in before}
    _, funding = bench.perp.call("funding")
    assert gain[LONG_ACCOUNT] == -100 * funding
    assert gain[SHORT_ACCOUNT] == 40 * funding
    assert sum(gain.values()) == 0 and gain[bench.pool] > 0


def test_realised_event__after_time_and_move__splits_funding_off(bench):
    bench.trade(LONG, 100 * WAD)
    bench.advance(10 * DAY, price=SPOT + 5 * WAD)
    receipt = bench.perp.send("realise", LONG_ACCOUNT, sender=STRANGER)
    event = next(event for event in bench.perp.events(receipt) if event.name == "Realised")
    _, funding = bench.perp.call("funding")
    assert event.args["funding"] == -100 * funding < 0
    assert event.args["amount"] == 500 * WAD - 100 * funding


def test_valuation__open_skew__counts_unrealised_and_keeps_a_reserve(bench):
    bench.trade(SHORT, -100 * WAD)
    cash = bench.cash(bench.pool)
    bench.set_spot(SPOT + 50 * WAD)
    value = bench.valuation()
    reserve = 100 * (SPOT + 50 * WAD) * PARAMS["reserve_share"] // WAD
    assert value.nav == cash + 5_000 * WAD
    assert value.free_cash == cash - reserve  # the gain is not cash yet
    assert value.risk == perp_potential(
        index=SPOT + 50 * WAD, skew=-100 * WAD, scale=PARAMS["scale"]
    )
    bench.set_spot(SPOT - 50 * WAD)
    value = bench.valuation()
    reserve = 100 * (SPOT - 50 * WAD) * PARAMS["reserve_share"] // WAD
    assert value.nav == cash - 5_000 * WAD
    assert value.free_cash == value.nav - reserve


def test_valuation__feed_stale__reverts(bench, reverts):
    bench.chain.advance(MAX_AGE + 1)
    with reverts("oracle: price stale"):
        bench.valuation()


def test_unrealised__never_touched__is_zero_for_no_position(bench):
    assert bench.perp.call("unrealised", account(STRANGER), 0) == 0


def changed(**changes: int) -> tuple[int, ...]:
    return tuple((PARAMS | changes).values())


def test_set_params__in_bounds__accrues_at_the_old_ones_first(bench):
    bench.trade(LONG, 500 * WAD)
    bench.advance(100 * DAY)
    before = bench.perp.call("funding")
    bench.perp.send("set_params", changed(rate_cap=WAD, velocity=WAD), sender=ADMIN)
    assert bench.perp.call("funding") == (WAD, before[1])
    assert tuple(bench.perp.call("params")) == changed(rate_cap=WAD, velocity=WAD)
    assert bench.perp.call("skew") == 500 * WAD


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"max_skew": PARAMS["scale"] // 4 + 10**9}, "perp: max skew out of bounds"),
        ({"max_skew": 0}, "perp: max skew out of bounds"),
        ({"max_trade": 0}, "perp: max trade out of bounds"),
        ({"max_trade": 2 * PARAMS["max_skew"] + 10**9}, "perp: max trade out of bounds"),
        ({"reserve_share": 2 * 10**16 - 1}, "perp: reserve out of bounds"),
        ({"reserve_share": WAD + 1}, "perp: reserve out of bounds"),
        ({"velocity": 100 * WAD + 1}, "perp: velocity out of bounds"),
        ({"rate_cap": 10 * WAD + 1}, "perp: rate cap out of bounds"),
        ({"direct_age": 172_801}, "perp: direct age out of bounds"),
        ({"scale": PARAMS["scale"] + 1}, "perp: finer than 1e-9"),
        ({"velocity": 1}, "perp: finer than 1e-9"),
        ({"rate_cap": WAD + 1}, "perp: finer than 1e-9"),
        ({"scale": 2**64 * 10**9}, "perp: quantity out of field"),
    ],
)
def test_set_params__out_of_bounds__reverts(changes, reason, bench, reverts):
    with reverts(reason):
        bench.perp.send("set_params", changed(**changes), sender=ADMIN)


def test_administration__by_others__reverts(bench, reverts):
    with reverts("access: admin only"):
        bench.perp.send("set_params", changed(), sender=STRANGER)
    with reverts("access: admin only"):
        bench.perp.send("set_vault", STRANGER, sender=STRANGER)
    with reverts("perp: fee schedule only"):
        bench.perp.send("set_fee_word", 0, sender=ADMIN)
    with reverts("perp: vault only"):
        bench.perp.send("release", LONG_ACCOUNT, WAD, sender=ADMIN)
    with reverts("perp: vault already set"):
        bench.perp.send("set_vault", ADMIN, sender=ADMIN)


def test_release__above_free_cash__reverts(bench, reverts):
    bench.trade(LONG, 100 * WAD)
    free, vault = bench.valuation().free_cash, bench.vault.address
    with reverts("perp: above free cash"):
        bench.perp.send("release", LONG_ACCOUNT, free + 1, sender=vault)
    bench.perp.send("release", LONG_ACCOUNT, free, sender=vault)
    assert bench.valuation().free_cash == 0


def test_deploy__bad_underlying__reverts(bench, deploy, reverts):
    for underlying in (0, 256):
        with reverts("series: bad instrument"):
            deploy("PerpMarket", *[ADMIN] * 4, underlying, changed())
    with reverts("access: no manager"):
        deploy("PerpMarket", *[ADMIN] * 3, ZERO_ADDRESS, ETH, changed())


def test_set_params__bounds_of_the_rates__come_back_whole(bench):
    """Each used to share a word with the funding index: none may reach into its neighbour."""
    bench.trade(LONG, 500 * WAD)
    bench.advance(DAY)
    before = bench.perp.call("funding")[1]
    most = changed(velocity=100 * WAD, rate_cap=10 * WAD, direct_age=172_800)
    bench.perp.send("set_params", most, sender=ADMIN)
    assert tuple(bench.perp.call("params")) == most
    assert bench.perp.call("funding")[1] == before
