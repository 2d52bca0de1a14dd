"""Keeping the posted surface and the recorded price on the market's.

A push is refused whole by the chain where it moves too far, so a target beyond the step limits is
approached: every expiry goes the same share of the way, which keeps the surface's shape in between.
Until it is reached the push says which way vol is still to go, and the pool quotes one side only.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from protocol.config import AnchorPolicy
from protocol.pricing.black76 import Floats
from protocol.strategy.base import Intent, PushSurface, RecordPrice, Snapshot
from protocol.surface.arbitrage import CONTRACT_GRID, without_calendar
from protocol.surface.svi import blend, implied_vol, total_variance
from protocol.types import ExpirySurface, Surface
from protocol.units import DAY, expiry_timestamp, years

PRINT_WINDOW = 1_800  # the oracle averages the half hour before 08:00 UTC and needs a record in it
VOL_HIGHER, VOL_LOWER = 1, 2  # flags of a smile (surface_codec)
STEP_LIFE, SHORTEST_LIFE = 30 * DAY, DAY  # a vol step grows with one over the root of the life
DEVIATIONS: Floats = np.linspace(-2.0, 2.0, 9)
_HALVINGS = 20


def plan(snapshot: Snapshot, policy: AnchorPolicy) -> tuple[Intent, ...]:
    """A price record and a surface push, where they are due."""
    intents: list[Intent] = []
    if _record_is_due(snapshot, policy):
        intents.append(RecordPrice(snapshot.underlying))
    if snapshot.target is not None and _push_is_due(snapshot, snapshot.target, policy):
        smiles = _approach(snapshot, snapshot.target, policy)
        if smiles:
            intents.append(PushSurface(snapshot.underlying, smiles))
    return tuple(intents)


def vol_gap(*, old: ExpirySurface, new: ExpirySurface) -> float:
    """Largest move of implied vol between two smiles of a day, over two deviations each way."""
    return _gap(old, new, DEVIATIONS * float(np.sqrt(total_variance(k=0.0, svi=new.svi))))


def _gap(old: ExpirySurface, new: ExpirySurface, k: Floats) -> float:
    before = implied_vol(k=k, svi=old.svi, years=_span(old))
    return float(np.max(np.abs(implied_vol(k=k, svi=new.svi, years=_span(new)) - before)))


def _span(smile: ExpirySurface) -> float:
    return years(expiry_timestamp(smile.day) - smile.timestamp)


def _record_is_due(snapshot: Snapshot, policy: AnchorPolicy) -> bool:
    since, now = snapshot.oracle_timestamp, snapshot.timestamp
    ends = (expiry_timestamp(day) for day in snapshot.pool.expiry_days)
    prints = any(since < end - PRINT_WINDOW <= now < end for end in ends)
    return prints or now - since >= policy.record_seconds


def _push_is_due(snapshot: Snapshot, target: Surface, policy: AnchorPolicy) -> bool:
    if snapshot.surface is None:
        return True
    posted = {smile.day: smile for smile in snapshot.surface.expiries}
    aims = [(posted.get(smile.day), smile) for smile in _living(snapshot, target)]
    ages = [snapshot.timestamp - old.timestamp for old, _ in aims if old is not None]
    if min(ages, default=policy.min_push_seconds) < policy.min_push_seconds:
        return False
    return max(ages, default=0) >= policy.push_seconds or any(
        old is None or vol_gap(old=old, new=new) > policy.vol_move for old, new in aims
    )


def _living(snapshot: Snapshot, surface: Surface) -> tuple[ExpirySurface, ...]:
    return tuple(smile for smile in surface.expiries if snapshot.is_alive(smile.day))


def _approach(
    snapshot: Snapshot, target: Surface, policy: AnchorPolicy
) -> tuple[ExpirySurface, ...]:
    """The target's smiles, all moved back by one share where a step is too long."""
    now = snapshot.timestamp
    aims = tuple(restated(smile, now) for smile in _living(snapshot, target))
    posted = () if snapshot.surface is None else snapshot.surface.expiries
    old = {smile.day: restated(smile, now) for smile in posted if snapshot.is_alive(smile.day)}
    age = {smile.day: now - smile.timestamp for smile in posted}
    shares = [_share(old[aim.day], aim, age[aim.day], policy) for aim in aims if aim.day in old]
    share = min(shares, default=1.0)
    moved = tuple(_between(old.get(aim.day, aim), aim, share) for aim in aims)
    return tuple(
        replace(smile, behind=_behind(smile, aim, policy.behind_vol))
        for smile, aim in zip(without_calendar(moved), aims, strict=True)
    )


def _behind(posted: ExpirySurface, aim: ExpirySurface, tolerance: float) -> int:
    """The flags of a smile that stays short of its aim by more than a tolerance of vol."""
    k = DEVIATIONS * float(np.sqrt(total_variance(k=0.0, svi=aim.svi)))
    left = implied_vol(k=k, svi=aim.svi, years=_span(aim)) - implied_vol(
        k=k, svi=posted.svi, years=_span(posted)
    )
    higher, lower = bool(np.max(left) > tolerance), bool(np.min(left) < -tolerance)
    return VOL_HIGHER * higher | VOL_LOWER * lower


def restated(smile: ExpirySurface, now: int) -> ExpirySurface:
    """The same vols as a smile posted now: total variance shrinks with the life left."""
    left = years(expiry_timestamp(smile.day) - now) / _span(smile)
    svi = replace(smile.svi, a=smile.svi.a * left, b=smile.svi.b * left)
    return replace(smile, svi=svi, timestamp=now)


def _between(old: ExpirySurface, new: ExpirySurface, share: float) -> ExpirySurface:
    if share == 1.0:
        return new
    return replace(
        new,
        svi=blend(old=old.svi, new=new.svi, share=share),
        basis=old.basis + share * (new.basis - old.basis),
        rate=old.rate + share * (new.rate - old.rate),
    )


def _share(old: ExpirySurface, new: ExpirySurface, age: int, policy: AnchorPolicy) -> float:
    """Largest share of the way from old to new that the step limits allow after `age` seconds."""
    pace = sqrt(min(age / policy.step_interval_seconds, 1.0))
    life = max(expiry_timestamp(new.day) - new.timestamp, SHORTEST_LIFE)
    vol_limit = policy.vol_step * pace * sqrt(max(STEP_LIFE / life, 1.0))
    basis_limit, rate_limit = policy.basis_step * pace, policy.rate_step * pace
    share = min(
        basis_limit / max(abs(new.basis - old.basis), basis_limit),
        rate_limit / max(abs(new.rate - old.rate), rate_limit),
    )
    if _gap(old, _between(old, new, share), CONTRACT_GRID) <= vol_limit:
        return share
    low, high = 0.0, share
    for _ in range(_HALVINGS):  # the gap grows with the share, though not in proportion
        middle = 0.5 * (low + high)
        fits = _gap(old, _between(old, new, middle), CONTRACT_GRID) <= vol_limit
        low, high = (middle, high) if fits else (low, middle)
    return low
