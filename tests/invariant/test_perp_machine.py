"""PerpMarket as a state machine: its books are exact and no path through a still market pays."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.units import DAY, WAD
from tests.market_bench import (
    ADMIN,
    LIQUIDATE,
    LONG,
    LP,
    OTHER_LP,
    PARAMS,
    SHORT,
    SPOT,
    STRANGER,
    TRADE,
    Bench,
    account,
    build,
    rewound,
)

TRADERS = (LONG, SHORT, OTHER_LP, STRANGER)
POOL_DOLLARS, TRADER_DOLLARS = 50_000_000, 20_000_000

traders = st.sampled_from(TRADERS)
# Wei and thousands alike, every digit used.
sizes = st.one_of(
    st.integers(1, 10**6), st.integers(1, 50 * WAD), st.integers(1, PARAMS["max_trade"])
).flatmap(lambda size: st.sampled_from([size, -size]))
moves = st.integers(-(10**6), 10**6)


@cache
def stage() -> Callable[[], Bench]:
    """One bench for all examples, wound back to its start by each call."""

    def make() -> Bench:
        bench = build(EmbeddedChain(), Artifacts())
        bench.fund(LP, POOL_DOLLARS, into=bench.pool)
        for owner in TRADERS:
            bench.fund(owner, TRADER_DOLLARS)
        bench.ledger.send("set_venue", ADMIN, TRADE | LIQUIDATE, sender=ADMIN)
        return bench

    return next(rewound(make))


class PerpMachine(RuleBasedStateMachine):
    """Model: every account's size and the integer mark (index - funding) it was last touched at."""

    @initialize()
    def start(self) -> None:
        self.bench = stage()()
        self.slot = Artifacts()["PerpMarket"].layout["storage_layout"]["_marked"]["slot"]
        self.sizes = dict.fromkeys(TRADERS, 0)
        self.marks = dict.fromkeys(TRADERS, 0)
        self.index = SPOT

    # ── the market ──

    def mark(self) -> int:
        return self.index - int(self.bench.perp.call("funding")[1])

    def touch(self, owner: str, size: int) -> None:
        self.sizes[owner] += size
        self.marks[owner] = self.mark()

    def fits(self, size: int) -> bool:
        skew = sum(self.sizes.values())
        return abs(skew + size) <= PARAMS["max_skew"]

    @rule(owner=traders, size=sizes)
    def trade(self, owner: str, size: int) -> None:
        if self.fits(size):
            self.bench.trade(owner, size)
            self.touch(owner, size)

    @rule(owner=traders)
    def realise(self, owner: str) -> None:
        self.bench.perp.send("realise", account(owner), sender=STRANGER)
        self.touch(owner, 0)

    @rule(buyer=traders, seller=traders, size=st.integers(1, 20 * WAD))
    def fill_elsewhere(self, buyer: str, seller: str, size: int) -> None:
        """Another venue moves perps between two accounts, both realised first."""
        if buyer == seller:
            return
        for owner in (buyer, seller):
            self.realise(owner)
        leg = self.bench.perp.call("INSTRUMENT") << 128 | size
        fill = (buyer, account(buyer), account(seller), [leg], 0, [0, 0, 0])
        self.bench.ledger.send("settle", *fill, sender=ADMIN)
        self.sizes[buyer] += size
        self.sizes[seller] -= size

    @rule(
        owner=traders,
        bidder=traders,
        share=st.sampled_from([1, 10**9, WAD // 3, WAD // 2 + 1, WAD - 1, WAD]),
    )
    def liquidate(self, owner: str, bidder: str, share: int) -> None:
        """A share of a position changes hands with its mark: the pool's books do not notice."""
        held = self.sizes[owner]
        moved = abs(held) * share // WAD * (1 if held > 0 else -1)
        if owner == bidder or moved == 0:
            return
        parties = account(owner), account(bidder)
        self.bench.perp.send("hand_over", *parties, moved, sender=ADMIN)
        self.bench.ledger.send("take_slice", *parties, share, 0, sender=ADMIN)
        self.touch(owner, -moved)
        self.touch(bidder, moved)

    @rule(seconds=st.sampled_from([1, 12, 3_600, DAY, 20 * DAY]), move=moves)
    def time(self, seconds: int, move: int) -> None:
        """The index moves by up to 1 %, inside a band that no trader's cash would run out in."""
        feed_price = self.index // 10**10 + self.index // 10**10 * move // 10**8
        feed_price = max(min(feed_price, 3_300 * 10**8), 2_700 * 10**8)
        self.index = feed_price * 10**10
        self.bench.advance(seconds, price=self.index)

    @rule(
        velocity=st.integers(0, 100 * 10**9),
        cap=st.integers(0, 2 * 10**9),
        scale=st.integers(50_000, 200_000),
    )
    def administer(self, velocity: int, cap: int, scale: int) -> None:
        """Rates in steps of 1e-9."""
        changes = {"velocity": velocity * 10**9, "rate_cap": cap * 10**9, "scale": scale * WAD}
        params = tuple((PARAMS | changes).values())
        self.bench.perp.send("set_params", params, sender=ADMIN)

    # ── what may not pay ──

    def cost(self, owner: str, sizes: list[int]) -> int:
        """What a list of trades costs at a still market; nothing of it stays."""
        start = self.bench.chain.snapshot()
        before = self.bench.cash(account(owner))
        for size in sizes:
            self.bench.trade(owner, size)
        paid = before - self.bench.cash(account(owner))
        self.bench.chain.revert(start)
        return paid

    @rule(owner=traders, size=sizes)
    def round_trip__always_loses(self, owner: str, size: int) -> None:
        if self.fits(size):
            self.realise(owner)
            assert self.cost(owner, [size, -size]) > 0

    @rule(owner=traders, size=sizes, cuts=st.lists(st.integers(1, 99), max_size=3))
    def slices__never_cheaper(self, owner: str, size: int, cuts: list[int]) -> None:
        if not self.fits(size):
            return
        self.realise(owner)
        marks = [0, *sorted({abs(size) * cut // 100 for cut in cuts} - {0}), abs(size)]
        sign = 1 if size > 0 else -1
        slices = [sign * (b - a) for a, b in zip(marks, marks[1:], strict=False) if b > a]
        gain = self.cost(owner, [size]) - self.cost(owner, slices)
        # Premium, spread and fee are each rounded up once a trade.
        assert -3 * len(slices) <= gain <= 0

    # ── what always holds ──

    @invariant()
    def books_are_exact(self) -> None:
        word = self.bench.chain.storage(self.bench.perp.address, self.slot)
        marked = word - 2**256 if word >> 255 else word
        assert marked == sum(self.sizes[o] * self.marks[o] for o in TRADERS)
        assert self.bench.perp.call("skew") == sum(self.sizes.values())
        assert self.bench.size(self.bench.pool) == -sum(self.sizes.values())

    @invariant()
    def cash_is_conserved(self) -> None:
        held = sum(self.bench.cash(account(owner)) for owner in TRADERS)
        reserves = sum(self.bench.ledger.call("reserves"))
        deposited = (POOL_DOLLARS + len(TRADERS) * TRADER_DOLLARS) * WAD
        assert held + self.bench.cash(self.bench.pool) + reserves == deposited

    @invariant()
    def unrealised_sums_to_zero(self) -> None:
        """Exactly, in WAD squared; in cash every account is rounded down by less than a wei."""
        mark = self.mark()
        exact = {o: self.sizes[o] * (mark - self.marks[o]) for o in TRADERS}
        for owner in TRADERS:
            unrealised = self.bench.perp.call("unrealised", account(owner), self.sizes[owner])
            assert unrealised == exact[owner] // WAD
        pool = self.bench.valuation().nav - self.bench.cash(self.bench.pool)
        assert pool == -sum(exact.values()) // WAD

    @precondition(lambda self: any(self.sizes.values()))
    @rule()
    def all_realised__value_is_cash(self) -> None:
        nav = self.bench.valuation().nav
        for owner in TRADERS:
            self.realise(owner)
        cash = self.bench.cash(self.bench.pool)
        assert self.bench.valuation().nav == cash
        assert nav <= cash <= nav + len(TRADERS)


TestPerpMachine = PerpMachine.TestCase
TestPerpMachine.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
