"""Which expiries need a new Greek snapshot, and when LP requests can be processed."""

from __future__ import annotations

from protocol.config import RefreshPolicy
from protocol.strategy.anchor import PRINT_WINDOW
from protocol.strategy.base import ExpiryState, Intent, ProcessVault, Refresh, Snapshot
from protocol.units import expiry_timestamp


def plan(snapshot: Snapshot, policy: RefreshPolicy) -> tuple[Intent, ...]:
    """Refreshes that are due, then the vaults that wait for a valuation.

    An expiry that has expired makes the option pool's valuation stale until it is closed, and an
    old smile until the next push, so its vault waits for that.
    """
    if snapshot.surface is None:
        return ()
    posted = {smile.day: smile.timestamp for smile in snapshot.surface.expiries}
    alive = [expiry for expiry in snapshot.pool.expiries if snapshot.is_alive(expiry.day)]
    oldest = snapshot.timestamp - policy.valuation_surface_seconds
    can_value = len(alive) == len(snapshot.pool.expiries) and all(
        posted.get(expiry.day, 0) >= oldest for expiry in alive
    )
    valuing = can_value and "options" in snapshot.vaults_due
    refreshes = [
        Refresh(expiry.day)
        for expiry in alive
        if expiry.day in posted
        and (
            _is_due(expiry, snapshot, policy)
            or _has_moved(expiry, posted[expiry.day], snapshot, policy)
            or (valuing and _is_loose(expiry, posted[expiry.day], snapshot, policy))
        )
    ]
    vaults = [ProcessVault(pool) for pool in snapshot.vaults_due if pool == "perp" or can_value]
    return (*refreshes, *vaults)


def _drift(expiry: ExpiryState, snapshot: Snapshot) -> float:
    return abs(snapshot.spot / expiry.snapshot_spot - 1.0)


def _is_due(expiry: ExpiryState, snapshot: Snapshot, policy: RefreshPolicy) -> bool:
    age = snapshot.timestamp - expiry.refreshed_at
    in_window = snapshot.timestamp > expiry_timestamp(expiry.day) - PRINT_WINDOW
    oldest = policy.window_age_seconds if in_window else policy.max_age_seconds
    return age >= oldest or _drift(expiry, snapshot) > policy.spot_drift


def _has_moved(expiry: ExpiryState, posted: int, snapshot: Snapshot, policy: RefreshPolicy) -> bool:
    """A smile posted since the snapshot; not at every push, for a refresh costs more than one."""
    age = snapshot.timestamp - expiry.refreshed_at
    return posted > expiry.refreshed_at and age >= policy.surface_lag_seconds


def _is_loose(expiry: ExpiryState, posted: int, snapshot: Snapshot, policy: RefreshPolicy) -> bool:
    age = snapshot.timestamp - expiry.refreshed_at
    is_old = age > policy.valuation_age_seconds or posted > expiry.refreshed_at
    return is_old or _drift(expiry, snapshot) > policy.valuation_drift
