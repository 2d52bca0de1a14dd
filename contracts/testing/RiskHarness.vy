#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
"""
@title RiskHarness
@author Vomma
@license AGPL-3.0-only
@notice Opens the potential's arithmetic and the AMM's words to tests.
"""


from ..interfaces import IOptionPricer
from ..interfaces import IOptionsAMM
from ..math import amm_codec
from ..math import risk_math


@external
@pure
def pair(high: int256, low: int256) -> uint256:
    return risk_math._pair(high, low)


@external
@pure
def unpaired(word: uint256) -> (int256, int256):
    return risk_math._high(word), risk_math._low(word)


@external
@pure
def scaled(x: int256, size: int256) -> int256:
    return risk_math._scaled(x, size)


@external
@pure
def change(
    weights: uint256,
    reference: uint256,
    totals: uint256[3],
    moved: IOptionPricer.Risk,
    vega: int256,
    vega_moved: int256,
    depth: uint256,
) -> int256:
    """
    @return Change of the potential where all the vega is in one expiry.
    """
    return risk_math._divide(
        risk_math._common_change(weights, reference, totals, moved)
        + risk_math._expiry_change(weights, vega, vega_moved),
        depth,
    )


@external
@pure
def short_requirement(kind: uint256, strike: uint256, spot: uint256, share: uint256) -> uint256:
    return risk_math._short_requirement(kind, strike, spot, share)


@external
@pure
def pack_weights(w: IOptionsAMM.Weights) -> uint256:
    return amm_codec._pack_weights(w)


@external
@pure
def weights(word: uint256) -> IOptionsAMM.Weights:
    return amm_codec._weights(word)


@external
@pure
def pack_spreads(s: IOptionsAMM.Spreads) -> uint256:
    return amm_codec._pack_spreads(s)


@external
@pure
def spreads(word: uint256) -> IOptionsAMM.Spreads:
    return amm_codec._spreads(word)


@external
@pure
def pack_limits(l: IOptionsAMM.Limits) -> uint256:
    return amm_codec._pack_limits(l)


@external
@pure
def limits(word: uint256) -> IOptionsAMM.Limits:
    return amm_codec._limits(word)


@external
@pure
def pack_expiry(
    spot: uint256, refreshed_at: uint256, reserve: uint256, strike_step: uint256
) -> uint256:
    return amm_codec._pack_expiry(spot, refreshed_at, reserve, strike_step)


@external
@pure
def expiry(word: uint256) -> (uint256, uint256, uint256, uint256):
    return (
        amm_codec._expiry_spot(word),
        amm_codec._expiry_time(word),
        amm_codec._expiry_reserve(word),
        amm_codec._expiry_step(word),
    )


@external
@pure
def with_reserve(word: uint256, reserve: uint256) -> uint256:
    return amm_codec._with_reserve(word, reserve)
