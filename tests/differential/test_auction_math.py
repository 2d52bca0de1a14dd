"""The auction's discounts and shares: Vyper = Python twin to the wei, and what both promise."""

from __future__ import annotations

import random

import pytest

from protocol.pricing import auction as twin
from protocol.units import WAD
from tests.differential.test_market_math import spread_out

ROUNDS = 300
LEAST = 100 * WAD
FAST, SLOW, LAST = twin.FAST_SECONDS, twin.SLOW_SECONDS, twin.LAST_SECONDS
EDGES = (0, 1, FAST - 1, FAST, FAST + 1, FAST + SLOW - 1, FAST + SLOW, FAST + SLOW + 1, 10**6)


@pytest.fixture
def vyper(deploy):
    return deploy("MarketMathHarness")


@pytest.fixture
def rng() -> random.Random:
    return random.Random(5)


def a_book(rng: random.Random) -> tuple[int, int, int]:
    """(equity, initial, maintenance) of an account below its initial margin."""
    maintenance = spread_out(rng, -2, 7)
    initial = maintenance + rng.randrange(maintenance)
    low = rng.choice([-maintenance, 0, maintenance * 9 // 10])
    return rng.randrange(low, initial), initial, maintenance


def a_time(rng: random.Random) -> int:
    return rng.choice([rng.choice(EDGES), rng.randrange(4 * LAST)])


def test_discounts__random_accounts__equal_twin(vyper, rng):
    for _ in range(ROUNDS):
        (equity, _, maintenance), elapsed = a_book(rng), a_time(rng)
        book = {"equity": equity, "maintenance": maintenance, "elapsed": elapsed}
        for name in ("is_used_up", "discount", "last_discount"):
            found = vyper.call(name, equity, maintenance, elapsed)
            assert found == getattr(twin, name)(**book), (name, book)


def test_share_and_cover__random_accounts__equal_twin(vyper, rng):
    for _ in range(ROUNDS):
        equity, initial, maintenance = a_book(rng)
        off = twin.discount(equity=equity, maintenance=maintenance, elapsed=a_time(rng))
        if equity >= 0:
            row = (equity, initial, maintenance, off, LEAST)
            share = twin.largest_share(
                equity=equity, initial=initial, maintenance=maintenance, discount=off, least=LEAST
            )
            assert vyper.call("largest_share", *row) == share
        share = rng.randrange(WAD + 1)
        found = vyper.call("cover", share, off, equity)
        assert found == twin.cover(share=share, discount=off, equity=equity)


def test_discount__solvent_at_any_time__rises_and_never_passes_equity(rng):
    for _ in range(ROUNDS):
        equity, _, maintenance = a_book(rng)
        path = [
            twin.discount(equity=equity, maintenance=maintenance, elapsed=t)
            for t in sorted({*EDGES, *(a_time(rng) for _ in range(20))})
        ]
        assert path == sorted(path)
        assert path[0] == 0 and path[-1] == max(equity, 0)


def test_last_discount__at_any_time__rises_from_equity_to_margin(rng):
    for _ in range(ROUNDS):
        equity, _, maintenance = a_book(rng)
        path = [
            twin.last_discount(equity=equity, maintenance=maintenance, elapsed=t)
            for t in range(0, 2 * LAST, 97)
        ]
        assert path == sorted(path)
        assert path[0] == max(equity, 0) and path[-1] == max(equity, maintenance)


def test_discount__equity_just_above_the_fast_part__no_jump(rng):
    """Equity that crosses a tenth of margin does not suddenly pay a bidder more."""
    maintenance = 1_000 * WAD
    for elapsed in (FAST, FAST + SLOW // 2):
        edge = maintenance // 10
        above = twin.discount(equity=edge + 10, maintenance=maintenance, elapsed=elapsed)
        below = twin.discount(equity=edge - 10, maintenance=maintenance, elapsed=elapsed)
        assert 0 <= above - below <= 20


def test_largest_share__sold__equity_meets_initial_margin(rng):
    """Exactly, with integer margins of what is left: 64 sizes each keep a wei too much."""
    tried = 0
    while tried < ROUNDS:
        equity, initial, maintenance = a_book(rng)
        elapsed = a_time(rng)
        book = {"equity": equity, "maintenance": maintenance}
        if twin.is_used_up(elapsed=elapsed, **book) or maintenance < 2 * LEAST:
            continue
        tried += 1
        off = twin.discount(elapsed=elapsed, **book)
        share = twin.largest_share(initial=initial, discount=off, least=LEAST, **book)
        left = equity - share * off // WAD
        if share < WAD:
            assert left >= initial * (WAD - share) // WAD
            assert maintenance * (WAD - share) // WAD >= LEAST
            fewer = share - WAD // 10**6
            assert equity - fewer * off // WAD < initial * (WAD - fewer) // WAD
