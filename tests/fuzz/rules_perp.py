"""Rules of the perps: every fill predicted to the wei by the model's own arithmetic."""

from __future__ import annotations

import random

from protocol.clients.markets import FOREVER
from protocol.units import WAD
from tests.fuzz.game import Game, Move
from tests.fuzz.rules import Rule, draw_account, draw_amount, draw_market
from tests.fuzz.rules_ledger import senders
from tests.fuzz.script import Args, demand
from tests.fuzz.world import ACCOUNTS, STRANGER

NO_PRICE_LIMIT = 2**128


def draw_open(game: Game, rng: random.Random) -> Args:
    market = draw_market(rng)
    params = game.model.perps[market].params
    size = draw_amount(rng, params.max_trade // rng.choice((1, 10, 100)))
    if rng.random() < 0.04:
        size = rng.choice((0, params.max_trade + 1, 2**100))
    room = params.max_skew - abs(game.model.perps[market].skew)
    if rng.random() < 0.1:
        size = max(room + rng.choice((0, 1)), 1)
    sign = rng.choice((-1, 1)) if rng.random() < 0.5 else -sign_of(game.model.perps[market].skew)
    return market, draw_account(rng), sign * size, rng.choice((0,) * 15 + (1, 2)), rng.randrange(9)


def sign_of(number: int) -> int:
    return -1 if number < 0 else 1


def draw_close(game: Game, rng: random.Random) -> Args | None:
    market = draw_market(rng)
    held = [
        (n, game.model.position(number, game.model.perps[market].instrument))
        for n, number in enumerate(ACCOUNTS)
    ]
    open_ones = [(n, size) for n, size in held if size]
    if not open_ones:
        return None
    account, size = rng.choice(open_ones)
    part = rng.choice((size, size, size - sign_of(size), size + sign_of(size), size // 2))
    return market, account, -(part or size), 0, 0


def trade(game: Game, market: int, account: int, size: int, sender: int, tight: int) -> bool:
    """Open, add, turn or close; `tight` 1 asks for a wei better than the price."""
    perp, number, who = game.model.perps[market], ACCOUNTS[account], senders(account)[sender]
    spot = game.oracle_spot(market)
    limit = NO_PRICE_LIMIT if size > 0 else 0
    bounded = Move("perp", number, who, market, size=size)
    if spot is None:
        return closes_stale(game, bounded, limit)
    held = game.model.position(number, perp.instrument)
    payment, fee = perp.payment(held, size, spot.price, spot.uncertainty)
    if tight == 1 and size:
        # the limit is on the whole: index * size + payment <= limit * size
        limit = max((spot.price * size + payment * WAD) // size - sign_of(size), 0)
        bounded = Move("perp", number, who, market, size=size, limit=limit)
    before = dict(game.model.cash)
    receipt = game.attempt(
        bounded,
        lambda: game.market(market).perp.trade(number, size, limit, sender=who, deadline=FOREVER),
    )
    if receipt is None:
        return False
    demand(tight != 1, "perp: a price beyond its limit")
    won = perp.touch(number, held, size, spot.price, game.now)
    paid = before[number] - game.model.cash[number]
    demand(paid == payment + fee - won, "perp: charges what the model does", (paid, payment, fee))
    maker = perp.rates.split(fee)[0]
    gained = game.model.cash[perp.pool] - before[perp.pool]
    demand(gained == payment + maker - won, "perp: the pool gets the other side")
    return True


def closes_stale(game: Game, move: Move, limit: int) -> bool:
    """On a stale feed a close goes on at the last good price; an opening does not."""
    market, perp = game.market(move.market), game.model.perps[move.market]
    held = game.model.position(move.account, perp.instrument)
    receipt = game.attempt(
        move, lambda: market.perp.trade(move.account, move.size, limit, sender=move.sender)
    )
    if receipt is None:
        return False
    last = game.system.oracle.last_good(market.underlying)
    perp.touch(move.account, held, move.size, last.price, game.now)
    return True


def draw_realise(game: Game, rng: random.Random) -> Args:
    return draw_market(rng), draw_account(rng)


def realise(game: Game, market: int, account: int) -> bool:
    """Anybody may; P&L becomes cash, rounded once, and the pool loses exactly that."""
    perp, number = game.model.perps[market], ACCOUNTS[account]
    client = game.market(market).perp
    if game.oracle_spot(market) is None:
        game.must_fail("oracle: price stale", lambda: client.realise(number, sender=STRANGER))
        return False
    if game.model.level_at(game.now) == 2:
        return False
    held, before = game.model.position(number, perp.instrument), dict(game.model.cash)
    game.must_pass(lambda: client.realise(number, sender=STRANGER))
    won = perp.touch(number, held, 0, game.spot(market), game.now)
    demand(game.model.cash[number] - before[number] == won, "realise: what the model has")
    demand(game.model.cash[perp.pool] - before[perp.pool] == -won, "realise: from the pool")
    return True


RULES = (
    Rule("perp trade", 12, draw_open, trade),
    Rule("perp close", 8, draw_close, trade),
    Rule("realise", 3, draw_realise, realise),
)
