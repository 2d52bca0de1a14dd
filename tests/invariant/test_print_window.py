"""The settlement print against a second-by-second model, with records at random times."""

from __future__ import annotations

import random
from bisect import bisect_right

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract

WAD = 10**18
ADMIN = "0x" + "d0" * 20
RECORDER = "0x" + "e0" * 20
FIRST_DAY, DAYS = 20_455, 3
WINDOW, MAX_GAP = 1_800, 3_600


def window_end(day: int) -> int:
    return day * 86_400 + 28_800


def slow_print(times: list[int], prices: list[int], day: int) -> int:
    """The price of every second of the window, one by one; `times` never falls."""
    end = window_end(day)
    seconds = range(end - WINDOW, end)
    if not any(time in seconds for time in times):
        return 0
    held = [bisect_right(times, second) - 1 for second in seconds]
    first = held[0]
    if first < 0 or seconds[0] - times[first] > MAX_GAP:
        return 0
    return sum(prices[n] for n in held) // WINDOW


def random_times(rng: random.Random) -> list[int]:
    """Quiet hours, busy windows, edges to the second and bursts within one."""
    times: list[int] = []
    for day in range(FIRST_DAY, FIRST_DAY + DAYS):
        end = window_end(day)
        edges = [end - WINDOW - MAX_GAP - 1, end - WINDOW - MAX_GAP, end - WINDOW - 1]
        edges += [end - WINDOW, end - 1, end, end + 1]
        times += rng.sample(edges, rng.randint(0, 2))
        times += [end - rng.randint(-WINDOW, 3 * WINDOW) for _ in range(rng.randint(0, 6))]
    return sorted(times + rng.choices(times, k=3)) if times else []


def play(chain: EmbeddedChain, oracle: AnyContract, feed: AnyContract, rng: random.Random) -> None:
    """Record at random times; every print ever visible must be the model's, then and for good."""
    times, prices = random_times(rng), []
    for done, time in enumerate(times, start=1):
        chain.set_time(time)
        prices.append(rng.randint(1, 10**24))
        feed.send("set_answer", prices[-1], sender=RECORDER)
        oracle.send("record", 1, sender=RECORDER)
        for day in range(FIRST_DAY - 1, FIRST_DAY + DAYS):
            over = time >= window_end(day)
            expected = slow_print(times[:done], prices, day) if over else 0
            assert oracle.call("settlement_print", 1, day) == expected
    chain.set_time(window_end(FIRST_DAY + DAYS))
    for day in range(FIRST_DAY, FIRST_DAY + DAYS):
        assert oracle.call("settlement_print", 1, day) == slow_print(times, prices, day)


@pytest.mark.parametrize("seed", range(40))
def test_print__random_records__is_average_of_every_second(seed, chain, deploy):
    oracle = deploy("PriceOracle", deploy("AccessManager").address)
    feed = deploy("MockAggregator", 18, WAD)
    oracle.send("set_feed", 1, feed.address, 3_600, 1, 10**24, 0, 0, sender=ADMIN)
    play(chain, oracle, feed, random.Random(seed))


def test_slow_print__random_records__finds_prints_and_gaps():
    found = []
    for seed in range(40):
        times = random_times(random.Random(seed))
        found += [slow_print(times, [1_800] * len(times), FIRST_DAY + n) > 0 for n in range(DAYS)]
    assert 0.2 < sum(found) / len(found) < 0.8
