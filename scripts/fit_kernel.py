#!/usr/bin/env python3
"""Fits the coefficients of the on-chain pricing kernel and prints them as Vyper and Python code.

    .venv/bin/python scripts/fit_kernel.py          (about 20 s)

Every special function of the kernel is a minimax rational (Remez exchange in 60 digits), then
written as a J-fraction  c1/(x + a1 + c2/(x + a2 + ...)). On the EVM a division costs what a
multiplication costs, so a J-fraction gives two coefficients for 23 gas and needs no rescaling
between its levels, against about 20 gas for each coefficient of a Horner scheme in fixed point.

The chain computes with unsigned RAY (1e27) integers. That is allowed where every partial
denominator keeps one sign on the whole interval; `expression` checks it and moves the signs into
additions and subtractions.

Source: Remez (1934) exchange algorithm; Wall, Analytic Theory of Continued Fractions (1948), for
the J-fraction; the Mills ratio, its use here and the fits are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import atanh, cos, erfc, exp, log, lu_solve, matrix, mp, mpf, nstr, pi, sqrt

mp.dps = 60
RAY = 10**27
Function = Callable[[mpf], mpf]
LN2 = log(mpf(2))


@dataclass(frozen=True, slots=True)
class Fit:
    """A function to fit: interval, degrees, error weight; `unit`: it is exactly 1 at the start."""

    name: str
    exact: Function
    weight: Function
    low: mpf
    high: mpf
    numerator: int
    denominator: int
    spread: str = "cosine"
    unit: bool = False

    def start(self) -> list[mpf]:
        count = self.numerator + self.denominator + 2
        steps = [mpf(i) / (count - 1) for i in range(count)]
        if self.spread == "geometric":
            return [self.low * (self.high / self.low) ** step for step in steps]
        return [self.low + (self.high - self.low) * (1 - cos(pi * step)) / 2 for step in steps]


def polynomial(coefficients: list[mpf], x: mpf) -> mpf:
    total = mpf(0)
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def levelled(fit: Fit, points: list[mpf], level: mpf) -> tuple[list[mpf], list[mpf], mpf]:
    """Rational whose weighted error alternates between +level and -level on the points."""
    size, split = len(points), fit.numerator + 1
    bottom = [mpf(1)] + [mpf(0)] * (fit.denominator - 1) + [mpf(1)]
    for _ in range(60):
        left, right = matrix(size, size), matrix(size, 1)
        for row, x in enumerate(points):
            sign = (-1) ** row / fit.weight(x)
            target = fit.exact(x) + sign * level
            for power in range(split):
                left[row, power] = x**power
            for power in range(fit.denominator):
                left[row, split + power] = -target * x**power
            left[row, size - 1] = -sign * polynomial(bottom, x)
            right[row] = target * x**fit.denominator
        solved = list(lu_solve(left, right))
        top, bottom = solved[:split], [*solved[split:-1], mpf(1)]
        level += solved[-1]
        if abs(solved[-1]) < abs(level) * mpf(10) ** -12:
            break
    return top, bottom, level


def extrema(fit: Fit, top: list[mpf], bottom: list[mpf], points: list[mpf]) -> list[mpf]:
    """Largest weighted errors, one for each run of one sign."""

    def error(x: mpf) -> mpf:
        return (polynomial(top, x) / polynomial(bottom, x) - fit.exact(x)) * fit.weight(x)

    knots = sorted({fit.low, *points, fit.high})
    grid = [a + (b - a) * k / 24 for a, b in zip(knots, knots[1:], strict=False) for k in range(24)]
    grid.append(fit.high)
    best: list[mpf] = []
    previous = mpf(0)
    for x in grid:
        value = error(x)
        if best and (value > 0) == (previous > 0):
            if abs(value) > abs(previous):
                best[-1], previous = x, value
        else:
            best.append(x)
            previous = value
    while len(best) > len(points):
        best.pop(0 if abs(error(best[0])) < abs(error(best[-1])) else -1)
    return best


def remez(fit: Fit) -> tuple[list[mpf], list[mpf], mpf]:
    """Numerator, denominator (monic, ascending powers) and the weighted error reached."""
    points, level = fit.start(), mpf(0)
    for _ in range(40):
        top, bottom, level = levelled(fit, points, level)
        fresh = extrema(fit, top, bottom, points)
        if len(fresh) < len(points):
            raise ArithmeticError(f"{fit.name}: alternation lost")
        drift = max(abs(a - b) for a, b in zip(fresh, points, strict=True))
        points = fresh
        if drift < (fit.high - fit.low) / 1000:
            break
    return top, bottom, abs(level)


def j_fraction(top: list[mpf], bottom: list[mpf]) -> tuple[mpf, list[tuple[mpf, mpf]]]:
    """Constant and levels (c, a) of  constant + c1/(x + a1 + c2/(x + a2 + ...))."""
    constant = mpf(0)
    if len(top) == len(bottom):
        constant = top[-1]
        top = [p - constant * q for p, q in zip(top, bottom, strict=True)][:-1]
    levels = []
    while True:
        lead = top[-1]
        monic = [p / lead for p in top]
        rest = [q - p for q, p in zip(bottom, [mpf(0), *monic], strict=True)][:-1]
        shift = rest[-1]
        rest = [r - shift * p for r, p in zip(rest, monic, strict=True)][:-1]
        levels.append((lead, shift))
        if not rest:
            return constant, levels
        top, bottom = rest, monic


def signs(fit: Fit, levels: list[tuple[mpf, mpf]]) -> list[int]:
    """Sign of every partial denominator; an error if one of them changes sign."""
    found: list[set[int]] = [set() for _ in levels]
    for step in range(401):
        x, tail = fit.low + (fit.high - fit.low) * step / 400, mpf(0)
        for index in range(len(levels) - 1, -1, -1):
            below = x + levels[index][1] + tail
            found[index].add(1 if below > 0 else -1)
            tail = levels[index][0] / below
    if any(len(one) != 1 for one in found):
        raise ArithmeticError(f"{fit.name}: a partial denominator changes sign")
    return [one.pop() for one in found]


def rows(fit: Fit, levels: list[tuple[mpf, mpf]]) -> list[tuple[int, int, int]]:
    """Levels as integers (c, a, sx): each is  sign(c) * |c| // (a + sx * x + next level)."""
    sign = signs(fit, levels)
    found, before = [], 1
    for one, (c, a) in zip(sign, levels, strict=True):
        # a denominator below zero is kept as its absolute value, which flips what it divides
        found.append((before * one * int(c * RAY**2), one * int(a * RAY), one))
        before = one
    if fit.unit:
        _, a, sx = found[0]
        found[0] = (RAY * (a + fraction(found[1:], 0)), a, sx)
    return found


