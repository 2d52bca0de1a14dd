"""Fee, perp and vault arithmetic: Vyper = Python twin to the wei, and both = exact fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from math import ceil, floor

import pytest

from protocol.clients.base import AnyContract
from protocol.pricing import market_math as twin
from protocol.units import DAY, WAD, YEAR

ROUNDS = 300
DEFAULT_RATES = twin.FeeRates(
    notional_rate=5 * 10**14,
    premium_cap=125 * 10**15,
    closing_factor=WAD // 2,
    package_factor=WAD // 2,
    maker_share=WAD // 2,
    insurance_share=WAD // 4,
)


@pytest.fixture
def vyper(deploy) -> AnyContract:
    return deploy("MarketMathHarness")


@pytest.fixture
def rng() -> random.Random:
    return random.Random(1)


def spread_out(rng: random.Random, low: float, high: float) -> int:
    """A WAD amount, uniform in its logarithm, with every digit used."""
    return int(10 ** rng.uniform(low, high) * WAD) + rng.randrange(1_000)


def random_rates(rng: random.Random) -> twin.FeeRates:
    share = rng.randrange(10**6 + 1)
    fields = [
        rng.randrange(10**4 + 1),
        rng.choice([0, rng.randrange(10**6 + 1)]),
        rng.randrange(10**6 + 1),
        rng.randrange(10**6 + 1),
        share,
        rng.randrange(10**6 + 1 - share),
    ]
    names = twin.FeeRates.__slots__
    return twin.FeeRates(**{n: f * twin.FEE_STEP for n, f in zip(names, fields, strict=True)})


def as_tuple(rates: twin.FeeRates) -> tuple[int, ...]:
    return tuple(getattr(rates, name) for name in rates.__slots__)


def test_fee_word__random_rates__packs_alike_and_comes_back(vyper, rng):
    for _ in range(ROUNDS):
        rates = random_rates(rng)
        word = vyper.call("pack", as_tuple(rates))
        assert word == rates.word
        assert tuple(vyper.call("unpack", word)) == as_tuple(rates)
        assert twin.FeeRates.from_word(word) == rates


@pytest.mark.parametrize(
    ("share", "reason"),
    [(1, "fee: share finer than 1e-6"), (2**24 * 10**12, "fee: share out of field")],
)
def test_fee_word__share_does_not_fit__reverts(share, reason, vyper, reverts):
    for place in range(6):
        rates = [0] * 6
        rates[place] = share
        with reverts(reason):
            vyper.call("pack", tuple(rates))


def test_option_fee__random_legs__equal_and_rounded_up(vyper, rng):
    for _ in range(ROUNDS):
        rates = random_rates(rng)
        mark, notional = spread_out(rng, -3, 4), spread_out(rng, 0, 5)
        size = spread_out(rng, -6, 5)
        closing = rng.choice([0, size, rng.randrange(size + 1)])
        fee = vyper.call("option_fee", rates.word, mark, notional, size, closing)
        assert fee == rates.option_fee(mark=mark, notional=notional, size=size, closing=closing)
        unit = Fraction(rates.notional_rate * notional, WAD)
        if rates.premium_cap:
            unit = min(unit, Fraction(rates.premium_cap * mark, WAD))
        charged = (size - closing) + Fraction(closing * rates.closing_factor, WAD)
        assert fee == ceil(unit * charged / WAD)


def test_option_fee__in_slices__never_less(vyper, rng):
    word = DEFAULT_RATES.word
    for _ in range(50):
        mark, size = spread_out(rng, -2, 3), spread_out(rng, -3, 3)
        first = rng.randrange(1, size)
        notional = 3_000 * WAD
        whole = vyper.call("option_fee", word, mark, notional, size, 0)
        parts = (first, size - first)
        slices = [vyper.call("option_fee", word, mark, notional, part, 0) for part in parts]
        assert whole <= sum(slices) <= whole + 1


def test_package_fee__more_of_either_side__never_cheaper(vyper, rng):
    for _ in range(ROUNDS):
        rates = random_rates(rng)
        bought, sold = spread_out(rng, -6, 3), spread_out(rng, -6, 3)
        fee = vyper.call("package_fee", rates.word, bought, sold)
        assert fee == rates.package_fee(bought=bought, sold=sold)
        assert fee >= max(bought, sold)
        more = bought + rng.randrange(bought)
        assert vyper.call("package_fee", rates.word, more, sold) >= fee


def test_split__any_fee__sums_to_the_fee(vyper, rng):
    for _ in range(ROUNDS):
        rates, fee = random_rates(rng), rng.randrange(10 ** rng.randrange(1, 24))
        parts = tuple(vyper.call("split", rates.word, fee))
        assert parts == rates.split(fee)
        assert sum(parts) == fee and min(parts) >= 0


def test_premium__random_trades__exact_integral_rounded_up(vyper, rng):
    for _ in range(ROUNDS):
        index, scale = spread_out(rng, -2, 5), spread_out(rng, 2, 7)
        skew, size = (spread_out(rng, -6, 6) * rng.choice([-1, 1]) for _ in range(2))
        premium = vyper.call("premium", index, skew, size, scale)
        assert premium == twin.perp_premium(index=index, skew=skew, size=size, scale=scale)
        mean = Fraction(2 * skew + size, 2 * scale)
        assert premium == ceil(Fraction(index * size, WAD) * mean)
        potential = vyper.call("potential", index, skew, scale)
        assert potential == twin.perp_potential(index=index, skew=skew, scale=scale)
        assert potential == ceil(Fraction(index * skew * skew, 2 * scale * WAD))


def test_spread__random_trades__rounded_up(vyper, rng):
    for _ in range(ROUNDS):
        index, size = spread_out(rng, -2, 5), spread_out(rng, -9, 6)
        uncertainty = rng.randrange(10**17)
        spread = vyper.call("spread", index, size, uncertainty)
        assert spread == twin.perp_spread(index=index, size=-size, uncertainty=uncertainty)
        assert spread == ceil(Fraction(index * size * uncertainty, WAD * WAD))


def exact_area(*, rate, velocity, cap, skew, scale, elapsed) -> Fraction:
    """Twice the integral of a clamped line, from its corner and without shortcuts."""
    slope = Fraction(velocity * skew, scale * DAY)
    if slope == 0:
        return Fraction(2 * rate * elapsed)
    bound = cap if slope > 0 else -cap
    until_bound = min(Fraction(bound - rate) / slope, Fraction(elapsed))
    ramp = (2 * rate + slope * until_bound) * until_bound
    return ramp + 2 * bound * (elapsed - until_bound)


def test_accrue__random_paths__area_of_the_clamped_line(vyper, rng):
    at_cap = 0
    for _ in range(ROUNDS):
        cap = spread_out(rng, -2, 1)
        args = {
            "rate": rng.choice([cap, -cap, 0, rng.randint(-cap, cap)]),
            "velocity": rng.choice([0, spread_out(rng, -2, 2)]),
            "cap": cap,
            "skew": rng.choice([0, rng.randint(-(10**23), 10**23)]),
            "scale": spread_out(rng, 4, 6),
            "elapsed": rng.randrange(1, 10 ** rng.randrange(1, 8)),
        }
        rate, area = vyper.call("accrue", *args.values())
        assert (rate, area) == twin.accrue_rate(**args)
        assert abs(rate) <= cap
        at_cap += abs(rate) == cap
        # The slope is cut to 1e-18 over the time, once: less than one unit times the time.
        assert abs(area - exact_area(**args)) <= args["elapsed"] + 1
        index = spread_out(rng, -2, 5)
        funding = vyper.call("funding", area, index)
        assert funding == twin.funding_cash(area=area, index=index)
        assert funding == floor(Fraction(area * index, 2 * YEAR * WAD))
    assert at_cap > 20


def test_payout__random_pools__equal_and_stayers_keep_theirs(vyper, rng):
    for _ in range(ROUNDS):
        supply, nav = spread_out(rng, 0, 7), spread_out(rng, 0, 7)
        risk = rng.choice([0, rng.randrange(nav), rng.randrange(2 * nav)])
        depth = rng.choice([0, nav, spread_out(rng, 0, 7)])
        shares = rng.choice([supply, rng.randrange(1, supply + 1)])
        limit = rng.choice([nav, rng.randrange(nav)])
        state = {"supply": supply, "nav": nav, "risk": risk, "depth": depth}
        payout = vyper.call("payout", shares, *state.values())
        assert payout == twin.exit_payout(shares=shares, **state)
        fit, paid = vyper.call("fitting", shares, *state.values(), limit)
        assert (fit, paid) == twin.fitting_exit(shares=shares, limit=limit, **state)
        assert fit <= shares and paid <= limit
        if paid and fit < supply:
            risk_after = Fraction(risk) if depth == 0 else Fraction(risk * depth, depth - paid)
            assert (nav - paid - risk_after) / (supply - fit) >= Fraction(nav - risk, supply)


def test_shares_for__random_pools__equal_and_rounded_down(vyper, rng):
    for _ in range(ROUNDS):
        amount, supply, nav = (spread_out(rng, -3, 7) for _ in range(3))
        shares = vyper.call("shares_for", amount, supply, nav)
        assert shares == twin.entry_shares(amount=amount, supply=supply, nav=nav)
        assert shares == floor(Fraction(amount * supply, nav))
