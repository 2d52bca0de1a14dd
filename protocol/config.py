"""Settings of the program, policies of its strategies, and the scenario files that set them.

Each section is a frozen dataclass whose fields are checked on the way in: an unknown key, a NaN and
a value out of bounds are all refused by name. Numbers are floats; times are seconds or days as the
name says; vols, rates and shares are fractions (0.7 is 70 %).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic_settings import BaseSettings, SettingsConfigDict

from protocol.errors import ConfigError

STRICT = ConfigDict(
    extra="forbid", allow_inf_nan=False, validate_by_name=True, validate_by_alias=True
)

Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Correlation = Annotated[float, Field(gt=-1.0, lt=1.0)]
Seconds = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class Settings(BaseSettings):
    """Where things are, from the environment: `VOMMA_DATA`, `VOMMA_RPC_URL` and so on."""

    model_config = SettingsConfigDict(env_prefix="VOMMA_", frozen=True)

    data: Path | None = None
    deployments: Path = Path("deployments")
    build: Path = Path(".build")
    reports: Path = Path("reports")
    rpc_url: str = "http://127.0.0.1:8545"


@dataclass(frozen=True, slots=True, config=STRICT)
class ReferencePolicy:
    """The reference surface.

    rho and eta are medians of SSVI fits to Deribit ETH chains of 2026, Jan to Mar, 1 to 400 days:
    -0.16..-0.20 and 0.75..0.84, with an error of 0.2 to 0.7 vol points.
    """

    fast_half_life_days: Positive = 1.0
    slow_half_life_days: Positive = 14.0
    fast_weight: Share = 0.3
    long_run_vol: Positive = 0.7
    mean_reversion: Positive = 8.0  # a year
    variance_premium: Positive = 1.2  # implied over expected variance
    rho: Correlation = -0.19
    eta: Positive = 0.82
    gamma: Annotated[float, Field(gt=0.0, le=0.5)] = 0.5
    rate: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0

    @model_validator(mode="after")
    def _free_of_arbitrage(self) -> Self:
        wings = self.eta * (1.0 + abs(self.rho))
        if wings > 2.0:
            raise ValueError(f"eta (1 + |rho|) is {wings:.4g}, must be at most 2")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class AnchorPolicy:
    """When the surface and the price are posted, and how far one push may move.

    The steps (of a 30-day vol, the basis, the rate, once `step_interval_seconds` have passed) are
    the contract's less a margin for the block a push lands in.
    """

    push_seconds: Seconds = 300
    min_push_seconds: Seconds = 240  # the contract takes no two pushes within
    vol_move: Positive = 0.0175  # push earlier when an implied vol moved more: the half-spread
    record_seconds: Seconds = 60  # age of the recorded price that asks for a new record
    behind_vol: Positive = 0.005  # vol still to go after a push that closes a side of the quotes
    vol_step: Positive = 0.115
    basis_step: Positive = 0.019
    rate_step: Positive = 0.048
    step_interval_seconds: Seconds = 3_600


@dataclass(frozen=True, slots=True, config=STRICT)
class RefreshPolicy:
    """When an expiry's Greek snapshot is taken anew."""

    max_age_seconds: Seconds = 3_600
    spot_drift: Positive = 0.01
    surface_lag_seconds: Seconds = 900  # a newer smile waits this long for its snapshot
    valuation_age_seconds: Seconds = 60  # older snapshots are renewed when LPs wait
    valuation_drift: Positive = 0.001  # and so are those whose spot is further off


@dataclass(frozen=True, slots=True, config=STRICT)
class HedgePolicy:
    """The no-trade band of Whalley and Wilmott and the bounds of an order."""

    risk_aversion: Positive = 30.0  # absolute risk aversion is this over NAV
    cost: Positive = 0.0008  # proportional, one way: perp fee and spread
    band_cap: Positive = 0.1  # delta notional over NAV the band never exceeds
    max_order: Positive = 0.5  # order notional over NAV
    min_order_usd: NonNegative = 500.0
    price_bound: Positive = 0.01  # worst price off spot; the contract has its own bound


@dataclass(frozen=True, slots=True, config=STRICT)
class SettlePolicy:
    """What is listed."""

    weeklies: Annotated[int, Field(ge=0, le=12)] = 4
    min_life_days: NonNegative = 2.0  # an expiry closer than this is not listed anew
    strike_step: Positive = 50.0  # USD; listed strikes are its multiples


