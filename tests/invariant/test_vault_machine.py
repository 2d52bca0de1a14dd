"""LiquidityVault as a state machine: no LP action lowers what a share of those who stay is worth,
and shares, queues and cash add up."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    LONG,
    LP,
    OTHER_LP,
    STRANGER,
    TERMS,
    Bench,
    account,
    build,
    rewound,
    with_mock_pool,
)

LPS = (LP, OTHER_LP, LONG)
DEAD = "0x" + "00" * 18 + "dead"
UNIT = 10**12  # of a token with 6 decimals

lps = st.sampled_from(LPS)
shares_of_all = st.integers(1, 10_000)  # in 1e-4


@cache
def stage() -> Callable[[], Bench]:
    """One bench for all examples, wound back to its start by each call."""

    def make() -> Bench:
        bench = with_mock_pool(build(EmbeddedChain(), Artifacts()), Artifacts())
        for owner in LPS:
            bench.hold(owner, 10**9)
        return bench

    return next(rewound(make))


class VaultMachine(RuleBasedStateMachine):
    """Model: what every controller has waiting, by kind, and all the cash that came in."""

    @initialize(dollars=st.integers(1_000, 1_000_000))
    def start(self, dollars: int) -> None:
        self.bench = stage()()
        self.vault = self.bench.vault
        self.deposits: list[tuple[str, int]] = []
        self.cash_in = 0
        for owner in LPS:
            self.request_deposit(owner, dollars * 10**6)
        self.process(32, wait=True)
        for owner in LPS:
            self.claim_shares(owner, 10_000, "Mint")

    def part(self, whole: int, share: int) -> int:
        return whole * share // 10_000

    def worth(self) -> tuple[int, int]:
        """(NAV - potential, shares): what those in the pool own, and how many they are."""
        value = self.bench.valuation()
        return value.nav - value.risk, self.vault.call("totalSupply")

    # ── the pool ──

    @rule(share=st.one_of(st.integers(-9_000, 20_000), st.sampled_from([-10_000, -12_000])))
    def gain_or_loss(self, share: int) -> None:
        """Positions are worth anything from more than all of the cash less to twice it more."""
        cash = self.bench.cash(self.bench.pool)
        self.set_book(positions=self.part(cash, share))

    @rule(reserve=st.integers(0, 12_000), risk=st.integers(0, 15_000), depth=st.integers(0, 20_000))
    def refresh(self, reserve: int, risk: int, depth: int) -> None:
        """Reserve, potential and depth as shares of the cash; depth 0: a constant potential."""
        cash = self.bench.cash(self.bench.pool)
        potential, deep = self.part(cash, risk // 10), self.part(cash, depth)
        weight = potential * (deep or WAD)
        self.set_book(reserve=self.part(cash, reserve), weight=weight, depth=deep)

    def set_book(self, **changes: int) -> None:
        names = ("positions", "reserve", "weight", "depth")
        book = {name: self.bench.perp.call(name) for name in names} | changes
        self.bench.perp.send("set_book", *book.values(), sender=STRANGER)

    @rule(dollars=st.integers(1, 10**6))
    def gift(self, dollars: int) -> None:
        self.bench.fund(STRANGER, dollars, into=self.bench.pool)
        self.cash_in += dollars * WAD

    # ── the LPs ──

    @rule(owner=lps, tokens=st.integers(10 * 10**6, 10**12))
    def request_deposit(self, owner: str, tokens: int) -> None:
        self.vault.send("requestDeposit", tokens, owner, owner, sender=owner)
        self.deposits.append((owner, tokens))
        self.cash_in += tokens * UNIT

    @rule(owner=lps, share=shares_of_all)
    def request_redeem(self, owner: str, share: int) -> None:
        balance = self.bench.shares(owner)
        amount = self.part(balance, share)
        if 0 < amount < TERMS["min_request"]:
            amount = min(balance, TERMS["min_request"])
        if amount:
            self.bench.request_redeem(owner, amount)

    @rule(owner=lps, tokens=st.integers(10 * 10**6, 10**12))
    def arrive(self, owner: str, tokens: int) -> None:
        self.request_deposit(owner, tokens)
        self.process(4, wait=True)

    @rule(owner=lps, share=shares_of_all)
    def leave(self, owner: str, share: int) -> None:
        self.request_redeem(owner, share)
        self.process(4, wait=True)

    @rule(giver=lps, taker=lps, share=shares_of_all)
    def transfer(self, giver: str, taker: str, share: int) -> None:
        amount = self.part(self.bench.shares(giver), share)
        self.vault.send("transfer", taker, amount, sender=giver)

    @rule(owner=lps, share=shares_of_all, kind=st.sampled_from(["Deposit", "Mint"]))
    def claim_shares(self, owner: str, share: int, kind: str) -> None:
        before = self.bench.shares(owner)
        owed = self.vault.call("maxMint", owner)
        amount = self.part(self.vault.call(f"max{kind}", owner), share)
        if amount:
            self.vault.send(kind.lower(), amount, owner, owner, sender=owner)
            left = self.vault.call("maxMint", owner)
            assert self.bench.shares(owner) - before == owed - left

    @rule(owner=lps, share=shares_of_all, kind=st.sampled_from(["Withdraw", "Redeem"]))
    def claim_assets(self, owner: str, share: int, kind: str) -> None:
        owed, before = self.vault.call("maxWithdraw", owner), self.tokens(owner)
        amount = self.part(self.vault.call(f"max{kind}", owner), share)
        if kind == "Redeem" and amount and not amount * owed // self.vault.call("maxRedeem", owner):
            return  # worth less than a token unit: the ledger refuses to move nothing
        if amount:
            self.vault.send(kind.lower(), amount, owner, owner, sender=owner)
            left = self.vault.call("maxWithdraw", owner)
            assert self.tokens(owner) - before == owed - left
            self.cash_in -= (owed - left) * UNIT

    @rule(requests=st.integers(1, 4), wait=st.booleans())
    def process(self, requests: int, wait: bool) -> None:
        if wait:
            self.bench.advance(TERMS["delay"])
        owned, supply = self.worth()
        waiting = self.vault.call("queue_lengths")
        self.bench.process(requests)
        served = waiting[0] - self.vault.call("queue_lengths")[0]
        assert 0 <= served <= requests and (not wait or served == min(requests, waiting[0]))
        del self.deposits[:served]
        after, shares = self.worth()
        if supply:
            # The mock's potential is itself cut to a wei, on both sides.
            assert (after + 2) * supply >= owned * shares

    @rule(exit_fee=st.integers(0, 2 * 10**16), floor=st.integers(0, WAD // 2))
    def administer(self, exit_fee: int, floor: int) -> None:
        terms = TERMS | {"exit_fee": exit_fee, "liquidity_floor": floor}
        self.vault.send("set_terms", tuple(terms.values()), sender=ADMIN)

    # ── what always holds ──

    def tokens(self, owner: str) -> int:
        return int(self.bench.token.call("balanceOf", owner))

    def total(self, view: str) -> int:
        leading = (0,) if view.startswith(("pending", "claimable")) else ()
        return sum(self.vault.call(view, *leading, owner) for owner in LPS)

    @invariant()
    def shares_add_up(self) -> None:
        held = sum(self.bench.shares(owner) for owner in (*LPS, DEAD, self.vault.address))
        assert self.vault.call("totalSupply") == held
        waiting = self.total("maxMint") + self.total("pendingRedeemRequest")
        assert self.bench.shares(self.vault.address) == waiting

    @invariant()
    def waiting_assets_are_there(self) -> None:
        owed = self.total("pendingDepositRequest") + self.total("maxWithdraw")
        assert self.bench.cash(account(self.vault.address, 1)) == owed * UNIT

    @invariant()
    def cash_is_conserved(self) -> None:
        vault = self.bench.cash(account(self.vault.address, 1))
        assert vault + self.bench.cash(self.bench.pool) == self.cash_in

    @invariant()
    def deposits_wait_in_order(self) -> None:
        for owner in LPS:
            mine = sum(tokens for who, tokens in self.deposits if who == owner)
            assert self.vault.call("pendingDepositRequest", 0, owner) == mine
        assert self.vault.call("queue_lengths")[0] == len(self.deposits)


TestVaultMachine = VaultMachine.TestCase
TestVaultMachine.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
