#pragma version ~=0.4.3
"""
@title amm_codec
@author Vomma
@license AGPL-3.0-only
@notice The AMM's words, high to low. A trade reads the first three, and not the fourth.
          weights  delta, vega, expiry vega, gamma: 40 bits each in steps of 1e-9
                   | limits of vega, delta, utilisation, shift cap: 24 each in steps of 1e-6
          spreads  seven of 24 in steps of 1e-6, as in `Spreads` | spare 24
                   | max age 24, min life 24, push window 16: seconds
          flow     direct age 16: seconds | direct delta 16 | limits per push, per block and per hour,
                   five of 16: steps of 1e-4 | fee word 144 (fee_math)
          upkeep   hedge bound, hedge limit, depth growth, drawdown, max toxicity, bounty drift,
                   bounty: 32 each in steps of 1e-6 | bounty age 32: seconds
          expiry   spot 88 | refreshed at 40 | bound of a short 56 (margin_codec) | snapshot posted at 40 | strike step 32
          market   depth 96 | halted 1 | spare 31 | depth set at 40 | reference price 88
"""


from ..interfaces import IOptionsAMM


FINE: constant(uint256) = 10**9
COARSE: constant(uint256) = 10**12
SHARE: constant(uint256) = 10**14
F16: constant(uint256) = 2**16 - 1
F24: constant(uint256) = 2**24 - 1
F32: constant(uint256) = 2**32 - 1
F40: constant(uint256) = 2**40 - 1
F56: constant(uint256) = 2**56 - 1
F88: constant(uint256) = 2**88 - 1

FEES: constant(uint256) = 2**144 - 1  # the fee word in the flow word
HALTED: constant(uint256) = 1 << 159  # in the market word
_DEPTH_TIME: constant(uint256) = F40 << 88


@internal
@pure
def _field(x: uint256, step: uint256, bound: uint256) -> uint256:
    # A value finer than a step would come back changed, so it is refused instead of rounded.
    assert x % step == 0, "amm: parameter too fine"
    assert x // step <= bound, "amm: parameter too large"
    return x // step


# ── parameters ──


@internal
@pure
def _pack_weights(w: IOptionsAMM.Weights, l: IOptionsAMM.Limits) -> uint256:
    word: uint256 = 0
    for x: uint256 in [w.delta, w.vega, w.expiry_vega, w.gamma]:
        word = (word << 40) | self._field(x, FINE, F40)
    for x: uint256 in [l.vega, l.delta, l.utilisation, l.shift_cap]:
        word = (word << 24) | self._field(x, COARSE, F24)
    return word


@internal
@pure
def _pack_spreads(s: IOptionsAMM.Spreads, l: IOptionsAMM.Limits) -> uint256:
    word: uint256 = 0
    for x: uint256 in [
        s.vol_points,
        s.floor_rate,
        s.hedge_cost,
        s.toxicity,
        s.drift_widening,
        s.max_drift,
        s.delta_cut,
    ]:
        word = (word << 24) | self._field(x, COARSE, F24)
    word = (word << 48) | self._field(l.max_age, 1, F24)
    word = (word << 24) | self._field(l.min_life, 1, F24)
    return (word << 16) | self._field(l.push_window, 1, F16)


@internal
@pure
def _pack_flow(f: IOptionsAMM.FlowLimits, fee_word: uint256) -> uint256:
    word: uint256 = self._field(f.direct_age, 1, F16)
    for x: uint256 in [
        f.direct_delta, f.push_vega, f.block_vega, f.block_delta, f.hour_vega, f.hour_delta
    ]:
        word = (word << 16) | self._field(x, SHARE, F16)
    return (word << 144) | fee_word


@internal
@pure
def _pack_upkeep(u: IOptionsAMM.Upkeep) -> uint256:
    word: uint256 = 0
    for x: uint256 in [
        u.hedge_bound,
        u.hedge_hour,
        u.depth_growth,
        u.drawdown,
        u.max_toxicity,
        u.bounty_drift,
        u.bounty,
    ]:
        word = (word << 32) | self._field(x, COARSE, F32)
    return (word << 32) | self._field(u.bounty_age, 1, F32)


@internal
@pure
def _weights(word: uint256) -> IOptionsAMM.Weights:
    return IOptionsAMM.Weights(
        delta=(word >> 216) * FINE,
        vega=((word >> 176) & F40) * FINE,
        expiry_vega=((word >> 136) & F40) * FINE,
        gamma=((word >> 96) & F40) * FINE,
    )


@internal
@pure
def _coarse(word: uint256, at: uint256) -> uint256:
    return unsafe_mul((word >> at) & F24, COARSE)


@internal
@pure
def _spreads(word: uint256) -> IOptionsAMM.Spreads:
    return IOptionsAMM.Spreads(
        vol_points=self._coarse(word, 232),
        floor_rate=self._coarse(word, 208),
        hedge_cost=self._coarse(word, 184),
        toxicity=self._coarse(word, 160),
        drift_widening=self._coarse(word, 136),
        max_drift=self._coarse(word, 112),
        delta_cut=self._coarse(word, 88),
    )


