"""The figure of the informed traders: what they made with the market's defences and without."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.sim.record import AgentRecord
from protocol.sim.report import words
from protocol.sim.report.figure import SERIES, Figure, Json, line, time_layout
from protocol.sim.result import RunResult
from protocol.sim.summary import Summary


def traders(result: RunResult, summary: Summary) -> Figure | None:
    """Each trader's P&L over time: solid with the defences, dotted without; nothing without any."""
    if not summary.informed:
        return None
    text = " ".join(
        f"The {words.name(name)} made {words.money(trader.pnl['with'], sign=True)} on "
        f"{words.plural(trader.trades['with'], 'trade')} with the defences, "
        f"{words.money(trader.pnl['without'], sign=True)} on "
        f"{words.plural(trader.trades['without'], 'trade')} without."
        for name, trader in summary.informed.items()
    )
    data = [
        *_lines(result.record.agents, "with", "solid"),
        *_lines([a for run in result.exposed for a in run.agents], "without", "dot"),
    ]
    layout = time_layout("P&L so far, USD")
    return Figure("informed", "Traders who know more", text, data, layout)


def _lines(agents: Sequence[AgentRecord], label: str, dash: str) -> list[Json]:
    return [
        line(
            [timestamp * 1_000 for timestamp, _ in agent.path],
            [pnl for _, pnl in agent.path],
            name=f"{words.name(agent.name)}, {label}",
            color=SERIES[i],
            dash=dash,
        )
        for i, agent in enumerate(agents)
    ]
