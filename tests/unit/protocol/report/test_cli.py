"""What the command line prints, writes, refuses and returns."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from protocol import cli
from protocol.chain import devnet
from protocol.commands import replaying
from protocol.errors import AnvilMissing, CompileError, PortInUse, Revert
from protocol.sim.record_io import load_result

SCENARIO = "{name: small, seed: 3, steps: 2, prices: {source: heston}}"
KLINES = "open_time,open,high,low,close\n" + "\n".join(
    f"{1704067200 + 3600 * i},2000,2010,1990,{2000 + i}" for i in range(72)
)  # 1 to 3 January 2024


def vomma(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def klines(tmp_path: Path) -> Path:
    path = tmp_path / "klines.csv"
    path.write_text(KLINES)
    return path


@pytest.fixture
def made_up(make_result, monkeypatch: pytest.MonkeyPatch) -> list[replaying.Request]:
    """Runs are made up; the requests for them are kept."""
    asked: list[replaying.Request] = []

    def run(request, tick):
        asked.append(request)
        return make_result(steps=30, seeds=request.seeds)

    monkeypatch.setattr(replaying, "run", run)
    return asked


def _refused(result: Result, *phrases: str, code: int = 2) -> None:
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("vomma: ")
    assert "Traceback" not in result.stderr
    for phrase in phrases:
        assert phrase in result.stderr


def _commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(_commands(get_command(cli.app))), ids=" ".join)
def test_help__every_command__has_an_example(path: tuple[str, ...]) -> None:
    result = vomma(*path, "--help")
    assert result.exit_code == 0
    assert f"Example: vomma {' '.join(path)}" in result.stdout


def test_run__json__is_the_summary_and_nothing_else(scenario, made_up, tmp_path) -> None:
    result = vomma("run", scenario, "--json", "--out", tmp_path / "out")
    numbers = json.loads(result.stdout)
    assert result.stderr == ""
    assert numbers["ledger"] == {"imbalance": 0, "shortfall": 0}
    assert numbers["report"] == str(tmp_path / "out" / "report.html")
    assert Path(numbers["report"]).exists()
    assert load_result(tmp_path / "out" / "record.json.gz").record.steps


def test_run__plain__ends_with_the_path(scenario, made_up, tmp_path) -> None:
    result = vomma("run", scenario, "--out", tmp_path / "out")
    assert result.exit_code == 0
    joined = result.stdout.replace("\n", "")  # a long path folds
    assert joined.endswith(f"→ {tmp_path}/out/report.html")


def test_run__no_report__writes_nothing(scenario, made_up, tmp_path) -> None:
    result = vomma("run", scenario, "--no-report", "--json", "--out", tmp_path / "out")
    assert json.loads(result.stdout)["report"] is None
    assert not (tmp_path / "out").exists()


def test_run__options__reach_the_request(scenario, klines, made_up, tmp_path) -> None:
    words = "--seed 11 --seeds 4 --from 2024-01-02 --to 2024-01-02 --json".split()
    result = vomma("run", scenario, "--prices", klines, *words, "--out", tmp_path)
    assert result.exit_code == 0
    (request,) = made_up
    assert (request.seed, request.seeds, request.hedge) == (11, 4, True)
    assert (request.source, len(request.prices.ts)) == ("klines.csv", 24)


def test_run__scenario_on_a_file__reads_it(klines, made_up, tmp_path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(
        f"{{name: f, seed: 1, prices: {{source: file, path: {klines}, from: 2024-01-03}}}}"
    )
    assert vomma("run", path, "--no-report").exit_code == 0
    assert len(made_up[0].prices.ts) == 24


def test_run__informed_with_seeds__is_refused(tmp_path) -> None:
    sides = "{with: {feed: {source: pull}}, without: {feed: {source: push}}}"
    path = tmp_path / "informed.yaml"
    path.write_text(f"{SCENARIO[:-1]}, informed: {sides}}}")
    _refused(
        vomma("run", path, "--seeds", 2, "--no-report"), "--seeds is 2", "has informed traders"
    )


def test_run__json__has_a_key_for_each_informed_trader(scenario, made_up, tmp_path) -> None:
    result = vomma("run", scenario, "--json", "--out", tmp_path)
    numbers = json.loads(result.stdout)
    for name in ("latency_arb", "sniper"):
        assert numbers[name]["pnl"] == {"with": -10.0, "without": 9_000.0}


def test_run__for_real__unhedged_on_the_embedded_chain(scenario) -> None:
    result = vomma("run", scenario, "--no-hedge", "--no-report", "--json", "--debug")
    numbers = json.loads(result.stdout)
    assert (numbers["steps"], numbers["run"]["hedged"]) == (2, False)
    assert numbers["hedge"]["variance_ratio"] is None
    assert numbers["ledger"] == {"imbalance": 0, "shortfall": 0}
    assert numbers["chain"]["gas"] > 0


def test_run__for_real__pair_has_its_parameters(scenario, tmp_path) -> None:
    result = vomma("run", scenario, "--json", "--out", tmp_path / "out", "--debug")
    assert isinstance(json.loads(result.stdout)["hedge"]["variance_ratio"], float)
    kept = load_result(tmp_path / "out" / "record.json.gz")
    assert (kept.record.hedged, kept.unhedged.hedged) == (True, False)
    assert ("amm.limits.vega", "0.2") in kept.parameters


def test_run__missing_scenario__refused(tmp_path) -> None:
    _refused(vomma("run", tmp_path / "no.yaml"), "does not exist", "scenarios/")


def test_run__unknown_key__is_named(scenario) -> None:
    scenario.write_text(SCENARIO[:-1] + ", flow: {trade_per_day: 3}}")
    _refused(vomma("run", scenario), "trade_per_day")


def test_run__missing_prices__refused(scenario, tmp_path) -> None:
    _refused(vomma("run", scenario, "--prices", tmp_path / "no.csv"), "no.csv", "--prices")


def test_run__dates_the_wrong_way_round__refused(scenario, klines) -> None:
    dates = ("--from", "2024-01-03", "--to", "2024-01-01")
    _refused(vomma("run", scenario, "--prices", klines, *dates), "2024-01-03", "swap")


@pytest.mark.parametrize("dates", [("--from", "2023-12-30"), ("--to", "2024-01-09")])
def test_run__dates_partly_outside__says_what_there_is(scenario, klines, dates) -> None:
    result = vomma("run", scenario, "--prices", klines, *dates)
    _refused(result, "2024-01-01 to 2024-01-03", dates[1])


def test_run__dates_far_outside__says_what_there_is(scenario, klines) -> None:
    result = vomma("run", scenario, "--prices", klines, "--from", "2025-01-01")
    _refused(result, "2024-01-01", "2024-01-03")


def test_run__dates_without_file__refused(scenario) -> None:
    _refused(vomma("run", scenario, "--from", "2024-01-01"), "--prices")


def test_run__no_date__refused(scenario, klines) -> None:
    result = vomma("run", scenario, "--prices", klines, "--from", "yesterday")
    assert result.exit_code == 2
    assert "yesterday" in result.stderr


def test_run__unknown_engine__names_the_known(scenario) -> None:
    _refused(vomma("run", scenario, "--engine", "quantum"), "'quantum'", "embedded, rpc")


def test_run__no_hedge_over_seeds__refused(scenario) -> None:
    _refused(vomma("run", scenario, "--no-hedge", "--seeds", "3"), "--seeds is 3", "drop one")


def test_run__unwritable_out__refused_before_the_run(scenario, made_up, tmp_path) -> None:
    _refused(vomma("run", scenario, "--out", scenario / "out"), "cannot write", "--out")
    assert made_up == []


def test_report__of_a_run__is_rebuilt_in_full(scenario, made_up, tmp_path) -> None:
    vomma("run", scenario, "--out", tmp_path / "out")
    page = tmp_path / "out" / "report.html"
    first = page.read_bytes()
    page.unlink()
    result = vomma("report", tmp_path / "out" / "record.json.gz", "--json")
    assert json.loads(result.stdout)["report"] == str(page)
    assert page.read_bytes() == first


def test_report__missing__refused(tmp_path) -> None:
    _refused(vomma("report", tmp_path / "none.json.gz"), "does not exist", "vomma run")


def test_devnet__port_in_use__names_port_and_way_out(monkeypatch) -> None:
    monkeypatch.setattr(devnet, "status", lambda *_: None)
    monkeypatch.setattr(devnet, "find_anvil", lambda: Path("anvil"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _refused(vomma("devnet", "up", "--port", port), str(port), "--port", code=1)


def test_devnet__no_anvil__says_how_to_get_it(monkeypatch) -> None:
    def missing():
        raise AnvilMissing("no anvil: run `python3 dev.py setup`")

    monkeypatch.setattr(devnet, "status", lambda *_: None)
    monkeypatch.setattr(devnet, "find_anvil", missing)
    _refused(vomma("devnet", "up"), "dev.py setup", code=1)


def test_devnet__none_running__says_so(monkeypatch) -> None:
    monkeypatch.setattr(devnet, "status", lambda *_: None)
    assert json.loads(vomma("devnet", "status", "--json").stdout) == {"running": False}
    assert json.loads(vomma("devnet", "down", "--json").stdout) == {"stopped": False}
    assert "vomma devnet up" in vomma("devnet", "status").stdout


@pytest.mark.parametrize(
    ("error", "code"), [(PortInUse("x"), 1), (Revert("x"), 1), (CompileError("x"), 1)]
)
def test_exit_code__not_the_inputs_fault__is_1(error, code) -> None:
    assert cli.exit_code(error) == code


def _broken(monkeypatch, error: BaseException) -> None:
    def raise_it(*_):
        raise error

    monkeypatch.setattr(devnet, "status", raise_it)


def test_interrupt__one_line(monkeypatch) -> None:
    _broken(monkeypatch, KeyboardInterrupt())
    _refused(vomma("devnet", "status"), "stopped", code=130)


def test_unexpected__one_line_and_how_to_see_more(monkeypatch, capsys) -> None:
    _broken(monkeypatch, ZeroDivisionError("odd"))
    with pytest.raises(SystemExit) as stopped:
        cli.main(["devnet", "status"])
    assert stopped.value.code == 1
    assert "unexpected ZeroDivisionError: odd; run again with --debug" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--debug", "devnet", "status"], ["devnet", "status", "--debug"]]
)
@pytest.mark.parametrize("error", [ZeroDivisionError("odd"), PortInUse("taken")])
def test_debug__raises(monkeypatch, words, error) -> None:
    _broken(monkeypatch, error)
    with pytest.raises(type(error)):
        cli.main(words)
