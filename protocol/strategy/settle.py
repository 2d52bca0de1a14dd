"""The life of expiries: listing the next weeklies, writing prints, settling what has expired."""

from __future__ import annotations

from protocol.config import SettlePolicy
from protocol.strategy.base import (
    CloseExpiry,
    Intent,
    ListExpiry,
    RecordPrint,
    SettleAccounts,
    Snapshot,
)
from protocol.units import DAY, next_expiry_day

FRIDAY = 1  # the epoch was a Thursday


def weekly_days(timestamp: int, policy: SettlePolicy) -> tuple[int, ...]:
    """The next Fridays that live long enough to be listed: what a surface should cover."""
    first = next_expiry_day(timestamp + round(policy.min_life_days * DAY))
    friday = first + (FRIDAY - first) % 7
    return tuple(friday + 7 * week for week in range(policy.weeklies))


def plan(snapshot: Snapshot, policy: SettlePolicy) -> tuple[Intent, ...]:
    """Settles every expired day that has a print, then lists the days that are missing.

    The pool closes before the accounts settle: until it does its valuation is stale. A day is
    listed once the chain has a smile for it.
    """
    intents: list[Intent] = []
    listed = set(snapshot.pool.expiry_days)
    expired = {day for day in listed if not snapshot.is_alive(day)}
    for day in sorted(expired | set(snapshot.expired_days)):
        if day not in snapshot.priced_days:
            if day not in snapshot.fixed_days:
                continue
            intents.append(RecordPrint(snapshot.underlying, day))
        if day in expired:
            intents.append(CloseExpiry(day))
        if day in snapshot.expired_days:
            intents.append(SettleAccounts(snapshot.underlying, day))
    if snapshot.surface is not None:
        wanted = set(weekly_days(snapshot.timestamp, policy)) & set(snapshot.surface.days)
        intents += [ListExpiry(day, policy.strike_step) for day in sorted(wanted - listed)]
    return tuple(intents)
