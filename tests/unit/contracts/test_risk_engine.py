"""RiskEngine: what a portfolio is judged by, by hand; test_margin compares it with its twin."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

import pytest
from scipy.stats import norm

from protocol.clients.margin_words import margin_words
from protocol.parameters import MarginParameters
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD
from tests.ledger_bench import (
    ADMIN,
    ETH,
    EXPIRY_SECONDS,
    POOL,
    SPOT,
    STRANGER,
    TAKER,
    VOL,
    account,
    make_bench,
)

PERP = Instrument.perp(ETH)
LIVE_ONLY, LAST_GOOD, BAND = 0, 1, 2  # price_fallback
YEAR = 365 * DAY
# Round numbers, so that what is expected can be read off.
PLAIN = MarginParameters(
    range=0.2,
    steps=4,
    vol_up=0.4,
    vol_down=0.2,
    tails=((0.5, 0.4), (2.0, 0.2), (6.0, 0.04)),
    skew=0.1,
    short_rate=0.01,
    perp_rate=0.02,
    basis_rate=0.005,
    initial_factor=1.25,
)
VAULT = ETH << 54 | 1


@pytest.fixture
def bench(chain, deploy):
    bench = make_bench(chain, deploy)
    bench.risk.send("set_scenarios", *margin_words(PLAIN), sender=ADMIN)
    return bench


def listed(positions):
    """Ids and sizes; a vault's collateral is its id."""
    ids = [each if isinstance(each, int) else each.id for each, _ in positions]
    return ids, [size for _, size in positions]


def assess(bench, positions, cash=0, owner=TAKER, fallback=LIVE_ONLY):
    ids = [
        instrument if isinstance(instrument, int) else instrument.id for instrument, _ in positions
    ]
    sizes = [size for _, size in positions]
    return bench.risk.call("assess", account(owner), cash, ids, sizes, fallback)


def is_sound(bench, positions, cash, *, initial, fallback=LIVE_ONLY, owner=TAKER):
    ids = [
        instrument if isinstance(instrument, int) else instrument.id for instrument, _ in positions
    ]
    sizes = [size for _, size in positions]
    return bench.risk.call("is_sound", account(owner), cash, ids, sizes, fallback, initial)


def black(forward: float, strike: float, deviation: float, call: bool) -> float:
    """Undiscounted; `deviation` is the root of total variance."""
    d1 = log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    if call:
        return float(forward * norm.cdf(d1) - strike * norm.cdf(d2))
    return float(strike * norm.cdf(-d2) - forward * norm.cdf(-d1))


def deviation(bench, instrument) -> float:
    return VOL / WAD * sqrt((instrument.expiry - bench.chain.timestamp) / YEAR)


# ── by hand ──


def test_short_call__is_its_worst_scenario_and_the_contingencies(bench):
    option = bench.call(3_000)
    s = deviation(bench, option)
    life = (option.expiry - bench.chain.timestamp) / DAY
    up = 1 + 0.4 * (30 / life) ** 0.25
    mark, core = black(3_000, 3_000, s, True), black(3_600, 3_000, s * up, True)
    far = [mark + d * (black(3_000 * x, 3_000, s * up, True) - mark) for x, d in PLAIN.tails]
    worst = max(core, *far)
    assert worst > core  # a mean of values stands above the value at the mean
    asked = 3_000 * (0.01 + 0.005 * norm.cdf(s / 2))
    equity, initial, maintenance = (x / WAD for x in assess(bench, [(option, -WAD)]))
    assert equity == pytest.approx(-mark, rel=1e-12)
    assert maintenance == pytest.approx(worst + asked - mark, rel=1e-12)
    assert initial == pytest.approx(1.25 * (worst + asked) - mark, rel=1e-12)


def test_long_call__is_margined_by_no_more_than_its_price(bench):
    for strike in (1_500, 3_000, 6_000):
        equity, initial, maintenance = assess(bench, [(bench.call(strike), WAD)])
        assert equity >= initial >= maintenance >= 0


@pytest.mark.parametrize("size", [2, -2])
def test_perp__loses_the_largest_move_and_counts_its_gain(bench, size):
    bench.market.send("set_gain", account(TAKER), -70 * WAD, sender=ADMIN)
    found = assess(bench, [(PERP, size * WAD)], 100 * WAD)
    needs = 6_000 * 0.22
    assert found[0] == 30 * WAD
    assert found[1] / WAD == pytest.approx(1.25 * (needs + 70) - 70)
    assert found[2] / WAD == pytest.approx(needs)


