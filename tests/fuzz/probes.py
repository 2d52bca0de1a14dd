"""Rules that try to take money out: there and back, in slices, by a refresh, across strikes."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy

from protocol.clients.markets import Quote
from protocol.errors import Revert
from protocol.units import WAD, expiry_timestamp
from tests.fuzz.game import Game, Outside
from tests.fuzz.model import Model
from tests.fuzz.rules import (
    LegArgs,
    Rule,
    draw_account,
    draw_market,
    draw_size,
    draw_strike,
    leg,
    tradable,
)
from tests.fuzz.rules_amm import CALL, PUT, draw_legs, trade_checked
from tests.fuzz.rules_market import move
from tests.fuzz.rules_pool import refresh
from tests.fuzz.script import Args, demand
from tests.fuzz.world import ACCOUNTS, HOUR, STRIKE_STEP

BRINK = 6 * HOUR  # how far ahead an edge is worth waiting for
PART_WEI = 16  # roundings of one trade, in wei of cash, beside those of delta


def slack(game: Game, market: int, parts: int) -> int:
    """Wei that the roundings of some trades may give.

    Each rounds its delta by two wei. Those are worth a share of spot: the widest uncertainty there
    is, the cost of hedging and what the potential takes at the delta limit, some 5 % in all, times
    the toxicity.
    """
    return parts * (PART_WEI + game.spot(market) // WAD // 3)


def whole_slack(game: Game, market: int) -> int:
    """Wei by which one trade may be rounded up, which its parts may be spared.

    The part of the half-spread that is a share of spot is rounded up to a wei of a share, which is
    worth one wei for each dollar of spot, and multiplied by the toxicity.
    """
    toxicity = game.pools[market].terms.spreads.toxicity
    return game.spot(market) // WAD * toxicity // WAD + PART_WEI


# -- there and back, and any path between --


Path = tuple[tuple[int, tuple[LegArgs, ...]], ...]  # (day to refresh, ()) or (0, legs to trade)


def draw_trip(game: Game, rng: random.Random) -> Args | None:
    market = draw_market(rng)
    first, days = draw_legs(game, rng, market), list(game.outside.listed[market])
    if not first:
        return None
    path = [(0, first)]
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        trades = rng.random() < 0.4
        path.append((0, draw_legs(game, rng, market)) if trades else (rng.choice(days), ()))
    return market, draw_account(rng), tuple(path), rng.randrange(2)


def trip(game: Game, market: int, account: int, path: Path, apart: int) -> bool:
    """Trades and refreshes at one mark, then all of it closed: no path pays its taker.

    Every expiry is refreshed first: what stands between an old snapshot and the live market is paid
    for by the spread, not by the potential.
    """
    for day in list(game.outside.listed[market]):
        refresh(game, market, day, 1)
    number, opened, parts = ACCOUNTS[account], defaultdict[tuple[int, int, int], int](int), 0
    cash = game.model.cash[number]
    for day, rows in path:
        if day:
            refresh(game, market, day, 1)
        elif trade_checked(game, market, account, rows) is not None:
            parts += 1
            for kind, expiry, strike, size in rows:
                opened[kind, expiry, strike] += size
    back: list[LegArgs] = [(*key, -size) for key, size in opened.items() if size]
    width = 1 if apart else 4
    for at in range(0, len(back), width):
        parts += 1
        if trade_checked(game, market, account, tuple(back[at : at + width])) is None:
            return False
    gain = game.model.cash[number] - cash
    demand(gain <= slack(game, market, parts), "trip: no path pays its taker", (gain, path))
    return bool(opened)


# -- the same trade in parts --


Saved = tuple[Model, Outside]


def save(game: Game) -> Saved:
    """The model, to go back to with the chain."""
    return deepcopy((game.model, game.outside))


def restore(game: Game, saved: Saved) -> None:
    game.model, game.outside = saved


def draw_split(game: Game, rng: random.Random) -> Args | None:
    market = draw_market(rng)
    rows = draw_legs(game, rng, market)
    if not rows:
        return None
    cuts = tuple(rng.randrange(1, 100) for _ in range(rng.choice((1, 1, 2, 3))))
    drift = rng.choice((0, 0, 20, -30))
    return market, draw_account(rng), rows, cuts, rng.randrange(2**16), drift


def split(
    game: Game,
    market: int,
    account: int,
    rows: tuple[LegArgs, ...],
    cuts: Sequence[int],
    order: int,
    drift: int,
) -> bool:
    """Whole, or by leg and by size in any order: the parts never cost less.

    With a drift in basis points the first leg's expiry alone is refreshed after it: the others'
    part of the spread is widened.
    """
    if drift:
        for day in list(game.outside.listed[market]):
            refresh(game, market, day, 1)
        move(game, 1, drift, drift)
        refresh(game, market, rows[0][1], 1)
    number, chain = ACCOUNTS[account], game.arena.chain
    start, kept, cash = chain.snapshot(), save(game), game.model.cash[ACCOUNTS[account]]
    whole = trade_checked(game, market, account, rows)
    chain.revert(start)
    restore(game, kept)
    if whole is None:
        return False
    parts = [part for row in rows for part in slices(row, cuts)]
    random.Random(order).shuffle(parts)
    for part in parts:
        if trade_checked(game, market, account, (part,)) is None:
            return False
    gain = whole.cash - (cash - game.model.cash[number])
    allowed = slack(game, market, len(parts)) + whole_slack(game, market)
    demand(gain <= allowed, "split: parts never cost less", gain)
    drifts = {game.outside.listed[market][day].spot for _, day, _, _ in rows}
    game.checked["split over unequal drifts"] += len(drifts) > 1
    return True


def slices(row: LegArgs, cuts: Sequence[int]) -> list[LegArgs]:
    kind, day, strike, size = row
    sign, top = (1 if size > 0 else -1), abs(size)
    edges = [0, *sorted(top * cut // 100 for cut in cuts), top]
    sizes = [b - a for a, b in zip(edges, edges[1:], strict=False) if b > a]
    return [(kind, day, strike, sign * each) for each in sizes]


# -- arbitrage between the quotes, at the cap too --


def draw_smile(game: Game, rng: random.Random) -> Args | None:
    market = draw_market(rng)
    days, symbol = tradable(game, market), game.market(market).symbol
    if not days:
        return None
    base = draw_strike(game, rng, market, 2)
    push = (rng.choice((CALL, PUT)), rng.choice(days), base, draw_size(rng, symbol) * 3)
    return market, draw_account(rng), push, base, int(10 ** rng.uniform(12, 19))


def smile(game: Game, market: int, account: int, push: LegArgs, base: int, size: int) -> bool:
    """One side is pushed as far as the pool lets it; then no sure payoff costs nothing."""
    for day in list(game.outside.listed[market]):
        refresh(game, market, day, 1)
    pushed = False
    for _ in range(12):  # halve until it fits: what goes through lies near the cap
        if trade_checked(game, market, account, (push,)) is not None:
            pushed = True
            break
        push = (*push[:3], push[3] // 2)
        if abs(push[3]) < 2:
            break
    width, number = STRIKE_STEP[game.market(market).symbol], ACCOUNTS[account]
    for rows in arbitrages(tradable(game, market), base, width, max(size, 1)):
        quote = quote_or_none(game, market, number, rows)
        if quote is not None:
            game.checked["arbitrage quotes"] += 1
            demand(quote.cash > 0, "smile: a payoff for nothing", (rows, quote))
    return pushed


def arbitrages(days: Sequence[int], base: int, width: int, size: int) -> list[tuple[LegArgs, ...]]:
    """Packages that can only pay: verticals, butterflies, boxes."""
    found: list[tuple[LegArgs, ...]] = []
    low, high = max(base - width, width), max(base - width, width) + 2 * width
    for day in days:
        middle = (low + high) // 2
        for kind in (CALL, PUT):
            wings = (kind, day, low, size), (kind, day, high, size)
            found.append((wings[0], (kind, day, middle, -2 * size), wings[1]))
        found.append(((CALL, day, low, size), (CALL, day, high, -size)))
        found.append(((PUT, day, high, size), (PUT, day, low, -size)))
        box = (CALL, day, low, size), (CALL, day, high, -size)
        found.append((*box, (PUT, day, high, size), (PUT, day, low, -size)))
    return found


def quote_or_none(game: Game, market: int, number: int, rows: Sequence[LegArgs]) -> Quote | None:
    legs = [leg(game, market, row) for row in rows]
    try:
        return game.market(market).amm.quote(number, legs)
    except Revert:
        return None


# -- the last second and the first one after --


def draw_brink(game: Game, rng: random.Random) -> Args | None:
    """Seconds at which an option stops being quoted: near its expiry, or on an old snapshot."""
    market = draw_market(rng)
    notes = [(day, note) for day, note in game.outside.listed[market].items()]
    edges = [(expiry_timestamp(day) - game.least_life, day) for day, _ in notes]
    edges += [(note.refreshed_at + game.most_age, day) for day, note in notes]
    near = [(second - game.now, day) for second, day in edges if 0 < second - game.now < BRINK]
    if not near:
        return None
    wait, day = rng.choice(near)
    return market, draw_account(rng), wait + rng.choice((-1, 0, 0, 1, 1)), day, rng.choice((1, -1))


def brink(game: Game, market: int, account: int, wait: int, day: int, sign: int) -> bool:
    """Wait and trade: the table says to the second what is refused and what is not."""
    move(game, wait, *[0] * len(game.arena.markets))
    width = STRIKE_STEP[game.market(market).symbol]
    strike = round(game.spot(market) / WAD / width) * width
    trade_checked(game, market, account, ((CALL, day, strike, sign * WAD // 100),))
    return True


RULES = (
    Rule("trip", 6, draw_trip, trip),
    Rule("split", 6, draw_split, split),
    Rule("brink", 3, draw_brink, brink),
    Rule("smile", 2, draw_smile, smile),
)
