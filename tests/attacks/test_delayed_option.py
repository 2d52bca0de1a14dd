"""A delayed order as a free option: its owner lets it execute or not, as the price turns out."""

from __future__ import annotations

from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.clients.ledger import SCOPE_TRADE
from protocol.errors import Revert
from protocol.parameters import DelayedParameters
from protocol.types import Instrument, Leg
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides, perp, wealth
from tests.attacks.twins import broken
from tests.system_fixtures import SPOTS, TAKER, Exchange, account, build_exchange

ETHER = 10**18
SIZE = 800 * WAD
ANY_PRICE = 2**127 - 1
WINDOW = DelayedParameters().window
USUAL = 1.0007  # what spot moves in the window: a deviation at 70 % a year


def any_window() -> Artifact:
    check = 'assert block.timestamp <= spot.updated_at + self.terms.window, "orders: price too old"'
    return broken("DelayedOrders", {check: "pass"})


def choose(exchange: Exchange, *, age: int, move: float) -> int:
    """Commit, wait `age` seconds after the next price, and execute it only at a gain."""
    delayed, perp_market = exchange.system.delayed, exchange.eth.perp
    exchange.chain.fund(TAKER, ETHER)
    exchange.system.ledger.set_operator(account(TAKER), delayed.address, SCOPE_TRADE, sender=TAKER)
    before = wealth(exchange, exchange.eth, TAKER)
    legs = [Leg(Instrument.perp(exchange.eth.underlying), SIZE)]
    receipt = delayed.commit(
        perp_market.address, account(TAKER), legs, ANY_PRICE, bounty=ETHER // 100, sender=TAKER
    )
    (committed,) = delayed.committed(receipt)
    exchange.advance(12)
    exchange.chain.advance(age)
    with suppress(Revert):
        delayed.execute(*committed, sender=TAKER)
    exchange.set_spot(exchange.eth, SPOTS["ETH"] * move)
    if perp_market.skew():
        perp(exchange, exchange.eth, TAKER, -SIZE)
    return wealth(exchange, exchange.eth, TAKER) - before


@on_both_sides
def test_delayed_order__kept_until_the_market_has_moved__is_refused(side: str) -> None:
    exchange = build_exchange(contracts(side, any_window))
    judge(side, choose(exchange, age=600, move=1.01), loot=5_000 * WAD)


def test_delayed_order__chosen_within_the_window__costs_more_than_spot_moves() -> None:
    exchange = build_exchange(contracts("real", any_window))
    lost = -choose(exchange, age=WINDOW, move=USUAL)
    assert lost > 0


def test_delayed_order__chosen_at_a_jump_within_the_window__wins_the_jump_less_its_costs() -> None:
    """The option is there: what it is worth is a move of the window's length, and no older one."""
    exchange = build_exchange(contracts("real", any_window))
    jump = 1.01
    gain = choose(exchange, age=WINDOW, move=jump)
    assert 0 < gain < SIZE * 20  # of 2,000 USD, one percent
