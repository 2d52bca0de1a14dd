"""The kernel's bytecode and its Python twin give the same integers, everywhere in the domain."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from protocol.bench.kernel import Kernel
from protocol.pricing import fixed, fixed_math
from protocol.units import WAD, YEAR

RAY = 10**27


@dataclass
class Draw:
    """Random arguments that reach every branch."""

    rng: Random

    def log(self, low: float, high: float) -> int:
        return int(10 ** self.rng.uniform(low, high))

    def or_edge(self, value: int, *edges: int) -> int:
        return self.rng.choice(edges) if self.rng.random() < 0.15 else value

    def amounts(self) -> tuple[int, int]:
        spot = self.log(6, 25.9)
        strike = int(spot * 10 ** self.rng.uniform(-2.9, 2.9))
        return spot, self.or_edge(strike, spot, spot + 1)

    def time(self) -> int:
        return self.or_edge(self.log(0, 8.5) * WAD // YEAR, 0, 1)

    def option(self) -> dict[str, Any]:
        spot, strike = self.amounts()
        time = self.time()
        # rate * time reaches both discount paths, up to the largest exponent
        exponent = self.or_edge(self.log(30, 37.3), 0, 2**117 - 1, 2**117)
        return {
            "is_call": self.rng.random() < 0.5,
            "spot": spot,
            "strike": max(strike, 1000),
            "time": time,
            "vol": self.or_edge(self.log(16, 19.2), 0, 1),
            "rate": min(exponent // time, 2**64 - 1) if time else 0,
        }

    def mark(self) -> dict[str, Any]:
        spot, strike = self.amounts()
        return {
            "is_call": self.rng.random() < 0.5,
            "forward": spot,
            "strike": strike,
            "total_variance": self.or_edge(self.log(0, 21.6), 0, 1),
            "discount": self.or_edge(self.log(15, 18), WAD),
        }

    def smile(self) -> dict[str, int]:
        return {
            "k": self.rng.randint(-7 * WAD, 7 * WAD),
            "a": self.rng.randint(-WAD // 10, WAD),
            "b": self.rng.randint(0, 2 * WAD),
            "rho": self.rng.randint(-WAD, WAD),
            "m": self.rng.randint(-WAD, WAD),
            "sigma": self.log(13, 18.3),
        }


@pytest.fixture(scope="module")
def kernel(artifacts: Any) -> Kernel:
    return Kernel(artifacts)


@pytest.fixture
def rounds(deep: bool) -> range:
    return range(20_000 if deep else 400)


@pytest.mark.parametrize("name", ["price", "price_delta_vega"])
def test_spot_options__random__equal_to_the_wei(kernel: Kernel, rounds: range, name: str) -> None:
    draw = Draw(Random(name))
    for _ in rounds:
        option = draw.option()
        assert kernel.call(name, *option.values()) == getattr(fixed, name)(**option), option


def test_value__random__equal_to_the_wei(kernel: Kernel, rounds: range) -> None:
    draw = Draw(Random("value"))
    for _ in rounds:
        mark = draw.mark()
        assert kernel.call("value", *mark.values()) == fixed.value(**mark), mark


def test_value_greeks__random__equal_to_the_wei(kernel: Kernel, rounds: range) -> None:
    draw = Draw(Random("greeks"))
    for _ in rounds:
        mark = draw.mark()
        args = {
            **{key: mark[key] for key in ("is_call", "forward", "strike", "total_variance")},
            "time": draw.time(),
            "discount": mark["discount"],
        }
        assert kernel.call("value_greeks", *args.values()) == fixed.value_greeks(**args), args


def test_smile__random__equal_to_the_wei(kernel: Kernel, rounds: range) -> None:
    draw = Draw(Random("smile"))
    for _ in rounds:
        smile = draw.smile()
        got = kernel.call("total_variance", *smile.values())
        assert got == fixed.total_variance(**smile), smile
        strike, forward = draw.amounts()
        got = kernel.call("log_moneyness", strike, forward)
        assert got == fixed.log_moneyness(strike, forward), (strike, forward)


def test_special_functions__random__equal_to_the_unit(kernel: Kernel, rounds: range) -> None:
    draw, rng = Draw(Random("special")), Random("special pairs")
    for _ in rounds:
        square = draw.or_edge(draw.log(0, 72), 0, 10**48, 8 * 10**54, 8 * 10**54 + 1)
        assert kernel.call("root", square) == fixed_math.root(square), square
        low = draw.log(0, 38)
        high = min(draw.or_edge(draw.log(0, 38), low, low + 1) + low, 2**128 - 1)
        assert kernel.call("log_ratio", high, low) == fixed_math.log_ratio(high, low), (high, low)
        small, any_size = rng.randint(0, RAY // 4), rng.randint(0, 64 * RAY)
        assert kernel.call("discount", small) == fixed_math.discount(small), small
        assert kernel.call("decay", any_size) == fixed_math.decay(any_size), any_size
        middle, half = rng.randint(0, 12 * RAY), draw.or_edge(draw.log(0, 28.1), 0)
        got = kernel.call("tails", middle, half)
        assert got == fixed_math.tails(middle, half), (middle, half)


def test_wad_functions__random__equal_to_the_wei(kernel: Kernel, rounds: range) -> None:
    draw, rng = Draw(Random("wad")), Random("wad pairs")
    for _ in rounds:
        positive, power = draw.log(0, 38), rng.randint(-70 * WAD, 100 * WAD)
        assert kernel.call("square_root", positive) == fixed.sqrt(positive), positive
        assert kernel.call("ln", positive) == fixed.ln(positive), positive
        assert kernel.call("exp", power) == fixed.exp(power), power
        a, b = rng.randint(-(10**30), 10**30), draw.log(0, 30)
        for name in ("sdiv_floor", "sdiv_ceil"):
            assert kernel.call(name, a, b) == getattr(fixed, name)(a, b), (name, a, b)
        for name, factor in (
            ("smul_floor", b),
            ("smul_floor", -b),
            ("smul_ceil", b),
            ("smul_ceil", -b),
        ):
            got = kernel.call(name, a, factor)
            assert got == getattr(fixed, name)(a, factor), (name, a, factor)
        for name in ("mul_down", "mul_up", "div_down", "div_up"):
            got = kernel.call(name, abs(a), abs(b))
            assert got == getattr(fixed, name)(abs(a), abs(b)), (name, a, b)
