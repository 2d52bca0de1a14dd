"""Rules of an options pool's upkeep: refresh and bounty, hedges, toxicity, the drawdown halt."""

from __future__ import annotations

import random

from protocol.chain.base import Receipt
from protocol.clients.markets import Valuation
from protocol.units import WAD
from tests.fuzz.game import Game, Move
from tests.fuzz.model import HALTED
from tests.fuzz.pool_model import value_near
from tests.fuzz.rules import Rule, draw_market
from tests.fuzz.script import Args, demand
from tests.fuzz.world import ACCOUNTS, ADMIN, KEEPER, STRANGER

TOXICITIES = (10**18, 15 * 10**17, 3 * 10**18, 3 * 10**18 + 10**12, 10**18 - 10**12)


def draw_refresh(game: Game, rng: random.Random) -> Args | None:
    market = draw_market(rng)
    days = [day for day in game.outside.listed[market] if day in game.outside.pushed_at[market]]
    if not days:
        return None
    return market, rng.choice(days), rng.randrange(2), rng.randrange(len(ACCOUNTS) + 1)


def refresh(game: Game, market: int, day: int, by_stranger: int, receiver: int = 0) -> bool:
    """Revalue one expiry: anybody may. No cash moves but the bounty of one that was due."""
    notes, amm = game.outside.listed[market], game.market(market).amm
    sender, to = STRANGER if by_stranger else KEEPER, ACCOUNTS[receiver - 1] if receiver else 0

    def send() -> Receipt:
        return amm.refresh(day, sender=sender, receiver=to)

    if day not in notes:
        game.must_fail("amm: expiry not listed", send)
        return True
    if game.oracle_spot(market) is None:
        game.must_fail("oracle: price stale", send)
        return False
    if day * 86_400 + 28_800 <= game.now:
        game.must_fail("pricer: series expired", send)
        return False
    bounty = bounty_of(game, market, day) if receiver else 0
    if bounty and game.model.level_at(game.now) == HALTED:
        game.must_fail("ledger: halted", send)
        return False
    before = dict(game.model.cash)
    game.must_pass(send)
    if bounty:
        before[amm.pool] -= bounty
        before[to] += bounty
        game.checked["bounty"] += 1
    demand(game.model.cash == before, "refresh: moves no cash but a bounty that is due", bounty)
    note_refresh(game, market, day, bounty)
    return True


def bounty_of(game: Game, market: int, day: int) -> int:
    """What a refresh now is paid."""
    pool, note = game.pools[market], game.outside.listed[market][day]
    due = pool.is_bounty_due(
        refreshed_at=note.refreshed_at, then=note.spot, spot=game.spot(market), now=game.now
    )
    return pool.terms.upkeep.bounty if due else 0


def note_refresh(game: Game, market: int, day: int, bounty: int = 0) -> None:
    """What a refresh, the first one too, leaves behind: a snapshot, and perhaps a halt."""
    entry, pool = game.market(market), game.pools[market]
    note, spot = game.outside.listed[market][day], game.spot(market)
    note.refreshed_at, note.spot = game.now, spot
    note.posted = game.outside.pushed_at[market][day]
    held = game.model.position(entry.amm.pool, game.model.perps[market].instrument)
    hedge = entry.perp.unrealised(entry.amm.pool, held) if held else 0
    options = value_near(entry.amm.expiries(), spot)
    nav = game.model.cash[entry.amm.pool] + bounty + options + hedge
    pool.refreshed(nav=nav, supply=entry.options_vault.total_supply(), now=game.now)
    demand(entry.amm._call("halted") == pool.halted, "drawdown: halts at its limit", nav)


def draw_hedge(_: Game, rng: random.Random) -> Args:
    tenths = rng.choice((1, 5, 9, 10, 10, 10, 11, 19, 20))
    return draw_market(rng), tenths, rng.choice((0,) * 8 + (1,))


