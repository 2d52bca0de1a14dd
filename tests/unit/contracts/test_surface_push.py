"""VolSurface.push: what a surface must satisfy, alone and beside its neighbours."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from math import sqrt

import pytest

from protocol.chain.base import Receipt
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract

WAD = 10**18
ETH, BTC = 1, 2
ADMIN = "0x" + "d0" * 20
KEEPER = "0x" + "ee" * 20
STRANGER = "0x" + "e0" * 20
HOUR, DAY = 3_600, 86_400
YEAR = 365 * DAY
NOW = 1_767_261_600  # 2026-01-01 10:00 UTC
TODAY = NOW // DAY
LOWEST = 29_047_375_096_555_626  # b sigma sqrt(1 - rho**2) of the Svi below: how low its a may go
VOL_STEP, BASIS_STEP, RATE_STEP = 12 * WAD // 100, WAD // 100, WAD // 20


@dataclass(frozen=True, slots=True)
class Svi:
    """One expiry in WAD, in the order of the contract's struct."""

    day: int
    a: int = 5 * WAD // 1000
    b: int = WAD // 10
    rho: int = -WAD // 4
    m: int = 0
    sigma: int = 3 * WAD // 10
    basis: int = WAD // 1000
    rate: int = WAD // 25
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Board:
    chain: EmbeddedChain
    surface: AnyContract

    def push(self, *slices: Svi, underlying: int = ETH, sender: str = KEEPER) -> Receipt:
        return self.surface.send("push", underlying, [astuple(s) for s in slices], sender=sender)

    def days(self, underlying: int = ETH) -> Sequence[int]:
        return tuple(self.surface.call("live_days", underlying))

    def flat(self, day: int, vol: float) -> Svi:
        """A gentle smile with this volatility at the money now."""
        level = vol**2 * (day * DAY + 28_800 - self.chain.timestamp) / YEAR
        width = sqrt(level)
        b = 0.3 * width
        wad = [round(x * WAD) for x in (level - b * width, b, width)]
        return Svi(day=day, a=wad[0], b=wad[1], sigma=wad[2])


@pytest.fixture
def board(chain, deploy) -> Board:
    manager = deploy("AccessManager")
    manager.send("grantRole", manager.call("KEEPER"), KEEPER, sender=ADMIN)
    chain.set_time(NOW)
    limits = (VOL_STEP, BASIS_STEP, RATE_STEP, HOUR, 240)
    return Board(chain, deploy("VolSurface", manager.address, *limits))


def test_push__two_days__stores_words_with_time(board, deploy):
    near, far = board.flat(TODAY + 7, 0.6), board.flat(TODAY + 30, 0.6)
    receipt = board.push(near, far)
    codec = deploy("SurfaceHarness")
    for s, event in zip((near, far), board.surface.events(receipt), strict=True):
        words = board.surface.call("words", ETH, s.day)
        fields = asdict(s)
        stored = dict(
            zip(
                ("a", "b", "basis", "rate", "rho", "m", "sigma"),
                codec.call("unpack", words)[:7],
                strict=True,
            )
        )
        assert stored == {name: fields[name] for name in stored}
        assert codec.call("unpack", words)[7] == NOW
        assert event.args == {"underlying": ETH, "day": s.day, "words": words}
    assert board.days() == (TODAY + 7, TODAY + 30)


def test_push__nothing_yet__words_are_zero(board):
    assert tuple(board.surface.call("words", ETH, TODAY + 7)) == (0, 0)
    assert tuple(board.surface.call("previous_words", ETH, TODAY + 7)) == (0, 0)


def test_push__again__keeps_the_one_before(board):
    day = TODAY + 30
    board.push(board.flat(day, 0.6))
    first = board.surface.call("words", ETH, day)
    assert tuple(board.surface.call("previous_words", ETH, day)) == (0, 0)
    board.chain.advance(HOUR)
    board.push(board.flat(day, 0.65))
    assert board.surface.call("previous_words", ETH, day) == first
    assert board.surface.call("words", ETH, day) != first


def test_push__two_underlyings__do_not_mix(board):
    board.push(board.flat(TODAY + 7, 0.6))
    board.push(board.flat(TODAY + 9, 0.5), underlying=BTC)
    assert board.days(ETH) == (TODAY + 7,)
    assert board.days(BTC) == (TODAY + 9,)
    assert tuple(board.surface.call("words", BTC, TODAY + 7)) == (0, 0)