@dataclass(frozen=True, slots=True, config=STRICT)
class KeeperPolicy:
    """All the keeper's policies."""

    anchor: AnchorPolicy = Field(default_factory=AnchorPolicy)
    refresh: RefreshPolicy = Field(default_factory=RefreshPolicy)
    hedge: HedgePolicy = Field(default_factory=HedgePolicy)
    settle: SettlePolicy = Field(default_factory=SettlePolicy)


@dataclass(frozen=True, slots=True, config=STRICT)
class FlowPolicy:
    """Who asks for what; rates are expected events a day of the whole market."""

    trades_per_day: NonNegative = 40.0
    buy_share: Share = 0.6  # takers buy more options than they sell
    call_share: Share = 0.5
    deltas: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = (0.1, 0.25, 0.4, 0.5)
    delta_weights: tuple[NonNegative, ...] = (0.2, 0.3, 0.25, 0.25)
    tenor_decay_days: Positive = 14.0  # weight of an expiry falls by e over this life
    min_life_days: NonNegative = 0.25
    notional_median: Positive = 10_000.0  # USD a leg
    notional_sigma: NonNegative = 1.0  # of its logarithm
    spread_share: Share = 0.15  # two-leg packages among new trades
    close_per_day: NonNegative = 0.25  # rate at which one open option position is closed
    perp_trades_per_day: NonNegative = 20.0
    perp_notional_median: Positive = 10_000.0
    perp_close_per_day: NonNegative = 1.0
    deposits_per_day: NonNegative = 0.2
    deposit_median: Positive = 50_000.0  # USD
    exit_per_day: NonNegative = 0.01  # rate at which one LP asks to leave
    exit_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5  # of its shares, each time

    @model_validator(mode="after")
    def _weights_match(self) -> Self:
        if len(self.deltas) != len(self.delta_weights) or not sum(self.delta_weights) > 0.0:
            raise ValueError(f"delta_weights {self.delta_weights} must weigh each of {self.deltas}")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Weights:
    """kappa of the risk potential over `depth_nav`, by Greek: the twin of `IOptionsAMM.Weights`."""

    delta: NonNegative = 0.02
    vega: NonNegative = 1.0
    expiry_vega: NonNegative = 3.0
    gamma: NonNegative = 0.00003


@dataclass(frozen=True, slots=True, config=STRICT)
class Spreads:
    """The twin of `IOptionsAMM.Spreads`."""

    vol_points: NonNegative = 0.0175
    floor_rate: NonNegative = 0.0002
    hedge_cost: NonNegative = 0.0008
    toxicity: Annotated[float, Field(ge=1.0, le=5.0)] = 1.0
    drift_widening: NonNegative = 10.0
    max_drift: Annotated[float, Field(gt=0.0, le=0.5)] = 0.05
    delta_cut: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.03
    reserve_share: Positive = 0.15


@dataclass(frozen=True, slots=True, config=STRICT)
class Limits:
    """The twin of `IOptionsAMM.Limits`."""

    vega: Positive = 0.2
    delta: Positive = 0.5
    utilisation: Share = 0.8
    shift_cap: Positive = 0.15
    max_age: Seconds = 7_200
    min_life: Seconds = 14_400
    push_window: Annotated[int, Field(ge=0, le=3_600)] = 600


FlowShare = Annotated[float, Field(gt=0.0, le=3.0)]


@dataclass(frozen=True, slots=True, config=STRICT)
class FlowLimits:
    """The twin of `IOptionsAMM.FlowLimits`: shares of depth, in steps of 1e-4."""

    direct_age: Annotated[int, Field(ge=0, le=65_535)] = 15
    direct_delta: Share = 0.05
    push_vega: FlowShare = 0.005
    block_vega: FlowShare = 0.005
    block_delta: FlowShare = 0.05
    hour_vega: FlowShare = 0.03
    hour_delta: FlowShare = 0.3


@dataclass(frozen=True, slots=True, config=STRICT)
class Upkeep:
    """The twin of `IOptionsAMM.Upkeep`; the bounty is in the quote token."""

    hedge_bound: Annotated[float, Field(gt=0.0, le=0.1)] = 0.02
    hedge_hour: FlowShare = 0.5
    depth_growth: NonNegative = 0.02
    drawdown: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    max_toxicity: Annotated[float, Field(ge=1.0, le=5.0)] = 3.0
    bounty_drift: Annotated[float, Field(ge=0.01)] = 0.02
    bounty: Annotated[float, Field(ge=0.0, le=10.0)] = 1.0
    bounty_age: Annotated[int, Field(ge=600)] = 5_400


