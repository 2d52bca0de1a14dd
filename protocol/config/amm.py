"""What an `OptionsAMM` is deployed with: the twins of its structs, and their defaults."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from protocol.config.fields import STRICT, NonNegative, Positive, Seconds, Share


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
    drawdown: Annotated[float, Field(gt=0.0, le=1.0)] = 0.05
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
