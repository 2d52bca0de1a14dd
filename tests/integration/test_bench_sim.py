"""The whole race once, with few trades: ape, anvil and the embedded chain in one run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_bench_sim__few_trades__all_keys_and_equal_gas() -> None:
    vomma = Path(sys.executable).parent / "vomma"
    done = subprocess.run(
        [vomma, "bench", "sim", "--trades", "10", "--rival-trades", "5", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["trades_per_s"] > 0
    assert found["ratio_vs_ape_anvil"] > 0 and found["ratio_vs_raw"] > 0
    assert found["trades_of_same_gas"] == 10  # five to warm up, five timed
    assert [found[way]["trades"] for way in ("vomma", "raw", "ape_anvil")] == [10, 10, 5]
    assert all(found[way]["gas_per_trade"] > 0 for way in ("vomma", "raw", "ape_anvil"))
