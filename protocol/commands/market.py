"""A market on the devnet: opened from a scenario, and moved on in time."""

from __future__ import annotations

from collections.abc import Callable

from protocol.chain.accounts import dev_account
from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.chain.devnet import write_addresses
from protocol.clients.oracle import MockAggregator
from protocol.clients.system import System
from protocol.commands.reporting import post_dev_price
from protocol.config import Scenario
from protocol.sim.opening import open_devnet
from protocol.sim.world import ADMIN, World, deposit_cash, mint_and_approve
from protocol.units import WAD, expiry_timestamp, from_wad

DEV_CASH = 250_000.0  # of a devnet account, in the ledger, USD
DEV_TOKENS = 1_000_000.0  # and in its wallet
ENDOWED = 3  # accounts


def open_market(chain: TestChain, scenario: Scenario, *, progress: Callable[[str], None]) -> World:
    """Deploy, fund, list, endow the devnet's first accounts; remember where everything is."""
    world = open_devnet(chain, Artifacts(), scenario, progress=progress)
    for index in range(ENDOWED):
        owner = dev_account(index).address.lower()
        deposit_cash(world, owner, DEV_CASH)
        vault = world.market.options_vault.address
        mint_and_approve(world.system.token, owner, vault, world.tokens(DEV_TOKENS))
    write_addresses(chain.chain_id, world.system.addresses())
    return world


def pass_time(system: System, chain: TestChain, seconds: int) -> None:
    """Let time pass at a still price: feeds answer anew, snapshots are refreshed.

    Surfaces grow old: that is the keeper's to mend.
    """
    chain.advance(seconds)
    for market in system.markets:
        price = system.oracle.last_good(market.underlying).price
        if system.oracle.feed(market.underlying).pull:
            post_dev_price(system.oracle, underlying=market.underlying, price=from_wad(price))
        else:
            feed = MockAggregator.at(chain, market.feed, Artifacts())
            feed.set_answer(price * 10 ** feed.decimals() // WAD, sender=ADMIN)
        system.oracle.record(market.underlying, sender=ADMIN)
        for book in market.amm.expiries():
            if expiry_timestamp(book.day) > chain.timestamp:
                market.amm.refresh(book.day, sender=ADMIN)
