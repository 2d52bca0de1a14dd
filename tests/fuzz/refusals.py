"""Every reason for which random play may be refused, and how to tell that it was a good one.

A new reason of a contract is one more row. Rows that are `certain` work both ways: what goes by
while one of them holds is a failure too. The others hold where the reason is at least possible.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any

from protocol.clients.markets import FOREVER
from protocol.types import Kind
from protocol.units import DAY, WAD, years
from tests.fuzz.game import Game, Move, Refusal
from tests.fuzz.model import HALTED, PAUSED, TRADE_SCOPE, WITHDRAW_SCOPE, expired, series_of
from tests.fuzz.world import HOUR

MAX_SIZE = 10**6 * WAD
MAX_LIST = 64
FEED_AGE = 2 * HOUR
TRADE, PERP, CASH = ("trade",), ("perp",), ("cash",)
MOVES = ("cash", "trade", "perp")


# -- the ledger --


def unauthorised(game: Game, move: Move) -> bool:
    scope = WITHDRAW_SCOPE if move.kind == "cash" else TRADE_SCOPE
    return not game.model.may(move.account, move.sender, scope)


def is_halted(game: Game, _: Move) -> bool:
    return game.model.level_at(game.now) == HALTED


def only_reducing(game: Game, move: Move) -> bool:
    if game.model.level_at(game.now) != PAUSED:
        return False
    return not game.model.reduces(move.account, fills_of(game, move))


def fills_of(game: Game, move: Move) -> list[tuple[int, int]]:
    if move.kind == "perp":
        return [(game.model.perps[move.market].instrument, move.size)]
    return move.fills


def is_short_of_cash(game: Game, move: Move) -> bool:
    return game.model.cash[move.account] < move.amount


def trade_is_unaffordable(game: Game, move: Move) -> bool:
    left = game.cash_after(move)
    return left is not None and left < 0


def is_below_margin(game: Game, move: Move) -> bool:
    """Exact for options alone; a perp's gain since its last touch is the perp's to know."""
    perp = any(p.instrument in game.model.held[move.account] for p in game.model.perps)
    if perp or move.kind == "perp":
        return True
    held, left = game.held_after(move), game.model.cash[move.account] - move.amount
    if move.kind == "trade":
        quoted = game.cash_after(move)
        if quoted is None:
            return False
        left = quoted
    equity, initial, maintenance = game.system.risk_engine.assess(move.account, left, held)
    reduces = move.kind == "trade" and game.model.reduces(move.account, move.fills)
    return equity < (maintenance if reduces else initial)


def list_is_full(game: Game, move: Move) -> bool:
    held = game.model.held[move.account]
    new = sum(i not in held for i, _ in fills_of(game, move))
    taker = len(held) + new > MAX_LIST
    days = {leg.instrument.day for leg in move.legs}
    pool = game.model.held[game.market(move.market).amm.pool]
    counts = [sum(series_of(i).day == day for i in pool) for day in days]
    return taker or any(count + len(move.legs) > MAX_LIST for count in counts)


# -- the price --


def is_stale(game: Game, move: Move) -> bool:
    return game.now - game.outside.updated_at[move.market] > FEED_AGE


def any_is_stale(game: Game, move: Move) -> bool:
    """A margin account is judged at the prices of all it holds."""
    underlyings = {series_of(i).underlying for i in game.model.held[move.account]}
    numbers = {underlying - 1 for underlying in underlyings} | {move.market}
    return any(game.now - game.outside.updated_at[n] > FEED_AGE for n in numbers)


def has_aged(game: Game, move: Move) -> bool:
    return game.now > game.outside.updated_at[move.market]


# -- an options trade --


def lists_twice(_: Game, move: Move) -> bool:
    return len({leg.instrument for leg in move.legs}) < len(move.legs)


def has_no_size(_: Game, move: Move) -> bool:
    return any(leg.size == 0 for leg in move.legs)


def is_too_large(_: Game, move: Move) -> bool:
    return any(abs(leg.size) > MAX_SIZE for leg in move.legs)


def is_foreign(game: Game, move: Move) -> bool:
    here = game.market(move.market).underlying
    return any(leg.instrument.underlying != here for leg in move.legs)


def is_perp(_: Game, move: Move) -> bool:
    return any(leg.instrument.kind == Kind.PERP for leg in move.legs)


def is_unlisted(game: Game, move: Move) -> bool:
    return any(leg.instrument.day not in game.outside.listed[move.market] for leg in move.legs)


def has_expired(game: Game, move: Move) -> bool:
    return any(expired(instrument, game.now) for instrument, _ in move.fills)


def limits(game: Game, move: Move) -> Any:
    return game.market(move.market).amm._call("parameters")[2]


def is_too_close(game: Game, move: Move) -> bool:
    least = game.least_life
    options = [leg for leg in move.legs if leg.instrument.kind != Kind.PERP]
    return any(game.now + least > leg.instrument.expiry for leg in options)


def is_off_grid(game: Game, move: Move) -> bool:
    notes = game.outside.listed[move.market]
    rows = [(leg.instrument, notes.get(leg.instrument.day)) for leg in move.legs]
    return any(note and series.strike_steps % note.step for series, note in rows)


def needs_refresh(game: Game, move: Move) -> bool:
    notes = game.outside.listed[move.market]
    rows = [notes.get(leg.instrument.day) for leg in move.legs]
    return any(note and game.now > note.refreshed_at + game.most_age for note in rows)


def has_old_surface(game: Game, move: Move) -> bool:
    pushed = game.outside.pushed_at[move.market]
    rows = [pushed.get(leg.instrument.day, game.now) for leg in move.legs]
    return any(game.now > second + game.most_age for second in rows)


def is_late(game: Game, move: Move) -> bool:
    return game.now > move.deadline


def has_drifted(game: Game, move: Move) -> bool:
    """By more than a tenth of a deviation at a volatility of 30 %; the bound is 0.3."""
    spot, notes = game.spot(move.market), game.outside.listed[move.market]
    for leg in move.legs:
        note = notes.get(leg.instrument.day)
        deviation = 0.3 * sqrt(years(max(leg.instrument.expiry - game.now, 1)))
        if note and abs(spot / note.spot - 1) > 0.1 * deviation:
            return True
    return False


def is_far_from_the_money(game: Game, move: Move) -> bool:
    """At least half a standard deviation at a volatility of 30 %; the cut is beyond one."""
    spot = game.spot(move.market) / WAD
    return any(
        abs(log(leg.instrument.strike / spot))
        > 0.15 * sqrt(years(max(leg.instrument.expiry - game.now, 1)))
        for leg in move.legs
    )


def vega_could_pass(game: Game, move: Move) -> bool:
    """|vega| <= 0.4 S sqrt(T) a contract, whatever the surface."""
    amm, spot = game.market(move.market).amm, game.spot(move.market) / WAD
    most = sum(
        abs(leg.size) * 0.4 * spot * sqrt(years(leg.instrument.expiry - game.now + DAY))
        for leg in move.legs
    )
    return bool(abs(amm.risk().vega) + 1.5 * most >= limits(game, move).vega * amm.depth() / WAD)


def delta_could_pass(game: Game, move: Move) -> bool:
    """|delta| with the smile in it stays below 1.5 a contract."""
    amm, spot = game.market(move.market).amm, game.spot(move.market)
    contracts = sum(abs(leg.size) for leg in move.legs)
    reached = (abs(amm.risk().delta) + 3 * contracts // 2) * spot // WAD
    return bool(reached * 11 // 10 >= limits(game, move).delta * amm.depth() // WAD)


def reserve_could_pass(game: Game, move: Move) -> bool:
    """A short needs no more than its strike, or spot, and a share of spot on top."""
    amm, spot = game.market(move.market).amm, game.spot(move.market)
    most = sum(
        abs(leg.size) * (max(spot, leg.instrument.strike_steps * 10**14) + spot) // WAD
        for leg in move.legs
    )
    return bool(amm.risk().reserve + most >= limits(game, move).utilisation * amm.depth() // WAD)


def is_more_than_a_speck(_: Game, move: Move) -> bool:
    """An impact is a share of vega: only rounding could carry a few wei past the cap."""
    return bool(move.legs)


def sells_all(_: Game, move: Move) -> bool:
    return all(leg.size < 0 for leg in move.legs)


def buys_all(_: Game, move: Move) -> bool:
    return all(leg.size > 0 for leg in move.legs)


def has_a_limit(_: Game, move: Move) -> bool:
    return move.limit < 2**254 or move.deadline != FOREVER


# -- a perp trade --


def perp_is_too_large(game: Game, move: Move) -> bool:
    return bool(abs(move.size) > game.model.perps[move.market].params.max_trade)


def perp_closes(game: Game, move: Move) -> bool:
    perp = game.model.perps[move.market]
    held = game.model.position(move.account, perp.instrument)
    return held * move.size < 0 and abs(move.size) <= abs(held)


def skew_is_full(game: Game, move: Move) -> bool:
    perp = game.model.perps[move.market]
    after, cap = abs(perp.skew + move.size), perp.params.max_skew
    if after <= abs(perp.skew):
        return False
    return bool(after > (2 * cap if perp_closes(game, move) else cap))


def perp_pool_is_small(game: Game, move: Move) -> bool:
    """The reserve of the skew after the trade passes the pool's own value, to a wei a rounding."""
    perp, index = game.model.perps[move.market], game.spot(move.market)
    after = abs(perp.skew + move.size)
    if after <= abs(perp.skew) or perp_closes(game, move):
        return False
    held = game.model.holders(perp.instrument, but=perp.pool)
    nav = game.model.cash[perp.pool] - perp.owed(held, index, game.now) // WAD
    return bool(after * index // WAD * perp.params.reserve_share // WAD + 3 >= nav)


# -- a surface --


def smile_may_jump(_: Game, __: Move) -> bool:
    """Whether the reference smile keeps inside the contract's steps is not the contract's to say:
    as an expiry nears, or after an hour without a push, it moves by more."""
    return True


REFUSALS: dict[str, Refusal] = {
    "ledger: not authorised": Refusal(MOVES, unauthorised, certain=True),
    "ledger: halted": Refusal(MOVES, is_halted, certain=True),
    "ledger: paused, reduce only": Refusal(("trade", "perp"), only_reducing, certain=True),
    "ledger: nothing to move": Refusal(CASH, lambda _, move: move.amount == 0, certain=True),
    "ledger: self transfer": Refusal(
        CASH, lambda _, move: move.account == move.receiver, certain=True
    ),
    "ledger: not enough cash": Refusal(
        MOVES,
        lambda game, move: {
            "cash": is_short_of_cash,
            "trade": trade_is_unaffordable,
            "perp": lambda *_: True,
        }[move.kind](game, move),
    ),
    "ledger: below initial margin": Refusal(MOVES, is_below_margin),
    "ledger: below maintenance": Refusal(("trade", "perp"), is_below_margin),
    "ledger: too many instruments": Refusal(("trade", "perp"), list_is_full),
    "custody: not enough tokens": Refusal(
        CASH, lambda game, move: game.model.tokens < move.amount, certain=True
    ),
    "oracle: price stale": Refusal(MOVES, any_is_stale),
    "amm: no legs": Refusal(TRADE, lambda _, move: not move.legs, certain=True),
    "amm: instrument twice": Refusal(TRADE, lists_twice, certain=True),
    "amm: zero size": Refusal(TRADE, has_no_size, certain=True),
    "amm: size too large": Refusal(TRADE, is_too_large, certain=True),
    "amm: not an option": Refusal(TRADE, is_perp, certain=True),
    "amm: other underlying": Refusal(TRADE, is_foreign, certain=True),
    "amm: expiry not listed": Refusal(TRADE, is_unlisted, certain=True),
    "amm: series expired": Refusal(TRADE, has_expired, certain=True),
    "amm: too close to expiry": Refusal(TRADE, is_too_close, certain=True),
    "amm: strike off the grid": Refusal(TRADE, is_off_grid, certain=True),
    "amm: refresh needed": Refusal(TRADE, needs_refresh, certain=True),
    "amm: surface stale": Refusal(TRADE, has_old_surface, certain=True),
    "amm: deadline passed": Refusal(TRADE, is_late, certain=True),
    "amm: worse than limit": Refusal(TRADE, has_a_limit),
    "pricer: market drifted": Refusal(TRADE, has_drifted),
    "pricer: delta cut-off": Refusal(TRADE, is_far_from_the_money),
    "amm: impact above cap": Refusal(TRADE, is_more_than_a_speck),
    "amm: vega limit": Refusal(TRADE, vega_could_pass),
    "amm: delta limit": Refusal(TRADE, delta_could_pass),
    "amm: utilisation limit": Refusal(TRADE, reserve_could_pass),
    "amm: no bid": Refusal(TRADE, sells_all),
    "amm: no ask": Refusal(TRADE, buys_all),
    "amm: price too old": Refusal(TRADE, has_aged),
    "amm: vega per push": Refusal(TRADE, is_more_than_a_speck),
    "amm: vega per block": Refusal(TRADE, is_more_than_a_speck),
    "amm: delta per block": Refusal(TRADE, is_more_than_a_speck),
    "amm: vega per hour": Refusal(TRADE, is_more_than_a_speck),
    "amm: delta per hour": Refusal(TRADE, is_more_than_a_speck),
    "amm: halted by drawdown": Refusal(TRADE, is_more_than_a_speck),
    "amm: surface behind, no ask": Refusal(TRADE, is_more_than_a_speck),
    "amm: surface behind, no bid": Refusal(TRADE, is_more_than_a_speck),
    "surface: step too large": Refusal(("push",), smile_may_jump),
    "surface: calendar arbitrage": Refusal(("push",), smile_may_jump),
    "surface: vol out of range": Refusal(("push",), smile_may_jump),
    "perp: deadline passed": Refusal(PERP, is_late, certain=True),
    "perp: zero size": Refusal(PERP, lambda _, move: move.size == 0, certain=True),
    "perp: size out of range": Refusal(
        PERP, lambda _, move: abs(move.size) >= 2**100, certain=True
    ),
    "perp: trade too large": Refusal(PERP, perp_is_too_large, certain=True),
    "perp: skew above cap": Refusal(PERP, skew_is_full, certain=True),
    "perp: pool too small": Refusal(PERP, perp_pool_is_small),
    "perp: limit price": Refusal(PERP, has_a_limit),
    "perp: price too old": Refusal(PERP, has_aged),
}
