"""OptionPricer's book in the last half hour, where the print is an average partly known."""

from __future__ import annotations

from itertools import pairwise

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing.amm_words import SurfaceWords
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD
from tests.market_bench import STRANGER

SPOT = 2_000 * WAD
WINDOW, EIGHT = 1_800, 28_800


@pytest.fixture
def market(deploy) -> AnyContract:
    return deploy("MockMarket")


@pytest.fixture
def pricer(deploy, market, chain) -> AnyContract:
    chain.set_time((chain.timestamp // DAY + 2) * DAY + EIGHT - WINDOW)
    return deploy("OptionPricer", market.address, market.address)


def series(pricer: AnyContract, strike: int) -> Instrument:
    return Instrument.option(Kind.CALL, 1, pricer.chain.timestamp // DAY, strike)


def smile(pricer: AnyContract) -> SurfaceWords:
    """60 % a year at the money for a day, posted twelve hours ago; a skew to puts."""
    posted = pricer.chain.timestamp - DAY // 2
    return SurfaceWords(
        a=2 * 10**14, b=3 * 10**14, basis=10**14, rate=4 * 10**16, rho=-WAD // 2, m=0,
        sigma=WAD // 10, timestamp=posted,
    )  # fmt: skip


def know(market: AnyContract, pricer: AnyContract, spot: int, share: int) -> None:
    """The print known but for `share` of it, at `spot` so far."""
    day = pricer.chain.timestamp // DAY
    market.send("set_window", 1, day, spot * (WAD - share) // WAD, share, sender=STRANGER)


def book(pricer: AnyContract, strike: int, *, spot: int = SPOT, size: int = WAD) -> tuple[int, ...]:
    """(value, delta, vega, gamma)."""
    option = series(pricer, strike)
    row = (spot, smile(pricer).words, option.day, [option.id], [size], 0)
    value, risk, _ = pricer.call("book", *row)
    return (int(value), *(int(each) for each in risk[:3]))


def test_book__print_all_but_known__is_worth_the_payoff_and_has_no_greeks(pricer, market):
    know(market, pricer, SPOT, 0)
    value, *greeks = book(pricer, 1_900)
    assert value == pytest.approx(100 * WAD, rel=1e-4)  # a discount of minutes
    assert greeks == [0, 0, 0]


def test_book__outside_the_window__is_as_if_there_were_none(pricer, market):
    plain = book(pricer, 1_990)
    know(market, pricer, SPOT, WAD)
    assert book(pricer, 1_990) == plain


@pytest.mark.parametrize("share", [WAD // 20, WAD // 2, WAD * 9 // 10])
@pytest.mark.parametrize("strike", [1_980, 2_000, 2_010])
def test_delta__is_the_slope_of_the_value(share, strike, pricer, market):
    know(market, pricer, SPOT, share)
    step = WAD // 100
    up, down = (book(pricer, strike, spot=SPOT + move, size=10**6 * WAD) for move in (step, -step))
    slope = (up[0] - down[0]) / (2 * step * 10**6)
    # What is left out is the rise of the average's own volatility with the open share, well below
    # a hundredth, and nothing the smile does.
    assert book(pricer, strike)[1] / WAD == pytest.approx(slope, abs=3e-3)
    curve = (up[1] - down[1]) / (2 * step * 10**6)  # times spot squared is gamma in cash
    assert book(pricer, strike)[3] / WAD == pytest.approx(curve * 4e6, rel=0.03, abs=5.0)


def test_delta__in_the_money__is_the_share_still_open(pricer, market):
    for tenths in range(11):
        know(market, pricer, SPOT, WAD * tenths // 10)
        assert book(pricer, 1_700)[1] / WAD == pytest.approx(tenths / 10, abs=1e-3)


def test_delta__through_the_window__never_jumps_and_ends_at_nothing(pricer, market, chain):
    """In the money by a little: each thirty seconds take off no more than their share of it."""
    path, start = [], chain.timestamp
    for seconds in range(0, WINDOW, 30):
        chain.set_time(start + seconds)
        know(market, pricer, SPOT, WAD * (WINDOW - seconds) // WINDOW)
        path.append(book(pricer, 1_975)[1] / WAD)
    steps = [after - before for before, after in pairwise(path)]
    assert path[0] > 0.9
    assert max(map(abs, steps)) < 0.03
    assert path[-1] < 0.02
