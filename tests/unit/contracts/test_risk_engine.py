"""RiskEngine: stand-alone margin, and that it bounds what a short can come to cost."""

from __future__ import annotations

import random
from math import exp, log, sqrt

import pytest
from scipy.stats import norm

from protocol.types import Instrument, Kind
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ETH,
    EXPIRY_SECONDS,
    POOL,
    SPOT,
    TAKER,
    account,
    make_bench,
)

PERP = Instrument.perp(ETH)
LAST_GOOD, BAND = 1, 2  # price_fallback
YEAR = 365 * 86_400
DEFAULTS = tuple(WAD * n // 100 for n in (20, 15, 10, 5, 100, 75))


@pytest.fixture
def bench(chain, deploy):
    return make_bench(chain, deploy)


def assess(bench, positions, cash=0, owner=TAKER):
    ids = [instrument.id for instrument, _ in positions]
    sizes = [size for _, size in positions]
    return bench.risk.call("assess", account(owner), cash, ids, sizes)


def years(bench, instrument) -> float:
    return max(instrument.expiry - bench.chain.timestamp, 0) / YEAR


def requirement(bench, instrument, spot, rate, vol) -> float:
    """The formula of the contract's header, on floats."""
    share = rate + 0.4 * (1 + rate) * vol * sqrt(years(bench, instrument))
    strike = instrument.strike
    if instrument.is_call:
        return min(max(spot - strike, 0) + share * spot, (1 + rate) * spot)
    return min(max(strike - spot, 0) + share * min(spot, strike), strike)


def black(forward: float, strike: float, deviation: float, call: bool) -> float:
    """Undiscounted; `deviation` is the root of total variance."""
    if deviation == 0:
        return max(forward - strike if call else strike - forward, 0)
    d1 = log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    if call:
        return float(forward * norm.cdf(d1) - strike * norm.cdf(d2))
    return float(strike * norm.cdf(-d2) - forward * norm.cdf(-d1))


def random_option(rng, bench) -> Instrument:
    strike = 3_000 * exp(rng.uniform(-1.2, 1.2))
    return Instrument.option(
        rng.choice([Kind.CALL, Kind.PUT]), ETH, bench.day + rng.randint(-29, 700), strike
    )


def test_rates__start_at_the_defaults(bench):
    assert bench.risk.call("margin_rates", ETH) == DEFAULTS
    assert bench.risk.call("margin_rates", 77) == DEFAULTS


def test_requirement__is_the_formula(bench):
    rng = random.Random(11)
    for _ in range(100):
        option = random_option(rng, bench)
        spot = 3_000 * exp(rng.uniform(-0.5, 0.5))
        bench.set_spot(int(spot * WAD))
        initial = requirement(bench, option, spot, 0.20, 1.00)
        maintenance = requirement(bench, option, spot, 0.15, 0.75)
        size = rng.uniform(0.01, 50)
        equity, got_initial, got_maintenance = assess(bench, [(option, -int(size * WAD))], 7)
        assert equity == 7
        assert got_initial / WAD == pytest.approx(size * initial, rel=1e-9)
        assert got_maintenance / WAD == pytest.approx(size * maintenance, rel=1e-9)
        single = bench.risk.call("short_requirement", option.id, int(spot * WAD))
        assert single / WAD == pytest.approx(initial, rel=1e-9)


def test_requirement__bounds_the_worst_value_of_a_short(bench):
    """Spot +-18 %, basis up to 1.6 % either way, any volatility up to the stressed one."""
    rng = random.Random(12)
    for _ in range(300):
        option = random_option(rng, bench)
        need = bench.risk.call("short_requirement", option.id, SPOT) / WAD
        time = years(bench, option)
        worst = max(
            black(3_000 * move * basis, option.strike, vol * sqrt(time), option.is_call)
            for move in (0.82, 0.9, 1, 1.1, 1.18)
            for basis in (0.984, 1.016)
            for vol in (0, 0.5, 1)
        )
        assert need >= worst


def test_requirement__at_the_money__is_not_half_as_much_again_as_the_worst_value(bench):
    for option in (bench.call(3_000), bench.put(3_000)):
        need = bench.risk.call("short_requirement", option.id, SPOT) / WAD
        moved = 3_600 if option.is_call else 2_400
        worst = black(moved, option.strike, sqrt(years(bench, option)), option.is_call)
        assert worst < need < 1.5 * worst


def test_long_options__count_nothing(bench):
    assert assess(bench, [(bench.call(1_000), 9 * WAD), (bench.put(9_000), WAD)], 5) == (5, 0, 0)


def test_long_options__need_no_price(bench):
    bench.set_spot(0)
    assert assess(bench, [(bench.call(1_000), 9 * WAD)], -5) == (-5, 0, 0)


def test_short__with_a_stale_price__reverts(bench, reverts):
    bench.set_spot(0)
    with reverts("oracle: price stale"):
        assess(bench, [(bench.call(1_000), -1)])


@pytest.mark.parametrize("size", [2 * WAD, -2 * WAD])
def test_perp__needs_a_share_of_spot_either_way_and_counts_its_gain(bench, size):
    bench.market.send("set_gain", account(TAKER), -70 * WAD, sender=ADMIN)
    assert assess(bench, [(PERP, size)], 100 * WAD) == (30 * WAD, 600 * WAD, 300 * WAD)


def test_perp__without_a_market__reverts(bench, reverts):
    bench.set_spot(60_000 * WAD, underlying=2)
    with reverts("risk: no perp market"):
        assess(bench, [(Instrument.perp(2), WAD)])


# ── without a live price ──

U = WAD // 20  # uncertainty of the last good price


def fall_back(bench, positions, fallback):
    ids = [instrument.id for instrument, _ in positions]
    sizes = [size for _, size in positions]
    return bench.risk.call("assess", account(TAKER), 0, ids, sizes, fallback)


def edge_cases(bench):
    up, down = SPOT * (WAD + U) // WAD, SPOT * (WAD - U) // WAD
    shorts = [(bench.call(k), -WAD, up) for k in (2_000, 3_000, 4_000)]
    shorts += [(bench.put(k), -WAD, down) for k in (2_000, 3_000, 4_000)]
    return [*shorts, (PERP, WAD, down), (PERP, -WAD, up)]


@pytest.mark.parametrize("case", range(8))
def test_band__of_each_position__is_its_worse_edge(bench, case):
    instrument, size, edge = edge_cases(bench)[case]
    bench.set_spot(0)
    bench.market.send("set_last_good", ETH, SPOT, U, sender=ADMIN)
    found = fall_back(bench, [(instrument, size)], BAND)
    bench.set_spot(edge)
    assert found == assess(bench, [(instrument, size)])
    # and no better than at the other edge, where the mock's gain stands still
    bench.set_spot(2 * SPOT - edge)
    equity, initial, maintenance = assess(bench, [(instrument, size)])
    if instrument != PERP:
        assert found[0] - found[1] <= equity - initial
        assert found[0] - found[2] <= equity - maintenance


def test_last_good__is_taken_without_its_band_only_when_no_price_is_live(bench, reverts):
    positions = [(bench.call(3_000), -WAD), (PERP, WAD)]
    live = assess(bench, positions)
    bench.market.send("set_last_good", ETH, 2 * SPOT, U, sender=ADMIN)
    assert fall_back(bench, positions, LAST_GOOD) == fall_back(bench, positions, BAND) == live
    bench.set_spot(0)
    found = fall_back(bench, positions, LAST_GOOD)
    with reverts("oracle: price stale"):
        assess(bench, positions)
    bench.set_spot(2 * SPOT)
    assert found == assess(bench, positions)


def test_fallback__with_nothing_recorded__reverts(bench, reverts):
    bench.set_spot(0)
    for fallback in (LAST_GOOD, BAND):
        with reverts("oracle: nothing recorded"):
            fall_back(bench, [(PERP, WAD)], fallback)


def test_portfolio__is_the_sum_over_underlyings(bench):
    bench.set_spot(60_000 * WAD, underlying=2)
    bitcoin = Instrument.option(Kind.PUT, 2, bench.day, 50_000)
    parts = [(bench.call(3_000), -WAD), (bitcoin, -WAD), (bench.put(2_900), -3 * WAD), (PERP, WAD)]
    single = [assess(bench, [part]) for part in parts]
    whole = assess(bench, parts)
    assert whole == tuple(sum(column) for column in zip(*single, strict=True))


def test_requirements__round_up(bench):
    _, initial, maintenance = assess(bench, [(PERP, 1)])
    assert (initial, maintenance) == (300, 150)
    bench.set_spot(3_000 * WAD + 1)
    assert assess(bench, [(PERP, WAD + 1)])[1:] == (300 * WAD + 302, 150 * WAD + 152)


def test_expired__counts_at_its_print(bench, chain):
    day = bench.day
    call, put = bench.call(2_800, day), bench.put(2_800, day)
    chain.set_time(day * 86_400 + EXPIRY_SECONDS)
    positions = [(call, -2 * WAD), (put, 5 * WAD)]
    equity, initial, _ = assess(bench, positions, 1_000 * WAD)
    assert equity == 1_000 * WAD  # no print yet: margined as before
    assert initial / WAD == pytest.approx(2 * (200 + 0.2 * 3_000))
    bench.market.send("set_print", ETH, day, 2_900 * WAD, sender=ADMIN)
    assert assess(bench, positions, 1_000 * WAD) == (800 * WAD, 0, 0)
    bench.market.send("set_print", ETH, day, 2_700 * WAD, sender=ADMIN)
    assert assess(bench, positions, 1_000 * WAD) == (1_500 * WAD, 0, 0)


def test_loser_of_an_expiry__cannot_leave_before_it_is_settled(bench, chain, reverts):
    """Spot has come back by the time it asks; the print counts."""
    day = bench.day
    bench.fund(TAKER, 2_000)
    bench.fill(bench.call(3_000, day), -WAD, maker=POOL)
    chain.set_time(day * 86_400 + EXPIRY_SECONDS)
    bench.market.send("set_print", ETH, day, 4_900 * WAD, sender=ADMIN)
    exit_all = (account(TAKER), 101 * 10**6, TAKER)
    with reverts("ledger: below initial margin"):
        bench.ledger.send("withdraw", *exit_all, sender=TAKER)
    bench.ledger.send("withdraw", account(TAKER), 100 * 10**6, TAKER, sender=TAKER)


# ── administration ──


def test_set_margin_rates__are_used_and_leave_the_vols(bench):
    rates = tuple(WAD * n // 1_000 for n in (301, 202, 55, 33))
    receipt = bench.risk.send("set_margin_rates", ETH, *rates, sender=ADMIN)
    assert bench.risk.call("margin_rates", ETH) == rates + DEFAULTS[4:]
    assert bench.risk.events(receipt)[0].name == "MarginRatesSet"
    assert assess(bench, [(PERP, WAD)])[1:] == (165 * WAD, 99 * WAD)
    assert bench.risk.call("margin_rates", 2) == DEFAULTS


def test_set_stress_vols__are_used_and_leave_the_rates(bench):
    vols = (WAD * 13 // 10, 0)
    receipt = bench.risk.send("set_stress_vols", ETH, *vols, sender=ADMIN)
    assert bench.risk.call("margin_rates", ETH) == DEFAULTS[:4] + vols
    assert bench.risk.events(receipt)[0].args == {
        "underlying": ETH,
        "initial": vols[0],
        "maintenance": 0,
    }
    option = bench.call(3_300)
    _, initial, maintenance = assess(bench, [(option, -WAD)])
    assert initial / WAD == pytest.approx(requirement(bench, option, 3_000, 0.20, 1.30))
    assert maintenance == 450 * WAD


@pytest.mark.parametrize(
    "percents", [(4, 4, 10, 5), (101, 15, 10, 5), (20, 21, 10, 5), (20, 15, 0, 0), (20, 15, 5, 6)]
)
def test_set_margin_rates__out_of_bounds__reverts(bench, reverts, percents):
    with reverts("risk: rate out of bounds"):
        rates = (WAD * n // 100 for n in percents)
        bench.risk.send("set_margin_rates", ETH, *rates, sender=ADMIN)


def test_set_rates__finer_than_a_step__reverts(bench, reverts):
    with reverts("risk: rate finer than 1e-9"):
        bench.risk.send("set_stress_vols", ETH, WAD + 1, WAD, sender=ADMIN)
    with reverts("risk: rate out of bounds"):
        bench.risk.send("set_stress_vols", ETH, 10 * WAD + 10**9, WAD, sender=ADMIN)


def test_set_perp__once(bench, reverts):
    with reverts("risk: perp set"):
        bench.risk.send("set_perp", ETH, bench.market.address, sender=ADMIN)
    with reverts("risk: no perp market"):
        bench.risk.send("set_perp", 2, "0x" + "00" * 20, sender=ADMIN)
    assert bench.risk.call("perps", ETH) == bench.market.address
