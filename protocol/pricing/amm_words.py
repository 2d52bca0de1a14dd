"""The words an options pool keeps: parameters, expiry snapshots, surfaces and Greeks, as integers.

Twins of `contracts/math/{amm_codec,surface_codec,risk_math}.vy`: a record packs into the word the
contract stores, and comes back from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

from protocol.errors import InputError
from protocol.types import STRIKE_STEPS
from protocol.units import WAD, joined, parted

_COARSE = 10**12
_SHARE = 10**14
_FINE = 10**9
_SHARES, _TIMES, _FEES = 96, 64, 144  # bits of the limits' two parts and of the fee word
_SPARE = 24  # between spreads and times
_SMILE = ("a", "b", "basis", "rate", "rho", "m", "sigma")


def truncated(numerator: int, denominator: int) -> int:
    """Division rounded towards zero, as the EVM divides signed numbers."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


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
        """The record in the low bits of a word; `InputError` for a value too fine or large."""
        layout = self._layout()
        values = [
            _steps(field.name, getattr(self, field.name), step)
            for field, (_, step) in zip(fields(self), layout, strict=True)
        ]
        return joined(values, [width for width, _ in layout])

    @classmethod
    def from_word(cls, word: int) -> Self:
        """The inverse of `word`; higher bits are not looked at."""
        layout = cls._layout()
        parts = parted(word, [width for width, _ in layout])
        return cls(*(part * step for part, (_, step) in zip(parts, layout, strict=True)))


@dataclass(frozen=True, slots=True)
class Weights(_Steps):
    """Weights of the risk potential, WAD: see IOptionsAMM."""

    delta: int
    vega: int
    expiry_vega: int
    gamma: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(40, _FINE)] * 4


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

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(24, _COARSE)] * 7


@dataclass(frozen=True, slots=True)
class Limits(_Steps):
    """Limits of a pool, WAD, but for three times in seconds: see IOptionsAMM."""

    vega: int
    delta: int
    utilisation: int
    shift_cap: int
    max_age: int
    min_life: int
    push_window: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(24, _COARSE)] * 4 + [(24, 1), (24, 1), (16, 1)]


@dataclass(frozen=True, slots=True)
class FlowLimits(_Steps):
    """Limits of what passes through a pool, WAD shares of depth, and a time in seconds."""

    direct_age: int
    direct_delta: int
    push_vega: int
    block_vega: int
    block_delta: int
    hour_vega: int
    hour_delta: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(16, 1)] + [(16, _SHARE)] * 6


@dataclass(frozen=True, slots=True)
class Upkeep(_Steps):
    """What refreshes and hedges go by, WAD, and a time in seconds: see IOptionsAMM."""

    hedge_bound: int
    hedge_hour: int
    depth_growth: int
    drawdown: int
    max_toxicity: int
    bounty_drift: int
    bounty: int
    bounty_age: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(32, _COARSE)] * 7 + [(32, 1)]


@dataclass(frozen=True, slots=True)
class PoolParameters:
    """All parameters of an options pool, and the fee word that its fee schedule set."""

    weights: Weights
    spreads: Spreads
    limits: Limits
    flow: FlowLimits
    upkeep: Upkeep
    fee_word: int = 0

    @property
    def words(self) -> tuple[int, int, int, int]:
        """As `OptionsAMM.parameters` gives them."""
        shares, times = divmod(self.limits.word, 1 << _TIMES)
        return (
            self.weights.word << _SHARES | shares,
            self.spreads.word << _SPARE + _TIMES | times,
            self.flow.word << _FEES | self.fee_word,
            self.upkeep.word,
        )

    @classmethod
    def from_words(cls, words: Sequence[int]) -> Self:
        """The inverse of `words`."""
        shares, times = words[0] % (1 << _SHARES), words[1] % (1 << _TIMES)
        return cls(
            weights=Weights.from_word(words[0] >> _SHARES),
            spreads=Spreads.from_word(words[1] >> _SPARE + _TIMES),
            limits=Limits.from_word(shares << _TIMES | times),
            flow=FlowLimits.from_word(words[2] >> _FEES),
            upkeep=Upkeep.from_word(words[3]),
            fee_word=words[2] % (1 << _FEES),
        )


@dataclass(frozen=True, slots=True)
class ExpiryWord(_Steps):
    """The last refresh of a listed expiry: spot (WAD), its second, the bound of a short until the
    next (a word: see `amm_reserve`), the surface's second, strike step."""

    spot: int
    refreshed_at: int
    bound: int
    posted_at: int
    strike_step: int

    @classmethod
    def _layout(cls) -> list[tuple[int, int]]:
        return [(88, 1), (40, 1), (56, 1), (40, 1), (32, 1)]

    def lists(self, strike_steps: int) -> bool:
        """Whether a strike lies on the expiry's grid."""
        return strike_steps % self.strike_step == 0


@dataclass(frozen=True, slots=True)
class SurfaceWords:
    """One expiry of a volatility surface, WAD, with the second it was posted.

    `behind`: vol stands higher (1), lower (2) or either (3) than posted.
    """

    a: int
    b: int
    basis: int
    rate: int
    rho: int
    m: int
    sigma: int
    timestamp: int
    behind: int = 0

    @property
    def words(self) -> tuple[int, int]:
        """As `VolSurface.words` gives them."""
        for name in _SMILE:
            value = getattr(self, name)
            if not -(2**63) <= value < 2**63:
                raise InputError(name, value, bound="a signed 64-bit WAD")
        if not 0 <= self.behind <= 3:
            raise InputError("behind", self.behind, bound="0 (up to date) to 3 (either way)")
        raw = [getattr(self, name) % 2**64 for name in _SMILE]
        last = joined((self.behind, self.timestamp), (24, 40))
        return joined(raw[:4], [64] * 4), joined([*raw[4:], last], [64] * 4)

    @classmethod
    def from_words(cls, words: Sequence[int]) -> Self:
        """The inverse of `words`."""
        raw = [part for word in words for part in parted(word, [64] * 4)]
        behind, timestamp = divmod(raw[-1], 2**40)
        smile = (_signed(part, 64) for part in raw[:-1])
        return cls(**dict(zip(_SMILE, smile, strict=True)), timestamp=timestamp, behind=behind)


def packed_greeks(*amounts: int, bits: int) -> int:
    """Signed amounts of `bits` each, high to low: how Greeks are kept."""
    word = 0
    for amount in amounts:
        if not -(1 << bits - 1) <= amount < 1 << bits - 1:
            raise InputError("greek", amount, bound=f"a signed {bits}-bit amount")
        word = word << bits | amount % (1 << bits)
    return word


def unpacked_greeks(word: int, *, count: int, bits: int) -> tuple[int, ...]:
    """The inverse of `packed_greeks`."""
    return tuple(_signed(part, bits) for part in parted(word, [bits] * count))


def strike_wad(strike_steps: int) -> int:
    """A strike in steps of 1e-4 as WAD."""
    return strike_steps * (WAD // STRIKE_STEPS)
