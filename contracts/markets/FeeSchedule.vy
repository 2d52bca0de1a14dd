#pragma version ~=0.4.3
#pragma nonreentrancy on
#pragma evm-version cancun
#pragma optimize gas
"""
@title FeeSchedule
@author Vomma
@license AGPL-3.0-only
@notice Fee rates and splits of every path, bounded by constants. A venue never asks: its rates are
        pushed into it as one word, so a change costs its trades nothing.

          path      share of notional   cap on the mark   closing   cheaper side   maker   insurance
          1 AMM     5 bp                12.5 %            x 0.5     x 0.5          50 %    25 %
          2 perp    5 bp                none              x 0.5     x 0.5          50 %    25 %

        The treasury has the rest. The maker of both is a pool, that is its LPs.
"""


from ..access import role_access as access
from ..interfaces import IFeeSchedule
from ..interfaces import IFeeTaker
from ..math import fee_math

initializes: access
exports: access.manager
implements: IFeeSchedule


AMM: constant(uint256) = 1
PERP: constant(uint256) = 2
PATHS: constant(uint256) = 4

WAD: constant(uint256) = 10**18
MAX_NOTIONAL_RATE: constant(uint256) = 10**16  # 1 % of notional
MAX_PREMIUM_CAP: constant(uint256) = 25 * 10**16  # a quarter of the mark

_words: HashMap[uint256, uint256]


@deploy
def __init__(manager: address):
    access.__init__(manager)
    rates: IFeeSchedule.FeeRates = IFeeSchedule.FeeRates(
        notional_rate=5 * 10**14,
        premium_cap=125 * 10**15,
        closing_factor=5 * 10**17,
        package_factor=5 * 10**17,
        maker_share=5 * 10**17,
        insurance_share=25 * 10**16,
    )
    self._set_rates(AMM, rates)
    rates.premium_cap = 0
    self._set_rates(PERP, rates)


@external
def set_rates(path: uint256, rates: IFeeSchedule.FeeRates):
    access._check_admin()
    self._set_rates(path, rates)


@external
def push(path: uint256, venue: address):
    access._check_admin()
    word: uint256 = self._words[path]
    assert word != 0, "fees: path without rates"
    log IFeeSchedule.RatesPushed(path=path, venue=venue, word=word)
    extcall IFeeTaker(venue).set_fee_word(word)


@external
@view
def rates(path: uint256) -> IFeeSchedule.FeeRates:
    return fee_math._unpack(self._words[path])


@internal
def _set_rates(path: uint256, rates: IFeeSchedule.FeeRates):
    assert path != 0 and path <= PATHS, "fees: unknown path"
    assert rates.notional_rate <= MAX_NOTIONAL_RATE, "fees: rate above bound"
    assert rates.premium_cap <= MAX_PREMIUM_CAP, "fees: cap above bound"
    assert rates.closing_factor <= WAD, "fees: factor above one"
    assert rates.package_factor <= WAD, "fees: factor above one"
    # Each alone first: the sum of two unbounded shares could overflow into a panic.
    assert rates.maker_share <= WAD, "fees: shares above one"
    assert rates.insurance_share <= WAD - rates.maker_share, "fees: shares above one"
    self._words[path] = fee_math._pack(rates)
    log IFeeSchedule.RatesSet(path=path, rates=rates)
