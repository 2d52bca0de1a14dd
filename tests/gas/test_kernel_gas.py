"""Gas of the kernel, to the unit: it moves only when the kernel or the compiler does."""

from __future__ import annotations

from typing import Any

from protocol.bench.kernel import gas_rows, market_gas_rows

PROMISED = {"black76 price": 2_450, "black76 price+delta+vega": 2_650}


def test_price_rows__hot_domain__are_exactly_as_measured(artifacts: Any) -> None:
    found = dict(gas_rows(artifacts))
    assert found == {"black76 price": 2_250, "black76 price+delta+vega": 2_414}
    assert all(gas <= PROMISED[name] for name, gas in found.items())


def test_market_rows__hot_domain__are_exactly_as_measured(artifacts: Any) -> None:
    assert dict(market_gas_rows(artifacts)) == {
        "kernel mark": 1_993,
        "kernel mark + Greeks": 2_714,
        "kernel smile": 620,
        "kernel log-moneyness": 471,
    }


def test_harness__runtime__fits_a_contract(artifacts: Any) -> None:
    assert artifacts["MathHarness"].runtime_size < 24_576
