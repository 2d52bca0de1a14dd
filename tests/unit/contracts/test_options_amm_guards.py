"""OptionsAMM: the drawdown halt, the bounty of a refresh, and the hourly budget of hedges."""

from __future__ import annotations

import pytest

from protocol.errors import Revert
from protocol.units import DAY, WAD
from tests.system_fixtures import (
    ADMIN,
    KEEPER,
    STRANGER,
    Exchange,
    account,
    parameters,
    set_parameters,
)

HOUR = 3_600
RECEIVER = account(STRANGER)


def names(exchange: Exchange, receipt: object) -> list[str]:
    return [event.name for event in exchange.eth.amm.events(receipt)]


def revalue(exchange: Exchange) -> list[str]:
    """Push and refresh; the AMM's events."""
    exchange.push(exchange.eth)
    receipts = exchange.refresh(exchange.eth)
    return [name for receipt in receipts for name in names(exchange, receipt)]


def lose(exchange: Exchange, *, seconds: int) -> list[str]:
    """About 1.2 % of NAV."""
    exchange.trade(exchange.call(2_000, 100, week=1), exchange.put(2_000, 100, week=1))
    exchange.advance(seconds, eth=2_400)
    return revalue(exchange)


def halted(exchange: Exchange) -> bool:
    return bool(exchange.eth.amm._call("halted"))


# -- drawdown --


