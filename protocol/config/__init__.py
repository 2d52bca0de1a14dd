"""Settings of the program, policies of its strategies, and the scenario files that set them.

Each section is a frozen dataclass whose fields are checked on the way in: an unknown key, a NaN and
a value out of bounds are all refused by name. Numbers are floats; times are seconds or days as the
name says; vols, rates and shares are fractions (0.7 is 70 %).
"""

from protocol.config.amm import AmmParameters, FlowLimits, Limits, Spreads, Upkeep
from protocol.config.informed import (
    ConfidencePolicy,
    Defence,
    InformedPolicy,
    LatencyPolicy,
    PullFeed,
    PushFeed,
    SniperPolicy,
)
from protocol.config.keeper import (
    AnchorPolicy,
    HedgePolicy,
    ReferencePolicy,
    RefreshPolicy,
    SettlePolicy,
)
from protocol.config.margin import LiquidatePolicy, MarginPolicy
from protocol.config.scenario import (
    FilePrices,
    FlowPolicy,
    HestonPrices,
    Scenario,
    load_scenario,
    parse_scenario,
)
from protocol.config.settings import Settings

__all__ = [
    "AmmParameters",
    "AnchorPolicy",
    "ConfidencePolicy",
    "Defence",
    "FilePrices",
    "FlowLimits",
    "FlowPolicy",
    "HedgePolicy",
    "HestonPrices",
    "InformedPolicy",
    "LatencyPolicy",
    "Limits",
    "LiquidatePolicy",
    "MarginPolicy",
    "PullFeed",
    "PushFeed",
    "ReferencePolicy",
    "RefreshPolicy",
    "Scenario",
    "Settings",
    "SettlePolicy",
    "SniperPolicy",
    "Spreads",
    "Upkeep",
    "load_scenario",
    "parse_scenario",
]