def hedge(game: Game, market: int, tenths: int, by_stranger: int) -> bool:
    """Only toward zero, never past it, only the keeper, and only so much an hour."""
    amm, perp, pool = game.market(market).amm, game.model.perps[market], game.pools[market]
    delta, spot = amm.risk().delta, game.spot(market)
    size = -delta * tenths // 10
    limit = spot * 101 // 100 if size > 0 else spot * 99 // 100

    def send() -> Receipt:
        return amm.hedge(size, limit, sender=STRANGER if by_stranger else KEEPER)

    level, most = pool.hedge_level(size=size, spot=spot, depth=amm.depth(), now=game.now)
    wrong = hedge_refusal(delta, size, by_stranger)
    if not wrong and level > most and game.oracle_spot(market) is not None:
        wrong = "amm: hedge above hourly limit"
    if wrong:
        game.must_fail(wrong, send)
        return True
    before = game.worth(market)
    move = Move("perp", amm.pool, amm.address, market, size=size, limit=limit)
    held = game.model.position(amm.pool, perp.instrument)
    receipt = game.attempt(move, send)
    if receipt is None:
        return False
    pool.hedged, pool.hedged_at = level, game.now
    perp.touch(amm.pool, held, size, spot, game.now)
    demand(amm.risk().delta == delta + size, "hedge: moves delta by its size")
    check_hedge(game, market, before, receipt)
    return True


def hedge_refusal(delta: int, size: int, by_stranger: int) -> str:
    """Why a hedge is refused whatever the market; empty where it is not."""
    after = delta + size
    if by_stranger:
        return "access: keeper only"
    if size == 0 or abs(after) >= abs(delta):
        return "amm: hedge adds risk"
    return "amm: hedge past zero" if after * delta < 0 else ""


def check_hedge(game: Game, market: int, before: Valuation | None, receipt: Receipt) -> None:
    """It costs the pool what it paid, and takes risk off."""
    after = game.worth(market)
    if before is None or after is None:
        return
    (event,) = (e for e in game.market(market).amm.events(receipt) if e.name == "Hedged")
    gap = before.nav - after.nav - event.args["cash"]
    demand(abs(gap) <= 2, "hedge: costs what it says", gap)
    demand(after.risk <= before.risk + 1, "hedge: takes risk off")


def draw_toxicity(_: Game, rng: random.Random) -> Args:
    return draw_market(rng), rng.randrange(len(TOXICITIES)), rng.choice((0, 0, 0, 1))


def set_toxicity(game: Game, market: int, place: int, by_stranger: int) -> bool:
    """The keeper's multiplier of the spread, inside its bounds."""
    amm, pool, toxicity = game.market(market).amm, game.pools[market], TOXICITIES[place]
    most = pool.terms.upkeep.max_toxicity

    def send() -> Receipt:
        return amm._send("set_toxicity", toxicity, sender=STRANGER if by_stranger else KEEPER)

    if by_stranger:
        game.must_fail("access: keeper only", send)
    elif not WAD <= toxicity <= most:
        game.must_fail("amm: toxicity out of range", send)
    else:
        game.must_pass(send)
        pool.set_toxicity(toxicity)
        words = tuple(amm._call("parameters"))
        demand(words == pool.terms.words, "toxicity: moves nothing else", words)
    return True


def draw_clearing(game: Game, rng: random.Random) -> Args | None:
    halted = [market for market, pool in enumerate(game.pools) if pool.halted]
    if halted:
        return rng.choice(halted), 0
    return (draw_market(rng), 1) if rng.random() < 0.1 else None


def clear_drawdown(game: Game, market: int, by_stranger: int) -> bool:
    """The ADMIN lets a pool trade again after a drawdown; its peaks are forgotten."""
    amm, pool = game.market(market).amm, game.pools[market]

    def send() -> Receipt:
        return amm._send("clear_drawdown", sender=STRANGER if by_stranger else ADMIN)

    if by_stranger:
        game.must_fail("access: admin only", send)
        return True
    game.must_pass(send)
    pool.halted = False
    pool.peaks.clear()
    demand(not amm._call("halted"), "drawdown: cleared")
    return True


RULES = (
    Rule("refresh", 12, draw_refresh, refresh),
    Rule("hedge", 4, draw_hedge, hedge),
    Rule("toxicity", 1, draw_toxicity, set_toxicity),
    Rule("clear", 6, draw_clearing, clear_drawdown),
)
