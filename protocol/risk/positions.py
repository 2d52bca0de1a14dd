"""The positions margins are compared on, and the market they are compared in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtri

from protocol.config import ReferencePolicy
from protocol.risk.portfolio import Collateral, Holding, MarketState, Portfolio
from protocol.surface.reference_model import ssvi_slice
from protocol.surface.svi import total_variance
from protocol.types import ExpirySurface, Instrument, Kind, Surface
from protocol.units import expiry_timestamp, years

UNDERLYING = 1
HAIRCUT = 0.05  # of posted ether: its price is in the scan, this is for selling it
_FIRST_DAY = 20_000
_LIVES = (7, 14, 30, 60, 90, 180)


@dataclass(frozen=True, slots=True)
class Named:
    """A portfolio by the name a trader has for it."""

    name: str
    portfolio: Portfolio


@dataclass(frozen=True, slots=True)
class Desk:
    """A market with one level of volatility and the reference smile, and a clock.

    `now` lies at an expiry's hour, so that lives are whole days.
    """

    spot: float = 2_000.0
    vol: float = 0.65

    @property
    def now(self) -> int:
        return expiry_timestamp(_FIRST_DAY)

    def state(self, days: Sequence[int] = _LIVES) -> MarketState:
        """The market as margin sees it."""
        expiries = [_FIRST_DAY + life for life in days]
        surface = level_surface(spot=self.spot, vol=self.vol, expiries=expiries, now=self.now)
        return MarketState(self.spot, surface)

    def option(self, kind: Kind, days: int, strike: float) -> Instrument:
        """A series so many days away, at a multiple of spot."""
        return Instrument.option(kind, UNDERLYING, _FIRST_DAY + days, self.spot * strike)

    def strike(self, kind: Kind, days: int, delta: float) -> float:
        """The multiple of spot at which an option has a delta, 0 < delta < 1."""
        smile = self.state([days]).surface
        assert smile is not None
        svi, sign = smile.expiries[0].svi, 1.0 if kind == Kind.CALL else -1.0
        k = 0.0
        for _ in range(50):
            w = float(total_variance(k=k, svi=svi))
            k = 0.5 * w - sign * sqrt(w) * float(ndtri(delta))
        return float(np.exp(k))


def level_surface(*, spot: float, vol: float, expiries: Sequence[int], now: int) -> Surface:
    """One volatility at the money for every expiry day, with the reference smile; no basis."""
    policy, smiles = ReferencePolicy(), []
    for day in sorted(set(expiries)):
        theta = vol**2 * years(expiry_timestamp(day) - now)
        svi = ssvi_slice(theta=theta, rho=policy.rho, eta=policy.eta, gamma=policy.gamma)
        smiles.append(ExpirySurface(day, svi, 0.0, 0.0, now))
    return Surface(UNDERLYING, spot, now, tuple(smiles))


def book(*legs: tuple[Instrument, float], ether: float = 0.0) -> Portfolio:
    """A portfolio without cash."""
    posted = (Collateral(UNDERLYING, ether, HAIRCUT),) if ether else ()
    holdings = tuple(Holding(instrument, size) for instrument, size in legs)
    return Portfolio(holdings=holdings, collateral=posted)


def standard_positions(
    desk: Desk, *, days: int = 30, far: int = 90, delta: float = 0.25
) -> tuple[Named, ...]:
    """Eight positions of one contract: wings at `delta`, the outer ones of a condor at half of it.

    The vertical is a call spread sold from 50 delta, the straddle and the calendar (sold near, held
    far) are at the money, the call sold against a perp is hedged by its delta, the box is sold
    between the wings.
    """
    call, put, perp = Kind.CALL, Kind.PUT, Instrument.perp(UNDERLYING)

    def at(kind: Kind, share: float, life: int = days) -> Instrument:
        strike = 1.0 if share == 0.5 else desk.strike(kind, life, share)
        return desk.option(kind, life, strike)

    def same_strike(kind: Kind, series: Instrument) -> Instrument:
        return Instrument(kind, UNDERLYING, series.day, series.strike_steps)

    high, low = at(call, delta), at(put, delta)
    condor = [(high, -1.0), (at(call, delta / 2), 1.0), (low, -1.0), (at(put, delta / 2), 1.0)]
    box = [(same_strike(call, low), -1.0), (high, 1.0), (low, 1.0), (same_strike(put, high), -1.0)]
    middle, far_call = at(call, 0.5), desk.option(call, far, 1.0)
    return (
        Named("naked put", book((low, -1.0))),
        Named("covered call", book((high, -1.0), ether=1.0)),
        Named("vertical", book((middle, -1.0), (high, 1.0))),
        Named("straddle", book((middle, -1.0), (at(put, 0.5), -1.0))),
        Named("iron condor", book(*condor)),
        Named("calendar", book((middle, -1.0), (far_call, 1.0))),
        Named("call hedged with perp", book((high, -1.0), (perp, delta))),
        Named("box", book(*box)),
    )
