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
from protocol.pricing.amm import Priced
from protocol.pricing.amm_words import PoolParameters
from protocol.types import Instrument, Leg
from protocol.units import DAY, WAD, expiry_timestamp
from tests.fuzz.model import Model, read_model
from tests.fuzz.pool_model import PoolNote, priced
from tests.fuzz.script import Violation, demand
from tests.fuzz.world import (
    ACCOUNTS,
    FEED_AGE,
    FEED_UNIT,
    FIRST_DAYS,
    SPOTS,
    VARIANCE,
    Arena,
    wad_of,
)

# What a valuation may be made of: OptionsAMM's constants.
VALUATION_AGE, VALUATION_SURFACE, VALUATION_DRIFT = 300, 900, WAD // 1_000


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
    posted: int  # when the surface of that refresh was pushed


@dataclass(slots=True)
class Outside:
    """The market outside: feed answers, and when they were given."""

    answers: list[int]
    updated_at: list[int]
    variance: list[float]
    pushed_at: list[dict[int, int]]  # day -> second
    behind: list[dict[int, int]]  # day -> how its surface is behind the market
    listed: list[dict[int, ExpiryNote]]


@dataclass(slots=True)
class Game:
    """One run."""

    arena: Arena
    model: Model
    outside: Outside
    pools: tuple[PoolNote, ...]
    steps: int = 0  # transactions that went through or were refused for a reason that held
    done: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    refusals: dict[str, Refusal] = field(default_factory=dict)

    @property
    def least_life(self) -> int:
        """Of an option that is quoted, seconds; of all pools alike."""
        return self.pools[0].terms.limits.min_life

    @property
    def most_age(self) -> int:
        """Of a surface and a snapshot, seconds; of all pools alike."""
        return self.pools[0].terms.limits.max_age

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
        """The options pool as it values itself, None exactly where its valuation is stale."""
        stale = self.is_unvalued(number)
        try:
            value = self.market(number).amm.valuation()
        except Revert as refusal:
            demand(stale, "valuation: refused for a reason", refusal.reason)
            return None
        demand(not stale, "valuation: never of old numbers")
        return value

    def is_unvalued(self, number: int) -> bool:
        """Whether LPs would leave at numbers that are too old."""
        spot, now = self.spot(number), self.now
        if now - self.outside.updated_at[number] > FEED_AGE:
            return True
        return any(
            now >= expiry_timestamp(day)
            or now > note.refreshed_at + VALUATION_AGE
            or now > note.posted + VALUATION_SURFACE
            or abs(spot - note.spot) * WAD > note.spot * VALUATION_DRIFT
            for day, note in self.outside.listed[number].items()
        )

    def priced(self, move: Move) -> Priced:
        """What the pricer's twin asks for an options trade; `InputError` where it refuses."""
        market = self.market(move.market)
        spot, note = self.system.oracle.spot(market.underlying), self.pools[move.market]
        return priced(self.system, market, note, account=move.account, legs=move.legs, spot=spot)

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
        {
            b.day: ExpiryNote(b.strike_step, b.refreshed_at, b.spot, now)
            for b in market.amm.expiries()
        }
        for market in arena.markets
    ]
    outside = Outside(
        answers=answers,
        updated_at=[now] * len(answers),
        variance=[VARIANCE] * len(answers),
        pushed_at=[dict.fromkeys(days, now) for _ in answers],
        behind=[{} for _ in answers],
        listed=books,
    )
    model = read_model(arena.system, ACCOUNTS, arena.unit)
    pools = tuple(start_note(arena, market) for market in arena.markets)
    return Game(arena, model, outside, pools, refusals=refusals)


def start_note(arena: Arena, market: Market) -> PoolNote:
    """An options pool in which nobody has traded yet."""
    terms = PoolParameters.from_words(market.amm._call("parameters"))
    note = PoolNote(terms, arena.meters_slot)
    nav, supply = arena.system.ledger.cash(market.amm.pool), market.options_vault.total_supply()
    note.refreshed(nav=nav, supply=supply, now=arena.chain.timestamp)
    return note


def leg_of(kind: int, underlying: int, day: int, steps: int, size: int) -> Leg:
    """A leg from the numbers of a script."""
    return Leg(Instrument(kind, underlying, day, steps), size)  # type: ignore[arg-type]
