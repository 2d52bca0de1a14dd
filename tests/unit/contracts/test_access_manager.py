"""AccessManager and role_access: who may raise, lower and wire; how long a halt lasts."""

from __future__ import annotations

import pytest

from tests.ledger_bench import (
    ADMIN,
    GUARDIAN,
    HALTED,
    OPEN,
    PAUSED,
    STRANGER,
    VENUE,
    account,
    make_bench,
)

HALT = 72 * 3_600


@pytest.fixture
def bench(chain, deploy):
    return make_bench(chain, deploy)


def level(bench) -> int:
    return bench.ledger.call("pause_level")


def test_deployer__is_the_only_admin(deploy):
    manager = deploy("AccessManager")
    admin = manager.call("ADMIN")
    assert manager.call("hasRole", admin, ADMIN)
    assert not manager.call("hasRole", admin, GUARDIAN)
    assert not manager.call("hasRole", manager.call("GUARDIAN"), ADMIN)


def test_grant__by_a_stranger__reverts(bench, reverts):
    with reverts("access_control: account is missing role"):
        bench.manager.send("grantRole", bench.manager.call("KEEPER"), STRANGER, sender=STRANGER)


def test_set_ledger__twice_or_by_a_stranger__reverts(bench, deploy, reverts):
    with reverts("access: ledger set"):
        bench.manager.send("set_ledger", bench.ledger.address, sender=ADMIN)
    fresh = deploy("AccessManager")
    with reverts("access: admin only"):
        fresh.send("set_ledger", bench.ledger.address, sender=STRANGER)
    with reverts("access: no ledger"):
        fresh.send("set_ledger", "0x" + "00" * 20, sender=ADMIN)


def test_set_ledger__of_one_that_obeys_another_manager__reverts_when_used(bench, deploy, reverts):
    fresh = deploy("AccessManager")
    fresh.send("set_ledger", bench.ledger.address, sender=ADMIN)
    with reverts("ledger: manager only"):
        fresh.send("set_pause_level", PAUSED, sender=ADMIN)


@pytest.mark.parametrize(("before", "after"), [(OPEN, PAUSED), (OPEN, HALTED), (PAUSED, HALTED)])
def test_pause__by_the_guardian__goes_up(bench, before, after):
    bench.pause(before)
    receipt = bench.manager.send("set_pause_level", after, sender=GUARDIAN)
    assert level(bench) == after
    assert bench.ledger.events(receipt)[0].args == {"level": after}


@pytest.mark.parametrize(
    ("before", "after"), [(PAUSED, OPEN), (HALTED, PAUSED), (HALTED, OPEN), (PAUSED, PAUSED)]
)
def test_pause__by_the_guardian__never_comes_down(bench, reverts, before, after):
    bench.pause(before)
    with reverts("access: guardian only raises"):
        bench.manager.send("set_pause_level", after, sender=GUARDIAN)


def test_pause__by_the_admin__comes_down(bench):
    for after in (PAUSED, HALTED, PAUSED, OPEN):
        bench.pause(after)
        assert level(bench) == after


def test_pause__by_a_stranger__reverts(bench, reverts):
    with reverts("access: guardian only"):
        bench.manager.send("set_pause_level", PAUSED, sender=STRANGER)
    with reverts("ledger: manager only"):
        bench.ledger.send("set_pause_level", PAUSED, sender=ADMIN)
    with reverts("access: no such level"):
        bench.manager.send("set_pause_level", 3, sender=ADMIN)


def test_halt__after_72_hours__is_a_pause(bench, chain):
    bench.pause(HALTED)
    chain.advance(HALT - 1)
    assert level(bench) == HALTED
    chain.advance(1)
    assert level(bench) == PAUSED


def test_halt__renewed__reverts_until_72_hours_after_its_end(bench, chain, reverts):
    bench.pause(HALTED)
    for wait in (0, HALT, HALT - 1):
        chain.advance(wait)
        with reverts("ledger: halted lately"):
            bench.pause(HALTED)
    chain.advance(1)
    bench.pause(HALTED)
    assert level(bench) == HALTED


def test_halt__lifted_early__counts_from_then(bench, chain, reverts):
    bench.pause(HALTED)
    chain.advance(3_600)
    bench.pause(OPEN)
    chain.advance(HALT - 1)
    with reverts("ledger: halted lately"):
        bench.pause(HALTED)
    bench.pause(PAUSED)  # a pause in between does not move the clock
    chain.advance(1)
    bench.pause(HALTED)


@pytest.mark.parametrize(
    ("contract", "name", "args"),
    [
        ("ledger", "set_venue", (VENUE, 1)),
        ("ledger", "open_pool", (account(STRANGER),)),
        ("ledger", "claim_treasury", (STRANGER, 1)),
        ("custody", "set_ledger", (VENUE,)),
        ("risk", "set_perp", (2, VENUE)),
        ("risk", "set_scenarios", (1, 1)),
        ("risk", "set_collateral", (1 << 54 | 1, VENUE, 10**17)),
    ],
)
def test_administration__by_a_stranger_or_the_guardian__reverts(
    bench, reverts, contract, name, args
):
    for sender in (STRANGER, GUARDIAN, VENUE):
        with reverts("access: admin only"):
            getattr(bench, contract).send(name, *args, sender=sender)
