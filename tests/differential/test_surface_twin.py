"""VolSurface accepts exactly what a twin in floats accepts, on random sequences of pushes.

The twin is written out here; of the off-chain code it takes the grid, so that a fit that is clean
there is clean on chain. Surfaces are SSVI families, most of them bent a little or a lot.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np
import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract
from protocol.errors import Revert
from protocol.surface.arbitrage import CONTRACT_GRID as GRID
from protocol.surface.svi import total_variance
from protocol.types import SviParams
from protocol.units import DAY, YEAR, to_wad

ADMIN = "0x" + "d0" * 20
KEEPER = "0x" + "ee" * 20
HOUR = 3_600
NOW = 1_767_261_600  # 2026-01-01 10:00 UTC
TENORS = (1, 2, 7, 14, 30, 60, 90, 180, 365)
VOL_STEP, BASIS_STEP, RATE_STEP = 0.12, 0.01, 0.05
STEP_INTERVAL, MIN_INTERVAL = HOUR, 240
MARGIN = 1e-9  # relative; what the contract rounds is below it


@dataclass(frozen=True, slots=True)
class Slice:
    """One expiry as it was posted."""

    day: int
    svi: SviParams
    basis: float
    rate: float
    posted: int = 0

    @property
    def expiry(self) -> int:
        return self.day * DAY + 28_800

    def variance(self, now: int) -> np.ndarray:
        """Total variance on the grid for the life left."""
        w = np.maximum(total_variance(k=GRID, svi=self.svi), 0.0)
        return w * (self.expiry - now) / (self.expiry - self.posted)

    def row(self) -> tuple[int, ...]:
        s = self.svi
        numbers = (s.a, s.b, s.rho, s.m, s.sigma, self.basis, self.rate)
        return (self.day, *map(to_wad, numbers), 0)


@dataclass(slots=True)
class Twin:
    """Which rules a push breaks: a slack below zero breaks its rule."""

    live: dict[int, Slice] = field(default_factory=dict)

    def slacks(self, pushed: list[Slice], now: int) -> list[tuple[str, float]]:
        found: list[tuple[str, float]] = []
        for s in pushed:
            found += shape_slacks(s, now)
            if s.day in self.live:
                found += step_slacks(self.live[s.day], s, now)
        return found + self.calendar_slacks(pushed, now)

    def calendar_slacks(self, pushed: list[Slice], now: int) -> list[tuple[str, float]]:
        after = {d: s for d, s in self.live.items() if s.expiry > now} | {s.day: s for s in pushed}
        chain = [after[day] for day in sorted(after)]
        new = {s.day for s in pushed}
        return [
            ("surface: calendar arbitrage", float(np.min(1 - near.variance(now) / far_w)))
            for near, far in zip(chain, chain[1:], strict=False)
            if near.day in new or far.day in new
            for far_w in [np.maximum(far.variance(now), 1e-18)]
        ]


def shape_slacks(s: Slice, now: int) -> list[tuple[str, float]]:
    svi = s.svi
    root = sqrt(max(0.0, 1 - svi.rho**2))
    level = float(s.variance(now)[4]) * YEAR / (s.expiry - now)
    return [
        ("surface: rho out of range", 1 - abs(svi.rho)),
        ("surface: sigma out of range", min(svi.sigma / 1e-4 - 1, 4 - svi.sigma)),
        ("surface: a out of range", 9 - abs(svi.a)),
        ("surface: m out of range", 2 - abs(svi.m)),
        ("surface: basis out of range", 0.5 - abs(s.basis)),
        ("surface: rate out of range", 1 - abs(s.rate)),
        ("surface: b negative", svi.b / 1e-3),
        ("surface: wing too steep", 2 - svi.b * (1 + abs(svi.rho))),
        ("surface: variance negative", (svi.a + svi.b * svi.sigma * root) / (1e-3 + abs(svi.a))),
        ("surface: vol out of range", min(level / 0.05**2 - 1, 1 - level / 5.0**2)),
    ]


def step_slacks(old: Slice, new: Slice, now: int) -> list[tuple[str, float]]:
    elapsed, life = now - old.posted, new.expiry - now
    pace = sqrt(min(elapsed, STEP_INTERVAL) / STEP_INTERVAL)
    limit = VOL_STEP * pace * max(1.0, sqrt(30 * DAY / max(life, DAY)))
    before, after = (np.sqrt(s.variance(now) * YEAR / life) for s in (old, new))
    room = limit * np.maximum(1.0, before / before[4])
    return [
        ("surface: pushed too soon", 1.0 if elapsed >= MIN_INTERVAL else -1.0),
        ("surface: basis step too large", 1 - abs(new.basis - old.basis) / (BASIS_STEP * pace)),
        ("surface: rate step too large", 1 - abs(new.rate - old.rate) / (RATE_STEP * pace)),
        ("surface: step too large", float(np.min(1 - np.abs(after - before) / room))),
    ]


@dataclass(frozen=True, slots=True)
class Mood:
    """A market's level and skew: SSVI of Gatheral and Jacquier (2014), section 4."""

    vol: float
    rho: float
    eta: float
    gamma: float

    def slice(self, day: int, now: int) -> Slice:
        years = (day * DAY + 28_800 - now) / YEAR
        theta = self.vol**2 * years
        phi = self.eta / theta**self.gamma
        root = sqrt(1 - self.rho**2)
        svi = SviParams(
            a=theta / 2 * (1 - self.rho**2),
            b=theta * phi / 2,
            rho=self.rho,
            m=-self.rho / phi,
            sigma=root / phi,
        )
        return Slice(day=day, svi=svi, basis=0.05 * years, rate=0.04, posted=now)

    def drift(self, rng: random.Random, size: float) -> Mood:
        return Mood(
            vol=max(0.02, self.vol + rng.gauss(0.0, size)),
            rho=min(0.8, max(-0.8, self.rho + rng.gauss(0.0, size))),
            eta=min(1.1, max(0.3, self.eta + rng.gauss(0.0, size))),
            gamma=min(0.5, max(0.3, self.gamma + rng.gauss(0.0, 0.1 * size))),
        )


