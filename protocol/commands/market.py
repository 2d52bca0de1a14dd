"""A market on the devnet: opened from a scenario, and moved on in time."""

from __future__ import annotations

from collections.abc import Callable

from protocol.chain.accounts import dev_account
from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.chain.devnet import write_addresses
from protocol.clients.ledger import Token
from protocol.clients.oracle import MockAggregator
from protocol.clients.system import System
from protocol.commands.reporting import post_dev_price
from protocol.config import Scenario
from protocol.parameters import SurfaceParameters
from protocol.sim.opening import open_devnet
from protocol.sim.world import ADMIN, KEEPER, World, deposit_cash, mint_and_approve
from protocol.strategy.anchor import restated
from protocol.units import WAD, expiry_timestamp, from_wad, to_token_down, to_wad

DEV_CASH = 250_000.0  # of a devnet account, in the ledger, USD
DEV_TOKENS = 1_000_000.0  # and in its wallet
DEV_COLLATERAL = 100.0  # of the underlying's token there
ENDOWED = 3  # accounts
_PUSH_PAUSE = SurfaceParameters().min_interval  # seconds between pushes


def open_market(chain: TestChain, scenario: Scenario, *, progress: Callable[[str], None]) -> World:
    """Deploy, fund, list, endow the devnet's first accounts; remember where everything is."""
    world = open_devnet(chain, Artifacts(), scenario, progress=progress)
    for index in range(ENDOWED):
        owner = dev_account(index).address.lower()
        deposit_cash(world, owner, DEV_CASH)
        vault = world.market.options_vault.address
        mint_and_approve(world.system.token, owner, vault, world.tokens(DEV_TOKENS))
        for market in world.system.markets:
            token = Token(chain, market.collateral.asset(), world.system.token.abi)
            units = to_token_down(to_wad(DEV_COLLATERAL), decimals=token.decimals())
            token.mint(owner, units, sender=ADMIN)
    write_addresses(chain.chain_id, world.system.addresses())
    return world


def pass_time(system: System, chain: TestChain, seconds: int) -> None:
    """Let time pass at a still market: prices and vols are posted again, Greeks refreshed."""
    chain.advance(seconds)
    for market in system.markets:
        price = system.oracle.last_good(market.underlying).price
        if system.oracle.feed(market.underlying).pull:
            post_dev_price(system.oracle, underlying=market.underlying, price=from_wad(price))
        else:
            feed = MockAggregator.at(chain, market.feed, Artifacts())
            feed.set_answer(price * 10 ** feed.decimals() // WAD, sender=ADMIN)
        system.oracle.record(market.underlying, sender=ADMIN)
        now = chain.timestamp
        days = [b.day for b in market.amm.expiries() if expiry_timestamp(b.day) > now]
        smiles = [system.surface.expiry(market.underlying, day) for day in days]
        again = [restated(smile, now) for smile in smiles if smile is not None]
        if now - min((smile.timestamp for smile in smiles if smile), default=now) >= _PUSH_PAUSE:
            system.surface.push(market.underlying, again, sender=KEEPER)
        for day in days:
            market.amm.refresh(day, sender=ADMIN)
