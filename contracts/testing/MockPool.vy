#pragma version ~=0.4.3
"""
@title MockPool
@author Vomma
@license AGPL-3.0-only
@notice A pool whose positions are worth what it was told, with a potential of weight / depth and a
        depth that a release lowers, like an options pool. Its cash is real cash of the ledger.
"""


from ..interfaces import IClearinghouse
from ..interfaces import IPool


implements: IPool


LEDGER: immutable(IClearinghouse)

positions: public(int256)
reserve: public(uint256)
weight: public(uint256)
depth: public(uint256)
stale: bool


@deploy
def __init__(ledger: address):
    LEDGER = IClearinghouse(ledger)


@external
def set_book(positions: int256, reserve: uint256, weight: uint256, depth: uint256):
    """
    @param weight Potential times depth, WAD^2. Depth 0: the potential is weight / 1e18 for good.
    """
    self.positions = positions
    self.reserve = reserve
    self.weight = weight
    self.depth = depth


@external
def set_stale(stale: bool):
    self.stale = stale


@external
@view
def valuation() -> IPool.Valuation:
    assert not self.stale, "pool: valuation stale"
    cash: int256 = staticcall LEDGER.cash(convert(self, uint256) << 96)
    nav: int256 = cash + self.positions
    depth: uint256 = self.depth
    risk: uint256 = self.weight // 10**18
    if depth != 0:
        risk = self.weight // depth
    free: int256 = min(cash, nav) - convert(self.reserve, int256)
    return IPool.Valuation(
        nav=nav, risk=risk, depth=depth, free_cash=convert(max(free, 0), uint256)
    )


@external
def release(receiver: uint256, amount: uint256):
    self.depth -= min(amount, self.depth)
    extcall LEDGER.transfer_cash(convert(self, uint256) << 96, receiver, amount)
