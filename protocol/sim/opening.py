"""Opening a market: a first surface from the reference model, and the weeklies listed on it."""

from __future__ import annotations

from collections.abc import Callable

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.config import HestonPrices, Scenario
from protocol.errors import ConfigError
from protocol.sim.world import KEEPER, World, build_world
from protocol.strategy.settle import weekly_days
from protocol.surface.reference_model import reference_surface
from protocol.types import STRIKE_STEPS, Surface
from protocol.units import from_wad


def open_devnet(
    chain: TestChain,
    artifacts: Artifacts,
    scenario: Scenario,
    *,
    progress: Callable[[str], None] | None = None,
) -> World:
    """A scenario's whole market at its model's first price: deployed, funded, listed.

    Raises
    ------
    ConfigError
        Where the scenario has no price model to take that price from.
    """
    model = scenario.prices
    if not isinstance(model, HestonPrices):
        raise ConfigError(
            f"scenario {scenario.name} starts from a file; use one with `source: heston` prices"
        )
    world = build_world(chain, artifacts, scenario, price=model.spot, progress=progress)
    open_market(world, variance=model.vol**2)
    return world


def open_market(world: World, *, variance: float) -> Surface:
    """Push the surface of an instantaneous variance and list what the keeper's policy lists."""
    surface = push_surface(world, variance=variance)
    for day in surface.days:
        step = round(world.scenario.keeper.settle.strike_step * STRIKE_STEPS)
        world.market.amm.list_expiry(day, step, sender=KEEPER)
    return surface


def push_surface(world: World, *, variance: float) -> Surface:
    """Push the reference surface of an instantaneous variance, as it stands now."""
    now = world.chain.timestamp
    surface = reference_surface(
        underlying=world.underlying,
        spot=from_wad(world.system.oracle.spot(world.underlying).price),
        variance=variance,
        timestamp=now,
        days=weekly_days(now, world.scenario.keeper.settle),
        policy=world.scenario.reference,
    )
    world.system.surface.push(world.underlying, surface.expiries, sender=KEEPER)
    return surface
