#pragma version ~=0.4.3
"""
@title MockMarket
@author Vomma
@license AGPL-3.0-only
@notice An oracle and a perp market that say what they were told: the world around the ledger in
        tests of the ledger alone.
"""


from ..interfaces import IPriceOracle


_prices: HashMap[uint256, uint256]
_last: HashMap[uint256, IPriceOracle.Spot]
_prints: HashMap[uint256, HashMap[uint256, uint256]]
_gains: HashMap[uint256, int256]  # account -> perp P&L


@external
def set_price(underlying: uint256, price: uint256):
    self._prices[underlying] = price


@external
def set_last_good(underlying: uint256, price: uint256, uncertainty: uint256):
    self._last[underlying] = IPriceOracle.Spot(
        price=price, updated_at=block.timestamp, uncertainty=uncertainty
    )


@external
def set_print(underlying: uint256, day: uint256, price: uint256):
    self._prints[underlying][day] = price


@external
def set_gain(account: uint256, gain: int256):
    self._gains[account] = gain


@external
@view
def spot(underlying: uint256) -> IPriceOracle.Spot:
    price: uint256 = self._prices[underlying]
    assert price != 0, "oracle: price stale"
    return IPriceOracle.Spot(price=price, updated_at=block.timestamp, uncertainty=0)


@external
@view
def last_good(underlying: uint256) -> IPriceOracle.Spot:
    assert self._last[underlying].price != 0, "oracle: nothing recorded"
    return self._last[underlying]


@external
@view
def settlement_print(underlying: uint256, day: uint256) -> uint256:
    return self._prints[underlying][day]


@external
@view
def unrealised_at(account: uint256, size: int256, index: uint256) -> int256:
    return self._gains[account]