@pytest.mark.parametrize("underlying", [0, 256])
def test_push__unknown_underlying__reverts(underlying, board, reverts):
    with reverts("surface: unknown underlying"):
        board.push(board.flat(TODAY + 7, 0.6), underlying=underlying)


@pytest.mark.parametrize("sender", [STRANGER, ADMIN])
def test_push__not_keeper__reverts(sender, board, reverts):
    with reverts("access: keeper only"):
        board.push(board.flat(TODAY + 7, 0.6), sender=sender)


@pytest.mark.parametrize("second", [TODAY + 7, TODAY + 6])
def test_push__days_not_ascending__reverts(second, board, reverts):
    with reverts("surface: days not ascending"):
        board.push(board.flat(TODAY + 7, 0.6), board.flat(second, 0.6))


def test_push__day_over_at_eight__reverts(board, reverts):
    tomorrow = board.flat(TODAY + 1, 0.6)
    with reverts("surface: day expired"):
        board.push(replace(tomorrow, day=TODAY))
    board.chain.set_time((TODAY + 1) * DAY + 28_800)
    with reverts("surface: day expired"):
        board.push(tomorrow)


def test_push__two_years_ahead__is_the_farthest(board, reverts):
    board.push(board.flat(TODAY + 731, 0.6))
    with reverts("surface: day too far"):
        board.push(board.flat(TODAY + 732, 0.6))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rho": WAD}, "surface: rho out of range"),
        ({"rho": -WAD}, "surface: rho out of range"),
        ({"sigma": 10**14 - 1}, "surface: sigma out of range"),
        ({"sigma": -WAD}, "surface: sigma out of range"),
        ({"sigma": 4 * WAD + 1}, "surface: sigma out of range"),
        ({"a": 9 * WAD + 1}, "surface: a out of range"),
        ({"a": -9 * WAD - 1}, "surface: a out of range"),
        ({"m": 2 * WAD + 1}, "surface: m out of range"),
        ({"m": -2 * WAD - 1}, "surface: m out of range"),
        ({"basis": WAD // 2 + 1}, "surface: basis out of range"),
        ({"basis": -WAD // 2 - 1}, "surface: basis out of range"),
        ({"rate": WAD + 1}, "surface: rate out of range"),
        ({"rate": -WAD - 1}, "surface: rate out of range"),
        ({"b": -1}, "surface: b negative"),
        ({"b": 16 * WAD // 10 + 1}, "surface: wing too steep"),
        ({"b": 2 * WAD + 1}, "surface: wing too steep"),
        ({"b": 2**255 - 1}, "surface: wing too steep"),
        ({"a": -(LOWEST + 1)}, "surface: variance negative"),
    ],
)
def test_push__parameter_out_of_domain__reverts(changes, reason, board, reverts):
    with reverts(reason):
        board.push(replace(Svi(day=TODAY + 30), **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"rho": WAD - 1, "a": 10**16},
        {"rho": 1 - WAD, "a": 10**16},
        {"sigma": 10**14, "a": 10**16},
        {"m": 2 * WAD, "b": WAD // 1000, "a": WAD // 100},
        {"m": -2 * WAD, "b": WAD // 1000, "a": WAD // 100},
        {"basis": WAD // 2, "rate": WAD},
        {"basis": -WAD // 2, "rate": -WAD},
        {"b": 16 * WAD // 10},
        {"b": 0, "a": WAD // 50},
        {"a": -LOWEST, "m": WAD // 10},
    ],
)
def test_push__parameter_at_its_bound__is_taken(changes, board):
    board.push(replace(Svi(day=TODAY + 30), **changes))
    assert board.days() == (TODAY + 30,)


@pytest.mark.parametrize(("vol", "good"), [(0.0499, 0), (0.0501, 1), (4.99, 1), (5.01, 0)])
def test_push__volatility_at_the_money__is_bounded(vol, good, board, reverts):
    if good:
        board.push(board.flat(TODAY + 30, vol))
        return
    with reverts("surface: vol out of range"):
        board.push(board.flat(TODAY + 30, vol))


def test_push__variance_falls_within_push__reverts_whole(board, reverts):
    near = board.flat(TODAY + 10, 0.9)
    with reverts("surface: calendar arbitrage"):
        board.push(near, board.flat(TODAY + 20, 0.6))  # 0.81 * 10 > 0.36 * 20
    assert board.days() == ()
    assert tuple(board.surface.call("words", ETH, near.day)) == (0, 0)
    board.push(near, board.flat(TODAY + 20, 0.66))


def test_push__variance_falls_in_one_wing__reverts(board, reverts):
    near = board.flat(TODAY + 10, 0.6)
    far = board.flat(TODAY + 12, 0.6)
    with reverts("surface: calendar arbitrage"):
        board.push(near, replace(far, rho=WAD // 2))
    board.push(near, far)


def test_push__variance_stands_still__is_the_edge(board, reverts):
    near = Svi(day=TODAY + 30)
    with reverts("surface: calendar arbitrage"):
        board.push(near, Svi(day=TODAY + 31, a=near.a - 1))
    board.push(near, Svi(day=TODAY + 31))


@pytest.mark.parametrize(("day", "vol"), [(TODAY + 9, 1.2), (TODAY + 21, 0.45)])
def test_push__beside_a_neighbour_not_pushed__is_checked(day, vol, board, reverts):
    board.push(board.flat(TODAY + 10, 0.6), board.flat(TODAY + 20, 0.6))
    board.chain.advance(HOUR)
    with reverts("surface: calendar arbitrage"):
        board.push(board.flat(day, vol))
    board.push(board.flat(day, 0.6))
    assert board.days() == tuple(sorted((TODAY + 10, TODAY + 20, day)))


def test_push__around_a_neighbour_not_pushed__checks_both_sides(board, reverts):
    middle = TODAY + 20
    board.push(*(board.flat(day, 0.6) for day in (TODAY + 10, middle, TODAY + 30)))
    board.chain.advance(HOUR)
    for near, far in ((0.95, 0.6), (0.6, 0.45)):
        with reverts():
            board.push(board.flat(TODAY + 10, near), board.flat(TODAY + 30, far))
    board.push(board.flat(TODAY + 10, 0.65), board.flat(TODAY + 30, 0.55))


def test_push__neighbour_long_unpushed__counts_by_life_left(board):
    board.push(board.flat(TODAY + 3, 0.6), board.flat(TODAY + 4, 0.6))
    board.chain.set_time((TODAY + 2) * DAY + 28_800)  # lives of a third and a half are left
    board.push(board.flat(TODAY + 4, 0.55))
    far = board.surface.call("words", ETH, TODAY + 4)
    assert far != board.surface.call("previous_words", ETH, TODAY + 4)


def test_push__day_expires__leaves_the_list(board):
    board.push(*(board.flat(TODAY + n, 0.6) for n in (1, 2, 9)))
    board.chain.set_time((TODAY + 1) * DAY + 28_799)
    assert board.days() == (TODAY + 1, TODAY + 2, TODAY + 9)
    board.chain.advance(1)
    assert board.days() == (TODAY + 2, TODAY + 9)
    board.push(board.flat(TODAY + 5, 0.6))
    assert board.days() == (TODAY + 2, TODAY + 5, TODAY + 9)


def test_push__any_order_of_days__lists_them_ascending(board, reverts):
    days = random.Random(3).sample(range(TODAY + 1, TODAY + 700), k=24)
    for start in (0, 5, 6, 18):
        chunk = sorted(days[start : {0: 5, 5: 6, 6: 18, 18: 24}[start]])
        board.push(*(board.flat(day, 0.6) for day in chunk))
    assert board.days() == tuple(sorted(days))
    for day in (min(set(range(TODAY + 1, TODAY + 700)) - set(days)), TODAY + 720):
        with reverts("surface: too many days"):
            board.push(board.flat(day, 0.6))


@pytest.mark.parametrize("behind", [0, 1, 2, 3])
def test_push__behind_its_market__kept_until_the_next(behind, board, deploy):
    codec = deploy("SurfaceHarness")
    surface = replace(board.flat(TODAY + 30, 0.6), behind=behind)
    board.push(surface)
    assert codec.call("behind", board.surface.call("words", ETH, TODAY + 30)) == behind
    assert codec.call("unpack", board.surface.call("words", ETH, TODAY + 30))[7] == NOW
    board.chain.advance(HOUR)
    board.push(replace(surface, behind=0))
    assert codec.call("behind", board.surface.call("words", ETH, TODAY + 30)) == 0
    assert codec.call("behind", board.surface.call("previous_words", ETH, TODAY + 30)) == behind


def test_push__behind_neither_way__reverts(board, reverts):
    with reverts("surface_codec: out of field"):
        board.push(replace(board.flat(TODAY + 30, 0.6), behind=4))
