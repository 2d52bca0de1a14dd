#pragma version ~=0.4.3
"""
@title market_reads
@author Vomma
@license AGPL-3.0-only
@notice What the risk engine is told of a market: prices with their band, prints, and an expiry's
        forward, discount and volatility, with what its print has fixed in the last half hour.
"""


from ..interfaces import IPriceOracle
from ..interfaces import IVolSurface
from ..math import price_fallback
from ..math import scenario_math
from ..math import series_codec
from ..math import surface_codec
from ..math import svi_math
from ..math import wad_math


struct Price:
    # of one underlying; both edges are spot where it is live
    low: uint256
    high: uint256
    uncertainty: uint256


struct Expiry:
    state: uint256
    words: uint256[2]
    left: uint256  # seconds
    discount: uint256
    fixed: uint256  # inside the print's window: the part that is fixed
    open: uint256  # ... and the share still to come


# states of an expiry
LIVE: constant(uint256) = 0
EXPIRED: constant(uint256) = 1  # no print yet
UNMARKED: constant(uint256) = 2  # no surface

_WAD: constant(uint256) = 10**18
_SWAD: constant(int256) = 10**18
_SQUARE: constant(uint256) = 10**36
_YEAR: constant(uint256) = 365 * 86_400
_WINDOW: constant(uint256) = 1_800


@internal
@view
def _price(oracle: address, underlying: uint256, fallback: uint256) -> Price:
    if fallback == price_fallback.LIVE_ONLY:
        spot: IPriceOracle.Spot = staticcall IPriceOracle(oracle).spot(underlying)
        return Price(low=spot.price, high=spot.price, uncertainty=spot.uncertainty)
    # Little gas does not make a live price fail: the 64th left after it is less than the rest needs.
    live: bool = False
    answer: Bytes[96] = b""
    live, answer = raw_call(
        oracle,
        abi_encode(underlying, method_id=method_id("spot(uint256)")),
        max_outsize=96,
        is_static_call=True,
        revert_on_failure=False,
    )
    if live:
        spot: IPriceOracle.Spot = abi_decode(answer, IPriceOracle.Spot)
        return Price(low=spot.price, high=spot.price, uncertainty=spot.uncertainty)
    last: IPriceOracle.Spot = staticcall IPriceOracle(oracle).last_good(underlying)
    width: uint256 = 0
    if fallback != price_fallback.LAST_GOOD:
        width = wad_math._mul_up(last.price, last.uncertainty)
    return Price(
        low=last.price - min(width, last.price),
        high=last.price + width,
        uncertainty=last.uncertainty,
    )


@internal
@view
def _print(oracle: address, instrument: uint256) -> uint256:
    """
    @return What the series is settled at, or 0 while that is open. Between expiry and print a short
            is margined at spot: its owner must not leave with money that it owes already.
    """
    day: uint256 = series_codec._day(instrument)
    if not series_codec._is_option(instrument) or block.timestamp < series_codec._expiry(day):
        return 0
    return staticcall IPriceOracle(oracle).settlement_print(
        series_codec._underlying(instrument), day
    )


@internal
@pure
def _intrinsic(instrument: uint256, price: uint256) -> uint256:
    strike: uint256 = series_codec._strike(instrument)
    if series_codec._kind(instrument) == series_codec.CALL:
        return price - min(price, strike)
    return strike - min(price, strike)


@internal
@pure
def _group(instrument: uint256) -> uint256:
    """
    @return underlying << 16 | day
    """
    return (instrument >> 38) & (2**24 - 1)


@internal
@view
def _left(day: uint256) -> uint256:
    end: uint256 = series_codec._expiry(day)
    return end - min(end, block.timestamp)


@internal
@view
def _expiry(oracle: address, surface: address, group: uint256, oldest: uint256) -> Expiry:
    """
    @notice Of series without a print.
    @param oldest When a surface must have been posted, at least.
    """
    expiry: Expiry = empty(Expiry)
    underlying: uint256 = group >> 16
    day: uint256 = group & 65_535
    expiry.left = self._left(day)
    expiry.discount = _WAD
    expiry.open = _WAD
    if expiry.left == 0:
        expiry.state = EXPIRED
        return expiry
    expiry.words = staticcall IVolSurface(surface).words(underlying, day)
    posted: uint256 = surface_codec._timestamp(expiry.words)
    if posted == 0:
        expiry.state = UNMARKED
        return expiry
    assert posted >= oldest, "risk: surface stale"
    if expiry.left < _WINDOW:
        expiry.fixed, expiry.open = staticcall IPriceOracle(oracle).window(underlying, day)
    rate: int256 = (convert(convert(expiry.words[0], bytes32), int256) << 192) >> 192
    exponent: int256 = rate * convert(expiry.left, int256) // convert(_YEAR, int256)
    expiry.discount = wad_math._exp(-exponent)
    return expiry


@internal
@pure
def _forward(expiry: Expiry, spot: uint256) -> uint256:
    basis: int256 = 0
    if expiry.state == LIVE:
        basis = (convert(convert(expiry.words[0], bytes32), int256) << 128) >> 192
    # A basis is above -1. At least a wei: zero has no logarithm.
    return max(wad_math._mul_down(spot, convert(_SWAD + basis, uint256)), 1)


@internal
@pure
def _averaged(expiry: Expiry, forward: uint256) -> uint256:
    """
    @return What the print is expected to be.
    """
    return max(expiry.fixed + wad_math._mul_down(forward, expiry.open), 1)


@internal
@view
def _leg(
    instrument: uint256, size: int256, expiry: Expiry, forward: uint256
) -> scenario_math.Leg:
    strike: uint256 = series_codec._strike(instrument)
    level: int256 = scenario_math._log(forward, strike)
    leg: scenario_math.Leg = scenario_math.Leg(
        size=size,
        is_call=series_codec._kind(instrument) == series_codec.CALL,
        strike=wad_math._mul_down(strike, expiry.discount),
        level=level,
        moneyness=-unsafe_div(level, 10**36),
        deviation=1,
    )
    if expiry.state == LIVE:
        a: int256 = 0
        b: int256 = 0
        basis: int256 = 0
        rate: int256 = 0
        rho: int256 = 0
        m: int256 = 0
        sigma: int256 = 0
        posted: uint256 = 0
        a, b, basis, rate, rho, m, sigma, posted = surface_codec._unpack(expiry.words)
        variance: uint256 = svi_math._total_variance(leg.moneyness, a, b, rho, m, sigma)
        span: uint256 = block.timestamp + expiry.left - posted
        leg.deviation = wad_math._root(variance * expiry.left * _SQUARE // span) | 1
    if expiry.fixed != 0:
        leg.level = scenario_math._log(self._averaged(expiry, forward), strike)
    return leg
