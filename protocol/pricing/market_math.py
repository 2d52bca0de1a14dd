"""Exact twins of the contracts' fee, perp and vault arithmetic: integers in, integers out.

Every function mirrors one of `contracts/math/{fee_math,perp_math,vault_math}.vy` to the wei,
rounding included, so that a simulated or quoted number is the number the chain will book. Amounts,
prices, sizes and rates are WAD; times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from protocol.errors import InputError
from protocol.units import DAY, WAD, YEAR

FEE_STEP = 10**12  # a share in a fee word counts steps of 1e-6
_FIELD_BITS = 24
_FIELD = (1 << _FIELD_BITS) - 1
_STEPS = WAD // FEE_STEP
_FEE_SCALE = _STEPS * _STEPS * WAD

_ACCRUAL_STEP = 10**9  # wei: fees of a pool to the reserves come in whole steps


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """Rates of one path, each a WAD share; a `premium_cap` of 0 is no cap."""

    notional_rate: int
    premium_cap: int
    closing_factor: int
    package_factor: int
    maker_share: int
    insurance_share: int

    @classmethod
    def from_word(cls, word: int) -> Self:
        shifts = range(5 * _FIELD_BITS, -1, -_FIELD_BITS)
        fields = [((word >> shift) & _FIELD) * FEE_STEP for shift in shifts]
        return cls(**dict(zip(cls.__slots__, fields, strict=True)))

    @property
    def word(self) -> int:
        word = 0
        for name in self.__slots__:
            share: int = getattr(self, name)
            if share % FEE_STEP or not 0 <= share // FEE_STEP <= _FIELD:
                raise InputError(
                    name, share, bound="a multiple of 1e12 that fits 24 bits", step="round it"
                )
            word = word << _FIELD_BITS | share // FEE_STEP
        return word

    def option_fee(self, *, mark: int, notional: int, size: int, closing: int) -> int:
        """Taker fee of one leg, rounded up; `closing` of the `size` contracts reduce a position."""
        unit_fee = self.notional_rate // FEE_STEP * notional
        if self.premium_cap:
            unit_fee = min(unit_fee, self.premium_cap // FEE_STEP * mark)
        charged = (size - closing) * _STEPS + closing * (self.closing_factor // FEE_STEP)
        return _ceil_div(unit_fee * charged, _FEE_SCALE)

    def package_fee(self, *, bought: int, sold: int) -> int:
        """Fee of a package: the dearer side in full, the cheaper one discounted; rounded up."""
        return max(bought, sold) + _ceil_div(min(bought, sold) * self.package_factor, WAD)

    def split(self, fee: int) -> tuple[int, int, int]:
        """(maker, insurance, treasury), summing to the fee; the last two in steps of 1e-9."""
        maker, insurance = fee * self.maker_share // WAD, fee * self.insurance_share // WAD
        treasury = fee - maker - insurance
        insurance, treasury = (x - x % _ACCRUAL_STEP for x in (insurance, treasury))
        return fee - insurance - treasury, insurance, treasury


def perp_premium(*, index: int, skew: int, size: int, scale: int) -> int:
    """What a taker buying `size` (selling: < 0) pays above index * size, rounded up."""
    return _ceil_div(index * size * (2 * skew + size), 2 * scale * WAD)


def perp_potential(*, index: int, skew: int, scale: int) -> int:
    """The premium of the whole skew, rounded up."""
    return perp_premium(index=index, skew=0, size=skew, scale=scale)


def perp_spread(*, index: int, size: int, uncertainty: int) -> int:
    """Spread of a trade either way, rounded up; `uncertainty` is a WAD share of the index."""
    return _ceil_div(abs(size) * index * uncertainty, WAD * WAD)


def accrue_rate(
    *, rate: int, velocity: int, cap: int, skew: int, scale: int, elapsed: int
) -> tuple[int, int]:
    """Funding rate after `elapsed` seconds of one skew, and twice its integral in WAD seconds.

    `velocity` is the change of the yearly rate in a day at skew = scale; the rate stops at +-cap.
    """
    push = velocity * skew
    moved = rate + _trunc_div(push * elapsed, scale * DAY)
    if abs(moved) <= cap:
        return moved, (rate + moved) * elapsed
    bound = cap if moved > 0 else -cap
    gap = bound - rate
    return bound, 2 * bound * elapsed - _trunc_div(gap * gap * scale * DAY, push)


def funding_cash(*, area: int, index: int) -> int:
    """Cash a long of one unit owes for twice an integral of the rate, rounded down."""
    return area * index // (2 * YEAR * WAD)


def entry_shares(*, amount: int, supply: int, nav: int) -> int:
    """Shares for cash at NAV per share, rounded down."""
    return amount * supply // nav


def exit_payout(*, shares: int, supply: int, nav: int, risk: int, depth: int) -> int:
    """Cash for shares at (NAV - risk) per share less the rise in risk, rounded down, never < 0."""
    if nav <= risk:
        return 0
    worth = shares * (nav - risk) // supply
    if depth == 0 or risk == 0:
        return worth
    taken = _ceil_div(shares * nav, supply)
    if taken >= depth:
        return 0
    return max(worth - _ceil_div(risk * taken, depth - taken), 0)


def fitting_exit(
    *, shares: int, supply: int, nav: int, risk: int, depth: int, limit: int
) -> tuple[int, int]:
    """(shares that go out now, their payout): half of the depth and `limit` cash at most."""
    if nav <= risk:
        return 0, 0
    fit = shares
    if depth and risk:
        fit = min(fit, depth * supply // (2 * nav))
    payout = exit_payout(shares=fit, supply=supply, nav=nav, risk=risk, depth=depth)
    if payout > limit:
        fit = limit * supply // (nav - risk)
        payout = exit_payout(shares=fit, supply=supply, nav=nav, risk=risk, depth=depth)
    return fit, payout


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _trunc_div(numerator: int, denominator: int) -> int:
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient
