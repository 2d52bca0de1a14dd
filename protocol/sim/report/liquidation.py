"""The figure of the liquidations: who paid for accounts on margin that failed."""

from __future__ import annotations

from itertools import accumulate

from protocol.sim.report import words
from protocol.sim.report.figure import SERIES, Figure, line, time_layout
from protocol.sim.result import RunResult
from protocol.sim.summary import Summary

PAYERS = ("discount", "insurance", "pools", "haircut")


def liquidations(result: RunResult, summary: Summary) -> Figure | None:
    """Paid so far, by whom; nothing where nobody failed."""
    rows, made = result.record.liquidations, summary.liquidations
    if not rows:
        return None
    text = (
        f"{words.plural(made.flagged, 'account')} fell below maintenance margin and went in "
        f"{words.plural(made.slices, 'slice')} to bidders, who earned "
        f"{words.money(made.discount)} over mark. Insurance paid {words.money(made.insurance)}, "
        f"pools {words.money(made.pools)}, everybody's cash {words.money(made.haircut)}; "
        f"{words.money(made.bad_debt)} are open."
    )
    x = [row.timestamp * 1_000 for row in rows]
    data = [
        line(x, list(accumulate(getattr(row, name) for row in rows)), name=name, color=SERIES[i])
        for i, name in enumerate(PAYERS)
    ]
    return Figure("liquidations", "Accounts that failed", text, data, time_layout("USD so far"))
