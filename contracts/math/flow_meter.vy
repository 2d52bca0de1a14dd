#pragma version ~=0.4.3
"""
@title flow_meter
@author Vomma
@license AGPL-3.0-only
@notice How much risk has passed through a pool lately, whoever took it and whichever way: five meters
        in 160 bits, read and written with the totals, so they cost a trade no storage of their own.

          time of the last trade 32 | spare 3 | push vega 25 | block vega 25 | block delta 25
                                    | hour vega 25 | hour delta 25

        A meter is a share of depth in steps of 1e-7. Those of a block start anew with the second,
        that of a push with the next push, those of an hour leak evenly: a full one is empty after
        an hour.
@custom:security Meters bound what a wrong price or surface can cost until somebody notices: a sniper
        who knows the next push, a stolen key that pushes a false surface. They bind trades that
        close as well: a false surface robs a pool through exits too.
@custom:rounding up, a step a trade
"""


_STEPS: constant(uint256) = 10**7
_F16: constant(uint256) = 2**16 - 1
_F25: constant(uint256) = 2**25 - 1
# A limit in the flow word is in steps of 1e-4 of depth.
_LIMIT_STEPS: constant(uint256) = 1_000
_HOUR: constant(uint256) = 3_600


@internal
@view
def _charge(
    meters: uint256,
    limits: uint256,
    posted: uint256,
    depth: uint256,
    vega: uint256,
    exposure: uint256,
) -> uint256:
    """
    @param limits The AMM's flow word.
    @param posted When the surface traded on was pushed.
    @param vega Gross vega of the trade; `exposure`: its |net delta|, valued.
    @return Meters after the trade.
    """
    vega_share: uint256 = self._share(vega, depth)
    delta_share: uint256 = self._share(exposure, depth)
    last: uint256 = meters >> 128
    elapsed: uint256 = block.timestamp - last
    push: uint256 = vega_share
    # In the second of a push it starts anew at every trade, where the block's meter holds: if it did
    # not, a speck traded just before each push would keep it full for everybody.
    if posted < last:
        push = unsafe_add(push, (meters >> 100) & _F25)
    block_vega: uint256 = vega_share
    block_delta: uint256 = delta_share
    if elapsed == 0:
        block_vega = unsafe_add(block_vega, (meters >> 75) & _F25)
        block_delta = unsafe_add(block_delta, (meters >> 50) & _F25)
    hour_limit: uint256 = self._limit(limits, 160)
    hour_vega: uint256 = unsafe_add(
        vega_share, self._leaked((meters >> 25) & _F25, hour_limit, elapsed)
    )
    assert push <= self._limit(limits, 208), "amm: vega per push"
    assert block_vega <= self._limit(limits, 192), "amm: vega per block"
    assert block_delta <= self._limit(limits, 176), "amm: delta per block"
    assert hour_vega <= hour_limit, "amm: vega per hour"
    hour_limit = self._limit(limits, 144)
    hour_delta: uint256 = unsafe_add(
        delta_share, self._leaked(meters & _F25, hour_limit, elapsed)
    )
    assert hour_delta <= hour_limit, "amm: delta per hour"
    return (
        (block.timestamp << 128)
        | (push << 100)
        | (block_vega << 75)
        | (block_delta << 50)
        | (hour_vega << 25)
        | hour_delta
    )


@internal
@pure
def _share(amount: uint256, depth: uint256) -> uint256:
    assert depth != 0, "risk: no depth"
    return unsafe_div(unsafe_sub(unsafe_add(amount * _STEPS, depth), 1), depth)


@internal
@pure
def _limit(limits: uint256, at: uint256) -> uint256:
    return unsafe_mul((limits >> at) & _F16, _LIMIT_STEPS)


@internal
@pure
def _leaked(level: uint256, limit: uint256, elapsed: uint256) -> uint256:
    gone: uint256 = unsafe_mul(limit, elapsed) // _HOUR
    return unsafe_sub(level, min(level, gone))
