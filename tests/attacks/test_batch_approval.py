"""An owner has approved the batch: nobody else trades for him through it."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.clients.ledger import SCOPE_TRADE
from protocol.clients.markets import NO_LIMIT
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides, perp, wealth
from tests.attacks.twins import broken
from tests.system_fixtures import OTHER_TAKER, TAKER, Exchange, account, build_exchange

VICTIM = OTHER_TAKER
CLIP = 700 * WAD


def trades_for_anybody() -> Artifact:
    check = "staticcall IClearinghouse(ledger).may(account, msg.sender, _TRADE)"
    return broken("Batch", {check: "True"})


def use_the_approval(exchange: Exchange) -> int:
    """Buy, have the victim buy at any price, sell to him through the skew."""
    market, batch = exchange.eth, exchange.system.batch
    exchange.system.ledger.set_operator(account(VICTIM), batch.address, SCOPE_TRADE, sender=VICTIM)
    before = wealth(exchange, market, TAKER)
    perp(exchange, market, TAKER, CLIP)
    victim = account(VICTIM)
    with suppress(Revert):
        batch.trade_perp(market.perp.address, [], victim, CLIP, sender=TAKER, limit_price=NO_LIMIT)
    perp(exchange, market, TAKER, -CLIP)
    return wealth(exchange, market, TAKER) - before


@on_both_sides
def test_approval__of_the_batch__is_the_owners_alone(side: str) -> None:
    exchange = build_exchange(contracts(side, trades_for_anybody))
    judge(side, use_the_approval(exchange), loot=10_000 * WAD)
