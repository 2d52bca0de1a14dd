"""A deployment with two underlyings for random play, on any test chain of one's own.

Everybody's money, every account and every address that takes part is named here, so that sums over
all accounts are sums over a list.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.clients.deploy import FEED_DECIMALS, deploy_system
from protocol.clients.ledger import Token
from protocol.clients.markets import LiquidityVault
from protocol.clients.oracle import MockAggregator
from protocol.clients.system import Market, System
from protocol.config import AmmParameters, FlowLimits, Limits, ReferencePolicy, Upkeep
from protocol.parameters import (
    InterestParameters,
    MarketParameters,
    PerpParameters,
    SystemParameters,
)
from protocol.surface.reference_model import reference_surface
from protocol.types import ExpirySurface, account_id
from protocol.units import DAY, WAD, expiry_timestamp

ADMIN, KEEPER, STRANGER, SESSION = ("0x" + byte * 20 for byte in ("ad", "ee", "e0", "5e"))
TAKERS = tuple("0x" + byte * 20 for byte in ("7a", "7b", "7c"))
LPS = tuple("0x" + byte * 20 for byte in ("1b", "1c"))

SPOTS = {"ETH": 2_000.0, "BTC": 60_000.0}
STRIKE_STEP = {"ETH": 50, "BTC": 1_000}  # USD
FEED_UNIT = int(10**FEED_DECIMALS)
TAKER_DOLLARS, OPTIONS_DOLLARS, PERP_DOLLARS = 3_000_000, 2_000_000, 1_000_000
FIRST_DAYS = (2, 9, 30)  # days from the start to the first expiries
LONGEST = 60  # days
VARIANCE = 0.49
POLICY = ReferencePolicy(rate=0.04)
HOUR = 3_600
FEED_AGE = 2 * HOUR
# One pool has the limits that pools are deployed with. The other lets far more through at once, so
# that its price alone holds off who trades there, and meets the limits of stocks and hours instead.
POOLS = {
    "ETH": AmmParameters(),
    "BTC": AmmParameters(
        limits=Limits(vega=0.04, utilisation=0.4),
        flow=FlowLimits(
            push_vega=0.3, block_vega=0.3, block_delta=0.5, hour_vega=0.05, hour_delta=0.3
        ),
        upkeep=Upkeep(drawdown=0.005, hedge_hour=0.05),
    ),
}


def account(owner: str, index: int = 0) -> int:
    return account_id(int(owner, 16), index)


# one owner has two accounts; an LP trades too
ACCOUNTS = (account(TAKERS[0]), account(TAKERS[0], 1), *map(account, TAKERS[1:]), account(LPS[1]))


def owner_of(number: int) -> str:
    return f"0x{number >> 96:040x}"


@dataclass(frozen=True, slots=True)
class Arena:
    """The system and how to move the world around it."""

    chain: TestChain
    system: System
    feeds: tuple[MockAggregator, ...]
    decimals: int
    meters_slot: int  # of an options pool's storage: the meters of what flowed through it lately

    @property
    def unit(self) -> int:
        """WAD of a token unit."""
        return int(10 ** (18 - self.decimals))

    @property
    def markets(self) -> tuple[Market, ...]:
        return self.system.markets

    @property
    def vaults(self) -> tuple[LiquidityVault, ...]:
        return tuple(v for m in self.markets for v in (m.options_vault, m.perp_vault))

    def set_answer(self, market: int, answer: int) -> None:
        """A fresh round of a feed, in its own units."""
        self.feeds[market].set_answer(answer, sender=STRANGER)

    def surface(
        self, market: int, *, answer: int, variance: float, days: tuple[int, ...]
    ) -> tuple[ExpirySurface, ...]:
        """What an honest keeper would push now."""
        return reference_surface(
            underlying=self.markets[market].underlying,
            spot=answer / FEED_UNIT,
            variance=variance,
            timestamp=self.chain.timestamp,
            days=days,
            policy=POLICY,
        ).expiries

    def hold(self, owner: str, tokens: int, spender: str) -> None:
        """Tokens out of nowhere, and leave to take them."""
        token: Token = self.system.token
        token.mint(owner, tokens, sender=ADMIN)
        token.approve(spender, tokens, sender=owner)


def build_arena(chain: TestChain, artifacts: Artifacts, *, decimals: int = 6) -> Arena:
    """Deploy, fund, let the LPs in, push surfaces, list."""
    perps = {"ETH": PerpParameters(), "BTC": PerpParameters(3_000.0, 50.0, 30.0)}
    markets = tuple(
        MarketParameters(symbol, n, price, amm=POOLS[symbol], perp=perps[symbol])
        for n, (symbol, price) in enumerate(SPOTS.items(), start=1)
    )
    # Without interest cash is the sum of its events to the wei; it has tests of its own.
    parameters = SystemParameters(
        quote_decimals=decimals,
        markets=markets,
        interest=InterestParameters(base=0.0, slope_low=0.0, slope_high=0.0),
    )
    system = deploy_system(chain, artifacts, parameters, sender=ADMIN, keeper=KEEPER)
    feeds = tuple(MockAggregator.at(chain, m.feed, artifacts) for m in system.markets)
    totals = artifacts["OptionsAMM"].layout["storage_layout"]["pool_book"]["totals"]
    arena = Arena(chain, system, feeds, decimals, totals["slot"] + 1)
    _let_lps_in(arena)
    for number in ACCOUNTS:
        tokens = TAKER_DOLLARS * 10**decimals
        arena.hold(owner_of(number), tokens, system.custody.address)
        system.ledger.deposit(number, tokens, sender=owner_of(number))
    _open(arena)
    return arena


def _let_lps_in(arena: Arena) -> None:
    for vault, dollars in zip(arena.vaults, (OPTIONS_DOLLARS, PERP_DOLLARS) * 2, strict=True):
        tokens = dollars * 10**arena.decimals
        arena.hold(LPS[0], tokens, vault.address)
        vault.request_deposit(tokens, LPS[0], sender=LPS[0])
    arena.chain.advance(2 * HOUR)
    for number, market in enumerate(arena.markets):
        arena.set_answer(number, round(SPOTS[market.symbol] * FEED_UNIT))
        arena.system.oracle.record(market.underlying, sender=KEEPER)
    for vault in arena.vaults:
        vault.process(32, sender=KEEPER)
        vault.deposit(vault.claimable_deposit(LPS[0]), LPS[0], LPS[0], sender=LPS[0])


def _open(arena: Arena) -> None:
    today = arena.chain.timestamp // DAY
    days = tuple(today + more for more in FIRST_DAYS)
    for number, market in enumerate(arena.markets):
        answer = round(SPOTS[market.symbol] * FEED_UNIT)
        rows = arena.surface(number, answer=answer, variance=VARIANCE, days=days)
        arena.system.surface.push(market.underlying, rows, sender=KEEPER)
        for day in days:
            market.amm.list_expiry(day, STRIKE_STEP[market.symbol] * 10_000, sender=KEEPER)


def life(day: int, now: int) -> int:
    """Seconds to an expiry."""
    return expiry_timestamp(day) - now


def wad_of(answer: int) -> int:
    """A feed's answer in WAD."""
    return answer * (WAD // FEED_UNIT)
