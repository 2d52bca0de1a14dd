"""The scenario list as the two words that the risk engine keeps; twin of `margin_codec.vy`."""

from __future__ import annotations

from protocol.errors import InputError
from protocol.parameters import MarginParameters
from protocol.units import DAY, joined, parted

_STEP, _MULTIPLE_STEP = 1e-6, 1e-4
_MAX_TAILS = 6
_TERMS = (24,) * 10 + (8, 8)
_TAIL = (20, 20)
_SHARES = (
    "range vol_up vol_down skew short_rate perp_rate basis_rate initial_factor".split()
)  # in the order of the word


def margin_words(parameters: MarginParameters) -> tuple[int, int]:
    """(terms, tails) as `RiskEngine.set_scenarios` takes them.

    Raises
    ------
    InputError
        Where a number is finer than its field's step, or there are more tails than six.
    """
    if len(parameters.tails) > _MAX_TAILS:
        raise InputError("tails", len(parameters.tails), bound=f"at most {_MAX_TAILS}")
    shares = [_counted(name, getattr(parameters, name), _STEP) for name in _SHARES]
    floor = _counted("vol_floor_days", parameters.vol_floor_days * DAY, 1.0)
    counts = (parameters.max_surface_age, parameters.steps, len(parameters.tails))
    tails = 0
    for multiple, share in reversed(parameters.tails):
        fields = _counted("tail", multiple, _MULTIPLE_STEP), _counted("tail share", share, _STEP)
        tails = tails << sum(_TAIL) | joined(fields, _TAIL)
    return joined((*shares, floor, *counts), _TERMS), tails


def margin_parameters(terms: int, tails: int) -> MarginParameters:
    """The inverse of `margin_words`: what `RiskEngine.scenarios` says."""
    *shares, floor, age, steps, count = parted(terms, _TERMS)
    pairs = [parted(tails >> sum(_TAIL) * i, _TAIL) for i in range(count)]
    named = {name: _number(x, _STEP) for name, x in zip(_SHARES, shares, strict=True)}
    return MarginParameters(
        **named,
        vol_floor_days=floor / DAY,
        max_surface_age=age,
        steps=steps,
        tails=tuple((_number(m, _MULTIPLE_STEP), _number(d, _STEP)) for m, d in pairs),
    )


def _counted(name: str, value: float, step: float) -> int:
    steps = round(value / step)
    if abs(steps * step - value) > 1e-9 * max(step, abs(value)):
        raise InputError(name, value, bound=f"a multiple of {step}", step="round it")
    return steps


def _number(steps: int, step: float) -> float:
    return steps / round(1 / step)
