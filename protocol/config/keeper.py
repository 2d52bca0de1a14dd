"""Policies of the keeper and of the reference surface it posts."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from protocol.config.fields import STRICT, Correlation, NonNegative, Positive, Seconds, Share


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
    window_age_seconds: Seconds = 60  # the last half hour: delta runs off with the print's average
    valuation_age_seconds: Seconds = 60  # older snapshots are renewed when LPs wait
    valuation_drift: Positive = 0.001  # and so are those whose spot is further off
    valuation_surface_seconds: Seconds = 840  # LPs wait for a push; the contract takes 900


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
    """What is listed, and how much is settled at a time."""

    weeklies: Annotated[int, Field(ge=0, le=12)] = 4
    min_life_days: NonNegative = 2.0  # an expiry closer than this is not listed anew
    strike_step: Positive = 50.0  # USD; listed strikes are its multiples
    batches: Annotated[int, Field(ge=1)] = 64  # of 16 accounts, a round


@dataclass(frozen=True, slots=True, config=STRICT)
class KeeperPolicy:
    """All the keeper's policies."""

    anchor: AnchorPolicy = Field(default_factory=AnchorPolicy)
    refresh: RefreshPolicy = Field(default_factory=RefreshPolicy)
    hedge: HedgePolicy = Field(default_factory=HedgePolicy)
    settle: SettlePolicy = Field(default_factory=SettlePolicy)
