"""The efficiency table: other rules by hand, the bootstrap, and that margin outlasts history."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protocol.commands.price_history import history_of
from protocol.errors import DataError, InputError
from protocol.parameters import MarginParameters
from protocol.pricing.black76 import price
from protocol.risk.bootstrap import History, VolModel, draw_moves, worst_loss
from protocol.risk.portfolio import Portfolio
from protocol.risk.positions import UNDERLYING, Desk, Named, book, standard_positions
from protocol.risk.rules import (
    Position,
    deribit_portfolio,
    deribit_standard,
    full_collateral,
    position_of,
)
from protocol.risk.table import Row, Study, compare
from protocol.types import Instrument, Kind

DESK = Desk()
PERP = Instrument.perp(UNDERLYING)
HOUR = 3_600


def position(held: Portfolio) -> Position:
    return position_of(
        portfolio=held,
        underlying=UNDERLYING,
        state=DESK.state([30]),
        now=DESK.now,
        parameters=MarginParameters(),
    )


def study(history: History, desk: Desk = DESK, paths: int = 20_000) -> Study:
    return Study(history, MarginParameters(), desk, VolModel(), paths, 7)


def walk(hours: int = 5_000, interval: int = HOUR) -> History:
    steps = 0.01 * np.random.default_rng(1).standard_normal(hours)
    closes = DESK.spot * np.exp(np.cumsum(steps))
    return History(closes, np.zeros(hours, dtype=bool), interval)


def put(strike: float) -> Instrument:
    return DESK.option(Kind.PUT, 30, strike)


def call(strike: float) -> Instrument:
    return DESK.option(Kind.CALL, 30, strike)


# ── other rules ──


def test_deribit_standard__shorts_and_longs__as_the_page_says() -> None:
    held = position(book((put(0.9), -2.0), (call(1.1), 1.0), (PERP, -0.5)))
    bought = float(held.marks[held.legs.is_call][0])
    expected = 2 * 0.075 * 2_000.0 + bought + 0.5 * 2_000.0 * 0.01
    assert deribit_standard(held) == pytest.approx(expected)


def test_full_collateral__naked_put__is_strike_less_premium() -> None:
    held = position(book((put(0.9), -1.0)))
    assert full_collateral(held) == pytest.approx(1_800.0 - held.marks[0])


def test_full_collateral__covered_call__is_ether_less_premium() -> None:
    held = position(book((call(1.1), -1.0), ether=1.0))
    assert full_collateral(held) == pytest.approx(2_000.0 - held.marks[0])


def test_deribit_portfolio__perp__is_its_largest_move() -> None:
    assert deribit_portfolio(position(book((PERP, -1.5)))) == pytest.approx(1.5 * 2_000.0 * 0.16)


def test_deribit_portfolio__short_call__is_scan_and_contingency() -> None:
    """At the money the worst is +16 % with vol up 38 %, or +500 % of which 3.2 % counts."""
    held = position(book((call(1.0), -1.0)))
    vol = held.legs.deviation[0] / np.sqrt(30 / 365)
    near, far = (
        float(
            price(
                forward=2_000.0 * (1 + move),
                strike=2_000.0,
                years=30 / 365,
                vol=vol * 1.38,
                is_call=True,
            )
        )
        - float(held.marks[0])
        for move in (0.16, 5.0)
    )
    assert deribit_portfolio(held) == pytest.approx(max(near, 0.16 / 5.0 * far) + 20.0)


def test_deribit_portfolio__short_call_and_long_put__is_a_forward_without_contingency() -> None:
    held = position(book((call(1.0), -1.0), (put(1.0), 1.0)))
    assert deribit_portfolio(held) == pytest.approx(0.16 * 2_000.0)


# ── the bootstrap ──


def test_stretches__hour_by_hour__are_the_returns_between_bars_that_were_there() -> None:
    closes = np.array([100.0, 110.0, 110.0, 121.0, 133.1])
    filled = np.array([False, False, True, False, False])
    history = History(closes, filled, HOUR)
    assert history.stretches(1) == pytest.approx(np.log([1.1, 1.1]))
    assert history.stretches(2) == pytest.approx(np.log([1.1]))


@pytest.mark.parametrize("interval", [7 * HOUR, 24 * HOUR])
def test_stretches__interval_too_wide__is_refused(interval: int) -> None:
    with pytest.raises(InputError, match="interval of prices.*divisor of 12 h"):
        walk(interval=interval).stretches(12)


def test_stretches__short_history__is_refused() -> None:
    with pytest.raises(InputError, match="prices is 5, must be more than 12 bars"):
        walk(5).stretches(12)


def test_draw_moves__same_seed__same_moves_and_the_model_s_regression() -> None:
    model, days = VolModel(noise=0.0), np.array([7.5, 30.0])
    one, two = (
        draw_moves(
            np.random.default_rng(3),
            history=walk(),
            hours=12,
            days=days,
            paths=1_000,
            model=model,
        )
        for _ in range(2)
    )
    assert np.array_equal(one.vol, two.vol) and np.array_equal(one.spot, two.spot)
    r = np.log1p(one.spot)
    assert one.vol_at(30.0) == pytest.approx(-0.57 * r + 6.2 * r**2)
    assert one.vol_at(7.5) == pytest.approx(2.0 * one.vol_at(30.0))


def test_draw_moves__noise__has_the_size_and_closeness_it_says() -> None:
    still = History(np.full(1_000, 2_000.0), np.zeros(1_000, dtype=bool), HOUR)
    moves = draw_moves(
        np.random.default_rng(5),
        history=still,
        hours=12,
        days=np.array([30.0, 90.0]),
        paths=200_000,
        model=VolModel(),
    )
    assert moves.vol[:, 0].std() == pytest.approx(0.02, rel=0.05)
    expected = np.exp(-0.055 * np.log(3.0) ** 2)
    assert np.corrcoef(moves.vol.T)[0, 1] == pytest.approx(expected, abs=0.02)


def test_worst_loss__known_sample__is_its_quantile() -> None:
    assert worst_loss(-np.arange(1_001.0)) == pytest.approx(999.0)
    assert worst_loss(np.arange(1.0, 10.0)) == 0.0


def test_compare__perp_alone__loses_what_spot_does() -> None:
    history, named = walk(), Named("perp", book((PERP, 1.0)))
    (row,) = compare(study(history), [named])
    expected = -np.quantile(np.expm1(history.stretches(12)), 0.001) * 2_000.0
    assert row.worst_999 == pytest.approx(expected, rel=0.05)


def test_compare__price_file_with_gap__counts_what_is_missing(tmp_path: Path) -> None:
    lines = ["ts,open,high,low,close"]
    lines += [f"{1_600_000_000 + HOUR * i},1,1,1,1" for i in range(200) if not 50 <= i < 90]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(lines))
    history, source = history_of(path, None, None, spot=1.0, seed=0)
    assert int(history.is_filled.sum()) == 40
    assert "40 bars missing" in source


def test_history__no_such_file__says_what_to_pass() -> None:
    with pytest.raises(DataError, match="pass a kline CSV with --prices"):
        history_of(Path("nowhere.csv"), None, None, spot=1.0, seed=0)


# ── margin and history ──


@pytest.fixture(scope="module")
def ether(market_data: Path) -> History:
    path = next((market_data / "spot").glob("ETHUSDT_1h_*.csv.gz"))
    return history_of(path, dt.date(2018, 1, 1), None, spot=2_000.0, seed=7)[0]


def covers(rows: tuple[Row, ...]) -> None:
    for row in rows:
        assert row.vomma >= row.worst_999, row
        assert row.vomma < row.full, row


def test_compare__model_history__margin_covers_every_row() -> None:
    history, _ = history_of(None, None, None, spot=2_000.0, seed=7)
    rows = compare(study(history), standard_positions(DESK))
    assert [row.name for row in rows][:2] == ["naked put", "covered call"] and len(rows) == 8
    covers(rows)


@pytest.mark.parametrize("days, delta, vol", [
    (30, 0.25, 0.65), (7, 0.1, 0.45), (7, 0.4, 0.9), (14, 0.25, 0.65), (60, 0.4, 0.65),
    (30, 0.4, 0.9), (90, 0.4, 0.45), (90, 0.1, 0.9),
])  # fmt: skip
def test_compare__ether_since_2018__margin_covers_every_row(
    ether: History, days: int, delta: float, vol: float
) -> None:
    """The table's own, and the tightest of 45 variants of life, delta and vol."""
    desk = replace(DESK, vol=vol)
    far = 180 if days == 90 else 90
    rows = compare(
        study(ether, desk, 50_000), standard_positions(desk, days=days, far=far, delta=delta)
    )
    covers(rows)
    if (days, delta, vol) == (30, 0.25, 0.65):
        for row in rows:
            if row.deribit_pm > 1.0 and row.name != "covered call":
                assert 0.7 < row.vomma / row.deribit_pm < 1.3, row
