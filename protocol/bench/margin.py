"""Gas of the full margin scan: what an account pays that the linear bound does not let pass."""

from __future__ import annotations

from protocol.bench.trades import SPOT, listed_world
from protocol.chain.artifacts import Artifacts
from protocol.parameters import MarginParameters
from protocol.sim.world import World, account_of
from protocol.types import Instrument, Kind
from protocol.units import WAD

_MONEYNESS = (0.85, 0.95, 1.0, 1.05, 1.15)


def margin_gas_rows(artifacts: Artifacts) -> list[tuple[str, int]]:
    """(name, gas) of a transaction that asks the risk engine for initial and maintenance margin.

    On a live price and surface, all scenarios in force (`scenario_count`). `4 legs`: an iron condor
    of one expiry. `16 legs`: the perp and fifteen options of three expiries, long and short.
    """
    world = listed_world(artifacts)
    days = [state.day for state in world.market.amm.expiries()]
    condor = {
        _option(world, kind, days[1], share).id: size
        for kind, share, size in (
            (Kind.PUT, 0.85, WAD),
            (Kind.PUT, 0.95, -WAD),
            (Kind.CALL, 1.05, -WAD),
            (Kind.CALL, 1.15, WAD),
        )
    }
    book = {
        _option(world, kind, day, share).id: (WAD if place % 2 else -WAD)
        for day in days[:3]
        for place, (share, kind) in enumerate(
            zip(_MONEYNESS, (Kind.PUT, Kind.PUT, Kind.CALL, Kind.CALL, Kind.CALL), strict=True)
        )
    }
    book[Instrument.perp(world.underlying).id] = WAD
    _open_perp(world)
    return [("margin 4 legs", _gas(world, condor)), ("margin 16 legs", _gas(world, book))]


def scenario_count(parameters: MarginParameters) -> int:
    """How many values the worst is taken of."""
    return 3 * (2 * parameters.steps + 1) + len(parameters.tails) + 2


def _open_perp(world: World) -> None:
    """The account has the perp it is judged with: its P&L is read from the market."""
    owner = world.takers[0]
    world.set_price(SPOT)
    world.market.perp.trade(account_of(owner), WAD, 2**255, sender=owner)


def _option(world: World, kind: Kind, day: int, share: float) -> Instrument:
    return Instrument.option(kind, world.underlying, day, SPOT * share)


def _gas(world: World, positions: dict[int, int]) -> int:
    owner, engine = world.takers[0], world.system.risk_engine
    world.set_price(SPOT)
    data = engine.encode(
        "assess", account_of(owner), 10**24, list(positions), list(positions.values()), 0
    )
    return world.chain.transact(sender=owner, to=engine.address, data=data).gas_used
