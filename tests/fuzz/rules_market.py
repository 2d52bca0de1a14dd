"""Rules of the world outside and of upkeep: time, prices, surfaces, expiries."""

from __future__ import annotations

import random
from dataclasses import replace
from math import exp, sqrt

from protocol.chain.base import Receipt
from protocol.units import DAY, WAD, expiry_timestamp
from tests.fuzz.game import ExpiryNote, Game, Move
from tests.fuzz.model import HALTED, payoff, series_of
from tests.fuzz.rules import Rule, draw_account, draw_market
from tests.fuzz.rules_pool import note_refresh, refresh
from tests.fuzz.script import Args, demand
from tests.fuzz.world import (
    ACCOUNTS,
    FEED_AGE,
    FEED_UNIT,
    FIRST_DAYS,
    HOUR,
    KEEPER,
    LONGEST,
    SPOTS,
    STRANGER,
    STRIKE_STEP,
)

MIN_PUSH = 240
BAND = 0.4  # of the first price, up or down
BP = 10_000
COLLECTION = 600  # seconds from a print until those who are owed are paid


def draw_move(_: Game, rng: random.Random) -> Args:
    seconds = rng.choice((0, 1, 1, 12, 60, 240, 300, 301, 900, HOUR, 3 * HOUR))
    width = 8 if rng.random() < 0.7 else 150
    return seconds, round(rng.gauss(0.0, width)), round(rng.gauss(0.0, width))


def move(game: Game, seconds: int, *basis_points: int) -> bool:
    """Time goes on and every feed answers anew."""
    wait(game, seconds)
    for number, change in enumerate(basis_points):
        symbol = game.market(number).symbol
        first = SPOTS[symbol] * FEED_UNIT
        answer = game.outside.answers[number] * max(BP + change, 1) // BP
        answer = int(min(max(answer, first * (1 - BAND)), first * (1 + BAND)))
        set_answer(game, number, answer)
    return True


def wait(game: Game, seconds: int) -> None:
    """Not past the hour before an expiry: `expire` sees to it that its price is recorded."""
    game.arena.chain.advance(min(max(seconds, 0), room(game)))


def room(game: Game) -> int:
    days = {day for listed in game.outside.listed for day in listed}
    ends = [expiry_timestamp(day) - HOUR - 1 - game.now for day in days]
    return max(min(ends, default=LONGEST * DAY), 0)


def set_answer(game: Game, number: int, answer: int) -> None:
    feed = game.arena.feeds[number]
    game.must_pass(lambda: feed.set_answer(answer, sender=STRANGER))
    game.outside.answers[number], game.outside.updated_at[number] = answer, game.now


def draw_silence(_: Game, rng: random.Random) -> Args:
    return (rng.choice((1, 5, 61, 600, FEED_AGE, FEED_AGE + 1)),)


def silence(game: Game, seconds: int) -> bool:
    """Time goes on and no feed answers."""
    wait(game, seconds)
    return True


def draw_answer(game: Game, _: random.Random) -> Args | None:
    late = any(second < game.now for second in game.outside.updated_at)
    return (0, 0, 0) if late else None


def draw_record(_: Game, rng: random.Random) -> Args:
    return (draw_market(rng),)


def record(game: Game, market: int) -> bool:
    oracle, underlying = game.system.oracle, game.market(market).underlying
    if game.oracle_spot(market) is None:
        game.must_fail("oracle: price stale", lambda: oracle.record(underlying, sender=STRANGER))
        return False
    game.must_pass(lambda: oracle.record(underlying, sender=STRANGER))
    demand(oracle.last_good(underlying).price == game.spot(market), "record: keeps the price")
    return True


def draw_push(game: Game, rng: random.Random) -> Args:
    by_stranger, behind = rng.choice((0,) * 9 + (1,)), rng.choice((0,) * 6 + (1, 2, 3))
    return draw_market(rng), round(rng.gauss(0.0, 200)), by_stranger, behind


def live_days(game: Game, market: int) -> tuple[int, ...]:
    """Days that have a surface and a life."""
    days = sorted(game.outside.pushed_at[market])
    return tuple(day for day in days if expiry_timestamp(day) > game.now)


def push(game: Game, market: int, change: int, by_stranger: int, behind: int = 0) -> bool:
    """A new surface of every live day, `behind` its market or not; the step may be too large or
    too soon."""
    days, outside = live_days(game, market), game.outside
    variance = min(max(outside.variance[market] * exp(change / BP), 0.1), 2.0)
    if not push_days(game, market, days, variance, by_stranger, behind):
        return False
    outside.variance[market] = variance
    return True