@internal
@pure
def _limits(weights: uint256, spreads: uint256) -> IOptionsAMM.Limits:
    return IOptionsAMM.Limits(
        vega=self._coarse(weights, 72),
        delta=self._coarse(weights, 48),
        utilisation=self._coarse(weights, 24),
        shift_cap=self._coarse(weights, 0),
        max_age=self._max_age(spreads),
        min_life=self._min_life(spreads),
        push_window=self._push_window(spreads),
    )


@internal
@pure
def _flow_limits(word: uint256) -> IOptionsAMM.FlowLimits:
    return IOptionsAMM.FlowLimits(
        direct_age=self._direct_age(word),
        direct_delta=self._direct_delta(word),
        push_vega=((word >> 208) & F16) * SHARE,
        block_vega=((word >> 192) & F16) * SHARE,
        block_delta=((word >> 176) & F16) * SHARE,
        hour_vega=((word >> 160) & F16) * SHARE,
        hour_delta=((word >> 144) & F16) * SHARE,
    )


@internal
@pure
def _upkeep(word: uint256) -> IOptionsAMM.Upkeep:
    return IOptionsAMM.Upkeep(
        hedge_bound=(word >> 224) * COARSE,
        hedge_hour=((word >> 192) & F32) * COARSE,
        depth_growth=((word >> 160) & F32) * COARSE,
        drawdown=((word >> 128) & F32) * COARSE,
        max_toxicity=((word >> 96) & F32) * COARSE,
        bounty_drift=((word >> 64) & F32) * COARSE,
        bounty=((word >> 32) & F32) * COARSE,
        bounty_age=word & F32,
    )


@internal
@pure
def _with_toxicity(spreads: uint256, toxicity: uint256) -> uint256:
    return (spreads & ~(F24 << 160)) | (self._field(toxicity, COARSE, F24) << 160)


@internal
@pure
def _toxicity(spreads: uint256) -> uint256:
    return self._coarse(spreads, 160)


@internal
@pure
def _max_drift(spreads: uint256) -> uint256:
    return self._coarse(spreads, 112)


@internal
@pure
def _delta_cut(spreads: uint256) -> uint256:
    return self._coarse(spreads, 88)


@internal
@pure
def _utilisation(weights: uint256) -> uint256:
    return self._coarse(weights, 24)


@internal
@pure
def _flow_limit(flow: uint256, i: uint256) -> uint256:
    """
    @param i Counted from the lowest: delta per hour, vega per hour, ...
    """
    return ((flow >> (144 + 16 * i)) & F16) * SHARE


@internal
@pure
def _max_age(spreads: uint256) -> uint256:
    return (spreads >> 40) & F24


@internal
@pure
def _min_life(spreads: uint256) -> uint256:
    return (spreads >> 16) & F24


@internal
@pure
def _push_window(spreads: uint256) -> uint256:
    return spreads & F16


@internal
@pure
def _direct_age(flow: uint256) -> uint256:
    return flow >> 240


@internal
@pure
def _direct_delta(flow: uint256) -> uint256:
    return ((flow >> 224) & F16) * SHARE


# ── an expiry ──


@internal
@pure
def _pack_expiry(
    spot: uint256, refreshed_at: uint256, bound: uint256, posted_at: uint256, strike_step: uint256
) -> uint256:
    assert spot <= F88 and refreshed_at <= F40 and bound <= F56, "amm: expiry out of field"
    assert posted_at <= F40 and strike_step <= F32, "amm: expiry out of field"
    return (
        (spot << 168) | (refreshed_at << 128) | (bound << 72) | (posted_at << 32) | strike_step
    )


@internal
@pure
def _expiry_spot(word: uint256) -> uint256:
    return word >> 168


@internal
@pure
def _expiry_time(word: uint256) -> uint256:
    return (word >> 128) & F40


@internal
@pure
def _expiry_bound(word: uint256) -> uint256:
    return (word >> 72) & F56


@internal
@pure
def _expiry_posted(word: uint256) -> uint256:
    return (word >> 32) & F40


@internal
@pure
def _expiry_step(word: uint256) -> uint256:
    return word & F32


# ── the market ──


@internal
@pure
def _depth(market: uint256) -> uint256:
    return market >> 160


@internal
@pure
def _reference(market: uint256) -> uint256:
    return market & F88


@internal
@pure
def _depth_time(market: uint256) -> uint256:
    return (market >> 88) & F40


@internal
@pure
def _with_depth(market: uint256, depth: uint256, reference: uint256) -> uint256:
    assert depth < 2**96 and reference <= F88, "amm: depth out of field"
    return (depth << 160) | (market & (HALTED | _DEPTH_TIME)) | reference


@internal
@pure
def _with_depth_time(market: uint256, at: uint256) -> uint256:
    return (market & ~_DEPTH_TIME) | (at << 88)
