"""Price histories from exchange kline files.

A kline is named by its open time and its close is known one interval later. Files are CSV, plain or
gzipped, with a header; the names Binance gives its columns are understood, times are unix seconds,
milli- or microseconds.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from protocol.errors import DataError
from protocol.pricing.black76 import Floats
from protocol.units import DAY

Times = NDArray[np.int64]

NAMES = {
    "ts": ("ts", "timestamp", "time", "open_time", "opentime", "open time", "date", "unix"),
    "open": ("open", "open_price"),
    "high": ("high", "high_price"),
    "low": ("low", "low_price"),
    "close": ("close", "close_price"),
}
PRICES = ("open", "high", "low", "close")
_LATEST_SECONDS = 10**11  # times beyond are in a finer unit


@dataclass(frozen=True, slots=True)
class Gap:
    """`missing` klines after the one opened at `after` (unix seconds), carried forward from it."""

    after: int
    missing: int

    def __str__(self) -> str:
        return f"{self.missing} missing after {_utc(self.after)}"


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Klines at equal steps, arrays of shape (n,), prices in USD.

    Attributes
    ----------
    ts : ndarray of int64
        Unix seconds at which each kline opens, one interval apart.
    open, high, low, close : ndarray
        A filled kline has all four at the last close.
    interval : int
        Seconds.
    gaps : tuple of Gap
        Where klines were filled.
    """

    ts: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    interval: int
    gaps: tuple[Gap, ...]

    @property
    def known_at(self) -> Times:
        """Unix seconds at which each close is known."""
        return self.ts + self.interval


def read_prices(
    path: Path,
    *,
    start: dt.date | None = None,
    end: dt.date | None = None,
    max_gap: int = 24,
) -> PriceSeries:
    """Klines of a CSV file, checked, cut to a span and filled.

    Parameters
    ----------
    path : Path
        `.csv` or `.csv.gz`.
    start, end : date, optional
        First and last day kept, both included, UTC.
    max_gap : int, optional
        Most klines in a row that are filled by carrying the last close forward.

    Raises
    ------
    DataError
        Naming the file and: the missing columns; the first row with a price that is no number above
        0; the first time that repeats or falls back; a gap longer than `max_gap`; an empty span.
    """
    ts, prices = _read(path)
    _check_times(path, ts)
    low = -(2**62) if start is None else _midnight(start)
    high = 2**62 if end is None else _midnight(end) + DAY
    kept = (ts >= low) & (ts < high)
    if kept.sum() < 2:
        span = f"{_utc(int(ts[0]))} to {_utc(int(ts[-1]))}"
        raise DataError(f"{path}: fewer than 2 rows from {start} to {end}; the file has {span}")
    return _filled(path, ts[kept], prices[:, kept], max_gap)


def _read(path: Path) -> tuple[Times, Floats]:
    with _opened(path) as file:
        rows = csv.reader(file)
        header = [name.strip().lower() for name in next(rows, [])]
        at = _positions(path, header)
        cells = [_cells(path, row, at, rows.line_num) for row in rows if row]
    if not cells:
        raise DataError(f"{path}: no rows")
    table = np.array([[_number(cell) for cell in row] for row in cells]).T
    prices = table[1:]
    bad = ~(np.isfinite(prices) & (prices > 0.0)).all(axis=0) | ~np.isfinite(table[0])
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{path}: row {row + 2} is {cells[row]}, must be a time and prices above 0")
    ts = table[0].astype(np.int64)
    while int(ts.max()) > _LATEST_SECONDS:
        ts //= 1_000
    return ts, prices


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", newline="") as packed:
                yield packed
        else:
            with path.open(newline="") as plain:
                yield plain
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _positions(path: Path, header: list[str]) -> list[int]:
    found = {
        name: header.index(alias)
        for name, aliases in NAMES.items()
        for alias in reversed(aliases)
        if alias in header
    }
    missing = [name for name in NAMES if name not in found]
    if missing:
        raise DataError(f"{path}: no column for {', '.join(missing)}; it has {', '.join(header)}")
    return [found[name] for name in NAMES]


def _cells(path: Path, row: list[str], at: list[int], line: int) -> list[str]:
    if len(row) <= max(at):
        raise DataError(f"{path}: row {line} has {len(row)} cells, needs {max(at) + 1}")
    return [row[i] for i in at]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")  # reported with its row


def _check_times(path: Path, ts: Times) -> None:
    steps = np.diff(ts)
    if (steps <= 0).any():
        row = int((steps <= 0).argmax()) + 1
        what = "repeats" if steps[row - 1] == 0 else "falls back from"
        raise DataError(
            f"{path}: row {row + 2} at {_utc(int(ts[row]))} {what} {_utc(int(ts[row - 1]))};"
            " sort the file and drop duplicates"
        )


def _filled(path: Path, ts: Times, prices: Floats, max_gap: int) -> PriceSeries:
    steps = np.diff(ts)
    interval = int(np.median(steps))
    if (steps % interval).any():
        row = int((steps % interval != 0).argmax()) + 1
        raise DataError(f"{path}: {_utc(int(ts[row]))} is off the grid of {interval} s klines")
    missing = steps // interval - 1
    gaps = tuple(Gap(int(ts[i]), int(missing[i])) for i in np.flatnonzero(missing))
    for gap in gaps:
        if gap.missing > max_gap:
            raise DataError(f"{path}: a gap of {gap}, at most {max_gap} are filled; choose a span")
    source = np.repeat(np.arange(len(ts)), np.append(missing + 1, 1))
    grid = ts[0] + interval * np.arange(len(source))
    full = prices[:, source]
    carried = np.append(False, source[1:] == source[:-1])
    full[:, carried] = full[PRICES.index("close"), carried]
    opens, highs, lows, closes = full
    return PriceSeries(grid, opens, highs, lows, closes, interval, gaps)


def _midnight(day: dt.date) -> int:
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())


def _utc(ts: int) -> str:
    return f"{dt.datetime.fromtimestamp(ts, dt.UTC):%Y-%m-%d %H:%M:%S}"
