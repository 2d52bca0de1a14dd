"""Unhealthy accounts: flagged, closed and absorbed by the keeper, bought by a liquidator."""

from __future__ import annotations

from protocol.config import LiquidatePolicy
from protocol.strategy.base import (
    Absorb,
    AccountState,
    Bid,
    CloseAuction,
    Flag,
    Intent,
    ReleaseHold,
    Snapshot,
)

LEAST_MARGIN = 100.0  # USD: of a slice and of what it leaves, the contract's
LEAST_LOSS = 100.0  # USD: withdrawals wait for no less, the contract's


def plan(snapshot: Snapshot, policy: LiquidatePolicy) -> tuple[Intent, ...]:
    """What keeps the auctions going, by anyone; then the bids, where there is a bidder."""
    return (*upkeep(snapshot), *bids(snapshot, policy))


def upkeep(snapshot: Snapshot) -> tuple[Intent, ...]:
    """One step for every account that needs one; withdrawals go on once a loss is covered."""
    found: list[Intent] = []
    for each in snapshot.accounts:
        step = _step(each)
        if step is not None:
            found.append(step)
        # What is absorbed or sold whole releases its hold by itself.
        if each.held and each.equity > -LEAST_LOSS and not isinstance(step, Absorb):
            found.append(ReleaseHold(each.account))
    return tuple(found)


def bids(snapshot: Snapshot, policy: LiquidatePolicy) -> tuple[Bid, ...]:
    """The best paid first, as far as the bidder's margin goes.

    A slice asks the bidder for its initial margin and brings its own equity with it only as a
    discount, so free margin falls by the slice's initial margin less that discount.
    """
    if snapshot.bidder is None:
        return ()
    free = snapshot.bidder.free * policy.capital_use
    found: list[Bid] = []
    for each in sorted(snapshot.accounts, key=lambda a: -_rate(a)):
        if not each.auctioned or each.largest <= 0.0 or _rate(each) < policy.min_discount:
            continue
        share = min(each.largest, free / max(each.initial - each.discount, 1e-9))
        if not _is_whole(each, share):
            continue
        cash = share * (each.discount - each.value - policy.tolerance * each.maintenance)
        found.append(Bid(each.account, snapshot.bidder.account, share, cash))
        free -= share * (each.initial - each.discount)
    return tuple(found)


def _step(each: AccountState) -> Intent | None:
    if each.positions == 0 and each.cash < 0.0:
        return Absorb(each.account)
    if not each.auctioned:
        return Flag(each.account) if each.equity < each.maintenance else None
    if each.equity >= each.initial:
        return CloseAuction(each.account)
    return Flag(each.account) if each.turned != each.insolvent else None


def _rate(each: AccountState) -> float:
    """Discount over maintenance margin; an account whose margin is gone is worth its mark."""
    return each.discount / each.maintenance if each.maintenance > 0.0 else 1.0


def _is_whole(each: AccountState, share: float) -> bool:
    """Whether the contract takes a slice: all that is for sale, or neither part too small."""
    if share >= each.largest:
        return True
    return min(share, 1.0 - share) * each.maintenance >= LEAST_MARGIN
