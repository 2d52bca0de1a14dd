"""How wide reporters sign a price."""

from __future__ import annotations

from math import log, sqrt

import pytest

from protocol.config import ConfidencePolicy
from protocol.errors import InputError
from protocol.strategy.confidence import Confidence
from protocol.units import YEAR

POLICY = ConfidencePolicy(first_vol=0.0)


def test_seen__first_price__takes_vol_for_the_policys() -> None:
    policy = ConfidencePolicy(floor=0.001, widening=2.0, max_age_seconds=40, first_vol=0.8)
    expected = 0.001 + 2.0 * 0.8 * sqrt(40 / YEAR)
    assert Confidence(policy, seconds=5).seen(2_000.0) == pytest.approx(expected)


def test_seen__still_market__comes_down_to_the_floor() -> None:
    meter = Confidence(ConfidencePolicy(), seconds=5)
    widths = [meter.seen(2_000.0) for _ in range(2_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(POLICY.floor, rel=0.01)


def test_seen__jump__follows_the_higher_of_both_averages() -> None:
    meter = Confidence(POLICY, seconds=5)
    meter.seen(100.0)
    rate, spans = log(101.0 / 100.0) ** 2 / 5, (POLICY.fast_seconds, POLICY.slow_seconds)
    kept = [0.5 ** (5 / span) for span in spans]
    for n, price in enumerate([101.0] * 100):
        variance = max((1.0 - keep) * keep**n * rate for keep in kept)
        expected = POLICY.floor + POLICY.widening * sqrt(variance * POLICY.max_age_seconds)
        assert meter.seen(price) == pytest.approx(expected)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan")])
def test_seen__no_price__is_refused(price: float) -> None:
    with pytest.raises(InputError, match="price is .*must be > 0"):
        Confidence(POLICY, seconds=5).seen(price)
