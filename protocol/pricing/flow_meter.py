"""Meters of the risk that has passed through an options pool lately: twin of `flow_meter.vy`.

A meter is a share of depth in steps of 1e-7. Those of a block start anew with the second, that of
a push with the next push, those of an hour leak evenly.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Self

from protocol.errors import InputError
from protocol.pricing.amm_words import FlowLimits
from protocol.units import WAD, joined, parted

STEPS = 10**7  # of a share
_STEP = WAD // STEPS
_HOUR = 3_600
_WIDTHS = (32, 3, 25, 25, 25, 25, 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """Levels of the five meters after a trade, in steps, and the second of that trade."""

    last: int = 0
    push_vega: int = 0
    block_vega: int = 0
    block_delta: int = 0
    hour_vega: int = 0
    hour_delta: int = 0

    @property
    def word(self) -> int:
        """As the low 160 bits of a pool's second total."""
        last, *levels = astuple(self)
        return joined((last, 0, *levels), _WIDTHS)

    @classmethod
    def from_word(cls, word: int) -> Self:
        """The inverse of `word`; higher bits are not looked at."""
        last, _, *levels = parted(word, _WIDTHS)
        return cls(last=last, **dict(zip(cls.__slots__[1:], levels, strict=True)))


def charge(
    *,
    meters: Meters,
    limits: FlowLimits,
    posted: int,
    depth: int,
    vega: int,
    exposure: int,
    now: int,
) -> Meters:
    """The meters after a trade.

    Parameters
    ----------
    meters : Meters
    limits : FlowLimits
    posted : int
        When the surface traded on was pushed, unix seconds.
    depth : int
        WAD, above 0.
    vega, exposure : int
        Gross vega of the trade and its |net delta| valued, WAD.
    now : int
        Unix seconds.

    Raises
    ------
    InputError
        Where a meter would pass its limit.
    """
    if depth <= 0:
        raise InputError("depth", depth, bound="above 0", step="refresh once LPs are in")
    elapsed = now - meters.last
    if elapsed < 0:
        raise InputError("now", now, bound=f"not before the last trade at {meters.last}")
    more_vega, more_delta = (-(-amount * STEPS // depth) for amount in (vega, exposure))
    hour_vega, hour_delta = limits.hour_vega // _STEP, limits.hour_delta // _STEP
    same_second = elapsed == 0
    after = Meters(
        last=now,
        push_vega=more_vega + (meters.push_vega if posted < meters.last else 0),
        block_vega=more_vega + meters.block_vega * same_second,
        block_delta=more_delta + meters.block_delta * same_second,
        hour_vega=more_vega + _leaked(meters.hour_vega, hour_vega, elapsed),
        hour_delta=more_delta + _leaked(meters.hour_delta, hour_delta, elapsed),
    )
    for name in Meters.__slots__[1:]:
        level, limit = getattr(after, name), getattr(limits, name) // _STEP
        if level > limit:
            bound = f"at most {limit} of {STEPS} of depth"
            raise InputError(f"flow: {name}", level, bound=bound, step="trade less or later")
    return after


def _leaked(level: int, limit: int, elapsed: int) -> int:
    return level - min(level, limit * elapsed // _HOUR)
