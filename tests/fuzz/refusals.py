"""Every reason for which random play may be refused, and how to tell that it was a good one.

A new reason of a contract is one more row. Rows that are `certain` work both ways: what goes by
while one of them holds is a failure too. The others hold where the reason is at least possible.
"""

from __future__ import annotations

from protocol.clients.markets import FOREVER
from protocol.errors import InputError
from protocol.parameters import MarginParameters
from protocol.types import Kind
from protocol.units import WAD
from tests.fuzz.game import Game, Move, Refusal
from tests.fuzz.model import HALTED, PAUSED, TRADE_SCOPE, WITHDRAW_SCOPE, expired, series_of
from tests.fuzz.pool_model import reason_of
from tests.fuzz.world import FEED_AGE

MAX_SIZE = 10**6 * WAD
MAX_LIST = 64
MARGIN_SURFACE_AGE = MarginParameters().max_surface_age
TRADE, PERP, CASH = ("trade",), ("perp",), ("cash",)
MOVES = ("cash", "trade", "perp")
PRICED_OUT = (
    "pricer: delta cut-off",
    "amm: price too old",
    "amm: vega per push",
    "amm: vega per block",
    "amm: delta per block",
    "amm: vega per hour",
    "amm: delta per hour",
    "amm: vega limit",
    "amm: delta limit",
    "amm: utilisation limit",
    "amm: impact above cap",
    "amm: no bid",
    "amm: no ask",
)


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
    """Exact for options at live prices; a perp's gain since its last touch is the perp's to know,
    and on a dead feed the ledger judges by the last good price."""
    perp = any(p.instrument in game.model.held[move.account] for p in game.model.perps)
    stale = any_is_stale(game, move) or margin_surface_is_old(game, move)
    if perp or move.kind == "perp" or stale:
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


def margin_surface_is_old(game: Game, move: Move) -> bool:
    """New risk is margined on surfaces younger than an hour, of all the account then holds."""
    held = set(game.model.held[move.account]) | {leg.instrument.id for leg in move.legs}
    series = [each for each in map(series_of, held) if each.is_option and each.expiry > game.now]
    pushed = [game.outside.pushed_at[each.underlying - 1].get(each.day, 0) for each in series]
    return any(game.now - second > MARGIN_SURFACE_AGE for second in pushed)


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


def refuses(reason: str) -> Refusal:
    """What the pricer's twin refuses for the same reason."""
    return Refusal(TRADE, lambda game, move: twin_reason(game, move) == reason)


def twin_reason(game: Game, move: Move) -> str:
    """Why the pricer's twin refuses a trade; empty where it would price it."""
    try:
        game.priced(move)
    except InputError as refusal:
        return reason_of(refusal)
    return ""


def has_drifted(game: Game, move: Move) -> bool:
    """The twin looks at the bound on drift last, where the contract does so leg by leg."""
    spot, notes = game.spot(move.market), game.outside.listed[move.market]
    bound = game.pools[move.market].terms.spreads.max_drift
    thens = [notes[leg.instrument.day].spot for leg in move.legs]
    passed = any(abs(spot - then) * WAD // then > bound for then in thens)
    return passed or twin_reason(game, move) == "pricer: market drifted"


def is_behind(side: int, sign: int) -> Refusal:
    """Legs of that sign on a surface that is behind on that side."""

    def holds(game: Game, move: Move) -> bool:
        behind = game.outside.behind[move.market]
        days = {leg.instrument.day for leg in move.legs if leg.size * sign > 0}
        return any(behind.get(day, 0) & side for day in days)

    return Refusal(TRADE, holds, certain=True)


def has_halted(game: Game, move: Move) -> bool:
    return game.pools[move.market].halted


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
    "risk: surface stale": Refusal(("trade", "perp"), margin_surface_is_old),
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
    "amm: halted by drawdown": Refusal(TRADE, has_halted, certain=True),
    "amm: surface behind, no ask": is_behind(1, 1),
    "amm: surface behind, no bid": is_behind(2, -1),
    **{reason: refuses(reason) for reason in PRICED_OUT},
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
