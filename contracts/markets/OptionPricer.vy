#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title OptionPricer
@author Vomma
@license AGPL-3.0-only
@notice Decides option prices: mark on the live surface, change of the pool's risk potential at the
        refresh snapshot, spread and fee. It keeps nothing, calls nobody and is handed all it judges,
        so whoever holds the numbers can check a price.

        What it does not promise: that a surface is right or fresh, or that limits hold. The AMM,
        the oracle and the surface see to that.
@custom:security Total variance was posted for the life left at posting time; it is scaled by the
        life left now, so implied vol, not variance, is what stays between pushes.
@custom:kill Nothing to kill: without an AMM calling, it is a calculator.
"""


from ..interfaces import IOptionPricer
from ..interfaces import IOptionsAMM
from ..math import amm_codec
from ..math import black76_math
from ..math import fee_math
from ..math import risk_math
from ..math import series_codec
from ..math import surface_codec
from ..math import svi_math
from ..math import wad_math


implements: IOptionPricer


struct Point:
    forward: uint256
    strike: uint256
    variance: uint256
    slope: int256  # of the variance by log-moneyness
    time: uint256  # WAD years
    discount: uint256
    rate: int256


WAD: constant(uint256) = 10**18
_SWAD: constant(int256) = 10**18
YEAR: constant(uint256) = 365 * 86_400


@external
@view
def price(
    pool: IOptionPricer.PoolState, legs: DynArray[IOptionPricer.LegInput, 4]
) -> IOptionPricer.Priced:
    spreads: IOptionsAMM.Spreads = amm_codec._spreads(pool.pricing)
    priced: IOptionPricer.Priced = empty(IOptionPricer.Priced)
    bought: uint256 = 0
    sold: uint256 = 0
    least: uint256 = 0
    drift: uint256 = 0
    for leg: IOptionPricer.LegInput in legs:
        one: IOptionPricer.PricedLeg = self._price_leg(leg, pool.spot, spreads)
        units: uint256 = convert(abs(leg.size), uint256)
        fee: uint256 = fee_math._option_fee(
            pool.fee_word, one.mark, pool.spot, units, self._closing(leg)
        )
        if leg.size > 0:
            # Rounded up for what is bought and down for what is sold: against the taker.
            priced.mark += convert(wad_math._mul_up(one.mark, units), int256)
            bought += fee
        else:
            priced.mark -= convert(wad_math._mul_down(one.mark, units), int256)
            sold += fee
        least += wad_math._mul_up(wad_math._mul_up(pool.spot, units), spreads.floor_rate)
        drift = max(drift, self._drift(pool.spot, amm_codec._expiry_spot(leg.expiry)))
        priced.total = self._sum(priced.total, one.change)
        priced.gross_vega += convert(abs(one.change.vega), uint256)
        priced.legs.append(one)
    assert drift <= spreads.max_drift, "pricer: market drifted"
    vega: uint256 = 0
    priced.impact, vega = self._impact(pool, legs, priced)
    priced.spread = self._spread(pool, spreads, priced.total.delta, vega, least, drift)
    priced.fee = fee_math._package_fee(pool.fee_word, bought, sold)
    return priced


@external
@view
def book(
    spot: uint256,
    surface: uint256[2],
    reserve_share: uint256,
    instruments: DynArray[uint256, 64],
    sizes: DynArray[int256, 64],
) -> IOptionPricer.BookValue:
    total: IOptionPricer.BookValue = empty(IOptionPricer.BookValue)
    for i: uint256 in range(len(instruments), bound=64):
        size: int256 = sizes[i]
        point: Point = self._point(instruments[i], spot, surface, block.timestamp)
        greeks: black76_math.Greeks = self._greeks(instruments[i], point)
        one: IOptionPricer.Risk = self._risk(greeks, point, spot, size)
        one.reserve = self._reserve(instruments[i], spot, reserve_share, 0, size)
        total.value += wad_math._smul_floor(convert(greeks.price, int256), size)
        total.risk = self._sum(total.risk, one)
    return total


@external
@view
def mark(instrument: uint256, spot: uint256, surface: uint256[2]) -> uint256:
    return self._mark(instrument, spot, surface)


@internal
@view
def _price_leg(
    leg: IOptionPricer.LegInput, spot: uint256, spreads: IOptionsAMM.Spreads
) -> IOptionPricer.PricedLeg:
    then: uint256 = amm_codec._expiry_spot(leg.expiry)
    point: Point = self._point(
        leg.instrument, then, leg.snapshot, amm_codec._expiry_time(leg.expiry)
    )
    greeks: black76_math.Greeks = self._greeks(leg.instrument, point)
    depth: uint256 = convert(abs(greeks.delta), uint256)
    assert depth >= spreads.delta_cut and depth + spreads.delta_cut <= WAD, "pricer: delta cut-off"
    change: IOptionPricer.Risk = self._risk(greeks, point, then, -leg.size)
    change.reserve = self._reserve(
        leg.instrument, spot, spreads.reserve_share, leg.pool_position, -leg.size
    )
    return IOptionPricer.PricedLeg(
        mark=self._mark(leg.instrument, spot, leg.live), change=change
    )


@internal
@pure
def _impact(
    pool: IOptionPricer.PoolState,
    legs: DynArray[IOptionPricer.LegInput, 4],
    priced: IOptionPricer.Priced,
) -> (int256, uint256):
    """
    @return (change of the potential, sum over expiries of |net vega|)
    """
    numerator: int256 = risk_math._common_change(
        pool.weights, pool.reference, pool.totals, priced.total
    )
    vega: uint256 = 0
    for i: uint256 in range(len(legs), bound=4):
        day: uint256 = series_codec._day(legs[i].instrument)
        first: bool = True
        net: int256 = 0
        for j: uint256 in range(len(legs), bound=4):
            if series_codec._day(legs[j].instrument) == day:
                first = first and j >= i
                net += priced.legs[j].change.vega
        if first:
            numerator += risk_math._expiry_change(pool.weights, legs[i].expiry_vega, net)
            vega += convert(abs(net), uint256)
    return risk_math._divide(numerator, pool.depth), vega


@internal
@pure
def _spread(
    pool: IOptionPricer.PoolState,
    spreads: IOptionsAMM.Spreads,
    delta: int256,
    vega: uint256,
    least: uint256,
    drift: uint256,
) -> uint256:
    """
    @notice Pays for the age of the price and the surface, and for hedging the delta taken on.
    """
    exposure: uint256 = wad_math._mul_up(convert(abs(delta), uint256), pool.spot)
    half: uint256 = (
        wad_math._mul_up(vega, spreads.vol_points)
        + wad_math._mul_up(exposure, pool.uncertainty + spreads.hedge_cost)
        + least
    )
    widened: uint256 = WAD + wad_math._mul_up(drift, spreads.drift_widening)
    return wad_math._mul_up(wad_math._mul_up(half, widened), spreads.toxicity)


@internal
@view
def _mark(instrument: uint256, spot: uint256, surface: uint256[2]) -> uint256:
    point: Point = self._point(instrument, spot, surface, block.timestamp)
    return black76_math._value(
        series_codec._kind(instrument) == series_codec.CALL,
        point.forward,
        point.strike,
        point.variance,
        point.discount,
    )


@internal
@pure
def _greeks(instrument: uint256, point: Point) -> black76_math.Greeks:
    return black76_math._value_greeks(
        series_codec._kind(instrument) == series_codec.CALL,
        point.forward,
        point.strike,
        point.variance,
        point.time,
        point.discount,
        point.rate,
    )


@internal
@pure
def _point(instrument: uint256, spot: uint256, surface: uint256[2], at: uint256) -> Point:
    a: int256 = 0
    b: int256 = 0
    basis: int256 = 0
    rate: int256 = 0
    rho: int256 = 0
    m: int256 = 0
    sigma: int256 = 0
    posted: uint256 = 0
    a, b, basis, rate, rho, m, sigma, posted = surface_codec._unpack(surface)
    assert posted != 0, "pricer: no surface"
    expiry: uint256 = series_codec._expiry(series_codec._day(instrument))
    assert expiry > posted and expiry > at, "pricer: series expired"
    forward: uint256 = spot * convert(_SWAD + basis, uint256) // WAD
    strike: uint256 = series_codec._strike(instrument)
    k: int256 = svi_math._log_moneyness(strike, forward)
    variance: uint256 = svi_math._total_variance(k, a, b, rho, m, sigma)
    left: uint256 = expiry - at
    span: uint256 = expiry - posted
    time: uint256 = left * WAD // YEAR
    return Point(
        forward=forward,
        strike=strike,
        variance=variance * left // span,
        slope=self._slope(k - m, convert(variance, int256) - a, b, rho)
        * convert(left, int256)
        // convert(span, int256),
        time=time,
        discount=wad_math._exp(-rate * convert(time, int256) // _SWAD),
        rate=rate,
    )


@internal
@pure
def _slope(offset: int256, wings: int256, b: int256, rho: int256) -> int256:
    """
    @notice dw/dk = b (rho + offset / root), the root taken back out of wings = b (rho offset + root).
    """
    if b == 0:
        return 0
    root: int256 = wings * _SWAD // b - rho * offset // _SWAD
    if root <= 0:
        return 0
    return b * (rho + offset * _SWAD // root) // _SWAD


@internal
@pure
def _risk(
    greeks: black76_math.Greeks, point: Point, spot: uint256, size: int256
) -> IOptionPricer.Risk:
    """
    @notice Forward Greeks as cash Greeks of spot: the forward moves with spot in proportion, so
            delta gets the factor forward / spot and gamma * forward ** 2 is gamma * spot ** 2.
            The smile moves with spot too, and delta is the one that goes with it: vega times the
            slope of vol by moneyness is taken off.
    """
    f: int256 = convert(point.forward, int256)
    s: int256 = convert(spot, int256)
    return IOptionPricer.Risk(
        delta=risk_math._scaled((greeks.delta * f - self._smile_move(greeks.vega, point)) // s, size),
        vega=risk_math._scaled(greeks.vega, size),
        gamma=risk_math._scaled(greeks.gamma * f // _SWAD * f // _SWAD, size),
        vanna=risk_math._scaled(greeks.vanna * f // _SWAD, size),
        volga=risk_math._scaled(greeks.volga, size),
        reserve=0,
    )


@internal
@pure
def _smile_move(vega: int256, point: Point) -> int256:
    """
    @return vega * dvol/dk, WAD squared: dvol/dk = slope / (2 sqrt(variance * time)).
    """
    deviation: uint256 = wad_math._sqrt(point.variance * point.time // WAD)
    if deviation == 0:
        return 0
    return vega * point.slope // (2 * convert(deviation, int256)) * _SWAD


@internal
@pure
def _reserve(
    instrument: uint256, spot: uint256, share: uint256, position: int256, change: int256
) -> int256:
    """
    @return Change of the margin reserved when a pool's position changes.
    """
    shorts: int256 = max(-(position + change), 0) - max(-position, 0)
    if shorts == 0:
        return 0
    unit: uint256 = risk_math._short_requirement(
        series_codec._kind(instrument), series_codec._strike(instrument), spot, share
    )
    return wad_math._smul_ceil(convert(unit, int256), shorts)


@internal
@pure
def _closing(leg: IOptionPricer.LegInput) -> uint256:
    """
    @return Contracts of the leg that reduce the taker's position.
    """
    if leg.taker_position > 0 and leg.size < 0:
        return convert(min(leg.taker_position, -leg.size), uint256)
    if leg.taker_position < 0 and leg.size > 0:
        return convert(min(-leg.taker_position, leg.size), uint256)
    return 0


@internal
@pure
def _drift(spot: uint256, then: uint256) -> uint256:
    """
    @return |spot / then - 1|, WAD
    """
    gap: uint256 = max(spot, then) - min(spot, then)
    return gap * WAD // then


@internal
@pure
def _sum(x: IOptionPricer.Risk, y: IOptionPricer.Risk) -> IOptionPricer.Risk:
    return IOptionPricer.Risk(
        delta=x.delta + y.delta,
        vega=x.vega + y.vega,
        gamma=x.gamma + y.gamma,
        vanna=x.vanna + y.vanna,
        volga=x.volga + y.volga,
        reserve=x.reserve + y.reserve,
    )