def test_perp__of_nobody__counts_no_gain(bench):
    bench.market.send("set_gain", 0, -70 * WAD, sender=ADMIN)
    equity, _, _ = bench.risk.call("assess", 0, 100 * WAD, [PERP.id], [WAD], LIVE_ONLY)
    assert equity == 100 * WAD


def test_perp__without_a_market__reverts(bench, reverts):
    bench.set_spot(60_000 * WAD, underlying=2)
    with reverts("risk: no perp market"):
        assess(bench, [(Instrument.perp(2), WAD)])


def test_collateral__counts_after_haircut_and_moves_with_spot(bench):
    bench.risk.send("set_collateral", VAULT, bench.market.address, WAD // 10, sender=ADMIN)
    bench.market.send("set_tokens", WAD * 11 // 10, sender=ADMIN)  # of a share
    equity, initial, maintenance = assess(bench, [(VAULT, 2 * WAD)])
    value = 2 * 1.1 * 0.9 * 3_000
    assert equity / WAD == pytest.approx(value)
    assert maintenance / WAD == pytest.approx(0.2 * value)
    assert initial / WAD == pytest.approx(value - 0.8 * value / 1.25)


def test_covered_call__needs_less_than_its_parts(bench):
    bench.risk.send("set_collateral", VAULT, bench.market.address, WAD // 10, sender=ADMIN)
    bench.market.send("set_tokens", WAD, sender=ADMIN)
    covered = assess(bench, [(bench.call(3_300), -WAD), (VAULT, WAD)])
    parts = [assess(bench, [(bench.call(3_300), -WAD)]), assess(bench, [(VAULT, WAD)])]
    assert covered[2] < 0.6 * sum(part[2] for part in parts)
    assert is_sound(bench, [(bench.call(3_300), -WAD), (VAULT, WAD)], 0, initial=True)


def test_collateral__nobody_set__reverts(bench, reverts):
    with reverts("risk: no such collateral"):
        assess(bench, [(VAULT, WAD)])


def test_expiries__do_not_offset_naked_shorts_of_each_other(bench):
    near, far = bench.call(3_000), bench.call(3_000, bench.day + 7)
    flat = (PERP, 0)
    one = assess(bench, [(near, -WAD), (far, WAD)])[2]
    bench.risk.send("set_scenarios", *margin_words(replace(PLAIN, short_rate=0.0)), sender=ADMIN)
    assert one - assess(bench, [(near, -WAD), (far, WAD), flat])[2] == 30 * WAD


def test_box__needs_its_contingencies_alone(bench):
    """Long the lower call and the higher put, short the others: the same in every scenario."""
    sides = [(bench.call(2_800), 1), (bench.put(2_800), -1), (bench.put(3_200), 1)]
    box = [(series, size * WAD) for series, size in [*sides, (bench.call(3_200), -1)]]
    equity, _, maintenance = (x / WAD for x in assess(bench, box))
    assert equity == pytest.approx(400)
    lean = deviation(bench, bench.call(3_000))
    gains = [log(3_000 / k) / lean + lean / 2 for k in (2_800, 3_200)]
    short = max(0.0, norm.cdf(gains[1]) - norm.cdf(gains[0]))
    assert maintenance == pytest.approx(3_000 * 0.005 * short, abs=1e-9)


# ── without a surface ──


def bare(bench) -> tuple[Instrument, Instrument]:
    """A call and a put of an underlying that has a price and no surface."""
    bench.set_spot(100 * WAD, underlying=2)
    return tuple(Instrument.option(kind, 2, bench.day, 110) for kind in (Kind.CALL, Kind.PUT))


def test_no_surface__a_short_counts_its_linear_bound_and_a_long_nothing(bench):
    call, put = bare(bench)
    needs = (1.2 * 100 + 1.5, 110 + 1.5)
    for series, need in zip((call, put), needs, strict=True):
        assert assess(bench, [(series, 5 * WAD)]) == (0, 0, 0)
        equity, initial, maintenance = (x / WAD for x in assess(bench, [(series, -WAD)]))
        assert equity == pytest.approx(-need) and maintenance == 0
        assert initial == pytest.approx(0.25 * need)
        single = bench.risk.call("short_requirement", series.id, 100 * WAD)
        assert single / WAD == pytest.approx(need)
        cash = int(need * WAD) + 10**6
        assert is_sound(bench, [(series, -WAD)], cash, initial=False)
        assert not is_sound(bench, [(series, -WAD)], cash - 10**8, initial=False)


def test_old_surface__stops_new_risk_and_nothing_else(bench, chain, reverts):
    option = bench.call(3_000)
    words = bench.market.call("words", ETH, option.day)
    bench.market.send("set_surface", ETH, option.day, words, sender=ADMIN)
    chain.advance(PLAIN.max_surface_age)
    for positions in ([(option, -WAD)], [(option, WAD)]):
        assess(bench, positions)
    chain.advance(2)
    for positions in ([(option, -WAD)], [(option, WAD)]):
        with reverts("risk: surface stale"):
            assess(bench, positions)
        assert assess(bench, positions, fallback=LAST_GOOD)
    with reverts("risk: surface stale"):
        is_sound(bench, [(option, -WAD)], 0, initial=True)
    assert is_sound(bench, [(option, WAD)], 0, initial=True)  # a long needs none


# ── without a live price ──

U = WAD // 20  # uncertainty of the last good price


def test_long_options__need_no_price_to_be_sound(bench, reverts):
    bench.set_spot(0)
    longs = [(bench.call(1_000), 9 * WAD), (bench.put(9_000), WAD)]
    assert is_sound(bench, longs, 0, initial=True)
    with reverts("oracle: price stale"):
        assess(bench, longs)


def test_short__with_a_stale_price__reverts(bench, reverts):
    bench.set_spot(0)
    with reverts("oracle: price stale"):
        assess(bench, [(bench.call(1_000), -1)])


@pytest.mark.parametrize("case", range(5))
def test_band__is_the_worse_edge_for_all_of_an_underlying(bench, case):
    call, put, perp = (bench.call(3_000), -WAD), (bench.put(3_000), -WAD), (PERP, WAD)
    positions = [[call], [put], [perp], [call, perp], [call, put]][case]
    bench.set_spot(0)
    bench.market.send("set_last_good", ETH, SPOT, U, sender=ADMIN)
    needed = cash_needed(assess(bench, positions, fallback=BAND))
    bench.market.send("set_uncertainty", ETH, U, sender=ADMIN)
    edges = []
    for edge in (SPOT * (WAD - U) // WAD, SPOT * (WAD + U) // WAD):
        bench.set_spot(edge)
        edges.append(cash_needed(assess(bench, positions)))
    assert needed == max(edges)
    assert edges[0] != edges[1]


def cash_needed(assessed) -> int:
    equity, initial, _ = assessed
    return initial - equity


def test_band__down_to_zero__is_judged(bench):
    bench.set_spot(0)
    bench.market.send("set_last_good", ETH, SPOT, WAD, sender=ADMIN)
    held = [(bench.call(3_000), -WAD), (bench.put(3_000), -WAD), (PERP, WAD)]
    assert cash_needed(assess(bench, held, fallback=BAND)) > 3_000 * WAD


def test_last_good__is_taken_without_its_band_only_when_no_price_is_live(bench, reverts):
    positions = [(bench.call(3_000), -WAD), (PERP, WAD)]
    live = assess(bench, positions)
    bench.market.send("set_last_good", ETH, 2 * SPOT, 0, sender=ADMIN)
    for fallback in (LAST_GOOD, BAND):
        assert assess(bench, positions, fallback=fallback) == live
    bench.set_spot(0)
    found = assess(bench, positions, fallback=LAST_GOOD)
    with reverts("oracle: price stale"):
        assess(bench, positions)
    bench.set_spot(2 * SPOT)
    assert found == assess(bench, positions)


def test_fallback__with_nothing_recorded__reverts(bench, reverts):
    bench.set_spot(0)
    for fallback in (LAST_GOOD, BAND):
        with reverts("oracle: nothing recorded"):
            assess(bench, [(PERP, WAD)], fallback=fallback)


def test_portfolio__is_the_sum_over_underlyings(bench):
    bench.set_spot(60_000 * WAD, underlying=2)
    bench.market.send("set_vol", 2, WAD // 2, sender=ADMIN)
    bitcoin = Instrument.option(Kind.PUT, 2, bench.day, 50_000)
    ether = [(bench.call(3_000), -WAD), (bench.put(2_900), -3 * WAD), (PERP, WAD)]
    whole = assess(bench, [ether[0], (bitcoin, -WAD), *ether[1:]])
    parts = [assess(bench, ether), assess(bench, [(bitcoin, -WAD)])]
    assert whole[0] == sum(part[0] for part in parts)
    assert whole[2] == sum(part[2] for part in parts)


def test_sizes__beyond_a_leg__revert(bench, reverts):
    with reverts("risk: size out of field"):
        assess(bench, [(bench.call(3_000), 2**127)])


# ── expired ──


def test_expired__counts_at_spot_and_then_at_its_print(bench, chain):
    day = bench.day
    call, put = bench.call(2_800, day), bench.put(2_800, day)
    chain.set_time(day * 86_400 + EXPIRY_SECONDS)
    positions = [(call, -2 * WAD), (put, 5 * WAD)]
    equity, _, maintenance = assess(bench, positions, 1_000 * WAD)
    assert equity / WAD == pytest.approx(600)  # no print yet: intrinsic value
    # a fifth up, two naked calls, and their delta of one
    assert maintenance / WAD == pytest.approx(2 * (600 + 3_000 * 0.015))
    bench.market.send("set_print", ETH, day, 2_900 * WAD, sender=ADMIN)
    assert assess(bench, positions, 1_000 * WAD) == (800 * WAD, 50 * WAD, 0)
    bench.market.send("set_print", ETH, day, 2_700 * WAD, sender=ADMIN)
    assert assess(bench, positions, 1_000 * WAD) == (1_500 * WAD, 100 * WAD, 0)


def test_printed__needs_no_price(bench, chain):
    day = bench.day
    chain.set_time(day * 86_400 + EXPIRY_SECONDS)
    bench.market.send("set_print", ETH, day, 2_900 * WAD, sender=ADMIN)
    bench.set_spot(0)
    held = [(bench.call(2_800, day), -WAD)]
    assert assess(bench, held, 100 * WAD) == (0, 25 * WAD, 0)
    assert is_sound(bench, held, 100 * WAD, initial=False)
    assert not is_sound(bench, held, 100 * WAD - 1, initial=False)


def test_loser_of_an_expiry__cannot_leave_before_it_is_settled(bench, chain, reverts):
    """Spot has come back by the time it asks; the print counts, with the factor."""
    day = bench.day
    bench.fund(TAKER, 2_500)
    bench.fill(bench.call(3_000, day), -WAD, maker=POOL)
    chain.set_time(day * 86_400 + EXPIRY_SECONDS)
    bench.market.send("set_print", ETH, day, 4_900 * WAD, sender=ADMIN)
    left = 2_500 - 1_900 * 5 // 4
    with reverts("ledger: below initial margin"):
        bench.ledger.send("withdraw", account(TAKER), (left + 1) * 10**6, TAKER, sender=TAKER)
    bench.ledger.send("withdraw", account(TAKER), left * 10**6, TAKER, sender=TAKER)


def test_last_half_hour__what_is_fixed_no_longer_moves(bench, chain):
    """With 1,500 of the print fixed at a spot of 3,000 half is open, and half of a move counts."""
    day = bench.day
    option = bench.call(3_000, day)
    chain.set_time(option.expiry - 900)
    whole = assess(bench, [(option, -WAD)])[2]
    bench.market.send("set_window", ETH, day, 1_500 * WAD, WAD // 2, sender=ADMIN)
    equity, _, half = assess(bench, [(option, -WAD)])
    asked = 3_000 * (0.01 + 0.005 / 2)
    assert (half / WAD - asked) / (whole / WAD - asked) == pytest.approx(0.5, rel=0.01)
    s = deviation(bench, option) / 2
    assert equity / WAD == pytest.approx(-black(3_000, 3_000, s, True), rel=1e-9)


def test_reserve__is_what_the_stressed_value_lacks(bench):
    short, long = (bench.call(3_000), -WAD), (bench.call(3_100), WAD)
    equity, _, maintenance = assess(bench, [short])
    reserved = bench.risk.call("reserve", [short[0].id], [short[1]], 0)
    assert reserved == maintenance - equity
    spread = bench.risk.call("reserve", [short[0].id, long[0].id], [short[1], long[1]], 0)
    assert spread < reserved / 4
    assert bench.risk.call("reserve", [long[0].id], [long[1]], 0) == 0


# ── administration ──


def test_scenarios__unset__nothing_is_judged(bench, deploy, reverts):
    engine = deploy("RiskEngine", bench.manager.address, *[bench.market.address] * 2)
    for name, args in (
        ("assess", (1, 0, [PERP.id], [WAD], 0)),
        ("is_sound", (1, 0, [PERP.id], [WAD], 0, True)),
        ("reserve", ([PERP.id], [WAD], 0)),
        ("short_requirement", (bench.call(3_000).id, SPOT)),
    ):
        with reverts("risk: no scenarios"):
            engine.call(name, *args)


def test_set_scenarios__are_used_and_read_back(bench):
    words = margin_words(replace(PLAIN, range=0.3))
    receipt = bench.risk.send("set_scenarios", *words, sender=ADMIN)
    assert bench.risk.events(receipt)[0].args == dict(zip(("terms", "tails"), words, strict=True))
    assert bench.risk.call("scenarios") == words
    assert assess(bench, [(PERP, WAD)])[2] / WAD == pytest.approx(3_000 * 0.32)


@pytest.mark.parametrize(
    "changes",
    [
        {"range": 0.049, "tails": ()},
        {"range": 0.601},
        {"steps": 0},
        {"steps": 5},
        {"vol_up": 5.001},
        {"vol_down": 5.001},
        {"skew": 1.001},
        {"short_rate": 0.201},
        {"perp_rate": 0.201},
        {"basis_rate": 0.201},
        {"initial_factor": 0.999},
        {"initial_factor": 3.001},
        {"vol_floor_days": 0.04},
        {"vol_floor_days": 31.0},
        {"max_surface_age": 59},
        {"max_surface_age": 7 * DAY + 1},
        {"tails": ((0.0, 0.1),)},
        {"tails": ((1.001, 1.001),)},
    ],
    ids=str,
)
def test_set_scenarios__out_of_bounds__reverts(bench, reverts, changes):
    with reverts("risk: term out of bounds"):
        bench.risk.send("set_scenarios", *margin_words(replace(PLAIN, **changes)), sender=ADMIN)


def test_set_scenarios__with_tails_that_count_too_much__reverts(bench, reverts):
    for tail in ((0.5, 0.401), (2.0, 0.201)):
        with reverts("risk: tail counts too much"):
            words = margin_words(replace(PLAIN, tails=(tail,)))
            bench.risk.send("set_scenarios", *words, sender=ADMIN)


def test_set_scenarios__with_more_or_fewer_tails_than_counted__reverts(bench, reverts):
    terms, tails = margin_words(PLAIN)
    for changed in (terms - 1, terms + 1):
        with reverts("risk: term out of bounds"):
            bench.risk.send("set_scenarios", changed, tails, sender=ADMIN)


def test_set_perp__once(bench, reverts):
    with reverts("risk: perp set"):
        bench.risk.send("set_perp", ETH, bench.market.address, sender=ADMIN)
    with reverts("risk: no perp market"):
        bench.risk.send("set_perp", 2, "0x" + "00" * 20, sender=ADMIN)
    assert bench.risk.call("perps", ETH) == bench.market.address


def test_set_collateral__keeps_its_vault_and_changes_its_haircut(bench, reverts):
    vault = bench.market.address
    bench.risk.send("set_collateral", VAULT, vault, WAD // 10, sender=ADMIN)
    bench.risk.send("set_collateral", VAULT, vault, WAD // 5, sender=ADMIN)
    found, haircut = bench.risk.call("collateral", VAULT)
    assert (found.lower(), haircut) == (vault.lower(), WAD // 5)
    for args, reason in (
        ((VAULT, STRANGER, WAD // 10), "risk: other vault set"),
        ((VAULT, vault, WAD), "risk: haircut out of bounds"),
        ((PERP.id, vault, WAD // 10), "risk: not collateral"),
        ((VAULT + 1, "0x" + "00" * 20, WAD // 10), "risk: no vault"),
    ):
        with reverts(reason):
            bench.risk.send("set_collateral", *args, sender=ADMIN)
