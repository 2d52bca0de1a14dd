"""Informed traders, and the feeds and defences they meet."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from protocol.config.amm import AmmParameters
from protocol.config.fields import STRICT, NonNegative, Positive, Seconds
from protocol.config.keeper import AnchorPolicy


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
class ConfidencePolicy:
    """How wide a price is signed: `floor` plus `widening` deviations of what spot moves in
    `max_age_seconds`, at the higher of a fast and a slow average of its volatility.
    """

    max_age_seconds: Seconds = 10  # of the oldest the venues take
    floor: NonNegative = 0.0003
    widening: NonNegative = 3.0
    fast_seconds: Seconds = 30  # half-lives
    slow_seconds: Seconds = 300
    first_vol: NonNegative = 1.0  # a year, before any price was seen


@dataclass(frozen=True, slots=True, config=STRICT)
class PullFeed(ConfidencePolicy):
    """Signed prices that come with the trade; the trader chooses among those the venues take."""

    source: Literal["pull"] = "pull"
    delay_seconds: Seconds = 5  # age of the newest report there is

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

    At a price older than `direct_age` seconds the perp trades delayed orders only; the AMM has
    an age of its own.
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

    Log vol diffuses with `vol_noise` a root year: vols at the money of 5 to 10 days, Deribit, 2026,
    Jan to Mar, every 6 hours. 4 of those 94 moves were jumps by the test of Lee and Mykland (2008),
    of 0.18 by root mean square. Whether one came within a push interval six hours cannot tell: for
    the worst case set `vol_jumps_per_year` to 60 and `vol_noise` to 1.2.
    """

    defended: Annotated[Defence, Field(alias="with")]
    exposed: Annotated[Defence, Field(alias="without")]
    tick_seconds: Seconds = 5
    vol_noise: NonNegative = 1.9
    vol_jumps_per_year: NonNegative = 0.0
    vol_jump: NonNegative = 0.18
    noise_reversion: Positive = 20.0  # a year
    account_seconds: Seconds = 3_600  # between the pool's accounts
    latency_arb: LatencyPolicy | None = Field(default_factory=LatencyPolicy)
    sniper: SniperPolicy | None = Field(default_factory=SniperPolicy)
