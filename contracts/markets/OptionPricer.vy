#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title OptionPricer
@author Vomma
@license AGPL-3.0-only
@notice Decides option trades: mark on the live surface, change of the pool's risk potential at the
        refresh snapshot, spread, fee and limits, and the words the pool will hold. It keeps nothing
        and is handed all it judges, so whoever holds the numbers can check a price. A book alone
        asks the oracle how far the print of its expiry is known, and the risk engine for its margin.

        What it does not promise: that a surface is right or fresh. The AMM, the oracle and the
        surface see to that.
@custom:security Total variance was posted for the life left at posting time; it is scaled by the
        life left now, so implied vol, not variance, is what stays between pushes.
@custom:kill Nothing to kill: without an AMM calling, it is a calculator.
"""


from ..interfaces import IOptionPricer
from ..interfaces import IOptionsAMM
from ..interfaces import IPriceOracle
from ..interfaces import IRiskEngine
from ..math import amm_codec
from ..math import black76_math
from ..math import fee_math
from ..math import flow_meter
from ..math import margin_codec
from ..math import risk_math
from ..math import scenario_math
from ..math import series_codec
from ..math import surface_codec
from ..math import svi_math
from ..math import wad_math


implements: IOptionPricer


struct Point:
    forward: uint256
    strike: uint256
    variance: uint256
    time: uint256  # WAD years
    discount: uint256
    slope: int256  # of the variance by log-moneyness; only where Greeks are asked for


struct PricedLeg:
    mark: uint256  # per contract
    worse: uint256  # ... of the live mark and, inside the push window, the one before
    change: IOptionPricer.Risk  # of the pool's book


struct Package:
    # what the legs come to
    change: IOptionPricer.Risk
    numerator: int256  # change of the potential's part by expiry (risk_math)
    # What the spread is charged on, each expiry's part widened by its own drift: by the widest a
    # package would cost more than its legs.
    wide_vega: uint256  # sum over expiries of |change|
    wide_delta: int256  # times WAD, so that no leg is rounded
    wide_size: uint256
    gross_vega: uint256
    contracts: uint256
    buys: uint256  # legs bought
    bought: uint256  # their fees
    sold: uint256  # fees of the legs sold
    worse: uint256  # spread for the push window
    posted: uint256  # the latest push traded on


WAD: constant(uint256) = 10**18
_SWAD: constant(int256) = 10**18
YEAR: constant(uint256) = 365 * 86_400
# Greeks serve while spot is within 0.3 deviations of where they were taken: beyond, those of a day's
# option are others (a trade cost NAV less potential 4,500 USD at 4.9 %, 1.5 deviations).
_STALE_SHARE: constant(uint256) = 9 * 10**16
# The short form of the discount factor holds up to an exponent of 0.16 (black76_math).
_SHORT: constant(int256) = 16 * 10**16

oracle: public(immutable(address))
risk_engine: public(immutable(address))


@deploy
def __init__(oracle_: address, risk_engine_: address):
    assert oracle_ != empty(address), "pricer: no oracle"
    assert risk_engine_ != empty(address), "pricer: no risk engine"
    oracle = oracle_
    risk_engine = risk_engine_


@external
@view
def price(
    pool: IOptionPricer.PoolState, legs: DynArray[IOptionPricer.LegInput, 4]
) -> IOptionPricer.Priced:
    priced: IOptionPricer.Priced = empty(IOptionPricer.Priced)
    package: Package = empty(Package)
    vegas: int256[4] = empty(int256[4])  # change by expiry, at the place of its first leg
    widths: uint256[4] = empty(uint256[4])
    for i: uint256 in range(len(legs), bound=4):
        leg: IOptionPricer.LegInput = legs[i]
        place: uint256 = i
        for j: uint256 in range(i, bound=4):
            if self._day(legs[j].leg) == self._day(leg.leg):
                # What the leg before has left of the expiry they share.
                leg.book = priced.books[j]
                place = min(place, j)
        size: int256 = series_codec._leg_size(leg.leg)
        one: PricedLeg = self._price_leg(
            leg, size, pool.spot, pool.uncertainty, pool.spreads
        )
        widths[i] = self._widened(pool, leg)
        package = self._charged(package, leg, size, one, pool, widths[i])
        package.numerator += risk_math._expiry_change(
            pool.weights, risk_math._vega(leg.book[0]), one.change.vega
        )
        vegas[place] += one.change.vega
        package.change = self._sum(package.change, one.change)
        priced.books[i] = self._booked(leg.book, size, one)
        priced.mark += self._given(one.mark, size)
    for i: uint256 in range(len(legs), bound=4):
        package.wide_vega += wad_math._mul_up(convert(abs(vegas[i]), uint256), widths[i])
    return self._decided(pool, package, priced, len(legs))


@external
@view
def book(
    spot: uint256,
    surface: uint256[2],
    day: uint256,
    instruments: DynArray[uint256, 64],
    sizes: DynArray[int256, 64],
    enough: uint256,
) -> IOptionPricer.BookValue:
    total: IOptionPricer.BookValue = empty(IOptionPricer.BookValue)
    total.bound = staticcall IRiskEngine(risk_engine).short_bound(day)
    if len(instruments) == 0:
        return total
    reserve: uint256 = staticcall IRiskEngine(risk_engine).reserve(instruments, sizes, enough)
    total.risk.reserve = convert(reserve, int256)
    known: uint256 = 0
    open: uint256 = WAD
    known, open = staticcall IPriceOracle(oracle).window(
        series_codec._underlying(instruments[0]), day
    )
    for i: uint256 in range(len(instruments), bound=64):
        size: int256 = sizes[i]
        point: Point = self._point(instruments[i], spot, surface, block.timestamp, True)
        moving: uint256 = wad_math._mul_down(point.forward, open)
        point.forward = known + moving
        share: uint256 = moving * WAD // point.forward
        if share != WAD:
            point.variance = point.variance * share // WAD * share // WAD
        greeks: black76_math.Greeks = self._greeks(instruments[i], point)
        if share != WAD:
            greeks = self._part_known(greeks, convert(share, int256))
            point.forward = moving
        one: IOptionPricer.Risk = self._risk(greeks, point, spot, size)
        total.value += wad_math._smul_floor(convert(greeks.price, int256), size)
        total.risk = self._sum(total.risk, one)
    return total


@external
@view
def mark(instrument: uint256, spot: uint256, surface: uint256[2]) -> uint256:
    return self._mark(instrument, spot, surface)


# ── a leg ──


@internal
@view
def _price_leg(
    leg: IOptionPricer.LegInput,
    size: int256,
    spot: uint256,
    uncertainty: uint256,
    spreads: uint256,
) -> PricedLeg:
    instrument: uint256 = leg.leg >> 128
    then: uint256 = amm_codec._expiry_spot(leg.expiry)
    point: Point = self._point(
        instrument, then, leg.snapshot, amm_codec._expiry_time(leg.expiry), True
    )
    greeks: black76_math.Greeks = self._greeks(instrument, point)
    depth: uint256 = convert(abs(greeks.delta), uint256)
    cut: uint256 = amm_codec._delta_cut(spreads)
    assert depth >= cut and depth + cut <= WAD, "pricer: delta cut-off"
    drift: uint256 = self._drift(spot, then)
    assert drift * drift <= point.variance * _STALE_SHARE, "pricer: market drifted"
    live: Point = self._point(instrument, spot, leg.live, block.timestamp, False)
    mark: uint256 = self._value(instrument, live)
    change: IOptionPricer.Risk = self._risk(greeks, point, then, -size)
    if size > 0:
        change.reserve = self._reserve(leg, live, spot, uncertainty)
    return PricedLeg(mark=mark, worse=self._worse(leg, size, spot, mark), change=change)


@internal
@view
def _worse(leg: IOptionPricer.LegInput, size: int256, spot: uint256, mark: uint256) -> uint256:
    """
    @notice Who knew of a push buys before it and sells after: for some minutes both marks stand.
    """
    behind: uint256 = surface_codec._behind(leg.live)
    if behind != 0:
        if size > 0:
            assert behind & surface_codec.HIGHER == 0, "amm: surface behind, no ask"
        else:
            assert behind & surface_codec.LOWER == 0, "amm: surface behind, no bid"
    if leg.previous[1] == 0:
        return mark
    before: uint256 = self._mark(leg.leg >> 128, spot, leg.previous)
    return max(mark, before) if size > 0 else min(mark, before)


@internal
@pure
def _reserve(
    leg: IOptionPricer.LegInput, point: Point, spot: uint256, uncertainty: uint256
) -> int256:
    """
    @notice What the pool sells is reserved for by the linear bound of a short, long before or not: what
            it was long may have covered other shorts. What it buys frees nothing before the refresh.
    """
    bound: uint256 = amm_codec._expiry_bound(leg.expiry)
    unit: uint256 = scenario_math._short_bound(
        series_codec._kind(leg.leg >> 128) == series_codec.CALL,
        point.forward,
        point.strike,
        # In the domain of the point: 72 bits and 120.
        wad_math._root(unsafe_mul(point.variance, 10**36)),
        bound,
    )
    unit += scenario_math._up(spot, margin_codec._bound_rate(bound) + uncertainty)
    if point.discount > WAD:
        # Rates below zero make an option worth more than it pays.
        unit = wad_math._mul_up(unit, point.discount)
    size: int256 = series_codec._leg_size(leg.leg)
    return risk_math._reserve_steps(wad_math._smul_ceil(convert(unit, int256), size))


@internal
@pure
def _charged(
    package: Package,
    leg: IOptionPricer.LegInput,
    size: int256,
    one: PricedLeg,
    pool: IOptionPricer.PoolState,
    width: uint256,
) -> Package:
    """
    @notice What a leg adds to the fee, the spread and the limits of its package.
    """
    sum: Package = package
    units: uint256 = convert(abs(size), uint256)
    fee: uint256 = fee_math._option_fee(
        pool.flow, one.mark, pool.spot, units, fee_math._closing(leg.taker_position, size)
    )
    if size > 0:
        sum.bought += fee
        sum.buys += 1
    else:
        sum.sold += fee
    if one.worse != one.mark:
        gap: uint256 = max(one.worse, one.mark) - min(one.worse, one.mark)
        sum.worse += wad_math._mul_up(gap, units)
    sum.gross_vega += convert(abs(one.change.vega), uint256)
    sum.contracts += units
    sum.wide_delta += one.change.delta * convert(width, int256)
    sum.wide_size += wad_math._mul_up(units, width)
    sum.posted = max(sum.posted, surface_codec._timestamp(leg.live))
    return sum


@internal
@pure
def _given(mark: uint256, size: int256) -> int256:
    """
    @custom:rounding up for what is bought and down for what is sold: against the taker
    """
    units: uint256 = convert(abs(size), uint256)
    if size > 0:
        return convert(wad_math._mul_up(mark, units), int256)
    return -convert(wad_math._mul_down(mark, units), int256)


@internal
@pure
def _booked(book: uint256[2], size: int256, leg: PricedLeg) -> uint256[2]:
    """
    @notice A leg into its expiry: the pool gave `size` contracts at the mark.
    """
    given: int256 = risk_math._scaled(convert(leg.mark, int256), size)
    return [
        risk_math._first(
            risk_math._delta(book[0]) + leg.change.delta,
            risk_math._vega(book[0]) + leg.change.vega,
            risk_math._reserve(book[0]) + leg.change.reserve,
        ),
        risk_math._pair(
            risk_math._high(book[1]) + leg.change.gamma, risk_math._low(book[1]) - given
        ),
    ]


# ── the package ──


@internal
@view
def _decided(
    pool: IOptionPricer.PoolState,
    package: Package,
    legs_priced: IOptionPricer.Priced,
    count: uint256,
) -> IOptionPricer.Priced:
    priced: IOptionPricer.Priced = legs_priced
    depth: uint256 = amm_codec._depth(pool.market)
    reference: uint256 = amm_codec._reference(pool.market)
    delta: uint256 = convert(abs(package.change.delta), uint256)
    # Whoever sees the market ahead of an old price would pick it off; without delta there is little
    # to pick.
    if pool.aged:
        bound: uint256 = amm_codec._direct_delta(pool.flow)
        assert delta <= wad_math._mul_down(package.contracts, bound), "amm: price too old"
    before: IOptionPricer.Risk = risk_math._totals(pool.totals)
    after: IOptionPricer.Risk = self._sum(before, package.change)
    flow: uint256 = flow_meter._charge(
        risk_math._flow(pool.totals),
        pool.flow,
        package.posted,
        depth,
        package.gross_vega,
        wad_math._mul_up(delta, reference),
    )
    # Packed first: in the fields of the words, no square below can overflow.
    priced.totals = risk_math._pack_totals(after, flow)
    self._check_limits(pool.weights, before, after, depth, reference)
    priced.impact = self._impact(pool.weights, before, package, depth, reference)
    priced.spread = self._spread(pool.spreads, package, pool.spot, pool.uncertainty)
    priced.fee = fee_math._package_fee(pool.flow, package.bought, package.sold)
    payment: int256 = priced.mark + priced.impact + convert(priced.spread, int256)
    priced.cash = payment + convert(priced.fee, int256)
    # A clamp to zero would pay the taker out of the pool for taking what the pool wants to give.
    if package.buys == 0:
        assert priced.cash < 0, "amm: no bid"
    elif package.buys == count:
        assert payment > 0, "amm: no ask"
    return priced


@internal
@pure
def _check_limits(
    weights: uint256,
    before: IOptionPricer.Risk,
    after: IOptionPricer.Risk,
    depth: uint256,
    reference: uint256,
):
    """
    @notice A trade may not carry the pool past a limit; one that brings it back may always.
    """
    # In WAD squared; depth and Greeks fit 96 bits, a limit 64.
    if abs(after.vega) > abs(before.vega):
        bound: uint256 = unsafe_mul(depth, amm_codec._coarse(weights, 72))
        assert unsafe_mul(convert(abs(after.vega), uint256), WAD) <= bound, "amm: vega limit"
    if abs(after.delta) > abs(before.delta):
        bound: uint256 = unsafe_mul(depth, amm_codec._coarse(weights, 48))
        exposure: uint256 = unsafe_mul(convert(abs(after.delta), uint256), reference)
        assert exposure <= bound, "amm: delta limit"
    if after.reserve > before.reserve:
        bound: uint256 = unsafe_mul(depth, amm_codec._utilisation(weights))
        assert unsafe_mul(convert(after.reserve, uint256), WAD) <= bound, "amm: utilisation limit"


@internal
@pure
def _impact(
    weights: uint256,
    before: IOptionPricer.Risk,
    package: Package,
    depth: uint256,
    reference: uint256,
) -> int256:
    """
    @return Change of the potential.
    """
    numerator: int256 = package.numerator + risk_math._common_change(
        weights, reference, before, package.change
    )
    impact: int256 = risk_math._divide(numerator, depth)
    cap: int256 = convert(
        wad_math._mul_down(package.gross_vega, amm_codec._coarse(weights, 0)), int256
    )
    assert impact <= cap, "amm: impact above cap"
    # Less risk is paid for up to the cap. More would open an arbitrage between strikes; a refusal
    # would lock the risk in.
    return max(impact, -cap)


@internal
@pure
def _spread(spreads: uint256, package: Package, spot: uint256, uncertainty: uint256) -> uint256:
    """
    @notice Pays for the age of the price and the surface, and for hedging the delta taken on.
    """
    # Greeks and the price of the underlying fit 96 bits, contracts 82, every parameter 64, and
    # drift is bounded: no product here reaches 256.
    delta: uint256 = wad_math._ceil_wad(convert(abs(package.wide_delta), uint256))
    # In WAD squared, rounded up once. By delta: the feed's uncertainty and the cost of hedging.
    by_delta: uint256 = unsafe_mul(
        delta, unsafe_add(uncertainty, amm_codec._coarse(spreads, 184))
    )
    by_size: uint256 = unsafe_mul(package.wide_size, amm_codec._coarse(spreads, 208))
    share: uint256 = wad_math._ceil_wad(unsafe_add(by_delta, by_size))
    by_vega: uint256 = unsafe_mul(package.wide_vega, amm_codec._coarse(spreads, 232))
    half: uint256 = wad_math._ceil_wad(unsafe_add(by_vega, unsafe_mul(spot, share)))
    return wad_math._mul_up(half, amm_codec._toxicity(spreads)) + package.worse


# ── a point of the surface ──


@internal
@view
def _mark(instrument: uint256, spot: uint256, surface: uint256[2]) -> uint256:
    return self._value(
        instrument, self._point(instrument, spot, surface, block.timestamp, False)
    )


@internal
@pure
def _value(instrument: uint256, point: Point) -> uint256:
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
    )


@internal
@pure
def _point(
    instrument: uint256, spot: uint256, surface: uint256[2], at: uint256, with_slope: bool
) -> Point:
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
    point: Point = empty(Point)
    point.forward = wad_math._mul_down(spot, convert(_SWAD + basis, uint256))
    point.strike = series_codec._strike(instrument)
    k: int256 = svi_math._log_moneyness(point.strike, point.forward)
    variance: uint256 = svi_math._total_variance(k, a, b, rho, m, sigma)
    # Times fit 40 bits and variances 72: nothing here can overflow.
    left: uint256 = unsafe_sub(expiry, at)
    span: uint256 = unsafe_sub(expiry, posted)
    point.variance = unsafe_div(unsafe_mul(variance, left), span)
    point.time = unsafe_div(unsafe_mul(left, WAD), YEAR)
    point.discount = self._discount(rate, point.time)
    if with_slope:
        slope: int256 = self._slope(k - m, convert(variance, int256) - a, b, rho)
        point.slope = slope * convert(left, int256) // convert(span, int256)
    return point


@internal
@pure
def _discount(rate: int256, time: uint256) -> uint256:
    exponent: int256 = unsafe_div(unsafe_mul(rate, convert(time, int256)), _SWAD)
    if exponent >= 0 and exponent <= _SHORT:
        return wad_math._discount(convert(exponent, uint256) * 10**9) // 10**9
    return wad_math._exp(-exponent)


@internal
@pure
def _slope(offset: int256, wings: int256, b: int256, rho: int256) -> int256:
    """
    @notice dw/dk = b (rho + offset / root), the root taken back out of wings = b (rho offset + root).
    """
    if b == 0:
        return 0
    # All are 64-bit fields or a log-moneyness, at most two WADs to a product.
    root: int256 = unsafe_sub(
        unsafe_div(unsafe_mul(wings, _SWAD), b), unsafe_div(unsafe_mul(rho, offset), _SWAD)
    )
    if root <= 0:
        return 0
    steepness: int256 = unsafe_add(rho, unsafe_div(unsafe_mul(offset, _SWAD), root))
    return unsafe_div(unsafe_mul(b, steepness), _SWAD)


@internal
@pure
def _part_known(greeks: black76_math.Greeks, share: int256) -> black76_math.Greeks:
    """
    @notice Greeks of the print's average as Greeks of the forward, that moves only a share of it.
    """
    scaled: black76_math.Greeks = greeks
    scaled.vega = greeks.vega * share // _SWAD
    scaled.gamma = greeks.gamma * share // _SWAD * share // _SWAD
    return scaled


@internal
@pure
def _risk(
    greeks: black76_math.Greeks, point: Point, spot: uint256, size: int256
) -> IOptionPricer.Risk:
    """
    @notice Forward Greeks as cash Greeks of spot: the forward moves with spot in proportion, so
            delta gets the factor forward / spot and gamma * forward ** 2 is gamma * spot ** 2.
            The smile moves with spot too, and delta is the one that goes with it: vega times the
            slope of vol by moneyness is taken off. As vega = gamma * forward ** 2 * vol * time and
            dvol/dk = slope / (2 vol time), that is gamma * forward ** 2 * slope / 2.
    """
    f: int256 = convert(point.forward, int256)
    delta: int256 = (greeks.delta * f - greeks.gamma * point.slope // 2) // convert(spot, int256)
    return IOptionPricer.Risk(
        delta=risk_math._scaled(delta, size),
        vega=risk_math._scaled(greeks.vega, size),
        gamma=risk_math._scaled(greeks.gamma, size),
        reserve=0,
    )


@internal
@pure
def _day(leg: uint256) -> uint256:
    return series_codec._day(leg >> 128)


@internal
@pure
def _widened(pool: IOptionPricer.PoolState, leg: IOptionPricer.LegInput) -> uint256:
    """
    @return Factor of the spread: the Greeks a leg is charged by are as far off as spot has moved.
    """
    drift: uint256 = self._drift(pool.spot, amm_codec._expiry_spot(leg.expiry))
    assert drift <= amm_codec._max_drift(pool.spreads), "pricer: market drifted"
    return WAD + drift * amm_codec._coarse(pool.spreads, 136) // WAD


@internal
@pure
def _drift(spot: uint256, then: uint256) -> uint256:
    """
    @return |spot / then - 1|, WAD
    """
    return unsafe_sub(max(spot, then), min(spot, then)) * WAD // then


@internal
@pure
def _sum(x: IOptionPricer.Risk, y: IOptionPricer.Risk) -> IOptionPricer.Risk:
    return IOptionPricer.Risk(
        delta=x.delta + y.delta,
        vega=x.vega + y.vega,
        gamma=x.gamma + y.gamma,
        reserve=x.reserve + y.reserve,
    )
