"""The fitting script gives the coefficients that the kernel uses, digit for digit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from protocol.pricing import fixed_math

ROOT = Path(__file__).resolve().parents[2]


def test_coefficients__fitted_again__are_those_in_use() -> None:
    script = ROOT / "scripts" / "fit_kernel.py"
    printed = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True
    ).stdout
    rows = re.findall(r"^    \((-?\d+), (-?\d+), (-?1)\),$", printed, re.MULTILINE)
    tables = [
        getattr(fixed_math, name) for name in ("_MILLS", "_DENSITY", "_DISCOUNT", "_LOG", "_ROOT")
    ]
    assert [tuple(map(int, row)) for row in rows] == [row for table in tables for row in table]

    contracts = "".join(
        (ROOT / "contracts" / "math" / name).read_text()
        for name in ("wad_math.vy", "normal_math.vy")
    )
    numbers = set(re.findall(r"\d{15,}", printed))
    assert len(numbers) == 55  # 27 levels and the constant of the root
    assert all(number in contracts for number in numbers)
