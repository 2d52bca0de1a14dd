"""What the pricer's twin is handed and hands back; amounts are WAD."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from protocol.errors import InputError
from protocol.pricing.amm_words import (
    ExpiryWord,
    FlowLimits,
    Limits,
    Spreads,
    SurfaceWords,
    Weights,
    packed_greeks,
    unpacked_greeks,
)
from protocol.pricing.flow_meter import Meters
from protocol.pricing.market_math import FeeRates
from protocol.types import Instrument

RESERVE_STEP = 10**9
_NARROW, _RESERVE = 96, 64  # bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Greeks of a book and the margin reserved for its shorts.

    Delta is in units of the underlying; vega per 1.00 of vol; gamma is a cash Greek (times spot
    squared).
    """

    delta: int = 0
    vega: int = 0
    gamma: int = 0
    reserve: int = 0

    def __add__(self, other: Risk) -> Risk:
        names = [field.name for field in fields(self)]
        return Risk(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def first(self) -> int:
        """Delta, vega and reserve in the word that a pool keeps them in."""
        steps = self.reserve // RESERVE_STEP
        if not 0 <= self.reserve or steps >> _RESERVE:
            raise InputError("reserve", self.reserve, bound=f"within 0 .. 2**{_RESERVE} steps")
        return packed_greeks(self.delta, self.vega, bits=_NARROW) << _RESERVE | steps

    def words(self, meters: Meters) -> tuple[int, int]:
        """As a pool keeps its totals."""
        return self.first, packed_greeks(self.gamma, bits=_NARROW) << 160 | meters.word

    @classmethod
    def from_words(cls, first: int, gamma: int) -> Self:
        """A book by its first word; of gamma the amount."""
        delta, vega = unpacked_greeks(first >> _RESERVE, count=2, bits=_NARROW)
        reserve = first % (1 << _RESERVE) * RESERVE_STEP
        return cls(delta=delta, vega=vega, gamma=gamma, reserve=reserve)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What a pool keeps of an expiry: its risk, and its value at mark."""

    risk: Risk = Risk()
    value: int = 0

    @property
    def words(self) -> tuple[int, int]:
        """As the pool keeps it."""
        return self.risk.first, packed_greeks(self.risk.gamma, self.value, bits=128)

    @classmethod
    def from_words(cls, words: tuple[int, int]) -> Self:
        """The inverse of `words`."""
        gamma, value = unpacked_greeks(words[1], count=2, bits=128)
        return cls(risk=Risk.from_words(words[0], gamma), value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegInput:
    """One leg and what the pool knows of its series.

    Attributes
    ----------
    instrument : Instrument
    size : int
        Contracts; positive when the taker buys.
    taker_position : int
        Before the trade.
    live : SurfaceWords
        The surface now: the mark.
    previous : SurfaceWords, optional
        Inside the push window the surface before.
    expiry : ExpiryWord
        The last refresh of the expiry.
    snapshot : SurfaceWords
        The surface of that refresh: the Greeks inside the potential.
    book : Book
        The pool's book of the expiry before the trade.
    """

    instrument: Instrument
    size: int
    taker_position: int = 0
    live: SurfaceWords
    previous: SurfaceWords | None = None
    expiry: ExpiryWord
    snapshot: SurfaceWords
    book: Book = Book()

    @property
    def closing(self) -> int:
        """Contracts of the leg that reduce the taker's position."""
        if (self.taker_position > 0) == (self.size > 0):
            return 0
        return min(abs(self.taker_position), abs(self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """The pool and its market at the moment of a trade.

    Attributes
    ----------
    totals : Risk
        Net Greeks after hedges.
    meters : Meters
        What has passed through lately.
    depth : int
        The frozen NAV that the potential is divided by, above 0.
    reference : int
        Price at which the potential values delta.
    weights, spreads, limits, flow, fees
        Parameters.
    spot, uncertainty : int
        As the oracle has them; uncertainty is a share of spot.
    aged : bool
        The price is older than a direct trade may use.
    """

    totals: Risk
    meters: Meters = Meters()
    depth: int
    reference: int
    weights: Weights
    spreads: Spreads
    limits: Limits
    flow: FlowLimits
    fees: FeeRates
    spot: int
    uncertainty: int
    aged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLeg:
    """Fair value of one contract, live and in the push window; what the leg makes of its expiry."""

    mark: int
    worse: int
    change: Risk
    book: Book


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A package and its price by part.

    Attributes
    ----------
    mark : int
        What the taker pays at fair value; negative: receives.
    impact : int
        Change of the risk potential, rounded up; a credit stops at the cap.
    spread, fee : int
    totals : Risk
        Of the pool after the trade.
    meters : Meters
        After the trade.
    legs : tuple of PricedLeg
    """

    mark: int
    impact: int
    spread: int
    fee: int
    totals: Risk
    meters: Meters
    legs: tuple[PricedLeg, ...]

    @property
    def cash(self) -> int:
        """What the taker pays all in; negative: receives."""
        return self.mark + self.impact + self.spread + self.fee

    @property
    def change(self) -> Risk:
        """Of the pool's book."""
        return sum((leg.change for leg in self.legs), Risk())


@dataclass(frozen=True, slots=True, kw_only=True)
class BookValue:
    """An expiry's positions at mark, and their risk."""

    value: int
    risk: Risk
