"""FeeSchedule: bounded rates, pushed as one word."""

from __future__ import annotations

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing.market_math import FeeRates
from protocol.units import WAD

ADMIN, STRANGER = "0x" + "d0" * 20, "0x" + "e0" * 20
AMM, PERP, RFQ = 1, 2, 3
RATES = {
    "notional_rate": 5 * 10**14,
    "premium_cap": 125 * 10**15,
    "closing_factor": WAD // 2,
    "package_factor": WAD // 2,
    "maker_share": WAD // 2,
    "insurance_share": WAD // 4,
}


@pytest.fixture
def schedule(deploy) -> AnyContract:
    return deploy("FeeSchedule", deploy("AccessManager").address)


def changed(**changes: int) -> tuple[int, ...]:
    return tuple((RATES | changes).values())


def test_rates__after_deployment__are_the_documented_defaults(schedule):
    assert tuple(schedule.call("rates", AMM)) == changed()
    assert tuple(schedule.call("rates", PERP)) == changed(premium_cap=0)
    assert tuple(schedule.call("rates", RFQ)) == (0,) * 6


def test_set_rates__in_bounds__kept(schedule):
    edge = changed(
        notional_rate=10**16, premium_cap=WAD // 4, closing_factor=WAD, package_factor=WAD
    )
    schedule.send("set_rates", RFQ, edge, sender=ADMIN)
    assert tuple(schedule.call("rates", RFQ)) == edge


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"notional_rate": 10**16 + 10**12}, "fees: rate above bound"),
        ({"premium_cap": WAD // 4 + 10**12}, "fees: cap above bound"),
        ({"closing_factor": WAD + 10**12}, "fees: factor above one"),
        ({"package_factor": WAD + 10**12}, "fees: factor above one"),
        ({"maker_share": WAD + 10**12}, "fees: shares above one"),
        ({"insurance_share": WAD // 2 + 10**12}, "fees: shares above one"),
        ({"insurance_share": 2**256 - 1}, "fees: shares above one"),
        ({"maker_share": 10**11}, "fee: share finer than 1e-6"),
    ],
)
def test_set_rates__out_of_bounds__reverts(changes, reason, schedule, reverts):
    with reverts(reason):
        schedule.send("set_rates", AMM, changed(**changes), sender=ADMIN)


@pytest.mark.parametrize("path", [0, 5])
def test_set_rates__unknown_path__reverts(path, schedule, reverts):
    with reverts("fees: unknown path"):
        schedule.send("set_rates", path, changed(), sender=ADMIN)


def test_push__default_rates__venue_has_the_word(schedule, deploy):
    perp_params = (1_000 * WAD, 10 * WAD, 10 * WAD, WAD // 5, WAD, WAD, 0)
    manager = schedule.call("manager")
    venue = deploy("PerpMarket", ADMIN, ADMIN, schedule.address, manager, 1, perp_params)
    receipt = schedule.send("push", PERP, venue.address, sender=ADMIN)
    word = venue.call("fee_word")
    assert word == FeeRates(**(RATES | {"premium_cap": 0})).word
    (event,) = schedule.events(receipt)
    assert event.args == {"path": PERP, "venue": venue.address, "word": word}


def test_push__path_without_rates__reverts(schedule, reverts):
    with reverts("fees: path without rates"):
        schedule.send("push", RFQ, STRANGER, sender=ADMIN)


def test_administration__by_others__reverts(schedule, reverts):
    with reverts("access: admin only"):
        schedule.send("set_rates", AMM, changed(), sender=STRANGER)
    with reverts("access: admin only"):
        schedule.send("push", AMM, STRANGER, sender=STRANGER)
