"""CollateralVault as a state machine: the price of a share never falls, nobody gains by slices or
round trips, and what is held covers every claim."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.collateral_bench import ETHER, CollateralBench, build
from tests.ledger_bench import MAKER, MAX, OTHER, STRANGER, TAKER, account
from tests.market_bench import rewound

OWNERS = (TAKER, MAKER, OTHER)
WEALTH = 10**6  # tokens of each owner at the start

owners = st.sampled_from(OWNERS)
shares_of_all = st.integers(1, 10_000)  # in 1e-4
# From dust, where rounding is all there is, to many tokens.
amounts = st.one_of(st.integers(1, 10**4), st.integers(1, 100 * 10**6), st.integers(1, 10**20))


@cache
def stage(decimals: int) -> Callable[[], CollateralBench]:
    """One bench for all examples, wound back to its start by each call."""

    def make() -> CollateralBench:
        bench = build(EmbeddedChain(), Artifacts(), decimals=decimals)
        bench.set_terms(cap=10**9 * WAD, account_share=WAD)
        for owner in (*OWNERS, bench.receiver.address):
            bench.token.send("mint", owner, WEALTH * 10**decimals, sender=STRANGER)
        for owner in OWNERS:
            bench.token.send("approve", bench.vault.address, MAX, sender=owner)
        return bench

    return next(rewound(make))


class CollateralMachine(RuleBasedStateMachine):
    """Model: what flash loans have earned; all else is read from the chain."""

    @initialize(decimals=st.sampled_from([0, 6, 18]))
    def start(self, decimals: int) -> None:
        self.bench = stage(decimals)()
        self.vault = self.bench.vault
        self.last = self.bench.price()
        self.earned = self.gifts = 0

    def wealth(self, owner: str) -> int:
        """Tokens, and what the owner's shares could be redeemed for."""
        shares = self.bench.shares(owner) + self.bench.posted(owner)
        return self.bench.tokens(owner) + int(self.vault.call("convertToAssets", shares))

    def enter(self, owner: str, function: str, *args: object) -> None:
        """An entry; the owner is never the richer for it."""
        before = self.wealth(owner)
        self.vault.send(function, *args, sender=owner)
        assert self.wealth(owner) <= before

    def part(self, whole: int, share: int) -> int:
        return whole * share // 10_000

    # ── owners ──

    @rule(owner=owners, assets=amounts)
    def deposit(self, owner: str, assets: int) -> None:
        assets = min(assets, self.bench.tokens(owner))
        if self.vault.call("previewDeposit", assets):
            self.enter(owner, "deposit", assets, owner)

    @rule(owner=owners, shares=amounts)
    def mint(self, owner: str, shares: int) -> None:
        if self.vault.call("previewMint", shares) <= self.bench.tokens(owner):
            self.enter(owner, "mint", shares, owner)

    @rule(owner=owners, assets=amounts)
    def deposit_into(self, owner: str, assets: int) -> None:
        assets = min(assets, self.bench.tokens(owner))
        if self.vault.call("previewDeposit", assets):
            self.enter(owner, "deposit_into", account(owner), assets)

    @rule(owner=owners, share=shares_of_all)
    def withdraw(self, owner: str, share: int) -> None:
        assets = self.part(int(self.vault.call("maxWithdraw", owner)), share)
        if assets:
            self.enter(owner, "withdraw", assets, owner, owner)

    @rule(owner=owners, share=shares_of_all)
    def redeem(self, owner: str, share: int) -> None:
        if shares := self.part(self.bench.shares(owner), share):
            self.enter(owner, "redeem", shares, owner, owner)

    @rule(owner=owners, share=shares_of_all)
    def post(self, owner: str, share: int) -> None:
        if shares := self.part(self.bench.shares(owner), share):
            self.enter(owner, "post", account(owner), shares)

    @rule(owner=owners, share=shares_of_all)
    def take(self, owner: str, share: int) -> None:
        if shares := self.part(self.bench.posted(owner), share):
            self.enter(owner, "take", account(owner), shares, owner)

    # ── what moves the price, or might ──

    @rule(share=shares_of_all)
    def lend(self, share: int) -> None:
        token = self.bench.token.address
        if amount := self.part(int(self.vault.call("maxFlashLoan", token)), share):
            fee = int(self.vault.call("flashFee", token, amount))
            row = self.bench.receiver.address, token, amount, b""
            self.vault.send("flashLoan", *row, sender=STRANGER)
            self.earned += fee

    @rule(assets=amounts)
    def donate(self, assets: int) -> None:
        before = self.bench.price()
        self.bench.token.send("mint", self.vault.address, assets, sender=STRANGER)
        self.gifts += assets
        assert self.bench.price() == before

    # ── slices ──

    @rule(owner=owners, parts=st.lists(st.integers(1, 10**19), min_size=2, max_size=5))
    def slice_a_deposit(self, owner: str, parts: list[int]) -> None:
        if sum(parts) > self.bench.tokens(owner):
            return
        whole = int(self.vault.call("previewDeposit", sum(parts)))
        before = self.bench.shares(owner)
        for assets in parts:
            self.deposit(owner, assets)
        assert self.bench.shares(owner) - before <= whole

    @rule(owner=owners, cuts=st.lists(st.integers(1, 9_999), min_size=1, max_size=4))
    def slice_a_redemption(self, owner: str, cuts: list[int]) -> None:
        shares = self.bench.shares(owner)
        whole = int(self.vault.call("previewRedeem", shares))
        before = self.bench.tokens(owner)
        edges = [0, *sorted(self.part(shares, cut) for cut in cuts), shares]
        for low, high in zip(edges, edges[1:], strict=False):
            if high > low:
                self.vault.send("redeem", high - low, owner, owner, sender=owner)
        assert self.bench.tokens(owner) - before <= whole

    # ── what always holds ──

    @invariant()
    def price_of_a_share__never_falls(self) -> None:
        (assets, shares), (assets_before, shares_before) = self.bench.price(), self.last
        assert assets * shares_before >= assets_before * shares
        self.last = assets, shares

    @invariant()
    def tokens_held__cover_every_claim(self) -> None:
        supply = int(self.vault.call("totalSupply"))
        assert int(self.vault.call("convertToAssets", supply)) <= self.bench.held()
        assert self.bench.tokens(self.vault.address) == self.bench.held() + self.gifts

    @invariant()
    def ledger_and_vault__agree_on_what_is_posted(self) -> None:
        pool = int(self.vault.address, 16) << 96
        posted = sum(self.bench.posted(owner) for owner in OWNERS)
        assert self.bench.shares(self.vault.address) == posted
        assert self.bench.base.ledger.call("position", pool, ETHER) == -posted

    @invariant()
    def owners_together__gain_what_loans_paid_at_most(self) -> None:
        wealth = sum(self.wealth(owner) for owner in OWNERS)
        assert wealth <= len(OWNERS) * WEALTH * 10 ** self.decimals() + self.earned

    def decimals(self) -> int:
        return int(self.bench.token.call("decimals"))


TestCollateralMachine = CollateralMachine.TestCase
TestCollateralMachine.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
