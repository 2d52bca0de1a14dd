"""Rules of the LPs of all four vaults: nobody who stays loses by what others do."""

from __future__ import annotations

import random
from fractions import Fraction

from protocol.clients.markets import LiquidityVault, Valuation
from protocol.clients.system import Market
from protocol.errors import Revert
from protocol.units import WAD
from tests.fuzz.game import VALUATION_SURFACE, Game
from tests.fuzz.model import HALTED
from tests.fuzz.rules import Rule, draw_amount
from tests.fuzz.rules_market import move, push
from tests.fuzz.rules_pool import refresh
from tests.fuzz.script import Args, demand
from tests.fuzz.world import LPS, STRANGER

LEAST = 10 * WAD
SHARE_WEI = 4  # of NAV - potential, in all, that a processing may round away


def pool_of(game: Game, vault: int) -> tuple[LiquidityVault, Market, bool]:
    """(vault, its market, whether its pool is the options pool)."""
    market = game.market(vault // 2)
    return game.arena.vaults[vault], market, vault % 2 == 0


def value(game: Game, vault: int) -> Valuation | None:
    _, market, options = pool_of(game, vault)
    if options:
        return game.worth(vault // 2)
    try:
        return market.perp.valuation()
    except Revert:
        return None


def draw_deposit(_: Game, rng: random.Random) -> Args:
    least = LEAST // 10**12
    tokens = rng.choice((least, least - 1, least + 1, draw_amount(rng, 400_000 * 10**6)))
    return rng.randrange(4), rng.randrange(2), tokens


def request_deposit(game: Game, vault: int, lp: int, tokens: int) -> bool:
    client, who = game.arena.vaults[vault], LPS[lp]
    game.arena.hold(who, tokens, client.address)
    if tokens * game.arena.unit < LEAST:
        game.must_fail(
            "vault: request too small", lambda: client.request_deposit(tokens, who, sender=who)
        )
        return True
    pending, waiting = client.pending_deposit(who), game.model.cash[client.account()]
    game.must_pass(lambda: client.request_deposit(tokens, who, sender=who))
    demand(client.pending_deposit(who) == pending + tokens, "vault: a deposit waits")
    cash = game.model.cash[client.account()]
    demand(cash == waiting + tokens * game.arena.unit, "vault: what waits is on the ledger")
    return True


def draw_redemption(game: Game, rng: random.Random) -> Args | None:
    vault, lp = rng.randrange(4), rng.randrange(2)
    shares = game.arena.vaults[vault].balance_of(LPS[lp])
    if not shares:
        return None
    part = draw_amount(rng, shares if rng.random() < 0.2 else max(shares // 8, 1))
    return vault, lp, part + (rng.random() < 0.05) * shares


def request_redemption(game: Game, vault: int, lp: int, shares: int) -> bool:
    client, who = game.arena.vaults[vault], LPS[lp]
    held = client.balance_of(who)

    def fails(reason: str) -> bool:
        game.must_fail(reason, lambda: client.request_redeem(shares, who, sender=who))
        return True

    if shares == 0 or shares < min(LEAST, held):
        return fails("vault: request too small")
    if shares > held:
        return fails("erc20: transfer amount exceeds balance")
    game.must_pass(lambda: client.request_redeem(shares, who, sender=who))
    demand(client.balance_of(who) == held - shares, "vault: shares wait")
    return True


def draw_processing(game: Game, rng: random.Random) -> Args | None:
    vault = rng.randrange(4)
    ripe = [second for second in game.arena.vaults[vault].ripe_at() if second]
    if not ripe:
        return None
    return vault, rng.choice((1, 2, 32)), int(min(ripe) > game.now), rng.randrange(2)


def process(game: Game, vault: int, count: int, wait: int, unready: int) -> bool:
    """At a fresh valuation; who stays has no less per share, to a few wei in all. `unready`: as the
    pool is found, mostly refused."""
    client, market, options = pool_of(game, vault)
    if wait:
        late = max(second - game.now for second in client.ripe_at())
        move(game, max(late, 0), 0, 0)
    if options and not unready:
        make_ready(game, vault // 2)
    before, supply = value(game, vault), client.total_supply()
    if game.model.level_at(game.now) == HALTED:
        return False
    if before is None:
        stale = "oracle: price stale", "amm: valuation stale"
        game.must_fail(stale, lambda: client.process(count, sender=STRANGER))
        return True
    game.must_pass(lambda: client.process(count, sender=STRANGER))
    after, left = value(game, vault), client.total_supply()
    demand(after is not None, "vault: a fresh pool stays fresh")
    assert after is not None
    check_stayers(before, supply, after, left)
    demand(not options or after.depth <= before.depth, "vault: depth never jumps up")
    return True


def make_ready(game: Game, number: int) -> None:
    """A surface pushed lately, and every expiry refreshed on it."""
    pushed = game.outside.pushed_at[number]
    if any(game.now > pushed[day] + VALUATION_SURFACE for day in game.outside.listed[number]):
        push(game, number, 0, 0)
    for day in list(game.outside.listed[number]):
        refresh(game, number, day, 1)


def check_stayers(before: Valuation, supply: int, after: Valuation, left: int) -> None:
    if not supply or not left:
        return
    held = Fraction(before.nav - before.risk, supply)
    kept = Fraction(after.nav - after.risk, left)
    holds = kept >= held - Fraction(SHARE_WEI, supply)
    demand(holds, "vault: who stays loses nothing", float(kept - held))


def draw_claim(game: Game, rng: random.Random) -> Args | None:
    rows = [
        (vault, lp)
        for vault, client in enumerate(game.arena.vaults)
        for lp, who in enumerate(LPS)
        if client.claimable_deposit(who) or client.max_withdraw(who)
    ]
    return (*rng.choice(rows), rng.randrange(1, 5)) if rows else None


def claim(game: Game, vault: int, lp: int, quarters: int) -> bool:
    """Some or all of what was processed; one unit more than there is must be refused."""
    client, who = game.arena.vaults[vault], LPS[lp]
    assets, paid = client.claimable_deposit(who), client.max_withdraw(who)
    supply, halted = client.total_supply(), game.model.level_at(game.now) == HALTED
    if assets:
        part = max(assets * quarters // 4, 1)
        game.must_pass(lambda: client.deposit(part, who, who, sender=who))
    if paid and not halted and game.model.tokens >= paid * game.arena.unit:
        part = max(paid * quarters // 4, 1)
        wallet = game.system.token.balance_of(who)
        game.must_pass(lambda: client.withdraw(part, who, who, sender=who))
        demand(game.system.token.balance_of(who) == wallet + part, "vault: pays what is claimed")
    over = client.max_withdraw(who) + 1
    reasons = ("vault: above claimable", "vault: nothing to claim")
    game.must_fail(reasons, lambda: client.withdraw(over, who, who, sender=who))
    demand(client.total_supply() == supply, "vault: claims make no shares")
    return True


def draw_raid(_: Game, rng: random.Random) -> Args:
    return (rng.randrange(4),)


def raid(game: Game, vault: int) -> bool:
    """Nobody but the vault takes a pool's cash."""
    client, market, options = pool_of(game, vault)
    pool = market.amm if options else market.perp
    reason = "amm: vault only" if options else "perp: vault only"
    game.must_fail(reason, lambda: pool._send("release", client.account(), 1, sender=STRANGER))
    return True


RULES = (
    Rule("lp deposit", 2, draw_deposit, request_deposit),
    Rule("lp redeem", 2, draw_redemption, request_redemption),
    Rule("lp process", 3, draw_processing, process),
    Rule("lp claim", 3, draw_claim, claim),
    Rule("raid", 1, draw_raid, raid),
)
