"""What a rule is, and the draws all rules share: biased to edges, mostly meant to go through."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from protocol.types import Kind, Leg
from protocol.units import WAD
from tests.fuzz.game import Game, leg_of
from tests.fuzz.model import series_of
from tests.fuzz.script import Args
from tests.fuzz.world import ACCOUNTS, SPOTS, STRIKE_STEP, life, owner_of

LegArgs = tuple[int, int, int, int]  # kind, day, strike in dollars, size


@dataclass(frozen=True, slots=True)
class Rule:
    """`draw` gives the arguments of a move, None where there is nothing to do now; `play` does it.

    `play` is True when it did what the rule is for, be that a refusal that was called for.
    """

    name: str
    weight: int
    draw: Callable[[Game, random.Random], Args | None]
    play: Callable[..., bool]


def draw_amount(rng: random.Random, top: int) -> int:
    """Of something there is `top` of: all, a unit less, a unit, a few, any part."""
    if top <= 0:
        return 1
    part = rng.randrange(top) + 1
    choices = (1, 2, top, max(top - 1, 1), top // 2 or 1, part, part, part // 1_000 or 1)
    return rng.choice(choices)


def draw_account(rng: random.Random) -> int:
    return rng.randrange(len(ACCOUNTS))


def draw_market(rng: random.Random) -> int:
    return rng.randrange(len(SPOTS))


def owner(number: int) -> str:
    """Whose account it is, by its place."""
    return owner_of(ACCOUNTS[number])


def tradable(game: Game, market: int) -> list[int]:
    """Listed days that are quoted now."""
    days = game.outside.listed[market]
    return [day for day in days if life(day, game.now) >= game.least_life]


def draw_size(rng: random.Random, symbol: str) -> int:
    """Contracts, signed: a wei, a round one, or anything up to what a pool can bear."""
    scale = 2_000.0 / SPOTS[symbol]
    exact = int(10 ** rng.uniform(-2.0, 2.3) * scale * WAD) + rng.randrange(100)
    size = rng.choice((1, 2, WAD, exact, exact, exact, exact, exact, exact, exact * 10))
    return rng.choice((-1, 1)) * size


def draw_strike(game: Game, rng: random.Random, market: int, width: int = 4) -> int:
    """Dollars, near the money."""
    step = STRIKE_STEP[game.market(market).symbol]
    nearest = round(game.spot(market) / WAD / step)
    return max(nearest + rng.randint(-width, width), 1) * step


def leg(game: Game, market: int, row: LegArgs) -> Leg:
    kind, day, strike, size = row
    return leg_of(kind, game.market(market).underlying, day, strike * 10_000, size)


def as_row(instrument: int, size: int) -> LegArgs:
    series = series_of(instrument)
    return int(series.kind), series.day, series.strike_steps // 10_000, size


def held_options(game: Game, account: int, market: int) -> list[tuple[int, int]]:
    """(instrument, size) of an account in options that are quoted now."""
    here, days = game.market(market).underlying, set(tradable(game, market))
    book = game.model.held[ACCOUNTS[account]].items()
    parsed = [(series_of(i), i, size) for i, size in book]
    return [
        (i, size)
        for series, i, size in parsed
        if series.underlying == here and series.kind != Kind.PERP and series.day in days
    ]
