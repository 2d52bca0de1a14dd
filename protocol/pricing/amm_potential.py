"""The risk potential of an options pool: half its weighted squared Greeks, over its depth.

Twin of `contracts/math/risk_math.vy`. Changes are whole integers before the one division, so a
trade costs the same in any slices, to a wei a slice.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocol.errors import InputError
from protocol.pricing import fixed
from protocol.pricing.amm_records import Risk
from protocol.pricing.amm_words import Weights

_STEP = 10**9  # weights enter in steps of 1e-9


def potential(
    *,
    totals: Risk,
    expiry_vegas: Sequence[int],
    weights: Weights,
    reference: int,
    depth: int,
) -> int:
    """What a pool owes to those who will take its risk off: half the weighted squares, over depth.

    Parameters
    ----------
    totals : Risk
        Net Greeks after hedges.
    expiry_vegas : sequence of int
        Vega of each listed expiry.
    weights : Weights
    reference : int
        Price at which delta is valued.
    depth : int
        0 gives 0, as on chain: such a pool has never been valued.
    """
    if depth == 0:
        return 0
    numerator = common_change(weights, reference, Risk(), totals)
    numerator += sum(expiry_change(weights, 0, vega) for vega in expiry_vegas)
    return over_depth(numerator, depth)


def _step_up(g: int, change: int) -> int:
    return change * (2 * g + change)


def _dollars(square: int, reference: int) -> int:
    return fixed.smul_ceil(fixed.smul_ceil(square, reference), reference)


def common_change(weights: Weights, reference: int, totals: Risk, change: Risk) -> int:
    """The part of a change that does not know expiries, before `over_depth`."""
    return (
        weights.delta // _STEP * _dollars(_step_up(totals.delta, change.delta), reference)
        + weights.vega // _STEP * _step_up(totals.vega, change.vega)
        + weights.gamma // _STEP * _step_up(totals.gamma, change.gamma)
    )


def expiry_change(weights: Weights, vega: int, change: int) -> int:
    """The part of one expiry's vega, before `over_depth`."""
    return weights.expiry_vega // _STEP * _step_up(vega, change)


def over_depth(numerator: int, depth: int) -> int:
    """Parts of a change, added up, as dollars in WAD; rounded up, against the taker."""
    if depth <= 0:
        raise InputError("depth", depth, bound="above 0", step="refresh once LPs are in")
    return -(-numerator // (2 * _STEP * depth))
