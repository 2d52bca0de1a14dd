"""Line and branch coverage of the core's Vyper: `.venv/bin/python scripts/measure_coverage.py`.

Runs the contracts' tests on a traced chain (about ten minutes), prints a table and what was missed,
and fails below the bars. Arguments go to pytest in place of the default tests, and then the bars
are not asked for.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = (
    "tests/unit/contracts",
    "tests/attacks/test_access_matrix.py",
    "tests/attacks/test_core_lock.py",
    "tests/attacks/test_perp.py",
    "tests/attacks/test_settlement_print.py",
    "tests/differential/test_kernel_domain.py",
    "tests/differential/test_market_math.py",
)
# gas is not exact on this engine, so neither is where it ends
NOT_HERE = "not out_of_gas"


def main(arguments: list[str]) -> int:
    """Exit code: pytest's where a test failed, else 1 below the bars."""
    _find_tests_here()
    from tests.coverage import plugin, report, trace

    for old in plugin.FOLDER.glob("*.json"):
        old.unlink()
    wanted = arguments or [*TESTS, "-k", NOT_HERE]
    failed = pytest.main(["-n", "0", "-p", "no:cacheprovider", *wanted], plugins=[plugin])
    files = report.measure(trace.load(plugin.FOLDER.glob("*.json")))
    enough = report.show(files)
    return int(failed) or int(not enough and not arguments)


def _find_tests_here() -> None:
    """Make `tests` mean this repository's: some dependency installs a package of that name."""
    sys.path.insert(0, str(ROOT))
    sys.modules["tests"] = ModuleType("tests")
    sys.modules["tests"].__path__ = [str(ROOT / "tests")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
