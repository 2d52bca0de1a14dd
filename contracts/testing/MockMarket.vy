#pragma version ~=0.4.3
"""
@title MockMarket
@author Vomma
@license AGPL-3.0-only
@notice An oracle, a surface, a perp market, a collateral vault and a risk engine that say what they
        were told: the world around the ledger, or the pricer, in tests of it alone.
"""


from ..interfaces import IPriceOracle
from ..math import series_codec
from ..math import surface_codec


_prices: HashMap[uint256, uint256]
_last: HashMap[uint256, IPriceOracle.Spot]
_prints: HashMap[uint256, HashMap[uint256, uint256]]
_gains: HashMap[uint256, int256]  # account -> perp P&L
_uncertainties: HashMap[uint256, uint256]
_vols: HashMap[uint256, uint256]
_surfaces: HashMap[uint256, HashMap[uint256, uint256[2]]]
_windows: HashMap[uint256, HashMap[uint256, uint256[2]]]
_tokens: uint256  # of a vault's share, WAD
_bound: uint256
_reserve: uint256


@external
def set_price(underlying: uint256, price: uint256):
    self._prices[underlying] = price


@external
def set_uncertainty(underlying: uint256, uncertainty: uint256):
    self._uncertainties[underlying] = uncertainty


@external
def set_vol(underlying: uint256, vol: uint256):
    self._vols[underlying] = vol


@external
def set_surface(underlying: uint256, day: uint256, words: uint256[2]):
    self._surfaces[underlying][day] = words


@external
def set_window(underlying: uint256, day: uint256, fixed: uint256, open: uint256):
    self._windows[underlying][day] = [fixed, open]


@external
def set_tokens(tokens: uint256):
    self._tokens = tokens


@external
def set_reserve(reserve: uint256, bound: uint256):
    self._reserve = reserve
    self._bound = bound


@external
def set_last_good(underlying: uint256, price: uint256, uncertainty: uint256):
    self._last[underlying] = IPriceOracle.Spot(
        price=price, updated_at=block.timestamp, uncertainty=uncertainty
    )


@external
def set_print(underlying: uint256, day: uint256, price: uint256):
    self._prints[underlying][day] = price


@external
def set_gain(account: uint256, gain: int256):
    self._gains[account] = gain


@external
@view
def spot(underlying: uint256) -> IPriceOracle.Spot:
    price: uint256 = self._prices[underlying]
    assert price != 0, "oracle: price stale"
    return IPriceOracle.Spot(
        price=price,
        updated_at=block.timestamp,
        uncertainty=self._uncertainties[underlying],
    )


@external
@view
def last_good(underlying: uint256) -> IPriceOracle.Spot:
    assert self._last[underlying].price != 0, "oracle: nothing recorded"
    return self._last[underlying]


@external
@view
def settlement_print(underlying: uint256, day: uint256) -> uint256:
    return self._prints[underlying][day]


@external
@view
def unrealised_at(account: uint256, size: int256, index: uint256) -> int256:
    return self._gains[account]


@external
@view
def words(underlying: uint256, day: uint256) -> uint256[2]:
    """
    @return The surface set for the day, else a flat one of the volatility set, pushed this second.
    """
    words: uint256[2] = self._surfaces[underlying][day]
    vol: uint256 = self._vols[underlying]
    if words[1] != 0 or vol == 0:
        return words
    left: uint256 = series_codec._expiry(day) - block.timestamp
    variance: uint256 = vol * vol // 10**18 * left // (365 * 86_400)
    sigma: int256 = 10**17
    return surface_codec._pack(
        convert(variance, int256), 0, 0, 0, 0, 0, sigma, block.timestamp, 0
    )


@external
@view
def window(underlying: uint256, day: uint256) -> (uint256, uint256):
    window: uint256[2] = self._windows[underlying][day]
    if window[0] == 0:
        return 0, 10**18
    return window[0], window[1]


@external
@view
def tokens_of(shares: uint256) -> uint256:
    return shares * self._tokens // 10**18


@external
@view
def reserve(
    instruments: DynArray[uint256, 64], sizes: DynArray[int256, 64], enough: uint256
) -> uint256:
    return self._reserve


@external
@view
def short_bound(day: uint256) -> uint256:
    return self._bound
