"""Options pricer: Vyper = Python twin to the wei, and both = 50-digit formulas.

The formulas are stated once more here, in mpmath and without a line of the twin's code.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, replace
from math import exp, sqrt
from types import SimpleNamespace
from typing import Any

import mpmath
import pytest

from protocol.clients.base import AnyContract
from protocol.errors import InputError, Revert
from protocol.pricing import amm as twin
from protocol.pricing.amm_words import (
    ExpiryWord,
    Limits,
    Spreads,
    SurfaceWords,
    Weights,
    pair,
    unpaired,
)
from protocol.pricing.market_math import FeeRates
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD, YEAR, from_wad
from tests.system_fixtures import TAKER, account

FINE, COARSE = 10**9, 10**12
mp = mpmath.mp.clone()
mp.dps = 50
# What fixed point costs a contract, in units of spot (delta: of one, gamma: of its square): the
# worst of 10,000 random packages rounded up to a power of ten. Total variance is kept to 1e-18,
# which is 1e-14 of a day's at 15 % vol; a slope is taken back out of the wings, divided by b.
MARK_ERROR = mp.mpf("1e-16")
GREEK_ERRORS = {
    "delta": mp.mpf("1e-12"),
    "vega": mp.mpf("1e-15"),
    "gamma": mp.mpf("1e-13"),
    "vanna": mp.mpf("1e-13"),
    "volga": mp.mpf("1e-14"),
}
ROUNDING = mp.mpf(10) / WAD  # wei of a sum over legs


@pytest.fixture
def pricer(deploy) -> AnyContract:
    return deploy("OptionPricer")


@pytest.fixture
def harness(deploy) -> AnyContract:
    return deploy("RiskHarness")


@pytest.fixture
def rng() -> random.Random:
    return random.Random(5)


@pytest.fixture(scope="session")
def rounds(deep) -> int:
    return 5_000 if deep else 250


# -- random markets --


def wad(x: float) -> int:
    return round(x * 10**9) * 10**9


def random_surface(rng: random.Random, day: int, now: int) -> SurfaceWords:
    life = (day * DAY + 28_800 - now) / YEAR
    total = rng.uniform(0.15, 2.0) ** 2 * life
    width, rho = sqrt(total), rng.uniform(-0.9, 0.9)
    b, sigma = width * rng.uniform(0.0, 0.8), width * rng.uniform(0.2, 2.0)
    a = total - b * sigma * rng.uniform(0.0, 1.0) * sqrt(1.0 - rho * rho)
    shape = (a, b, rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.3), rho)
    m = width * rng.uniform(-0.5, 0.5)
    return SurfaceWords(*map(wad, (*shape, m, sigma)), timestamp=now - rng.randrange(7_200))


def bent(rng: random.Random, surface: SurfaceWords, now: int) -> SurfaceWords:
    """The surface an hour or so later."""
    a, b = (wad(x / WAD * rng.uniform(0.9, 1.1)) for x in (surface.a, surface.b))
    return replace(surface, a=a, b=b, timestamp=rng.randrange(surface.timestamp, now + 1))


def random_pool(rng: random.Random, spot: int) -> twin.PoolState:
    nav = 10 ** rng.uniform(4, 8)
    delta, vega, gamma, vanna, volga = (wad(nav * rng.gauss(0, 0.3)) for _ in range(5))
    totals = twin.Risk(
        delta=delta * WAD // spot, vega=vega, gamma=gamma, vanna=vanna, volga=volga, reserve=5
    )
    weights = [rng.choice([0, rng.randrange(10 * FINE)]) * FINE for _ in range(6)]
    spreads = [
        *(rng.randrange(30_000) * COARSE for _ in range(3)),
        rng.randrange(10**6, 5 * 10**6 + 1) * COARSE,
        rng.randrange(20 * 10**6) * COARSE,
        rng.choice([5 * WAD // 100, WAD // 2]),
        rng.choice([0, 3 * WAD // 100]),
        rng.randrange(500_000) * COARSE,
    ]
    rates = [
        rng.randrange(10**7),
        rng.randrange(25 * 10**7),
        *(rng.randrange(10**9 + 1),) * 2,
        0,
        0,
    ]
    return twin.PoolState(
        totals=totals,
        depth=wad(nav),
        reference=wad(spot / WAD * rng.uniform(0.95, 1.05)),
        weights=Weights(*weights),
        spreads=Spreads(*spreads),
        fees=FeeRates(**dict(zip(FeeRates.__slots__, (x * FINE for x in rates), strict=True))),
        spot=spot,
        uncertainty=rng.randrange(10_000) * COARSE,
    )


def random_leg(rng: random.Random, market: dict[int, tuple[Any, ...]], spot: int) -> twin.LegInput:
    day = rng.choice(list(market))
    expiry, snapshot, live, vega = market[day]
    life = (day * DAY + 28_800 - live.timestamp) / YEAR
    strike = spot / WAD * exp(rng.gauss(0, 0.8) * sqrt(life))
    kind = rng.choice([Kind.CALL, Kind.PUT])
    size = rng.choice([-1, 1]) * (int(10 ** rng.uniform(-6, 5) * WAD) + rng.randrange(1_000))
    held = [rng.choice([0, rng.randint(-2, 2) * size // 2, rng.randint(-(10**21), 10**21)])]
    held.append(rng.choice([0, rng.randint(-(10**21), 10**21)]))
    return twin.LegInput(
        instrument=Instrument.option(kind, 1, day, strike),
        size=size,
        taker_position=held[0],
        pool_position=held[1],
        live=live,
        expiry=expiry,
        snapshot=snapshot,
        expiry_vega=vega,
    )


def random_package(rng: random.Random, now: int) -> tuple[twin.PoolState, list[twin.LegInput]]:
    spot = wad(10 ** rng.uniform(0, 5))
    today, market = now // DAY, {}
    for _ in range(rng.choice([1, 2, 3])):
        day = today + int(10 ** rng.uniform(0.1, 2.6))
        snapshot = random_surface(rng, day, now)
        refreshed = rng.randrange(snapshot.timestamp, now + 1)
        then = wad(spot / WAD * (1 + rng.uniform(-0.055, 0.055)))
        expiry = ExpiryWord(then, refreshed, rng.randrange(10**24), 1)
        market[day] = expiry, snapshot, bent(rng, snapshot, now), rng.randint(-(10**24), 10**24)
    legs = {leg.instrument: leg for leg in (random_leg(rng, market, spot) for _ in range(4))}
    return random_pool(rng, spot), list(legs.values())[: rng.randint(1, 4)]


# -- the contract's side --


def encoded_pool(pool: twin.PoolState) -> tuple[Any, ...]:
    words = pool.weights.word, pool.spreads.word, pool.fees.word
    return pool.totals.words, pool.depth, pool.reference, *words, pool.spot, pool.uncertainty


def encoded_leg(leg: twin.LegInput) -> tuple[Any, ...]:
    held = leg.taker_position, leg.pool_position
    words = leg.live.words, leg.expiry.word, leg.snapshot.words
    return leg.instrument.id, leg.size, *held, *words, leg.expiry_vega


def as_tuple(priced: twin.Priced) -> tuple[Any, ...]:
    legs = tuple((leg.mark, astuple(leg.change)) for leg in priced.legs)
    sums = priced.mark, priced.impact, priced.spread, priced.fee, priced.gross_vega
    return *sums, astuple(priced.total), legs


def plain(value: Any) -> Any:
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value


def outcome(function: Any, *args: Any, **kwargs: Any) -> Any:
    """A result, or None where it is refused."""
    try:
        return function(*args, **kwargs)
    except (InputError, Revert):
        return None


# -- equal to the wei --


def test_words__random_records__pack_alike_and_come_back(harness, rng, rounds):
    for _ in range(rounds):
        fine = [rng.randrange(2**40) * FINE for _ in range(6)]
        coarse = [rng.randrange(2**32) * COARSE for _ in range(8)]
        ages = [rng.randrange(2**32) for _ in range(2)]
        expiry = [rng.randrange(2**bits) for bits in (88, 40, 96, 32)]
        for name, record in (
            ("weights", Weights(*fine)),
            ("spreads", Spreads(*coarse)),
            ("limits", Limits(*coarse[:6], *ages)),
        ):
            word = harness.call(f"pack_{name}", astuple(record))
            assert word == record.word
            assert plain(harness.call(name, word)) == astuple(record)
            assert type(record).from_word(word) == record
        word = harness.call("pack_expiry", *expiry)
        assert word == ExpiryWord(*expiry).word
        assert list(harness.call("expiry", word)) == expiry
        assert ExpiryWord.from_word(word) == ExpiryWord(*expiry)


def test_greek_pair__random_amounts__packs_alike_and_comes_back(harness, rng, rounds):
    edges = [-(2**127), -1, 0, 1, 2**127 - 1]
    for _ in range(rounds):
        high, low = (rng.choice([*edges, rng.randint(-(2**127), 2**127 - 1)]) for _ in range(2))
        word = harness.call("pair", high, low)
        assert word == pair(high, low)
        assert plain(harness.call("unpaired", word)) == unpaired(word) == (high, low)


def test_surface_words__random_surfaces__come_back(rng, rounds):
    for _ in range(rounds):
        fields = [rng.randint(-(2**63), 2**63 - 1) for _ in range(7)]
        surface = SurfaceWords(*fields, timestamp=rng.randrange(2**64))
        assert SurfaceWords.from_words(surface.words) == surface


def test_price__random_packages__equal_to_the_wei(pricer, rng, rounds):
    tally: Counter[object] = Counter()
    now = pricer.chain.timestamp
    for _ in range(rounds):
        pool, legs = random_package(rng, now)
        args = encoded_pool(pool), [encoded_leg(leg) for leg in legs]
        theirs = outcome(pricer.call, "price", *args)
        ours = outcome(twin.price, pool=pool, legs=legs, now=now)
        assert plain(theirs) == (None if ours is None else as_tuple(ours))
        tally["refused" if ours is None else len(legs)] += 1
    assert min(tally[legs] for legs in (1, 2, 3, 4)) > rounds // 20
    assert tally["refused"] > rounds // 20


def test_book__random_positions__equal_to_the_wei(pricer, rng, rounds):
    now, valued = pricer.chain.timestamp, 0
    for _ in range(rounds // 4):
        pool, legs = random_package(rng, now)
        day, live = legs[0].instrument.day, legs[0].live
        held = [(leg.instrument, leg.size) for leg in legs if leg.instrument.day == day]
        share = pool.spreads.reserve_share
        ids, sizes = [series.id for series, _ in held], [size for _, size in held]
        theirs = outcome(pricer.call, "book", pool.spot, live.words, share, ids, sizes)
        ours = outcome(
            twin.book, positions=held, spot=pool.spot, surface=live, reserve_share=share, now=now
        )
        assert plain(theirs) == (None if ours is None else (ours.value, astuple(ours.risk)))
        valued += ours is not None
        series = legs[0].instrument
        theirs = outcome(pricer.call, "mark", series.id, pool.spot, live.words)
        assert theirs == outcome(
            twin.mark, instrument=series, spot=pool.spot, surface=live, now=now
        )
    assert valued > rounds // 5


def test_change_of_potential__random_books__equal_and_exact(harness, rng, rounds):
    for _ in range(rounds):
        pool = random_pool(rng, 2_000 * WAD)
        change = random_pool(rng, 2_000 * WAD).totals
        vegas = pool.totals.vega, change.vega
        theirs = harness.call(
            "change",
            pool.weights.word,
            pool.reference,
            pool.totals.words,
            astuple(change),
            *vegas,
            pool.depth,
        )
        state = {"weights": pool.weights, "reference": pool.reference, "depth": pool.depth}
        before, after = (
            twin.potential(totals=totals, expiry_vegas=[totals.vega], **state)
            for totals in (pool.totals, pool.totals + change)
        )
        assert 0 <= theirs - (after - before) <= 2


# -- the formulas, in 50 digits --


def exact(x: int) -> Any:
    return mp.mpf(x) / WAD


def exact_series(series: Instrument, spot: int, s: SurfaceWords, at: int) -> SimpleNamespace:
    """Value and Greeks of one contract by design: raw SVI, Black on the forward, moving smile."""
    left, span = series.expiry - at, series.expiry - s.timestamp
    t, rate = mp.mpf(left) / YEAR, exact(s.rate)
    forward, strike = exact(spot) * (1 + exact(s.basis)), mp.mpf(series.strike_steps) / 10_000
    y = mp.log(strike / forward) - exact(s.m)
    root = mp.sqrt(y**2 + exact(s.sigma) ** 2)
    w = (exact(s.a) + exact(s.b) * (exact(s.rho) * y + root)) * left / span
    slope = exact(s.b) * (exact(s.rho) + y / root) * left / span
    dev, vol, discount = mp.sqrt(w), mp.sqrt(w / t), mp.exp(-rate * t)
    d1 = mp.log(forward / strike) / dev + dev / 2
    d2, sign = d1 - dev, 1 if series.is_call else -1
    density = mp.exp(-(d1**2) / 2) / mp.sqrt(2 * mp.pi)
    vega = discount * forward * density * mp.sqrt(t)
    fixed_smile = sign * discount * mp.ncdf(sign * d1)
    moved = (fixed_smile * forward - vega * slope / (2 * mp.sqrt(w * t))) / exact(spot)
    itm = forward * mp.ncdf(sign * d1) - strike * mp.ncdf(sign * d2)
    return SimpleNamespace(
        value=sign * discount * itm,
        forward_delta=fixed_smile,
        delta=moved,
        vega=vega,
        gamma=discount * density * forward / dev,
        vanna=-discount * density * d2 / vol * forward,
        volga=vega * d1 * d2 / vol,
    )


def exact_fee(pool: twin.PoolState, legs: Sequence[twin.LegInput], marks: Sequence[Any]) -> Any:
    sides, fees = {True: mp.mpf(0), False: mp.mpf(0)}, pool.fees
    for leg, unit in zip(legs, marks, strict=True):
        rate = exact(fees.notional_rate) * exact(pool.spot)
        if fees.premium_cap:
            rate = min(rate, exact(fees.premium_cap) * unit)
        opening = abs(leg.size) - leg.closing
        charged = exact(opening) + exact(leg.closing) * exact(fees.closing_factor)
        sides[leg.size > 0] += rate * charged
    return max(sides.values()) + min(sides.values()) * exact(fees.package_factor)


def exact_price(pool: twin.PoolState, legs: Sequence[twin.LegInput], now: int) -> SimpleNamespace:
    live = [exact_series(leg.instrument, pool.spot, leg.live, now) for leg in legs]
    then = [
        exact_series(leg.instrument, leg.expiry.spot, leg.snapshot, leg.expiry.refreshed_at)
        for leg in legs
    ]
    sizes = [exact(leg.size) for leg in legs]
    names = ("delta", "vega", "gamma", "vanna", "volga")
    change = {
        name: -sum(size * getattr(one, name) for size, one in zip(sizes, then, strict=True))
        for name in names
    }
    books = {name: (exact(getattr(pool.totals, name)), change[name]) for name in names}
    weights = {name: exact(getattr(pool.weights, name)) for name in names}
    books["delta"] = tuple(exact(pool.reference) * x for x in books["delta"])
    terms = [weights[name] * c * (2 * g + c) for name, (g, c) in books.items()]
    by_expiry: dict[int, Any] = {}
    for leg, size, one in zip(legs, sizes, then, strict=True):
        by_expiry[leg.instrument.day] = by_expiry.get(leg.instrument.day, 0) - size * one.vega
    before = {leg.instrument.day: exact(leg.expiry_vega) for leg in legs}
    weight = exact(pool.weights.expiry_vega)
    terms += [weight * c * (2 * before[day] + c) for day, c in by_expiry.items()]
    s, spot = pool.spreads, exact(pool.spot)
    drift = max(abs(spot / exact(leg.expiry.spot) - 1) for leg in legs)
    half = exact(s.vol_points) * sum(abs(c) for c in by_expiry.values())
    half += abs(change["delta"]) * spot * exact(pool.uncertainty + s.hedge_cost)
    half += exact(s.floor_rate) * spot * sum(abs(size) for size in sizes)
    widened = (1 + drift * exact(s.drift_widening)) * exact(s.toxicity)
    marks = [one.value for one in live]

    def errors(greek: dict[str, Any]) -> tuple[Any, Any]:
        """What errors of the change make of impact and spread."""
        lever = {name: weights[name] * (abs(g) + abs(c)) for name, (g, c) in books.items()}
        lever["delta"] *= exact(pool.reference)
        lever["vega"] += sum(weight * (abs(before[d]) + abs(c)) for d, c in by_expiry.items())
        impact = sum(lever[name] * error for name, error in greek.items()) / exact(pool.depth)
        risk = exact(s.vol_points) * greek["vega"]
        risk += spot * exact(pool.uncertainty + s.hedge_cost) * greek["delta"]
        return impact, (risk + ROUNDING * (1 + half)) * widened

    return SimpleNamespace(
        mark=sum(size * unit for size, unit in zip(sizes, marks, strict=True)),
        change=change,
        impact=sum(terms) / (2 * exact(pool.depth)),
        spread=half * widened,
        fee=exact_fee(pool, legs, marks),
        errors=errors,
    )


def test_price__against_50_digits__within_the_stated_error(rng, rounds):
    now, checked = 1_767_225_600, 0
    for _ in range(rounds):
        pool, legs = random_package(rng, now)
        ours = outcome(twin.price, pool=pool, legs=legs, now=now)
        if ours is None:
            continue
        checked += 1
        true = exact_price(pool, legs, now)
        spot = max(exact(pool.spot), *(exact(leg.expiry.spot) for leg in legs))
        size = sum(abs(exact(leg.size)) for leg in legs)
        assert abs(exact(ours.mark) - true.mark) <= MARK_ERROR * spot * size + ROUNDING
        assert abs(exact(ours.fee) - true.fee) <= MARK_ERROR * spot * size + ROUNDING
        units = {"delta": 1, "gamma": spot**2}
        greek = {
            name: error * units.get(name, spot) * size + ROUNDING
            for name, error in GREEK_ERRORS.items()
        }
        for name, value in true.change.items():
            assert abs(exact(getattr(ours.total, name)) - value) <= greek[name]
        impact, spread = true.errors(greek)
        assert abs(exact(ours.impact) - true.impact) <= impact + ROUNDING
        assert abs(exact(ours.spread) - true.spread) <= spread + ROUNDING
    assert checked > rounds // 2


# -- on a living market --


def test_quote__life_of_a_pool__twin_from_the_chain_agrees(exchange):
    rng, taker = random.Random(11), account(TAKER)
    agreed = 0
    for step in range(40):
        exchange.advance(rng.randrange(300), eth=2_000 * exp(rng.gauss(0, 0.004)))
        if step % 8 == 7:
            exchange.push(exchange.eth, variance=0.49 * exp(rng.gauss(0, 0.05)))
            exchange.refresh(exchange.eth)
        sides = [(exchange.call, 2_100), (exchange.put, 1_900), (exchange.call, 2_000)]
        legs = [
            make(strike, rng.choice([-3, 2, 5]), week=rng.choice([0, 1]))
            for make, strike in rng.sample(sides, rng.randint(1, 3))
        ]
        quote = outcome(exchange.quote, *legs)
        if quote is None:
            continue
        agreed += 1
        market = exchange.eth
        ours = twin.price(
            pool=exchange.pool_state(market),
            legs=exchange.leg_inputs(market, taker, legs),
            now=exchange.now,
        ).capped(Limits(*market.amm._call("parameters")[2]).shift_cap)
        assert quote == (ours.cash, ours.mark, ours.impact, ours.spread, ours.fee)
        exchange.trade(*legs)
        state = exchange.pool_state(market)
        phi = twin.potential(
            totals=state.totals,
            expiry_vegas=[book.vega for book in market.amm.expiries()],
            weights=state.weights,
            reference=state.reference,
            depth=state.depth,
        )
        if step % 8 == 7:
            assert phi == market.amm.valuation().risk
        assert from_wad(phi) >= 0.0
    assert agreed >= 25
