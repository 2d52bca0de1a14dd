"""People who live in ape: everything they type works here, offline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def ape(*words: str) -> subprocess.CompletedProcess[str]:
    folder = Path(sys.executable).parent
    return subprocess.run(
        [folder / "ape", *words],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        input="print(project.OptionsAMM)\nexit()\n",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_ape_compile__whole_tree__succeeds() -> None:
    done = ape("compile")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout + done.stderr


def test_ape_test__acceptance__passes() -> None:
    done = ape("test", "tests/ape")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_ape_run_deploy__prints_the_addresses() -> None:
    done = ape("run", "deploy", "--network", "ethereum:local:foundry")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ledger " in done.stdout and "ETH amm" in done.stdout


def test_ape_console__knows_the_contracts() -> None:
    done = ape("console", "--network", "ethereum:local:foundry")
    assert "<OptionsAMM>" in done.stdout, done.stdout + done.stderr
