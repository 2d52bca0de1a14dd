"""Rules of the options pools: trades of every shape, and limits."""

from __future__ import annotations

import random

from protocol.chain.base import Receipt
from protocol.clients.markets import FOREVER, NO_LIMIT, Quote, Valuation
from protocol.errors import InputError, Revert
from tests.fuzz.game import Game, Move
from tests.fuzz.rules import (
    LegArgs,
    Rule,
    as_row,
    draw_account,
    draw_market,
    draw_size,
    draw_strike,
    held_options,
    leg,
    owner,
    tradable,
)
from tests.fuzz.rules_ledger import senders
from tests.fuzz.script import Args, Violation, demand
from tests.fuzz.world import ACCOUNTS

CALL, PUT = 1, 2
QUOTED = 6  # of how many trades one is compared with its quote and the twin
WEI = 8  # what a trade may cost the pool beyond its spread, by roundings of valuations


def draw_legs(game: Game, rng: random.Random, market: int) -> tuple[LegArgs, ...]:
    """One to four legs of any kind; none where nothing is quoted."""
    days, symbol = tradable(game, market), game.market(market).symbol
    count = rng.choice((1, 1, 1, 1, 2, 2, 3, 4)) if days else 0
    keys = {
        (rng.choice((CALL, PUT)), rng.choice(days), draw_strike(game, rng, market))
        for _ in range(count)
    }
    return tuple((*key, draw_size(rng, symbol)) for key in sorted(keys))


def draw_trade(game: Game, rng: random.Random) -> Args | None:
    market = draw_market(rng)
    legs = draw_legs(game, rng, market)
    if not legs:
        return None
    return market, draw_account(rng), legs, rng.choice((0,) * 12 + (1, 2))


def draw_spread(game: Game, rng: random.Random) -> Args | None:
    """A vertical, a calendar or a butterfly: legs of one size that offset each other."""
    market = draw_market(rng)
    days, symbol = tradable(game, market), game.market(market).symbol
    if not days:
        return None
    size, kind, day = draw_size(rng, symbol), rng.choice((CALL, PUT)), rng.choice(days)
    low, high = sorted(draw_strike(game, rng, market) for _ in range(2))
    if low == high:
        rows = [(kind, other, low) for other in days[:2]]
        sizes = [-size, size][: len(rows)]
    elif rng.random() < 0.5 or (low + high) % 2:
        rows, sizes = [(kind, day, low), (kind, day, high)], [size, -size]
    else:
        width = high - low
        rows = [(kind, day, low), (kind, day, high), (kind, day, high + width)]
        sizes = [size, -2 * size, size]
    legs = tuple((*row, each) for row, each in zip(rows, sizes, strict=True))
    return market, draw_account(rng), legs, 0


