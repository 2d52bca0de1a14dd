"""risk_math: the potential's change is exact, path-independent and rounded up."""

from __future__ import annotations

import random
from dataclasses import astuple, replace
from fractions import Fraction

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing.amm import Risk
from protocol.pricing.amm_words import Weights
from protocol.units import WAD

SPOT = 2_000 * WAD
WEIGHTS = Weights(2 * 10**16, WAD, 3 * WAD, 3 * 10**13)
DEPTH = 2 * 10**6 * WAD
NAMES = ("delta", "vega", "gamma")


@pytest.fixture
def harness(deploy) -> AnyContract:
    return deploy("RiskHarness")


def draw(rng: random.Random) -> Risk:
    sizes = {"delta": 10**3, "vega": 10**5, "gamma": 10**7}
    return Risk(**{name: int(rng.gauss(0, 1) * sizes[name] * WAD) for name in NAMES})


def change(harness: AnyContract, totals: Risk, moved: Risk) -> int:
    vegas = totals.vega, moved.vega
    args = WEIGHTS.word << 96, SPOT, astuple(totals), astuple(moved), *vegas, DEPTH
    return int(harness.call("change", *args))


def exact(totals: Risk) -> Fraction:
    dollars = {"delta": Fraction(SPOT, WAD)}
    weights = {name: getattr(WEIGHTS, name) for name in NAMES}
    weights["vega"] += WEIGHTS.expiry_vega
    squares = [
        weights[name] * (getattr(totals, name) * dollars.get(name, 1)) ** 2 for name in NAMES
    ]
    return sum(squares, Fraction(0)) / (2 * WAD * DEPTH)


def test_change__random_books__exact_and_rounded_up(harness):
    rng = random.Random(3)
    for _ in range(100):
        totals, moved = draw(rng), draw(rng)
        error = change(harness, totals, moved) - (exact(totals + moved) - exact(totals))
        assert 0 <= error < 2


def test_change__there_and_back__nothing_or_a_wei(harness):
    rng = random.Random(4)
    for _ in range(100):
        totals, moved = draw(rng), draw(rng)
        back = Risk(**{name: -getattr(moved, name) for name in NAMES})
        there = change(harness, totals, moved)
        assert 0 <= there + change(harness, totals + moved, back) <= 2


def test_change__in_slices__never_less_than_whole(harness):
    rng = random.Random(5)
    for _ in range(30):
        totals, slices = draw(rng), [draw(rng) for _ in range(4)]
        whole = change(harness, totals, sum(slices, Risk()))
        paid = 0
        for moved in slices:
            paid += change(harness, totals, moved)
            totals = totals + moved
        assert whole <= paid <= whole + 8


def test_change__largest_greeks__fit(harness):
    edge = 2**95 - 1
    totals = Risk(**dict.fromkeys(NAMES, edge))
    moved = Risk(**dict.fromkeys(NAMES, -2 * edge))
    assert abs(change(harness, totals, moved)) <= 2
    heaviest = Weights(*[(2**40 - 1) * 10**9] * 4).word << 96
    dollars = edge // 2_000
    totals = replace(totals, delta=dollars)
    back = Risk(delta=-dollars, vega=-edge, gamma=-edge)
    args = heaviest, SPOT, astuple(totals), astuple(back), edge, -edge, DEPTH
    squares = 3 * edge**2 + (dollars * 2_000) ** 2
    exact = -Fraction((2**40 - 1) * squares, 2 * 10**9 * DEPTH)
    assert abs(harness.call("change", *args) - exact) <= 2**40


def test_pair__out_of_field__reverts(harness, reverts):
    for high, low in ((2**127, 0), (-(2**127) - 1, 0), (0, 2**127), (0, -(2**127) - 1)):
        with reverts("risk: greek out of field"):
            harness.call("pair", high, low)


def test_totals__out_of_field__revert(harness, reverts):
    edge = {"delta": 95, "vega": 95, "gamma": 95}
    for name, bits in edge.items():
        for value, fits in ((2**bits - 1, True), (2**bits, False), (-(2**bits) - 1, False)):
            row = astuple(Risk(**{name: value}))
            if fits:
                harness.call("pack_totals", row, 0)
                continue
            with reverts("risk: greek out of field"):
                harness.call("pack_totals", row, 0)
    harness.call("pack_totals", astuple(Risk(reserve=(2**64 - 1) * 10**9)), 0)
    with reverts("risk: reserve out of field"):
        harness.call("pack_totals", astuple(Risk(reserve=2**64 * 10**9)), 0)
    with reverts():
        harness.call("pack_totals", astuple(Risk(reserve=-1)), 0)


def test_with_delta__leaves_the_rest(harness, reverts):
    risk = Risk(delta=-5, vega=-7, reserve=3 * 10**9)
    for delta in (2**95 - 1, -(2**95), 0, -1):
        word = harness.call("with_delta", risk.first, delta)
        assert word == replace(risk, delta=delta).first
    for delta in (2**95, -(2**95) - 1):
        with reverts("risk: greek out of field"):
            harness.call("with_delta", risk.first, delta)


@pytest.mark.parametrize(
    ("amount", "kept"),
    [(0, 0), (1, 10**9), (10**9, 10**9), (10**9 + 1, 2 * 10**9), (-1, 0), (-(10**9), -(10**9))],
)
def test_reserve_steps__rounds_up(amount, kept, harness):
    assert harness.call("reserve_steps", amount) == kept


def test_scaled__opposite_sizes__cancel(harness):
    rng = random.Random(6)
    for _ in range(100):
        x, size = rng.randint(-(10**24), 10**24), rng.randrange(10**22)
        assert harness.call("scaled", x, size) == -harness.call("scaled", x, -size)
