"""A scenario: a market, who is in it, and the file that says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from protocol.config.amm import AmmParameters
from protocol.config.fields import STRICT, Correlation, Count, NonNegative, Positive, Share
from protocol.config.informed import InformedPolicy, PushFeed
from protocol.config.keeper import KeeperPolicy, ReferencePolicy
from protocol.config.margin import MarginPolicy
from protocol.errors import ConfigError


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
    margin: MarginPolicy | None = None

    @model_validator(mode="after")
    def _one_cast(self) -> Self:
        if self.informed is not None and self.margin is not None:
            raise ValueError("informed and margin are markets of their own: keep one of them")
        return self

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
