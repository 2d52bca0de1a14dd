"""What margin is asked for, and of which market: the records the scan is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from protocol.errors import InputError
from protocol.types import Instrument, Surface

_NONE: Mapping[int, float] = MappingProxyType({})
_NO_WINDOWS: Mapping[int, tuple[float, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Holding:
    """A position in units of the underlying, positive when long."""

    instrument: Instrument
    size: float


@dataclass(frozen=True, slots=True)
class Collateral:
    """Tokens of an underlying that count at spot less a haircut (a fraction)."""

    underlying: int
    tokens: float
    haircut: float

    def __post_init__(self) -> None:
        if not self.tokens >= 0.0:
            raise InputError("collateral tokens", self.tokens, bound=">= 0")
        if not 0.0 <= self.haircut < 1.0:
            raise InputError("haircut", self.haircut, bound="in [0, 1)")


@dataclass(frozen=True, slots=True)
class Portfolio:
    """An account: cash (USD), positions, collateral.

    `unrealised` is, by underlying, the perps' P&L and funding at the market's spot, USD.
    """

    cash: float = 0.0
    holdings: tuple[Holding, ...] = ()
    collateral: tuple[Collateral, ...] = ()
    unrealised: Mapping[int, float] = field(default_factory=lambda: _NONE)

    @property
    def underlyings(self) -> tuple[int, ...]:
        """Those it has anything of, ascending."""
        held = {holding.instrument.underlying for holding in self.holdings}
        return tuple(sorted(held | {posted.underlying for posted in self.collateral}))

    def options(self, underlying: int) -> tuple[Holding, ...]:
        """Its series on one underlying, by expiry."""
        found = [
            holding
            for holding in self.holdings
            if holding.instrument.underlying == underlying and holding.instrument.is_option
        ]
        return tuple(sorted(found, key=lambda holding: holding.instrument.day))

    def perp(self, underlying: int) -> float:
        """Units of the perp of one underlying."""
        perp = Instrument.perp(underlying)
        return sum(holding.size for holding in self.holdings if holding.instrument == perp)


@dataclass(frozen=True, slots=True)
class MarketState:
    """One underlying as margin sees it.

    Attributes
    ----------
    spot : float
        USD, > 0.
    surface : Surface or None
        Posted smiles; an expiry it lacks has no mark.
    uncertainty : float
        Of the spot, a fraction.
    edges : tuple of float
        Spots at which everything is judged, the worse counting; empty where spot is live.
    accrued : float
        Funding of the perp since its last trade, a fraction of the index: what a move of the index
        is worth less.
    prints : mapping of int to float
        Settlement price by expiry day.
    windows : mapping of int to (float, float)
        By day, inside the half hour before its expiry: the part of the print that is fixed, USD,
        and the share of the window still to come.
    """

    spot: float
    surface: Surface | None = None
    uncertainty: float = 0.0
    edges: tuple[float, ...] = ()
    accrued: float = 0.0
    prints: Mapping[int, float] = field(default_factory=lambda: _NONE)
    windows: Mapping[int, tuple[float, float]] = field(default_factory=lambda: _NO_WINDOWS)

    def __post_init__(self) -> None:
        for spot in (self.spot, *self.edges):
            if not spot > 0.0:
                raise InputError("spot", spot, bound="> 0")
        if not self.uncertainty >= 0.0:
            raise InputError("uncertainty", self.uncertainty, bound=">= 0")

    @property
    def judged_at(self) -> tuple[float, ...]:
        """The edges, or the spot."""
        return self.edges or (self.spot,)
