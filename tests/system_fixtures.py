"""A whole deployment with two underlyings on the embedded chain, for tests of the market as one.

ETH trades at 2,000 and BTC at 60,000; each has an options pool and a perp pool with LP money in
them, two listed expiries (one and four weeks off) and a surface. Takers hold cash.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain as chained

from protocol.chain.accounts import Keyring
from protocol.chain.artifacts import Artifacts
from protocol.chain.base import ZERO_ADDRESS, Receipt
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.deploy import FEED_DECIMALS, deploy_system
from protocol.clients.markets import LiquidityVault, Quote
from protocol.clients.oracle import MockAggregator
from protocol.clients.reporter import Reporter
from protocol.clients.system import Market, System
from protocol.config import AmmParameters, FlowLimits, ReferencePolicy
from protocol.parameters import (
    FeedParameters,
    MarketParameters,
    PerpParameters,
    PullFeedParameters,
    SystemParameters,
)
from protocol.pricing.amm_words import PoolParameters
from protocol.surface.reference_model import reference_surface
from protocol.types import Instrument, Kind, Leg, account_id
from protocol.units import DAY, WAD

HOUR = 3_600
ADMIN = "0x" + "ad" * 20
KEEPER = "0x" + "ee" * 20
STRANGER = "0x" + "e0" * 20
TAKER = "0x" + "7a" * 20
OTHER_TAKER = "0x" + "7b" * 20
LP = "0x" + "1b" * 20
OTHER_LP = "0x" + "1c" * 20

SPOTS = {"ETH": 2_000.0, "BTC": 60_000.0}
STRIKE_STEPS = {"ETH": 50, "BTC": 1_000}  # USD
TAKER_CASH, OPTIONS_DEPOSIT, PERP_DEPOSIT = 5_000_000, 2_000_000, 1_000_000
WEEKS = (1, 4)
VARIANCE = 0.49
REPORTERS = Keyring.dev(2)
POLICY = ReferencePolicy(rate=0.04)
DELAY = HOUR  # of the vaults, the default
COLLECTION = 600  # seconds from a print until those who are owed are paid
# Limits of the flow would stop a test of anything else; those that are about them set them.
FREE_FLOW = FlowLimits(
    push_vega=3.0, block_vega=3.0, block_delta=3.0, hour_vega=3.0, hour_delta=3.0
)


def account(owner: str, index: int = 0) -> int:
    return account_id(int(owner, 16), index)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The system and what every test does with it. `now` is held between actions."""

    chain: EmbeddedChain
    artifacts: Artifacts
    system: System
    decimals: int
    days: tuple[int, ...]

    @property
    def eth(self) -> Market:
        return self.system.market("ETH")

    @property
    def btc(self) -> Market:
        return self.system.market("BTC")

    @property
    def now(self) -> int:
        return self.chain.timestamp

    @property
    def unit(self) -> int:
        return 10 ** (18 - self.decimals)

    # -- the market outside --

    def feed(self, market: Market) -> MockAggregator:
        return MockAggregator.at(self.chain, market.feed, self.artifacts)

    def spot(self, market: Market) -> int:
        return self.system.oracle.spot(market.underlying).price

    def set_spot(self, market: Market, price: float) -> None:
        """On signed prices once a second: an equal time is passed over."""
        if market.feed == ZERO_ADDRESS:
            oracle, underlying = self.system.oracle, market.underlying
            reporter = Reporter(oracle, REPORTERS, underlying=underlying, sender=STRANGER)
            confidence = FeedParameters().deviation
            report = reporter.sign(price=price, confidence=confidence, timestamp=self.now)
            assert reporter.post(report)[1]
            return
        answer = round(price * 10**FEED_DECIMALS)
        self.feed(market).set_answer(answer, sender=STRANGER)

    def outside(self, market: Market) -> float:
        """The price last set, however long ago."""
        if market.feed == ZERO_ADDRESS:
            return self.system.oracle.last_good(market.underlying).price / WAD
        return float(self.feed(market)._call("latestRoundData")[1]) / 10**FEED_DECIMALS

    def advance(self, seconds: int, *, eth: float | None = None, btc: float | None = None) -> None:
        """Time moves on and the feeds are fresh again, at the old prices or at new ones."""
        last = {m.symbol: self.outside(m) for m in self.system.markets}
        self.chain.advance(seconds)
        given = {"ETH": eth, "BTC": btc}
        for market in self.system.markets:
            price = given[market.symbol]
            self.set_spot(market, last[market.symbol] if price is None else price)

    def push(self, market: Market, *, variance: float = VARIANCE) -> None:
        """A surface of all listed days at an instantaneous variance."""
        surface = reference_surface(
            underlying=market.underlying,
            spot=self.spot(market) / WAD,
            variance=variance,
            timestamp=self.now,
            days=[day for day in self.days if day * DAY + 8 * HOUR > self.now],
            policy=POLICY,
        )
        self.system.surface.push(market.underlying, surface.expiries, sender=KEEPER)

    def refresh(self, market: Market) -> list[Receipt]:
        days = [row.day for row in market.amm.expiries()]
        return [market.amm.refresh(day, sender=KEEPER) for day in days]

    def pass_expiry(self, day: int, *, record: bool = True) -> None:
        """Time to just after an expiry, its settlement window recorded or missed."""
        self.advance(day * DAY + 7 * HOUR - self.now)
        for _ in range(13):
            for market in self.system.markets if record else ():
                self.system.oracle.record(market.underlying, sender=STRANGER)
            self.advance(300)

    # -- takers --

    def option(
        self, kind: Kind, strike: float, *, market: Market | None = None, week: int = 0
    ) -> Instrument:
        underlying = (market or self.eth).underlying
        return Instrument.option(kind, underlying, self.days[week], strike)

    def call(self, strike: float, size: float, *, week: int = 0) -> Leg:
        """A leg in an ETH call; contracts as a number."""
        return Leg(self.option(Kind.CALL, strike, week=week), round(size * WAD))

    def put(self, strike: float, size: float, *, week: int = 0) -> Leg:
        return Leg(self.option(Kind.PUT, strike, week=week), round(size * WAD))

    def trade(self, *legs: Leg, taker: str = TAKER, market: Market | None = None) -> Receipt:
        amm = (market or self.eth).amm
        return amm.trade(account(taker), legs, sender=taker)

    def quote(self, *legs: Leg, taker: str = TAKER, market: Market | None = None) -> Quote:
        return (market or self.eth).amm.quote(account(taker), legs)

    def quoted(self, receipt: Receipt, market: Market | None = None) -> Quote:
        """What a trade was charged, from its event."""
        events = (market or self.eth).amm.events(receipt)
        (traded,) = (event for event in events if event.name == "Traded")
        return Quote(*traded.args["quote"])

    def cash(self, owner: str) -> int:
        return self.system.ledger.cash(account(owner))

    # -- money --

    def hold(self, owner: str, dollars: int, spender: str) -> int:
        """Tokens for an owner that a spender may take; token units."""
        tokens = dollars * 10**self.decimals
        self.system.token.mint(owner, tokens, sender=ADMIN)
        self.system.token.approve(spender, tokens, sender=owner)
        return tokens

    def fund(self, owner: str, dollars: int) -> None:
        tokens = self.hold(owner, dollars, self.system.custody.address)
        self.system.ledger.deposit(account(owner), tokens, sender=owner)

    def request_deposit(self, vault: LiquidityVault, lp: str, dollars: int) -> None:
        tokens = self.hold(lp, dollars, vault.address)
        vault.request_deposit(tokens, lp, sender=lp)

    def claim(self, vault: LiquidityVault, lp: str) -> None:
        if assets := vault.claimable_deposit(lp):
            vault.deposit(assets, lp, lp, sender=lp)
        if paid := vault.max_withdraw(lp):
            vault.withdraw(paid, lp, lp, sender=lp)

    # -- what must hold whatever happened --

    def positions(self, owners: Iterable[str]) -> dict[int, int]:
        """Sum of the positions of owners and pools, by instrument; all owners named, zeros."""
        sums: dict[int, int] = {}
        books = [self.system.ledger.portfolio(account(owner)) for owner in owners]
        for market in self.system.markets:
            perp = Instrument.perp(market.underlying).id
            books.append({perp: self.system.ledger.position(market.perp.pool, perp)})
            pool = market.amm.pool, market.underlying
            books += [self.system.ledger.pool_positions(*pool, day) for day in (0, *self.days)]
        for instrument, size in chained.from_iterable(book.items() for book in books):
            sums[instrument] = sums.get(instrument, 0) + size
        return sums

    def ledger_cash(self, owners: Iterable[str]) -> int:
        """All cash and reserves on the ledger, WAD: the tokens held, if all owners are named."""
        ledger = self.system.ledger
        accounts = [account(owner) for owner in owners]
        for market in self.system.markets:
            accounts += [market.amm.pool, market.perp.pool]
            accounts += [market.options_vault.account(), market.perp_vault.account()]
        return sum(ledger.cash(each) for each in accounts) + sum(ledger.reserves())


