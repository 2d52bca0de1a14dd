"""How much equity Vomma asks for well-known positions, beside what they lost in history and beside
what other rules ask.

Each figure is equity an account must have (`protocol.risk.rules` says how that compares): Vomma's
is its margin plus the haircut of posted ether. A loss in history is the fall of that equity over a
horizon: options revalued at the moved spot and volatility with the time that passed, perps and
ether at spot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from protocol.parameters import MarginParameters
from protocol.pricing.black76 import Floats, price
from protocol.risk.bootstrap import History, Moves, VolModel, draw_moves, worst_loss
from protocol.risk.margin import Margin, margin
from protocol.risk.portfolio import Holding, MarketState
from protocol.risk.positions import HAIRCUT, UNDERLYING, Desk, Named
from protocol.risk.rules import deribit_portfolio, deribit_standard, full_collateral, position_of
from protocol.surface.svi import total_variance
from protocol.units import DAY, years

HORIZONS = (12.0, 24.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One position, USD of equity.

    Attributes
    ----------
    vomma, initial : float
        Maintenance and initial margin.
    worst_999, worst_999_24h : float
        Loss not exceeded by 99.9 % of the paths over 12 and 24 hours.
    deribit_pm, deribit_standard, full : float
    worst_scenario : str
        The scenario that sets Vomma's.
    """

    name: str
    vomma: float
    initial: float
    worst_999: float
    worst_999_24h: float
    deribit_pm: float
    deribit_standard: float
    full: float
    worst_scenario: str


@dataclass(frozen=True, slots=True)
class Study:
    """What a table is made with."""

    history: History
    parameters: MarginParameters
    desk: Desk
    model: VolModel
    paths: int
    seed: int


def compare(
    study: Study,
    positions: Sequence[Named],
    *,
    tick: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Row, ...]:
    """A row for each position, all on the same paths.

    Raises
    ------
    InputError
        Where the history is too short, or its interval does not divide the horizons.
    """
    days = np.unique([life for each in positions for life in _lives(study.desk, each)])
    rng = np.random.default_rng(study.seed)
    draws = [
        draw_moves(
            rng,
            history=study.history,
            hours=hours,
            days=days.astype(np.float64),
            paths=study.paths,
            model=study.model,
        )
        for hours in HORIZONS
    ]
    rows, state = [], study.desk.state([int(life) for life in days] or [30])
    for done, named in enumerate(positions, 1):
        rows.append(_row(study, named, state, draws))
        tick(done, len(positions))
    return tuple(rows)


def profits(*, named: Named, state: MarketState, moves: Moves, now: int) -> Floats:
    """Change of a position's equity on every path, shape (paths,), USD."""
    ether = sum(posted.tokens for posted in named.portfolio.collateral)
    total = (named.portfolio.perp(UNDERLYING) + ether) * state.spot * moves.spot
    for held in named.portfolio.options(UNDERLYING):
        total = total + held.size * _option_change(held, state, moves, now)
    return total


def _option_change(held: Holding, state: MarketState, moves: Moves, now: int) -> Floats:
    """Of one contract; the smile keeps its shape in log-moneyness, its level moves."""
    assert state.surface is not None
    series, smile = held.instrument, state.surface.on(held.instrument.day)
    life = series.expiry - now
    left = max(0.0, life - moves.hours * 3_600)
    level = moves.vol_at(life / DAY)

    def value(spot: Floats, change: Floats, seconds: float) -> Floats:
        forward = spot * (1.0 + smile.basis)
        w = total_variance(k=np.log(series.strike / forward), svi=smile.svi)
        vol = np.sqrt(w / years(life + now - smile.timestamp)) * np.exp(change)
        term = seconds / (365 * DAY)
        return price(
            forward=forward,
            strike=series.strike,
            years=term,
            vol=vol,
            is_call=series.is_call,
            discount=np.exp(-smile.rate * term),
        )

    before = value(np.array([state.spot]), np.zeros(1), float(life))
    change: Floats = value(state.spot * (1.0 + moves.spot), level, left) - before
    return change


def _row(study: Study, named: Named, state: MarketState, draws: Sequence[Moves]) -> Row:
    now, parameters, portfolio = study.desk.now, study.parameters, named.portfolio
    asked = margin(portfolio=portfolio, markets={UNDERLYING: state}, now=now, parameters=parameters)
    position = position_of(
        portfolio=portfolio, underlying=UNDERLYING, state=state, now=now, parameters=parameters
    )
    cut = HAIRCUT * position.ether * state.spot
    losses = [
        worst_loss(profits(named=named, state=state, moves=moves, now=now)) for moves in draws
    ]
    return Row(
        name=named.name,
        vomma=asked.maintenance + cut,
        initial=asked.initial + cut,
        worst_999=losses[0],
        worst_999_24h=losses[1],
        deribit_pm=deribit_portfolio(position),
        deribit_standard=deribit_standard(position),
        full=full_collateral(position),
        worst_scenario=_scenario(asked),
    )


def _scenario(asked: Margin) -> str:
    return asked.scenarios.name(asked.risks[0].worst)


def _lives(desk: Desk, named: Named) -> list[float]:
    options = named.portfolio.options(UNDERLYING)
    return [(held.instrument.expiry - desk.now) / DAY for held in options]
