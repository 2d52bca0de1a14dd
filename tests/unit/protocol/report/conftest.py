"""Made-up runs: a plausible market, so that screens and numbers have something to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from protocol.risk.attribution import COMPONENTS, StepAttribution
from protocol.sim.record import (
    AgentRecord,
    HedgeRecord,
    LiquidationRecord,
    RunRecord,
    StepRecord,
    TradeRecord,
)
from protocol.sim.result import RunResult, compare
from protocol.types import ExpirySurface, Instrument, Kind, Surface, SviParams
from protocol.units import expiry_timestamp

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
HOUR = 3_600
LIQUIDATIONS = (
    LiquidationRecord(START + HOUR, 1, "AuctionStarted", 0.0, 0.0, 0.0, 0.0, 0.0),
    LiquidationRecord(START + 2 * HOUR, 1, "SliceSold", 0.5, 120.0, 0.0, 0.0, 0.0),
    LiquidationRecord(START + 3 * HOUR, 1, "SliceSold", 1.0, 80.0, 300.0, 40.0, 2.0),
)
PARAMETERS = (("flow.trades_per_day", "40.0"), ("amm.limits.vega", "0.2"))

MakeRun = Callable[..., RunRecord]
MakeResult = Callable[..., RunResult]


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    return fake_run


@pytest.fixture(scope="session")
def make_result() -> MakeResult:
    return fake_result


def fake_result(*, steps: int = 48, seeds: int = 1) -> RunResult:
    pairs = [
        (fake_run(steps=steps, seed=seed), fake_run(steps=steps, seed=seed, hedged=False))
        for seed in range(7, 7 + seeds)
    ]
    result = compare(pairs, PARAMETERS)
    names = ("latency_arb", "sniper")
    defended = replace(
        result.record,
        agents=tuple(_agent(name, -10.0) for name in names),
        liquidations=LIQUIDATIONS,
    )
    exposed = tuple(replace(result.record, agents=(_agent(name, 9_000.0),)) for name in names)
    return replace(result, record=defended, exposed=exposed)


def _agent(name: str, pnl: float) -> AgentRecord:
    path = tuple((START + (i + 1) * HOUR, pnl * i / 9) for i in range(10))
    causes = (("fees", -5.0), ("stale", pnl + 5.0))
    return AgentRecord(name, pnl, trades=4, causes=causes, refusals=(), path=path)


def fake_run(*, steps: int = 48, seed: int = 7, hedged: bool = True) -> RunRecord:
    rng = np.random.default_rng(seed)
    spots = 2_500.0 * np.exp(np.cumsum(rng.normal(0.0, 0.7 / np.sqrt(8_760), steps)))
    trades = _trades(rng, spots)
    rows = _steps(rng, spots, hedged=hedged)
    hedges = tuple(
        HedgeRecord(row.timestamp, row.delta_net - row.delta_options, row.spot, row.hedging_cost)
        for row in rows
        if row.hedges
    )
    moments = sorted({0, steps // 3, 2 * steps // 3, steps - 1})
    return RunRecord(
        scenario="replay",
        seed=seed,
        source="heston",
        underlying="ETH",
        hedged=hedged,
        engine="embedded",
        steps=rows,
        trades=trades,
        hedges=hedges,
        surfaces=tuple(_surface(START + (i + 1) * HOUR, float(spots[i])) for i in moments),
        expiries=tuple(
            (day, float(spots[(expiry_timestamp(day) - START) // HOUR - 1]))
            for day in _days(START)
            if START < expiry_timestamp(day) <= START + steps * HOUR
        ),
        refusals=(("amm: vega limit", 4), ("amm: delta cut", 11)),
        transactions=40 * steps,
        gas_used=8_000_000 * steps,
        wall_s=21.5,
    )


def _days(timestamp: int, count: int = 5) -> list[int]:
    friday = timestamp // 86_400 + (4 - datetime.fromtimestamp(timestamp, UTC).weekday()) % 7
    return [friday + 7 * week for week in range(count)]


def _steps(rng: np.random.Generator, spots: np.ndarray, *, hedged: bool) -> tuple[StepRecord, ...]:
    rows, nav, shares, previous, insurance = [], 2_000_000.0, 2_000_000.0, 2_500.0, 0.0
    delta = 0.0
    for i, spot in enumerate(spots.tolist()):
        delta = 0.97 * delta + float(rng.normal(0.0, 15.0))
        net = float(rng.normal(0.0, 3.0)) if hedged else delta
        move, premium = spot - previous, float(rng.normal(200.0, 900.0))
        parts = dict.fromkeys(COMPONENTS, 0.0)
        parts |= {
            "delta": net * move,
            "gamma": -0.5 * 0.08 * move**2,
            "theta": 55.0 + float(rng.normal(0.0, 4.0)),
            "vega": float(rng.normal(0.0, 160.0)),
            "vanna": float(rng.normal(0.0, 15.0)),
            "spread": abs(float(rng.normal(0.0, 30.0))),
            "fees": abs(float(rng.normal(0.0, 10.0))),
            "funding": float(rng.normal(-2.0, 2.0)) if hedged else 0.0,
            "hedging_cost": -abs(float(rng.normal(0.0, 12.0))) if hedged else 0.0,
        }
        residual = float(rng.normal(0.0, 5.0))
        pnl = sum(parts.values()) + residual
        if i % 200 == 150:
            nav, shares = nav * 1.05, shares * 1.05
        nav, insurance, previous = nav + pnl, insurance + 0.3 * parts["fees"], spot
        rows.append(
            StepRecord(
                timestamp=START + (i + 1) * HOUR,
                spot=spot,
                nav=nav,
                shares=shares,
                nav_per_share=nav / shares,
                risk_potential=400.0 + 100.0 * np.sin(i / 30.0),
                depth=nav,
                delta_options=delta,
                delta_net=net,
                gamma_cash=-0.08 * spot**2,
                vega=-60_000.0,
                reserve=nav * (0.3 + 0.1 * np.sin(i / 60.0)),
                utilisation=0.3 + 0.1 * np.sin(i / 60.0),
                premium=premium,
                impact=0.6 * parts["spread"],
                spread=0.4 * parts["spread"],
                fees=2.0 * parts["fees"],
                hedging_cost=-parts["hedging_cost"],
                funding=parts["funding"],
                trades=2,
                hedges=int(hedged and i % 2 == 0),
                refused=int(i % 50 == 0),
                pool_pnl=pnl,
                delta_pnl=parts["delta"],
                perp_pnl=float(rng.normal(3.0, 25.0)),
                insurance=insurance,
                treasury=0.5 * insurance,
                attribution=StepAttribution(**parts, residual=residual, actual=pnl),
                imbalance=0,
                shortfall=0,
            )
        )
    return tuple(rows)


def _trades(rng: np.random.Generator, spots: np.ndarray) -> tuple[TradeRecord, ...]:
    trades = []
    for _ in range(max(2, int(1.6 * len(spots)))):
        i = int(rng.integers(0, len(spots)))
        spot, now = float(spots[i]), START + i * HOUR + int(rng.integers(60, HOUR))
        kind = Kind.CALL if rng.random() < 0.5 else Kind.PUT
        away = abs(float(rng.normal(0.0, 0.08))) * (1 if kind is Kind.CALL else -1)
        day = _days(now + 3 * 86_400)[int(rng.integers(0, 4))]
        series = Instrument.option(kind, 1, day, 50.0 * round(spot * (1 + away) / 50.0))
        size = float(rng.lognormal(1.2, 0.9)) * (1 if rng.random() < 0.6 else -1)
        mark = 60.0 * size
        parts = dict(mark=mark, impact=2.0, spread=1.5 * abs(size), fee=0.4 * abs(size))
        trades.append(
            TradeRecord(
                timestamp=now,
                account=1 << 96,
                legs=((series.id, size),),
                cash=sum(parts.values()),
                spot=spot,
                **parts,
            )
        )
    return tuple(sorted(trades, key=lambda trade: trade.timestamp))


def _surface(timestamp: int, spot: float) -> Surface:
    rows = []
    for day in _days(timestamp + 86_400):
        years = (expiry_timestamp(day) - timestamp) / (365 * 86_400)
        w = (0.62 + 0.05 * np.exp(-20 * years) + 0.02 * np.sin(timestamp / 3e5)) ** 2 * years
        svi = SviParams(a=0.5 * w, b=0.8 * np.sqrt(w), rho=-0.2, m=0.0, sigma=0.6 * np.sqrt(w))
        rows.append(ExpirySurface(day, svi, 0.0004 * years * 52, 0.0, timestamp))
    return Surface(1, spot, timestamp, tuple(rows))


def with_steps(run: RunRecord, **changes: object) -> RunRecord:
    """The run with some fields of every step set."""
    return replace(run, steps=tuple(replace(step, **changes) for step in run.steps))
