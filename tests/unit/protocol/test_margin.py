"""The float twin of the margin scan: against a slow reading of the rule, and what must hold."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import InputError
from protocol.pricing.black76 import price
from protocol.risk.margin import cash_needed, margin
from protocol.risk.portfolio import MarketState, Portfolio
from protocol.risk.scenarios import scenarios
from protocol.surface.svi import total_variance
from protocol.types import Instrument, Kind
from protocol.units import years
from tests.unit.protocol.margin_cases import (
    LIVES,
    NOW,
    PARAMETERS,
    PERP,
    SPOT,
    STATE,
    TODAY,
    asked,
    call,
    merged,
    option,
    portfolio,
    portfolios,
    put,
    series,
    strikes,
)

EXACT = dict(rel=1e-12, abs=1e-9)
FAST = settings(max_examples=40, deadline=None)


def slack(*held: Portfolio) -> float:
    """Rounding of floats over what a portfolio is worth."""
    return 1e-9 * (1.0 + sum(abs(leg.size) * SPOT for one in held for leg in one.holdings))


def slow_value(held: Portfolio, move: float, vol: int, tilt: int) -> float:
    """Options, perp and collateral in one scenario, all of it counted, read off the rule."""
    p, total = PARAMETERS, 0.0
    for leg in held.holdings:
        if leg.instrument.kind == Kind.PERP:
            total += leg.size * SPOT * move
            continue
        assert STATE.surface is not None
        smile, left = STATE.surface.on(leg.instrument.day), leg.instrument.expiry - NOW
        forward = SPOT * (1.0 + smile.basis)
        k = log(leg.instrument.strike / forward)
        growth = (30.0 / max(left / 86_400, p.vol_floor_days)) ** 0.25
        factor = {1: 1.0 + p.vol_up * growth, 0: 1.0, -1: max(1.0 - p.vol_down * growth, 0.25)}[vol]
        if tilt:
            factor = max(1.0 + tilt * p.skew * growth * min(max(2.0 * k, -1.0), 1.0), 0.25)
        w = float(total_variance(k=k, svi=smile.svi))
        one = price(
            forward=forward * (1.0 + move),
            strike=leg.instrument.strike,
            years=years(left),
            vol=sqrt(w / years(left)) * factor,
            is_call=leg.instrument.is_call,
            discount=exp(-smile.rate * years(left)),
        )
        total += leg.size * float(one)
    posted = sum(each.tokens * (1.0 - each.haircut) for each in held.collateral)
    return total + posted * SPOT * (1.0 + move)


def slow_scan(held: Portfolio) -> tuple[float, float]:
    """(V0, worst over the scenarios)"""
    p, mark = PARAMETERS, slow_value(held, 0.0, 0, 0)
    core = [(p.range * i / p.steps, vol, 0, 1.0) for i in range(-p.steps, p.steps + 1)
            for vol in (1, 0, -1)]  # fmt: skip
    rest = [(multiple - 1.0, 1, 0, share) for multiple, share in p.tails]
    tilts = [(0.0, 0, -1, 1.0), (0.0, 0, 1, 1.0)]
    values = [
        mark + share * (slow_value(held, move, vol, tilt) - mark)
        for move, vol, tilt, share in core + rest + tilts
    ]
    return mark, min(values)


def test_scenarios__defaults__are_33() -> None:
    listed = scenarios(PARAMETERS)
    assert len(listed) == 33
    assert listed.name(0) == "spot -22.5%, vol up"


def test_parameters__tails__count_no_more_than_the_range() -> None:
    """What the linear bound stands on."""
    for multiple, share in PARAMETERS.tails:
        assert share * abs(multiple - 1.0) <= PARAMETERS.range


@FAST
@given(portfolios())
def test_margin__any_portfolio__is_the_rule_read_slowly(held: Portfolio) -> None:
    found = asked(held)
    mark, worst = slow_scan(held)
    extra = sum(risk.contingencies.total for risk in found.risks)
    assert found.equity == pytest.approx(held.cash + mark, **EXACT)
    assert found.maintenance_headroom == pytest.approx(held.cash + worst - extra, **EXACT)
    assert found.maintenance == pytest.approx(max(0.0, mark - worst + extra), **EXACT)


def test_contingencies__mixed_book__are_these() -> None:
    held = portfolio((call(2_000), -3.0), (call(2_200), 1.0), (put(1_800), -1.0), (PERP, -2.0))
    extra = asked(held).risks[0].contingencies
    assert extra.short == pytest.approx(0.01 * SPOT * (2.0 + 1.0))
    assert extra.perp == pytest.approx(0.01 * SPOT * 2.0)
    assert (
        0.006 * SPOT * 1.0 < extra.basis < 0.006 * SPOT * 1.5
    )  # delta of the calls: -3 x .55 + .35


def test_contingencies__straddle__counts_one_side_s_delta() -> None:
    both = asked(portfolio((call(2_000), -1.0), (put(2_000), -1.0))).risks[0].contingencies
    one = asked(portfolio((call(2_000), -1.0))).risks[0].contingencies
    assert both.basis == pytest.approx(one.basis)


@FAST
@given(st.lists(st.tuples(series, st.floats(0.01, 5.0)), max_size=6))
def test_margin__long_options_only__is_within_their_value(
    legs: list[tuple[Instrument, float]],
) -> None:
    held = portfolio(*legs)
    found = asked(held)
    assert found.maintenance_headroom >= -slack(held)
    assert found.initial_headroom >= -slack(held)


@FAST
@given(portfolios(), series, st.floats(0.01, 5.0))
def test_margin__a_long_more__costs_no_more_than_its_price(
    held: Portfolio, bought: Instrument, size: float
) -> None:
    more = merged(held, portfolio((bought, size)))
    before, after = asked(held), asked(more)
    assert after.maintenance_headroom >= before.maintenance_headroom - slack(more)
    assert after.initial_headroom >= before.initial_headroom - slack(more)


@FAST
@given(
    st.lists(
        st.tuples(strikes, st.floats(0.01, 5.0), st.sampled_from(LIVES)), min_size=1, max_size=5
    ),
    st.sampled_from([Kind.CALL, Kind.PUT]),
)
def test_margin__a_short_more_on_one_side__never_falls(
    legs: list[tuple[float, float, int]], kind: Kind
) -> None:
    shorts = [portfolio((option(kind, strike, life), -size)) for strike, size, life in legs]
    held = Portfolio()
    for short in shorts:
        before, held = held, merged(held, short)
        assert asked(held).maintenance >= asked(before).maintenance - slack(held)
        assert asked(held).initial >= asked(before).initial - slack(held)


@FAST
@given(portfolios(), portfolios())
def test_margin__two_books_as_one__need_no_more_than_apart(
    one: Portfolio, other: Portfolio
) -> None:
    both, a, b = asked(merged(one, other)), asked(one), asked(other)
    room = slack(one, other)
    assert both.maintenance <= a.maintenance + b.maintenance + room
    assert both.maintenance_headroom >= a.maintenance_headroom + b.maintenance_headroom - room
    assert both.initial_headroom >= a.initial_headroom + b.initial_headroom - room


@FAST
@given(portfolios())
def test_linear_bound__any_portfolio__is_never_better_than_the_scan(held: Portfolio) -> None:
    found = asked(held)
    assert found.linear_maintenance_headroom <= found.maintenance_headroom + slack(held)
    assert found.linear_initial_headroom <= found.initial_headroom + slack(held)


@pytest.mark.parametrize("sold", [call(1_000.0, 1), put(4_000.0, 1)])
def test_linear_bound__short_deep_in_the_money__has_little_to_spare(sold: Instrument) -> None:
    """A minute before expiry it moves with spot, one to one: a smaller bound would not hold."""
    found = asked(portfolio((sold, -1.0)), now=sold.expiry - 60)
    spare = found.maintenance_headroom - found.linear_maintenance_headroom
    assert 0.0 <= spare <= 10.0


@FAST
@given(portfolios())
def test_margin__any_portfolio__is_at_least_the_floor_of_its_naked_shorts(held: Portfolio) -> None:
    naked: dict[tuple[int, Kind], float] = {}
    for leg in held.options(1):
        of = leg.instrument.day, leg.instrument.kind
        naked[of] = naked.get(of, 0.0) - leg.size
    floor = PARAMETERS.short_rate * SPOT * max(naked.values(), default=0.0)
    assert asked(held).maintenance >= floor - slack(held)


@FAST
@given(portfolios(), st.floats(0.1, 10.0))
def test_margin__a_larger_book__scales(held: Portfolio, times: float) -> None:
    larger = replace(
        held,
        holdings=tuple(replace(leg, size=leg.size * times) for leg in held.holdings),
        collateral=tuple(replace(each, tokens=each.tokens * times) for each in held.collateral),
    )
    assert asked(larger).maintenance == pytest.approx(times * asked(held).maintenance, abs=1e-6)


def test_margin__spread__is_below_its_short_alone() -> None:
    spread = asked(portfolio((call(2_000), -1.0), (call(2_200), 1.0)))
    naked = asked(portfolio((call(2_000), -1.0)))
    assert spread.maintenance < 0.6 * naked.maintenance


def test_cash_needed__both_signs__scale_towards_caution() -> None:
    assert cash_needed(-100.0, 1.25) == 125.0
    assert cash_needed(100.0, 1.25) == -80.0


def test_margin__printed_series__is_its_payoff() -> None:
    day = TODAY - 1
    sold = Instrument.option(Kind.CALL, 1, day, 1_900.0)
    found = asked(portfolio((sold, -2.0), cash=500.0), replace(STATE, prints={day: 2_050.0}))
    assert found.equity == 500.0 - 2 * 150.0
    assert found.maintenance == 0.0


def test_margin__expired_and_not_printed__moves_with_spot() -> None:
    sold = Instrument.option(Kind.CALL, 1, TODAY - 1, 1_900.0)
    found = asked(portfolio((sold, -1.0)))
    assert found.equity == pytest.approx(-100.0)
    rates = PARAMETERS.short_rate + PARAMETERS.basis_rate + STATE.uncertainty
    assert found.maintenance == pytest.approx(SPOT * (PARAMETERS.range + rates))


def test_margin__no_surface__counts_shorts_in_full_and_longs_nothing() -> None:
    bare = MarketState(SPOT)
    rates = (PARAMETERS.short_rate + PARAMETERS.basis_rate) * SPOT
    assert asked(portfolio((put(1_800), -1.0)), bare).equity == pytest.approx(-1_800.0 - rates)
    assert asked(portfolio((put(1_800), 1.0)), bare).equity == 0.0


def test_margin__window_nearly_over__hardly_moves() -> None:
    sold, state = call(2_100, 1), replace(STATE, windows={TODAY + 1: (0.99 * 2_000.0, 0.01)})
    inside = asked(portfolio((sold, -1.0)), state).risks[0]
    assert abs(inside.values.min() - inside.value) < 1.0
    assert inside.stressed >= inside.linear


def test_margin__two_edges__takes_the_worse() -> None:
    held = portfolio((call(2_000), -1.0), (PERP, -0.2))
    banded = asked(held, replace(STATE, edges=(1_900.0, 2_100.0)))
    high = asked(held, replace(STATE, edges=(2_100.0,)))
    assert banded.maintenance_headroom == high.maintenance_headroom
    assert banded.risks[0].spot == 2_100.0


def test_margin__no_such_market__is_refused() -> None:
    with pytest.raises(InputError, match="underlying is 1"):
        margin(portfolio=portfolio((PERP, 1.0)), markets={}, now=NOW, parameters=PARAMETERS)


@pytest.mark.parametrize("sizes", [(1.0,), (-1.0,)])
def test_perp__alone__needs_range_and_rate(sizes: tuple[float]) -> None:
    found = asked(portfolio((PERP, sizes[0])))
    assert found.maintenance == pytest.approx(SPOT * (PARAMETERS.range + PARAMETERS.perp_rate))
