"""What a pool reserves for an option it sells between refreshes: twin of OptionPricer._reserve.

No scenario makes the short cost more: its intrinsic value moved by the largest move, time value at
the money at the highest volatility, capped by what the option can be worth, and the contingencies.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.pricing import fixed, fixed_math
from protocol.pricing.amm_point import Point
from protocol.units import WAD, joined, parted

_WIDTHS = (16, 20, 20)
_STEPS = (10**13, 10**14, 10**12)
_ATM_FACTOR = 4 * 10**17  # above 1 / sqrt(2 pi)
_GIGA, _SQUARE = 10**9, 10**36


@dataclass(frozen=True, slots=True)
class ShortBound:
    """Largest move of spot, largest factor of volatility, and contingencies over spot; WAD."""

    move: int
    factor: int
    rate: int

    @property
    def word(self) -> int:
        """As an expiry word keeps it: each rounded up to its step."""
        amounts = (self.move, self.factor, self.rate)
        steps = [-(-x // step) for x, step in zip(amounts, _STEPS, strict=True)]
        return joined(steps, _WIDTHS)

    @classmethod
    def from_word(cls, word: int) -> ShortBound:
        """What a word of an expiry says."""
        steps = zip(parted(word, _WIDTHS), _STEPS, strict=True)
        return cls(*(count * step for count, step in steps))


def short_bound(*, point: Point, bound: ShortBound, spot: int, uncertainty: int) -> int:
    """Cash reserved for one contract sold at a live point of the surface, WAD, rounded up."""
    raised, low = fixed.mul_up(point.forward, WAD + bound.move), min(point.forward, point.strike)
    deviation = fixed_math.root(point.variance * _SQUARE) // _GIGA + 1
    stressed = fixed.mul_up(deviation, fixed.mul_up(_ATM_FACTOR, bound.factor))
    inside = point.forward if point.is_call else point.strike
    exposed = point.forward if point.is_call else low
    value = inside - low + fixed.mul_up(exposed, bound.move)
    value += fixed.mul_up(min(raised, point.strike), stressed)
    value = min(value, raised if point.is_call else point.strike)
    value += fixed.mul_up(spot, bound.rate + uncertainty)
    return fixed.mul_up(value, max(point.discount, WAD))