@dataclass(frozen=True, slots=True, config=STRICT)
class AmmParameters:
    """What an `OptionsAMM` is deployed with."""

    weights: Weights = Field(default_factory=Weights)
    spreads: Spreads = Field(default_factory=Spreads)
    limits: Limits = Field(default_factory=Limits)
    flow: FlowLimits = Field(default_factory=FlowLimits)
    upkeep: Upkeep = Field(default_factory=Upkeep)


@dataclass(frozen=True, slots=True, config=STRICT)
class PushFeed:
    """A feed that is told a price when it moved or aged enough, as Chainlink's are.

    Defaults are those of its ETH/USD feed on Ethereum (data.chain.link); a report takes about a
    block to land, during which everybody can read it.
    """

    source: Literal["push"] = "push"
    deviation: Annotated[float, Field(gt=0.0, le=0.1)] = 0.005
    heartbeat_seconds: Seconds = 3_600
    latency_seconds: Seconds = 15  # from the report to the block it is in


@dataclass(frozen=True, slots=True, config=STRICT)
class PullFeed:
    """Signed prices that come with the trade; the trader chooses among the recent ones.

    A price is signed with a confidence of `floor` plus `widening` deviations of what spot moves in
    `max_age_seconds`, at the higher of a fast and a slow average of its volatility: prices widen at
    once and narrow slowly.
    """

    source: Literal["pull"] = "pull"
    delay_seconds: Seconds = 5  # age of the newest report there is
    max_age_seconds: Seconds = 10  # of the oldest the venues take
    floor: NonNegative = 0.0003
    widening: NonNegative = 3.0
    fast_seconds: Seconds = 30  # half-lives
    slow_seconds: Seconds = 300

    @model_validator(mode="after")
    def _has_reports(self) -> Self:
        if self.delay_seconds > self.max_age_seconds:
            raise ValueError(
                f"delay_seconds {self.delay_seconds} must be at most max_age_seconds "
                f"{self.max_age_seconds}"
            )
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Defence:
    """One set-up of a market against those who know more: its feed, pushes and AMM.

    At a price older than `direct_age` seconds the perp trades delayed orders only.
    """

    feed: Annotated[PushFeed | PullFeed, Field(discriminator="source")]
    direct_age: Annotated[int, Field(gt=0, le=172_800)] = 60
    anchor: AnchorPolicy = Field(default_factory=AnchorPolicy)
    amm: AmmParameters = Field(default_factory=AmmParameters)


@dataclass(frozen=True, slots=True, config=STRICT)
class LatencyPolicy:
    """Who sees the outside price before the chain does."""

    cash: Positive = 5_000_000.0
    outside_cost: NonNegative = 0.0002  # of notional, one way, on the outside market
    perp_size: Positive = 200.0  # largest trade, units
    package_size: Positive = 200.0
    retry_seconds: Seconds = 60  # between looks at a gap that stands open


@dataclass(frozen=True, slots=True, config=STRICT)
class SniperPolicy:
    """Who knows the next surface push."""

    cash: Positive = 5_000_000.0
    outside_cost: NonNegative = 0.0002
    largest: Positive = 400.0  # contracts a trade
    exit_seconds: Seconds = 21_600  # leaves after this long, at whatever it costs


@dataclass(frozen=True, slots=True, config=STRICT)
class InformedPolicy:
    """Informed traders in one market on one path, once with the defences and once without.

    `vol_noise` is the volatility of log vol, a root year: 1.7 at the money of 5 to 10 days in the
    Deribit chains of 2026, Jan to Mar, every 6 hours (1.0 by the median alone).
    """

    defended: Annotated[Defence, Field(alias="with")]
    exposed: Annotated[Defence, Field(alias="without")]
    tick_seconds: Seconds = 5
    vol_noise: NonNegative = 1.7
    noise_reversion: Positive = 20.0  # a year
    account_seconds: Seconds = 3_600  # between the pool's accounts
    latency_arb: LatencyPolicy | None = Field(default_factory=LatencyPolicy)
    sniper: SniperPolicy | None = Field(default_factory=SniperPolicy)


