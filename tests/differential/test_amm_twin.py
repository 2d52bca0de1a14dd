"""Options pricer: Vyper = Python twin to the wei, and both = 50-digit formulas."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import astuple
from math import exp
from typing import Any

import pytest

from protocol.clients.base import AnyContract
from protocol.errors import InputError, Revert
from protocol.pricing import amm as twin
from protocol.pricing.amm_words import (
    ExpiryWord,
    FlowLimits,
    Limits,
    PoolParameters,
    Spreads,
    SurfaceWords,
    Upkeep,
    Weights,
    packed_greeks,
    unpacked_greeks,
)
from protocol.pricing.flow_meter import Meters
from protocol.units import WAD, from_wad
from tests.exact_pricer import ROUNDING, exact, exact_price, mp
from tests.pricer_words import encoded_leg, encoded_pool, terms
from tests.random_pools import COARSE, FINE, SHARE, random_package, random_pool
from tests.system_fixtures import ADMIN, TAKER, account
from tests.twin_inputs import leg_inputs, pool_state

# What fixed point costs a contract, in units of spot (delta: of one, gamma: of its square): the
# worst of 10,000 random packages rounded up to a power of ten. Total variance is kept to 1e-18,
# which is 1e-14 of a day's at 15 % vol; a slope is taken back out of the wings, divided by b.
MARK_ERROR = mp.mpf("1e-16")
GREEK_ERRORS = {
    "delta": mp.mpf("1e-12"),
    "vega": mp.mpf("1e-15"),
    "gamma": mp.mpf("1e-13"),
}


@pytest.fixture
def market(deploy) -> AnyContract:
    return deploy("MockMarket")


@pytest.fixture
def pricer(deploy, market) -> AnyContract:
    return deploy("OptionPricer", market.address, market.address)


@pytest.fixture
def harness(deploy) -> AnyContract:
    return deploy("RiskHarness")


@pytest.fixture
def rng() -> random.Random:
    return random.Random(5)


@pytest.fixture(scope="session")
def rounds(deep) -> int:
    return 5_000 if deep else 250


# -- the contract's side --


def as_tuple(priced: twin.Priced) -> tuple[Any, ...]:
    sums = priced.cash, priced.mark, priced.impact, priced.spread, priced.fee
    books = [leg.book.words for leg in priced.legs]
    unused = [(0, 0)] * (4 - len(books))
    return *sums, priced.totals.words(priced.meters), tuple(books + unused)


def plain(value: Any) -> Any:
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value


def outcome(function: Any, *args: Any, **kwargs: Any) -> Any:
    """A result, or None where it is refused."""
    try:
        return function(*args, **kwargs)
    except (InputError, Revert):
        return None


# -- equal to the wei --


def test_parameters__random__pack_alike_and_come_back(harness, rng, rounds):
    def row(*fields: tuple[int, int]) -> list[int]:
        return [rng.randrange(2**bits) * step for bits, step in fields]

    for _ in range(rounds):
        records = (
            Weights(*row(*[(40, FINE)] * 4)),
            Spreads(*row(*[(24, COARSE)] * 7)),
            Limits(*row(*[(24, COARSE)] * 4, (24, 1), (24, 1), (16, 1))),
            FlowLimits(*row((16, 1), *[(16, SHARE)] * 6)),
            Upkeep(*row(*[(32, COARSE)] * 7, (32, 1))),
        )
        ours = PoolParameters(*records, fee_word=rng.randrange(2**144))
        words = harness.call("pack", *map(astuple, records), ours.fee_word)
        assert tuple(words) == ours.words
        assert plain(harness.call("unpack", words)) == tuple(map(astuple, records))
        assert PoolParameters.from_words(words) == ours
        expiry = row((88, 1), (40, 1), (56, 1), (40, 1), (32, 1))
        word = harness.call("pack_expiry", *expiry)
        assert word == ExpiryWord(*expiry).word
        assert list(harness.call("expiry", word)) == expiry
        assert ExpiryWord.from_word(word) == ExpiryWord(*expiry)


def amount(rng: random.Random, bits: int) -> int:
    half = 1 << bits - 1
    return rng.choice([-half, -1, 0, 1, half - 1, rng.randint(-half, half - 1)])


def test_greeks__random_amounts__pack_alike_and_come_back(harness, rng, rounds):
    for _ in range(rounds):
        high, low = amount(rng, 128), amount(rng, 128)
        word = harness.call("pair", high, low)
        assert word == packed_greeks(high, low, bits=128)
        both = plain(harness.call("unpaired", word))
        assert both == unpacked_greeks(word, count=2, bits=128) == (high, low)
        delta, vega, gamma = (amount(rng, 96) for _ in range(3))
        risk = twin.Risk(delta=delta, vega=vega, gamma=gamma, reserve=rng.randrange(2**64) * FINE)
        flow = rng.randrange(2**160)
        words = harness.call("pack_totals", astuple(risk), flow)
        assert words[0] == risk.first and words[1] % 2**160 == flow
        assert plain(harness.call("totals", words)) == (astuple(risk), flow)
        assert twin.Risk.from_words(words[0], gamma) == risk
        book = twin.Book(risk=risk, value=low)
        assert twin.Book.from_words(book.words) == book
        levels = [rng.randrange(2**bits) for bits in (32, 25, 25, 25, 25, 25)]
        meters = Meters(**dict(zip(Meters.__slots__, levels, strict=True)))
        assert Meters.from_word(meters.word) == meters
        assert tuple(harness.call("pack_totals", astuple(risk), meters.word)) == risk.words(meters)


def test_surface_words__random_surfaces__come_back(rng, rounds):
    for _ in range(rounds):
        fields = [rng.randint(-(2**63), 2**63 - 1) for _ in range(7)]
        surface = SurfaceWords(*fields, timestamp=rng.randrange(2**40), behind=rng.randrange(4))
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
    assert min(tally[legs] for legs in (1, 2, 3, 4)) > rounds // 50, tally
    assert tally["refused"] > rounds // 20


def random_window(rng: random.Random, spot: int) -> twin.Window:
    if rng.random() < 0.3:
        return twin.Window()
    share = rng.choice((0, 1, rng.randrange(WAD), WAD - WAD // 1_800))
    return twin.Window(max(spot * (WAD - share) // WAD * rng.randrange(90, 110) // 100, 1), share)


def test_book__random_positions__equal_to_the_wei(pricer, market, rng, rounds):
    now, valued = pricer.chain.timestamp, 0
    for _ in range(rounds // 4):
        pool, legs = random_package(rng, now)
        day, live = legs[0].instrument.day, legs[0].live
        held = [(leg.instrument, leg.size) for leg in legs if leg.instrument.day == day]
        reserve, bound = rng.randrange(10**24), rng.randrange(2**56)
        market.send("set_reserve", reserve, bound, sender=ADMIN)
        ids, sizes = [series.id for series, _ in held], [size for _, size in held]
        window = random_window(rng, pool.spot)
        row = (legs[0].instrument.underlying, day, window.fixed, window.open)
        market.send("set_window", *row, sender=ADMIN)
        theirs = outcome(pricer.call, "book", pool.spot, live.words, day, ids, sizes, 0)
        ours = outcome(
            twin.book,
            positions=held,
            spot=pool.spot,
            surface=live,
            now=now,
            reserve=reserve,
            window=window,
        )
        assert plain(theirs) == (None if ours is None else (ours.value, astuple(ours.risk), bound))
        valued += ours is not None
        series = legs[0].instrument
        theirs = outcome(pricer.call, "mark", series.id, pool.spot, live.words)
        assert theirs == outcome(
            twin.mark, instrument=series, spot=pool.spot, surface=live, now=now
        )
    assert valued > rounds // 5


def test_change_of_potential__random_books__equal_and_exact(harness, rng, rounds):
    for _ in range(rounds):
        pool = random_pool(rng, 2_000 * WAD, 2**30)
        change = random_pool(rng, 2_000 * WAD, 2**30).totals
        vegas = pool.totals.vega, change.vega
        theirs = harness.call(
            "change",
            terms(pool).words[0],
            pool.reference,
            astuple(pool.totals),
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
            assert abs(exact(getattr(ours.change, name)) - value) <= greek[name]
        impact, spread = true.errors(greek)
        assert abs(exact(ours.impact) - true.impact) <= impact + ROUNDING
        assert (
            abs(exact(ours.spread) - true.spread)
            <= spread + 2 * MARK_ERROR * spot * size + ROUNDING
        )
    assert checked > rounds // 10


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
            pool=pool_state(exchange, market),
            legs=leg_inputs(exchange, market, taker, legs),
            now=exchange.now,
        )
        assert quote == (ours.cash, ours.mark, ours.impact, ours.spread, ours.fee)
        exchange.trade(*legs)
        state = pool_state(exchange, market)
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