def draw_close(game: Game, rng: random.Random) -> Args | None:
    market, account = draw_market(rng), draw_account(rng)
    book = held_options(game, account, market)
    if not book:
        return None
    chosen = rng.sample(book, min(len(book), rng.choice((1, 1, 2, 4))))
    legs = []
    for instrument, size in chosen:
        part = rng.choice((size, size, size, size // 2 or size, 2 * size, size + 1, size - 1))
        legs.append(as_row(instrument, -part or -size))
    return market, account, tuple(legs), rng.choice((0,) * 12 + (1,))


def trade(game: Game, market: int, account: int, rows: tuple[LegArgs, ...], sender: int) -> bool:
    return trade_checked(game, market, account, rows, sender) is not None


def trade_checked(
    game: Game,
    market: int,
    account: int,
    rows: tuple[LegArgs, ...],
    sender: int = 0,
    *,
    limit: int = NO_LIMIT,
    deadline: int = FOREVER,
) -> Quote | None:
    """One trade and what must be true of it; None where it was refused, for a good reason."""
    amm, number, who = game.market(market).amm, ACCOUNTS[account], senders(account)[sender]
    legs = tuple(leg(game, market, row) for row in rows)
    move = Move("trade", number, who, market, legs, limit=limit, deadline=deadline)
    asked = quoted(game, move) if game.steps % QUOTED == 0 else None
    before, cash = game.worth(market), dict(game.model.cash)
    receipt = game.attempt(
        move,
        lambda: amm.trade(number, legs, sender=who, limit_cash=limit, deadline=deadline),
    )
    if receipt is None:
        return None
    quote = quote_of(game, market, receipt)
    demand(asked is None or asked == quote, "trade: as quoted", (asked, quote))
    demand(quote.cash <= limit, "trade: within its limit")
    paid = cash[number] - game.model.cash[number]
    demand(paid == quote.cash, "trade: the taker pays the quote", (paid, quote))
    gained = game.model.cash[amm.pool] - cash[amm.pool]
    demand(0 <= quote.cash - gained <= quote.fee, "trade: the pool gets all but its fees")
    check_worth(game, market, before, quote.spread + gained + quote.fee - quote.cash)
    return quote


def quotable(game: Game, move: Move) -> bool:
    """Whether the view answers: it checks everything but the taker's money and rights."""
    try:
        game.market(move.market).amm.quote(move.account, move.legs)
    except Revert:
        return False
    return True


def quoted(game: Game, move: Move) -> Quote | None:
    """The quote, which is the twin's to the wei; None where there is none."""
    if not quotable(game, move):
        return None
    quote = game.market(move.market).amm.quote(move.account, move.legs)
    try:
        own = game.priced(move)
    except InputError as refusal:
        raise Violation("quote: the twin refuses", f"{refusal}: {move}") from refusal
    expected = Quote(own.cash, own.mark, own.impact, own.spread, own.fee)
    demand(quote == expected, "quote: the twin's to the wei", (quote, expected))
    game.checked["quote"] += 1
    return quote


def quote_of(game: Game, market: int, receipt: Receipt) -> Quote:
    """What a trade was charged, from its event."""
    events = game.market(market).amm.events(receipt)
    (traded,) = (event for event in events if event.name == "Traded")
    quote = Quote(*traded.args["quote"])
    answer = receipt.return_data
    returned = None if answer is None else int.from_bytes(answer, "big", signed=True)
    demand(returned in (None, quote.cash), "trade: returns what it logs", (returned, quote))
    return quote


def check_worth(game: Game, market: int, before: Valuation | None, due: int) -> None:
    """NAV less the potential rises by what the pool is due: spread and fee, to a few wei."""
    after = game.worth(market)
    if before is None or after is None:
        return
    gain = (after.nav - after.risk) - (before.nav - before.risk)
    demand(gain >= due - WEI, "trade: NAV - potential never falls", (gain, due))
    demand(after.depth == before.depth, "trade: never moves depth")
    game.checked["worth of a trade"] += 1


def draw_limited(game: Game, rng: random.Random) -> Args | None:
    drawn = draw_trade(game, rng)
    return None if drawn is None else (*drawn[:3], rng.choice((-1, 0, 1)))


def trade_limited(
    game: Game, market: int, account: int, rows: tuple[LegArgs, ...], slack: int
) -> bool:
    """A wei below the quote is too little, the quote itself is enough."""
    amm, number = game.market(market).amm, ACCOUNTS[account]
    legs = tuple(leg(game, market, row) for row in rows)
    move = Move("trade", number, owner(account), market, legs)
    if not quotable(game, move):
        return False
    limit = amm.quote(number, legs).cash + slack
    if slack < 0:
        game.must_fail(
            "amm: worse than limit",
            lambda: amm.trade(number, legs, sender=owner(account), limit_cash=limit),
        )
        return True
    return trade_checked(game, market, account, rows, limit=limit) is not None


def draw_flawed(game: Game, rng: random.Random) -> Args | None:
    drawn = draw_trade(game, rng)
    if drawn is None:
        return None
    market, account, rows, _ = drawn
    return market, account, rows, rng.randrange(len(FLAWS))


def spoil(rows: tuple[LegArgs, ...], flaw: str) -> tuple[LegArgs, ...]:
    (kind, day, strike, size), *rest = rows
    return {
        "no legs": (),
        "instrument twice": ((kind, day, strike, size), (kind, day, strike, -size)),
        "zero size": ((kind, day, strike, 0), *rest),
        "size too large": ((kind, day, strike, 10**24 + 1), *rest),
        "expiry not listed": ((kind, day + 400, strike, size), *rest),
        "strike off the grid": ((kind, day, strike + 1, size), *rest),
        "deadline passed": rows,
    }[flaw]


FLAWS = (
    "no legs",
    "instrument twice",
    "zero size",
    "size too large",
    "expiry not listed",
    "strike off the grid",
    "deadline passed",
)


def trade_flawed(
    game: Game, market: int, account: int, rows: tuple[LegArgs, ...], flaw: int
) -> bool:
    """What can never be traded; the table says for which reasons."""
    name = FLAWS[flaw]
    deadline = game.now - 1 if name == "deadline passed" else FOREVER
    quote = trade_checked(game, market, account, spoil(rows, name), deadline=deadline)
    demand(quote is None, f"flawed trade went through: {name}")
    return True


RULES = (
    Rule("trade", 22, draw_trade, trade),
    Rule("spread", 10, draw_spread, trade),
    Rule("close", 18, draw_close, trade),
    Rule("limit", 4, draw_limited, trade_limited),
    Rule("flawed trade", 3, draw_flawed, trade_flawed),
)
