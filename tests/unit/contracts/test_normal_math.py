"""Edges of the normal tails; their accuracy is in tests/differential/test_kernel_reference.py."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.clients.base import AnyContract

RAY = 10**27


@pytest.fixture
def harness(deploy: Any) -> AnyContract:
    return deploy("MathHarness")


def test_tails__at_the_middle__are_a_half_each(harness: AnyContract) -> None:
    gap, near, density = harness.call("tails", 0, 0)
    assert gap == 0
    assert abs(near - RAY // 2) <= 2 * 10**8
    assert density == pytest.approx(0.3989422804014327 * RAY, rel=1e-15)


@pytest.mark.parametrize(
    ("middle", "half", "expected"),
    [
        (12 * RAY, RAY // 2, (0, 0, 0)),  # nothing can be reached
        (RAY // 2, 12 * RAY, (RAY, RAY, 0)),  # everything is
        (2**200, 0, (0, 0, 0)),  # no deviation left, out of the money
    ],
)
def test_tails__beyond_eleven_deviations__are_nothing_or_all(
    harness: AnyContract, middle: int, half: int, expected: tuple[int, int, int]
) -> None:
    assert harness.call("tails", middle, half) == expected


@pytest.mark.parametrize("end", [9 * RAY, 11 * RAY])
@pytest.mark.parametrize("half", [RAY // 100, 10 * RAY])
def test_tails__across_an_end_of_the_fit__move_by_less_than_the_tail(
    harness: AnyContract, end: int, half: int
) -> None:
    for middle in (end - half, end + half):
        if middle < 0:
            continue
        before, after = (harness.call("tails", middle + step, half) for step in (-1, 1))
        for one, other in zip(before, after, strict=True):
            assert abs(one - other) <= 2 * 10**8  # N(-9) is 1.1e-19


def test_tails__wide_option__gap_is_between_zero_and_near(harness: AnyContract) -> None:
    for step in range(60):
        middle, half = step * RAY // 5, (step * 7 % 60) * RAY // 5
        gap, near, _ = harness.call("tails", middle, half)
        assert 0 <= gap <= near <= RAY
