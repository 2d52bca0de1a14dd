"""Hundreds of accounts in two expiries: in any order everybody gets the same, in bounded gas."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.errors import Revert
from protocol.types import Instrument
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ALL_RIGHTS,
    DAY_SECONDS,
    ETH,
    EXPIRY_SECONDS,
    OTHER,
    POOL,
    STRANGER,
    LedgerBench,
    account,
    leg,
    make_bench,
)

TRADERS = tuple(f"0x{number:040x}" for number in range(0xD000, 0xD000 + 300))
STRIKES = (2_400, 2_700, 2_999, 3_300)
PRINTS = 3_120 * WAD + 7, 2_650 * WAD + 123_456_789  # of the two days, odd on purpose
BATCH = 16
FEW_GAS = 1_200_000  # of a batch of 16 accounts with a few series each, measured 1.02 million
FULL_GAS = 12_000_000  # of 16 accounts with 64 series each, the most there are: 10.7 million
SCAN_GAS = 24_000_000  # 20.8 million: and where positions that stay are scanned, of three accounts

Book = dict[int, int]  # account -> what it has, WAD


@pytest.fixture(scope="module")
def crowd(artifacts: Artifacts) -> Iterator[Callable[[], LedgerBench]]:
    chain = EmbeddedChain()

    def put(name: str, *args: Any) -> AnyContract:
        address = deploy_contract(chain, artifacts[name], *args, sender=ADMIN)
        return AnyContract(chain, address, artifacts[name].abi)

    bench = make_bench(chain, put)
    trade(bench, random.Random(8))
    start = bench.chain.snapshot()

    def again() -> LedgerBench:
        nonlocal start
        bench.chain.revert(start)
        start = bench.chain.snapshot()
        return bench

    yield again


def trade(bench: LedgerBench, rng: random.Random) -> None:
    """Everybody trades three times, with one another and with a pool, and both days expire."""
    for owner in (*TRADERS, POOL):
        bench.fund(owner, 10**6 if owner == POOL else 50_000)
    today = bench.day
    for owner in TRADERS * 3:
        make = bench.call if rng.random() < 0.5 else bench.put
        series = make(rng.choice(STRIKES), today + rng.randrange(2))
        size = rng.choice((-1, 1)) * rng.randrange(WAD // 7, 2 * WAD)
        other = POOL if rng.random() < 0.4 else rng.choice([t for t in TRADERS if t != owner])
        bench.fill(series, size, taker=owner, maker=other)
    for offset, price in enumerate(PRINTS):
        bench.set_print(today + offset, price)


def days(bench: LedgerBench) -> tuple[int, int]:
    last = (bench.chain.timestamp - EXPIRY_SECONDS) // DAY_SECONDS
    return last - 1, last


def accounts() -> list[int]:
    return [account(owner) for owner in (*TRADERS, POOL)]


def cash(bench: LedgerBench) -> Book:
    return {each: int(bench.ledger.call("cash", each)) for each in accounts()}


def payoff(series: Instrument, price: int) -> int:
    strike = series.strike_steps * WAD // 10_000
    return max(price - strike if series.is_call else strike - price, 0)


def worth(bench: LedgerBench, day: int, price: int) -> Book:
    """What every account is owed or owes for a day: each position rounded down."""
    totals: Book = {}
    for each in accounts():
        pool = each == account(POOL)
        row = ("pool_positions", each, ETH, day) if pool else ("portfolio", each)
        ids, sizes = bench.ledger.call(*row)
        held = [(Instrument.from_id(key), size) for key, size in zip(ids, sizes, strict=True)]
        totals[each] = sum(
            size * payoff(series, price) // WAD for series, size in held if series.day == day
        )
    return totals


def settle(bench: LedgerBench, order: Sequence[int], day: int) -> int:
    """In batches, over and over until nobody is left; the dearest call's gas."""
    gas, left = 0, list(order)
    while left:
        before = len(left)
        for first in range(0, before, BATCH):
            row = (left[first : first + BATCH], ETH, day)
            receipt = bench.expiry.send("settle_accounts", *row, sender=STRANGER)
            gas = max(gas, receipt.gas_used)
        left = [each for each in left if held(bench, each, day)]
        assert len(left) < before, "nobody can be settled"
    return gas


def held(bench: LedgerBench, owner: int, day: int) -> bool:
    row = ("pool_positions", owner, ETH, day) if owner == account(POOL) else ("portfolio", owner)
    ids, _ = bench.ledger.call(*row)
    return any(Instrument.from_id(key).day == day for key in ids)


@pytest.mark.parametrize("seed", range(3))
def test_settle__in_any_order__pays_everybody_his_own_to_the_wei(seed, crowd):
    bench = crowd()
    before, rng, gas = cash(bench), random.Random(seed), 0
    expected = dict(before)
    for day, price in zip(days(bench), PRINTS, strict=True):
        for each, total in worth(bench, day, price).items():
            expected[each] += total
    for day in rng.sample(days(bench), 2):
        order = accounts()
        rng.shuffle(order)
        gas = max(gas, settle(bench, order, day))
    assert cash(bench) == expected
    assert gas < FEW_GAS
    dust = [bench.ledger.call("cash", bench.expiry.call("escrow", ETH, day)) for day in days(bench)]
    assert all(0 <= each < 1_000 for each in dust)  # what rounding left, a wei a position at most
    assert [bench.expiry.call("owed", ETH, day) for day in days(bench)] == dust


