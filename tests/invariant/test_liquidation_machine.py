"""Auctions in random markets: every slice leaves its account healthier, nobody profits from itself.

Any sequence of fills, price moves, deposits, exits, flags, bids and absorptions keeps every
instrument at zero and all cash backed, through insolvency, insurance, pools and haircuts. Sequences
are drawn from a seed: a failure repeats.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import Revert
from protocol.units import WAD
from tests.ledger_bench import ADMIN, MAKER, POOL, STRANGER, TAKER, account, leg
from tests.liquidation_bench import BIDDER, PERP_POOL, Ward, make_ward

TRADERS = (TAKER, MAKER, BIDDER, STRANGER)
RICH = BIDDER  # can take over most
OWNERS = (*TRADERS, POOL, PERP_POOL)
STEPS, SEEDS = 150, range(8)
ROUNDING = 10**5  # wei: a size is cut by less than a wei, worth up to 2,500 of cash
EXPECTED = {
    "liquidator: account healthy",
    "liquidator: below initial margin",
    "liquidator: has positions",
    "liquidator: no auction",
    "liquidator: no debt",
    "liquidator: no positions",
    "liquidator: nothing to flag",
    "liquidator: own account",
    "liquidator: slice too small",
    "liquidator: flag anew",
    "ledger: below initial margin",
    "ledger: below maintenance",
    "ledger: insolvency pending",
    "ledger: loss too large",
    "ledger: not enough cash",
    "ledger: nothing to move",
}


class LiquidationMachine:
    """Actions are methods; what may be refused is refused by a name that is expected."""

    WEIGHTS = {
        "fill": 20,
        "move": 10,
        "squeeze": 12,
        "flag": 20,
        "bid": 30,
        "close": 8,
        "absorb": 4,
        "deposit": 8,
        "withdraw": 8,
        "wait": 12,
    }

    def __init__(self, artifacts: Artifacts, rng: random.Random) -> None:
        self.artifacts, self.rng, self.chain = artifacts, rng, EmbeddedChain()
        self.ward: Ward = make_ward(self.chain, self._deploy)
        self.ward.insure(rng.choice((0, 100, 3_000)))
        bench = self.ward.bench
        self.series = [self.ward.series, *(bench.call(k) for k in (3_300, 3_600, 3_900))]
        self.marks = dict.fromkeys(self.series, 500.0)
        for each in self.series:
            self.ward.mark(500, each)
        for index, owner in enumerate(TRADERS):
            bench.fund(owner, 4_000 * (index + 1))
        bench.fund(RICH, 200_000)
        self.seen: Counter[str] = Counter()

    def _deploy(self, name: str, *args: object) -> AnyContract:
        artifact = self.artifacts[name]
        address = deploy_contract(self.chain, artifact, *args, sender=ADMIN)
        return AnyContract(self.chain, address, artifact.abi)

    def play(self, steps: int) -> None:
        names, weights = zip(*self.WEIGHTS.items(), strict=True)
        for name in self.rng.choices(names, weights, k=steps):
            self.attempt(getattr(self, name))
            self.check_books()
        self.wind_up()

    def attempt(self, action: Callable[..., object], *args: object, **named: object) -> None:
        """What is refused must be refused by a name that is expected."""
        try:
            action(*args, **named)
            self.seen[getattr(action, "__name__", "bid")] += 1
        except Revert as refusal:
            assert refusal.reason in EXPECTED, refusal.reason
            self.seen[refusal.reason] += 1

    # -- actions --

    def patient(self, auctioned: bool) -> int:
        """One on auction, or one that should be; anybody where there is none."""
        found = []
        for who in map(account, TRADERS):
            equity, _, maintenance = self.ward.margin(who)
            started = self.ward.liquidator.auction(who) != (0, 0)
            if started if auctioned else equity < maintenance:
                found.append(who)
        return self.rng.choice(found or [account(owner) for owner in TRADERS])

    def fill(self) -> None:
        """Shorts mostly, up to all that margin gives."""
        owner, series = self.rng.choice(TRADERS), self.rng.choice(self.series)
        equity, initial, _ = self.ward.margin(account(owner))
        most = max(equity - initial, 0) // 188
        size = -max(most, WAD) * self.rng.choice((2, 5, 9)) // 10
        paid = size * round(self.marks[series])
        row = [leg(series, size)]
        self.ward.bench.settle(row, payment=paid, taker=owner, maker=POOL)

    def move(self) -> None:
        """Anywhere, more often down."""
        series = self.rng.choice(self.series)
        step = self.rng.choice((-200, -80, -40, -10, 20, 40, 80))
        self.marks[series] = min(max(self.marks[series] + step, 50.0), 2_500.0)
        self.ward.mark(self.marks[series], series)

    def squeeze(self) -> None:
        """One trader's mark against him, to a share of his margin or below nothing."""
        owner = self.rng.choice(TRADERS)
        equity, _, maintenance = self.ward.margin(account(owner))
        shorts = [each for each in self.series if self.ward.bench.position(owner, each) < 0]
        target = maintenance * self.rng.choice((-30, 5, 30, 60, 80, 90, 99)) // 100
        if shorts and equity > target:
            series = self.rng.choice(shorts)
            units = -self.ward.bench.position(owner, series) / WAD
            self.marks[series] += min((equity - target) / WAD / units, 1_000.0)
            self.ward.mark(self.marks[series], series)

    def flag(self) -> None:
        self.ward.flag(self.patient(False))

    def bid(self) -> None:
        """Of one trader for another: the two together are judged as one owner."""
        sick, buyer = self.patient(True), account(self.rng.choice((RICH, RICH, *TRADERS)))
        terms = self.ward.terms(sick)
        share = self.rng.choice((WAD, self.rng.randrange(1, WAD), WAD // 10))
        before = [self.ward.margin(who) for who in (sick, buyer)]
        owner = next(each for each in TRADERS if account(each) == buyer)
        taken, _, covered = self.ward.bid(share, who=sick, owner=owner)
        after = [self.ward.margin(who) for who in (sick, buyer)]
        self.check_slice(terms, taken, covered, before, after)
        self.seen["insolvent" if terms.insolvent else "solvent"] += 1
        self.seen["haircut"] += covered[2] > 0

    def check_slice(self, terms, taken, covered, before, after) -> None:
        (equity, _, maintenance), (left, initial, needed) = before[0], after[0]
        if taken == WAD:
            assert needed == 0 and left >= 0
        elif not terms.insolvent:
            assert left * maintenance > equity * needed  # healthier
            assert needed >= 100 * WAD  # no dust
        elif covered[2] == 0:  # a haircut falls on the account's own cash as well
            assert (left + ROUNDING) * maintenance >= equity * needed
        if taken == terms.largest and not terms.insolvent:
            assert left >= initial
        gain = sum(row[0] for row in after) - sum(row[0] for row in before)
        assert gain <= sum(covered) + ROUNDING  # owner of both: what others paid, and no more
        if not terms.insolvent:
            assert sum(covered) == 0 and abs(gain) <= ROUNDING

    def close(self) -> None:
        self.ward.liquidator.close(self.patient(True), sender=STRANGER)

    def absorb(self) -> None:
        self.ward.liquidator.absorb(account(self.rng.choice(TRADERS)), sender=STRANGER)

    def deposit(self) -> None:
        """Into an account on auction rather than another."""
        who = self.patient(True)
        owner = next(each for each in TRADERS if account(each) == who)
        self.ward.bench.fund(owner, self.rng.randrange(1, 5_000))

    def withdraw(self) -> None:
        owner = self.rng.choice(TRADERS)
        tokens = self.rng.randrange(1, 300) * WAD // self.ward.bench.unit
        row = (account(owner), tokens, owner)
        self.ward.bench.ledger.send("withdraw", *row, sender=owner)

    def wait(self) -> None:
        self.chain.advance(self.rng.choice((60, 300, 900, 3_600)))

    # -- what always holds --

    def check_books(self) -> None:
        bench = self.ward.bench
        sums: Counter[int] = Counter()
        for owner in TRADERS:
            sums.update(bench.portfolio(owner))
        sums.update(bench.pool_positions(POOL, bench.day))
        assert not any(sums.values())
        self.check_backing()
        self.check_holds()

    def check_backing(self) -> None:
        """Positive cash and reserves are the tokens and what is owed, but for wei of rounding."""
        ledger, cash = self.ward.bench.ledger, [self.ward.cash(owner) for owner in OWNERS]
        owned = sum(each for each in cash if each > 0) + sum(ledger.call("reserves"))
        held = int(self.ward.bench.custody.call("held")) * self.ward.bench.unit
        spare = held + int(ledger.call("debt")) - owned
        assert 0 <= spare <= 10_000

    def check_holds(self) -> None:
        """Withdrawals wait only while some auction is insolvent."""
        auctions = [self.ward.liquidator.auction(account(owner)) for owner in TRADERS]
        if not any(since for _, since in auctions):
            assert not self.ward.held_back()

    def wind_up(self) -> None:
        """Everybody unhealthy is sold or made whole, and then nothing is held or owed."""
        rescuer = "0x" + "cc" * 20
        self.ward.bench.fund(rescuer, 3_000_000)
        for owner in TRADERS:
            who = account(owner)
            self.attempt(self.ward.flag, who)
            self.attempt(partial(self.ward.bid, WAD, owner=rescuer), who=who)
            if self.ward.liquidator.auction(who) != (0, 0):
                self.ward.liquidator.close(who, sender=STRANGER)
            equity, _, maintenance = self.ward.margin(who)
            assert equity >= maintenance >= 0
        assert not self.ward.held_back()


def test_auctions__any_sequence__keep_every_promise(artifacts: Artifacts) -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        machine = LiquidationMachine(artifacts, random.Random(seed))
        machine.play(STEPS)
        seen += machine.seen
    for case in ("solvent", "insolvent", "haircut", "close", "ledger: insolvency pending"):
        assert seen[case], f"no sequence met {case}: {seen}"
