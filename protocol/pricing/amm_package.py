"""What priced legs come to as a package: impact, spread, fee, limits, as OptionPricer decides."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.errors import InputError
from protocol.pricing import fixed
from protocol.pricing.amm_potential import common_change, expiry_change, over_depth
from protocol.pricing.amm_records import Book, LegInput, PoolState, Priced, PricedLeg, Risk
from protocol.pricing.flow_meter import Meters, charge
from protocol.units import WAD

_SMALLER = "trade less"


def decided(
    *,
    pool: PoolState,
    legs: Sequence[LegInput],
    priced: Sequence[PricedLeg],
    befores: Sequence[Book],
    now: int,
) -> Priced:
    """The package's price, or `InputError` where the pool refuses it.

    `befores` are the books of each leg's expiry before the leg, other legs of it counted.
    """
    change = sum((one.change for one in priced), Risk())
    _check_age(pool, legs, change)
    after = pool.totals + change
    meters = _charged(pool, legs, priced, change, now)
    after.words(meters)  # refused where they do not fit
    _check_limits(pool, after)
    answer = Priced(
        mark=sum(_given(leg, one.mark) for leg, one in zip(legs, priced, strict=True)),
        impact=_impact(pool, priced, befores, change),
        spread=_spread(pool, legs, priced),
        fee=_fee(pool, legs, priced),
        totals=after,
        meters=meters,
        legs=tuple(priced),
    )
    _check_sides(answer, legs)
    return answer


def _check_age(pool: PoolState, legs: Sequence[LegInput], change: Risk) -> None:
    if pool.aged:
        contracts = sum(abs(leg.size) for leg in legs)
        bound = fixed.mul_down(contracts, pool.flow.direct_delta)
        if abs(change.delta) > bound:
            step = "trade through a delayed order"
            raise InputError(
                "net delta at an old price", change.delta, bound=f"+-{bound}", step=step
            )


def _charged(
    pool: PoolState,
    legs: Sequence[LegInput],
    priced: Sequence[PricedLeg],
    change: Risk,
    now: int,
) -> Meters:
    return charge(
        meters=pool.meters,
        limits=pool.flow,
        posted=max(leg.live.timestamp for leg in legs),
        depth=pool.depth,
        vega=_gross_vega(priced),
        exposure=fixed.mul_up(abs(change.delta), pool.reference),
        now=now,
    )


def _gross_vega(priced: Sequence[PricedLeg]) -> int:
    return sum(abs(one.change.vega) for one in priced)


def _check_limits(pool: PoolState, after: Risk) -> None:
    """A trade may not carry the pool past a limit; one that brings it back may always."""
    limits, before = pool.limits, pool.totals
    for name, unit, limit in (
        ("vega", WAD, limits.vega),
        ("delta", pool.reference, limits.delta),
        ("reserve", WAD, limits.utilisation),
    ):
        was, now = abs(getattr(before, name)), abs(getattr(after, name))
        most = pool.depth * limit
        if now > was and now * unit > most:
            bound = f"at most {most // unit}, or less than before: {was}"
            raise InputError(name, now, bound=bound, step=_SMALLER)


def _impact(
    pool: PoolState, priced: Sequence[PricedLeg], befores: Sequence[Book], change: Risk
) -> int:
    """Change of the potential. Less risk is paid for up to the cap, more is refused above it."""
    numerator = common_change(pool.weights, pool.reference, pool.totals, change)
    for one, before in zip(priced, befores, strict=True):
        numerator += expiry_change(pool.weights, before.risk.vega, one.change.vega)
    impact = over_depth(numerator, pool.depth)
    cap = fixed.mul_down(_gross_vega(priced), pool.limits.shift_cap)
    if impact > cap:
        raise InputError("impact", impact, bound=f"at most {cap}", step=_SMALLER)
    return max(impact, -cap)


def _spread(pool: PoolState, legs: Sequence[LegInput], priced: Sequence[PricedLeg]) -> int:
    """Pays for the age of the price and the surface, and for hedging the delta taken on."""
    up, spreads = fixed.mul_up, pool.spreads
    widths = [_widened(pool, leg) for leg in legs]
    rows = list(zip(legs, priced, widths, strict=True))
    delta = -(-abs(sum(one.change.delta * width for _, one, width in rows)) // WAD)
    by_delta = delta * (pool.uncertainty + spreads.hedge_cost)
    by_size = sum(up(abs(leg.size), width) for leg, _, width in rows) * spreads.floor_rate
    by_notional = pool.spot * -(-(by_delta + by_size) // WAD)
    by_vega = _wide_vega(rows) * spreads.vol_points
    half = -(-(by_vega + by_notional) // WAD)
    return up(half, spreads.toxicity) + sum(
        up(abs(one.worse - one.mark), abs(leg.size)) for leg, one, _ in rows
    )


def _widened(pool: PoolState, leg: LegInput) -> int:
    """Factor of the spread: the Greeks a leg is charged by are as far off as spot has moved."""
    drift = abs(pool.spot - leg.expiry.spot) * WAD // leg.expiry.spot
    if drift > pool.spreads.max_drift:
        bound = f"within {pool.spreads.max_drift} of the last refresh"
        raise InputError("spot drift", drift, bound=bound, step="refresh the expiry")
    return WAD + drift * pool.spreads.drift_widening // WAD


def _wide_vega(rows: Sequence[tuple[LegInput, PricedLeg, int]]) -> int:
    """Net in each expiry and widened there, gross over expiries."""
    by_day: dict[int, tuple[int, int]] = {}
    for leg, one, width in rows:
        net, _ = by_day.get(leg.instrument.day, (0, width))
        by_day[leg.instrument.day] = net + one.change.vega, width
    return sum(fixed.mul_up(abs(net), width) for net, width in by_day.values())


def _given(leg: LegInput, unit: int) -> int:
    # Rounded up for what is bought and down for what is sold: against the taker.
    return fixed.mul_up(unit, leg.size) if leg.size > 0 else -fixed.mul_down(unit, -leg.size)


def _fee(pool: PoolState, legs: Sequence[LegInput], priced: Sequence[PricedLeg]) -> int:
    sides = {True: 0, False: 0}
    for leg, one in zip(legs, priced, strict=True):
        sides[leg.size > 0] += pool.fees.option_fee(
            mark=one.mark, notional=pool.spot, size=abs(leg.size), closing=leg.closing
        )
    return pool.fees.package_fee(bought=sides[True], sold=sides[False])


def _check_sides(priced: Priced, legs: Sequence[LegInput]) -> None:
    """A clamp to zero would pay the taker for taking what the pool wants to give."""
    buys = sum(leg.size > 0 for leg in legs)
    if buys == 0 and priced.cash >= 0:
        raise InputError("bid", priced.cash, bound="below 0: the taker is paid", step="do not sell")
    if buys == len(legs) and priced.cash - priced.fee <= 0:
        raise InputError("ask", priced.cash - priced.fee, bound="above 0", step="buy less")