def push_days(
    game: Game,
    market: int,
    days: tuple[int, ...],
    variance: float,
    by_stranger: int = 0,
    behind: int = 0,
) -> bool:
    """`variance` a year at the money, where the reference smile's short end stands."""
    pushed, surface = game.outside.pushed_at[market], game.system.surface
    change = round(BP * (sqrt(variance) - sqrt(game.outside.variance[market])))
    answer, underlying = game.outside.answers[market], game.market(market).underlying
    posted = game.arena.surface(market, answer=answer, variance=variance, days=days)
    rows = [replace(row, behind=behind) for row in posted]

    def send(sender: str = KEEPER) -> Receipt:
        return surface.push(underlying, rows, sender=sender)

    if by_stranger:
        game.must_fail("access: keeper only", lambda: send(STRANGER))
        return True
    if any(game.now - pushed[day] < MIN_PUSH for day in days if day in pushed):
        game.must_fail("surface: pushed too soon", send)
        return False
    if game.attempt(Move("push", market=market, size=change), send) is None:
        return False
    pushed.update(dict.fromkeys(days, game.now))
    game.outside.behind[market].update(dict.fromkeys(days, behind))
    return True


def draw_upkeep(game: Game, rng: random.Random) -> Args | None:
    market = rng.randrange(len(game.arena.markets))
    notes, pushed = game.outside.listed[market], game.outside.pushed_at[market]
    since = min((pushed[day] for day in notes), default=game.now)
    seen = min((note.refreshed_at for note in notes.values()), default=game.now)
    old = game.now - min(since, seen) > game.most_age // 2
    return (market, round(rng.gauss(0.0, 200))) if old else None


def upkeep(game: Game, market: int, change: int) -> bool:
    """What a keeper does for a market that has been left alone: push, then refresh all."""
    pushed = push(game, market, change, 0)
    for day in list(game.outside.listed[market]):
        refresh(game, market, day, 0)
    return pushed


def draw_listing(game: Game, rng: random.Random) -> Args | None:
    market = draw_market(rng)
    today = game.now // DAY
    fresh = [today + more for more in FIRST_DAYS if today + more not in game.outside.listed[market]]
    if len(game.outside.listed[market]) >= len(FIRST_DAYS) or not fresh:
        return None
    return market, rng.choice(fresh)


def list_expiry(game: Game, market: int, day: int) -> bool:
    """The keeper posts a surface with one more day on it, then lists the day."""
    notes, outside = game.outside.listed[market], game.outside
    if day in notes or not game.now < expiry_timestamp(day) < game.now + LONGEST * DAY:
        return False
    if game.oracle_spot(market) is None:
        return False
    if day not in outside.pushed_at[market]:
        days = tuple(sorted({*live_days(game, market), day}))
        if not push_days(game, market, days, outside.variance[market]):
            return False
    amm, step = game.market(market).amm, STRIKE_STEP[game.market(market).symbol] * 10_000
    game.must_pass(lambda: amm.list_expiry(day, step, sender=KEEPER))
    notes[day] = ExpiryNote(step, game.now, game.spot(market), outside.pushed_at[market][day])
    note_refresh(game, market, day)
    return True


def draw_expiry(game: Game, rng: random.Random) -> Args | None:
    days = {day for listed in game.outside.listed for day in listed}
    return (min(days), rng.choice((5, 7)), round(rng.gauss(0, 50))) if days else None


def draw_due(game: Game, rng: random.Random) -> Args | None:
    return draw_expiry(game, rng) if room(game) < HOUR else None


def expire(game: Game, day: int, records: int, change: int) -> bool:
    """Over an expiry: recorded, printed, closed; accounts may settle at once or later."""
    start = expiry_timestamp(day) - HOUR
    if game.now >= start or game.model.level_at(game.now) == HALTED:
        return False
    game.arena.chain.set_time(start)
    pause = 2 * HOUR // max(records, 1)
    for _ in range(max(records, 1)):
        move(game, 0, change, -change)
        for number in range(len(game.arena.markets)):
            record(game, number)
        game.arena.chain.advance(pause)
    move(game, 0, 0, 0)
    if game.model.level_at(game.now) == HALTED:
        return False
    for number in range(len(game.arena.markets)):
        take_print(game, number, day)
    return True


def take_print(game: Game, market: int, day: int) -> None:
    underlying, settlement = game.market(market).underlying, game.system.settlement
    game.must_pass(lambda: settlement.take_print(underlying, day, sender=STRANGER))
    game.model.collected_at[underlying, day] = game.now + COLLECTION
    game.model.prints[underlying, day] = settlement.settlement_price(underlying, day)
    if day in game.outside.listed[market]:
        close(game, market, day)


