"""What ape users see: contracts by name, events, reverts, on the foundry provider."""

import ape
from ape import chain, project

from protocol.sim.world import World, account_of
from protocol.types import Instrument, Kind
from protocol.units import WAD

STRIKE = 2_500.0


def a_call(world: World, strike: float = STRIKE) -> int:
    day = world.market.amm.expiries()[-1].day
    return Instrument.option(Kind.CALL, world.underlying, day, strike).id


def test_quote__of_listed_call__is_above_mark(world: World) -> None:
    amm = project.OptionsAMM.at(world.market.amm.address)
    quote = amm.quote(account_of(world.takers[0]), [(a_call(world), WAD)])
    assert quote.cash > quote.mark > 0
    assert quote.cash == quote.mark + quote.impact + quote.spread + quote.fee


def test_trade__by_taker__nets_to_zero(world: World) -> None:
    amm = project.OptionsAMM.at(world.market.amm.address)
    ledger = project.Clearinghouse.at(world.system.ledger.address)
    taker, account, series = world.takers[0], account_of(world.takers[0]), a_call(world)
    with ape.accounts.use_sender(ape.accounts[taker]):
        receipt = amm.trade(account, [(series, WAD)], 2**255 - 1, 2**64 - 1)
    assert [event.event_name for event in receipt.events] == ["FillSettled", "Traded"]
    assert ledger.position(account, series) == WAD
    assert ledger.position(world.market.amm.pool, series) == -WAD


def test_trade__off_the_grid__reverts(world: World) -> None:
    amm = project.OptionsAMM.at(world.market.amm.address)
    series = a_call(world, STRIKE + 1.0)
    with ape.reverts("amm: strike off the grid"):
        amm.quote(account_of(world.takers[0]), [(series, WAD)])


def test_withdraw__more_than_cash__reverts(world: World) -> None:
    ledger = project.Clearinghouse.at(world.system.ledger.address)
    taker = world.takers[1]
    with ape.reverts("ledger: not enough cash"), ape.accounts.use_sender(ape.accounts[taker]):
        ledger.withdraw(account_of(taker), 10**18, taker)


def test_time__when_advanced__makes_surface_stale(world: World) -> None:
    amm = project.OptionsAMM.at(world.market.amm.address)
    with chain.isolate():
        world.chain.advance(86_400)
        with ape.reverts():
            amm.quote(account_of(world.takers[0]), [(a_call(world), WAD)])
