"""A step's profit: measured from two books, and explained from the first one's Greeks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocol.pricing.black76 import Floats
from protocol.risk.attribution import BookStep, StepAttribution, StepCash, attribute_step
from protocol.sim.actions import StepTape
from protocol.sim.view import PoolBook
from protocol.surface.marks import Marks, mark
from protocol.types import Instrument, Surface

_NONE = np.zeros(0)
_EMPTY = BookStep(
    size=_NONE,
    strike=_NONE,
    is_call=np.zeros(0, dtype=bool),
    forward_start=_NONE,
    forward_end=_NONE,
    years_start=_NONE,
    years_end=_NONE,
    vol_start=_NONE,
    vol_end=_NONE,
    rate=_NONE,
)


def pool_pnl(before: PoolBook, after: PoolBook, tape: StepTape) -> float:
    """Change of NAV over a step that LP flows do not explain."""
    return after.nav - before.nav - tape.option_flows


def delta_pnl(before: PoolBook, after: PoolBook) -> float:
    """The part of it that spot alone brought, to first order: net delta times the move."""
    return before.delta * (after.spot - before.spot)


def attribute(
    before: PoolBook, after: PoolBook, *, surface: Surface, prints: dict[int, float], tape: StepTape
) -> StepAttribution:
    """Explain a step.

    Parameters
    ----------
    before, after : PoolBook
        At the end of the last step and of this one; trades fall on the end.
    surface : Surface
        On chain at the end of the step.
    prints : dict
        Settlement price of each day that expired in the step, USD.
    tape : StepTape
    """
    revenue = sum(trade.impact + trade.spread for trade in tape.trades)
    cash = StepCash(
        hedge=before.hedge * (after.spot - before.spot),
        spread=revenue,
        fees=tape.maker_fees,
        funding=-before.hedge * (after.funding_index - before.funding_index),
        hedging_cost=-sum(hedge.cost for hedge in tape.hedges),
    )
    book = _EMPTY
    if before.marks is not None:
        book = _book(before, before.marks, after, surface, prints)
    return attribute_step(book=book, cash=cash, actual=pool_pnl(before, after, tape))


def _book(
    before: PoolBook, marks: Marks, after: PoolBook, surface: Surface, prints: dict[int, float]
) -> BookStep:
    alive = np.array([each.day not in prints for each in before.series])
    printed = np.array([prints.get(each.day, 0.0) for each in before.series])
    end = _marks_at_end(before.series, alive, surface, after)

    def at_end(values: Floats, expired: Floats) -> Floats:
        merged = expired.astype(np.float64)
        merged[alive] = values
        return merged

    return BookStep(
        size=before.sizes,
        strike=np.array([each.strike for each in before.series]),
        is_call=np.array([each.is_call for each in before.series], dtype=bool),
        forward_start=marks.forward,
        forward_end=at_end(end.forward, printed) if end else printed,
        years_start=marks.years,
        years_end=at_end(end.years, np.zeros(len(printed))) if end else np.zeros(len(printed)),
        vol_start=marks.vol,
        vol_end=at_end(end.vol, marks.vol) if end else marks.vol,
        rate=np.array([surface_rate(surface, each.day) for each in before.series]),
    )


def surface_rate(surface: Surface, day: int) -> float:
    """The discount rate of a day; 0 for one that is gone, which no longer discounts."""
    return next((smile.rate for smile in surface.expiries if smile.day == day), 0.0)


def _marks_at_end(
    series: tuple[Instrument, ...], alive: NDArray[np.bool_], surface: Surface, after: PoolBook
) -> Marks | None:
    living = [each for each, lives in zip(series, alive.tolist(), strict=True) if lives]
    if not living:
        return None
    return mark(surface=surface, instruments=living, spot=after.spot, now=after.timestamp)
