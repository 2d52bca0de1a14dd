"""Whose margin a risk command is about: an account on a chain, or positions in a file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from protocol.commands.series import parse_leg, series_name
from protocol.config.fields import STRICT, NonNegative, Positive
from protocol.errors import DataError, InputError
from protocol.parameters import MarginParameters
from protocol.risk.margin import Margin, margin
from protocol.risk.portfolio import Collateral, Holding, MarketState, Portfolio
from protocol.risk.positions import HAIRCUT, UNDERLYING, level_surface
from protocol.types import Instrument, Kind, account_id
from protocol.units import expiry_timestamp, from_wad, to_wad

_FIGURES = ("equity", "initial", "maintenance")
_TOLERANCE = 1e-9
_ADDRESS = re.compile(r"(0[xX])?[0-9a-fA-F]{40}")
_EXAMPLE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266/0"
_HELP = "see `vomma risk stress --help`"


@dataclass(frozen=True, slots=True)
class ChainMargin:
    """What the contract says, USD."""

    equity: float
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class Found:
    """A portfolio with its margin; `chain` where there is a contract to ask.

    `notes` say what of the market was not as usual.
    """

    title: str
    symbols: Mapping[int, str]
    portfolio: Portfolio
    markets: Mapping[int, MarketState]
    margin: Margin
    chain: ChainMargin | None = None
    notes: tuple[str, ...] = ()

    @property
    def differences(self) -> dict[str, float]:
        """By which share the contract's figures differ from those here, beyond rounding."""
        if self.chain is None:
            return {}
        ours = {name: float(getattr(self.margin, name)) for name in _FIGURES}
        said = {name: float(getattr(self.chain, name)) for name in _FIGURES}
        scale = {name: max(1.0, abs(ours[name]), abs(said[name])) for name in _FIGURES}
        shares = {name: abs(ours[name] - said[name]) / scale[name] for name in _FIGURES}
        return {name: share for name, share in shares.items() if share > _TOLERANCE}

    def name(self, instrument: Instrument) -> str:
        """The instrument as people write it."""
        symbol = self.symbols[instrument.underlying]
        if instrument.kind == Kind.PERP:
            return f"{symbol}-PERP"
        return series_name(symbol, instrument)


@checked(frozen=True, slots=True, config=STRICT)
class FileMarket:
    """One volatility at the money, with the reference smile; `date` counts from 08:00 UTC."""

    spot: Positive
    date: dt.date
    vol: Annotated[Positive, "at the money, a year"] = 0.65
    symbol: str = "ETH"


@checked(frozen=True, slots=True, config=STRICT)
class PositionFile:
    """The keys of a file of positions; `ether` is posted collateral at its haircut."""

    market: FileMarket
    positions: tuple[str, ...]
    cash: float = 0.0
    ether: NonNegative = 0.0
    haircut: Annotated[NonNegative, "below 1"] = HAIRCUT


def read_file(path: Path) -> Found:
    """The portfolio in a YAML or JSON file.

    Raises
    ------
    DataError
        Where the file cannot be read or a key is unknown, missing or out of its bounds.
    InputError
        For a position that is no leg.
    """
    asked = _checked(path)
    market = asked.market
    when = dt.datetime.combine(market.date, dt.time(8), dt.UTC)
    now, symbols = int(when.timestamp()), {UNDERLYING: market.symbol}
    holdings = tuple(_holding(word, market.symbol) for word in asked.positions)
    options = {h.instrument.day for h in holdings if h.instrument.kind != Kind.PERP}
    for day in options:
        if expiry_timestamp(day) <= now:
            raise InputError("market date", str(market.date), bound="before every expiry")
    surface = level_surface(spot=market.spot, vol=market.vol, expiries=sorted(options), now=now)
    posted = (Collateral(UNDERLYING, asked.ether, asked.haircut),) if asked.ether else ()
    portfolio = Portfolio(asked.cash, holdings, posted)
    markets = {UNDERLYING: MarketState(market.spot, surface)}
    judged = margin(portfolio=portfolio, markets=markets, now=now, parameters=MarginParameters())
    return Found(str(path), symbols, portfolio, markets, judged)


def parse_account(text: str) -> int:
    """The id of ADDRESS or ADDRESS/INDEX.

    Raises
    ------
    InputError
        Where it is neither.
    """
    address, _, index = text.partition("/")
    try:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(address)
        return account_id(int(address, 16), int(index or 0))
    except ValueError:
        step = f"like {_EXAMPLE}"
        raise InputError("account", text, bound="ADDRESS or ADDRESS/INDEX", step=step) from None


def _checked(path: Path) -> PositionFile:
    try:
        content: Any = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DataError(f"positions {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"positions {path}: no YAML or JSON{_where(error)}; {_HELP}") from None
    if not isinstance(content, dict):
        raise DataError(f"positions {path}: no keys in it; {_HELP}")
    try:
        return TypeAdapter(PositionFile).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"positions {path}: {where} is {first['input']!r}: {first['msg']}; {_HELP}"
        ) from None


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"


def _holding(word: str, symbol: str) -> Holding:
    name, _, size = word.partition(":")
    if name.upper() != f"{symbol.upper()}-PERP":
        leg = parse_leg(word, {symbol.upper(): UNDERLYING})[1]
        return Holding(leg.instrument, from_wad(leg.size))
    try:
        held = Holding(Instrument.perp(UNDERLYING), from_wad(to_wad(Decimal(size or 1))))
    except (InvalidOperation, InputError):
        held = None
    if held is None or not held.size:
        raise InputError("perp", word, bound=f"like {name}:-0.5")
    return held
