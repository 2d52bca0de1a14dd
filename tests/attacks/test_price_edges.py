"""Where a price is cut off: a bid at zero, the cap of a fee, the cap of an impact."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from protocol.chain.artifacts import Artifact
from protocol.config import AmmParameters
from protocol.errors import Revert
from protocol.types import Leg
from protocol.units import WAD
from tests.attacks.stage import (
    contracts,
    frictionless,
    judge,
    on_both_sides,
    roomy,
    wealth,
    with_exact_feed,
    without_fees,
)
from tests.attacks.twins import broken
from tests.system_fixtures import TAKER, Exchange, account, build_exchange

WINGS = 12_000  # weekly calls of a delta of 4 %
STRADDLES, PAD = 500, 350


def bids_at_zero() -> Artifact:
    return broken(
        "OptionPricer",
        {'assert priced.cash < 0, "amm: no bid"': "priced.cash = min(priced.cash, 0)"},
    )


def fee_cap_on_a_moving_price() -> Artifact:
    """The price the cap is taken on rises with size, as an average trade price does."""
    mark = "pool.flow, one.mark,"
    moved = "pool.flow, one.mark * (10**21 + units) // 10**21,"
    return broken("OptionPricer", {mark: moved})


def charges_capped_too() -> Artifact:
    refusal = 'assert impact <= cap, "amm: impact above cap"'
    return broken("OptionPricer", {refusal: "impact = min(impact, cap)"})


def market(side: str, twin: Callable[[], Artifact], amm: AmmParameters) -> Exchange:
    exchange = without_fees(build_exchange(contracts(side, twin), amm=amm))
    return with_exact_feed(exchange, exchange.eth)


def dump_wings(exchange: Exchange) -> int:
    """Give the pool cheap options until nobody would bid, then take its vega off for a rebate."""
    before = wealth(exchange, exchange.eth, TAKER)
    for _ in range(10):
        with suppress(Revert):
            exchange.trade(exchange.call(2_400, -WINGS / 10))
    vega = exchange.eth.amm.risk().vega
    straddle = [exchange.call(2_000, 1), exchange.put(2_000, 1)]
    unit = exchange.eth.amm.quote(account(TAKER), straddle)
    assert unit.mark > 0
    count = vega // (2 * 110) // 4
    for _ in range(4):
        exchange.trade(*(Leg(leg.instrument, count) for leg in straddle))
        exchange.refresh(exchange.eth)  # what the wings cover is no longer reserved for
    return wealth(exchange, exchange.eth, TAKER) - before


@on_both_sides
def test_bid__at_zero__is_refused(side: str) -> None:
    exchange = market(side, bids_at_zero, frictionless())
    judge(side, dump_wings(exchange), loot=5_000 * WAD)


def slice_the_fee(exchange: Exchange) -> int:
    """What a thousand cheap options cost in fees at once, less what they cost in slices."""
    start = exchange.chain.snapshot()
    whole = exchange.quoted(exchange.trade(exchange.call(2_400, 1_000))).fee
    exchange.chain.revert(start)
    slices = [exchange.trade(exchange.call(2_400, 50)) for _ in range(20)]
    return whole - sum(exchange.quoted(each).fee for each in slices)


@on_both_sides
def test_fee__of_slices__is_that_of_the_whole(side: str) -> None:
    exchange = build_exchange(contracts(side, fee_cap_on_a_moving_price), amm=roomy())
    judge(side, slice_the_fee(exchange), loot=100 * WAD)


def pad_the_credit(exchange: Exchange) -> int:
    """Take risk at the capped charge, and put it back with legs that only widen the cap."""
    before = wealth(exchange, exchange.eth, TAKER)
    straddle = [
        exchange.call(2_000, STRADDLES, week=1),
        exchange.put(2_000, STRADDLES, week=1),
    ]
    with suppress(Revert):
        exchange.trade(*straddle)
    if exchange.eth.amm.risk().vega == 0:
        return 0
    half = [Leg(leg.instrument, -leg.size // 2) for leg in straddle]
    for sign in (1, -1):  # a forward has no vega of its own, its two legs have
        pad = [
            exchange.call(2_050, sign * PAD, week=1),
            exchange.put(2_050, -sign * PAD, week=1),
        ]
        exchange.trade(*half, *pad)
    return wealth(exchange, exchange.eth, TAKER) - before


@on_both_sides
def test_impact__above_its_cap__is_refused_not_cut(side: str) -> None:
    exchange = market(side, charges_capped_too, frictionless(shift_cap=0.15))
    judge(side, pad_the_credit(exchange), loot=5_000 * WAD)
