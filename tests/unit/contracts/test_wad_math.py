"""Directions of rounding, exact values and refusals of the WAD arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.clients.base import AnyContract
from protocol.units import WAD

RAY = 10**27


@pytest.fixture
def harness(deploy: Any) -> AnyContract:
    return deploy("MathHarness")


@pytest.mark.parametrize(
    ("name", "a", "b", "expected"),
    [
        ("mul_down", 1, WAD - 1, 0),
        ("mul_up", 1, WAD - 1, 1),
        ("mul_up", 3 * WAD, 2 * WAD, 6 * WAD),
        ("div_down", 2, 3 * WAD, 0),
        ("div_up", 2, 3 * WAD, 1),
        ("div_up", 6 * WAD, 3 * WAD, 2 * WAD),
        ("smul_floor", -1, 1, -1),
        ("smul_ceil", -1, 1, 0),
        ("smul_floor", 1, 1, 0),
        ("smul_ceil", 1, 1, 1),
        ("smul_floor", -3 * WAD, 2 * WAD, -6 * WAD),
        ("sdiv_floor", -WAD, 3 * WAD, -(WAD // 3) - 1),
        ("sdiv_ceil", -WAD, 3 * WAD, -(WAD // 3)),
        ("sdiv_floor", WAD, 3 * WAD, WAD // 3),
        ("sdiv_ceil", WAD, 3 * WAD, WAD // 3 + 1),
    ],
)
def test_rounding__each_direction__is_the_one_in_the_name(
    harness: AnyContract, name: str, a: int, b: int, expected: int
) -> None:
    assert harness.call(name, a, b) == expected


@pytest.mark.parametrize("name", ["mul_down", "mul_up", "div_down", "div_up"])
def test_products__beyond_a_word__revert(harness: AnyContract, reverts: Any, name: str) -> None:
    with reverts():
        harness.call(name, 2**255, 2 * WAD)


@pytest.mark.parametrize("name", ["div_down", "div_up"])
def test_division__by_zero__reverts(harness: AnyContract, reverts: Any, name: str) -> None:
    with reverts():
        harness.call(name, WAD, 0)


@pytest.mark.parametrize("root", [0, 1, 3, WAD // 1000, WAD, 2 * WAD, 10**10 * WAD])
def test_square_root__of_a_square__is_exact(harness: AnyContract, root: int) -> None:
    square = root * root // WAD
    if square * WAD == root * root:
        assert harness.call("square_root", square) == root


def test_root__at_the_ends_of_its_seed__is_continuous(harness: AnyContract) -> None:
    for end in (10**48, 8 * 10**54):
        inside, outside = (harness.call("root", end + step) for step in (-1, 1))
        assert abs(inside - outside) <= 2 * 10**7  # 6e-21 of the larger root


def test_logarithm__of_equals__is_zero(harness: AnyContract) -> None:
    for amount in (1, WAD, 2**127):
        assert harness.call("log_ratio", amount, amount) == 0


def test_logarithm__known_values__to_the_digit(harness: AnyContract) -> None:
    assert harness.call("ln", 2 * WAD) == 693147180559945309
    assert harness.call("ln", 10 * WAD) == 2302585092994045684
    assert harness.call("ln", WAD // 10) == -2302585092994045684


def test_exponential__known_values__to_the_digit(harness: AnyContract) -> None:
    assert harness.call("exp", 0) == WAD
    assert harness.call("exp", WAD) == 2718281828459045235
    assert harness.call("exp", -WAD) == 367879441171442321
    assert harness.call("exp", -62 * WAD) == harness.call("exp", -(2**255)) == 0


def test_decay__on_either_side_of_a_halving__is_continuous(harness: AnyContract) -> None:
    for halvings in (1, 2, 5):
        edge = halvings * 693147180559945309417232121  # ln 2
        near, far = (harness.call("decay", edge + step) for step in (-1, 1))
        assert abs(near - far) <= 10**6  # 1e-21
    assert harness.call("decay", 10**40) == 0


@pytest.mark.parametrize(
    ("name", "args", "reason"),
    [
        ("ln", (0,), "wad_math: ln of zero"),
        ("ln", (2**128,), "wad_math: ln out of range"),
        ("log_moneyness", (WAD, 0), "wad_math: ln of zero"),
        ("log_moneyness", (0, WAD), "wad_math: ln of zero"),
        ("exp", (100 * WAD + 1,), "wad_math: exp out of range"),
    ],
)
def test_functions__outside_their_domain__revert(
    harness: AnyContract, reverts: Any, name: str, args: tuple[int, ...], reason: str
) -> None:
    with reverts(reason):
        harness.call(name, *args)
