"""What the pricer's twin is handed and hands back; amounts are WAD."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from protocol.errors import InputError
from protocol.pricing.amm_words import ExpiryWord, Spreads, SurfaceWords, Weights, pair
from protocol.pricing.market_math import FeeRates
from protocol.types import Instrument
from protocol.units import WAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Greeks of a book and the margin reserved for its shorts.

    Delta is in units of the underlying; vega per 1.00 of vol; gamma and vanna are cash Greeks
    (times spot squared, times spot).
    """

    delta: int = 0
    vega: int = 0
    gamma: int = 0
    vanna: int = 0
    volga: int = 0
    reserve: int = 0

    def __add__(self, other: Risk) -> Risk:
        names = [field.name for field in fields(self)]
        return Risk(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def words(self) -> tuple[int, int, int]:
        """As an options pool stores its totals."""
        low = pair(self.volga, self.reserve)
        return pair(self.delta, self.vega), pair(self.gamma, self.vanna), low


@dataclass(frozen=True, slots=True, kw_only=True)
class LegInput:
    """One leg and what the pool knows of its series.

    Attributes
    ----------
    instrument : Instrument
    size : int
        Contracts; positive when the taker buys.
    taker_position, pool_position : int
        Before the trade.
    live : SurfaceWords
        The surface now: the mark.
    expiry : ExpiryWord
        The last refresh of the expiry.
    snapshot : SurfaceWords
        The surface of that refresh: the Greeks inside the potential.
    expiry_vega : int
        The pool's vega in the expiry before the trade.
    """

    instrument: Instrument
    size: int
    taker_position: int = 0
    pool_position: int = 0
    live: SurfaceWords
    expiry: ExpiryWord
    snapshot: SurfaceWords
    expiry_vega: int = 0

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
    depth : int
        The frozen NAV that the potential is divided by, above 0.
    reference : int
        Price at which the potential values delta.
    weights, spreads, fees
        Parameters.
    spot, uncertainty : int
        As the oracle has them; uncertainty is a share of spot.
    """

    totals: Risk
    depth: int
    reference: int
    weights: Weights
    spreads: Spreads
    fees: FeeRates
    spot: int
    uncertainty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLeg:
    """Fair value of one contract, and how the leg changes the pool's book."""

    mark: int
    change: Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A package and its price by part.

    Attributes
    ----------
    mark : int
        What the taker pays at fair value; negative: receives.
    impact : int
        Change of the risk potential, rounded up.
    spread, fee : int
    gross_vega : int
        Sum over legs of the absolute vega.
    total : Risk
        Change of the pool's book.
    legs : tuple of PricedLeg
    """

    mark: int
    impact: int
    spread: int
    fee: int
    gross_vega: int
    total: Risk
    legs: tuple[PricedLeg, ...]

    @property
    def cash(self) -> int:
        """What the taker pays all in; negative: receives."""
        return self.mark + self.impact + self.spread + self.fee

    def capped(self, shift_cap: int) -> Priced:
        """The price as a pool with this cap on the shift of vol charges it.

        A credit for taking risk off stops at the cap; an impact above it is refused.

        Raises
        ------
        InputError
            Where the impact is above the cap.
        """
        cap = self.gross_vega * shift_cap // WAD
        if self.impact > cap:
            raise InputError("impact", self.impact, bound=f"at most {cap}", step="trade less")
        return replace(self, impact=max(self.impact, -cap))


@dataclass(frozen=True, slots=True, kw_only=True)
class BookValue:
    """An expiry's positions at mark, and their risk."""

    value: int
    risk: Risk
