#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title Batch
@author Vomma
@license AGPL-3.0-only
@notice Fresh prices and one trade in one transaction. Holds nothing and remembers nothing.
@custom:security Owners approve this contract to trade for them, so it acts for whoever may trade for
        the account himself, and for nobody else. It calls the oracle it was deployed with and
        venues that may trade on the ledger, by typed functions with typed arguments; there is
        nothing else it could be made to say. It is exempt from no rule on the age of prices.
@custom:kill Revoke it: each owner with `set_operator(account, batch, 0)`; or pause the ledger.
"""


from ..interfaces import IBatch
from ..interfaces import IClearinghouse
from ..interfaces import IOptionsAMM
from ..interfaces import IPerpMarket
from ..interfaces import IPriceOracle


implements: IBatch


_TRADE: constant(uint256) = 1  # scope of an operator, and right of a venue

ledger: public(immutable(address))
oracle: public(immutable(address))


@deploy
def __init__(ledger_: address, oracle_: address):
    ledger = ledger_
    oracle = oracle_


@external
def trade_options(
    amm: address,
    reports: DynArray[IPriceOracle.Report, 4],
    account: uint256,
    legs: DynArray[IOptionsAMM.Leg, 4],
    limit_cash: int256,
    deadline: uint256,
) -> int256:
    self._check(amm, account)
    self._post(reports)
    return extcall IOptionsAMM(amm).trade(account, legs, limit_cash, deadline)


@external
def trade_perp(
    market: address,
    reports: DynArray[IPriceOracle.Report, 4],
    account: uint256,
    size: int256,
    limit_price: uint256,
    deadline: uint256,
) -> int256:
    self._check(market, account)
    self._post(reports)
    return extcall IPerpMarket(market).trade(account, size, limit_price, deadline)


@internal
@view
def _check(venue: address, account: uint256):
    # A contract of the caller's choice could do nothing with this one as its caller, for the ledger
    # takes fills from venues only; but the promise "venues only" is one line.
    assert (staticcall IClearinghouse(ledger).venue_rights(venue)) & _TRADE != 0, "batch: no venue"
    assert staticcall IClearinghouse(ledger).may(account, msg.sender, _TRADE), (
        "batch: not authorised"
    )


@internal
def _post(reports: DynArray[IPriceOracle.Report, 4]):
    if len(reports) != 0:
        extcall IPriceOracle(oracle).post(reports)
