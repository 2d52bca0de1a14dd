"""Vault shares between owners, and a pool worth less than nothing before its first LP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.market_bench import LP, OTHER_LP, STRANGER, TERMS, Bench, build, rewound, with_mock_pool


@pytest.fixture(scope="module")
def again(artifacts) -> Iterator[Callable[[], Bench]]:
    yield from rewound(lambda: with_mock_pool(build(EmbeddedChain(), artifacts), artifacts))


@pytest.fixture
def bench(again) -> Bench:
    return again()


def test_transfer_from__within_the_allowance_only(bench, reverts):
    shares = bench.enter(LP, 1_000)
    bench.vault.send("approve", STRANGER, shares // 2, sender=LP)
    half = (LP, OTHER_LP, shares // 2)
    bench.vault.send("transferFrom", *half, sender=STRANGER)
    assert bench.shares(OTHER_LP) == shares // 2
    with reverts("erc20: insufficient allowance"):
        bench.vault.send("transferFrom", LP, OTHER_LP, 1, sender=STRANGER)


def test_first_deposit__into_a_pool_below_zero__is_refunded(bench):
    bench.perp.send("set_book", -WAD, 0, 0, 0, sender=STRANGER)
    bench.request_deposit(LP, 1_000)
    bench.advance(TERMS["delay"])
    bench.process()
    assert bench.vault.call("totalSupply") == 0
    assert bench.vault.call("maxWithdraw", LP) == 1_000 * 10**bench.decimals
