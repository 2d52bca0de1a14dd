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
from ..math import flow_meter
from ..math import margin_codec
from ..math import risk_math
from ..math import scenario_math


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
    totals: IOptionPricer.Risk,
    moved: IOptionPricer.Risk,
    vega: int256,
    vega_moved: int256,
    depth: uint256,
) -> int256:
    """
    @notice Change of the potential where all the vega is in one expiry.
    """
    return risk_math._divide(
        risk_math._common_change(weights, reference, totals, moved)
        + risk_math._expiry_change(weights, vega, vega_moved),
        depth,
    )


@external
@pure
def pack_totals(risk: IOptionPricer.Risk, flow: uint256) -> uint256[2]:
    return risk_math._pack_totals(risk, flow)


@external
@pure
def totals(words: uint256[2]) -> (IOptionPricer.Risk, uint256):
    return risk_math._totals(words), risk_math._flow(words)


@external
@pure
def with_delta(word: uint256, delta: int256) -> uint256:
    return risk_math._with_delta(word, delta)


@external
@pure
def reserve_steps(amount: int256) -> int256:
    return risk_math._reserve_steps(amount)


@external
@view
def charge(
    meters: uint256,
    limits: uint256,
    posted: uint256,
    depth: uint256,
    vega: uint256,
    exposure: uint256,
) -> uint256:
    return flow_meter._charge(meters, limits, posted, depth, vega, exposure)


@external
@pure
def short_bound(
    is_call: bool, forward: uint256, strike: uint256, deviation: uint256, bound: uint256
) -> uint256:
    return scenario_math._short_bound(is_call, forward, strike, deviation, bound)


@external
@pure
def pack_bound(reach: uint256, factor: uint256, rate: uint256) -> uint256:
    return margin_codec._pack_bound(reach, factor, rate)


@external
@pure
def unpack_bound(bound: uint256) -> (uint256, uint256, uint256):
    return (
        margin_codec._bound_move(bound),
        margin_codec._bound_factor(bound),
        margin_codec._bound_rate(bound),
    )


@external
@pure
def pack(
    w: IOptionsAMM.Weights,
    s: IOptionsAMM.Spreads,
    l: IOptionsAMM.Limits,
    f: IOptionsAMM.FlowLimits,
    u: IOptionsAMM.Upkeep,
    fee_word: uint256,
) -> uint256[4]:
    return [
        amm_codec._pack_weights(w, l),
        amm_codec._pack_spreads(s, l),
        amm_codec._pack_flow(f, fee_word),
        amm_codec._pack_upkeep(u),
    ]


@external
@pure
def unpack(
    words: uint256[4],
) -> (
    IOptionsAMM.Weights,
    IOptionsAMM.Spreads,
    IOptionsAMM.Limits,
    IOptionsAMM.FlowLimits,
    IOptionsAMM.Upkeep,
):
    return (
        amm_codec._weights(words[0]),
        amm_codec._spreads(words[1]),
        amm_codec._limits(words[0], words[1]),
        amm_codec._flow_limits(words[2]),
        amm_codec._upkeep(words[3]),
    )


@external
@pure
def pack_expiry(
    spot: uint256, refreshed_at: uint256, bound: uint256, posted_at: uint256, strike_step: uint256
) -> uint256:
    return amm_codec._pack_expiry(spot, refreshed_at, bound, posted_at, strike_step)


@external
@pure
def expiry(word: uint256) -> (uint256, uint256, uint256, uint256, uint256):
    return (
        amm_codec._expiry_spot(word),
        amm_codec._expiry_time(word),
        amm_codec._expiry_bound(word),
        amm_codec._expiry_posted(word),
        amm_codec._expiry_step(word),
    )


@external
@pure
def with_depth(word: uint256, depth: uint256, reference: uint256) -> uint256:
    return amm_codec._with_depth(word, depth, reference)


@external
@pure
def with_depth_time(word: uint256, at: uint256) -> uint256:
    return amm_codec._with_depth_time(word, at)


@external
@pure
def market(word: uint256) -> (uint256, bool, uint256, uint256):
    """
    @return (depth, halted, when depth was set, reference).
    """
    return (
        amm_codec._depth(word),
        word & amm_codec.HALTED != 0,
        amm_codec._depth_time(word),
        amm_codec._reference(word),
    )
