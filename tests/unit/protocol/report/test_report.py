"""The page: valid figures, true sentences, nothing fetched."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from plotly import graph_objects

from protocol.errors import DataError
from protocol.sim.report import market, profit, risk, words
from protocol.sim.report.figure import points
from protocol.sim.report.page import FIGURES, render, write_report
from protocol.sim.result import RunResult
from protocol.sim.summary import summarise


class _Page(HTMLParser):
    """Ids, addresses and scripts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self._inside = tag
        self.ids += [value for name, value in attrs if name == "id"]
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag) -> None:
        self._inside = ""

    def handle_data(self, data) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def page(make_result) -> _Page:
    return _Page(render(make_result(steps=200, seeds=3)))


def _without_tokens(value):
    if isinstance(value, str):
        return re.sub(r"^@\w+(/[0-9a-f]{2})?$", "#123456", value)
    if isinstance(value, dict):
        return {key: _without_tokens(part) for key, part in value.items()}
    return [_without_tokens(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("make", FIGURES, ids=lambda make: make.__name__)
def test_figure__full_run__is_valid_plotly(make, make_result) -> None:
    result = make_result(steps=200, seeds=3)
    figure = make(result, summarise(result))
    graph_objects.Figure(data=_without_tokens(figure.data), layout=_without_tokens(figure.layout))
    assert figure.data and figure.text.endswith(".")


def test_page__all_figures__are_there_once(page: _Page) -> None:
    drawn = json.loads(page.scripts[0])
    assert len(drawn) == len(FIGURES)
    assert all(page.ids.count(key) == 1 for key in drawn)


def test_page__fetches_nothing(page: _Page) -> None:
    assert all(address.startswith("#") for address in page.addresses)
    assert "@import" not in "".join(page.text)
    assert sum("plotly.js v" in script for script in page.scripts) == 1


def test_page__colour_tokens__are_all_in_the_style_sheet(page: _Page, make_result) -> None:
    css = render(make_result(steps=3)).split("<style>")[1].split("</style>")[0]
    light, dark = (set(re.findall(r"--(\w+):", part)) for part in css.split("[data-theme", 1))
    used = set(re.findall(r'"@(\w+)', page.scripts[0]))
    assert used <= light
    assert dark == light


def test_page__sentences__carry_the_numbers(make_result) -> None:
    result = make_result(steps=200)
    summary = summarise(result)
    text = " ".join(_Page(render(result)).text)
    for number in (
        words.percent(summary.pnl.residual_share),
        words.percent(summary.pool.max_drawdown),
        words.money(summary.system.pnl, sign=True),
        words.ratio(summary.hedge.variance_ratio),
        words.count(summary.refused),
    ):
        assert words.unbroken(number) in text or number in text, number


def test_page__hostile_names__stay_text(make_result) -> None:
    bad = "</script><script>alert(1)</script>"
    result = make_result(steps=5)
    result = replace(result, record=replace(result.record, scenario=bad, refusals=((bad, 1),)))
    page = _Page(render(result))
    assert len(page.scripts) == 3
    assert json.loads(page.scripts[0])["refusals"]["data"][0]["y"] == [bad]


def test_page__bare_run__leaves_out_what_it_has_not(make_run) -> None:
    run = replace(make_run(steps=1), trades=(), hedges=(), surfaces=(), refusals=(), expiries=())
    page = _Page(render(RunResult(run)))
    assert not {"surface", "hedging", "seeds", "refusals"} & set(page.ids)
    assert {"price", "nav", "ledger"} <= set(page.ids)


def test_waterfall__bars__end_at_the_net(make_result) -> None:
    result = make_result(steps=100)
    figure = profit.waterfall(result, summarise(result))
    bars = figure.data[0]
    ends = np.array(bars["base"]) + np.array(bars["y"])
    assert bars["x"][-2:] == ["residual", "net"]
    assert ends[-2] == pytest.approx(ends[-1], rel=1e-5)
    assert bars["base"][1:-1] == pytest.approx(ends[:-2], rel=1e-5)


def test_attribution__periods__add_up_to_the_whole(make_result) -> None:
    result = make_result(steps=300)
    summary = summarise(result)
    bars = [row for row in profit.attribution(result, summary).data if row["type"] == "bar"]
    assert sum(sum(row["y"]) for row in bars) == pytest.approx(summary.pnl.net, rel=1e-4)


def test_surface__slider__shows_one_moment_at_a_time(make_result) -> None:
    result = make_result(steps=60)
    figure = market.surface(result, summarise(result))
    steps = figure.layout["sliders"][0]["steps"]
    shown = np.array([step["args"][1] for step in steps])
    assert shown.shape == (len(result.record.surfaces), len(figure.data))
    assert (shown.sum(axis=0) == 1).all()
    assert [row["visible"] for row in figure.data] == shown[-1].tolist()


def test_ledger__spike_between_drawn_points__still_shows(make_run) -> None:
    run = make_run(steps=4_000)
    broken = replace(run.steps[1], imbalance=7)
    result = RunResult(replace(run, steps=(run.steps[0], broken, *run.steps[2:])))
    assert 1 not in points(result.record.steps)
    figure = risk.ledger(result, summarise(result))
    assert max(figure.data[0]["y"]) == 7
    assert "7 wei" in figure.text


@pytest.mark.parametrize("count", [1, 2, 1_499, 1_500, 1_501, 4_000])
def test_points__any_length__few_and_the_last_among_them(count: int) -> None:
    at = points([None] * count)
    assert at[-1] == count - 1
    assert min(count, 750) <= len(at) <= 1_500
    assert (np.diff(at) > 0).all()


def test_write__unwritable__leaves_the_old_page(make_result, tmp_path: Path) -> None:
    path = write_report(make_result(steps=2), tmp_path / "report.html")
    assert path.read_text().startswith("<!doctype html>")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(DataError, match="cannot write"):
        write_report(make_result(steps=2), path / "report.html")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(1234.4, "$1,234"), (-0.004, "$0.00"), (-99.5, "−$99.50"), (0.0, "$0.00")],
)
def test_money__shown(amount: float, shown: str) -> None:
    assert words.money(amount) == shown


def test_plural__shown() -> None:
    assert words.plural(1, "expiry") == "1 expiry"
    assert words.plural(1_200, "expiry") == "1,200 expiries"
    assert words.plural(2, "trade") == "2 trades"
