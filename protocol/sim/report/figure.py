"""What every figure is made of: plain plotly traces, with colours the page fills in by theme.

A colour is a token such as `@ink` or `@s1`, or `@s1/20` with an alpha in hex; the page's script
replaces it by the value of the style sheet's variable of that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protocol.sim.record import StepRecord

Json = dict[str, Any]
SERIES = tuple(f"@s{i}" for i in range(1, 9))
_POINTS = 1_500  # more than a screen is wide


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `text` is the sentence that says what it shows and the number to look at."""

    key: str
    title: str
    text: str
    data: Sequence[Json]
    layout: Json = field(default_factory=dict)
    height: int = 380


def points(steps: Sequence[StepRecord]) -> NDArray[np.intp]:
    """Which steps a line is drawn through: all of a short run, the last always."""
    stride = -(-len(steps) // _POINTS)
    return np.arange(len(steps) - 1, -1, -stride)[::-1]


def times(steps: Sequence[StepRecord], at: Iterable[int]) -> list[int]:
    """Plotly's date axis counts milliseconds."""
    return [steps[i].timestamp * 1_000 for i in at]


def rounded(values: ArrayLike) -> list[float]:
    """Seven digits: more than a screen shows, and a third of the bytes."""
    return [float(f"{value:.7g}") for value in np.asarray(values, dtype=np.float64).tolist()]


def line(
    x: Sequence[float],
    y: ArrayLike,
    *,
    name: str,
    color: str,
    width: float = 1.6,
    dash: str = "solid",
    panel: int = 1,
    **more: Any,
) -> Json:
    """A line in a panel (1 is the top)."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": rounded(y),
        "name": name,
        "line": {"color": color, "width": width, "dash": dash},
        **axes(panel),
        **more,
    }


def axes(panel: int) -> Json:
    """Panels share one time axis."""
    return {"yaxis": "y" if panel == 1 else f"y{panel}"}


def time_layout(*titles: str, shares: Sequence[float] = (1.0,), **more: Any) -> Json:
    """Panels over one time axis, top to bottom; `titles` and `shares` of height, one a panel."""
    layout: Json = {"xaxis": {"type": "date"}, "hovermode": "x unified"}
    gap = 0.08
    room = 1.0 - gap * (len(titles) - 1)
    top = 1.0
    for i, (title, share) in enumerate(zip(titles, shares, strict=True), start=1):
        bottom = max(0.0, top - room * share)
        layout["yaxis" if i == 1 else f"yaxis{i}"] = {
            "title": {"text": title},
            "domain": [bottom, top],
        }
        top = bottom - gap
    layout["xaxis"]["anchor"] = "y" if len(titles) == 1 else f"y{len(titles)}"
    return {**layout, **more}
