"""A simulated market at its first second: contracts deployed, actors funded, LPs in the pools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from protocol.chain.accounts import Keyring
from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.clients.deploy import FEED_DECIMALS, deploy_system
from protocol.clients.ledger import Token
from protocol.clients.markets import LiquidityVault
from protocol.clients.oracle import MockAggregator
from protocol.clients.signed_prices import Report, sign_report
from protocol.clients.system import Market, System
from protocol.config import Defence, PullFeed, Scenario
from protocol.parameters import (
    FeedParameters,
    MarketParameters,
    PerpParameters,
    PullFeedParameters,
    SystemParameters,
    VaultParameters,
)
from protocol.types import account_id
from protocol.units import to_token_down, to_wad

ADMIN = "0x" + "ad" * 20
KEEPER = "0x" + "ee" * 20
ARBITRAGEUR = "0x" + "ab" * 20
ARBITRAGEUR_CASH = 5_000_000.0
REPORTERS = Keyring.dev(2)  # both sign every price of a pull feed
MAX_REQUESTS = 32  # of each kind in one processing
SETUP_SECONDS = 2 * VaultParameters().delay  # from deployment to the first step


@dataclass(frozen=True, slots=True)
class World:
    """The system, its one market, and who acts in it."""

    chain: TestChain
    system: System
    market: Market
    feed: MockAggregator
    scenario: Scenario
    takers: tuple[str, ...]
    lps: tuple[str, ...]
    perp_lps: tuple[str, ...]
    guests: list[str] = field(default_factory=list)  # who came later, with an account of their own
    settled_days: set[int] = field(default_factory=set)  # expiries whose escrow may hold cash
    is_pull: bool = False  # whether prices are signed and posted, or told to `feed`

    @property
    def underlying(self) -> int:
        return self.market.underlying

    @property
    def actors(self) -> tuple[str, ...]:
        """Everyone with an ordinary ledger account that may hold positions."""
        return (*self.takers, ARBITRAGEUR, *self.guests)

    def set_price(self, price: float) -> None:
        """The outside price, known on chain at the chain's time."""
        if self.is_pull:
            self.post(price, confidence=0.0, timestamp=self.chain.timestamp)
        else:
            self.feed.set_answer(round(price * 10**FEED_DECIMALS), sender=ADMIN)

    def post(self, price: float, *, confidence: float, timestamp: int) -> None:
        """A price as the reporters sign it, put on chain."""
        signed = self.sign(price, confidence=confidence, timestamp=timestamp)
        self.system.oracle.post([signed], sender=ADMIN)

    def sign(self, price: float, *, confidence: float, timestamp: int) -> Report:
        """A price with the reporters' signatures."""
        report = Report(self.underlying, to_wad(price), to_wad(confidence), timestamp)
        oracle, chain_id = self.system.oracle.address, self.chain.chain_id
        return sign_report(report, REPORTERS, chain_id=chain_id, oracle=oracle)

    def tokens(self, amount: float) -> int:
        return to_token_down(to_wad(amount), decimals=self.scenario.quote_decimals)


def account_of(address: str) -> int:
    """The first ledger account of an address."""
    return account_id(int(address, 16))


def actor(role: int, number: int) -> str:
    """A recognisable address: role in the first byte, number in the last ones."""
    return f"0x{role:02x}{number + 1:038x}"


def build_world(
    chain: TestChain,
    artifacts: Artifacts,
    scenario: Scenario,
    *,
    price: float,
    defence: Defence | None = None,
    progress: Callable[[str], None] | None = None,
) -> World:
    """Deploy, fund and let the first LPs in; takes `SETUP_SECONDS` of the chain's time.

    Without a defence the feed is told the outside price whenever it is wanted.
    """
    is_pull = defence is not None and isinstance(defence.feed, PullFeed)
    direct_age = PerpParameters().direct_age if defence is None else defence.direct_age
    market = MarketParameters(
        symbol=scenario.underlying.symbol,
        underlying=scenario.underlying.id,
        price=price,
        amm=scenario.amm if defence is None else defence.amm,
        perp=replace(PerpParameters(), direct_age=direct_age),
        feed=PullFeedParameters() if is_pull else FeedParameters(),
    )
    parameters = SystemParameters(
        quote_decimals=scenario.quote_decimals,
        markets=(market,),
        reporters=REPORTERS.addresses if is_pull else (),
    )
    system = deploy_system(
        chain, artifacts, parameters, sender=ADMIN, keeper=KEEPER, progress=progress
    )
    first = system.markets[0]
    world = World(
        chain=chain,
        system=system,
        market=first,
        feed=MockAggregator.at(chain, first.feed, artifacts),
        scenario=scenario,
        takers=tuple(actor(0x7A, i) for i in range(scenario.takers)),
        lps=tuple(actor(0x1B, i) for i in range(len(scenario.option_deposits))),
        perp_lps=tuple(actor(0x1C, i) for i in range(len(scenario.perp_deposits))),
        is_pull=is_pull,
    )
    _fund(world)
    _let_lps_in(world, price)
    return world


def _fund(world: World) -> None:
    for taker in world.takers:
        deposit_cash(world, taker, world.scenario.taker_cash)
    deposit_cash(world, ARBITRAGEUR, ARBITRAGEUR_CASH)


def deposit_cash(world: World, owner: str, amount: float) -> None:
    """Mint the quote token and put it into the owner's ledger account."""
    system, tokens = world.system, world.tokens(amount)
    mint_and_approve(system.token, owner, system.custody.address, tokens)
    system.ledger.deposit(account_of(owner), tokens, sender=owner)


def mint_and_approve(token: Token, owner: str, spender: str, tokens: int) -> None:
    token.mint(owner, tokens, sender=ADMIN)
    token.approve(spender, tokens, sender=owner)


def request_deposit(world: World, vault: LiquidityVault, lp: str, amount: float) -> None:
    tokens = world.tokens(amount)
    mint_and_approve(world.system.token, lp, vault.address, tokens)
    vault.request_deposit(tokens, lp, sender=lp)


def claim(vault: LiquidityVault, lp: str) -> None:
    """Take out what processing has put aside: shares of deposits, assets of redemptions."""
    assets = vault.claimable_deposit(lp)
    if assets:
        vault.deposit(assets, lp, lp, sender=lp)
    paid = vault.max_withdraw(lp)
    if paid:
        vault.withdraw(paid, lp, lp, sender=lp)


def _let_lps_in(world: World, price: float) -> None:
    scenario, market = world.scenario, world.market
    groups = (
        (market.options_vault, world.lps, scenario.option_deposits),
        (market.perp_vault, world.perp_lps, scenario.perp_deposits),
    )
    for vault, lps, deposits in groups:
        for lp, amount in zip(lps, deposits, strict=True):
            request_deposit(world, vault, lp, amount)
    world.chain.advance(SETUP_SECONDS)
    world.set_price(price)
    world.system.oracle.record(world.underlying, sender=KEEPER)
    for vault, lps, _ in groups:
        vault.process(MAX_REQUESTS, sender=KEEPER)
        for lp in lps:
            claim(vault, lp)
