#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title ExpirySettlement
@author Vomma
@license AGPL-3.0-only
@notice Pays expired series at the settlement print. Anyone calls, for any account, and gains
        nothing by it but that the account is settled. Deployed after the ledger and the oracle;
        the ledger grants it the right EXPIRY. It has no administration.
@custom:security A print is written once and every position of the expiry is paid at it, so the sum
        paid to longs never passes what shorts owe: each payment rounds against its account.
"""


from ..access import core_lock
from ..interfaces import IClearinghouse
from ..interfaces import IExpirySettlement
from ..interfaces import IPriceOracle
from ..math import series_codec


implements: IExpirySettlement


_MAX: constant(uint256) = 64  # instruments of a list

ledger: public(immutable(address))
oracle: public(immutable(address))

_prices: HashMap[uint256, HashMap[uint256, uint256]]  # underlying -> day -> WAD


@deploy
def __init__(ledger_: address, oracle_: address):
    assert ledger_ != empty(address) and oracle_ != empty(address), "expiry: no ledger or oracle"
    ledger = ledger_
    oracle = oracle_


@external
def take_print(underlying: uint256, day: uint256):
    core_lock._check(ledger)
    # Day 0 is the perp's, which never expires.
    assert day != 0 and block.timestamp >= series_codec._expiry(day), "expiry: not expired"
    if self._prices[underlying][day] != 0:
        return  # somebody was first: a batch that takes and settles must not fail for it
    price: uint256 = staticcall IPriceOracle(oracle).settlement_print(underlying, day)
    assert price != 0, "expiry: no print"
    self._prices[underlying][day] = price
    log IExpirySettlement.PrintTaken(underlying=underlying, day=day, price=price)


@external
def settle_account(account: uint256) -> uint256:
    instruments: DynArray[uint256, _MAX] = []
    sizes: DynArray[int256, _MAX] = []
    instruments, sizes = staticcall IClearinghouse(ledger).portfolio(account)
    return self._settle(account, instruments)


@external
def settle_pool(account: uint256, underlying: uint256, day: uint256) -> uint256:
    instruments: DynArray[uint256, _MAX] = []
    sizes: DynArray[int256, _MAX] = []
    instruments, sizes = staticcall IClearinghouse(ledger).pool_positions(account, underlying, day)
    return self._settle(account, instruments)


@external
@view
def settlement_price(underlying: uint256, day: uint256) -> uint256:
    return self._prices[underlying][day]


@internal
def _settle(account: uint256, instruments: DynArray[uint256, _MAX]) -> uint256:
    """
    @return Number of series settled: those with a price. Only what has expired has one.
    """
    expired: DynArray[uint256, _MAX] = []
    payoffs: DynArray[uint256, _MAX] = []
    for instrument: uint256 in instruments:
        price: uint256 = self._price(instrument)
        if price != 0:
            expired.append(instrument)
            payoffs.append(self._payoff(instrument, price))
    if len(expired) != 0:
        extcall IClearinghouse(ledger).settle_expiries(account, expired, payoffs)
    return len(expired)


@internal
@view
def _price(instrument: uint256) -> uint256:
    return self._prices[series_codec._underlying(instrument)][series_codec._day(instrument)]


@internal
@pure
def _payoff(instrument: uint256, price: uint256) -> uint256:
    """
    @notice Cash value of one contract, WAD.
    """
    strike: uint256 = series_codec._strike(instrument)
    if series_codec._kind(instrument) == series_codec.CALL:
        return price - min(price, strike)
    return strike - min(price, strike)
