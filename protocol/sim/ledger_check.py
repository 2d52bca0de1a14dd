"""The ledger's two promises, checked from outside after every step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from protocol.clients.periphery import PoolView
from protocol.sim.world import World, account_of
from protocol.types import Instrument


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """Both in wei, both 0 in a sound ledger.

    Attributes
    ----------
    imbalance : int
        Largest |sum of positions over all accounts| of any instrument.
    shortfall : int
        Positive cash, the escrows of expiries and the reserves, less the tokens held and what
        accounts in debt owe.
    """

    imbalance: int
    shortfall: int


def check_ledger(world: World, view: PoolView) -> LedgerCheck:
    """Read every account there is and add up."""
    ledger, market = world.system.ledger, world.market
    sums: dict[int, int] = defaultdict(int)
    for who in world.actors:
        _add(sums, ledger.portfolio(account_of(who)).items())
    perp_id = Instrument.perp(world.underlying).id
    for day in (0, *(expiry.day for expiry in view.expiries)):
        _add(sums, ledger.pool_positions(view.account, world.underlying, day).items())
    sums[perp_id] += ledger.position(market.perp.pool, perp_id)
    cash = [ledger.cash(account_of(who)) for who in (*world.actors, *world.lps, *world.perp_lps)]
    cash += [view.cash, ledger.cash(market.perp.pool)]
    cash += [ledger.cash(v.account()) for v in (market.options_vault, market.perp_vault)]
    cash += escrow_cash(world)
    tokens = world.system.custody.held() * world.system.custody.unit()
    return LedgerCheck(
        imbalance=max((abs(total) for total in sums.values()), default=0),
        shortfall=max(0, sum(cash) + sum(ledger.reserves()) - tokens),
    )


def escrow_cash(world: World) -> list[int]:
    """What losers of past expiries have paid in and winners have not taken yet, by expiry."""
    ledger, settlement = world.system.ledger, world.system.settlement
    return [
        ledger.cash(settlement.escrow(world.underlying, day)) for day in sorted(world.settled_days)
    ]


def _add(sums: dict[int, int], positions: Iterable[tuple[int, int]]) -> None:
    for instrument, size in positions:
        sums[instrument] += size
