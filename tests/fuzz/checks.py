"""What holds after every step, and what is read back from the chain every so often."""

from __future__ import annotations

from protocol.units import WAD
from tests.fuzz.game import Game
from tests.fuzz.model import series_of
from tests.fuzz.script import demand
from tests.fuzz.world import ACCOUNTS

GREEKS = ("delta", "vega", "gamma")


def check_cheap(game: Game) -> None:
    """What the move touched is on chain what the events say, and the sum has not changed."""
    model, ledger = game.model, game.system.ledger
    for account, instrument in model.touched:
        if instrument:
            size = ledger.position(account, instrument)
            demand(size == model.position(account, instrument), "ledger: a position", account)
        else:
            cash = ledger.cash(account)
            demand(cash == model.cash[account], "ledger: cash is the sum of its events", account)
    model.touched.clear()
    spare = model.tokens - model.backing()
    demand(spare == 0, "cash and reserves are the tokens, to the wei", spare)


def check_full(game: Game) -> None:
    """The chain is what the model says, word for word."""
    check_ledger(game)
    for number in range(len(game.arena.markets)):
        check_pool(game, number)
        check_perp(game, number)


def check_ledger(game: Game) -> None:
    ledger, model = game.system.ledger, game.model
    for account, cash in model.cash.items():
        demand(ledger.cash(account) == cash, "ledger: cash is the sum of its events", account)
    for account in ACCOUNTS:
        held = ledger.portfolio(account)
        demand(held == model.held[account], "ledger: positions are the sum of their events")
    for market in game.arena.markets:
        pool, days = market.amm.pool, days_of(game, market.amm.pool)
        listed: dict[int, int] = {}
        for day in days:
            listed |= ledger.pool_positions(pool, market.underlying, day)
        demand(listed == model.held[pool], "ledger: a pool's lists are its positions")
    open_sums = model.open_sums()
    demand(not open_sums, "every instrument nets to zero", open_sums)
    rounded = WAD * model.in_escrow() - model.unpaid()
    demand(0 <= rounded <= model.payments * WAD, "expiry: pays no more than it takes", rounded)
    demand(ledger.reserves() == (model.insurance, model.treasury), "ledger: reserves")
    custody, token = game.system.custody, game.system.token
    demand(custody.held() * game.arena.unit == model.tokens, "custody: holds what came in")
    demand(token.balance_of(custody.address) >= custody.held(), "custody: has what it holds")


def days_of(game: Game, pool: int) -> set[int]:
    return {series_of(instrument).day for instrument in game.model.held[pool]} | {0}


def check_pool(game: Game, number: int) -> None:
    """Totals are the sums over expiries; a fresh valuation is what its parts add up to."""
    market = game.market(number)
    books, totals, model = market.amm.expiries(), market.amm.risk(), game.model
    hedge = model.position(market.amm.pool, model.perps[number].instrument)
    for name in GREEKS:
        total = sum(getattr(book, name) for book in books) + hedge * (name == "delta")
        demand(getattr(totals, name) == total, f"pool: total {name} is the sum", number)
    demand(totals.reserve == sum(book.reserve for book in books), "pool: reserve is the sum")
    notes = game.outside.listed[number]
    known = {day: (n.refreshed_at, n.spot, n.step) for day, n in notes.items()}
    seen = {book.day: (book.refreshed_at, book.spot, book.strike_step) for book in books}
    demand(seen == known, "pool: snapshots are of the last refresh", (seen, known))
    value = game.worth(number)
    if value is None:
        return
    unrealised = market.perp.unrealised(market.amm.pool, hedge)
    nav = model.cash[market.amm.pool] + unrealised + sum(book.value for book in books)
    demand(value.nav == nav, "pool: NAV is cash, options and hedge", (value.nav, nav))
    game.checked["valuation"] += 1


def check_perp(game: Game, number: int) -> None:
    """P&L and funding of all accounts and the pool add up to zero, exactly."""
    market, perp, spot = game.market(number), game.model.perps[number], game.oracle_spot(number)
    demand(market.perp.skew() == perp.skew, "perp: skew")
    held = game.model.holders(perp.instrument, but=perp.pool)
    demand(perp.skew == sum(held.values()), "perp: skew is what all hold")
    pool = game.model.position(perp.pool, perp.instrument)
    demand(pool == -perp.skew, "perp: the pool holds the other side")
    if spot is None:
        return
    demand(market.perp.funding() == perp.accrued(spot.price, game.now), "perp: funding")
    owed, value = perp.owed(held, spot.price, game.now), market.perp.valuation()
    nav = game.model.cash[perp.pool] - -(-owed // WAD)
    demand(value.nav == nav, "perp: the pool owes what all have won", (value.nav, nav))