def build_exchange(
    artifacts: Artifacts,
    *,
    decimals: int = 6,
    amm: AmmParameters | None = None,
    feed: FeedParameters | PullFeedParameters | None = None,
) -> Exchange:
    """Deploy, fund, let the LPs in, push surfaces and list: two hours of the chain's time."""
    chain = EmbeddedChain()
    used = feed or FeedParameters()
    perps = {"ETH": PerpParameters(), "BTC": PerpParameters(3_000.0, 50.0, 30.0)}
    markets = tuple(
        MarketParameters(
            symbol, n, SPOTS[symbol], amm or AmmParameters(flow=FREE_FLOW), perps[symbol], used
        )
        for n, symbol in enumerate(SPOTS, start=1)
    )
    signers = REPORTERS.addresses if used.source == "pull" else ()
    parameters = SystemParameters(quote_decimals=decimals, markets=markets, reporters=signers)
    system = deploy_system(chain, artifacts, parameters, sender=ADMIN, keeper=KEEPER)
    today = chain.timestamp // DAY
    days = tuple(today + 7 * weeks for weeks in WEEKS)
    exchange = Exchange(chain, artifacts, system, decimals, days)
    for market in system.markets if signers else ():
        exchange.set_spot(market, SPOTS[market.symbol])
    _let_lps_in(exchange)
    for taker in (TAKER, OTHER_TAKER):
        exchange.fund(taker, TAKER_CASH)
    for market in system.markets:
        exchange.push(market)
        step = STRIKE_STEPS[market.symbol] * 10_000
        for day in days:
            market.amm.list_expiry(day, step, sender=KEEPER)
    return exchange


