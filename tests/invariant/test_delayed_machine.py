"""DelayedOrders as a state machine: the money held is the open bounties, and every refusal has the
reason the model gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import deploy_contract
from protocol.clients.delayed import DelayedOrders, Order, Terms
from protocol.errors import Revert
from protocol.types import Instrument, Leg
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    ETH,
    LONG,
    LP,
    MAX_AGE,
    SHORT,
    SPOT,
    STRANGER,
    TRADE,
    Bench,
    account,
    build,
    rewound,
)

TRADERS = (LONG, SHORT)
TERMS = Terms(min_bounty=10**14, lifetime=1_200, window=60)
ETHER = 10**18


@cache
def stage() -> Callable[[], tuple[Bench, DelayedOrders]]:
    artifacts = Artifacts()

    def make() -> Bench:
        bench = build(EmbeddedChain(), artifacts)
        bench.fund(LP, 50_000_000, into=bench.pool)
        return bench

    bench = make()
    around = (bench.manager.address, bench.ledger.address, bench.oracle.address)
    where = deploy_contract(bench.chain, artifacts["DelayedOrders"], *around, TERMS, sender=ADMIN)
    orders = DelayedOrders.at(bench.chain, where, artifacts)
    bench.perp.send("set_age_exempt", where, True, sender=ADMIN)
    for owner in TRADERS:
        bench.fund(owner, 20_000_000)
        bench.ledger.send("set_operator", account(owner), where, TRADE, sender=owner)
    again = next(rewound(lambda: bench))
    return lambda: (again(), orders)


class DelayedMachine(RuleBasedStateMachine):
    """Model: the open orders, and when the price was last updated."""

    @initialize()
    def start(self) -> None:
        self.bench, self.orders = stage()()
        self.open: dict[int, Order] = {}
        self.gone: list[tuple[int, Order]] = []
        self.index, self.updated_at = SPOT, 0
        self.update(0, seconds=0)
        for owner in (*TRADERS, STRANGER):
            self.bench.chain.fund(owner, 100 * ETHER)

    @property
    def chain(self) -> EmbeddedChain:
        return self.bench.chain

    @rule(
        owner=st.sampled_from(TRADERS),
        size=st.integers(-5 * WAD, 5 * WAD).filter(bool),
        slack=st.integers(-10, 100),
        bounty=st.integers(TERMS.min_bounty, ETHER),
    )
    def commit(self, owner: str, size: int, slack: int, bounty: int) -> None:
        limit = self.index + (slack if size > 0 else -slack) * WAD
        receipt = self.orders.commit(
            self.bench.perp.address,
            account(owner),
            [Leg(Instrument.perp(ETH), size)],
            limit,
            bounty=bounty,
            sender=owner,
        )
        ((number, order),) = self.orders.committed(receipt)
        self.open[number] = order

    @rule(move=st.integers(-30, 30), seconds=st.sampled_from([0, 1, 12]))
    def update(self, move: int, seconds: int) -> None:
        self.chain.advance(seconds)
        self.index = min(max(self.index + move * WAD, 2_800 * WAD), 3_200 * WAD)
        self.bench.set_spot(self.index)
        self.updated_at = self.chain.timestamp

    @rule(seconds=st.sampled_from([1, 5, 30, 60, 61, 300, 1_200, MAX_AGE]))
    def time(self, seconds: int) -> None:
        self.chain.advance(seconds)

    def refusal(self, order: Order) -> str | None:
        """Why an open order does not execute now."""
        now = self.chain.timestamp
        if now > order.expires_at:
            return "orders: expired"
        if now > self.updated_at + MAX_AGE:
            return "oracle: price stale"
        if self.updated_at <= order.committed_at:
            return "orders: no new price yet"
        if now > self.updated_at + TERMS.window:
            return "orders: price too old"
        ((_, size),) = order.legs
        payment, _ = self.bench.perp.call("quote", order.account, size)
        paid = self.index * size + payment * WAD
        return "perp: limit price" if paid > order.limit * size else None

    @precondition(lambda self: self.open)
    @rule(move=st.integers(-30, 30), data=st.data())
    def update_and_execute(self, move: int, data: st.DataObject) -> None:
        """What an executor does; alone, chance seldom puts the two in a row."""
        self.update(move, seconds=1)
        self.execute(data)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def execute(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        order = self.open[number]
        expected = self.refusal(order)
        before, size = self.chain.balance(STRANGER), self.bench.size(order.account)
        try:
            self.orders.execute(number, order, sender=STRANGER)
        except Revert as refusal:
            assert refusal.reason == expected
            return
        assert expected is None
        self.gone.append((number, self.open.pop(number)))
        assert self.chain.balance(STRANGER) - before == order.bounty
        assert self.bench.size(order.account) - size == order.legs[0][1]

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        order = self.open[number]
        before = self.chain.balance(order.committer)
        try:
            self.orders.refund(number, order, sender=STRANGER)
        except Revert as refusal:
            assert refusal.reason == "orders: not expired yet"
            assert self.chain.timestamp <= order.expires_at
            return
        assert self.chain.timestamp > order.expires_at
        self.gone.append((number, self.open.pop(number)))
        assert self.chain.balance(order.committer) - before == order.bounty

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def once_more__reverts(self, data: st.DataObject) -> None:
        number, order = data.draw(st.sampled_from(self.gone))
        for again in (self.orders.execute, self.orders.refund):
            try:
                again(number, order, sender=STRANGER)
            except Revert:
                continue
            raise AssertionError(f"order {number} paid twice")

    @invariant()
    def money_held_is_the_open_bounties(self) -> None:
        bounties = sum(order.bounty for order in self.open.values())
        assert self.chain.balance(self.orders.address) == bounties

    @invariant()
    def open_orders_are_the_models(self) -> None:
        last = self.orders.last_id()
        found = {number for number in range(last + 2) if self.orders.is_open(number)}
        assert found == set(self.open)


TestDelayedMachine = DelayedMachine.TestCase
TestDelayedMachine.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
