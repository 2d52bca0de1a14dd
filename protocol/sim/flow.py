"""Seeded order flow: who asks for what in a step, before any venue has said yes.

Pure: a generator, what the market looks like and a policy in; requests out. Arrivals are Poisson,
so that a run at finer steps has the same flow on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from scipy.special import ndtri

from protocol.config import FlowPolicy
from protocol.surface.svi import implied_vol
from protocol.types import ExpirySurface, Instrument, Kind, Leg, Surface
from protocol.units import DAY, expiry_timestamp, to_wad, years

SIZE_DECIMALS = 2  # contracts are traded in hundredths


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """What a taker holds: `size` in WAD, positive when long."""

    taker: int
    instrument: Instrument
    size: int


@dataclass(frozen=True, slots=True)
class StepView:
    """What the flow sees of the market in a step.

    Attributes
    ----------
    timestamp, seconds : int
        Unix seconds of the step, and its length.
    spot : float
        USD.
    surface : Surface
        Smiles of the listed expiries, for choosing strikes by delta.
    strike_step : float
        USD; listed strikes are its multiples.
    takers, lps : int
        How many there are; requests name them by number from 0.
    positions : tuple of OpenPosition
        Options and perps the takers hold.
    """

    timestamp: int
    seconds: int
    spot: float
    surface: Surface
    strike_step: float
    takers: int
    lps: int
    positions: tuple[OpenPosition, ...] = ()


@dataclass(frozen=True, slots=True)
class TradeRequest:
    """Taker `taker` wants to trade option legs at the market."""

    taker: int
    legs: tuple[Leg, ...]
    is_closing: bool


@dataclass(frozen=True, slots=True)
class PerpRequest:
    """Taker `taker` wants to trade `size` units of the perp, WAD, positive to buy."""

    taker: int
    size: int
    is_closing: bool


@dataclass(frozen=True, slots=True)
class DepositRequest:
    """LP `lp` wants to put `amount` (WAD, USD) into the option pool."""

    lp: int
    amount: int


@dataclass(frozen=True, slots=True)
class ExitRequest:
    """LP `lp` wants to take `share` (a fraction) of its shares out of the option pool."""

    lp: int
    share: float


Request = TradeRequest | PerpRequest | DepositRequest | ExitRequest


def requests(rng: np.random.Generator, view: StepView, policy: FlowPolicy) -> tuple[Request, ...]:
    """All requests of a step: closing first, then new trades, perps, deposits and exits.

    The result depends on the generator's state and the arguments alone. A view without an expiry
    that lives long enough has no new option trades.
    """
    days = view.seconds / DAY
    found: list[Request] = _closing(rng, view, policy, days)
    smiles = [
        smile
        for smile in view.surface.expiries
        if expiry_timestamp(smile.day) - view.timestamp >= policy.min_life_days * DAY
    ]
    for _ in range(rng.poisson(policy.trades_per_day * days)):
        legs = _legs(rng, view, policy, smiles) if smiles else ()
        if legs:
            found.append(TradeRequest(_pick(rng, view.takers), legs, is_closing=False))
    for _ in range(rng.poisson(policy.perp_trades_per_day * days)):
        size = _side(rng, 0.5) * _size(rng, policy.perp_notional_median, view, policy)
        if size:
            found.append(PerpRequest(_pick(rng, view.takers), size, is_closing=False))
    for _ in range(rng.poisson(policy.deposits_per_day * days) if view.lps else 0):
        amount = policy.deposit_median * exp(policy.notional_sigma * rng.standard_normal())
        found.append(DepositRequest(_pick(rng, view.lps), to_wad(round(amount, SIZE_DECIMALS))))
    for lp in np.flatnonzero(rng.random(view.lps) < -np.expm1(-policy.exit_per_day * days)):
        found.append(ExitRequest(int(lp), policy.exit_share))
    return tuple(found)


def _closing(
    rng: np.random.Generator, view: StepView, policy: FlowPolicy, days: float
) -> list[Request]:
    """Whole positions that are closed, each at its kind's rate."""
    found: list[Request] = []
    draws = rng.random(len(view.positions))
    for position, draw in zip(view.positions, draws.tolist(), strict=True):
        is_perp = position.instrument.kind == Kind.PERP
        rate = policy.perp_close_per_day if is_perp else policy.close_per_day
        if draw >= 1.0 - exp(-rate * days):
            continue
        if is_perp:
            found.append(PerpRequest(position.taker, -position.size, is_closing=True))
        elif position.instrument.is_option and view.timestamp < position.instrument.expiry:
            legs = (Leg(position.instrument, -position.size),)
            found.append(TradeRequest(position.taker, legs, is_closing=True))
    return found


def _legs(
    rng: np.random.Generator,
    view: StepView,
    policy: FlowPolicy,
    smiles: Sequence[ExpirySurface],
) -> tuple[Leg, ...]:
    """One leg, or a vertical spread: a second strike of the same series, the other way round."""
    lives = [years(expiry_timestamp(smile.day) - view.timestamp) * 365.0 for smile in smiles]
    smile = smiles[_choose(rng, np.exp(-np.array(lives) / policy.tenor_decay_days))]
    kind = Kind.CALL if rng.random() < policy.call_share else Kind.PUT
    size = _side(rng, policy.buy_share) * _size(rng, policy.notional_median, view, policy)
    count = 2 if rng.random() < policy.spread_share else 1
    series: list[Instrument] = []
    for _ in range(count):
        delta = policy.deltas[_choose(rng, np.array(policy.delta_weights))]
        strike = strike_at_delta(view=view, smile=smile, delta=delta, is_call=kind == Kind.CALL)
        series.append(Instrument.option(kind, view.surface.underlying, smile.day, strike))
    if size == 0 or len(set(series)) < count:
        return ()
    return tuple(Leg(each, size if i == 0 else -size) for i, each in enumerate(series))


def strike_at_delta(*, view: StepView, smile: ExpirySurface, delta: float, is_call: bool) -> float:
    """The listed strike nearest to an absolute forward delta, USD.

    Two rounds of the fixed point through the smile are closer than the strike grid.
    """
    forward = smile.forward(view.spot)
    expiry = expiry_timestamp(smile.day)
    life, span = years(expiry - view.timestamp), years(expiry - smile.timestamp)
    d1 = float(ndtri(delta)) * (1.0 if is_call else -1.0)
    k = 0.0
    for _ in range(3):
        deviation = float(implied_vol(k=k, svi=smile.svi, years=span)) * sqrt(life)
        k = 0.5 * deviation**2 - d1 * deviation
    steps = max(1, round(forward * exp(k) / view.strike_step))
    return steps * view.strike_step


def _size(rng: np.random.Generator, median: float, view: StepView, policy: FlowPolicy) -> int:
    notional = median * exp(policy.notional_sigma * rng.standard_normal())
    return to_wad(round(notional / view.spot, SIZE_DECIMALS))


def _side(rng: np.random.Generator, buy_share: float) -> int:
    return 1 if rng.random() < buy_share else -1


def _pick(rng: np.random.Generator, count: int) -> int:
    return int(rng.integers(count))


def _choose(rng: np.random.Generator, weights: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
    return int(rng.choice(len(weights), p=weights / weights.sum()))
