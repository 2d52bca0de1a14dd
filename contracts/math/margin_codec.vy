#pragma version ~=0.4.3
"""
@title margin_codec
@author Vomma
@license AGPL-3.0-only
@notice The scenario list in two words, high to low:
          terms  largest move, vol up, vol down, skew, short rate, perp rate, basis rate, factor:
                 24 bits each in steps of 1e-6 | vol floor 24, surface age 24: seconds
                 | moves a side 8 | tails 8
          tails  six of 40: multiple of spot 20 in steps of 1e-4 | share 20 in steps of 1e-6;
                 the first lowest
        and what a short option reserves at most, for an expiry's life, in 56 bits:
          bound  largest move 16 in steps of 1e-5 | vol factor 20 in steps of 1e-4
                 | rate 20 in steps of 1e-6
"""


MAX_TAILS: constant(uint256) = 6
MAX_STEPS: constant(uint256) = 4

WAD: constant(uint256) = 10**18
_COARSE: constant(uint256) = 10**12  # steps of the fields
_MULTIPLE: constant(uint256) = 10**14
_REACH: constant(uint256) = 10**13
_MIN_MOVE: constant(uint256) = 5 * 10**16
_MAX_MOVE: constant(uint256) = 6 * 10**17
_MAX_SHOCK: constant(uint256) = 5 * WAD
_MAX_RATE: constant(uint256) = 2 * 10**17
_MAX_FACTOR: constant(uint256) = 3 * WAD
_MIN_FLOOR: constant(uint256) = 3_600
_MAX_FLOOR: constant(uint256) = 30 * 86_400
_MIN_AGE: constant(uint256) = 60
_MAX_AGE: constant(uint256) = 7 * 86_400

_F8: constant(uint256) = 2**8 - 1
_F16: constant(uint256) = 2**16 - 1
_F20: constant(uint256) = 2**20 - 1
_F24: constant(uint256) = 2**24 - 1


@internal
@pure
def _check(terms: uint256, tails: uint256):
    """
    @notice Reverts "risk: term out of bounds" or "risk: tail counts too much".
    """
    reach: uint256 = self._largest_move(terms)
    steps: uint256 = self._steps(terms)
    fits: bool = steps != 0 and steps <= MAX_STEPS and self._tail_count(terms) <= MAX_TAILS
    fits = fits and reach >= _MIN_MOVE and reach <= _MAX_MOVE and self._skew(terms) <= WAD
    fits = fits and max(self._vol_up(terms), self._vol_down(terms)) <= _MAX_SHOCK
    fits = fits and self._vol_floor(terms) >= _MIN_FLOOR and self._vol_floor(terms) <= _MAX_FLOOR
    fits = fits and max(self._short_rate(terms), self._basis_rate(terms)) <= _MAX_RATE
    fits = fits and self._perp_rate(terms) <= _MAX_RATE
    fits = fits and self._factor(terms) >= WAD and self._factor(terms) <= _MAX_FACTOR
    fits = fits and self._surface_age(terms) >= _MIN_AGE and self._surface_age(terms) <= _MAX_AGE
    for i: uint256 in range(MAX_TAILS):
        multiple: uint256 = self._multiple(tails, i)
        # A tail that is counted is there, and none but those.
        fits = fits and (multiple != 0) == (i < self._tail_count(terms))
        fits = fits and self._share(tails, i) <= WAD
        move: uint256 = max(multiple, WAD) - min(multiple, WAD)
        # The bound of a short holds while no tail counts more than the largest core move.
        assert self._share(tails, i) * move <= reach * WAD, "risk: tail counts too much"
    assert fits, "risk: term out of bounds"


@internal
@pure
def _largest_move(terms: uint256) -> uint256:
    return unsafe_mul(terms >> 232, _COARSE)


@internal
@pure
def _vol_up(terms: uint256) -> uint256:
    return unsafe_mul((terms >> 208) & _F24, _COARSE)


@internal
@pure
def _vol_down(terms: uint256) -> uint256:
    return unsafe_mul((terms >> 184) & _F24, _COARSE)


@internal
@pure
def _skew(terms: uint256) -> uint256:
    return unsafe_mul((terms >> 160) & _F24, _COARSE)


@internal
@pure
def _short_rate(terms: uint256) -> uint256:
    return unsafe_mul((terms >> 136) & _F24, _COARSE)


@internal
@pure
def _perp_rate(terms: uint256) -> uint256:
    return unsafe_mul((terms >> 112) & _F24, _COARSE)


@internal
@pure
def _basis_rate(terms: uint256) -> uint256:
    return unsafe_mul((terms >> 88) & _F24, _COARSE)


@internal
@pure
def _factor(terms: uint256) -> uint256:
    return unsafe_mul((terms >> 64) & _F24, _COARSE)


@internal
@pure
def _vol_floor(terms: uint256) -> uint256:
    return (terms >> 40) & _F24


@internal
@pure
def _surface_age(terms: uint256) -> uint256:
    return (terms >> 16) & _F24


@internal
@pure
def _steps(terms: uint256) -> uint256:
    return (terms >> 8) & _F8


@internal
@pure
def _tail_count(terms: uint256) -> uint256:
    return terms & _F8


@internal
@pure
def _multiple(tails: uint256, i: uint256) -> uint256:
    return unsafe_mul((tails >> unsafe_add(unsafe_mul(40, i), 20)) & _F20, _MULTIPLE)


@internal
@pure
def _share(tails: uint256, i: uint256) -> uint256:
    return unsafe_mul((tails >> unsafe_mul(40, i)) & _F20, _COARSE)


# ── the bound of a short option ──


@internal
@pure
def _pack_bound(reach: uint256, factor: uint256, rate: uint256) -> uint256:
    """
    @custom:rounding up, against the pool's freedom
    """
    word: uint256 = min((reach + _REACH - 1) // _REACH, _F16)
    word = (word << 20) | min((factor + _MULTIPLE - 1) // _MULTIPLE, _F20)
    return (word << 20) | min((rate + _COARSE - 1) // _COARSE, _F20)


@internal
@pure
def _bound_move(bound: uint256) -> uint256:
    return unsafe_mul((bound >> 40) & _F16, _REACH)


@internal
@pure
def _bound_factor(bound: uint256) -> uint256:
    return unsafe_mul((bound >> 20) & _F20, _MULTIPLE)


@internal
@pure
def _bound_rate(bound: uint256) -> uint256:
    return unsafe_mul(bound & _F20, _COARSE)