def fraction(levels: list[tuple[int, int, int]], x: int) -> int:
    """The levels in integers, as the chain computes them."""
    tail = 0
    for c, a, sx in reversed(levels):
        size = abs(c) // (a + sx * x + tail)
        tail = size if c > 0 else -size
    return tail


def vyper(levels: list[tuple[int, int, int]]) -> str:
    """The levels as one nested Vyper expression in `x`, innermost level last."""
    tail, join = "", ""
    for c, a, sx in reversed(levels):
        below = f"unsafe_{'add' if a >= 0 else 'sub'}(x, {abs(a)})" if sx > 0 else ""
        if a < 0 and sx < 0:
            below = f"unsafe_sub({tail}, unsafe_add(x, {-a}))"
        else:
            below = below or f"unsafe_sub({a}, x)"
            below = f"unsafe_{join}({below}, {tail})" if tail else below
        tail, join = f"unsafe_div(\n    {abs(c)}, {below})", "add" if c > 0 else "sub"
    return tail


def mills(x: mpf) -> mpf:
    return exp(x * x / 2) * erfc(x / sqrt(mpf(2))) * sqrt(pi / 2)


def density(x: mpf) -> mpf:
    return exp(-x * x / 2) / sqrt(2 * pi)


def log_series(u: mpf) -> mpf:
    """2 atanh(z)/z as a function of u = z**2."""
    return 2 * atanh(sqrt(u)) / sqrt(u) if u else mpf(2)


def fits() -> list[Fit]:
    """The five functions of the kernel. A weight says what kind of error is kept small."""
    root_two_pi = sqrt(2 * pi)
    z_max = mpf("1.25") / mpf("3.25")
    return [
        # Mills ratio: error of N(-x) itself, pulled a little towards a relative one in the tail
        Fit("mills", mills, lambda x: density(x) ** mpf("0.9"), mpf(0), mpf(9), 7, 8),
        # e^-x / sqrt(2 pi) and e^-x: relative error
        Fit("density", lambda x: exp(-x) / root_two_pi, lambda x: exp(x), mpf(0), LN2, 5, 6),
        Fit("exp", lambda x: exp(-x), lambda x: exp(x), mpf(0), mpf("0.18"), 4, 5, unit=True),
        # ln(hi/lo) for hi/lo up to 2.25, in z**2: absolute error of the logarithm
        Fit("log", log_series, lambda u: sqrt(u) + mpf("0.05"), mpf(0), z_max**2, 4, 5),
        # square root on seven decades: a seed for four Newton steps
        Fit("root", sqrt, lambda x: 1 / sqrt(x), mpf("1e-6"), mpf(8), 3, 3, "geometric"),
    ]


def main() -> None:
    for fit in fits():
        top, bottom, error = remez(fit)
        constant, levels = j_fraction(top, bottom)
        table = rows(fit, levels)
        domain = f"[{nstr(fit.low, 3)}, {nstr(fit.high, 6)}]"
        print(f"# {fit.name} on {domain}: weighted error {nstr(error, 3)}")
        if constant:
            print(f"# {int(constant * RAY)} {'plus' if table[0][0] > 0 else 'minus'}")
        print(vyper(table), "\n", *(f"    {row}," for row in table), "", sep="\n")


if __name__ == "__main__":
    main()
