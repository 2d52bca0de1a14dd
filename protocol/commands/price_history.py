"""Closes to bootstrap: of a user's klines, or of a seeded model where he has none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from protocol.config import HestonPrices
from protocol.errors import DataError, InputError
from protocol.risk.bootstrap import History
from protocol.sim.paths import heston_path
from protocol.sim.prices import read_prices

_MODEL_YEARS, _HOUR = 7, 3_600
_MODEL_START = int(dt.datetime(2018, 1, 1, tzinfo=dt.UTC).timestamp())
_ANY_GAP = 10**9  # bars that were filled are not drawn from, however many


def history_of(
    path: Path | None, start: dt.date | None, end: dt.date | None, *, spot: float, seed: int
) -> tuple[History, str]:
    """The history, and a sentence on where it is from.

    Raises
    ------
    DataError, InputError
        Where the file does not exist or is no kline file, or days are given without one.
    """
    if path is None:
        if start is not None or end is not None:
            raise InputError(
                "--from and --to", f"{start} {end}", bound="of a price file", step="add --prices"
            )
        return _model(spot, seed)
    if not path.exists():
        raise DataError(f"prices {path} do not exist; pass a kline CSV with --prices")
    series = read_prices(path, start=start, end=end, max_gap=_ANY_GAP)
    filled = np.zeros(len(series.ts), dtype=bool)
    for gap in series.gaps:
        first = (gap.after - int(series.ts[0])) // series.interval + 1
        filled[first : first + gap.missing] = True
    days = (int(series.ts[-1]) - int(series.ts[0])) / 86_400
    source = f"{path.name}, {days:,.0f} days, {int(filled.sum())} bars missing"
    return History(series.close, filled, series.interval), source


def _model(spot: float, seed: int) -> tuple[History, str]:
    model = HestonPrices(spot=spot)
    path = heston_path(
        np.random.default_rng(seed),
        model=model,
        start=_MODEL_START,
        step=_HOUR,
        steps=_MODEL_YEARS * 365 * 24,
    )
    source = f"a Heston model with jumps, {_MODEL_YEARS} years (no market: pass --prices)"
    return History(path.spot, np.zeros(len(path.spot), dtype=bool), _HOUR), source
