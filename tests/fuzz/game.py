"""A run of random play: the arena, the model, and the one way by which every rule sends.

A transaction either goes through, and then no certain reason to refuse it holds, or it is refused
for a reason of the table in `refusals.py` that holds. Both count as a step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from protocol.chain.base import Receipt
from protocol.clients.markets import FOREVER, NO_LIMIT, Valuation
from protocol.clients.oracle import Spot
from protocol.clients.system import Market, System
from protocol.errors import Revert
from protocol.pricing.amm_words import PoolParameters
from protocol.types import Instrument, Leg
from protocol.units import DAY
from tests.fuzz.model import Model, read_model
from tests.fuzz.script import Violation, demand
from tests.fuzz.world import (
    ACCOUNTS,
    FEED_UNIT,
    FIRST_DAYS,
    SPOTS,
    VARIANCE,
    Arena,
    wad_of,
)


@dataclass(frozen=True, slots=True)
class Move:
    """What is about to be sent, as far as a refusal may depend on it."""

    kind: str  # "cash", "trade", "perp" or the name of a rule
    account: int = 0
    sender: str = ""
    market: int = 0
    legs: tuple[Leg, ...] = ()
    size: int = 0
    amount: int = 0
    receiver: int = 0
    limit: int = NO_LIMIT
    deadline: int = FOREVER

    @property
    def fills(self) -> list[tuple[int, int]]:
        return [(leg.instrument.id, leg.size) for leg in self.legs]


@dataclass(slots=True)
class ExpiryNote:
    """What the model knows of a listed expiry."""

    step: int  # of strikes, in strike steps
    refreshed_at: int
    spot: int


@dataclass(slots=True)
class Outside:
    """The market outside: feed answers, and when they were given."""

    answers: list[int]
    updated_at: list[int]
    variance: list[float]
    pushed_at: list[dict[int, int]]  # day -> second
    listed: list[dict[int, ExpiryNote]]


@dataclass(slots=True)
class Game:
    """One run."""

    arena: Arena
    model: Model
    outside: Outside
    steps: int = 0  # transactions that went through or were refused for a reason that held
    done: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    least_life: int = 0  # of an option that is quoted, seconds
    most_age: int = 0  # of a surface and a snapshot, seconds
    most_drift: int = 0  # of spot since a refresh, WAD share

    @property
    def system(self) -> System:
        return self.arena.system

    @property
    def now(self) -> int:
        return self.arena.chain.timestamp

    def market(self, number: int) -> Market:
        return self.arena.markets[number]

    def spot(self, number: int) -> int:
        """The feed's price, WAD, fresh or not."""
        return wad_of(self.outside.answers[number])

    def oracle_spot(self, number: int) -> Spot | None:
        """What the oracle answers, None where it refuses."""
        try:
            return self.system.oracle.spot(self.market(number).underlying)
        except Revert:
            return None

    def worth(self, number: int) -> Valuation | None:
        """The options pool as it values itself, None where its valuation is stale."""
        try:
            return self.market(number).amm.valuation()
        except Revert:
            return None

    def attempt(self, move: Move, send: Callable[[], Receipt]) -> Receipt | None:
        """Send; None where it was refused for a reason that holds."""
        try:
            receipt = send()
        except Revert as refusal:
            self._judge(move, refusal.reason)
            return None
        self.steps += 1
        for reason, rule in self.refusals.items():
            if rule.certain and move.kind in rule.kinds and rule.holds(self, move):
                raise Violation(f"went through: {move.kind}", f"in spite of {reason!r}: {move}")
        self.model.absorb(self.system, receipt)
        return receipt

    def must_fail(self, reasons: str | Sequence[str], send: Callable[[], Receipt]) -> None:
        """Send what has to be refused, and say why."""
        expected = (reasons,) if isinstance(reasons, str) else tuple(reasons)
        try:
            send()
        except Revert as refusal:
            self.steps += 1
            self.refused[refusal.reason] += 1
            name = f"refused otherwise: {expected[0]}"
            demand(refusal.reason in expected, name, refusal.reason)
            return
        raise Violation(f"went through: {expected[0]}")

    def must_pass(self, send: Callable[[], Receipt]) -> Receipt:
        """Send what nothing can refuse."""
        receipt = self.attempt(Move("unconditional"), send)
        assert receipt is not None  # the table has no reason for it
        return receipt

    def _judge(self, move: Move, reason: str) -> None:
        rule = self.refusals.get(reason)
        known = rule is not None and move.kind in rule.kinds
        demand(known, f"refused for no known reason: {move.kind}: {reason}", move)
        assert rule is not None
        demand(rule.holds(self, move), f"refused for no good reason: {reason}", move)
        self.steps += 1
        self.refused[reason] += 1

    def cash_after(self, move: Move) -> int | None:
        """The account's cash after an options trade, None where there is no quote."""
        try:
            quote = self.market(move.market).amm.quote(move.account, move.legs)
        except Revert:
            return None
        return self.model.cash[move.account] - quote.cash

    def held_after(self, move: Move) -> dict[int, int]:
        """The account's positions after a trade."""
        book = dict(self.model.held[move.account])
        for instrument, size in move.fills:
            after = book.pop(instrument, 0) + size
            if after:
                book[instrument] = after
        return book


@dataclass(frozen=True, slots=True)
class Refusal:
    """When a revert reason is a good one.

    `certain`: whenever it holds, the transaction must be refused (for this or another reason).
    """

    kinds: tuple[str, ...]
    holds: Callable[[Game, Move], bool]
    certain: bool = False


def start_game(arena: Arena, refusals: dict[str, Refusal]) -> Game:
    """A game on an arena as built."""
    today, now = arena.chain.timestamp // DAY, arena.chain.timestamp
    days = [today + more for more in FIRST_DAYS]
    answers = [round(SPOTS[market.symbol] * FEED_UNIT) for market in arena.markets]
    books = [
        {b.day: ExpiryNote(b.strike_step, b.refreshed_at, b.spot) for b in market.amm.expiries()}
        for market in arena.markets
    ]
    outside = Outside(
        answers=answers,
        updated_at=[now] * len(answers),
        variance=[VARIANCE] * len(answers),
        pushed_at=[dict.fromkeys(days, now) for _ in answers],
        listed=books,
    )
    model = read_model(arena.system, ACCOUNTS, arena.unit)
    game = Game(arena, model, outside, refusals=refusals)
    terms = PoolParameters.from_words(arena.markets[0].amm._call("parameters"))
    game.least_life, game.most_age = terms.limits.min_life, terms.limits.max_age
    game.most_drift = terms.spreads.max_drift
    return game


def leg_of(kind: int, underlying: int, day: int, steps: int, size: int) -> Leg:
    """A leg from the numbers of a script."""
    return Leg(Instrument(kind, underlying, day, steps), size)  # type: ignore[arg-type]
