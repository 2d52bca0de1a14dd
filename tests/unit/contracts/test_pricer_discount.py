"""OptionPricer's discount past the end of its short series and below zero; an expired series."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing.amm_words import SurfaceWords
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD, YEAR, to_wad

SPOT = 2_000 * WAD


@pytest.fixture
def pricer(deploy) -> AnyContract:
    market = deploy("MockMarket")
    return deploy("OptionPricer", market.address, market.address)


@pytest.fixture
def series(pricer) -> Instrument:
    return Instrument.option(Kind.PUT, 1, pricer.chain.timestamp // DAY + 28, 2_100)


@pytest.fixture
def smile(pricer) -> SurfaceWords:
    return SurfaceWords(
        a=10**15, b=WAD // 20, basis=0, rate=0, rho=-WAD // 2, m=0, sigma=WAD // 4,
        timestamp=pricer.chain.timestamp,
    )  # fmt: skip


@pytest.mark.parametrize("rate", [-2.0, -0.05, 0.05, 1.9, 2.1, 4.0, 9.0])
def test_mark__any_rate__is_discounted_by_it(rate, pricer, series, smile):
    plain, discounted = (
        pricer.call("mark", series.id, SPOT, replace(smile, rate=to_wad(x)).words)
        for x in (0.0, rate)
    )
    left = (series.expiry - pricer.chain.timestamp) / YEAR
    assert discounted / plain == pytest.approx(exp(-rate * left), rel=1e-14)


@pytest.mark.parametrize(("before", "expired"), [(1, False), (0, True), (-1, True)])
def test_mark__around_expiry__reverts_from_its_second_on(
    before, expired, pricer, series, smile, reverts
):
    pricer.chain.set_time(series.expiry - before)
    if expired:
        with reverts("pricer: series expired"):
            pricer.call("mark", series.id, SPOT, smile.words)
        return
    assert pricer.call("mark", series.id, SPOT, smile.words) == pytest.approx(100 * WAD, rel=1e-6)


def test_mark__no_surface__reverts(pricer, series, reverts):
    with reverts("pricer: no surface"):
        pricer.call("mark", series.id, SPOT, (0, 0))