def bend(s: Slice, rng: random.Random) -> Slice:
    """One parameter off, by anything between nothing to speak of and nonsense."""
    name = rng.choice(("a", "b", "rho", "m", "sigma", "basis", "rate"))
    size = rng.choice((-1, 1)) * 10 ** rng.uniform(-4, 0.5)
    if name in ("basis", "rate"):
        return replace(s, **{name: getattr(s, name) + 0.05 * size})
    value = getattr(s.svi, name)
    scale = 1.0 if name in ("rho", "m") else 10 ** rng.uniform(0, 2) * (abs(value) + 1e-3)
    return replace(s, svi=replace(s.svi, **{name: value + scale * size}))


def plan(mood: Mood, now: int, rng: random.Random) -> list[Slice]:
    """A push of some expiries, at times with one of them bent."""
    today = NOW // DAY
    days = [today + n for n in sorted(rng.sample(TENORS, rng.randint(1, len(TENORS))))]
    pushed = [mood.slice(day, now) for day in days if day * DAY + 28_800 > now]
    if pushed and rng.random() < 0.6:
        n = rng.randrange(len(pushed))
        pushed[n] = bend(pushed[n], rng)
    return pushed


def verdict(slacks: list[tuple[str, float]]) -> tuple[bool, set[str]] | None:
    """(accepted, rules broken); None where a rule is met or broken by too little to tell."""
    if any(abs(slack) < MARGIN for _, slack in slacks):
        return None
    broken = {rule for rule, slack in slacks if slack < 0}
    return not broken, broken


def play(
    chain: EmbeddedChain, surface: AnyContract, seed: int, pushes: int, seen: Counter[str]
) -> None:
    rng, twin = random.Random(seed), Twin()
    mood = Mood(rng.choice((0.03, 0.5, 0.7, 1.0, 5.2)), -0.2, 0.7, 0.45)
    for _ in range(pushes):
        chain.advance(rng.choice((60, MIN_INTERVAL, 900, HOUR, HOUR, 3 * HOUR)))
        now = chain.timestamp
        new_mood = mood.drift(rng, rng.choice((0.002, 0.01, 0.05)))
        pushed = plan(new_mood, now, rng)
        expected = verdict(twin.slacks(pushed, now))
        if expected is None:
            seen["too close"] += 1
            continue
        try:
            surface.send("push", 1, [s.row() for s in pushed], sender=KEEPER)
            reason = "accepted"
            twin.live |= {s.day: s for s in pushed}
            mood = new_mood
        except Revert as revert:
            reason = revert.reason
        seen[reason] += 1
        assert (reason == "accepted") == expected[0], (reason, expected)
        assert expected[0] or reason in expected[1], (reason, expected)


@pytest.fixture
def surface(chain, deploy) -> AnyContract:
    manager = deploy("AccessManager")
    manager.send("grantRole", manager.call("KEEPER"), KEEPER, sender=ADMIN)
    chain.set_time(NOW)
    steps = [to_wad(x) for x in (VOL_STEP, BASIS_STEP, RATE_STEP)]
    return deploy("VolSurface", manager.address, *steps, STEP_INTERVAL, MIN_INTERVAL)


def test_push__random_surfaces__accepted_when_the_twin_accepts(chain, surface, deep):
    seen: Counter[str] = Counter()
    start = chain.snapshot()
    for seed in range(1_000 if deep else 60):
        play(chain, surface, seed, 10, seen)
        chain.revert(start)
        start = chain.snapshot()
    total = sum(seen.values())
    assert seen["too close"] < total // 100
    assert 0.2 < seen["accepted"] / total < 0.8
    for reason in (
        "surface: calendar arbitrage",
        "surface: step too large",
        "surface: basis step too large",
        "surface: rate step too large",
        "surface: pushed too soon",
        "surface: rho out of range",
        "surface: sigma out of range",
        "surface: wing too steep",
        "surface: b negative",
        "surface: variance negative",
        "surface: vol out of range",
    ):
        assert seen[reason] > 0, (reason, seen)
