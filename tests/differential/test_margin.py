"""Portfolio margin: contract = float twin, and what every margin must satisfy."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from protocol.parameters import MarginParameters
from protocol.risk.margin import Margin, margin
from protocol.units import WAD, from_wad
from tests.ledger_bench import ADMIN, ETH, make_bench
from tests.random_portfolios import (
    COLLATERAL,
    HAIRCUT,
    days_of,
    random_holding,
    random_market,
    random_series,
)
from tests.random_portfolios import held as make_held

PARAMETERS = MarginParameters()
EQUAL = 1e-12  # relative; of the value of all that is held where a margin is near nothing


@pytest.fixture
def bench(chain, deploy):
    bench = make_bench(chain, deploy)
    bench.risk.send(
        "set_collateral", COLLATERAL, bench.market.address, int(HAIRCUT * WAD), sender=ADMIN
    )
    bench.market.send("set_tokens", WAD, sender=ADMIN)
    return bench


@pytest.fixture(scope="session")
def markets(deep) -> int:
    """Random markets, ten random portfolios on each."""
    return 100 if deep else 20


def twin(bench, held, state) -> Margin:
    return margin(
        portfolio=held.portfolio,
        markets={ETH: state},
        now=bench.chain.timestamp,
        parameters=PARAMETERS,
    )


def gross(held, state) -> float:
    return state.spot * sum(abs(each.size) for each in held.portfolio.holdings)


def test_assess__random_portfolios__equals_the_float_twin(bench, markets):
    rng, days = random.Random(3), days_of(bench)
    for _ in range(markets):
        state = random_market(rng, bench, days)
        for _ in range(10):
            held = random_holding(rng, days, state.spot, options=12)
            ours = twin(bench, held, state)
            theirs = [from_wad(x) for x in bench.risk.call("assess", *held.args(), 0)]
            mine = [ours.equity, ours.initial, ours.maintenance]
            assert theirs == pytest.approx(mine, rel=EQUAL, abs=0.01 * EQUAL * gross(held, state))
            for initial, need in (
                (True, ours.initial_headroom),
                (False, ours.maintenance_headroom),
            ):
                sound = bench.risk.call("is_sound", *held.args(), 0, initial)
                assert sound == (need >= 0.0)


def needs(bench, held) -> tuple[int, int]:
    """Cash that (initial, maintenance) margin asks for beside what is held."""
    number, _, ids, sizes = held.args()
    value, *margins = bench.risk.call("assess", number, 0, ids, sizes, 0)
    initial, maintenance = (int(margin - value) for margin in margins)
    return initial, maintenance


def joined(one, other):
    """Two portfolios in one account."""
    sizes = dict(one.positions)
    for number, size in other.positions.items():
        sizes[number] = sizes.get(number, 0) + size
    return replace(one, positions={number: size for number, size in sizes.items() if size})


def test_linear_bound__random_portfolios__is_no_less_than_the_scan(bench, markets):
    """Were the bound too low, `is_sound` would let less cash pass than the scan asks for."""
    rng, days = random.Random(4), days_of(bench)
    for _ in range(markets):
        state = random_market(rng, bench, days)
        for _ in range(10):
            held = random_holding(rng, days, state.spot, options=6)
            number, _, ids, sizes = held.args()
            least = needs(bench, held)
            for initial, cash in zip((True, False), least, strict=True):
                assert bench.risk.call("is_sound", number, cash, ids, sizes, 0, initial)
                assert not bench.risk.call("is_sound", number, cash - 1, ids, sizes, 0, initial)


def test_short_requirement__random_shorts__is_no_less_than_the_scan(bench, markets):
    rng, days = random.Random(5), days_of(bench)
    for _ in range(markets):
        state = random_market(rng, bench, days)
        bench.market.send("set_uncertainty", ETH, 0, sender=ADMIN)
        for _ in range(10):
            series = random_series(rng, days, state.spot)
            spot = bench.market.call("spot", ETH).price
            bound = bench.risk.call("short_requirement", series.id, spot)
            exact = needs(bench, make_held(0, {series.id: -WAD}))[1]
            assert 0 < exact <= bound < 4 * exact + spot // 10


def test_margin__of_two_portfolios_together__is_no_more_than_apart(bench, markets):
    rng, days = random.Random(6), days_of(bench)
    for _ in range(markets):
        state = random_market(rng, bench, days)
        for _ in range(5):
            one, other = (random_holding(rng, days, state.spot, options=6) for _ in range(2))
            together = needs(bench, joined(one, other))
            apart = [sum(pair) for pair in zip(needs(bench, one), needs(bench, other), strict=True)]
            slack = 10**6  # the kernel's last digits
            assert together[0] <= apart[0] + slack and together[1] <= apart[1] + slack


def test_margin__with_another_long__never_asks_for_more_cash(bench, markets):
    rng, days = random.Random(7), days_of(bench)
    for _ in range(markets):
        state = random_market(rng, bench, days)
        for _ in range(5):
            held = random_holding(rng, days, state.spot, options=6)
            long = make_held(0, {random_series(rng, days, state.spot).id: rng.randrange(20 * WAD)})
            before, after = needs(bench, held), needs(bench, joined(held, long))
            assert all(now <= was + 10**6 for was, now in zip(before, after, strict=True))


def test_margin__of_naked_shorts__has_a_floor_and_grows_with_each(bench, markets):
    rng, days = random.Random(8), days_of(bench)
    for _ in range(markets):
        state = random_market(rng, bench, days)
        spot = bench.market.call("spot", ETH).price
        shorts: dict[int, int] = {}
        asked = 0
        for _ in range(5):
            shorts[random_series(rng, days, state.spot).id] = -rng.randrange(WAD, 20 * WAD)
            count = -sum(shorts.values())
            last, asked = asked, needs(bench, make_held(0, shorts))[1]
            floor = int(PARAMETERS.short_rate * 10**6) * count * spot // 10**6 // WAD
            assert asked >= max(floor, last - 10**6)
