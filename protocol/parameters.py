"""Parameters of a deployment and their defaults.

Numbers, not WAD. What a scenario may set (the AMM's) stands in `protocol.config`. Where a contract
names a bound, the value lies inside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from protocol.config import AmmParameters


@dataclass(frozen=True, slots=True)
class PerpParameters:
    """Skews and sizes in units of the underlying; rates a year's fraction.

    `scale` is the skew at which the premium of the next unit is the whole index; at a price older
    than `direct_age` seconds only delayed orders and the options pool's hedges trade.
    """

    scale: float = 25_000.0
    max_skew: float = 1_500.0
    max_trade: float = 1_000.0
    reserve_share: float = 0.1
    velocity: float = 30.0
    rate_cap: float = 1.0
    direct_age: int = 30


@dataclass(frozen=True, slots=True)
class FeedParameters:
    """How the oracle reads a push feed; `drift` is uncertainty per square root of a second."""

    max_age: int = 2 * 3600
    min_price: float = 1.0
    max_price: float = 1_000_000.0
    deviation: float = 0.0005
    drift: float = 1.0e-5
    source: Literal["push"] = "push"


@dataclass(frozen=True, slots=True)
class PullFeedParameters:
    """How the oracle takes signed prices. A price is read for `max_age` seconds after its time;
    at what age trades may use it is the venues' to say.

    Reporters sign three deviations of the moment's moves: above 2 % for moments of August 5th,
    2024. A feed that took no wider price would stop just then.
    """

    max_age: int = 120
    min_price: float = 1.0
    max_price: float = 1_000_000.0
    max_confidence: float = 0.1
    drift: float = 1.0e-5
    source: Literal["pull"] = "pull"


@dataclass(frozen=True, slots=True)
class SurfaceParameters:
    """How far a push may move the surface it replaces, when `step_interval` seconds have passed.

    `vol_step` is for a life of 30 days; shorter ones may move more. See VolSurface.
    """

    vol_step: float = 0.12
    basis_step: float = 0.02
    rate_step: float = 0.05
    step_interval: int = 3_600
    min_interval: int = 240


@dataclass(frozen=True, slots=True)
class MarginParameters:
    """The scenarios a portfolio is margined by, and what is asked on top of the worst of them.

    Moves are fractions of spot, `vol_up` and `vol_down` fractions of volatility at 30 days of
    life, (30 days / life) ** (1/4) of it at others; a tail is (multiple of spot, share of its P&L
    that counts). Rates are shares of spot for each naked short, perp and unit of delta.
    """

    range: float = 0.225
    steps: int = 4
    vol_up: float = 0.45
    vol_down: float = 0.25
    vol_floor_days: float = 1.0
    tails: tuple[tuple[float, float], ...] = ((0.34, 0.2), (0.67, 0.4), (2.0, 0.135), (6.0, 0.027))
    skew: float = 0.15
    short_rate: float = 0.01
    perp_rate: float = 0.01
    basis_rate: float = 0.005
    initial_factor: float = 1.25
    max_surface_age: int = 3_600


@dataclass(frozen=True, slots=True)
class DelayedParameters:
    """Terms of delayed orders: `min_bounty` in the native token, the rest in seconds.

    An order outlives a heartbeat of the feed, and executes within `window` of a price.
    """

    min_bounty: float = 0.0005
    lifetime: int = 2 * 3600
    window: int = 30


@dataclass(frozen=True, slots=True)
class VaultParameters:
    """LP requests wait `delay` seconds; who leaves pays `exit_fee` to those who stay.

    A request ripe for `max_wait` seconds may be taken back, or released by the guardian.
    """

    delay: int = 3600
    min_request: float = 10.0
    liquidity_floor: float = 0.1
    exit_fee: float = 0.001
    max_wait: int = 3 * 86_400


@dataclass(frozen=True, slots=True)
class CollateralParameters:
    """The vault of an underlying's token: how many tokens it takes in, the share of them that one
    account may post, and the share of their value that margin does not count.
    """

    decimals: int = 18
    cap: float = 50_000.0
    account_share: float = 0.2
    haircut: float = 0.05


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """One underlying: its options pool, its perp, its feed."""

    symbol: str = "ETH"
    underlying: int = 1
    price: float = 2_000.0  # the feed's first answer on a test chain
    amm: AmmParameters = field(default_factory=AmmParameters)
    perp: PerpParameters = field(default_factory=PerpParameters)
    feed: FeedParameters | PullFeedParameters = field(default_factory=FeedParameters)
    collateral: CollateralParameters = field(default_factory=CollateralParameters)


@dataclass(frozen=True, slots=True)
class InterestParameters:
    """A year's rate on debt at the utilisation u = debt / positive cash, as the ledger charges it.

    base + slope_low * min(u / kink, 1), and from the kink on slope_high * (u - kink) / (1 - kink).
    Nobody borrows on purpose here, debt comes of losses: the rate is a reason to end it, and pays
    the insurance that stands behind it.
    """

    base: float = 0.05
    kink: float = 0.2
    slope_low: float = 0.1
    slope_high: float = 1.0


@dataclass(frozen=True, slots=True)
class SystemParameters:
    """A whole deployment: a quote token and the markets on one ledger."""

    quote_symbol: str = "USDC"
    quote_decimals: int = 6
    surface: SurfaceParameters = field(default_factory=SurfaceParameters)
    margin: MarginParameters = field(default_factory=MarginParameters)
    interest: InterestParameters = field(default_factory=InterestParameters)
    vault: VaultParameters = field(default_factory=VaultParameters)
    reporters: tuple[str, ...] = ()  # whose signatures pull feeds take
    report_threshold: int = 2  # how many of them each price needs
    delayed: DelayedParameters = field(default_factory=DelayedParameters)
    markets: tuple[MarketParameters, ...] = (MarketParameters(),)
