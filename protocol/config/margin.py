"""Traders on margin, and whoever takes over those who fail."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from protocol.config.fields import STRICT, Count, NonNegative, Positive, Seconds, Share


@dataclass(frozen=True, slots=True, config=STRICT)
class LiquidatePolicy:
    """When a liquidator bids, and for how much.

    `min_discount` is a share of the account's maintenance margin: what moves of the market until
    the position is sold again, and selling it, are expected to cost.
    """

    min_discount: Share = 0.05
    capital_use: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8  # of cash above initial margin
    tolerance: Share = 0.01  # of the margin taken: how much worse than seen a bid may be filled


@dataclass(frozen=True, slots=True, config=STRICT)
class MarginPolicy:
    """Leveraged traders in the market; rates are a trader's expected events a day.

    A leverage is notional over cash not used as margin yet. Prices between two steps are taken to
    be straight lines, along which accounts are watched every `watch_seconds`.
    """

    sellers: Count = 6  # of options, naked
    perp_traders: Count = 6
    cash: Positive = 20_000.0  # USD, each time a trader starts
    option_leverage: Positive = 3.0
    perp_leverage: Positive = 3.5
    trades_per_day: NonNegative = 1.0
    perp_close_per_day: NonNegative = 0.5
    call_share: Share = 0.5
    delta: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3  # of the options sold
    liquidator_cash: NonNegative = 500_000.0
    watch_seconds: Annotated[Seconds, Field(gt=0)] = 600
    liquidate: LiquidatePolicy = Field(default_factory=LiquidatePolicy)
