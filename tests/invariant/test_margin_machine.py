"""Owners on margin at random, on the whole core: options, perps, collateral, debt, auctions.

Actions go to where a rule starts to bite (all the cash that may leave, a little more, equity just
below maintenance). After each, the books of all and the margin of one are checked; `--deep` plays
ten times as long. Sequences are drawn from a seed: a failure repeats.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from protocol.chain.artifacts import Artifacts
from protocol.clients.markets import NO_LIMIT
from protocol.errors import Revert
from protocol.types import Instrument, Kind
from protocol.units import WAD, from_wad, to_wad
from tests.attacks.twins import WithTwins, broken
from tests.margin_draws import RICH, Draws
from tests.margin_stage import ACCOUNTS, BORROWER, DEALER, DUST, VENUE, MarginStage
from tests.system_fixtures import HOUR, STRANGER, account

STEPS, SEEDS = 150, (0, 1)
CASES = ("solvent", "insolvent", "haircut", "ledger: insolvency pending")  # met by some sequence
LEAST_SUCCESS = 0.1  # of the draws of every rule
BORROWERS = account(BORROWER), account(BORROWER, 1)
WEIGHTS = {
    "deposit": 8,
    "withdraw": 10,
    "transfer": 6,
    "fill": 24,
    "trade_perp": 10,
    "post": 8,
    "take": 8,
    "move": 14,
    "squeeze": 14,
    "flag": 10,
    "bid": 24,
    "close": 6,
    "absorb": 6,
    "wait": 4,
    "roll": 4,
}
REFUSALS = {
    "erc20: transfer amount exceeds balance",
    "ledger: below initial margin",
    "ledger: below maintenance",
    "ledger: insolvency pending",
    "ledger: loss too large",
    "ledger: not enough cash",
    "ledger: not that much posted",
    "ledger: nothing to move",
    "liquidator: account healthy",
    "liquidator: below initial margin",
    "liquidator: flag anew",
    "liquidator: has positions",
    "liquidator: no auction",
    "liquidator: no debt",
    "liquidator: no positions",
    "liquidator: nothing to flag",
    "liquidator: slice too small",
    "perp: skew above cap",
    "perp: trade too large",
    "perp: pool too small",
    "risk: surface stale",
    "surface: pushed too soon",
    "surface: step too large",
    "collateral: nothing to move",
}


class MarginMachine(Draws):
    """Rules are methods; what may be refused is refused by a name that is expected."""

    def __init__(self, artifacts: Artifacts, rng: random.Random) -> None:
        super().__init__(MarginStage(artifacts), rng)
        self.done: Counter[str] = Counter()
        self.drawn: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def play(self, steps: int) -> None:
        for drawn in self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps):
            name = self.possible(drawn)
            self.drawn[name] += 1
            try:
                self.done[name] += getattr(self, name)() is not False
            except Revert as refusal:
                assert refusal.reason in REFUSALS, f"{name}: {refusal.reason}"
                self.seen[refusal.reason] += 1
            self.stage.check(self.rng.choice(list(ACCOUNTS)))

    # -- money --

    def deposit(self) -> None:
        """What somebody on auction lacks, or any amount."""
        poorest = min(ACCOUNTS, key=self.ledger.cash)
        who = self.rng.choice([self.one(self.auctioned()), poorest])
        equity, initial, _ = self.stage.margin(who)
        dollars = max(from_wad(initial - equity), self.rng.randrange(1, 20_000))
        tokens = round(self.near(min(dollars, 100_000.0)) * 10**6) + 1
        self.stage.exchange.system.token.mint(ACCOUNTS[who], tokens, sender=VENUE)
        self.ledger.deposit(who, tokens, sender=ACCOUNTS[who])

    def withdraw(self) -> None:
        who = self.anyone()
        tokens = int(self.near(self.leaving(who)) * 10**6)
        self.ledger.withdraw(who, tokens, ACCOUNTS[who], sender=ACCOUNTS[who])
        self.stage.check_exit(who)

    def transfer(self) -> None:
        who, other = self.rng.sample(list(ACCOUNTS), 2)
        amount = to_wad(self.near(self.leaving(who)))
        self.ledger.transfer_cash(who, other, amount, sender=ACCOUNTS[who])
        self.stage.check_exit(who)

    def post(self) -> None:
        who, amount = self.rng.choice(BORROWERS), self.rng.randrange(1, 5 * WAD)
        self.stage.ether.mint(ACCOUNTS[who], amount, sender=ACCOUNTS[who])
        self.stage.vault.deposit_into(who, amount, sender=ACCOUNTS[who])

    def take(self) -> None:
        who = self.one(self.posted())
        posted = self.ledger.position(who, self.stage.collateral)
        counted = from_wad(self.stage.exchange.spot(self.stage.exchange.eth)) * 0.75
        free = self.stage.twin(who)[0].initial_headroom / counted
        shares = min(max(to_wad(self.near(free)), 1), posted)
        self.stage.vault.take(who, shares, ACCOUNTS[who], sender=ACCOUNTS[who])
        self.stage.check_exit(who)

    # -- risk --

    def fill(self) -> None:
        """At mark, against the dealer; shorts mostly, up to all that margin gives."""
        who, stage = self.anyone(), self.stage
        held = [n for n in self.ledger.portfolio(who) if Instrument.from_id(n).day]
        if held and self.rng.random() < 0.25:
            series = self.rng.choice(held)
            size = -self.ledger.position(who, series) * self.rng.choice((1, 1, 2)) // 2
        else:
            moneyness = self.rng.choice((0.8, 0.95, 1.0, 1.05, 1.25))
            kind, life = self.rng.choice((Kind.CALL, Kind.PUT)), self.rng.randrange(2)
            series = stage.option(kind, moneyness, life).id
            size = self.size(who, series)
        if stage.surface_age() > HOUR // 2:
            stage.push()
        paid = stage.mark(series) * size // WAD
        leg = series << 128 | size & (2**128 - 1)
        row = ACCOUNTS[who], who, DEALER, [leg], paid, [0, 0, 0]
        self.ledger._send("settle", *row, sender=VENUE)

    def trade_perp(self) -> None:
        who, market = self.anyone(), self.rng.choice(self.stage.markets)
        perp, spot = Instrument.perp(market.underlying).id, self.stage.exchange.spot(market)
        held, sign = self.ledger.position(who, perp), self.rng.choice((-1, 1))
        equity, initial, _ = self.stage.margin(who)
        free = min(max(equity - initial, 0), 30_000 * WAD)
        size = sign * max(int(self.near(free)) * 4 * WAD // spot, WAD // 1_000)
        if held and self.rng.random() < 0.4:
            size = -held
        limit = NO_LIMIT if size > 0 else 0
        market.perp.trade(who, size, limit, sender=ACCOUNTS[who])

    # -- the market --

    def advance(self, seconds: int, **prices: float) -> None:
        """Never past an expiry, which `roll` is for."""
        self.stage.exchange.advance(min(seconds, self.stage.seconds_to_expiry()), **prices)

    def move(self) -> None:
        exchange = self.stage.exchange
        eth, btc = (
            min(
                max(exchange.outside(market) * self.rng.choice((0.85, 0.97, 1.0, 1.03, 1.15)), low),
                5 * low,
            )
            for market, low in ((exchange.eth, 900.0), (exchange.btc, 27_000.0))
        )
        self.advance(self.rng.choice((300, 900, HOUR)), eth=eth, btc=btc)
        self.stage.variance *= self.rng.choice((0.9, 1.0, 1.1))
        self.stage.variance = min(max(self.stage.variance, 0.2), 1.2)
        self.stage.push()

    def squeeze(self) -> bool:
        """Somebody leaves no more than initial margin, and the price goes to where his equity is
        just below maintenance, or gone.
        """
        who, exchange = self.one(self.short()), self.stage.exchange
        tokens = int(0.999 * self.leaving(who) * 10**6)
        if tokens and not self.ledger.withdrawal_holds():
            self.ledger.withdraw(who, tokens, ACCOUNTS[who], sender=ACCOUNTS[who])
            self.stage.check_exit(who)
        start, goal = exchange.outside(exchange.eth), self.rng.choice((0.98, 0.9, 0.5, 0.05, -0.3))
        for move in (way * step / 25 for step in range(1, 14) for way in (-1, 1)):
            exchange.set_spot(exchange.eth, start * (1 + move))
            equity, _, maintenance = self.stage.margin(who)
            if maintenance and equity < goal * maintenance:
                return True
        exchange.set_spot(exchange.eth, start)
        return False

    def wait(self) -> None:
        self.advance(self.rng.choice((60, HOUR, 12 * HOUR)))

    def roll(self) -> None:
        """Mostly with a gap before it: shorts that were well covered end in debt."""
        exchange = self.stage.exchange
        gap = self.rng.choice((0.6, 1.0, 1.5, 1.5))
        exchange.set_spot(exchange.eth, exchange.outside(exchange.eth) * gap)
        day = self.stage.roll()
        for who in ACCOUNTS:
            assert all(Instrument.from_id(n).day != day for n in self.ledger.portfolio(who))

    # -- auctions --

    def flag(self) -> None:
        self.stage.liquidator.flag(self.one(self.unhealthy()), sender=STRANGER)

    def close(self) -> None:
        self.stage.liquidator.close(self.one(self.recovered() or self.auctioned()), sender=STRANGER)

    def absorb(self) -> None:
        who = self.one(self.broke())
        self.stage.liquidator.absorb(who, sender=STRANGER)
        assert self.ledger.cash(who) >= 0

    def bid(self) -> None:
        """One account for another; together they are one owner's, so he must not gain."""
        sick = self.one(self.auctioned())
        buyer = self.rng.choice([RICH, RICH, *ACCOUNTS])
        if buyer == sick:
            buyer = self.rng.choice([who for who in ACCOUNTS if who != sick])
        self.ledger.accrue(sender=STRANGER)
        terms = self.stage.liquidator.terms(sick)
        before = [self.stage.margin(who) for who in (sick, buyer)]
        share = self.rng.choice((WAD, WAD, self.rng.randrange(1, WAD), WAD // 3))
        receipt = self.stage.liquidator.bid(sick, buyer, share, sender=ACCOUNTS[buyer])
        (row,) = (
            event.args
            for event in self.stage.liquidator.events(receipt)
            if event.name == "SliceSold"
        )
        after = [self.stage.margin(who) for who in (sick, buyer)]
        self.check_slice(terms, row, before, after)
        self.stage.check_exit(buyer)
        self.seen["insolvent" if terms.insolvent else "solvent"] += 1
        self.seen["haircut"] += row["covered"][2] > 0

    def check_slice(self, terms: Any, row: Mapping[str, Any], before: Any, after: Any) -> None:
        covered = sum(row["covered"])
        (equity, _, maintenance), (left, initial, needed) = before[0], after[0]
        gain = sum(each[0] for each in after) - sum(each[0] for each in before)
        assert gain <= covered + DUST, "an owner on both sides gained"
        if row["share"] == WAD:
            assert needed == 0 and left >= 0, "sold whole, and still in debt"
        elif not terms.insolvent:
            assert left * maintenance > equity * needed, "a slice made its account no healthier"
        if not terms.insolvent:
            assert covered == 0 and gain >= -DUST, "others paid for a solvent account"
            if row["share"] == terms.largest and row["share"] != WAD:
                assert left >= initial - DUST, "the largest slice leaves too little"


def play(artifacts: Artifacts, *, seed: int, steps: int) -> MarginMachine:
    machine = MarginMachine(artifacts, random.Random(seed))
    machine.play(steps)
    return machine


def test_margin__any_sequence__keeps_every_promise(artifacts: Artifacts, deep: bool) -> None:
    drawn, done, seen = Counter[str](), Counter[str](), Counter[str]()
    for seed in SEEDS:
        machine = play(artifacts, seed=seed, steps=10 * STEPS if deep else STEPS)
        drawn, done, seen = drawn + machine.drawn, done + machine.done, seen + machine.seen
    print({name: f"{done[name]}/{n}" for name, n in drawn.items()}, seen)
    assert {n: done[n] for n in WEIGHTS if done[n] < max(LEAST_SUCCESS * drawn[n], 1)} == {}
    assert [case for case in CASES if not seen[case]] == []


PRICE = "convert(terms.discount, int256) - value"
TWINS = [
    (
        "Clearinghouse",
        "reserve_book",
        {"account_codec._with_haircut_index(config, left)": "config"},
        "cash is not backed",
    ),
    ("Liquidator", None, {PRICE: f"2 * {PRICE}"}, "a slice made its account no healthier"),
]


@pytest.mark.parametrize(("contract", "module", "changes", "breach"), TWINS)
def test_a_contract_that_breaks_a_promise__is_caught(
    contract: str, module: str | None, changes: dict[str, str], breach: str
) -> None:
    artifacts = WithTwins(broken(contract, changes, module=module))
    with pytest.raises(AssertionError, match=breach):
        for seed in SEEDS:
            play(artifacts, seed=seed, steps=STEPS)
