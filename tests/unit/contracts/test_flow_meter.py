"""flow_meter: five meters of the risk that passed, to the step and to the second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing.amm_words import FlowLimits
from protocol.pricing.flow_meter import Meters
from protocol.units import WAD

DEPTH = 10**6 * WAD
SHARE = 10**14
STEP = DEPTH // 10**7  # of a meter
OPEN = FlowLimits(0, 0, *[3 * WAD] * 5)
REASONS = {
    "push_vega": "amm: vega per push",
    "block_vega": "amm: vega per block",
    "block_delta": "amm: delta per block",
    "hour_vega": "amm: vega per hour",
    "hour_delta": "amm: delta per hour",
}


@pytest.fixture
def harness(deploy) -> AnyContract:
    return deploy("RiskHarness")


def charged(
    harness: AnyContract,
    meters: Meters,
    limits: FlowLimits = OPEN,
    *,
    posted: int = 1,
    vega: int = 0,
    exposure: int = 0,
) -> Meters:
    args = meters.word, limits.word << 144, posted, DEPTH, vega, exposure
    return Meters.from_word(harness.call("charge", *args))


def test_first_trade__each_amount__in_its_meters(harness):
    now = harness.chain.timestamp
    assert charged(harness, Meters(), vega=5 * STEP, exposure=7 * STEP) == Meters(
        last=now, push_vega=5, block_vega=5, block_delta=7, hour_vega=5, hour_delta=7
    )


@pytest.mark.parametrize(("amount", "steps"), [(0, 0), (1, 1), (STEP, 1), (STEP + 1, 2)])
def test_amount__rounds_up_to_a_step(amount, steps, harness):
    after = charged(harness, Meters(), vega=amount, exposure=amount)
    assert (after.push_vega, after.hour_delta) == (steps, steps)


@pytest.mark.parametrize("name", REASONS)
def test_limit__to_the_step(name, harness, reverts):
    limits = replace(OPEN, **{name: 2 * SHARE})  # 2,000 steps
    used = "vega" if name.endswith("vega") else "exposure"
    start = charged(harness, Meters(), limits, **{used: 1_500 * STEP})
    full = charged(harness, start, limits, **{used: 500 * STEP})
    assert getattr(full, name) == 2_000
    for amount in (500 * STEP + 1, 501 * STEP, DEPTH):
        with reverts(REASONS[name]):
            charged(harness, start, limits, **{used: amount})
    charged(harness, full, limits)  # what adds nothing passes
    other = "exposure" if used == "vega" else "vega"
    charged(harness, full, limits, **{other: DEPTH})


@pytest.mark.parametrize("name", REASONS)
def test_limit__of_nothing__refuses_a_wei(name, harness, reverts):
    limits = replace(OPEN, **{name: 0})
    with reverts(REASONS[name]):
        charged(harness, Meters(), limits, vega=1, exposure=1)


def test_push__meter_restarts_with_the_next_push(harness):
    start = charged(harness, Meters(), posted=harness.chain.timestamp, vega=9 * STEP)
    harness.chain.advance(10)
    for posted, level in (
        (start.last - 1, 10),
        (start.last, 1),  # pushed in the second of the last trade: it may have been after it
        (start.last + 1, 1),
    ):
        assert charged(harness, start, posted=posted, vega=STEP).push_vega == level


def test_block__meters_restart_with_the_second(harness):
    start = charged(harness, Meters(), vega=9 * STEP, exposure=8 * STEP)
    same = charged(harness, start, vega=STEP, exposure=STEP)
    assert (same.block_vega, same.block_delta) == (10, 9)
    harness.chain.advance(1)
    later = charged(harness, start, vega=STEP, exposure=STEP)
    assert (later.block_vega, later.block_delta) == (1, 1)
    assert later.push_vega == 10


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(0, 2_000), (1, 2_000), (2, 1_999), (1_800, 1_000), (3_599, 1), (3_600, 0), (10**6, 0)],
)
def test_hour__meters_leak_evenly(seconds, left, harness):
    limits = replace(OPEN, hour_vega=2 * SHARE, hour_delta=2 * SHARE)
    start = charged(harness, Meters(), limits, vega=2_000 * STEP, exposure=2_000 * STEP)
    harness.chain.advance(seconds)
    after = charged(harness, start, limits)
    assert (after.hour_vega, after.hour_delta) == (left, left)


def test_depth__never_set__reverts(harness, reverts):
    with reverts("risk: no depth"):
        harness.call("charge", 0, OPEN.word << 144, 1, 0, 1, 1)
