"""VolSurface: how far and how often one expiry may move, and who sets that."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract

WAD = 10**18
ETH = 1
ADMIN = "0x" + "d0" * 20
KEEPER = "0x" + "ee" * 20
HOUR, DAY = 3_600, 86_400
YEAR = 365 * DAY
NOW = 1_767_261_600  # 2026-01-01 10:00 UTC
TODAY = NOW // DAY
VOL_STEP, BASIS_STEP, RATE_STEP = 0.12, 0.01, 0.05
MIN_INTERVAL = 240


@dataclass(frozen=True, slots=True)
class Desk:
    chain: EmbeddedChain
    surface: AnyContract

    def life(self, day: int) -> int:
        return day * DAY + 28_800 - self.chain.timestamp

    def push(
        self,
        *,
        vol: float,
        day: int = TODAY + 40,
        basis: float = 0.0,
        rate: float = 0.0,
        wing: float = 0.0,
    ) -> None:
        """A smile with this volatility at the money; `wing` lifts its far ends only."""
        years = self.life(day) / YEAR
        b = (0.05 + wing) * years
        numbers = (vol**2 * years - 0.1 * b, b, 0.0, 0.0, 0.1, basis, rate)
        row = (day, *(round(x * WAD) for x in numbers), 0)
        self.surface.send("push", ETH, [row], sender=KEEPER)


@pytest.fixture
def desk(chain, deploy) -> Desk:
    manager = deploy("AccessManager")
    manager.send("grantRole", manager.call("KEEPER"), KEEPER, sender=ADMIN)
    chain.set_time(NOW)
    steps = [round(x * WAD) for x in (VOL_STEP, BASIS_STEP, RATE_STEP)]
    return Desk(chain, deploy("VolSurface", manager.address, *steps, HOUR, MIN_INTERVAL))


@pytest.mark.parametrize("days", [1, 2, 7, 29, 30, 40, 400])
@pytest.mark.parametrize("side", [1, -1])
def test_push__step_at_the_money__is_bounded_by_life(days, side, desk, reverts):
    day = TODAY + days
    desk.push(day=day, vol=0.9)
    desk.chain.advance(HOUR)
    # Half a day more or less of life at 1 day: the tenor is never below a day.
    limit = VOL_STEP * max(1.0, sqrt(30 * DAY / max(desk.life(day), DAY)))
    with reverts("surface: step too large"):
        desk.push(day=day, vol=0.9 + side * (limit + 1e-6))
    desk.push(day=day, vol=0.9 + side * (limit - 1e-6))


@pytest.mark.parametrize(
    ("elapsed", "share"), [(MIN_INTERVAL, sqrt(1 / 15)), (900, 0.5), (HOUR, 1.0), (9 * HOUR, 1.0)]
)
def test_push__step__grows_with_root_of_time_to_its_cap(elapsed, share, desk, reverts):
    desk.push(vol=0.6)
    desk.chain.advance(elapsed)
    with reverts("surface: step too large"):
        desk.push(vol=0.6 + VOL_STEP * share + 1e-6)
    with reverts("surface: basis step too large"):
        desk.push(vol=0.6, basis=BASIS_STEP * share + 1e-9)
    with reverts("surface: rate step too large"):
        desk.push(vol=0.6, rate=-RATE_STEP * share - 1e-9)
    desk.push(
        vol=0.6 + VOL_STEP * share - 1e-6,
        basis=-BASIS_STEP * share + 1e-9,
        rate=RATE_STEP * share - 1e-9,
    )


def test_push__unchanged_volatility__passes_as_life_runs_out(desk):
    day = TODAY + 1
    desk.push(day=day, vol=0.6)
    while desk.life(day) > 300:
        desk.chain.advance(270)
        desk.push(day=day, vol=0.6)


def test_push__wing__moves_in_proportion_to_its_height(desk, reverts):
    desk.push(vol=0.6, wing=1.0)
    desk.chain.advance(HOUR)
    highest = height(vol=0.6, wing=1.0) * (1 + VOL_STEP / 0.6)
    with reverts("surface: step too large"):
        desk.push(vol=0.6, wing=wing_for(vol=0.6, target=highest + 1e-5))
    desk.push(vol=0.6, wing=wing_for(vol=0.6, target=highest - 1e-5))


def test_push__smile_touching_zero__can_still_move(desk):
    """Below the money's height the room is the money's own, or a zero could never be left."""
    b, sigma = WAD // 10, WAD // 100
    for lift in (0, WAD // 1000):
        row = (TODAY + 40, lift - b * sigma // WAD, b, 0, 12 * WAD // 100, sigma, 0, 0, 0)
        desk.surface.send("push", ETH, [row], sender=KEEPER)
        desk.chain.advance(HOUR)


def height(*, vol: float, wing: float) -> float:
    """Volatility at k = 1 of the smile that `Desk.push` makes."""
    return sqrt(vol**2 + (0.05 + wing) * (sqrt(1.01) - 0.1))


def wing_for(*, vol: float, target: float) -> float:
    """The `wing` that gives the smile this volatility at k = 1."""
    return (target**2 - vol**2) / (sqrt(1.01) - 0.1) - 0.05


def test_push__twice_within_min_interval__reverts(desk, reverts):
    desk.push(vol=0.6)
    for wait in (0, 1, MIN_INTERVAL - 2):
        desk.chain.advance(wait)
        with reverts("surface: pushed too soon"):
            desk.push(vol=0.6)
    desk.chain.advance(1)
    desk.push(vol=0.6)


def test_push__crash__weekly_doubles_in_three_hours(desk):
    """ETH falls 20 % in hours: a weekly goes from 60 % to 130 %, a monthly to 95 %."""
    for weekly, monthly in ((0.60, 0.60), (0.84, 0.72), (1.08, 0.84), (1.30, 0.95)):
        desk.push(day=TODAY + 7, vol=weekly)
        desk.push(day=TODAY + 30, vol=monthly)
        desk.chain.advance(HOUR)


def test_push__stolen_key__walks_no_faster_than_documented(desk, reverts):
    desk.push(vol=0.6)
    vol = 0.6
    for _ in range(HOUR // MIN_INTERVAL):
        desk.chain.advance(MIN_INTERVAL)
        vol += VOL_STEP * sqrt(MIN_INTERVAL / HOUR) - 1e-6
        with reverts("surface: step too large"):
            desk.push(vol=vol + 2e-6)
        desk.push(vol=vol)
    assert vol - 0.6 == pytest.approx(VOL_STEP * sqrt(HOUR / MIN_INTERVAL), abs=1e-3)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((0, 0, 0), "surface: vol step out of range"),
        ((WAD + 1, 0, 0), "surface: vol step out of range"),
        ((WAD, WAD // 5 + 1, 0), "surface: basis step out of range"),
        ((WAD, 0, WAD + 1), "surface: rate step out of range"),
    ],
)
def test_set_step_limits__out_of_bounds__reverts(steps, reason, desk, reverts):
    with reverts(reason):
        desk.surface.send("set_step_limits", *steps, sender=ADMIN)


@pytest.mark.parametrize("intervals", [(HOUR, 0), (HOUR, HOUR + 1), (DAY + 1, 60), (0, 0)])
def test_set_intervals__out_of_bounds__reverts(intervals, desk, reverts):
    with reverts("surface: interval out of range"):
        desk.surface.send("set_intervals", *intervals, sender=ADMIN)


def test_setters__not_admin__revert(desk, reverts):
    with reverts("access: admin only"):
        desk.surface.send("set_step_limits", WAD, 0, 0, sender=KEEPER)
    with reverts("access: admin only"):
        desk.surface.send("set_intervals", HOUR, 60, sender=KEEPER)


def test_setters__widest__hold_each_on_its_own(desk, reverts):
    """The limits share a word: setting some leaves the others."""
    desk.push(vol=0.6)
    desk.surface.send("set_step_limits", WAD, WAD // 5, WAD, sender=ADMIN)
    desk.chain.advance(MIN_INTERVAL - 1)
    with reverts("surface: pushed too soon"):
        desk.push(vol=0.6)
    desk.surface.send("set_intervals", DAY, 1, sender=ADMIN)
    desk.chain.advance(DAY)
    desk.push(vol=1.6 - 1e-6, basis=0.2, rate=1.0)
    desk.chain.advance(1)
    desk.push(vol=1.6, basis=0.2, rate=1.0)
