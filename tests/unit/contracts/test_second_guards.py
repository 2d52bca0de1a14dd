"""Guards behind guards: the callee checks again what its only caller has checked already.

The caller is played here by sending from its address, as if it had a fault.
"""

from __future__ import annotations

import pytest

from tests.ledger_bench import ADMIN, HALTED, MAKER, STRANGER, make_bench

REFUSING = 2  # vice of HostileERC20


@pytest.fixture
def bench(chain, deploy):
    return make_bench(chain, deploy)


def test_pause_level__unknown_to_the_ledger__reverts(bench, reverts):
    with reverts("ledger: no such level"):
        bench.ledger.send("set_pause_level", HALTED + 1, sender=bench.manager.address)


def test_pay__more_than_custody_holds__reverts(bench, reverts):
    bench.token.send("mint", bench.custody.address, 10, sender=STRANGER)  # a donation is not held
    with reverts("custody: not enough tokens"):
        bench.custody.send("pay", MAKER, 1, sender=bench.ledger.address)


def test_pay__token_refuses__reverts(chain, deploy, reverts):
    bench = make_bench(chain, deploy, token=deploy("HostileERC20", 6, REFUSING))
    with reverts("custody: transfer failed"):
        bench.custody.send("pay", MAKER, 0, sender=bench.ledger.address)


def test_renounce__a_role_of_somebody_else__reverts(bench, reverts):
    manager = bench.manager
    with reverts("access: own roles only"):
        manager.send("renounceRole", manager.call("ADMIN"), ADMIN, sender=STRANGER)
    assert manager.call("hasRole", manager.call("ADMIN"), ADMIN)
