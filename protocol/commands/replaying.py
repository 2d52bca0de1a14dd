"""From what was asked for to a result: prices checked, runs made, files written."""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from protocol.chain.artifacts import Artifacts
from protocol.clients.deploy import CONTRACTS
from protocol.commands.console import Tick
from protocol.config import FilePrices, Scenario
from protocol.errors import DataError, InputError
from protocol.sim.engine import replay, replay_pairs
from protocol.sim.engines import ENGINES
from protocol.sim.informed.market import TRADERS, policy_of
from protocol.sim.informed.replay import replay_informed
from protocol.sim.prices import PriceSeries, read_prices
from protocol.sim.record import RunRecord
from protocol.sim.record_io import save_result
from protocol.sim.report.page import write_report
from protocol.sim.result import RunResult, compare
from protocol.units import DAY

REPORT, RECORD = "report.html", "record.json.gz"


@dataclass(frozen=True, slots=True)
class Request:
    """What to replay, checked: `prices` is None where the scenario draws its own."""

    scenario: Scenario
    prices: PriceSeries | None
    source: str
    seed: int
    seeds: int
    engine: str
    hedge: bool

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise InputError("--engine", self.engine, bound=f"one of {', '.join(ENGINES)}")
        if self.seeds > 1 and not self.hedge:
            raise InputError(
                "--seeds", self.seeds, bound="1 with --no-hedge", step="drop one of the two"
            )
        if self.seeds > 1 and self.scenario.informed is not None:
            raise InputError(
                "--seeds",
                self.seeds,
                bound="1 where the scenario has informed traders",
                step="run it once for each --seed",
            )

    @property
    def parallel(self) -> bool:
        """Whether its runs may go side by side: a private node is one at a time."""
        return self.engine == "embedded"


def ask(
    scenario: Scenario,
    *,
    prices: Path | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    seed: int | None = None,
    seeds: int = 1,
    engine: str = "embedded",
    hedge: bool = True,
) -> Request:
    """A request from a command line's words.

    Raises
    ------
    InputError, DataError
        For dates the wrong way round or outside the file, an unknown engine, a file that is not.
    """
    chosen = scenario.prices
    if prices is None and isinstance(chosen, FilePrices):
        prices = chosen.path
        start, end = start or chosen.start, end or chosen.end
    return Request(
        scenario=scenario,
        prices=_series(prices, start, end),
        source=prices.name if prices is not None else "",
        seed=scenario.seed if seed is None else seed,
        seeds=seeds,
        engine=engine,
        hedge=hedge,
    )


def run(request: Request, tick: Tick) -> RunResult:
    """All runs of a request; a hedged one always has its unhedged twin beside it, and one with
    informed traders the same market without its defences.
    """
    parameters = tuple(_flat(request.scenario))
    if request.scenario.informed is not None:
        return _run_informed(request, tick, parameters)
    one = partial(
        replay,
        scenario=request.scenario,
        prices=request.prices,
        source=request.source,
        engine=request.engine,
    )
    if not request.hedge:
        record = one(seed=request.seed, hedged=False, progress=tick)
        return RunResult(record, parameters=parameters)
    seeds = range(request.seed, request.seed + request.seeds)
    if request.parallel and request.seeds > 1:
        pairs = replay_pairs(
            scenario=request.scenario,
            prices=request.prices,
            seeds=seeds,
            source=request.source,
            progress=tick,
        )
    elif request.parallel:
        here = partial(one, seed=request.seed)
        hedged, bare = _side_by_side(here, [partial(here, hedged=False)], tick)
        pairs = [(hedged, bare)]
    else:
        pairs = [
            (
                one(seed=seed, hedged=True, progress=tick),
                one(seed=seed, hedged=False, progress=tick),
            )
            for seed in seeds
        ]
    return compare(pairs, parameters)


def writable(folder: Path) -> Path:
    """The folder, made: said before minutes of work rather than after.

    Raises
    ------
    DataError
        Where it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        allowed = os.access(folder, os.W_OK)
        why = "no permission"
    except OSError as error:
        allowed, why = False, error.strerror or str(error)
    if not allowed:
        raise DataError(f"cannot write to {folder} ({why}); choose another folder with --out")
    return folder


def write(result: RunResult, folder: Path) -> tuple[Path, Path]:
    """The report, and the record it can be rebuilt from."""
    record = save_result(result, folder / RECORD)
    return write_report(result, folder / REPORT), record


def _run_informed(
    request: Request, tick: Tick, parameters: tuple[tuple[str, str], ...]
) -> RunResult:
    one = partial(
        replay_informed,
        scenario=request.scenario,
        prices=request.prices,
        source=request.source,
        engine=request.engine,
        seed=request.seed,
        hedged=request.hedge,
    )
    policy = policy_of(request.scenario)
    traders = [name for name in TRADERS if getattr(policy, name) is not None]
    defended = partial(one, is_defended=True)
    exposed = [partial(one, is_defended=False, traders=(name,)) for name in traders]
    if request.parallel:
        record, *others = _side_by_side(defended, exposed, tick)
    else:
        record, *others = (run(progress=tick) for run in (defended, *exposed))
    return RunResult(record, parameters=parameters, exposed=tuple(others))


def _side_by_side(
    one: partial[RunRecord], others: Sequence[partial[RunRecord]], tick: Tick
) -> tuple[RunRecord, ...]:
    """One run here, the others in processes of their own; leaving early ends all."""
    Artifacts().load(CONTRACTS)  # once, before all would compile
    with get_context("spawn").Pool(len(others), _ignore_interrupt) as pool:
        asked = [pool.apply_async(other) for other in others]
        return one(progress=tick), *(each.get() for each in asked)


def _ignore_interrupt() -> None:
    """Ctrl-C is for the parent, which ends its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _series(path: Path | None, start: dt.date | None, end: dt.date | None) -> PriceSeries | None:
    if path is None:
        if start is not None or end is not None:
            raise InputError(
                "--from and --to", f"{start} {end}", bound="of a price file", step="add --prices"
            )
        return None
    if start is not None and end is not None and start > end:
        raise InputError("--from", str(start), bound=f"not after --to {end}", step="swap them")
    if not path.exists():
        raise DataError(f"prices {path} do not exist; pass a kline CSV with --prices")
    series = read_prices(path, start=start, end=end)
    _check_span(path, series, start, end)
    return series


def _check_span(
    path: Path, series: PriceSeries, start: dt.date | None, end: dt.date | None
) -> None:
    first, last = (_day(int(series.ts[i])) for i in (0, -1))
    if (start is not None and first > start) or (end is not None and last < end):
        raise DataError(
            f"{path} has {first} to {last} of the {start or 'first'} to {end or 'last'} asked for; "
            "choose dates inside with --from and --to"
        )


def _day(timestamp: int) -> dt.date:
    return dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + timestamp // DAY)


def _flat(record: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Fields of nested records, names joined by dots."""
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            yield from _flat(value, f"{prefix}{field.name}.")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            yield f"{prefix}{field.name}", shown
