#pragma version ~=0.4.3
"""
@title pool_terms
@author Vomma
@license AGPL-3.0-only
@notice The parameters of an options pool inside their bounds, as four words (amm_codec): a trade
        reads the first three.
"""


from ..interfaces import IOptionsAMM
from ..math import amm_codec


WAD: constant(uint256) = 10**18
_MAX_TOXICITY: constant(uint256) = 5 * 10**18
_MAX_PUSH_WINDOW: constant(uint256) = 3_600
_MAX_FLOW: constant(uint256) = 3 * 10**18  # a meter ends at 3.35 of depth
_MAX_HEDGE: constant(uint256) = 3 * 10**18
# What bounties can take of a pool: this much an expiry and this many seconds, or a move of a percent.
_MAX_BOUNTY: constant(uint256) = 10 * 10**18
_MIN_BOUNTY_AGE: constant(uint256) = 600
_MIN_BOUNTY_DRIFT: constant(uint256) = 10**16

weights: uint256
spreads: uint256
flow: uint256
upkeep: uint256


@internal
def _set(words: uint256[4]):
    """
    @param words The fee word inside the third is ignored: the fee schedule sets it.
    """
    self._check_trading(words)
    self._check_upkeep(words[3], amm_codec._toxicity(words[1]))
    self.weights = words[0]
    self.spreads = words[1]
    self.flow = (words[2] & ~amm_codec.FEES) | (self.flow & amm_codec.FEES)
    self.upkeep = words[3]
    log IOptionsAMM.ParametersSet(words=words)


@internal
@pure
def _check_trading(words: uint256[4]):
    assert amm_codec._delta_cut(words[1]) < WAD // 2, "amm: delta cut out of range"
    assert amm_codec._max_drift(words[1]) <= WAD // 2, "amm: drift out of range"
    assert amm_codec._utilisation(words[0]) <= WAD, "amm: utilisation out of range"
    window: uint256 = amm_codec._push_window(words[1])
    assert window <= _MAX_PUSH_WINDOW, "amm: push window out of range"
    for i: uint256 in range(5):
        assert amm_codec._flow_limit(words[2], i) <= _MAX_FLOW, "amm: flow limit out of range"


@internal
@pure
def _check_upkeep(word: uint256, toxicity: uint256):
    upkeep: IOptionsAMM.Upkeep = amm_codec._upkeep(word)
    assert upkeep.max_toxicity <= _MAX_TOXICITY, "amm: toxicity out of range"
    assert toxicity >= WAD and toxicity <= upkeep.max_toxicity, "amm: toxicity out of range"
    assert upkeep.hedge_bound <= WAD // 10, "amm: hedge bound out of range"
    assert upkeep.hedge_hour <= _MAX_HEDGE, "amm: hedge limit out of range"
    assert upkeep.drawdown <= WAD, "amm: drawdown out of range"
    assert upkeep.bounty <= _MAX_BOUNTY, "amm: bounty out of range"
    assert upkeep.bounty_age >= _MIN_BOUNTY_AGE, "amm: bounty out of range"
    assert upkeep.bounty_drift >= _MIN_BOUNTY_DRIFT, "amm: bounty out of range"


@internal
def _set_toxicity(toxicity: uint256):
    self.spreads = amm_codec._with_toxicity(self.spreads, toxicity)
    self._check_upkeep(self.upkeep, toxicity)
    log IOptionsAMM.ToxicitySet(toxicity=toxicity)


@internal
def _set_fee_word(word: uint256):
    assert word <= amm_codec.FEES, "amm: fee word out of field"
    self.flow = (self.flow & ~amm_codec.FEES) | word


@internal
@view
def _bounty(word: uint256, spot: uint256) -> uint256:
    """
    @return What a refresh at `spot` is paid, by the expiry word of the one before it: nothing unless
            that was old or far enough off.
    """
    upkeep: IOptionsAMM.Upkeep = amm_codec._upkeep(self.upkeep)
    if block.timestamp >= amm_codec._expiry_time(word) + upkeep.bounty_age:
        return upkeep.bounty
    then: uint256 = amm_codec._expiry_spot(word)
    if (max(spot, then) - min(spot, then)) * WAD >= then * upkeep.bounty_drift:
        return upkeep.bounty
    return 0
