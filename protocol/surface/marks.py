"""Marks and Greeks of series on a surface, by the rules of the on-chain pricer.

The forward is live spot times one plus the posted basis; total variance was posted for the life
left at posting and is scaled by the life left now, so that implied volatility is what stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protocol.errors import InputError
from protocol.pricing.black76 import Floats
from protocol.pricing.greeks import Greeks, greeks
from protocol.surface.svi import smile
from protocol.types import Instrument, Surface
from protocol.units import years


@dataclass(frozen=True, slots=True)
class Marks:
    """Each series on the surface, per contract, arrays of shape (n,) in the order asked.

    Attributes
    ----------
    vol : ndarray
        Implied volatility a year at the strike.
    years : ndarray
        Life left.
    forward : ndarray
        USD.
    black : Greeks
        Value (USD) and Greeks by the forward, at the strike's volatility held fixed.
    delta : ndarray
        Units of the underlying, by spot, at the strike's volatility held fixed.
    smile_delta : ndarray
        The same where the smile moves with spot (sticky moneyness), as it does between pushes:
        the contract's.
    gamma_cash : ndarray
        Gamma times spot squared, USD.
    """

    vol: Floats
    years: Floats
    forward: Floats
    black: Greeks
    delta: Floats
    smile_delta: Floats
    gamma_cash: Floats


def mark(*, surface: Surface, instruments: Sequence[Instrument], spot: float, now: int) -> Marks:
    """Value and Greeks of options on a surface.

    Parameters
    ----------
    surface : Surface
    instruments : sequence of Instrument
        Options only, alive at `now`, on days the surface has.
    spot : float
        USD, > 0.
    now : int
        Unix seconds.

    Raises
    ------
    InputError
        For a perp, an expired series or a day the surface lacks.
    """
    strike = np.array([series.strike for series in instruments], dtype=np.float64)
    is_call = np.array([series.is_call for series in instruments], dtype=bool)
    life, forward, rate, vol, skew = (np.empty(strike.shape) for _ in range(5))
    day = np.array([series.day for series in instruments], dtype=np.int64)
    for each in np.unique(day).tolist():
        at, posted = day == each, surface.on(each)
        left = instruments[int(np.argmax(at))].expiry - now
        if left <= 0:
            raise InputError("now", now, bound=f"before the expiry of day {each}")
        span = years(left + now - posted.timestamp)
        life[at], rate[at], forward[at] = years(left), posted.rate, posted.forward(spot)
        shape = smile(k=np.log(strike[at] / forward[at]), svi=posted.svi)
        vol[at] = np.sqrt(shape.w / span)
        skew[at] = shape.slope / (2.0 * vol[at] * span)
    book = greeks(forward=forward, strike=strike, years=life, vol=vol, is_call=is_call, rate=rate)
    delta = book.delta * forward / spot
    return Marks(
        vol=vol,
        years=life,
        forward=forward,
        black=book,
        delta=delta,
        smile_delta=delta - book.vega * skew / spot,
        gamma_cash=book.gamma * forward**2,
    )
