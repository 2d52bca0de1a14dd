"""Greeks of an old snapshot: buy at them, refresh, and sell back at the new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest

from protocol.chain.artifacts import Artifact
from protocol.errors import Revert
from protocol.types import Leg
from protocol.units import DAY, WAD
from tests.attacks.stage import contracts, judge, on_both_sides, refresh, roomy, wealth
from tests.attacks.twins import broken
from tests.system_fixtures import HOUR, SPOTS, TAKER, Exchange, build_exchange

SPOT = SPOTS["ETH"]
SLICES = 10


def trades_at_any_drift() -> Artifact:
    checks = (
        "drift <= amm_codec._max_drift(pool.spreads)",
        "drift * drift <= point.variance * _STALE_SHARE",
    )
    return broken(
        "OptionPricer",
        {f'assert {check}, "pricer: market drifted"': "drift = 0" for check in checks},
    )


def trades_at_any_deviation() -> Artifact:
    """As far as `max_drift`, however short the life."""
    check = 'assert drift * drift <= point.variance * _STALE_SHARE, "pricer: market drifted"'
    return broken("OptionPricer", {check: "pass"})


def round_trips(exchange: Exchange, spot: float) -> Iterator[list[Leg]]:
    """Calls, puts and straddles near the old and the new price, either way, small and large."""
    nearest = {round(price / 50) * 50 for price in (SPOT, spot, (SPOT + spot) / 2)}
    for strike in sorted(nearest):
        for size in (-1_600, -200, 200, 1_600):
            call, put = exchange.call(strike, size), exchange.put(strike, size)
            yield from ([call], [put], [call, put])


def there_and_back(exchange: Exchange, legs: Sequence[Leg]) -> int:
    """Trade at the old Greeks, refresh, trade back in slices: all in one second."""
    market = exchange.eth
    before = wealth(exchange, market, TAKER)
    exchange.trade(*legs)
    refresh(exchange, market)
    for _ in range(SLICES):
        exchange.trade(*(Leg(leg.instrument, -leg.size // SLICES) for leg in legs))
    return wealth(exchange, market, TAKER) - before


def age_to(exchange: Exchange, life: int, move: float) -> None:
    """`life` seconds before expiry spot moves, a minute after the refresh."""
    expiry = exchange.days[0] * DAY + 8 * HOUR
    while expiry - exchange.now > life:
        exchange.advance(min(6 * HOUR, expiry - life - exchange.now))
        exchange.push(exchange.eth)
    refresh(exchange, exchange.eth)
    exchange.advance(60, eth=SPOT * move)


def trips(exchange: Exchange, life: int, move: float) -> list[int]:
    """What those round trips bring that are not refused, with `life` seconds to go."""
    age_to(exchange, life, move)
    profits, start = [], exchange.chain.snapshot()
    for legs in round_trips(exchange, SPOT * move):
        with suppress(Revert):
            profits.append(there_and_back(exchange, legs))
        exchange.chain.revert(start)
        start = exchange.chain.snapshot()
    return profits


@on_both_sides
def test_round_trip__across_a_refresh_after_a_large_move__costs(side: str) -> None:
    exchange = build_exchange(contracts(side, trades_at_any_drift), amm=roomy())
    judge(side, max(trips(exchange, 96 * HOUR, 1.15), default=0), loot=2_000 * WAD)


# As far as Greeks serve: 0.3 deviations.
@pytest.mark.parametrize(
    ("life", "move"),
    [(24 * HOUR, 0.9905), (24 * HOUR, 1.0095), (96 * HOUR, 0.98), (96 * HOUR, 1.02)],
)
def test_round_trip__across_a_refresh_after_a_small_move__costs(life: int, move: float) -> None:
    exchange = build_exchange(contracts("real", trades_at_any_drift), amm=roomy())
    profits = trips(exchange, life, move)
    assert len(profits) >= 4
    judge("real", max(profits), loot=0)


def owed_after(exchange: Exchange, *legs: Leg) -> int:
    """NAV less potential once a trade is refreshed."""
    with suppress(Revert):
        if legs:
            exchange.trade(*legs)
    refresh(exchange, exchange.eth)
    value = exchange.eth.amm.valuation()
    return value.nav - value.risk


def lps_lose(exchange: Exchange) -> int:
    """To one trade near the new price at Greeks of the old one, whoever earns the rebate then."""
    age_to(exchange, 24 * HOUR, 1.049)
    start = exchange.chain.snapshot()
    without = owed_after(exchange)
    losses = []
    for size in (400, 800):
        exchange.chain.revert(start)
        start = exchange.chain.snapshot()
        losses.append(without - owed_after(exchange, exchange.call(2_100, size)))
    return max(losses)


@on_both_sides
def test_potential__of_a_days_option_after_a_move_of_deviations__is_not_given_away(
    side: str,
) -> None:
    exchange = build_exchange(contracts(side, trades_at_any_deviation), amm=roomy())
    judge(side, lps_lose(exchange), loot=1_000 * WAD)
