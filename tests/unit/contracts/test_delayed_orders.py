"""DelayedOrders: what commits, when it executes, and where the bounty goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from protocol.clients.base import AnyContract, deploy_contract
from protocol.clients.delayed import DelayedOrders, Order, Terms
from protocol.clients.ledger import SCOPE_TRADE
from protocol.parameters import PerpParameters
from protocol.types import Instrument, Leg
from protocol.units import WAD
from tests.system_fixtures import (
    ADMIN,
    OTHER_TAKER,
    STRANGER,
    TAKER,
    Exchange,
    account,
)

ETHER = 10**18
BOUNTY = ETHER // 100
HOUR = 3_600
OLD, NEW = 2_000.0, 2_010.0
HIGH = 2**127 - 1
ACCOUNT = account(TAKER)


@pytest.fixture
def ex(exchange: Exchange) -> Exchange:
    for who in (TAKER, OTHER_TAKER, STRANGER):
        exchange.chain.fund(who, 10 * ETHER)
        operator = exchange.system.delayed.address
        exchange.system.ledger.set_operator(account(who), operator, SCOPE_TRADE, sender=who)
    return exchange


def orders(ex: Exchange) -> DelayedOrders:
    return ex.system.delayed


def perp(size: float, *, underlying: int = 1) -> list[Leg]:
    return [Leg(Instrument.perp(underlying), round(size * WAD))]


def commit(
    ex: Exchange,
    legs: Sequence[Leg] | None = None,
    *,
    limit: int = HIGH,
    market: str | None = None,
    owner: int = ACCOUNT,
    bounty: int = BOUNTY,
    sender: str = TAKER,
) -> tuple[int, Order]:
    """By default one unit of the perp at any price."""
    legs = perp(1.0) if legs is None else legs
    where = market or ex.eth.perp.address
    receipt = orders(ex).commit(where, owner, legs, limit, bounty=bounty, sender=sender)
    (committed,) = orders(ex).committed(receipt)
    return committed


def execute(ex: Exchange, committed: tuple[int, Order], *, sender: str = STRANGER) -> Any:
    return orders(ex).execute(*committed, sender=sender)


def deploy(ex: Exchange, name: str, *args: Any) -> AnyContract:
    artifact = ex.artifacts[name]
    return AnyContract(
        ex.chain, deploy_contract(ex.chain, artifact, *args, sender=ADMIN), artifact.abi
    )


def held(ex: Exchange) -> int:
    return ex.chain.balance(orders(ex).address)


def size(ex: Exchange, owner: int = ACCOUNT) -> int:
    return ex.system.ledger.position(owner, Instrument.perp(1).id)


# -- commit and execute --


def test_commit__perp__keeps_hash_and_bounty_and_trades_nothing(ex):
    number, order = commit(ex)
    assert number == orders(ex).last_id() == 1 and orders(ex).is_open(1)
    assert order == Order(
        ex.eth.perp.address,
        ACCOUNT,
        TAKER,
        ex.now,
        ex.now + 2 * HOUR,
        BOUNTY,
        HIGH,
        ((Instrument.perp(1).id, WAD),),
    )
    assert held(ex) == BOUNTY and size(ex) == 0


def test_execute__by_anyone_after_an_update__trades_at_the_new_price_for_the_bounty(ex):
    committed = commit(ex)
    ex.advance(30, eth=NEW)
    before = ex.chain.balance(STRANGER)
    receipt = execute(ex, committed)
    (traded,) = ex.eth.perp.events(receipt)
    assert traded.args["index"] == NEW * WAD and size(ex) == WAD
    assert ex.chain.balance(STRANGER) - before == BOUNTY and held(ex) == 0
    (event,) = orders(ex).events(receipt)
    assert event.args["executor"] == STRANGER
    assert event.args["cash"] == traded.args["payment"] + traded.args["fee"]


def test_execute__options_package__is_the_trade_of_that_moment(ex):
    legs = [ex.call(2_000, 2.0), ex.call(2_200, -2.0)]
    committed = commit(ex, legs, limit=10_000 * WAD, market=ex.eth.amm.address)
    ex.advance(30, eth=NEW)
    asked = ex.quote(*legs)
    receipt = execute(ex, committed)
    assert ex.quoted(receipt) == asked
    for leg in legs:
        assert ex.system.ledger.position(ACCOUNT, leg.instrument.id) == leg.size


def test_execute__twice__reverts(ex, reverts):
    committed = commit(ex)
    ex.advance(30)
    execute(ex, committed)
    with reverts("orders: not open"):
        execute(ex, committed)


def test_execute__price_not_newer_than_the_commit__reverts(ex, reverts):
    """An update in the second of the commit was in the mempool when its sender committed."""
    committed = commit(ex)
    with reverts("orders: no new price yet"):
        execute(ex, committed)
    ex.set_spot(ex.eth, NEW)
    with reverts("orders: no new price yet"):
        execute(ex, committed)
    ex.chain.advance(1)
    with reverts("orders: no new price yet"):
        execute(ex, committed)
    ex.set_spot(ex.eth, NEW)
    execute(ex, committed)


def test_execute__after_the_window__waits_for_the_next_update(ex, reverts):
    committed = commit(ex)
    ex.advance(30, eth=NEW)
    ex.chain.advance(ex.system.delayed.terms().window)
    start = ex.chain.snapshot()
    execute(ex, committed)
    ex.chain.revert(start)
    ex.chain.advance(1)
    with reverts("orders: price too old"):
        execute(ex, committed)
    ex.set_spot(ex.eth, OLD)
    execute(ex, committed)


def test_execute__direct_age_zero__goes_where_a_direct_trade_cannot(ex, reverts):
    params = tuple(ex.eth.perp._call("params"))[:-1]
    ex.eth.perp._send("set_params", (*params, 0), sender=ADMIN)
    committed = commit(ex)
    ex.advance(30)
    ex.chain.advance(12)
    with reverts("perp: price too old"):
        ex.eth.perp.trade(ACCOUNT, WAD, 2**127, sender=TAKER)
    execute(ex, committed)


def test_execute__limit_not_met__stays_open_and_executes_when_it_is(ex, reverts):
    committed = commit(ex, limit=2_005 * WAD)
    ex.advance(30, eth=NEW)
    with reverts("perp: limit price"):
        execute(ex, committed)
    assert orders(ex).is_open(committed[0]) and held(ex) == BOUNTY
    ex.advance(30, eth=OLD)
    execute(ex, committed)


def test_execute__account_without_cash__stays_open_no_older_than_the_window(ex, reverts):
    """Who starves his own order until he likes the price cannot have one older than the window."""
    poor = account(STRANGER)
    committed = commit(ex, owner=poor, sender=STRANGER)
    ex.advance(30)
    with reverts("ledger: not enough cash"):
        execute(ex, committed)
    ex.chain.advance(61)
    ex.fund(STRANGER, 10_000)
    with reverts("orders: price too old"):
        execute(ex, committed)


def test_execute__feed_down__reverts(ex, reverts):
    ex.system.delayed.set_terms(Terms(0, 4 * HOUR, 60), sender=ADMIN)
    committed = commit(ex)
    ex.advance(30)
    ex.chain.advance(2 * HOUR + 1)
    with reverts("oracle: price stale"):
        execute(ex, committed)


@pytest.mark.parametrize("field", Order._fields)
def test_execute__order_not_as_committed__reverts(field, ex, reverts):
    number, order = commit(ex)
    commit(ex, bounty=2 * BOUNTY)
    ex.advance(30)
    others = {
        "market": ex.btc.perp.address,
        "committer": ADMIN,
        "legs": ((Instrument.perp(1).id, 2 * WAD),),
    }
    value = others[field] if field in others else getattr(order, field) + 1
    reason = "orders: not authorised" if field == "committer" else "orders: not open"
    with reverts(reason):
        execute(ex, (number, order._replace(**{field: value})))
    for wrong in (0, number + 1, number + 2):
        with reverts("orders: not open"):
            execute(ex, (wrong, order))
    execute(ex, (number, order))


# -- who may --


def test_commit__by_an_operator__executes_for_the_account(ex, reverts):
    with reverts("orders: not authorised"):
        commit(ex, sender=STRANGER)
    ex.system.ledger.set_operator(ACCOUNT, STRANGER, SCOPE_TRADE, sender=TAKER)
    committed = commit(ex, sender=STRANGER)
    ex.advance(30)
    execute(ex, committed)
    assert size(ex) == WAD


def test_execute__committer_lost_the_right__reverts(ex, reverts):
    ex.system.ledger.set_operator(ACCOUNT, STRANGER, SCOPE_TRADE, sender=TAKER)
    committed = commit(ex, sender=STRANGER)
    ex.system.ledger.set_operator(ACCOUNT, STRANGER, 0, sender=TAKER)
    ex.advance(30)
    with reverts("orders: not authorised"):
        execute(ex, committed)


def test_execute__never_approved_by_the_owner__reverts(ex, reverts):
    ex.system.ledger.set_operator(ACCOUNT, orders(ex).address, 0, sender=TAKER)
    committed = commit(ex)
    ex.advance(30)
    with reverts("ledger: not authorised"):
        execute(ex, committed)


# -- what is refused at once --


def test_commit__that_could_never_execute__reverts(ex, reverts):
    amm, btc = ex.eth.amm.address, ex.btc.perp.address
    call = ex.call(2_000, 1.0)
    with reverts("orders: no legs"):
        commit(ex, [])
    with reverts("orders: perp stands alone"):
        commit(ex, [*perp(1.0), call])
    with reverts("orders: perp stands alone"):
        commit(ex, [call, *perp(1.0)], market=amm)
    with reverts("orders: negative price"):
        commit(ex, limit=-1)
    with reverts("orders: other market"):
        commit(ex, market=btc)
    with reverts("orders: other market"):
        commit(ex, [call], market=ex.btc.amm.address)
    with reverts():  # a perp market is asked what only one of options answers, and the reverse
        commit(ex, [call])
    with reverts():
        commit(ex, market=amm)


def test_commit__market_without_rights_on_the_ledger__reverts(ex, reverts):
    stray = deploy(
        ex,
        "PerpMarket",
        *(ex.system.ledger.address, ex.system.oracle.address, ADMIN, ex.system.access.address),
        1,
        tuple(ex.eth.perp._call("params")),
    )
    with reverts("orders: not a venue"):
        commit(ex, market=stray.address)


def test_commit__bounty_below_the_least__reverts(ex, reverts):
    least = orders(ex).terms().min_bounty
    with reverts("orders: bounty too small"):
        commit(ex, bounty=least - 1)
    commit(ex, bounty=least)


# -- expiry --


def test_order__at_its_last_second__executes_and_then_is_refunded_only(ex, reverts):
    committed = commit(ex)
    ex.advance(2 * HOUR)
    assert ex.now == committed[1].expires_at
    with reverts("orders: not expired yet"):
        orders(ex).refund(*committed, sender=TAKER)
    start = ex.chain.snapshot()
    execute(ex, committed)
    ex.chain.revert(start)
    ex.advance(1)
    with reverts("orders: expired"):
        execute(ex, committed)
    before = ex.chain.balance(TAKER)
    orders(ex).refund(*committed, sender=STRANGER)
    assert ex.chain.balance(TAKER) - before == BOUNTY and held(ex) == 0
    with reverts("orders: not open"):
        orders(ex).refund(*committed, sender=STRANGER)
    with reverts("orders: expired"):
        execute(ex, committed)


def test_set_terms__orders_already_open__keep_expiry_and_bounty(ex):
    committed = commit(ex)
    orders(ex).set_terms(Terms(ETHER, 60, 1), sender=ADMIN)
    ex.advance(2 * HOUR)
    execute(ex, committed)


# -- who refuses its money --


def test_execute__executor_refuses_the_bounty__only_loses_it(ex, reverts):
    committed = commit(ex)
    ex.advance(30)
    with reverts("orders: receiver refused"):
        execute(ex, committed, sender=ex.system.token.address)
    execute(ex, committed)


def test_refund__committer_refuses__others_are_not_held_up(ex, reverts):
    refuser = ex.system.token.address
    ex.chain.fund(refuser, ETHER)
    stuck = commit(ex, owner=account(refuser), sender=refuser)
    fine = commit(ex)
    ex.chain.advance(2 * HOUR + 1)
    with reverts("orders: receiver refused"):
        orders(ex).refund(*stuck, sender=STRANGER)
    orders(ex).refund(*fine, sender=STRANGER)
    assert held(ex) == BOUNTY and orders(ex).is_open(stuck[0])


@pytest.mark.parametrize("view", ["terms", "last_id"])
def test_execute__executor_calls_back__finds_the_lock(view, ex):
    committed = commit(ex)
    ex.advance(30)
    hunter = deploy(ex, "MoneyReceiver")
    hunter.send("call_back", orders(ex).address, orders(ex).encode(view), sender=STRANGER)
    data = orders(ex).encode("execute", *committed)
    receipt = hunter.send("run", orders(ex).address, data, sender=STRANGER)
    (event,) = hunter.events(receipt)
    assert event.args["success"] is False
    assert ex.chain.balance(hunter.address) == BOUNTY and held(ex) == 0


@pytest.mark.parametrize("again", ["execute", "refund"])
def test_execute__executor_calls_back_at_length__runs_out_of_gas(again, ex, reverts):
    first, second = commit(ex), commit(ex)
    ex.advance(30)
    hunter = deploy(ex, "MoneyReceiver")
    again_data = orders(ex).encode(again, *second)
    hunter.send("call_back", orders(ex).address, again_data, sender=STRANGER)
    data = orders(ex).encode("execute", *first)
    with reverts("orders: receiver refused"):
        hunter.send("run", orders(ex).address, data, sender=STRANGER)
    assert held(ex) == 2 * BOUNTY


def test_money_receiver__called_with_a_free_hand__gets_somewhere(ex):
    """The counter-check: the call that gets nowhere above is one that works."""
    hunter = deploy(ex, "MoneyReceiver")
    data = orders(ex).encode("terms")
    hunter.send("call_back", orders(ex).address, data, sender=STRANGER)
    receipt = ex.chain.transact(sender=STRANGER, to=hunter.address, data=b"", value=1)
    (event,) = hunter.events(receipt)
    assert event.args["success"] is True


# -- administration --


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(ETHER + 1, HOUR, 60), "orders: bounty out of bounds"),
        (Terms(0, 59, 60), "orders: lifetime out of bounds"),
        (Terms(0, 172_801, 60), "orders: lifetime out of bounds"),
        (Terms(0, HOUR, 0), "orders: window out of bounds"),
        (Terms(0, HOUR, 601), "orders: window out of bounds"),
    ],
)
def test_set_terms__out_of_bounds__reverts(terms, reason, ex, reverts):
    with reverts(reason):
        orders(ex).set_terms(terms, sender=ADMIN)


@pytest.mark.parametrize("terms", [Terms(ETHER, 172_800, 600), Terms(0, 60, 1)])
def test_set_terms__at_the_bounds__passes(terms, ex, reverts):
    orders(ex).set_terms(terms, sender=ADMIN)
    assert orders(ex).terms() == terms
    with reverts("access: admin only"):
        orders(ex).set_terms(terms, sender=STRANGER)


def test_deploy__without_ledger_or_oracle__reverts(ex, reverts):
    access, some = ex.system.access.address, ex.system.ledger.address
    nobody = "0x" + "00" * 20
    for pair in ((nobody, some), (some, nobody)):
        with reverts("orders: no ledger or oracle"):
            deploy(ex, "DelayedOrders", access, *pair, Terms(0, 60, 1))


def test_default_window__is_no_wider_than_the_direct_age(ex):
    """Or committing would be the better way to trade at an old price."""
    assert orders(ex).terms().window <= PerpParameters().direct_age
