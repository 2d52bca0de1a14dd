"""OptionsAMM: how much may pass between pushes, in a second, in an hour; how old a price may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.errors import Revert
from protocol.units import WAD
from tests.system_fixtures import (
    ADMIN,
    KEEPER,
    OTHER_TAKER,
    STRANGER,
    TAKER,
    Exchange,
    account,
    parameters,
    set_parameters,
)
from tests.twin_inputs import meters_of

SHARE = 10**14
REASONS = {
    "push_vega": "amm: vega per push",
    "block_vega": "amm: vega per block",
    "block_delta": "amm: delta per block",
    "hour_vega": "amm: vega per hour",
    "hour_delta": "amm: delta per hour",
}


def refused(exchange: Exchange, reason: str, *legs: object, taker: str = TAKER) -> None:
    for ask in (exchange.trade, exchange.quote):
        with pytest.raises(Revert) as caught:
            ask(*legs, taker=taker)
        assert caught.value.reason == reason


def fill(exchange: Exchange, name: str) -> int:
    """Trade single contracts, bought and sold, until the meter is full; what it then reads."""
    set_parameters(exchange.eth, flow={name: 20 * SHARE})
    exchange.advance(1)  # past the second of the push
    for n in range(60):
        leg = exchange.call(2_000, 1 if n % 2 else -1)
        before = getattr(meters_of(exchange, exchange.eth), name)
        try:
            exchange.trade(leg, taker=TAKER if n % 3 else OTHER_TAKER)
        except Revert as refusal:
            assert refusal.reason == REASONS[name] and n > 1
            return before
        added = getattr(meters_of(exchange, exchange.eth), name) - before
        assert added > 0 and before + added <= 20_000, "either way, and never past the limit"
    raise AssertionError("the meter never filled")


@pytest.mark.parametrize("name", REASONS)
def test_flow__limit__stops_both_ways(name, exchange):
    level = fill(exchange, name)
    assert level > 10_000
    for size in (1, -1):
        refused(exchange, REASONS[name], exchange.call(2_000, size))


@pytest.mark.parametrize("name", ["block_vega", "block_delta"])
def test_flow__next_second__open_again(name, exchange):
    fill(exchange, name)
    exchange.advance(1)
    exchange.trade(exchange.call(2_000, 1))


def test_flow__next_push__open_again(exchange):
    fill(exchange, "push_vega")
    exchange.advance(300)
    refused(exchange, "amm: vega per push", exchange.call(2_000, 1))
    exchange.refresh(exchange.eth)  # a refresh is no push
    refused(exchange, "amm: vega per push", exchange.call(2_000, 1))
    exchange.push(exchange.eth)
    exchange.trade(exchange.call(2_000, 1))


@pytest.mark.parametrize("name", ["hour_vega", "hour_delta"])
def test_flow__within_the_hour__refills_evenly(name, exchange):
    full = fill(exchange, name)
    exchange.advance(1_800)
    exchange.trade(exchange.call(2_000, 0.001))
    assert abs(getattr(meters_of(exchange, exchange.eth), name) - (full - 10_000)) <= 20
    exchange.advance(3_600)
    exchange.trade(exchange.call(2_000, 0.001))
    assert getattr(meters_of(exchange, exchange.eth), name) <= 20


def test_flow__refresh_and_hedge__leave_the_meters(exchange):
    exchange.trade(exchange.call(2_000, 5))
    meters = meters_of(exchange, exchange.eth)
    assert meters.hour_vega > 0
    exchange.refresh(exchange.eth)
    exchange.eth.amm.hedge(WAD, 2_010 * WAD, sender=KEEPER)
    assert meters_of(exchange, exchange.eth) == meters


# -- how old a price may be --


def grow_old(exchange: Exchange, *, by: int = 1) -> None:
    exchange.chain.advance(parameters(exchange.eth).flow.direct_age + by)


def test_price__too_old__refused_to_the_second(exchange):
    leg = exchange.call(2_000, 1)
    grow_old(exchange, by=0)
    exchange.trade(leg)
    exchange.chain.advance(1)
    refused(exchange, "amm: price too old", leg)
    refused(exchange, "amm: price too old", exchange.call(2_000, -1))
    exchange.set_spot(exchange.eth, 2_000)
    exchange.trade(leg)


def test_price__too_old__package_of_low_delta_passes(exchange):
    legs = [exchange.call(2_000, 3), exchange.put(2_000, 3)]
    before = exchange.eth.amm.risk().delta
    exchange.trade(*legs)
    share = abs(exchange.eth.amm.risk().delta - before) // 6 // SHARE + 1
    assert share < 1_000  # of a contract's 10,000
    grow_old(exchange)
    set_parameters(exchange.eth, flow={"direct_delta": (share - 1) * SHARE})
    refused(exchange, "amm: price too old", *legs)
    set_parameters(exchange.eth, flow={"direct_delta": share * SHARE})
    exchange.trade(*legs)
    refused(exchange, "amm: price too old", legs[0])


def test_price__too_old__exempt_entry_passes(exchange, reverts):
    amm, leg = exchange.eth.amm, exchange.call(2_000, 1)
    for who in (KEEPER, STRANGER):
        with reverts("access: admin only"):
            amm._send("set_age_exempt", TAKER, True, sender=who)
    grow_old(exchange)
    receipt = amm._send("set_age_exempt", TAKER, True, sender=ADMIN)
    (event,) = amm.events(receipt)
    assert event.args == {"entry": TAKER, "exempt": True}
    exchange.trade(leg)
    refused(exchange, "amm: price too old", leg, taker=OTHER_TAKER)
    exchange.system.ledger.set_operator(account(OTHER_TAKER), TAKER, 1, sender=OTHER_TAKER)
    amm.trade(account(OTHER_TAKER), [leg], sender=TAKER)  # the entry counts, not the account
    amm._send("set_age_exempt", TAKER, False, sender=ADMIN)
    with reverts("amm: price too old"):
        amm.trade(account(TAKER), [leg], sender=TAKER)


def test_delayed_orders__are_exempt_as_deployed(exchange):
    assert exchange.eth.amm._call("age_exempt", exchange.system.delayed.address)
    assert not exchange.eth.amm._call("age_exempt", exchange.system.batch.address)


# -- just after a push, and behind the market --


def pushed(exchange: Exchange, vol_up: bool) -> None:
    exchange.advance(300)
    exchange.push(exchange.eth, variance=0.52 if vol_up else 0.46)
    exchange.refresh(exchange.eth)


@pytest.mark.parametrize("vol_up", [True, False])
@pytest.mark.parametrize("size", [3, -3])
def test_push_window__worse_of_both_marks__charged(vol_up, size, exchange):
    leg, market = exchange.call(2_000, size), exchange.eth
    pushed(exchange, vol_up)
    within = exchange.quote(leg)
    surface, pricer = exchange.system.surface, exchange.system.pricer
    marks = [
        pricer.mark(leg.instrument.id, 2_000 * WAD, surface._call(name, 1, exchange.days[0]))
        for name in ("words", "previous_words")
    ]
    assert (marks[0] > marks[1]) == vol_up
    set_parameters(market, limits={"push_window": 0})
    without = exchange.quote(leg)
    charged = abs(marks[0] - marks[1]) * 3 if vol_up == (size < 0) else 0
    assert within.spread - without.spread == charged
    assert within == replace_spread(without, charged)


def replace_spread(quote, more: int):
    return quote._replace(spread=quote.spread + more, cash=quote.cash + more)


def test_push_window__over__to_the_second(exchange):
    leg, window = exchange.call(2_000, -3), parameters(exchange.eth).limits.push_window
    pushed(exchange, True)
    exchange.advance(window - 1)
    last = exchange.quote(leg).spread
    exchange.advance(1)
    after = exchange.quote(leg).spread
    set_parameters(exchange.eth, limits={"push_window": 0})
    assert after == exchange.quote(leg).spread < last


def test_push_window__first_push__has_no_mark_before(exchange):
    leg, early = exchange.call(2_000, -3), exchange.quote(exchange.call(2_000, -3))
    set_parameters(exchange.eth, limits={"push_window": 0})
    assert exchange.quote(leg) == early


@pytest.mark.parametrize(("behind", "asks", "bids"), [(1, 0, 1), (2, 1, 0), (3, 0, 0), (0, 1, 1)])
def test_surface__behind__refuses_a_side(behind, asks, bids, exchange):
    exchange.advance(300)
    day, surface = exchange.days[0], exchange.system.surface
    row = replace(surface.expiry(1, day), behind=behind)
    surface.push(1, [row], sender=KEEPER)
    assert surface.expiry(1, day).behind == behind
    for size, quoted, side in ((1, asks, "ask"), (-1, bids, "bid")):
        leg = exchange.call(2_000, size)
        package = [exchange.call(2_100, size), exchange.call(2_000, 2 * size, week=1)]
        if quoted:
            exchange.trade(leg)
        else:
            refused(exchange, f"amm: surface behind, no {side}", leg)
            refused(exchange, f"amm: surface behind, no {side}", *package)
    exchange.trade(exchange.call(2_000, 1, week=1))  # the other expiry is up to date
