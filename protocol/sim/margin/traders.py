"""Traders on margin: who sells options or trades the perp with all the leverage margin gives.

Pure but for the generator: what a trader has and a policy in, a wish out. Each draws the same
numbers in a step whatever the others did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np

from protocol.config import MarginPolicy
from protocol.sim.flow import SIZE_DECIMALS, StepView, strike_at_delta
from protocol.types import ExpirySurface, Instrument, Kind, Leg
from protocol.units import DAY, expiry_timestamp, to_wad

Role = Literal["seller", "perp_trader"]
MIN_LIFE_DAYS = 1.0  # of an option sold


@dataclass(frozen=True, slots=True)
class MarginTrader:
    """One account on margin; `free` is its equity above initial margin, USD."""

    address: str
    role: Role
    free: float
    perp: int  # units held, WAD


@dataclass(frozen=True, slots=True)
class Wish:
    """What a trader wants: option legs, or a change of its perp (WAD)."""

    trader: str
    legs: tuple[Leg, ...] = ()
    perp: int = 0


def wishes(
    rng: np.random.Generator,
    view: StepView,
    traders: Sequence[MarginTrader],
    policy: MarginPolicy,
) -> tuple[Wish, ...]:
    """What the traders want in a step, in their order."""
    days = view.seconds / DAY
    found: list[Wish] = []
    for trader in traders:
        acts, closes, side, pick = rng.random(4)
        if trader.role == "seller":
            if acts < _chance(policy.trades_per_day, days):
                found += _sale(trader, view, policy, is_call=side < policy.call_share, pick=pick)
        elif trader.perp and closes < _chance(policy.perp_close_per_day, days):
            found.append(Wish(trader.address, perp=-trader.perp))
        elif acts < _chance(policy.trades_per_day, days):
            found += _perp(trader, view, policy, up=side < 0.5)
    return tuple(found)


def _sale(
    trader: MarginTrader, view: StepView, policy: MarginPolicy, *, is_call: bool, pick: float
) -> list[Wish]:
    smiles = _sold(view)
    size = _size(trader.free * policy.option_leverage, view)
    if not smiles or size <= 0:
        return []
    smile = smiles[int(pick * len(smiles))]
    strike = strike_at_delta(view=view, smile=smile, delta=policy.delta, is_call=is_call)
    kind = Kind.CALL if is_call else Kind.PUT
    series = Instrument.option(kind, view.surface.underlying, smile.day, strike)
    return [Wish(trader.address, legs=(Leg(series, -size),))]


def _perp(trader: MarginTrader, view: StepView, policy: MarginPolicy, *, up: bool) -> list[Wish]:
    """Adds to the position it has, or opens one either way."""
    size = _size(trader.free * policy.perp_leverage, view)
    if size <= 0:
        return []
    is_long = trader.perp > 0 if trader.perp else up
    return [Wish(trader.address, perp=size if is_long else -size)]


def _sold(view: StepView) -> list[ExpirySurface]:
    least = view.timestamp + MIN_LIFE_DAYS * DAY
    return [each for each in view.surface.expiries if expiry_timestamp(each.day) > least]


def _size(notional: float, view: StepView) -> int:
    return to_wad(round(max(notional, 0.0) / view.spot, SIZE_DECIMALS))


def _chance(rate: float, days: float) -> float:
    return 1.0 - exp(-rate * days)
