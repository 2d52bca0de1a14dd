"""Which expiries need a new Greek snapshot, and when LP requests can be processed."""

from __future__ import annotations

from protocol.config import RefreshPolicy
from protocol.strategy.base import ExpiryState, Intent, ProcessVault, Refresh, Snapshot


def plan(snapshot: Snapshot, policy: RefreshPolicy) -> tuple[Intent, ...]:
    """Refreshes that are due, then the vaults that wait for a valuation.

    An expiry that has expired makes the option pool's valuation stale until it is closed, so its
    vault waits for that.
    """
    surface = snapshot.surface
    if surface is None:
        return ()
    alive = [expiry for expiry in snapshot.pool.expiries if snapshot.is_alive(expiry.day)]
    can_value = len(alive) == len(snapshot.pool.expiries) and all(
        expiry.day in surface.days for expiry in alive
    )
    valuing = can_value and "options" in snapshot.vaults_due
    refreshes = [
        Refresh(expiry.day)
        for expiry in alive
        if expiry.day in surface.days
        and (
            _is_due(expiry, snapshot, policy)
            or _has_moved(expiry, surface.on(expiry.day).timestamp, snapshot, policy)
            or (valuing and _is_loose(expiry, snapshot, policy))
        )
    ]
    vaults = [ProcessVault(pool) for pool in snapshot.vaults_due if pool == "perp" or can_value]
    return (*refreshes, *vaults)


def _drift(expiry: ExpiryState, snapshot: Snapshot) -> float:
    return abs(snapshot.spot / expiry.snapshot_spot - 1.0)


def _is_due(expiry: ExpiryState, snapshot: Snapshot, policy: RefreshPolicy) -> bool:
    age = snapshot.timestamp - expiry.refreshed_at
    return age >= policy.max_age_seconds or _drift(expiry, snapshot) > policy.spot_drift


def _has_moved(expiry: ExpiryState, posted: int, snapshot: Snapshot, policy: RefreshPolicy) -> bool:
    """A smile posted since the snapshot; not at every push, for a refresh costs more than one."""
    age = snapshot.timestamp - expiry.refreshed_at
    return posted > expiry.refreshed_at and age >= policy.surface_lag_seconds


def _is_loose(expiry: ExpiryState, snapshot: Snapshot, policy: RefreshPolicy) -> bool:
    age = snapshot.timestamp - expiry.refreshed_at
    return age > policy.valuation_age_seconds or _drift(expiry, snapshot) > policy.valuation_drift
