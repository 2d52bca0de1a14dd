"""What a fill costs inside a transaction: storage layout is a promise to every venue."""

from __future__ import annotations

import pytest

from protocol.units import WAD
from tests.ledger_bench import MAKER, OTHER, POOL, TAKER, VENUE, account, leg, make_bench

FEES = (WAD, WAD, WAD)


@pytest.fixture
def bench(chain, deploy):
    made = make_bench(chain, deploy)
    for owner in (TAKER, MAKER, OTHER, POOL):
        made.fund(owner, 100_000)
    made.fill(made.call(2_000), WAD, taker=OTHER, maker=POOL, fees=FEES)  # reserves are there
    return made


def cost(bench, instrument, size, *, taker=TAKER, maker=POOL) -> int:
    """Gas of the call without what a transaction costs by itself."""
    args = (taker, account(taker), account(maker), [leg(instrument, size)], WAD, FEES)
    data = bench.ledger.encode("settle", *args)
    receipt = bench.ledger.send("settle", *args, sender=VENUE)
    return receipt.gas_used - 21_000 - sum(16 if byte else 4 for byte in data)


def test_fill_against_a_pool__repeated__is_cheap(bench):
    series = bench.call(3_000)
    cost(bench, series, WAD)
    assert cost(bench, series, WAD) <= 42_000


def test_fill_against_a_pool__first_of_a_taker__is_one_new_word(bench):
    series = bench.call(3_000)
    cost(bench, series, WAD, taker=OTHER)
    assert cost(bench, series, WAD) <= 60_000


def test_fill_of_a_series_new_to_the_pool__is_bounded(bench):
    assert cost(bench, bench.call(3_000), WAD) <= 106_000


def test_fill_that_closes__is_cheap(bench):
    series = bench.call(3_000)
    cost(bench, series, WAD, taker=OTHER)
    cost(bench, series, WAD)
    assert cost(bench, series, -WAD) <= 50_000


def test_fill_against_a_short__pays_for_its_margin(bench):
    series = bench.call(3_000)
    cost(bench, series, WAD, maker=MAKER)
    assert cost(bench, series, WAD, maker=MAKER) <= 84_000  # with five words of the mock