def test_drawdown__beyond_the_bound__halts_until_cleared(exchange, reverts):
    amm = exchange.eth.amm
    exchange.advance(300)
    assert "DrawdownHalt" not in revalue(exchange)
    set_parameters(exchange.eth, upkeep={"drawdown": WAD // 200})
    assert "DrawdownHalt" in lose(exchange, seconds=300)
    assert halted(exchange) and not exchange.btc.amm._call("halted")
    for size in (1, -1):
        for ask in (exchange.trade, exchange.quote):
            with reverts("amm: halted by drawdown"):
                ask(exchange.call(2_400, size))
    exchange.advance(300)
    assert "DrawdownHalt" not in revalue(exchange), "said once"
    depth = amm.depth()
    for who in (KEEPER, STRANGER):
        with reverts("access: admin only"):
            amm._send("clear_drawdown", sender=who)
    amm._send("clear_drawdown", sender=ADMIN)
    assert not halted(exchange) and amm.depth() == depth
    exchange.trade(exchange.call(2_400, 1))
    exchange.advance(300)
    revalue(exchange)
    assert not halted(exchange), "the peak starts anew"


def test_drawdown__within_the_bound__quotes_on(exchange):
    exchange.advance(300)
    revalue(exchange)
    set_parameters(exchange.eth, upkeep={"drawdown": WAD // 50})
    before = exchange.eth.amm.valuation().nav
    lose(exchange, seconds=300)
    assert exchange.eth.amm.valuation().nav < before * 995 // 1_000
    assert not halted(exchange)


@pytest.mark.parametrize(("days", "halts"), [(0, True), (1, True), (2, False)])
def test_drawdown__from_the_peak_of(days, halts, exchange):
    """Of today and yesterday; an older one does not count."""
    start = DAY - exchange.now % DAY
    exchange.advance(start + 60)
    revalue(exchange)
    set_parameters(exchange.eth, upkeep={"drawdown": WAD // 200}, limits={"max_age": 4 * DAY})
    lose(exchange, seconds=days * DAY + HOUR)
    assert halted(exchange) == halts


def test_drawdown__by_the_share__exits_are_no_loss(exchange):
    set_parameters(exchange.eth, upkeep={"drawdown": WAD // 200})
    exchange.advance(300)
    revalue(exchange)
    vault = exchange.eth.options_vault
    lp = "0x" + "1b" * 20
    vault.request_redeem(vault.balance_of(lp) // 2, lp, sender=lp)
    exchange.advance(HOUR)
    revalue(exchange)
    nav = exchange.eth.amm.valuation().nav
    vault.process(32, sender=STRANGER)
    assert exchange.eth.amm.valuation().nav < nav * 6 // 10
    exchange.advance(300)
    revalue(exchange)
    assert not halted(exchange)


# -- the bounty of a refresh --


def paid(exchange: Exchange, receiver: int = RECEIVER) -> int:
    ledger, pool = exchange.system.ledger, exchange.eth.amm.pool
    before = ledger.cash(RECEIVER), ledger.cash(pool)
    exchange.eth.amm.refresh(exchange.days[0], receiver=receiver, sender=STRANGER)
    gained = ledger.cash(RECEIVER) - before[0]
    assert before[1] - ledger.cash(pool) == gained
    return gained


def test_bounty__due_by_age__to_the_second_and_once(exchange):
    terms = parameters(exchange.eth).upkeep
    exchange.advance(terms.bounty_age - 1)
    start = exchange.chain.snapshot()
    assert paid(exchange) == 0
    exchange.chain.revert(start)
    exchange.advance(1)
    assert paid(exchange) == terms.bounty == WAD
    assert paid(exchange) == 0


@pytest.mark.parametrize(
    ("price", "due"), [(2_040, True), (1_960, True), (2_039.99, False), (1_960.01, False)]
)
def test_bounty__due_by_drift__to_the_edge_and_once(price, due, exchange):
    exchange.advance(60, eth=price)
    assert paid(exchange) == (WAD if due else 0)
    assert paid(exchange) == 0


def test_bounty__without_a_receiver__not_paid(exchange):
    exchange.advance(parameters(exchange.eth).upkeep.bounty_age)
    assert paid(exchange, receiver=0) == 0
    assert paid(exchange) == 0, "nor to who comes later"


def test_bounty__of_nothing__refreshes_all_the_same(exchange):
    set_parameters(exchange.eth, upkeep={"bounty": 0})
    exchange.advance(6_000)
    receipt = exchange.eth.amm.refresh(exchange.days[0], receiver=RECEIVER, sender=STRANGER)
    assert names(exchange, receipt)[0] == "ExpiryRefreshed"
    assert "BountyPaid" not in names(exchange, receipt)


def test_bounty__event__tells_who_and_how_much(exchange):
    exchange.advance(parameters(exchange.eth).upkeep.bounty_age)
    receipt = exchange.eth.amm.refresh(exchange.days[0], receiver=RECEIVER, sender=STRANGER)
    (event,) = (e for e in exchange.eth.amm.events(receipt) if e.name == "BountyPaid")
    assert event.args == {"receiver": RECEIVER, "amount": WAD}


def test_bounty__to_the_pool_itself__no_gain(exchange):
    ledger, pool = exchange.system.ledger, exchange.eth.amm.pool
    exchange.advance(parameters(exchange.eth).upkeep.bounty_age)
    before = ledger.cash(pool)
    try:
        exchange.eth.amm.refresh(exchange.days[0], receiver=pool, sender=STRANGER)
    except Revert:
        pass
    assert ledger.cash(pool) == before


# -- the hourly budget of hedges --


def test_hedge__hourly_budget__to_the_wei_and_refills(exchange, reverts):
    exchange.trade(exchange.call(2_000, 20))
    amm = exchange.eth.amm
    share = 4_000 * 10**6 // (amm.depth() // WAD) * 10**12  # 4,000 dollars: two units
    set_parameters(exchange.eth, upkeep={"hedge_hour": share})
    assert amm.depth() * share // WAD == 4_000 * WAD
    hedge = lambda size: amm.hedge(size, 2_010 * WAD, sender=KEEPER)  # noqa: E731
    with reverts("amm: hedge above hourly limit"):
        hedge(2 * WAD + 1)
    hedge(WAD // 2)
    hedge(3 * WAD // 2)
    with reverts("amm: hedge above hourly limit"):
        hedge(1_000)
    exchange.advance(HOUR // 2)
    with reverts("amm: hedge above hourly limit"):
        hedge(WAD + 1)
    hedge(WAD)
    exchange.advance(HOUR)
    hedge(2 * WAD)


def test_hedge__either_way__spends_the_same_budget(exchange, reverts):
    set_parameters(exchange.eth, upkeep={"hedge_hour": 2_000 * 10**12})
    exchange.trade(exchange.call(2_000, 20))
    exchange.eth.amm.hedge(WAD, 2_010 * WAD, sender=KEEPER)
    exchange.trade(exchange.call(2_000, -60))
    with reverts("amm: hedge above hourly limit"):
        exchange.eth.amm.hedge(-WAD - 1, 1_990 * WAD, sender=KEEPER)
    exchange.eth.amm.hedge(-WAD, 1_990 * WAD, sender=KEEPER)
