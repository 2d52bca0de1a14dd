#pragma version ~=0.4.3
"""
@title perp_math
@author Vomma
@license AGPL-3.0-only
@notice Price and funding of a perpetual whose counterparty is one pool.

          potential(x) = index * x^2 / (2 * scale)          x = net position of all takers (skew)
          premium(q)   = potential(x + q) - potential(x)    paid on top of index * q

        so a path of trades at a still index costs what the one big trade costs, and back and forth
        costs nothing but rounding. Funding: the rate (per year, > 0: longs pay) moves with
        velocity * skew / scale a day and stops at +-cap:

          cap        ____________
          rate      /               twice the area under it over `elapsed`:
          r0 ______/                (r0 + r1) * t, or 2 * cap * t - (cap - r0)^2 / slope once at the cap

@custom:domain index * size * (2 * skew + size) < 2^255 (WAD each); rates within +-10.
@custom:error Premium and potential within 1 wei above the exact value, funding within 1 wei below;
        the rate within 1e-18 a year for each accrual.
@custom:source Premium as a path-free curve in skew and funding velocity: Synthetix SIP-279.
"""


from . import wad_math


WAD: constant(int256) = 10**18
DAY: constant(int256) = 86_400
YEAR: constant(int256) = 365 * 86_400


@internal
@pure
def _premium(index: int256, skew: int256, size: int256, scale: int256) -> int256:
    """
    @notice What a taker buying `size` (selling: < 0) pays above index * size.
    @custom:rounding up, against the taker
    """
    return wad_math._ceil_div(index * size * (2 * skew + size), 2 * scale * WAD)


@internal
@pure
def _potential(index: int256, skew: int256, scale: int256) -> uint256:
    """
    @custom:rounding up
    """
    return convert(self._premium(index, 0, skew, scale), uint256)


@internal
@pure
def _spread(index: uint256, size: uint256, uncertainty: uint256) -> uint256:
    """
    @custom:rounding up, against the taker
    """
    product: uint256 = size * index * uncertainty
    return product // 10**36 + convert(product % 10**36 != 0, uint256)


@internal
@pure
def _accrue(
    rate: int256, velocity: int256, cap: int256, skew: int256, scale: int256, elapsed: int256
) -> (int256, int256):
    """
    @param velocity Change of the rate in a day at skew = scale, WAD.
    @param elapsed Seconds in which the skew did not change.
    @return (rate now, twice the integral of the rate over `elapsed` in WAD seconds).
    """
    push: int256 = velocity * skew
    moved: int256 = rate + push * elapsed // (scale * DAY)
    if abs(moved) <= cap:
        return moved, (rate + moved) * elapsed
    bound: int256 = cap if moved > 0 else -cap
    gap: int256 = bound - rate
    return bound, 2 * bound * elapsed - gap * gap * scale * DAY // push


@internal
@pure
def _funding(area: int256, index: int256) -> int256:
    """
    @param area Twice the integral of the rate, from `_accrue`.
    @return Cash a long of one unit owes for it, WAD.
    """
    return wad_math._floor_div(area * index, 2 * YEAR * WAD)
