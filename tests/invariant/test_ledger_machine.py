"""The ledger against its Python reference.

Any sequence of deposits, exits, fills, perp gains, price moves, pauses and expiries is allowed or
refused alike, and leaves the same books. Sequences are drawn from a seed: a failure repeats.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy

import pytest
from eth_hash.auto import keccak

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import Revert
from protocol.types import Instrument, Kind
from protocol.units import WAD, from_wad
from tests.ledger_bench import (
    ADMIN,
    CASH,
    COLLECTION,
    ETH,
    EXPIRY_SECONDS,
    OPEN,
    PAUSED,
    POOL,
    SPOT,
    STRANGER,
    TRADE,
    account,
    leg,
    make_bench,
)
from tests.ledger_model import Fill, LedgerModel, Refused

TRADERS = ["0x" + f"{n:02x}" * 20 for n in (0xB1, 0xB2, 0xB3, 0xB4)]
OWNERS = [*TRADERS, POOL]
DAYS_OUT = (1, 2, 3, 40)
STRIKES = (2_500, 3_000, 3_500)
STEPS, SEEDS = 300, range(6)


class LedgerMachine:
    """Every action plays the contracts and the model; what one refuses the other must refuse."""

    WEIGHTS = {
        "fill": 40,
        "close": 15,
        "deposit": 4,
        "withdraw": 6,
        "transfer": 4,
        "realise": 3,
        "claim": 2,
        "donate": 1,
        "move_spot": 8,
        "move_gain": 4,
        "pause": 3,
        "resume": 10,
        "wait": 8,
        "take_print": 6,
        "settle_account": 16,
        "settle_pool": 6,
        "settle_all": 16,
    }

    def __init__(self, artifacts: Artifacts, rng: random.Random) -> None:
        self.artifacts, self.rng = artifacts, rng
        self.chain = chain = EmbeddedChain()
        self.bench = make_bench(chain, self._deploy)
        self.bench.ledger.send("set_venue", POOL, TRADE | CASH, sender=ADMIN)
        today = chain.timestamp // 86_400
        self.days = [today + ahead for ahead in DAYS_OUT]
        self.instruments = [
            Instrument.option(kind, ETH, day, strike)
            for day in self.days
            for kind in (Kind.CALL, Kind.PUT)
            for strike in STRIKES
        ] + [Instrument.perp(ETH)]
        self.model = LedgerModel(spot=SPOT, now=chain.timestamp, pools={POOL})
        self.model.cash = dict.fromkeys(OWNERS, 0)
        self.model.held = {owner: {} for owner in OWNERS}
        self.tokens = self.settlements = 0
        self.seen: Counter[str] = Counter()
        for owner in OWNERS:
            self._fund(owner, 15_000)

    def _deploy(self, name: str, *args: object) -> AnyContract:
        artifact = self.artifacts[name]
        address = deploy_contract(self.chain, artifact, *args, sender=ADMIN)
        return AnyContract(self.chain, address, artifact.abi)

    def play(self, steps: int) -> None:
        names, weights = zip(*self.WEIGHTS.items(), strict=True)
        for step, name in enumerate(self.rng.choices(names, weights, k=steps)):
            getattr(self, name)()
            if step % 3 == 0:  # reading costs more than playing
                self.check_books()
                self.check_margins()
                self.check_backing()
        self.check_positions()
        self.check_words()

    def both(self, model: Callable[[LedgerModel], None], chain: Callable[[], object]) -> bool:
        """Whether it went through; the same reason where it did not, and then nothing changed."""
        after = deepcopy(self.model)
        try:
            model(after)
        except Refused as refused:
            self.seen[str(refused)] += 1
            with pytest.raises(Revert) as caught:
                chain()
            assert caught.value.reason == str(refused)
            return False
        chain()
        self.model = after
        return True

    def _part(self, amount: int) -> int:
        """None, little, much, all or too much of an amount; 1 at least."""
        return max(amount, 0) * self.rng.choice((0, 1, 500, 999, 1_000, 1_001)) // 1_000 or 1

    # ── money ──

    def _fund(self, owner: str, dollars: int) -> None:
        self.bench.fund(owner, dollars)
        self.model.cash[owner] += dollars * WAD
        self.tokens += dollars * 10**6

    def deposit(self) -> None:
        self._fund(self.rng.choice(OWNERS), self.rng.randint(1, 20_000))

    def withdraw(self) -> None:
        owner, unit = self.rng.choice(TRADERS), self.bench.unit
        tokens = self._part(self.model.cash[owner] // unit)
        args = (account(owner), tokens, STRANGER)
        if self.both(
            lambda model: model.withdraw(owner, tokens * unit),
            lambda: self.bench.ledger.send("withdraw", *args, sender=owner),
        ):
            self.tokens -= tokens

    def transfer(self) -> None:
        sender, receiver = self.rng.choice(OWNERS), self.rng.choice(OWNERS)
        amount = self._part(self.model.cash[sender])
        args = (account(sender), account(receiver), amount)
        self.both(
            lambda model: model.transfer(sender, receiver, amount),
            lambda: self.bench.ledger.send("transfer_cash", *args, sender=sender),
        )

    def realise(self) -> None:
        """A perp's loss, or gain, against the pool."""
        owner, amount = self.rng.choice(TRADERS), self.rng.randint(-5_000 * WAD, 5_000 * WAD)
        self.bench.ledger.send("move_cash", account(owner), account(POOL), amount, sender=POOL)
        self.model.cash[owner] -= amount
        self.model.cash[POOL] += amount

    def claim(self) -> None:
        tokens = self._part(self.model.treasury // self.bench.unit)
        if self.both(
            lambda model: model.claim(tokens * self.bench.unit),
            lambda: self.bench.ledger.send("claim_treasury", STRANGER, tokens, sender=ADMIN),
        ):
            self.tokens -= tokens

    def donate(self) -> None:
        self.bench.token.send("mint", self.bench.custody.address, 10**6, sender=STRANGER)

    # ── fills ──

    def fill(self) -> None:
        """Anything of any size, between any two."""
        taker, maker = self._pair()
        legs = [
            (self.rng.choice(self.instruments), self.rng.randint(-2 * WAD, 2 * WAD))
            for _ in range(self.rng.choice((1, 1, 1, 2, 3)))
        ]
        self._settle(taker, maker, legs)

    def close(self) -> None:
        """The whole, or a part, or more, of what the taker holds."""
        taker, maker = self._pair()
        held = list(self.model.held[taker].items())
        some = self.rng.sample(held, min(len(held), self.rng.choice((1, 1, 2))))
        factor = self.rng.choice((1, 1, 2, 5))
        legs = [(instrument, -size * 2 // factor) for instrument, size in some]
        if factor == 1:
            legs = [(instrument, -size) for instrument, size in some]
        if legs:
            self._settle(taker, maker, legs)

    def _pair(self) -> tuple[str, str]:
        """Two owners, now and then the same."""
        if self.rng.random() < 0.02:
            return TRADERS[0], TRADERS[0]
        taker, maker = self.rng.sample(OWNERS, 2)
        return taker, maker

    def _settle(self, taker: str, maker: str, legs: list[tuple[Instrument, int]]) -> None:
        payment = self.rng.randint(-500 * WAD, 500 * WAD)
        first, second, third = (self.rng.choice((0, 1, 3 * WAD)) for _ in range(3))
        fill = Fill(taker, maker, legs, payment, (first, second, third))
        packed = [leg(instrument, size) for instrument, size in legs]
        if self.both(
            lambda model: model.settle(fill),
            lambda: self.bench.settle(
                packed, payment=payment, fees=fill.fees, taker=taker, maker=maker
            ),
        ):
            self.seen["filled"] += 1

    # ── the world ──

    def move_spot(self) -> None:
        self.model.spot = self.rng.randint(2_000 * WAD, 4_000 * WAD)
        self.bench.set_spot(self.model.spot)

    def move_gain(self) -> None:
        owner, gain = self.rng.choice(TRADERS), self.rng.randint(-3_000 * WAD, 3_000 * WAD)
        self.bench.market.send("set_gain", account(owner), gain, sender=ADMIN)
        self.model.gains[owner] = gain

    def pause(self) -> None:
        self.bench.pause(PAUSED)
        self.model.paused = True

    def resume(self) -> None:
        self.bench.pause(OPEN)
        self.model.paused = False

    def wait(self) -> None:
        self.chain.advance(self.rng.randint(1, 50_000))
        self.model.now = self.chain.timestamp

    def take_print(self) -> None:
        for day in self.days:
            over = self.model.now >= day * 86_400 + EXPIRY_SECONDS
            if over and day not in self.model.prints:
                self.model.prints[day] = self.rng.randint(2_000 * WAD, 4_000 * WAD)
                self.bench.set_print(day, self.model.prints[day], collected=False)
                self.model.collected_at[day] = self.model.now + COLLECTION
                return

    def settle_account(self) -> None:
        owner = self.rng.choice(TRADERS)
        self._expire(owner, set(self.days), "settle_account", account(owner))

    def settle_pool(self) -> None:
        day = self.rng.choice(self.days)
        self._expire(POOL, {day}, "settle_pool", account(POOL), ETH, day)

    def settle_all(self) -> None:
        """Those who owe first, then whoever they have paid in enough for, in the order given."""
        day = self.rng.choice(self.days)
        if day not in self.model.prints:
            return
        owners = self.rng.sample(OWNERS, len(OWNERS))
        before = sum(map(len, self.model.held.values()))
        row = ([account(owner) for owner in owners], ETH, day)
        self.bench.expiry.send("settle_accounts", *row, sender=STRANGER)
        for _ in range(2):
            for owner in owners:
                with suppress(Refused):
                    self.model.expire(owner, {day})
        self.settlements += before - sum(map(len, self.model.held.values()))

    def _expire(self, owner: str, days: set[int], function: str, *args: object) -> None:
        before = sum(map(len, self.model.held.values()))
        self.both(
            lambda model: model.expire(owner, days),
            lambda: self.bench.expiry.send(function, *args, sender=STRANGER),
        )
        self.settlements += before - sum(map(len, self.model.held.values()))

    # ── what always holds ──

    def _books(self, owner: str) -> dict[int, int]:
        """What the ledger's lists say that an owner holds."""
        if owner != POOL:
            return self.bench.portfolio(owner)
        by_day = [self.bench.pool_positions(POOL, day) for day in (*self.days, 0)]
        return {key: size for books in by_day for key, size in books.items()}

    def check_books(self) -> None:
        ledger, model = self.bench.ledger, self.model
        total: Counter[int] = Counter()
        for owner in OWNERS:
            books = self._books(owner)
            assert books == {i.id: size for i, size in model.held[owner].items()}
            assert self.bench.cash(owner) == model.cash[owner]
            total.update(books)
        for day in self.days:
            escrow = self.bench.expiry.call("escrow", ETH, day)
            assert ledger.call("cash", escrow) == model.escrows.get(day, 0)
        for number, net in total.items():  # what has a print is being settled, one by one
            assert net == 0 or Instrument.from_id(number).day in model.prints
        assert ledger.call("reserves") == (model.insurance, model.treasury)

    def check_margins(self) -> None:
        for owner in TRADERS:
            margin = self.bench.ledger.call("margin", account(owner))
            found = [from_wad(amount) for amount in margin]
            assert found == pytest.approx(self.model.margin(owner), rel=1e-12, abs=1e-8)

    def check_backing(self) -> None:
        """Cash and reserves are the tokens; an expiry keeps a wei at most per settlement."""
        held = self.bench.custody.call("held")
        assert held == self.tokens <= self.bench.token.call("balanceOf", self.bench.custody.address)
        claims = sum(self.model.cash.values()) + self.model.insurance + self.model.treasury
        claims += sum(self.model.escrows.values())
        assert claims == held * self.bench.unit
        owed = sum(max(-cash, 0) for cash in self.model.cash.values())
        assert self.bench.ledger.call("debt") == owed
        in_escrow = sum(self.model.escrows.values()) * WAD
        assert 0 <= in_escrow - self.model.unsettled() <= self.settlements * WAD

    def check_positions(self) -> None:
        for owner in OWNERS:
            for instrument in self.instruments:
                size = self.model.held[owner].get(instrument, 0)
                assert self.bench.position(owner, instrument) == size

    def check_words(self) -> None:
        """The counts by which the ledger decides whom to margin, straight from storage."""
        layout = self.artifacts["Clearinghouse"].layout["storage_layout"]["cash_book"]
        for owner in TRADERS:
            key = layout["_accounts"]["slot"].to_bytes(32, "big") + account(owner).to_bytes(
                32, "big"
            )
            slot = int.from_bytes(keccak(key), "big")
            word = self.chain.storage(self.bench.ledger.address, slot)
            held = self.model.held[owner]
            perps = sum(instrument.kind == Kind.PERP for instrument in held)
            shorts = sum(size < 0 and i.kind != Kind.PERP for i, size in held.items())
            assert word & (2**64 - 1) == perps << 24 | shorts << 16 | len(held) << 8
            first = word >> 64 & (2**64 - 1)
            assert first in {instrument.id for instrument in held} if held else first == 0


def test_ledger__played_at_random__is_its_model(artifacts):
    total: Counter[str] = Counter()
    for seed in SEEDS:
        machine = LedgerMachine(artifacts, random.Random(seed))
        machine.play(STEPS)
        total.update(machine.seen)
        total["settled"] += machine.settlements
    # The play is worth something only if it went where things can go wrong.
    assert total["filled"] > 300 and total["settled"] > 100
    assert total["ledger: below initial margin"] > 25
    assert total["expiry: still collecting"] and total["expiry: settle shorts first"]
