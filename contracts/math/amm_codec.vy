#pragma version ~=0.4.3
"""
@title amm_codec
@author Vomma
@license AGPL-3.0-only
@notice The AMM's parameter words and its expiry word.
          weights  six 40-bit fields in steps of 1e-9, high to low as in `Weights`
          spreads  eight 32-bit fields in steps of 1e-6, high to low as in `Spreads`
          limits   eight 32-bit fields: six in steps of 1e-6, then two in seconds
          expiry   spot uint88 | refreshed_at uint40 | reserve uint96 | strike step uint32
"""


from ..interfaces import IOptionsAMM


FINE: constant(uint256) = 10**9
COARSE: constant(uint256) = 10**12
F40: constant(uint256) = 2**40 - 1
F32: constant(uint256) = 2**32 - 1


@internal
@pure
def _field(x: uint256, step: uint256, bound: uint256) -> uint256:
    # A value finer than a step would come back changed, so it is refused instead of rounded.
    assert x % step == 0, "amm: parameter too fine"
    assert x // step <= bound, "amm: parameter too large"
    return x // step


@internal
@pure
def _pack_weights(w: IOptionsAMM.Weights) -> uint256:
    word: uint256 = 0
    for x: uint256 in [w.delta, w.vega, w.expiry_vega, w.gamma, w.vanna, w.volga]:
        word = (word << 40) | self._field(x, FINE, F40)
    return word


@internal
@pure
def _weights(word: uint256) -> IOptionsAMM.Weights:
    return IOptionsAMM.Weights(
        delta=((word >> 200) & F40) * FINE,
        vega=((word >> 160) & F40) * FINE,
        expiry_vega=((word >> 120) & F40) * FINE,
        gamma=((word >> 80) & F40) * FINE,
        vanna=((word >> 40) & F40) * FINE,
        volga=(word & F40) * FINE,
    )


@internal
@pure
def _pack_spreads(s: IOptionsAMM.Spreads) -> uint256:
    word: uint256 = 0
    for x: uint256 in [
        s.vol_points,
        s.floor_rate,
        s.hedge_cost,
        s.toxicity,
        s.drift_widening,
        s.max_drift,
        s.delta_cut,
        s.reserve_share,
    ]:
        word = (word << 32) | self._field(x, COARSE, F32)
    return word


@internal
@pure
def _spreads(word: uint256) -> IOptionsAMM.Spreads:
    return IOptionsAMM.Spreads(
        vol_points=(word >> 224) * COARSE,
        floor_rate=((word >> 192) & F32) * COARSE,
        hedge_cost=((word >> 160) & F32) * COARSE,
        toxicity=((word >> 128) & F32) * COARSE,
        drift_widening=((word >> 96) & F32) * COARSE,
        max_drift=((word >> 64) & F32) * COARSE,
        delta_cut=((word >> 32) & F32) * COARSE,
        reserve_share=(word & F32) * COARSE,
    )


@internal
@pure
def _pack_limits(l: IOptionsAMM.Limits) -> uint256:
    word: uint256 = 0
    for x: uint256 in [
        l.vega, l.delta, l.utilisation, l.shift_cap, l.hedge_bound, l.depth_growth
    ]:
        word = (word << 32) | self._field(x, COARSE, F32)
    for x: uint256 in [l.max_age, l.min_life]:
        word = (word << 32) | self._field(x, 1, F32)
    return word


@internal
@pure
def _limits(word: uint256) -> IOptionsAMM.Limits:
    return IOptionsAMM.Limits(
        vega=(word >> 224) * COARSE,
        delta=((word >> 192) & F32) * COARSE,
        utilisation=((word >> 160) & F32) * COARSE,
        shift_cap=((word >> 128) & F32) * COARSE,
        hedge_bound=((word >> 96) & F32) * COARSE,
        depth_growth=((word >> 64) & F32) * COARSE,
        max_age=(word >> 32) & F32,
        min_life=word & F32,
    )


@internal
@pure
def _pack_expiry(
    spot: uint256, refreshed_at: uint256, reserve: uint256, strike_step: uint256
) -> uint256:
    assert spot < 2**88 and refreshed_at < 2**40, "amm: expiry out of field"
    assert reserve < 2**96 and strike_step < 2**32, "amm: expiry out of field"
    return (spot << 168) | (refreshed_at << 128) | (reserve << 32) | strike_step


@internal
@pure
def _expiry_spot(word: uint256) -> uint256:
    return word >> 168


@internal
@pure
def _expiry_time(word: uint256) -> uint256:
    return (word >> 128) & (2**40 - 1)


@internal
@pure
def _expiry_reserve(word: uint256) -> uint256:
    return (word >> 32) & (2**96 - 1)


@internal
@pure
def _expiry_step(word: uint256) -> uint256:
    return word & F32


@internal
@pure
def _with_reserve(word: uint256, reserve: uint256) -> uint256:
    assert reserve < 2**96, "amm: expiry out of field"
    return (word & ~((2**96 - 1) << 32)) | (reserve << 32)
