"""The check from outside must see what a broken ledger would do."""

from __future__ import annotations

import pytest

from protocol.bench.trades import listed_world
from protocol.chain.artifacts import Artifacts
from protocol.clients.periphery import PoolView
from protocol.sim.ledger_check import LedgerCheck, check_ledger, escrow_cash
from protocol.sim.world import World, account_of
from protocol.types import Instrument, Kind, Leg
from protocol.units import WAD


@pytest.fixture(scope="module")
def world(artifacts: Artifacts) -> World:
    opened = listed_world(artifacts)
    taker = opened.takers[0]
    day = opened.market.amm.expiries()[0].day
    series = Instrument.option(Kind.CALL, opened.underlying, day, 2_000.0)
    opened.market.amm.trade(account_of(taker), [Leg(series, 3 * WAD)], sender=taker)
    opened.market.perp.trade(account_of(taker), WAD, 2**128, sender=taker)
    return opened


def view_of(world: World) -> PoolView:
    return world.system.lens.pool(world.market.amm.address)


def test_check__after_trades__finds_nothing(world: World) -> None:
    assert check_ledger(world, view_of(world)) == LedgerCheck(imbalance=0, shortfall=0)


def test_check__one_wei_more_in_a_position__is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = world.system.ledger
    honest = type(ledger).portfolio

    def inflated(self: object, account: int) -> dict[int, int]:
        found = honest(ledger, account)
        return {instrument: size + 1 for instrument, size in found.items()}

    monkeypatch.setattr(type(ledger), "portfolio", inflated)
    assert check_ledger(world, view_of(world)).imbalance == 1


def test_check__one_wei_more_cash_than_tokens__is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_of(world)
    custody = world.system.custody
    slack = (
        custody.held() * custody.unit()
        - sum(_all_cash(world))
        - sum(world.system.ledger.reserves())
    )
    assert slack >= 0
    poorer = custody.held() - slack // custody.unit() - 1
    monkeypatch.setattr(type(custody), "held", lambda self: poorer)
    assert 0 < check_ledger(world, view).shortfall <= custody.unit()


def test_check__what_waits_in_an_escrow__is_counted(world: World) -> None:
    """A winner's cash between a loser's settlement and his own."""
    escrow = world.system.settlement.escrow(world.underlying, 5)
    taker = world.takers[0]
    slack = world.system.custody.held() * world.system.custody.unit() - sum(_all_cash(world))
    slack -= sum(world.system.ledger.reserves())
    world.system.ledger.transfer_cash(account_of(taker), escrow, 10**18, sender=taker)
    assert escrow_cash(world) == []
    world.settled_days.add(5)
    assert escrow_cash(world) == [10**18]
    assert check_ledger(world, view_of(world)).shortfall == 0 <= slack


def _all_cash(world: World) -> list[int]:
    ledger, market = world.system.ledger, world.market
    owners = (*world.actors, *world.lps, *world.perp_lps)
    accounts = [account_of(who) for who in owners] + [market.amm.pool, market.perp.pool]
    accounts += [market.options_vault.account(), market.perp_vault.account()]
    return [ledger.cash(account) for account in accounts]
