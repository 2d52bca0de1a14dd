"""OptionPricer on smiles that are hardly any: flat, a wei high, of no variance, not posted yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing.amm_words import SurfaceWords
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD

SPOT = 2_000 * WAD


@pytest.fixture
def pricer(deploy) -> AnyContract:
    market = deploy("MockMarket")
    return deploy("OptionPricer", market.address, market.address)


@pytest.fixture
def series(pricer) -> Instrument:
    return Instrument.option(Kind.CALL, 1, pricer.chain.timestamp // DAY + 28, 1_900)


@pytest.fixture
def flat(pricer) -> SurfaceWords:
    return SurfaceWords(
        a=2 * 10**16, b=0, basis=0, rate=0, rho=-WAD // 2, m=WAD // 2, sigma=WAD // 4,
        timestamp=pricer.chain.timestamp,
    )  # fmt: skip


def delta(pricer: AnyContract, series: Instrument, smile: SurfaceWords) -> int:
    _, risk, _ = pricer.call("book", SPOT, smile.words, series.day, [series.id], [WAD], 0)
    return int(risk[0])


def test_delta__flat_smile__is_the_slope_of_the_mark(pricer, series, flat):
    up, down = (
        pricer.call("mark", series.id, SPOT + move, flat.words)
        for move in (WAD // 100, -WAD // 100)
    )
    assert delta(pricer, series, flat) == pytest.approx((up - down) * 50, rel=1e-7)


def test_delta__smile_of_a_wei__is_that_of_a_flat_one(pricer, series, flat):
    assert delta(pricer, series, replace(flat, b=1)) == delta(pricer, series, flat)


def test_book__no_variance__intrinsic_value_and_whole_delta(pricer, series, flat):
    call = ("book", SPOT, replace(flat, a=0).words, series.day, [series.id], [WAD], 0)
    value, risk, _ = pricer.call(*call)
    assert value == pytest.approx(100 * WAD, abs=10**6)
    assert (risk[0], risk[1]) == pytest.approx((WAD, 0), abs=10)


def test_mark__surface_posted_after_the_expiry__reverts(pricer, series, flat, reverts):
    with reverts("pricer: series expired"):
        late = replace(flat, timestamp=series.expiry)
        pricer.call("mark", series.id, SPOT, late.words)
