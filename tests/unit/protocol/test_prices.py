"""Kline files: what is read, filled and refused."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import pytest

from protocol.errors import DataError
from protocol.sim.prices import Gap, read_prices

START = 1_704_067_200  # 2024-01-01
HEADER = "ts,open,high,low,close,volume"


def rows(*hours: int, scale: int = 1) -> list[str]:
    return [f"{(START + 3_600 * h) * scale},{h + 1},{h + 3},{h + 0.5},{h + 2},9" for h in hours]


def written(folder: Path, lines: list[str], header: str = HEADER, name: str = "k.csv") -> Path:
    text = "\n".join([header, *lines]) + "\n"
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_read_prices__plain_and_gzipped__are_the_same(tmp_path: Path) -> None:
    plain = read_prices(written(tmp_path, rows(0, 1, 2)))
    packed = read_prices(written(tmp_path, rows(0, 1, 2), name="k.csv.gz"))
    for series in (plain, packed):
        assert (series.interval, series.gaps) == (3_600, ())
        assert series.ts.tolist() == [START, START + 3_600, START + 7_200]
        assert series.known_at.tolist() == [START + 3_600, START + 7_200, START + 10_800]
        assert series.open.tolist() == [1.0, 2.0, 3.0]
        assert series.high.tolist() == [3.0, 4.0, 5.0]
        assert series.low.tolist() == [0.5, 1.5, 2.5]
        assert series.close.tolist() == [2.0, 3.0, 4.0]


@pytest.mark.parametrize("scale", [1_000, 1_000_000])
def test_read_prices__exchange_header_and_finer_times__are_understood(
    tmp_path: Path, scale: int
) -> None:
    path = written(tmp_path, rows(0, 1, scale=scale), "Open Time,Open,High,Low,Close,Volume")
    assert read_prices(path).ts.tolist() == [START, START + 3_600]


def test_read_prices__gap__is_filled_with_the_last_close_and_reported(tmp_path: Path) -> None:
    series = read_prices(written(tmp_path, rows(0, 1, 4, 5, 7, 8)))
    assert series.gaps == (Gap(START + 3_600, 2), Gap(START + 5 * 3_600, 1))
    assert str(series.gaps[0]) == "2 missing after 2024-01-01 01:00:00"
    assert np.diff(series.ts).tolist() == [3_600] * 8
    assert series.close.tolist() == [2.0, 3.0, 3.0, 3.0, 6.0, 7.0, 7.0, 9.0, 10.0]
    assert series.high[2] == series.low[2] == series.open[2] == 3.0


def test_read_prices__span__includes_both_days(tmp_path: Path) -> None:
    path = written(tmp_path, rows(*range(96)))
    day = dt.date(2024, 1, 2)
    series = read_prices(path, start=day, end=day)
    assert (series.ts[0], len(series.ts)) == (START + 86_400, 24)
    assert read_prices(path, start=day).ts[-1] == START + 95 * 3_600


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (rows(0, 1, 1), "row 4 at 2024-01-01 01:00:00 repeats 2024-01-01 01:00:00"),
        (rows(0, 2, 1), "row 4 at 2024-01-01 01:00:00 falls back from 2024-01-01 02:00:00"),
        ([*rows(0, 1), f"{START + 7200},1,nan,1,1,1"], "row 4 is .*must be a time and prices"),
        ([*rows(0, 1), f"{START + 7200},1,1,0,1,1"], "row 4 is"),
        ([*rows(0, 1), f"{START + 7200},1,1,-2,1,1"], "row 4 is"),
        ([*rows(0, 1), f"{START + 7200},1,x,1,1,1"], "row 4 is"),
        ([*rows(0, 1, 2), f"{START + 8000},1,1,1,1,1"], "02:13:20 is off the grid of 3600 s"),
        (rows(0, 1, 2, 30), "a gap of 27 missing after 2024-01-01 02:00:00, at most 24"),
        ([], "no rows"),
    ],
)
def test_read_prices__bad_rows__are_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_prices(written(tmp_path, lines))


def test_read_prices__missing_columns__are_named(tmp_path: Path) -> None:
    path = written(tmp_path, rows(0, 1), "ts,open,high,bid,ask,volume")
    with pytest.raises(DataError, match="no column for low, close; it has ts, open, high, bid"):
        read_prices(path)


def test_read_prices__short_row__is_named(tmp_path: Path) -> None:
    path = written(tmp_path, [*rows(0, 1), f"{START + 7200},1,1"])
    with pytest.raises(DataError, match="row 4 has 3 cells"):
        read_prices(path)


def test_read_prices__no_file_or_not_gzip__says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_prices(tmp_path / "none.csv")
    (tmp_path / "bad.csv.gz").write_text("ts,close")
    with pytest.raises(DataError, match="cannot be read"):
        read_prices(tmp_path / "bad.csv.gz")


def test_read_prices__empty_span__says_what_there_is(tmp_path: Path) -> None:
    path = written(tmp_path, rows(0, 1, 2))
    with pytest.raises(DataError, match="the file has 2024-01-01 00:00:00 to 2024-01-01 02:00:00"):
        read_prices(path, start=dt.date(2025, 1, 1))


def test_read_prices__real_history__has_the_known_gaps_and_lows(market_data: Path) -> None:
    path = market_data / "spot" / "ETHUSDT_1h_2017-08_2024-12.csv.gz"
    series = read_prices(path, max_gap=48)
    assert (len(series.gaps), sum(gap.missing for gap in series.gaps)) == (28, 128)
    for day, low in {
        dt.date(2020, 3, 13): 86.0,
        dt.date(2022, 6, 18): 881.6,
        dt.date(2024, 8, 5): 2_111.0,
    }.items():
        at = int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())
        kept = (series.ts >= at) & (series.ts < at + 86_400)
        assert series.low[kept].min() == pytest.approx(low, abs=0.5)