@dataclass(frozen=True, slots=True, config=STRICT)
class HestonPrices:
    """A seeded Heston path with jumps; vols are roots of variances a year."""

    source: Literal["heston"] = "heston"
    spot: Positive = 2_500.0
    vol: Positive = 0.7
    long_run_vol: Positive = 0.7
    mean_reversion: Positive = 8.0
    vol_of_vol: NonNegative = 2.0
    correlation: Correlation = -0.3
    drift: float = 0.0
    jumps_per_year: NonNegative = 8.0
    jump_mean: float = -0.04  # of the log price
    jump_vol: NonNegative = 0.05


@dataclass(frozen=True, slots=True, config=STRICT)
class FilePrices:
    """A file of exchange klines, whole days `from`..`to` included (UTC)."""

    path: Path
    source: Literal["file"] = "file"
    start: Annotated[dt.date | None, Field(alias="from")] = None
    end: Annotated[dt.date | None, Field(alias="to")] = None


@dataclass(frozen=True, slots=True, config=STRICT)
class Underlying:
    """What the market is about; `id` is its number on chain."""

    symbol: Annotated[str, Field(min_length=1, max_length=16)] = "ETH"
    id: Annotated[int, Field(ge=1, le=255)] = 1


@dataclass(frozen=True, slots=True, config=STRICT)
class Scenario:
    """A market to replay: all a run depends on."""

    name: Annotated[str, Field(min_length=1)]
    seed: Count
    prices: Annotated[HestonPrices | FilePrices, Field(discriminator="source")]
    underlying: Underlying = Field(default_factory=Underlying)
    start: dt.date = dt.date(2024, 1, 1)  # of a Heston path; a file has its own times
    step_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3_600
    steps: Annotated[int, Field(ge=1)] = 720
    quote_decimals: Annotated[int, Field(ge=0, le=18)] = 6
    option_deposits: tuple[Positive, ...] = (1_000_000.0, 600_000.0, 400_000.0)  # one LP each, USD
    perp_deposits: tuple[Positive, ...] = (1_000_000.0,)
    takers: Annotated[int, Field(ge=1)] = 12
    taker_cash: Positive = 250_000.0
    flow: FlowPolicy = Field(default_factory=FlowPolicy)
    keeper: KeeperPolicy = Field(default_factory=KeeperPolicy)
    reference: ReferencePolicy = Field(default_factory=ReferencePolicy)
    amm: AmmParameters = Field(default_factory=AmmParameters)
    informed: InformedPolicy | None = None

    @model_validator(mode="after")
    def _ticks_fit(self) -> Self:
        if self.informed is None:
            return self
        tick = self.informed.tick_seconds
        if self.step_seconds % tick:
            raise ValueError(f"informed.tick_seconds {tick} must divide step_seconds")
        for feed in (self.informed.defended.feed, self.informed.exposed.feed):
            times = (
                (feed.latency_seconds,)
                if isinstance(feed, PushFeed)
                else (feed.delay_seconds, feed.max_age_seconds)
            )
            if any(each % tick for each in times):
                raise ValueError(
                    f"informed.tick_seconds {tick} must divide the times of each feed: {times}"
                )
        return self


def load_scenario(path: Path) -> Scenario:
    """A scenario from a YAML file.

    Raises
    ------
    ConfigError
        Where the file is missing, is no YAML mapping, or a key in it is unknown, missing or out of
        its bounds: one line for each, with its name, value and bound.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ConfigError(f"scenario {path} does not exist; see scenarios/") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"scenario {path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"scenario {path} must be a mapping of keys, not {content!r}")
    return parse_scenario(content, source=str(path))


def parse_scenario(content: dict[str, Any], *, source: str = "scenario") -> Scenario:
    """A scenario from the keys of a file; raises as `load_scenario` does."""
    try:
        return TypeAdapter(Scenario).validate_python(content)
    except ValidationError as error:
        lines = "\n".join(f"  {_line(detail)}" for detail in error.errors())
        raise ConfigError(f"{source}:\n{lines}") from None


def _line(detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "scenario"
    if detail["type"] == "unexpected_keyword_argument":
        return f"{key} is no known key; its value is {detail['input']!r}"
    if detail["type"] in ("missing", "missing_argument"):
        return f"{key} is missing"
    rule = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{key} is {detail['input']!r}: {rule}"
