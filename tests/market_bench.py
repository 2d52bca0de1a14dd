"""A whole perp market with its vault on a fresh chain, for the tests of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import Receipt
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.clients.margin_words import margin_words
from protocol.parameters import MarginParameters
from protocol.units import WAD

ADMIN = "0x" + "d0" * 20
LP = "0x" + "a1" * 20
OTHER_LP = "0x" + "a2" * 20
LONG = "0x" + "b1" * 20
SHORT = "0x" + "b2" * 20
STRANGER = "0x" + "e0" * 20

ETH, SPOT = 1, 3_000 * WAD
PERP_PATH = 2
TRADE, CASH, LIQUIDATE = 1, 2, 16  # ledger rights
NO_LIMIT = 2**256 - 1
FEED_UNIT = 10**8
DEVIATION, DRIFT, MAX_AGE = 5 * 10**14, 10**13, 3_600

PARAMS = {
    "scale": 100_000 * WAD,
    "max_skew": 2_000 * WAD,
    "max_trade": 1_000 * WAD,
    "reserve_share": WAD // 5,
    "velocity": 10 * WAD,
    "rate_cap": 2 * WAD,
    "direct_age": 60,
}
TERMS = {
    "delay": 600,
    "min_request": 10 * WAD,
    "liquidity_floor": WAD // 20,
    "exit_fee": 10**15,
    "max_wait": 86_400,
}


def account(owner: str, index: int = 0) -> int:
    return int(owner, 16) << 96 | index


@dataclass(frozen=True, slots=True)
class Bench:
    """Contracts, wired; helpers for what every test does."""

    chain: EmbeddedChain
    token: AnyContract
    manager: AnyContract
    custody: AnyContract
    feed: AnyContract
    oracle: AnyContract
    engine: AnyContract
    ledger: AnyContract
    fees: AnyContract
    perp: AnyContract
    vault: AnyContract
    decimals: int

    @property
    def pool(self) -> int:
        return account(self.perp.address)

    @property
    def unit(self) -> int:
        return 10 ** (18 - self.decimals)

    def now(self) -> int:
        return self.chain.timestamp

    def set_spot(self, price: int) -> None:
        self.feed.send("set_answer", price * FEED_UNIT // WAD, sender=STRANGER)

    def advance(self, seconds: int, *, price: int | None = None) -> None:
        """Time moves on and the feed is fresh again, at the old price or a new one."""
        self.chain.advance(seconds)
        last = self.feed.call("latestRoundData")[1] * WAD // FEED_UNIT
        self.set_spot(last if price is None else price)

    def hold(self, owner: str, dollars: int) -> int:
        """Give an owner tokens and the protocol its allowance; token units."""
        tokens = dollars * 10**self.decimals
        self.token.send("mint", owner, tokens, sender=owner)
        for spender in (self.custody, self.vault):
            self.token.send("approve", spender.address, 2**256 - 1, sender=owner)
        return tokens

    def fund(self, owner: str, dollars: int, *, into: int | None = None) -> None:
        tokens = self.hold(owner, dollars)
        target = account(owner) if into is None else into
        self.ledger.send("deposit", target, tokens, sender=owner)

    def cash(self, owner: int) -> int:
        return int(self.ledger.call("cash", owner))

    def size(self, owner: int) -> int:
        return int(self.ledger.call("position", owner, self.perp.call("INSTRUMENT")))

    def trade(self, owner: str, size: int, *, limit: int | None = None) -> Receipt:
        worst = limit if limit is not None else NO_LIMIT if size > 0 else 0
        args = (account(owner), size, worst, self.now())
        return self.perp.send("trade", *args, sender=owner)

    def request_deposit(self, owner: str, dollars: int) -> None:
        tokens = self.hold(owner, dollars)
        self.vault.send("requestDeposit", tokens, owner, owner, sender=owner)

    def request_redeem(self, owner: str, shares: int) -> None:
        self.vault.send("requestRedeem", shares, owner, owner, sender=owner)

    def process(self, max_requests: int = 32) -> Receipt:
        return self.vault.send("process", max_requests, sender=STRANGER)

    def enter(self, owner: str, dollars: int) -> int:
        """Deposit, wait, process and claim; the shares."""
        self.request_deposit(owner, dollars)
        self.advance(TERMS["delay"])
        self.process()
        before = self.shares(owner)
        assets = self.vault.call("maxDeposit", owner)
        args = (assets, owner, owner)
        self.vault.send("deposit", *args, sender=owner)
        return self.shares(owner) - before

    def shares(self, owner: str) -> int:
        return int(self.vault.call("balanceOf", owner))

    def valuation(self) -> Any:
        return self.perp.call("valuation")


def build(chain: EmbeddedChain, artifacts: Artifacts, *, decimals: int = 6) -> Bench:
    def put(name: str, *args: Any) -> AnyContract:
        return _put(chain, artifacts, name, *args)

    token, manager = put("MockERC20", "Dollar", "USD", decimals), put("AccessManager")
    feed = put("MockAggregator", 8, SPOT * FEED_UNIT // WAD)
    oracle = put("PriceOracle", manager.address)
    custody = put("Custody", manager.address, token.address)
    surface = put("VolSurface", manager.address, WAD // 8, WAD // 50, WAD // 20, 3_600, 240)
    engine = put("RiskEngine", manager.address, oracle.address, surface.address)
    ledger = put("Clearinghouse", manager.address, custody.address, engine.address)
    fees = put("FeeSchedule", manager.address)
    known = (ledger.address, oracle.address, fees.address, manager.address)
    perp = put("PerpMarket", *known, ETH, tuple(PARAMS.values()))
    vault = put("LiquidityVault", *_vault_args(perp, ledger, custody, manager))
    parts = (token, manager, custody, feed, oracle, engine, ledger, fees, perp, vault)
    bench = Bench(chain, *parts, decimals)
    _wire(bench)
    return bench


def with_mock_pool(bench: Bench, artifacts: Artifacts) -> Bench:
    """The same bench with a MockPool and its vault in place of the perp market."""
    pool = _put(bench.chain, artifacts, "MockPool", bench.ledger.address)
    bench.ledger.send("open_pool", account(pool.address), sender=ADMIN)
    args = _vault_args(pool, bench.ledger, bench.custody, bench.manager)
    vault = _put(bench.chain, artifacts, "LiquidityVault", *args)
    return replace(bench, perp=pool, vault=vault)


def _put(chain: EmbeddedChain, artifacts: Artifacts, name: str, *args: Any) -> AnyContract:
    artifact = artifacts[name]
    address = deploy_contract(chain, artifact, *args, sender=ADMIN)
    return AnyContract(chain, address, artifact.abi)


def _vault_args(pool: AnyContract, *around: AnyContract) -> tuple[Any, ...]:
    addresses = [contract.address for contract in (pool, *around)]
    return (*addresses, "Vomma ETH perp LP", "vLP", tuple(TERMS.values()))


def _wire(bench: Bench) -> None:
    bounds = (MAX_AGE, WAD, 10**6 * WAD)
    feed = (ETH, bench.feed.address, *bounds, DEVIATION, DRIFT)
    bench.oracle.send("set_feed", *feed, sender=ADMIN)
    bench.manager.send("set_ledger", bench.ledger.address, sender=ADMIN)
    bench.custody.send("set_ledger", bench.ledger.address, sender=ADMIN)
    bench.ledger.send("set_venue", bench.perp.address, TRADE | CASH, sender=ADMIN)
    bench.ledger.send("open_pool", bench.pool, sender=ADMIN)
    bench.engine.send("set_scenarios", *margin_words(MarginParameters()), sender=ADMIN)
    bench.engine.send("set_perp", ETH, bench.perp.address, sender=ADMIN)
    bench.fees.send("push", PERP_PATH, bench.perp.address, sender=ADMIN)
    bench.perp.send("set_vault", bench.vault.address, sender=ADMIN)


def rewound(make: Callable[[], Bench]) -> Iterator[Callable[[], Bench]]:
    """Build once, then hand out the same bench as it was: for a fixture of a whole module."""
    bench = make()
    start = [bench.chain.snapshot()]

    def again() -> Bench:
        bench.chain.revert(start[0])
        start[0] = bench.chain.snapshot()
        return bench

    yield again
