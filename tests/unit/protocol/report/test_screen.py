"""The summary fits the smallest usual terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from protocol.sim.report import words
from protocol.sim.report.screen import screen
from protocol.sim.summary import summarise


def _shown(summary, *paths: Path) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=80).print(screen(summary, paths))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("seeds", [1, 30])
def test_screen__large_numbers__fits_80_by_24(make_result, seeds: int) -> None:
    summary = summarise(make_result(steps=200, seeds=seeds))
    system = replace(summary.system, pnl=-123_456_789.0, perp_pool=-98_765_432.0)
    pool = replace(summary.pool, nav=1_234_567_890.0)
    lines = _shown(replace(summary, system=system, pool=pool), Path("reports/replay-7/report.html"))
    assert len(lines) <= 23  # the prompt needs one
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "→ reports/replay-7/report.html"
    text = "\n".join(lines)
    assert "-123" not in text and words.money(-123_456_789.0) in text
    assert "…" not in text  # nothing cut off


def test_screen__broken_ledger__shouts(make_result) -> None:
    summary = summarise(make_result(steps=5))
    broken = replace(summary, ledger=replace(summary.ledger, imbalance=3))
    assert any("LEDGER BROKEN: off by 3" in line for line in _shown(broken))
    assert not any("BROKEN" in line for line in _shown(summary))


def test_screen__residual__is_always_named(make_result) -> None:
    lines = _shown(summarise(make_result(steps=50)))
    assert any(line.startswith("residual") and "%" in line for line in lines)


def test_screen__accounts_that_failed__says_who_paid(make_result) -> None:
    summary = summarise(make_result(steps=48))
    paid = "1 liquidated: bidders $200, insurance $300, pools $40.00, haircut $2.00"
    assert paid in _shown(summary)
    broke = replace(summary, liquidations=replace(summary.liquidations, bad_debt=7.0))
    assert "open $7.00" in " ".join("\n".join(_shown(broke)).split())
    none = replace(summary, liquidations=replace(summary.liquidations, flagged=0))
    assert not any("liquidated" in line for line in _shown(none))
