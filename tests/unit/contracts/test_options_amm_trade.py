"""OptionsAMM.trade: who may, what is refused and why, and what a trade moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from protocol.errors import Revert
from protocol.pricing.market_math import FeeRates
from protocol.types import Instrument, Kind, Leg
from protocol.units import DAY, WAD
from tests.system_fixtures import (
    ADMIN,
    OTHER_TAKER,
    STRANGER,
    TAKER,
    Exchange,
    account,
    parameters,
    set_parameters,
)

HOUR = 3_600
Legs = Callable[[Exchange], list[Leg]]


def state(exchange: Exchange) -> tuple[object, ...]:
    """All a trade could move."""
    amm, ledger = exchange.eth.amm, exchange.system.ledger
    return (
        amm.expiries(),
        amm.risk(),
        amm.depth(),
        ledger.cash(amm.pool),
        ledger.portfolio(account(TAKER)),
        exchange.cash(TAKER),
        ledger.reserves(),
    )


def refused(exchange: Exchange, reason: str, *legs: Leg, taker: str = TAKER) -> None:
    """The trade reverts for this reason and leaves everything as it was."""
    before = state(exchange)
    with pytest.raises(Revert) as caught:
        exchange.trade(*legs, taker=taker)
    assert caught.value.reason == reason
    assert state(exchange) == before


def both_refused(exchange: Exchange, reason: str, *legs: Leg) -> None:
    """... and so does the quote."""
    refused(exchange, reason, *legs)
    with pytest.raises(Revert) as caught:
        exchange.quote(*legs)
    assert caught.value.reason == reason


# -- what is no trade --


@pytest.mark.parametrize(
    ("legs", "reason"),
    [
        (lambda x: [], "amm: no legs"),
        (lambda x: [x.call(2_000, 1), x.put(2_000, 1), x.call(2_000, -1)], "amm: instrument twice"),
        (lambda x: [x.call(2_000, 0)], "amm: zero size"),
        (lambda x: [x.call(2_000, 1), x.put(2_000, 0)], "amm: zero size"),
        (lambda x: [x.call(2_000, 1_000_001)], "amm: size too large"),
        (lambda x: [x.call(2_000, -1_000_001)], "amm: size too large"),
        (lambda x: [Leg(Instrument.perp(1), WAD)], "amm: not an option"),
        (lambda x: [Leg(x.option(Kind.CALL, 60_000, market=x.btc), WAD)], "amm: other underlying"),
        (lambda x: [Leg(unlisted(x), WAD)], "amm: expiry not listed"),
        (lambda x: [x.call(2_025, 1)], "amm: strike off the grid"),
        (lambda x: [x.call(2_000.0001, 1)], "amm: strike off the grid"),
    ],
)
def test_trade__malformed__reverts(legs: Legs, reason: str, exchange):
    both_refused(exchange, reason, *legs(exchange))


def unlisted(exchange: Exchange) -> Instrument:
    return replace(exchange.option(Kind.CALL, 2_000), day=exchange.days[0] + 1)


def test_trade__largest_int_as_size__reverts(exchange):
    for size in (-(2**255), 2**255 - 1):
        with pytest.raises(Revert):
            exchange.quote(Leg(exchange.option(Kind.CALL, 2_000), size))


def test_trade__id_with_high_bits__reverts(exchange, reverts):
    series = exchange.option(Kind.CALL, 2_000).id
    with reverts("amm: not an option"):
        exchange.eth.amm._call("quote", account(TAKER), [(series | 1 << 64, WAD)])


def test_trade__five_legs__reverts(exchange):
    legs = [exchange.call(strike, 1) for strike in (1_900, 1_950, 2_000, 2_050, 2_100)]
    refused(exchange, "", *legs)


# -- in time and at a price --


def test_trade__deadline_passed__reverts(exchange, reverts):
    leg = exchange.call(2_000, 1)
    amm, late = exchange.eth.amm, exchange.now - 1
    with reverts("amm: deadline passed"):
        amm.trade(account(TAKER), [leg], sender=TAKER, deadline=late)
    amm.trade(account(TAKER), [leg], sender=TAKER, deadline=exchange.now)


@pytest.mark.parametrize("size", [3, -3])
def test_trade__limit_cash__to_the_wei(size, exchange, reverts):
    leg, amm = exchange.call(2_000, size), exchange.eth.amm
    cash = exchange.quote(leg).cash
    assert (cash > 0) == (size > 0)
    with reverts("amm: worse than limit"):
        amm.trade(account(TAKER), [leg], sender=TAKER, limit_cash=cash - 1)
    before = exchange.cash(TAKER)
    amm.trade(account(TAKER), [leg], sender=TAKER, limit_cash=cash)
    assert exchange.cash(TAKER) == before - cash


# -- time and staleness --


def test_trade__expired__reverts(exchange):
    leg = exchange.call(2_000, 1)
    exchange.advance(exchange.days[0] * DAY + 8 * HOUR - exchange.now)
    both_refused(exchange, "amm: series expired", leg)


def test_trade__near_expiry__to_the_second(exchange):
    set_parameters(exchange.eth, limits={"max_age": 30 * DAY})
    min_life = parameters(exchange.eth).limits.min_life
    end = exchange.days[0] * DAY + 8 * HOUR
    exchange.advance(end - min_life - exchange.now)
    exchange.trade(exchange.call(2_000, 1))
    exchange.advance(1)
    both_refused(exchange, "amm: too close to expiry", exchange.call(2_000, 1))


def test_trade__refresh_too_old__until_refreshed(exchange):
    max_age = parameters(exchange.eth).limits.max_age
    leg = exchange.call(2_000, 1)
    exchange.advance(max_age)
    exchange.trade(leg)
    exchange.push(exchange.eth)
    exchange.advance(1)
    both_refused(exchange, "amm: refresh needed", leg)
    exchange.eth.amm.refresh(exchange.days[0], sender=STRANGER)
    exchange.trade(leg)
    refused(exchange, "amm: refresh needed", exchange.call(2_000, 1, week=1))


def test_trade__surface_too_old__until_pushed(exchange):
    max_age = parameters(exchange.eth).limits.max_age
    exchange.advance(max_age)
    exchange.refresh(exchange.eth)
    exchange.advance(1)
    both_refused(exchange, "amm: surface stale", exchange.call(2_000, 1))
    exchange.push(exchange.eth)
    exchange.trade(exchange.call(2_000, 1))


@pytest.mark.parametrize(
    ("answer", "age", "reason"),
    [
        (2_000, 7_201, "oracle: price stale"),
        (2_000, -1, "oracle: price from future"),
        (-2_000, 0, "oracle: bad round"),
        (0, 0, "oracle: bad round"),
        (2_000_000, 0, "oracle: price out of bounds"),
    ],
)
def test_trade__bad_price__reverts(answer, age, reason, exchange):
    feed = exchange.feed(exchange.eth)
    feed._send("set_round", 9, answer * 10**8, exchange.now - age, 9, sender=STRANGER)
    both_refused(exchange, reason, exchange.call(2_000, 1))


# -- who --


def test_trade__by_a_stranger__reverts(exchange):
    before = state(exchange)
    with pytest.raises(Revert) as caught:
        exchange.eth.amm.trade(account(TAKER), [exchange.call(2_000, 1)], sender=STRANGER)
    assert caught.value.reason == "ledger: not authorised"
    assert state(exchange) == before


@pytest.mark.parametrize(("scope", "may"), [(1, True), (2, False), (3, True)])
def test_trade__by_an_operator__with_the_trade_scope(scope, may, exchange, reverts):
    exchange.system.ledger.set_operator(account(TAKER), STRANGER, scope, sender=TAKER)
    legs = [exchange.call(2_000, 1)]
    if may:
        exchange.eth.amm.trade(account(TAKER), legs, sender=STRANGER)
    else:
        with reverts("ledger: not authorised"):
            exchange.eth.amm.trade(account(TAKER), legs, sender=STRANGER)


def test_trade__for_the_pool_itself__reverts(exchange, reverts):
    amm = exchange.eth.amm
    with reverts("ledger: self trade"):
        amm.trade(amm.pool, [exchange.call(2_000, 1)], sender=TAKER)


def test_trade__without_cash__reverts(exchange):
    refused(exchange, "ledger: not enough cash", exchange.call(2_000, 1), taker=STRANGER)


# -- pause levels --


def test_trade__when_paused__only_reduces(exchange):
    exchange.trade(exchange.call(2_000, 5))
    exchange.system.access.set_pause_level(1, sender=ADMIN)
    refused(exchange, "ledger: paused, reduce only", exchange.call(2_000, 1))
    refused(exchange, "ledger: paused, reduce only", exchange.call(2_000, -6))
    exchange.trade(exchange.call(2_000, -5))
    assert exchange.system.ledger.portfolio(account(TAKER)) == {}


def test_trade__when_halted__reverts(exchange):
    exchange.trade(exchange.call(2_000, 5))
    exchange.system.access.set_pause_level(2, sender=ADMIN)
    refused(exchange, "ledger: halted", exchange.call(2_000, -5))


# -- fees --


def test_fee__package__cheaper_side_discounted(exchange):
    buy, sell = exchange.call(2_000, 4), exchange.call(2_100, -3)
    fees = [exchange.quote(leg).fee for leg in (buy, sell)]
    rates = FeeRates.from_word(exchange.eth.amm._call("fee_word"))
    assert fees[0] > fees[1] > 0
    assert exchange.quote(buy, sell).fee == rates.package_fee(bought=fees[0], sold=fees[1])
    assert exchange.quote(buy, sell).fee < sum(fees)


def test_fee__closing_part__discounted(exchange):
    leg = exchange.call(2_000, -6)
    full = exchange.quote(leg).fee
    exchange.trade(exchange.call(2_000, 4))
    part = exchange.quote(leg).fee
    rates = FeeRates.from_word(exchange.eth.amm._call("fee_word"))
    discount = WAD - rates.closing_factor
    assert abs(part - (full - full * 4 // 6 * discount // WAD)) <= 2


def test_fee__split__pool_insurance_treasury(exchange):
    ledger, amm = exchange.system.ledger, exchange.eth.amm
    cash, reserves = ledger.cash(amm.pool), ledger.reserves()
    quote = exchange.quoted(exchange.trade(exchange.call(2_000, 10)))
    maker, insurance, treasury = FeeRates.from_word(amm._call("fee_word")).split(quote.fee)
    assert ledger.cash(amm.pool) - cash == quote.cash - quote.fee + maker
    assert ledger.reserves() == (reserves[0] + insurance, reserves[1] + treasury)


# -- packages --


def test_package__calendar__each_expiry_keeps_its_vega(exchange):
    near, far = exchange.call(2_000, 10), exchange.call(2_000, -10, week=1)
    exchange.trade(near, far)
    books = exchange.eth.amm.expiries()
    assert books[0].vega < 0 < books[1].vega
    assert exchange.eth.amm.risk().vega == books[0].vega + books[1].vega


def test_package__calendar__charged_for_both_expiries(exchange):
    """Vega of one expiry does not pay for that of another, in the spread or in the potential."""
    near, far = exchange.call(2_000, 10), exchange.call(2_000, -10, week=1)
    set_parameters(
        exchange.eth,
        weights=dict.fromkeys(("delta", "vega", "gamma"), 0),
        spreads=dict.fromkeys(("hedge_cost", "floor_rate"), 0),
    )
    parts = [exchange.quote(leg) for leg in (near, far)]
    package = exchange.quoted(exchange.trade(near, far))
    assert abs(package.impact - sum(part.impact for part in parts)) <= 2
    vol_points = parameters(exchange.eth).spreads.vol_points
    gross = sum(abs(book.vega) for book in exchange.eth.amm.expiries())
    assert package.spread >= gross * vol_points // WAD


def test_package__same_expiry__charged_for_the_net_risk(exchange):
    buy, sell = exchange.call(2_000, 10), exchange.call(2_050, -10)
    parts = [exchange.quote(leg) for leg in (buy, sell)]
    package = exchange.quote(buy, sell)
    assert package.impact < max(part.impact for part in parts)
    assert package.spread < max(part.spread for part in parts)


def test_package__four_legs__all_positions_move(exchange):
    legs = [
        exchange.call(2_000, 2),
        exchange.put(2_000, 2),
        exchange.call(2_000, -1, week=1),
        exchange.put(1_900, -1, week=1),
    ]
    exchange.trade(*legs, taker=OTHER_TAKER)
    held = exchange.system.ledger.portfolio(account(OTHER_TAKER))
    assert held == {leg.instrument.id: leg.size for leg in legs}


def test_trade__event__tells_the_quote(exchange):
    leg = exchange.call(2_000, 2)
    quote = exchange.quote(leg)
    receipt = exchange.trade(leg)
    assert exchange.quoted(receipt) == quote
    assert quote.cash == quote.mark + quote.impact + quote.spread + quote.fee
