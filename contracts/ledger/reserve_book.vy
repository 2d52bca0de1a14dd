#pragma version ~=0.4.3
#pragma nonreentrancy on
"""
@title reserve_book
@author Vomma
@license AGPL-3.0-only
@notice Pools, what they owe to the reserves, and who pays for a loss that its account cannot:
        insurance, then the pools named by whoever liquidates, then all positive cash alike.
@custom:security A haircut rounds against every owner. What its rounding leaves goes to insurance, so
        that positive cash + reserves <= tokens + debt goes on holding to the wei (see cash_book).
"""


from ..interfaces import IClearinghouse
from . import account_codec
from . import cash_book


uses: cash_book


_RESERVE: constant(uint256) = 2**128 - 1
_MAX_POOLS: constant(uint256) = 64
_MAX_PAYERS: constant(uint256) = 4
# Cash below 1.7e11 in the quote token still fits its field.
_LEAST_INDEX: constant(uint256) = 10**9

_pools: DynArray[uint256, _MAX_POOLS]


@external
@view
def reserves() -> (uint256, uint256):
    word: uint256 = cash_book._reserves
    insured: uint256 = word >> 128
    owed: uint256 = word & _RESERVE
    for pool: uint256 in self._pools:
        accrued: uint256[2] = account_codec._accrued(cash_book._accounts[pool])
        insured += accrued[0]
        owed += accrued[1]
    return insured, owed


@internal
def _open(account: uint256, word: uint256):
    assert account_codec._count(word) == 0, "ledger: account in use"
    assert len(self._pools) < _MAX_POOLS, "ledger: too many pools"
    self._pools.append(account)
    cash_book._accounts[account] = word | account_codec.IS_POOL


@internal
def _collect():
    """
    @notice What pools owe to the reserves, into the reserves.
    """
    for pool: uint256 in self._pools:
        word: uint256 = cash_book._accounts[pool]
        accrued: uint256[2] = account_codec._accrued(word)
        cash_book._accounts[pool] = account_codec._without_accrual(word)
        cash_book._reserve(accrued[0], accrued[1])


@internal
def _claim(amount: uint256):
    self._collect()
    word: uint256 = cash_book._reserves
    assert amount <= word & _RESERVE, "ledger: not that much owed"
    cash_book._reserves = word - amount


# ── losses ──


@internal
def _cover(
    account: uint256, amount: uint256, pools: DynArray[uint256, _MAX_PAYERS]
) -> uint256[3]:
    """
    @return What [insurance, pools, everybody] paid.
    """
    config: uint256 = cash_book._accrue()
    insured: uint256 = self._insure(amount)
    pooled: uint256 = self._draw(pools, amount - insured, config)
    left: uint256 = amount - insured - pooled
    if left != 0:
        config = self._cut(left, insured + pooled, config)
    cash_book._give(account, convert(amount, int256), config)
    log IClearinghouse.LossCovered(
        account=account, insurance=insured, pools=pooled, haircut=left
    )
    return [insured, pooled, left]


@internal
def _insure(amount: uint256) -> uint256:
    """
    @return What insurance has paid, with all that pools owed to it.
    """
    self._collect()
    word: uint256 = cash_book._reserves
    paid: uint256 = min(amount, word >> 128)
    cash_book._reserves = word - (paid << 128)
    return paid


@internal
def _draw(
    pools: DynArray[uint256, _MAX_PAYERS], amount: uint256, config: uint256
) -> uint256:
    """
    @return What the pools have paid, one after the other, down to no cash.
    """
    left: uint256 = amount
    for pool: uint256 in pools:
        word: uint256 = cash_book._accounts[pool]
        assert account_codec._is_pool(word), "ledger: not a pool"
        cash: uint256 = convert(max(account_codec._cash(word, config), 0), uint256)
        part: uint256 = min(cash, left)
        if part != 0:
            left -= part
            cash_book._give(pool, -convert(part, int256), config)
    return amount - left


@internal
def _cut(amount: uint256, taken: uint256, config: uint256) -> uint256:
    """
    @param taken Off reserves and pools, and with nobody yet.
    @return The config word, with the haircut index that takes `amount` off all positive cash.
    """
    borrowed: uint256 = account_codec._borrow_index(config)
    owned: uint256 = cash_book._owned(cash_book._owed(cash_book._debt >> 64, borrowed)) - taken
    index: uint256 = account_codec._haircut_index(config)
    left: uint256 = index * (owned - min(amount, owned)) // max(owned, 1)
    assert left >= _LEAST_INDEX, "ledger: loss too large"
    kept: uint256 = (owned * left + index - 1) // index  # at least what owners are left with
    after: uint256 = account_codec._with_haircut_index(config, left)
    cash_book._config = after
    cash_book._reserve(owned - amount - kept, 0)
    log IClearinghouse.HaircutSet(index=left)
    return after
