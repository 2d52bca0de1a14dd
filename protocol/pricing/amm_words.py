"""The words an options pool keeps: parameters, expiry snapshots, surfaces and Greeks, as integers.

Twins of `contracts/math/{amm_codec,surface_codec,risk_math}.vy`: a record packs into the word the
contract stores, and comes back from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Self

from protocol.errors import InputError
from protocol.types import STRIKE_STEPS
from protocol.units import WAD

_COARSE = 10**12
_FINE = 10**9
_HALF = 2**127


def truncated(numerator: int, denominator: int) -> int:
    """Division rounded towards zero, as the EVM divides signed numbers."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def _joined(values: Iterable[int], widths: Iterable[int]) -> int:
    word = 0
    for value, width in zip(values, widths, strict=True):
        if not 0 <= value < 1 << width:
            raise InputError("field of a word", value, bound=f"within 0 .. 2**{width} - 1")
        word = word << width | value
    return word


def _parted(word: int, widths: Sequence[int]) -> list[int]:
    parts = []
    for width in reversed(widths):
        parts.append(word & ((1 << width) - 1))
        word >>= width
    return parts[::-1]


def _steps(name: str, value: int, step: int) -> int:
    # A value finer than a step would come back changed, so it is refused instead of rounded.
    if value % step:
        raise InputError(name, value, bound=f"a multiple of {step} wei", step="round it")
    return value // step


def _signed(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


@dataclass(frozen=True, slots=True)
class _Steps:
    """A record of amounts, each stored as a count of its field's steps."""

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        """(width in bits, step in wei) of every field, high to low."""
        raise NotImplementedError

    @property
    def word(self) -> int:
        """The storage word; raises `InputError` for a value too fine or too large for its field."""
        layout = self._layout()
        values = [
            _steps(field.name, getattr(self, field.name), step)
            for field, (_, step) in zip(fields(self), layout, strict=True)
        ]
        return _joined(values, [width for width, _ in layout])

    @classmethod
    def from_word(cls, word: int) -> Self:
        """The inverse of `word`."""
        layout = cls._layout()
        parts = _parted(word, [width for width, _ in layout])
        return cls(*(part * step for part, (_, step) in zip(parts, layout, strict=True)))


@dataclass(frozen=True, slots=True)
class Weights(_Steps):
    """Weights of the risk potential, WAD: see IOptionsAMM."""

    delta: int
    vega: int
    expiry_vega: int
    gamma: int
    vanna: int
    volga: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(40, _FINE)] * 6


@dataclass(frozen=True, slots=True)
class Spreads(_Steps):
    """What the spread is made of, WAD: see IOptionsAMM."""

    vol_points: int
    floor_rate: int
    hedge_cost: int
    toxicity: int
    drift_widening: int
    max_drift: int
    delta_cut: int
    reserve_share: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(32, _COARSE)] * 8


@dataclass(frozen=True, slots=True)
class Limits(_Steps):
    """Limits of a pool, WAD, but for the two ages in seconds: see IOptionsAMM."""

    vega: int
    delta: int
    utilisation: int
    shift_cap: int
    hedge_bound: int
    depth_growth: int
    max_age: int
    min_life: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(32, _COARSE)] * 6 + [(32, 1)] * 2


@dataclass(frozen=True, slots=True)
class ExpiryWord(_Steps):
    """The last refresh of a listed expiry: spot (WAD), its second, reserve (WAD), strike step."""

    spot: int
    refreshed_at: int
    reserve: int
    strike_step: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(88, 1), (40, 1), (96, 1), (32, 1)]

    def lists(self, strike_steps: int) -> bool:
        """Whether a strike lies on the expiry's grid."""
        return strike_steps % self.strike_step == 0


@dataclass(frozen=True, slots=True)
class SurfaceWords:
    """One expiry of a volatility surface, WAD, with the second it was posted."""

    a: int
    b: int
    basis: int
    rate: int
    rho: int
    m: int
    sigma: int
    timestamp: int

    @property
    def words(self) -> tuple[int, int]:
        """As `VolSurface.words` gives them."""
        for field in fields(self)[:-1]:
            value = getattr(self, field.name)
            if not -(2**63) <= value < 2**63:
                raise InputError(field.name, value, bound="a signed 64-bit WAD")
        raw = [getattr(self, field.name) % 2**64 for field in fields(self)]
        return _joined(raw[:4], [64] * 4), _joined(raw[4:], [64] * 4)

    @classmethod
    def from_words(cls, words: Sequence[int]) -> Self:
        """The inverse of `words`."""
        raw = [part for word in words for part in _parted(word, [64] * 4)]
        values = [*(_signed(part, 64) for part in raw[:-1]), raw[-1]]
        return cls(**dict(zip(cls.__slots__, values, strict=True)))


def pair(high: int, low: int) -> int:
    """Two signed 128-bit amounts in a word: how Greeks are kept."""
    for amount in (high, low):
        if not -_HALF <= amount < _HALF:
            raise InputError("greek", amount, bound="a signed 128-bit amount")
    return (high % 2**128) << 128 | low % 2**128


def unpaired(word: int) -> tuple[int, int]:
    """(high, low) of a word made by `pair`."""
    return _signed(word >> 128, 128), _signed(word % 2**128, 128)


def strike_wad(strike_steps: int) -> int:
    """A strike in steps of 1e-4 as WAD."""
    return strike_steps * (WAD // STRIKE_STEPS)
