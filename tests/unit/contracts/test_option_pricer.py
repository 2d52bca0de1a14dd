"""OptionPricer: each part of a price by itself, on numbers made up for it."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing import amm as twin
from protocol.pricing.amm_reserve import ShortBound
from protocol.pricing.amm_words import (
    ExpiryWord,
    FlowLimits,
    Limits,
    Spreads,
    SurfaceWords,
    Weights,
    unpacked_greeks,
)
from protocol.pricing.market_math import FeeRates
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD
from tests.ledger_bench import ADMIN
from tests.pricer_words import encoded_leg, encoded_pool

SPOT = 2_000 * WAD
ROUNDING = 2_010  # wei: a share of delta is rounded up before spot values it
GREEKS = ("delta", "vega", "gamma")
BOUND = ShortBound(move=WAD // 5, factor=WAD * 3 // 2, rate=WAD // 50)
NO_FEES = FeeRates(**dict.fromkeys(FeeRates.__slots__, 0))
NO_SPREADS = Spreads(0, 0, 0, WAD, 0, WAD // 2, 0)
NO_WEIGHTS = Weights(0, 0, 0, 0)
NO_LIMITS = Limits(*[16 * WAD] * 4, 0, 0, 0)
NO_FLOW = FlowLimits(0, 0, *[3 * WAD] * 5)
POOL = twin.PoolState(
    totals=twin.Risk(reserve=10**6 * WAD),
    depth=10**6 * WAD,
    reference=SPOT,
    weights=NO_WEIGHTS,
    spreads=NO_SPREADS,
    limits=NO_LIMITS,
    flow=NO_FLOW,
    fees=NO_FEES,
    spot=SPOT,
    uncertainty=0,
)


@pytest.fixture
def market(deploy) -> AnyContract:
    return deploy("MockMarket")


@pytest.fixture
def pricer(deploy, market) -> AnyContract:
    return deploy("OptionPricer", market.address, market.address)


@pytest.fixture
def now(pricer) -> int:
    return pricer.chain.timestamp


def surface(now: int, **changes: int) -> SurfaceWords:
    """40 % at the money for a month, skewed to puts."""
    flat = SurfaceWords(
        a=8 * 10**15, b=2 * 10**16, basis=0, rate=0, rho=-WAD // 4, m=0, sigma=WAD // 4,
        timestamp=now,
    )  # fmt: skip
    return replace(flat, **changes)


def leg(now: int, size: int, *, strike: float = 2_000, weeks: int = 4, **changes: Any) -> Any:
    posted = surface(now)
    series = Instrument.option(Kind.CALL, 1, now // DAY + 7 * weeks, strike)
    made = twin.LegInput(
        instrument=series,
        size=size,
        live=posted,
        expiry=ExpiryWord(SPOT, now, BOUND.word, now, 1),
        snapshot=posted,
        book=twin.Book(risk=twin.Risk(reserve=10**6 * WAD)),
    )
    return replace(made, **changes)


def with_vega(vega: int) -> twin.Book:
    return twin.Book(risk=twin.Risk(vega=vega, reserve=10**6 * WAD))


def ask(pricer: AnyContract, pool: twin.PoolState, *legs: twin.LegInput) -> Any:
    """The pricer's answer; `change` is what the package makes of the pool's totals."""
    answer = pricer.call("price", encoded_pool(pool), [encoded_leg(each) for each in legs])
    first, second = answer.totals
    after = twin.Risk.from_words(first, unpacked_greeks(second >> 160, count=1, bits=96)[0])
    change = {name: getattr(after, name) - getattr(pool.totals, name) for name in GREEKS}
    change["reserve"] = after.reserve - pool.totals.reserve
    return SimpleNamespace(
        cash=answer.cash,
        mark=answer.mark,
        impact=answer.impact,
        spread=answer.spread,
        fee=answer.fee,
        total=twin.Risk(**change),
    )


def test_mark__rounds_against_the_taker(pricer, now):
    bought, sold = (ask(pricer, POOL, leg(now, sign * (WAD + 1))) for sign in (1, -1))
    unit = pricer.call("mark", leg(now, 1).instrument.id, SPOT, surface(now).words)
    assert bought.mark == -(-unit * (WAD + 1) // WAD)
    assert sold.mark == -(unit * (WAD + 1) // WAD)
    assert bought.mark + sold.mark == 1


def test_mark__live_surface__greeks_of_the_snapshot(pricer, now):
    calm = ask(pricer, POOL, leg(now, WAD))
    wild = ask(pricer, POOL, leg(now, WAD, live=surface(now, a=30 * 10**15)))
    assert wild.mark > calm.mark
    assert replace(wild.total, reserve=0) == replace(calm.total, reserve=0)
    assert wild.total.reserve > calm.total.reserve
    moved = ask(pricer, POOL, leg(now, WAD, snapshot=surface(now, a=30 * 10**15)))
    assert moved.mark == calm.mark
    assert moved.total != calm.total


def test_mark__between_pushes__variance_runs_off_with_life(pricer, now, chain):
    """Implied vol stays: half the life left is half the variance."""
    chain.advance(14 * DAY - 8 * 3_600)  # of 28 days and 8 hours, with 14 and 16 left
    one = leg(now, WAD)
    life, left = 28 * DAY + 28_800, 14 * DAY + 16 * 3_600
    a, b = (value * left // life for value in (one.live.a, one.live.b))
    later = chain.timestamp
    assert pricer.call("mark", one.instrument.id, SPOT, one.live.words) == pytest.approx(
        pricer.call("mark", one.instrument.id, SPOT, surface(later, a=a, b=b).words), abs=1_000
    )


@pytest.mark.parametrize("strike", [1_800, 2_000, 2_300])
def test_delta__is_what_the_mark_does_as_spot_moves(strike, pricer, now):
    """The smile moves with spot: the hedge is the slope of the mark between pushes."""
    one = leg(now, -WAD, strike=strike)
    step = WAD // 10
    up, down = (
        pricer.call("mark", one.instrument.id, SPOT + move, one.live.words)
        for move in (step, -step)
    )
    slope = (up - down) * WAD // (2 * step)
    delta = ask(pricer, POOL, one).total.delta
    assert abs(delta - slope) < 10**11
    flat = replace(one, live=surface(now, rho=0), snapshot=surface(now, rho=0))
    assert abs(delta - ask(pricer, POOL, flat).total.delta) > 10**15, "the skew is in it"


@pytest.mark.parametrize("broken", ["live", "snapshot"])
def test_surface__missing__reverts(broken, pricer, now, reverts):
    with reverts("pricer: no surface"):
        ask(pricer, POOL, leg(now, WAD, **{broken: surface(0)}))


def test_series__expired__reverts(pricer, now, chain, reverts):
    one = leg(now, WAD)
    chain.set_time(one.instrument.expiry - 1)
    ask(pricer, POOL, one)
    chain.set_time(one.instrument.expiry)
    with reverts("pricer: series expired"):
        ask(pricer, POOL, one)
    with reverts("pricer: series expired"):
        pricer.call("mark", one.instrument.id, SPOT, one.live.words)
    with reverts("pricer: series expired"):
        pricer.call("book", SPOT, one.live.words, 0, [one.instrument.id], [WAD], 0)


def test_depth__never_set__reverts(pricer, now, reverts):
    with reverts("risk: no depth"):
        ask(pricer, replace(POOL, depth=0), leg(now, WAD))


@pytest.mark.parametrize("name", ["delta", "vega", "expiry_vega", "gamma"])
def test_impact__each_weight__half_its_square(name, pricer, now):
    pool = replace(POOL, weights=replace(NO_WEIGHTS, **{name: 2 * WAD}))
    priced = ask(pricer, pool, leg(now, WAD))
    greek = getattr(priced.total, "vega" if name == "expiry_vega" else name)
    if name == "delta":
        greek = greek * SPOT // WAD
    assert greek != 0
    assert abs(priced.impact - greek * greek // pool.depth) <= 10**6
    mirrored = {n: -getattr(priced.total, n) for n in GREEKS}
    opposite = replace(pool, totals=replace(pool.totals, **mirrored))
    back = leg(now, WAD, book=with_vega(-priced.total.vega))
    assert abs(ask(pricer, opposite, back).impact + priced.impact) <= 2


def test_impact__legs_of_one_expiry_net__of_two_do_not(pricer, now):
    pool = replace(POOL, weights=replace(NO_WEIGHTS, expiry_vega=3 * WAD))
    near = [leg(now, 10 * WAD), leg(now, -10 * WAD, strike=2_050)]
    alone = [ask(pricer, pool, each).impact for each in near]
    assert ask(pricer, pool, *near).impact < min(alone) // 10
    two = [near[0], leg(now, -10 * WAD, weeks=8)]
    both = [ask(pricer, pool, each).impact for each in two]
    assert abs(ask(pricer, pool, *two).impact - sum(both)) <= 1


def test_impact__three_legs_two_expiries__each_netted_once(pricer, now):
    """The first, third and second leg of an expiry count once, in whatever order they come."""
    pool = replace(POOL, weights=replace(NO_WEIGHTS, expiry_vega=3 * WAD))
    legs = [
        leg(now, 10 * WAD, book=with_vega(5 * WAD)),
        leg(now, 4 * WAD, weeks=8, book=with_vega(-3 * WAD)),
        leg(now, -3 * WAD, strike=2_100, book=with_vega(5 * WAD)),
        leg(now, 2 * WAD, strike=1_900, weeks=8, book=with_vega(-3 * WAD)),
    ]
    first = ask(pricer, pool, *legs)
    orders = [(1, 0, 3, 2), (3, 2, 1, 0), (0, 2, 1, 3)]
    for order in orders:
        again = ask(pricer, pool, *(legs[i] for i in order))
        assert (again.impact, again.spread) == (first.impact, first.spread)
    halves = [ask(pricer, pool, legs[i], legs[i + 2]).impact for i in (0, 1)]
    assert abs(first.impact - sum(halves)) <= 1


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"vol_points": WAD // 100}, "vega"),
        ({"hedge_cost": WAD // 1_000}, "delta"),
        ({"floor_rate": WAD // 1_000}, "size"),
    ],
)
def test_spread__each_part__of_its_exposure(change, part, pricer, now):
    pool = replace(POOL, spreads=replace(NO_SPREADS, **change))
    priced = ask(pricer, pool, leg(now, 7 * WAD))
    exposure = {
        "vega": abs(priced.total.vega),
        "delta": abs(priced.total.delta) * SPOT // WAD,
        "size": 7 * SPOT,
    }[part]
    assert abs(priced.spread - exposure * next(iter(change.values())) // WAD) <= ROUNDING


def test_spread__uncertainty__of_the_delta(pricer, now):
    calm, unsure = (
        ask(pricer, replace(POOL, uncertainty=u), leg(now, 7 * WAD)) for u in (0, WAD // 100)
    )
    assert calm.spread == 0
    assert abs(unsure.spread - abs(unsure.total.delta) * 20) <= ROUNDING


def test_reserve__of_what_the_pool_sells_alone(pricer, now):
    """At the money: a move of a fifth, time value at 1.5 times the vol, 2 % of spot."""
    deviation = sqrt(0.008 + 0.02 * 0.25)
    unit = 2_000 * (0.2 + 0.4 * deviation * 1.5 + 0.02)
    for size, reserved in ((5 * WAD, 5 * unit), (-5 * WAD, 0)):
        priced = ask(pricer, POOL, leg(now, size))
        assert priced.total.reserve / WAD == pytest.approx(reserved, rel=1e-6)
    unsure = ask(pricer, replace(POOL, uncertainty=WAD // 100), leg(now, WAD))
    assert unsure.total.reserve / WAD == pytest.approx(unit + 20, rel=1e-6)


def test_reserve__is_capped_by_what_an_option_can_cost(pricer, now):
    """A vol factor of a hundred: the call's forward moved up, the put's strike."""
    wild = ShortBound(WAD // 5, 100 * WAD, 0).word
    expiry = ExpiryWord(SPOT, now, wild, now, 1)
    priced = ask(pricer, POOL, leg(now, WAD, expiry=expiry))
    assert priced.total.reserve == 2_400 * WAD
    series = replace(leg(now, WAD).instrument, kind=Kind.PUT)
    priced = ask(pricer, POOL, leg(now, WAD, expiry=expiry, instrument=series))
    assert priced.total.reserve == 2_000 * WAD


@pytest.mark.parametrize(
    ("held", "size", "closing"),
    [(0, 4, 0), (3, 4, 0), (-3, 4, 3), (-9, 4, 4), (3, -4, 3), (9, -4, 4), (-3, -4, 0)],
)
def test_fee__closing_part__half(held, size, closing, pricer, now):
    shares = (5 * 10**14, WAD // 8, WAD // 2, WAD // 2, 0, 0)
    rates = FeeRates(**dict(zip(FeeRates.__slots__, shares, strict=True)))
    one = leg(now, size * WAD, taker_position=held * WAD)
    fee = ask(pricer, replace(POOL, fees=rates), one).fee
    assert fee == (abs(size) - closing) * WAD + closing * WAD // 2  # 5 bp of 2,000 is 1


def test_book__of_nothing__is_a_bound_alone(pricer, market, now):
    market.send("set_reserve", 7 * WAD, BOUND.word, sender=ADMIN)
    row = (SPOT, surface(now).words, now // DAY + 28, [], [], 0)
    value, risk, bound = pricer.call("book", *row)
    assert value == 0 and not any(risk) and bound == BOUND.word


def test_book__longs_and_shorts__floor_of_the_value(pricer, market, now):
    market.send("set_reserve", 7 * WAD + 1, 0, sender=ADMIN)
    series, words = leg(now, WAD).instrument, surface(now).words
    unit = pricer.call("mark", series.id, SPOT, words)
    for size in (WAD + 1, -WAD - 1):
        row = (SPOT, words, series.day, [series.id], [size], 0)
        value, risk, _ = pricer.call("book", *row)
        assert value == unit * size // WAD
        assert risk[-1] == 7 * WAD + 1  # the risk engine's
