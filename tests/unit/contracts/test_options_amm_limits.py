"""OptionsAMM: what a trade may not carry the pool past, and that the way back is always open."""

from __future__ import annotations

from math import sqrt

import pytest

from protocol.errors import Revert
from protocol.types import Leg
from protocol.units import WAD, YEAR
from tests.system_fixtures import KEEPER, Exchange, set_parameters

FREE = dict.fromkeys(("delta", "vega", "expiry_vega", "gamma"), 0)


def refused(exchange: Exchange, reason: str, *legs: Leg) -> None:
    before = exchange.eth.amm.expiries(), exchange.eth.amm.risk()
    for ask in (exchange.trade, exchange.quote):
        with pytest.raises(Revert) as caught:
            ask(*legs)
        assert caught.value.reason == reason
    assert (exchange.eth.amm.expiries(), exchange.eth.amm.risk()) == before


def test_vega__limit__holds_and_lets_risk_out(exchange):
    exchange.trade(exchange.call(2_000, 200))
    used = abs(exchange.eth.amm.risk().vega) * 10**6 // exchange.eth.amm.depth()
    set_parameters(exchange.eth, limits={"vega": (used + 1) * 10**12})
    exchange.trade(exchange.call(2_000, 0.001))
    refused(exchange, "amm: vega limit", exchange.call(2_000, 5))
    set_parameters(exchange.eth, limits={"vega": used // 2 * 10**12})
    refused(exchange, "amm: vega limit", exchange.call(2_000, 0.001))
    exchange.trade(exchange.call(2_000, -10))
    assert abs(exchange.eth.amm.risk().vega) * WAD > used // 2 * 10**12 * exchange.eth.amm.depth()


def test_vega__beyond_zero_to_the_other_limit__reverts(exchange):
    exchange.trade(exchange.call(2_000, 100))
    set_parameters(exchange.eth, weights=FREE, limits={"vega": 10**12})
    refused(exchange, "amm: vega limit", exchange.call(2_000, -250))
    exchange.trade(exchange.call(2_000, -199))


def test_delta__limit__holds_and_lets_risk_out(exchange):
    exchange.trade(exchange.call(2_000, 200))
    amm = exchange.eth.amm
    exposure = abs(amm.risk().delta) * 2_000
    set_parameters(exchange.eth, limits={"delta": exposure * 10**6 // amm.depth() * 10**12})
    refused(exchange, "amm: delta limit", exchange.call(2_000, 5))
    exchange.trade(exchange.put(2_000, 5))
    exchange.trade(exchange.call(2_000, -5))


def test_utilisation__limit__holds_and_lets_risk_out(exchange):
    exchange.trade(exchange.call(2_000, 200))
    amm = exchange.eth.amm
    reserve = amm.risk().reserve
    share = reserve * 10**6 // amm.depth() * 10**12  # rounded down
    set_parameters(exchange.eth, limits={"utilisation": share})
    assert share * amm.depth() // WAD <= reserve, "the reserve lies on the limit"
    refused(exchange, "amm: utilisation limit", exchange.call(2_000, 0.001))
    exchange.trade(exchange.call(2_000, -20))  # the pool buys: nothing to reserve
    exchange.trade(exchange.put(1_900, -50))
    refused(exchange, "amm: utilisation limit", exchange.call(2_000, 1))
    exchange.refresh(exchange.eth)  # frees what the twenty had reserved
    exchange.trade(exchange.call(2_000, 1))


def test_impact__above_the_cap__refused_when_it_adds_risk(exchange):
    quote = exchange.quote(exchange.call(2_000, 100))
    exchange.trade(exchange.call(2_000, 100))
    vega = abs(exchange.eth.amm.risk().vega)
    set_parameters(exchange.eth, limits={"shift_cap": quote.impact * 10**6 // vega * 10**12})
    refused(exchange, "amm: impact above cap", exchange.call(2_000, 100))
    refused(exchange, "amm: impact above cap", exchange.call(2_000, -350))


def test_impact__as_a_credit__stops_at_the_cap(exchange):
    """Who takes risk off a full pool is not refused, and not paid beyond the cap."""
    exchange.trade(exchange.call(2_000, 100))
    vega = abs(exchange.eth.amm.risk().vega)
    leg = exchange.call(2_000, -25)
    full = exchange.quote(leg)
    assert full.impact < 0
    cap = -full.impact * 4 * 10**6 // vega // 2 * 10**12
    set_parameters(exchange.eth, limits={"shift_cap": cap})
    less = exchange.quoted(exchange.trade(leg))
    assert abs(less.impact + vega // 4 * cap // WAD) <= 2
    assert less.cash - full.cash == less.impact - full.impact > 0


def test_delta_cut__on_the_edge__reverts(exchange):
    set_parameters(exchange.eth, spreads={"delta_cut": 30 * WAD // 100})
    exchange.trade(exchange.call(2_000, 1))
    for leg in (exchange.call(2_300, 1), exchange.put(2_300, 1), exchange.call(1_700, -1)):
        refused(exchange, "pricer: delta cut-off", leg)


def test_drift__past_the_most__until_refreshed(exchange):
    leg = exchange.call(2_000, 1, week=1)
    exchange.advance(1, eth=2_100)
    exchange.trade(leg)
    for price in (2_100.02, 1_899.98):
        exchange.advance(1, eth=price)
        refused(exchange, "pricer: market drifted", leg)
    exchange.refresh(exchange.eth)
    exchange.trade(leg)


def test_drift__past_a_share_of_the_deviation__the_nearer_expiry_first(exchange):
    """Greeks of a week are stale after a move that those of a month outlive: 0.3 deviations."""
    near, far = exchange.call(2_000, 1), exchange.call(2_000, 1, week=1)
    deviation = 0.7 * sqrt((near.instrument.expiry - exchange.now) / YEAR)
    for share, fits in ((0.2, True), (0.42, False)):
        exchange.advance(1, eth=2_000 * (1 + share * deviation))
        exchange.trade(far)
        if fits:
            exchange.trade(near)
        else:
            refused(exchange, "pricer: market drifted", near)
            refused(exchange, "pricer: market drifted", far, near)


def test_spread__with_drift__widens(exchange):
    leg = exchange.call(2_000, 10)
    exchange.advance(1, eth=2_040)
    drifted = exchange.quote(leg)
    set_parameters(exchange.eth, spreads={"drift_widening": 0})
    flat = exchange.quote(leg)
    assert abs(drifted.spread - flat.spread * 120 // 100) <= 5_000  # 1 + 10 * 2 %; spot rounds


def test_spread__toxicity__multiplies(exchange):
    leg = exchange.call(2_000, 10)
    calm = exchange.quote(leg).spread
    exchange.eth.amm._send("set_toxicity", 3 * WAD, sender=KEEPER)
    assert exchange.quote(leg).spread == 3 * calm


def test_bid__worth_nothing__reverts(exchange):
    """A clamp to zero would pay the taker for handing over what is worth less than it costs."""
    set_parameters(exchange.eth, spreads={"vol_points": WAD, "delta_cut": 0})
    refused(exchange, "amm: no bid", exchange.call(2_400, -1))
    exchange.quote(exchange.call(2_400, -1), exchange.call(2_000, 1))  # as part of a package


def test_bid__fee_eats_it__reverts(exchange):
    """Not even one that leaves the taker at zero or below once the fee is paid."""
    spreads = dict.fromkeys(("vol_points", "floor_rate", "hedge_cost", "delta_cut"), 0)
    set_parameters(exchange.eth, spreads=spreads)
    leg = Leg(exchange.call(2_600, 1).instrument, -1)  # a wei: the mark rounds down to nothing
    refused(exchange, "amm: no bid", leg)


def test_ask__below_zero__reverts(exchange):
    """A pool full of longs would pay to be rid of them; not a taker who only buys."""
    spreads = dict.fromkeys(("vol_points", "floor_rate", "hedge_cost", "delta_cut"), 0)
    set_parameters(
        exchange.eth,
        weights={**FREE, "vega": 60 * WAD},
        spreads=spreads,
        limits={"shift_cap": 16 * WAD, "vega": 16 * WAD, "delta": 16 * WAD},
    )
    set_parameters(exchange.eth, weights=FREE)
    exchange.trade(exchange.put(2_000, -100))
    set_parameters(exchange.eth, weights={"vega": 60 * WAD})
    refused(exchange, "amm: no ask", exchange.call(2_400, 1))


def test_trade__taking_risk_off__paid_for_it(exchange):
    exchange.trade(exchange.call(2_000, 50))
    quote = exchange.quote(exchange.call(2_000, -20))
    assert quote.impact < 0
    assert quote.cash - quote.fee < quote.mark + quote.spread
