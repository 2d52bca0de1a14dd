"""How wide a reporter signs a price, so that nobody gains by choosing among the young ones.

Whoever posts may pick any price the venues still take. What that choice is worth grows with the
volatility of the moment, not of the day: so the width follows the higher of a fast and a slow
average of squared moves. It widens at once and narrows slowly.
"""

from __future__ import annotations

from math import log, sqrt

from protocol.config import ConfidencePolicy
from protocol.errors import InputError
from protocol.units import YEAR


class Confidence:
    """The half-width of one underlying's prices, one every `seconds`.

    Before it has seen any it takes vol for `policy.first_vol`: a reporter that starts anew is wide.
    A price that comes late counts as a faster move, which errs on the wide side.
    """

    def __init__(self, policy: ConfidencePolicy, *, seconds: int) -> None:
        self._floor = policy.floor
        self._scale = policy.widening * sqrt(policy.max_age_seconds)
        self._seconds = seconds
        self._keep_fast = 0.5 ** (seconds / policy.fast_seconds)
        self._keep_slow = 0.5 ** (seconds / policy.slow_seconds)
        self._fast = self._slow = policy.first_vol**2 / YEAR  # variance a second
        self._last = 0.0

    def seen(self, price: float) -> float:
        """The half-width of the next price (USD), a fraction of it.

        Raises
        ------
        InputError
            Where the price is not positive.
        """
        if not price > 0.0:
            raise InputError("price", price, bound="> 0", step="check its source")
        if self._last:
            rate = log(price / self._last) ** 2 / self._seconds
            self._fast += (1.0 - self._keep_fast) * (rate - self._fast)
            self._slow += (1.0 - self._keep_slow) * (rate - self._slow)
        self._last = price
        return self._floor + self._scale * sqrt(max(self._fast, self._slow))
