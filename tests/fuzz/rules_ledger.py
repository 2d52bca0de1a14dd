"""Rules of the ledger: cash in, out and across, operators, pauses, gifts."""

from __future__ import annotations

import random

from protocol.chain.base import Receipt
from protocol.units import WAD
from tests.fuzz.game import Game, Move
from tests.fuzz.model import HALTED, OPEN, PAUSED
from tests.fuzz.rules import Rule, draw_account, draw_amount, owner
from tests.fuzz.script import Args, demand
from tests.fuzz.world import ACCOUNTS, ADMIN, HOUR, KEEPER, SESSION, STRANGER

HALT_SECONDS = 72 * HOUR
MOST_CASH = 6_000_000 * WAD


def draw_deposit(game: Game, rng: random.Random) -> Args | None:
    account = draw_account(rng)
    room = MOST_CASH - game.model.cash[ACCOUNTS[account]]
    if room <= 0:
        return None
    return account, draw_amount(rng, room // 2 // game.arena.unit), rng.randrange(2)


def deposit(game: Game, account: int, tokens: int, by_stranger: int) -> bool:
    """Anybody may pay in for anybody."""
    number, ledger = ACCOUNTS[account], game.system.ledger
    sender = STRANGER if by_stranger else owner(account)
    game.arena.hold(sender, tokens, game.system.custody.address)
    if tokens == 0:
        game.must_fail("ledger: nothing to move", lambda: ledger.deposit(number, 0, sender=sender))
        return True
    before = game.model.cash[number]
    game.must_pass(lambda: ledger.deposit(number, tokens, sender=sender))
    after = before + tokens * game.arena.unit
    demand(game.model.cash[number] == after, "deposit: books what came in")
    return True


def draw_withdrawal(game: Game, rng: random.Random) -> Args:
    account = draw_account(rng)
    top = game.model.cash[ACCOUNTS[account]] // game.arena.unit
    tokens = draw_amount(rng, top) if rng.random() < 0.85 else max(top, 0) + 1
    if rng.random() < 0.6:  # mostly small ones, or nobody is left to trade
        tokens = draw_amount(rng, max(top, 1) // 20 + 1)
    return account, tokens, rng.choice((0, 0, 0, 1, 2))


def senders(account: int) -> tuple[str, str, str]:
    return owner(account), SESSION, STRANGER


def withdraw(game: Game, account: int, tokens: int, sender: int) -> bool:
    number, who = ACCOUNTS[account], senders(account)[sender]
    before, wallet = game.model.cash[number], game.system.token.balance_of(who)
    move = Move("cash", number, who, amount=tokens * game.arena.unit)
    receipt = game.attempt(
        move, lambda: game.system.ledger.withdraw(number, tokens, who, sender=who)
    )
    if receipt is None:
        return False
    demand(game.model.cash[number] == before - move.amount, "withdrawal: books what goes out")
    demand(game.system.token.balance_of(who) == wallet + tokens, "withdrawal: pays in full")
    demand(game.model.cash[number] >= 0, "withdrawal: never into debt")
    return True


def draw_transfer(game: Game, rng: random.Random) -> Args:
    account, target = draw_account(rng), draw_account(rng)
    top = game.model.cash[ACCOUNTS[account]]
    amount = draw_amount(rng, top) if rng.random() < 0.8 else max(top, 0) + 1
    if rng.random() < 0.05:
        amount = 0
    return account, target, amount, rng.choice((0, 0, 0, 1, 2))


def transfer(game: Game, account: int, target: int, amount: int, sender: int) -> bool:
    number, other, who = ACCOUNTS[account], ACCOUNTS[target], senders(account)[sender]
    before = game.model.cash[number], game.model.cash[other]
    move = Move("cash", number, who, amount=amount, receiver=other)
    receipt = game.attempt(
        move, lambda: game.system.ledger.transfer_cash(number, other, amount, sender=who)
    )
    if receipt is None:
        return False
    after = game.model.cash[number], game.model.cash[other]
    demand(after == (before[0] - amount, before[1] + amount), "transfer: to the wei")
    return True


def draw_operator(_: Game, rng: random.Random) -> Args:
    return draw_account(rng), rng.randrange(5), rng.choice((0, 0, 0, 0, 1))


def operate(game: Game, account: int, scope: int, by_stranger: int) -> bool:
    number, ledger = ACCOUNTS[account], game.system.ledger
    sender = STRANGER if by_stranger else owner(account)

    def send() -> Receipt:
        return ledger.set_operator(number, SESSION, scope, sender=sender)

    if by_stranger:
        game.must_fail("ledger: owner only", send)
    elif scope > 3:
        game.must_fail("ledger: no such scope", send)
    else:
        game.must_pass(send)
    return True


def draw_pause(game: Game, rng: random.Random) -> Args:
    if game.model.level != OPEN:
        return OPEN, 0
    return rng.choice((PAUSED, PAUSED, HALTED)), rng.randrange(2)


def pause(game: Game, level: int, by_stranger: int) -> bool:
    model, access = game.model, game.system.access
    if by_stranger:
        game.must_fail(
            "access: guardian only", lambda: access.set_pause_level(level, sender=STRANGER)
        )
        return True
    if level == HALTED and game.now < model.halt_end + HALT_SECONDS:
        game.must_fail("ledger: halted lately", lambda: access.set_pause_level(level, sender=ADMIN))
        return True
    game.must_pass(lambda: access.set_pause_level(level, sender=ADMIN))
    ends = game.now + HALT_SECONDS if level == HALTED else min(model.halt_end, game.now)
    model.level, model.halt_end = level, ends
    return True


def draw_unpause(game: Game, _: random.Random) -> Args | None:
    return None if game.model.level == OPEN else (OPEN, 0)


def draw_gift(game: Game, rng: random.Random) -> Args:
    return rng.randrange(4), draw_amount(rng, 10**12)


def donate(game: Game, target: int, tokens: int) -> bool:
    """Tokens sent to a contract: nobody's, now and ever."""
    system, market = game.system, game.market(target % 2)
    places = (system.custody, system.ledger, market.amm, market.options_vault)
    before = system.custody.held(), [game.worth(n) for n in range(len(game.arena.markets))]
    supply = market.options_vault.total_supply()
    game.must_pass(lambda: system.token.mint(places[target].address, tokens, sender=ADMIN))
    after = system.custody.held(), [game.worth(n) for n in range(len(game.arena.markets))]
    demand(before == after, "donation: changes nothing", places[target])
    demand(market.options_vault.total_supply() == supply, "donation: changes no shares")
    return True


def draw_claim(game: Game, rng: random.Random) -> Args:
    top = game.model.treasury // game.arena.unit
    return (rng.choice((0, top, top + 1, draw_amount(rng, top))), rng.choice((0, 0, 0, 1)))


def claim_treasury(game: Game, tokens: int, by_stranger: int) -> bool:
    ledger, sender = game.system.ledger, STRANGER if by_stranger else ADMIN

    def send() -> Receipt:
        return ledger._send("claim_treasury", KEEPER, tokens, sender=sender)

    amount = tokens * game.arena.unit
    if by_stranger:
        game.must_fail("access: admin only", send)
    elif game.model.level_at(game.now) == HALTED:
        game.must_fail("ledger: halted", send)
    elif amount > game.model.treasury:
        game.must_fail("ledger: not that much owed", send)
    elif amount > game.model.tokens:
        game.must_fail("custody: not enough tokens", send)
    else:
        game.must_pass(send)
    return True


RULES = (
    Rule("deposit", 5, draw_deposit, deposit),
    Rule("withdraw", 5, draw_withdrawal, withdraw),
    Rule("transfer", 7, draw_transfer, transfer),
    Rule("operator", 3, draw_operator, operate),
    Rule("pause", 1, draw_pause, pause),
    Rule("unpause", 12, draw_unpause, pause),
    Rule("donate", 1, draw_gift, donate),
    Rule("treasury", 1, draw_claim, claim_treasury),
)