def test_settle__those_who_owe_first__takes_one_pass(crowd):
    bench = crowd()
    day, price = days(bench)[0], PRINTS[0]
    totals = worth(bench, day, price)
    order = sorted((each for each in accounts() if held(bench, each, day)), key=totals.__getitem__)
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        done = bench.expiry.call("settle_accounts", batch, ETH, day)
        bench.expiry.send("settle_accounts", batch, ETH, day, sender=STRANGER)
        assert done == len(batch)


def test_settle__an_account_at_a_time__is_the_same_as_batches(crowd):
    bench = crowd()
    for day in days(bench):
        settle(bench, accounts(), day)
    batched, left = cash(bench), accounts()
    bench = crowd()
    while left:
        before = len(left)
        for each in left:
            single(bench, each)
        left = [each for each in left if any(held(bench, each, day) for day in days(bench))]
        assert len(left) < before
    assert cash(bench) == batched


def single(bench: LedgerBench, owner: int) -> None:
    """All that can be settled of one account, by the call that is for it."""
    with suppress(Revert):  # "expiry: settle shorts first"
        if owner != account(POOL):
            bench.expiry.send("settle_account", owner, sender=STRANGER)
    if owner == account(POOL):
        for day in days(bench):
            with suppress(Revert):
                bench.expiry.send("settle_pool", owner, ETH, day, sender=STRANGER)


def fill_up(
    bench: LedgerBench, owner: str, series: list[Instrument], size: int, maker: str = POOL
) -> None:
    """Every series, 8 to a fill."""
    bench.fund(owner, 10**6)
    for first in range(0, len(series), 8):
        legs = [leg(each, size) for each in series[first : first + 8]]
        bench.settle(legs, taker=owner, maker=maker)


def rob(bench: LedgerBench, owner: str) -> None:
    """All cash is lost."""
    bench.ledger.send("set_venue", POOL, ALL_RIGHTS, sender=ADMIN)
    row = account(owner), account(POOL), bench.cash(owner)
    bench.ledger.send("move_cash", *row, sender=POOL)


def settle_batch(bench: LedgerBench, day: int) -> tuple[int, int]:
    """(accounts settled, gas) of the first 16 traders."""
    row = ([account(owner) for owner in TRADERS[:BATCH]], ETH, day)
    count = bench.expiry.call("settle_accounts", *row)
    return count, bench.expiry.send("settle_accounts", *row, sender=ADMIN).gas_used


@pytest.mark.parametrize("side", ["winners", "debtors", "insolvent", "half"])
def test_gas__of_the_fullest_batch__fits_a_block(side, chain, deploy):
    """64 series each, all of the expiry."""
    bench = make_bench(chain, deploy)
    bench.fund(POOL, 10**7)
    day, series = bench.day, [bench.call(strike) for strike in range(2_968, 3_032)]
    for n, owner in enumerate(TRADERS[:BATCH]):
        wins = side == "winners" or (side == "half" and n % 2 == 0)
        fill_up(bench, owner, series, (1 if wins else -1) * WAD // 10)
        if side in ("insolvent", "half") and not wins:
            rob(bench, owner)
    bench.set_print(day, 3_031 * WAD)
    if side == "winners":
        bench.expiry.send("settle_pool", account(POOL), ETH, day, sender=ADMIN)
    count, gas = settle_batch(bench, day)
    assert count == BATCH and gas < FULL_GAS
    held = sum(bench.expiry.call("holds", account(owner)) for owner in TRADERS[:BATCH])
    assert held == {"insolvent": BATCH, "half": BATCH // 2}.get(side, 0)


def test_gas__of_debtors_with_more_to_scan__is_bounded_by_who_is_passed_over(chain, deploy):
    """Seven with one series of the expiry and one each of 63 others, among nine full winners."""
    bench = make_bench(chain, deploy)
    bench.fund(POOL, 10**7)
    bench.fund(OTHER, 10**6)
    day, debtors = bench.day, TRADERS[:7]
    rest = [bench.call(3_500 + n, day + 1 + n) for n in range(63)]
    for owner in debtors:
        fill_up(bench, owner, [bench.call(2_600), *rest], -WAD, OTHER)
        rob(bench, owner)
    for owner in TRADERS[7:BATCH]:
        fill_up(bench, owner, [bench.call(strike) for strike in range(2_969, 3_032)], WAD // 10)
    bench.set_print(day, 3_100 * WAD)
    bench.expiry.send("settle_pool", account(POOL), ETH, day, sender=ADMIN)
    counts = []
    while not counts or counts[-1]:
        count, gas = settle_batch(bench, day)
        assert gas < SCAN_GAS
        counts.append(count)
    assert counts == [12, 3, 1, 0]
    assert all(bench.expiry.call("holds", account(owner)) for owner in debtors)


def test_gas__of_an_account_in_debt_with_many_days__scans_it_once(chain, deploy):
    bench = make_bench(chain, deploy)
    bench.fund(POOL, 10**7)
    today, owner = bench.day, TRADERS[0]
    series = [bench.call(2_999, today + n) for n in range(32)]
    rest = [bench.call(3_500 + n, today + 60 + n % 9) for n in range(32)]
    fill_up(bench, owner, series + rest, -WAD // 100)
    rob(bench, owner)
    for n in range(32):
        bench.set_print(today + n, 3_000 * WAD)
    receipt = bench.expiry.send("settle_account", account(owner), sender=STRANGER)
    assert receipt.gas_used < 6_000_000
    assert len(bench.portfolio(owner)) == 32