def close(game: Game, market: int, day: int) -> None:
    """The pool is paid at the print, each series rounded down."""
    amm, underlying = game.market(market).amm, game.market(market).underlying
    price, pool = game.model.prints[underlying, day], dict(game.model.held[amm.pool])
    due, cash = settled_at(pool, underlying, day, price), game.model.cash[amm.pool]
    if due > 0:
        early = "expiry: still collecting"
        game.must_fail(early, lambda: amm.close_expiry(day, sender=STRANGER))
        game.arena.chain.advance(COLLECTION)
        move(game, 0, 0, 0)
    if due > paid_in(game, underlying, day):
        early = "expiry: settle shorts first"
        game.must_fail(early, lambda: amm.close_expiry(day, sender=STRANGER))
        settle_all(game, underlying, day)
    game.must_pass(lambda: amm.close_expiry(day, sender=STRANGER))
    demand(game.model.cash[amm.pool] - cash == due, "expiry: pays the pool the print")
    del game.outside.listed[market][day]
    game.outside.pushed_at[market].pop(day, None)


def paid_in(game: Game, underlying: int, day: int) -> int:
    """What the escrow of an expiry holds."""
    return game.model.cash[game.system.settlement.escrow(underlying, day)]


def settle_all(game: Game, underlying: int, day: int) -> None:
    """Everybody's options of one expiry, who owes first in each batch."""
    settlement = game.system.settlement
    for first in range(0, len(ACCOUNTS), 16):
        batch = ACCOUNTS[first : first + 16]
        game.must_pass(
            lambda batch=batch: settlement.settle_accounts(batch, underlying, day, sender=STRANGER)
        )


def settled_at(book: dict[int, int], underlying: int, day: int, price: int) -> int:
    rows = [(series_of(i), i, size) for i, size in book.items()]
    return sum(
        size * payoff(i, price) // WAD
        for series, i, size in rows
        if (series.underlying, series.day) == (underlying, day)
    )


def draw_settlement(game: Game, rng: random.Random) -> Args | None:
    rows = [n for n, number in enumerate(ACCOUNTS) if due_prints(game, number)]
    return (rng.choice(rows),) if rows else ((draw_account(rng),) if rng.random() < 0.1 else None)


def due_prints(game: Game, account: int) -> set[tuple[int, int]]:
    """(underlying, day) an account is still to be paid for."""
    series = [series_of(i) for i in game.model.held[account]]
    return {(s.underlying, s.day) for s in series} & set(game.model.prints)


def settle(game: Game, account: int) -> bool:
    """Anybody settles an account: every expiry with a print, but where he waits for losers."""
    number = ACCOUNTS[account]
    book, cash = dict(game.model.held[number]), game.model.cash[number]
    keys = due_prints(game, number)
    dues = {key: settled_at(book, *key, game.model.prints[key]) for key in keys}
    collecting = {
        key for key, due in dues.items() if due > 0 and game.now < game.model.collected_at[key]
    }
    waiting = {key for key, due in dues.items() if due > 0 and due > paid_in(game, *key)}
    waiting |= collecting
    due = sum(due for key, due in dues.items() if key not in waiting)
    settlement = game.system.settlement
    if game.model.level_at(game.now) == HALTED:
        if keys - waiting:
            game.must_fail(
                "ledger: halted", lambda: settlement.settle_account(number, sender=STRANGER)
            )
        return True
    if keys and keys == waiting:
        early = "expiry: still collecting" if collecting else "expiry: settle shorts first"
        game.must_fail(early, lambda: settlement.settle_account(number, sender=STRANGER))
        return True
    game.must_pass(lambda: settlement.settle_account(number, sender=STRANGER))
    demand(game.model.cash[number] - cash == due, "expiry: pays an account the print")
    demand(due_prints(game, number) == waiting, "expiry: settles all there is to pay")
    return True


RULES = (
    Rule("move", 14, draw_move, move),
    Rule("silence", 2, draw_silence, silence),
    Rule("answer", 30, draw_answer, move),
    Rule("record", 2, draw_record, record),
    Rule("push", 6, draw_push, push),
    Rule("upkeep", 35, draw_upkeep, upkeep),
    Rule("list", 8, draw_listing, list_expiry),
    Rule("expire", 1, draw_expiry, expire),
    Rule("due", 30, draw_due, expire),
    Rule("settle", 8, draw_settlement, settle),
)
