"""Gas and accuracy of the pricing kernel on the domain that matters, measured on its bytecode.

Domain: spot 2,000, strikes 1,000-4,000, 1 hour to 1 year, vol 20-200 %, rate 0-10 %, all uniform,
half calls. Uniform time is the costly choice: far out of the money, where an hour's options are,
the kernel stops early.

Gas is net of the call: what `noop_x`, a function of the same interface that does nothing, costs is
subtracted, together with the difference between the two selectors' places in the jump table (found
by calling each with its selector alone, which reverts right behind the table). The internal call,
its arguments and the memory it touches all count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from random import Random
from statistics import median
from typing import Any

import pyrevm

from protocol.chain.abi import Function
from protocol.chain.artifacts import EVM_VERSION, Artifacts
from protocol.errors import ChainError
from protocol.pricing import reference
from protocol.units import WAD, YEAR, to_wad

SPOT = 2_000 * WAD
_SEED = 76
_CALLER = "0x" + "ca" * 20


@dataclass(frozen=True, slots=True)
class Option:
    """Arguments of the kernel's `price`, WAD, in the contract's order."""

    is_call: bool
    spot: int
    strike: int
    time: int
    vol: int
    rate: int


def sample(count: int, *, seed: int = _SEED) -> list[Option]:
    """Random options from the domain above; the same for the same seed."""
    rng = Random(seed)
    return [
        Option(
            is_call=rng.random() < 0.5,
            spot=SPOT,
            strike=to_wad(rng.uniform(1_000, 4_000)),
            time=to_wad(rng.uniform(3_600, YEAR) / YEAR),
            vol=to_wad(rng.uniform(0.2, 2.0)),
            rate=to_wad(rng.uniform(0.0, 0.1)),
        )
        for _ in range(count)
    ]


class Kernel:
    """The kernel's harness in an EVM of its own."""

    def __init__(self, artifacts: Artifacts) -> None:
        artifact = artifacts["MathHarness"]
        self._abi = artifact.abi
        self._evm = pyrevm.EVM(spec_id=EVM_VERSION.upper())
        self._evm.set_balance(_CALLER, WAD)
        self._address = self._evm.deploy(_CALLER, artifact.bytecode)

    def call(self, name: str, *args: Any) -> Any:
        """Result of a harness function."""
        function = self._abi.function(name, len(args))
        return function.decode(self._run(function.encode(args)))

    def net_gas(self, name: str, *args: Any) -> int:
        """Gas of a harness function beyond its no-op twin."""
        function = self._abi.function(name, len(args))
        noop = self._abi.function(f"noop_{name}", len(args))
        return self._beyond_table(function, args) - self._beyond_table(noop, args)

    def _beyond_table(self, function: Function, args: Sequence[Any]) -> int:
        data = function.encode(args)
        self._run(data)
        whole = self._gas(data)
        try:
            self._run(data[:4])
        except RuntimeError:
            return whole - self._gas(data[:4])
        raise ChainError(f"{function.name} took a call without arguments")

    def _run(self, data: bytes) -> bytes:
        before = self._evm.snapshot()
        try:
            return bytes(self._evm.message_call(_CALLER, self._address, calldata=data))
        finally:
            self._evm.revert(before)

    def _gas(self, data: bytes) -> int:
        """Gas the last call used, without what the transaction's data costs."""
        result = self._evm.result
        if result is None:
            raise ChainError("no call to take the gas of")
        return int(result.gas_used) - sum(16 if byte else 4 for byte in data)


def gas_rows(artifacts: Artifacts, *, count: int = 1_000) -> list[tuple[str, int]]:
    """Median net gas: (name, gas) of the price, and of price with delta and vega."""
    kernel, options = Kernel(artifacts), sample(count)
    return [
        ("black76 price", _median(kernel, "price", map(astuple, options))),
        ("black76 price+delta+vega", _median(kernel, "price_delta_vega", map(astuple, options))),
    ]


def market_gas_rows(artifacts: Artifacts, *, count: int = 1_000) -> list[tuple[str, int]]:
    """Median net gas of what the AMM calls for a leg, on the same options."""
    kernel, options = Kernel(artifacts), sample(count)
    marks = [_on_forward(option) for option in options]
    smile = [
        (strike - WAD, WAD // 25, WAD // 10, -WAD // 3, 0, WAD // 8) for strike in _ratios(options)
    ]
    return [
        ("kernel mark", _median(kernel, "value", ((*m[:4], m[5]) for m in marks))),
        ("kernel mark + Greeks", _median(kernel, "value_greeks", marks)),
        ("kernel smile", _median(kernel, "total_variance", smile)),
        (
            "kernel log-moneyness",
            _median(kernel, "log_moneyness", ((o.strike, SPOT) for o in options)),
        ),
    ]


def accuracy_rows(artifacts: Artifacts, *, count: int = 2_000) -> list[tuple[str, float]]:
    """Largest errors against 50 digits: of price over spot, relative where the price is above
    1e-6 of spot, and of delta."""
    kernel = Kernel(artifacts)
    absolute = relative = of_delta = 0.0
    for option in sample(count):
        price, delta, _ = kernel.call("price_delta_vega", *astuple(option))
        exact, exact_delta, _ = reference.price_delta_vega(**_named(option))
        error = abs(reference.number(price) - exact)
        absolute = max(absolute, float(error / reference.number(option.spot)))
        of_delta = max(of_delta, float(abs(reference.number(delta) - exact_delta)))
        if exact * 10**6 > reference.number(option.spot):
            relative = max(relative, float(error / exact))
    return [
        ("max_abs_over_spot", absolute),
        ("max_rel", relative),
        ("max_delta_abs", of_delta),
    ]


def _median(kernel: Kernel, name: str, calls: Iterable[Sequence[Any]]) -> int:
    return round(median(kernel.net_gas(name, *args) for args in calls))


def _named(option: Option) -> dict[str, Any]:
    return {name: getattr(option, name) for name in Option.__slots__}


def _ratios(options: Iterable[Option]) -> list[int]:
    return [option.strike * WAD // option.spot for option in options]


def _on_forward(option: Option) -> tuple[bool, int, int, int, int, int]:
    variance = option.vol * option.vol * option.time // WAD**2
    return option.is_call, option.spot, option.strike, variance, option.time, WAD
