"""Attribution of a book's profit: exact where it must be, and small residuals on a real crash."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protocol.config import ReferencePolicy, SettlePolicy
from protocol.errors import InputError
from protocol.pricing.black76 import Floats, price
from protocol.pricing.greeks import greeks
from protocol.risk.attribution import (
    COMPONENTS,
    Attribution,
    BookStep,
    StepAttribution,
    StepCash,
    aggregate,
    attribute_step,
)
from protocol.sim.prices import read_prices
from protocol.strategy.settle import weekly_days
from protocol.surface.marks import Marks, mark
from protocol.surface.reference_model import realised_variance, reference_surface
from protocol.types import Instrument, Kind

HOUR_YEARS = 1.0 / 8_760.0


def book_of(*, move: float = 0.0, vol: float = 0.0, hours: float = 0.0) -> BookStep:
    strike = np.array([1_900.0, 2_000.0, 2_200.0, 2_050.0])
    years = np.array([0.02, 0.02, 0.08, 0.05])
    start = np.array([0.8, 0.7, 0.65, 0.72])
    forward = np.full(4, 2_000.0)
    return BookStep(
        size=np.array([-5.0, 8.0, -20.0, 3.0]),
        strike=strike,
        is_call=np.array([False, True, True, False]),
        forward_start=forward,
        forward_end=forward * (1.0 + move),
        years_start=years,
        years_end=years - hours * HOUR_YEARS,
        vol_start=start,
        vol_end=start + vol,
        rate=np.full(4, 0.03),
    )


def value(book: BookStep, *, end: bool) -> float:
    forward, years, vol = (
        (book.forward_end, book.years_end, book.vol_end)
        if end
        else (book.forward_start, book.years_start, book.vol_start)
    )
    each = price(
        forward=forward,
        strike=book.strike,
        years=years,
        vol=vol,
        is_call=book.is_call,
        discount=np.exp(-book.rate * years),
    )
    return float(book.size @ each)


def attributed(book: BookStep, cash: StepCash | None = None) -> StepAttribution:
    move = value(book, end=True) - value(book, end=False)
    return attribute_step(book=book, cash=cash or StepCash(), actual=move)


def parts(step: StepAttribution) -> dict[str, float]:
    return {name: getattr(step, name) for name in COMPONENTS if getattr(step, name) != 0.0}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"move": 0.01}, {"delta", "gamma", "speed"}),
        ({"vol": 0.01}, {"vega", "volga", "ultima"}),
        ({"hours": 1.0}, {"theta", "theta_decay"}),
        ({}, set()),
    ],
)
def test_attribute_step__one_thing_moves__only_its_greeks_earn(
    change: dict[str, float], names: set[str]
) -> None:
    step = attributed(book_of(**change))
    assert set(parts(step)) == names
    assert abs(step.residual) <= 2e-3 * sum(abs(each) for each in parts(step).values())


def test_attribute_step__all_move__adds_up_to_the_cent() -> None:
    book = book_of(move=-0.03, vol=0.05, hours=1.0)
    step = attributed(book)
    assert len(parts(step)) == 14
    assert sum(parts(step).values()) + step.residual == pytest.approx(step.actual, rel=1e-12)
    at = greeks(
        forward=book.forward_start,
        strike=book.strike,
        years=book.years_start,
        vol=book.vol_start,
        is_call=book.is_call,
        rate=book.rate,
    )
    assert step.delta == pytest.approx(float(book.size @ at.delta) * -60.0)
    assert step.gamma == pytest.approx(float(book.size @ at.gamma) * 1_800.0)
    assert step.vanna == pytest.approx(float(book.size @ at.vanna) * -60.0 * 0.05)
    assert step.charm == pytest.approx(float(book.size @ at.charm) * -60.0 * HOUR_YEARS)


def test_attribute_step__smaller_moves__leave_a_residual_of_fourth_order() -> None:
    whole, half = (
        abs(attributed(book_of(move=0.04 * scale, vol=0.04 * scale)).residual)
        for scale in (1.0, 0.5)
    )
    assert 12.0 < whole / half < 24.0  # 16 for a pure fourth order; a missing third gives 8


def test_attribute_step__cash__is_passed_through_and_hedges_are_delta() -> None:
    cash = StepCash(hedge=40.0, spread=7.0, fees=5.0, funding=-3.0, hedging_cost=-2.0)
    book = book_of(move=0.01)
    plain = attributed(book)
    step = attribute_step(book=book, cash=cash, actual=plain.actual + 47.0)
    assert (step.spread, step.fees, step.funding, step.hedging_cost) == (7.0, 5.0, -3.0, -2.0)
    assert step.delta == pytest.approx(plain.delta + 40.0)
    assert step.residual == pytest.approx(plain.residual, abs=1e-9)


def test_attribute_step__wrong_actual__is_all_residual() -> None:
    book = book_of(move=0.01)
    plain = attributed(book)
    off = attribute_step(book=book, cash=StepCash(), actual=plain.actual + 100.0)
    assert off.residual == pytest.approx(plain.residual + 100.0)


def test_attribute_step__empty_book__is_cash_alone() -> None:
    none = np.zeros(0)
    book = BookStep(none, none, none.astype(bool), *[none] * 7)
    step = attribute_step(book=book, cash=StepCash(fees=4.0), actual=4.0)
    assert parts(step) == {"fees": 4.0} and step.residual == 0.0


def test_book_step__uneven_arrays__raise() -> None:
    with pytest.raises(InputError, match="one shape"):
        replace(book_of(), size=np.ones(3))


def test_aggregate__steps__sums_net_and_gross() -> None:
    up, down = attributed(book_of(move=0.01)), attributed(book_of(move=-0.01))
    total = aggregate([up, down])
    assert total.net["delta"] == pytest.approx(0.0, abs=1e-9)
    assert total.gross["delta"] == pytest.approx(2 * abs(up.delta))
    assert sum(total.share[name] for name in COMPONENTS) == pytest.approx(1.0)
    assert total.share["residual"] == pytest.approx(
        (abs(up.residual) + abs(down.residual)) / sum(total.gross[name] for name in COMPONENTS)
    )
    assert total.actual == pytest.approx(up.actual + down.actual)
    assert aggregate([]).share["residual"] == 0.0


class WeeklyBook:
    """A book of weekly options that grows at random and settles, on a reference surface."""

    def __init__(self, folder: Path, seed: int, *, hedged: bool) -> None:
        self.rng, self.hedged = np.random.default_rng(seed), hedged
        path = folder / "spot" / "ETHUSDT_1h_2017-08_2024-12.csv.gz"
        history = read_prices(path, start=dt.date(2024, 6, 1), end=dt.date(2024, 8, 31))
        self.times, self.spots = history.known_at, history.close
        self.variance: Floats = realised_variance(
            closes=history.close, interval=history.interval, policy=ReferencePolicy()
        )
        self.held: dict[Instrument, float] = {}

    def august(self) -> Attribution:
        first = int(dt.datetime(2024, 8, 1, tzinfo=dt.UTC).timestamp())
        start = int(np.searchsorted(self.times, first))
        steps = []
        for i in range(start, len(self.times) - 1):
            self.trade(i)
            if self.held:
                steps.append(self.step(i))
        assert len(steps) > 700
        return aggregate(steps)

    def trade(self, i: int) -> None:
        if self.rng.random() < 0.5:
            day = int(self.rng.choice(weekly_days(int(self.times[i]), SettlePolicy())))
            strike = 50.0 * round(self.spots[i] * np.exp(0.08 * self.rng.standard_normal()) / 50.0)
            series = Instrument.option(Kind(int(self.rng.integers(1, 3))), 1, day, strike)
            size = self.rng.choice([-1.0, -1.0, 1.0]) * self.rng.lognormal(1.0, 1.0)
            self.held[series] = self.held.get(series, 0.0) + size

    def step(self, i: int) -> StepAttribution:
        series = tuple(sorted(self.held, key=lambda each: each.id))
        size = np.array([self.held[each] for each in series])
        strike = np.array([each.strike for each in series])
        is_call = np.array([each.is_call for each in series])
        following = int(self.times[i + 1])
        spot, end = float(self.spots[i]), float(self.spots[i + 1])
        alive = np.array([each.expiry > following for each in series])
        living = tuple(each for each, lives in zip(series, alive, strict=True) if lives)
        start = self.marks(i, series)
        vol, left = start.vol.copy(), np.zeros(len(series))
        worth = np.maximum(np.where(is_call, end - strike, strike - end), 0.0)
        if living:
            marks = self.marks(i + 1, living)
            vol[alive], left[alive], worth[alive] = marks.vol, marks.years, marks.black.value
        hedge = -float(size @ start.delta) * (end - spot) if self.hedged else 0.0
        for each in set(series) - set(living):
            del self.held[each]
        return attribute_step(
            book=BookStep(
                size=size,
                strike=strike,
                is_call=is_call,
                forward_start=start.forward,
                forward_end=np.full(len(series), end),
                years_start=start.years,
                years_end=left,
                vol_start=start.vol,
                vol_end=vol,
                rate=np.zeros(len(series)),
            ),
            cash=StepCash(hedge=hedge),
            actual=float(size @ (worth - start.black.value)) + hedge,
        )

    def marks(self, i: int, series: tuple[Instrument, ...]) -> Marks:
        now, spot = int(self.times[i]), float(self.spots[i])
        surface = reference_surface(
            underlying=1,
            spot=spot,
            variance=float(self.variance[i]),
            timestamp=now,
            days=sorted({each.day for each in series}),
            policy=ReferencePolicy(),
        )
        return mark(surface=surface, instruments=series, spot=spot, now=now)


@pytest.mark.parametrize("hedged", [False, True])
def test_attribution__weekly_book_through_august_2024__residual_is_half_a_percent_at_most(
    market_data: Path, hedged: bool
) -> None:
    total = WeeklyBook(market_data, seed=0, hedged=hedged).august()
    assert total.share["residual"] <= 0.005
    assert total.share["gamma"] > 0.02 and total.share["vega"] > 0.05  # the book is no toy
    assert (total.share["delta"] < 1e-9) == hedged