def _let_lps_in(exchange: Exchange) -> None:
    for market in exchange.system.markets:
        exchange.request_deposit(market.options_vault, LP, OPTIONS_DEPOSIT)
        exchange.request_deposit(market.perp_vault, LP, PERP_DEPOSIT)
    exchange.advance(2 * DELAY)
    for market in exchange.system.markets:
        exchange.system.oracle.record(market.underlying, sender=KEEPER)
        for vault in (market.options_vault, market.perp_vault):
            vault.process(32, sender=KEEPER)
            exchange.claim(vault, LP)


def parameters(market: Market) -> PoolParameters:
    """An AMM's parameters as it has them."""
    return PoolParameters.from_words(market.amm._call("parameters"))


def set_parameters(
    market: Market,
    *,
    weights: dict[str, int] | None = None,
    spreads: dict[str, int] | None = None,
    limits: dict[str, int] | None = None,
    flow: dict[str, int] | None = None,
    upkeep: dict[str, int] | None = None,
    sender: str = ADMIN,
) -> None:
    """Change some of an AMM's parameters, WAD or seconds."""
    was = parameters(market)
    terms = PoolParameters(
        weights=replace(was.weights, **(weights or {})),
        spreads=replace(was.spreads, **(spreads or {})),
        limits=replace(was.limits, **(limits or {})),
        flow=replace(was.flow, **(flow or {})),
        upkeep=replace(was.upkeep, **(upkeep or {})),
    )
    market.amm._send("set_parameters", terms.words, sender=sender)
