#pragma version ~=0.4.3
"""
@title drawdown_guard
@author Vomma
@license AGPL-3.0-only
@notice Remembers the highest price of an LP share of today and of the last day with one before, and
        says when it has fallen too far from there. By the share: deposits and exits, at NAV or dearer,
        are no loss. A peak older than yesterday does not count: the
        losses of weeks are a market, those of a day an accident or a robbery.
"""


from ethereum.ercs import IERC20


_DAY: constant(uint256) = 86_400
_WAD: constant(uint256) = 10**18
_DAY_BITS: constant(uint256) = 40
_DAY_MASK: constant(uint256) = 2**40 - 1

_peaks: uint256[2]  # price << 40 | day number: of the latest day, of the one before


@internal
def _fell(vault: address, nav: int256, drawdown: uint256) -> bool:
    """
    @return Whether a share of the vault is worth less than its peak by more than `drawdown`.
    """
    if vault == empty(address):
        return False
    supply: uint256 = staticcall IERC20(vault).totalSupply()
    if supply == 0:
        return False
    price: uint256 = convert(max(nav, 0), uint256) * _WAD // supply
    peak: uint256 = self._peak(price)
    return price < peak - peak * drawdown // _WAD


@internal
def _peak(price: uint256) -> uint256:
    """
    @return The highest price of today, this one included, and of yesterday.
    """
    today: uint256 = block.timestamp // _DAY
    latest: uint256 = self._peaks[0]
    if latest & _DAY_MASK != today:
        self._peaks[1] = latest
        latest = 0
    peak: uint256 = max(latest >> _DAY_BITS, price)
    self._peaks[0] = (peak << _DAY_BITS) | today
    before: uint256 = self._peaks[1]
    if (before & _DAY_MASK) + 1 == today:
        peak = max(peak, before >> _DAY_BITS)
    return peak


@internal
def _clear():
    self._peaks = [0, 0]
