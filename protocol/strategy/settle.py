"""The life of expiries: listing the next weeklies, writing prints, settling what has expired."""

from __future__ import annotations

from protocol.config import SettlePolicy
from protocol.strategy.base import (
    CloseExpiry,
    ExpiredDay,
    Intent,
    ListExpiry,
    RecordPrint,
    SettleAccounts,
    Snapshot,
)
from protocol.units import DAY, next_expiry_day

FRIDAY = 1  # the epoch was a Thursday
BATCH = 16  # accounts of a call, the contract's


def weekly_days(timestamp: int, policy: SettlePolicy) -> tuple[int, ...]:
    """The next Fridays that live long enough to be listed: what a surface should cover."""
    first = next_expiry_day(timestamp + round(policy.min_life_days * DAY))
    friday = first + (FRIDAY - first) % 7
    return tuple(friday + 7 * week for week in range(policy.weeklies))


def plan(snapshot: Snapshot, policy: SettlePolicy) -> tuple[Intent, ...]:
    """Settles expired days that have a print, then lists the days that are missing.

    The pool closes with nothing left to settle: until it does its valuation is stale. A day is
    listed once the chain has a smile for it.
    """
    intents: list[Intent] = []
    batches = policy.batches
    for expired in sorted(snapshot.expired, key=lambda each: each.day):
        steps = _settle(snapshot, expired, batches)
        batches -= sum(isinstance(step, SettleAccounts) for step in steps)
        intents += steps
    if snapshot.surface is not None:
        wanted = set(weekly_days(snapshot.timestamp, policy)) & set(snapshot.surface.days)
        missing = sorted(wanted - set(snapshot.pool.expiry_days))
        intents += [ListExpiry(day, policy.strike_step) for day in missing]
    return tuple(intents)


def _settle(snapshot: Snapshot, expired: ExpiredDay, batches: int) -> list[Intent]:
    """At most `batches` calls: those who owe most first, who is owed once that was collected.

    What one round leaves over the next one's snapshot has again, so that any number gets through,
    and nobody is paid while somebody who owes is left.
    """
    underlying, day = snapshot.underlying, expired.day
    intents: list[Intent] = []
    if expired.collected_at is None:
        intents.append(RecordPrint(underlying, day))
    is_paying = expired.collected_at is not None and snapshot.timestamp >= expired.collected_at
    due = [
        holder.account
        for holder in sorted(expired.holders, key=lambda each: (each.payoff, each.account))
        if is_paying or holder.payoff <= 0.0
    ]
    now, ends = due[: BATCH * batches], range(0, BATCH * batches, BATCH)
    parts = (tuple(now[first : first + BATCH]) for first in ends)
    intents += [SettleAccounts(underlying, day, part) for part in parts if part]
    if day in snapshot.pool.expiry_days and _closes(snapshot.pool.account, expired, now):
        intents.append(CloseExpiry(day))
    return intents


def _closes(pool: int, expired: ExpiredDay, now: list[int]) -> bool:
    """Whether nothing of the pool is left after a round; one that is owed is paid by who owes."""
    payoff = {each.account: each.payoff for each in expired.holders}
    is_owed = payoff.get(pool, 0.0) > 0.0
    return (pool not in payoff or pool in now) and not (is_owed and min(payoff.values()) < 0.0)
