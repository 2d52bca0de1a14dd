#pragma version ~=0.4.3
"""
@title fee_math
@author Vomma
@license AGPL-3.0-only
@notice The fee word and what is computed from it. A word holds six 24-bit fields, each a share in
        steps of 1e-6 (a hundredth of a basis point), so that a venue can keep it in a word with
        other things, high to low:

          notional_rate | premium_cap | closing_factor | package_factor | maker_share | insurance_share

        The empty word charges nothing.
@custom:domain Trades worth less than 1e20 in the quote token at shares of at most 1.
@custom:error One wei, rounded once: a fee up, a share of it down, the treasury has the rest.
"""


from ..interfaces import IFeeSchedule


BITS: constant(uint256) = 144  # of a fee word

# A share in the struct is WAD, in the word it is in steps of 1e-6: STEPS of them are one.
_STEP: constant(uint256) = 10**12
_STEPS: constant(uint256) = 10**6
_FIELD: constant(uint256) = 2**24 - 1
# rate in steps * amount in WAD * size in (WAD * steps) -> WAD
_FEE_SCALE: constant(uint256) = 10**30
_ACCRUAL_STEP: constant(uint256) = 10**9


@internal
@pure
def _field(share: uint256) -> uint256:
    # A share finer than a step would come back changed, so it is refused instead of rounded.
    assert share % _STEP == 0, "fee: share finer than 1e-6"
    steps: uint256 = share // _STEP
    assert steps <= _FIELD, "fee: share out of field"
    return steps


@internal
@pure
def _pack(rates: IFeeSchedule.FeeRates) -> uint256:
    return (
        (self._field(rates.notional_rate) << 120)
        | (self._field(rates.premium_cap) << 96)
        | (self._field(rates.closing_factor) << 72)
        | (self._field(rates.package_factor) << 48)
        | (self._field(rates.maker_share) << 24)
        | self._field(rates.insurance_share)
    )


@internal
@pure
def _unpack(word: uint256) -> IFeeSchedule.FeeRates:
    return IFeeSchedule.FeeRates(
        notional_rate=((word >> 120) & _FIELD) * _STEP,
        premium_cap=((word >> 96) & _FIELD) * _STEP,
        closing_factor=((word >> 72) & _FIELD) * _STEP,
        package_factor=((word >> 48) & _FIELD) * _STEP,
        maker_share=((word >> 24) & _FIELD) * _STEP,
        insurance_share=(word & _FIELD) * _STEP,
    )


@internal
@pure
def _option_fee(
    word: uint256, mark: uint256, notional: uint256, size: uint256, closing: uint256
) -> uint256:
    """
    @notice Taker fee of one leg. It is linear in size, so slices of a trade never pay less, and it
            is taken on the mark: a cap on the trade price would be concave in size.
    @param mark Fair value of one contract, WAD; unused where the word has no premium cap.
    @param notional Underlying value of one contract, WAD.
    @param size Contracts, WAD; `closing` of them (<= size) reduce the taker's position.
    @custom:rounding up, against the taker
    """
    unit_fee: uint256 = ((word >> 120) & _FIELD) * notional
    cap: uint256 = (word >> 96) & _FIELD
    if cap != 0:
        unit_fee = min(unit_fee, cap * mark)
    charged: uint256 = (size - closing) * _STEPS + closing * ((word >> 72) & _FIELD)
    fee: uint256 = unit_fee * charged
    return fee // _FEE_SCALE + convert(fee % _FEE_SCALE != 0, uint256)


@internal
@pure
def _package_fee(word: uint256, bought: uint256, sold: uint256) -> uint256:
    """
    @notice Fee of a package from the fees of its bought and of its sold legs: the dearer side in
            full, the cheaper one discounted. It grows with either side, so no leg is worth adding
            for its discount.
    @custom:rounding up, against the taker
    """
    discounted: uint256 = min(bought, sold) * ((word >> 48) & _FIELD)
    return max(bought, sold) + discounted // _STEPS + convert(discounted % _STEPS != 0, uint256)


@internal
@pure
def _split(word: uint256, fee: uint256) -> uint256[3]:
    """
    @return (maker, insurance, treasury), summing to `fee` exactly.
    @custom:rounding down to 1e-9 for insurance and treasury, as the ledger accrues them for a pool;
            the maker has the rest
    """
    maker: uint256 = fee * ((word >> 24) & _FIELD) // _STEPS
    insurance: uint256 = fee * (word & _FIELD) // _STEPS
    treasury: uint256 = fee - maker - insurance
    insurance -= insurance % _ACCRUAL_STEP
    treasury -= treasury % _ACCRUAL_STEP
    return [fee - insurance - treasury, insurance, treasury]


@internal
@pure
def _closing(position: int256, size: int256) -> uint256:
    """
    @return Contracts of a leg that reduce the taker's position.
    """
    if position > 0 and size < 0:
        return convert(min(position, -size), uint256)
    if position < 0 and size > 0:
        return convert(min(-position, size), uint256)
    return 0
