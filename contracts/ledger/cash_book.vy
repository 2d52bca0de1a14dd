#pragma version ~=0.4.3
#pragma nonreentrancy on
"""
@title cash_book
@author Vomma
@license AGPL-3.0-only
@notice Cash of every account, what those in debt owe and the interest on it, and the reserves that
        interest and fees go to. Words, high to low:

          debt     = sum of stored debts 192 | time of the last accrual 64
          interest = base 64 | kink 64 | slope below the kink 64 | slope above it 64
          reserves = insurance 128 | treasury 128, without what pools still owe

        A year's rate on debt, at the utilisation u = debt / positive cash:
          base + low * min(u, kink) / kink + high * max(u - kink, 0) / (1 - kink)

        The tokens held are owned by somebody, lent to nobody: with `debt` rounded down,
          positive cash + reserves <= tokens + debt
        holds to the wei. What an account owes rounds up, what it owns rounds down, and each write
        may leave a wei that is nobody's.
@custom:security Externals here take the same lock as the contract's own: the pragma is the module's.
"""


from ..interfaces import IClearinghouse
from ..interfaces import ICustody
from ..math import wad_math
from . import account_codec


struct Side:
    # an account as a move of cash or a fill leaves it
    account: uint256
    word: uint256
    cash: int256
    received: int256
    reduces: bool  # every leg brought a position nearer to zero


_WAD: constant(uint256) = 10**18
_YEAR: constant(uint256) = 365 * 86_400
_FIELD: constant(uint256) = 2**64 - 1
_RESERVE: constant(uint256) = 2**128 - 1

_MAX_BASE: constant(uint256) = _WAD  # 100 % a year
_MAX_LOW: constant(uint256) = 2 * _WAD
_MAX_HIGH: constant(uint256) = 10 * _WAD

custody: public(immutable(address))
unit: immutable(uint256)

_config: uint256  # account_codec
_accounts: HashMap[uint256, uint256]  # account_codec
_debt: uint256
_interest: uint256
_reserves: uint256


@deploy
def __init__(custody_: address):
    custody = custody_
    unit = staticcall ICustody(custody_).unit()
    self._config = account_codec.INITIAL_CONFIG


# ── anyone ──


@external
def accrue():
    self._accrue()


@external
@view
def cash(account: uint256) -> int256:
    return account_codec._cash(self._accounts[account], self._config)


@external
@view
def is_pool(account: uint256) -> bool:
    return account_codec._is_pool(self._accounts[account])


@external
@view
def pause_level() -> uint256:
    return account_codec._level(self._config)


@external
@view
def debt() -> uint256:
    return self._owed(self._debt >> 64, account_codec._borrow_index(self._config))


@external
@view
def indices() -> (uint256, uint256):
    config: uint256 = self._config
    return account_codec._haircut_index(config), account_codec._borrow_index(config)


@external
@view
def withdrawal_holds() -> uint256:
    return account_codec._holds(self._config)


@external
@view
def borrow_rate() -> uint256:
    return self._rate(self._owed(self._debt >> 64, account_codec._borrow_index(self._config)))


# ── cash ──


@internal
@view
def _running() -> uint256:
    """
    @return The config word, once it says that the ledger is not halted.
    """
    config: uint256 = self._config
    assert account_codec._level(config) != account_codec.HALTED, "ledger: halted"
    return config


@internal
def _give(account: uint256, amount: int256, config: uint256) -> Side:
    """
    @notice Books cash, amount < 0 takes it. Whoever calls judges the side it leaves.
    """
    return self._book(account, self._accounts[account], amount, False, config)


@internal
def _book(
    account: uint256, word: uint256, amount: int256, reduces: bool, config: uint256
) -> Side:
    cash: int256 = -1
    after: uint256 = 0
    if word >> 255 == 0:  # not in debt
        cash = account_codec._cash(word, config) + amount
    if cash < 0:
        after, cash = self._book_debt(word, amount)
    else:
        after = account_codec._with_cash(word, cash, config)
    self._accounts[account] = after
    return Side(account=account, word=after, cash=cash, received=amount, reduces=reduces)


@internal
def _book_debt(word: uint256, amount: int256) -> (uint256, int256):
    """
    @notice For who is or comes to be in debt: at the borrow index of now, whatever the caller read.
    @return (account word after, cash after).
    """
    config: uint256 = self._accrue()
    cash: int256 = account_codec._cash(word, config) + amount
    after: uint256 = account_codec._with_cash(word, cash, config)
    total: uint256 = (self._debt >> 64) + account_codec._stored_debt(after)
    self._debt = ((total - account_codec._stored_debt(word)) << 64) | block.timestamp
    return after, cash


# ── interest ──


@internal
def _accrue() -> uint256:
    """
    @return The config word, with the borrow index of now.
    """
    config: uint256 = self._config
    word: uint256 = self._debt
    stored: uint256 = word >> 64
    elapsed: uint256 = block.timestamp - (word & _FIELD)
    if elapsed == 0:
        return config
    self._debt = (stored << 64) | block.timestamp
    index: uint256 = account_codec._borrow_index(config)
    owed: uint256 = self._owed(stored, index)
    if owed == 0:
        return config
    yearly: uint256 = index * self._rate(owed) * elapsed
    grown: uint256 = index + (yearly + _YEAR * _WAD - 1) // (_YEAR * _WAD)
    # At the end of its field a debt stops growing: to revert would lock it in.
    grown = min(grown, account_codec.INDEX_MAX)
    interest: uint256 = self._owed(stored, grown) - owed
    config = account_codec._with_borrow_index(config, grown)
    self._config = config
    self._reserve(interest, 0)
    log IClearinghouse.InterestAccrued(index=grown, interest=interest)
    return config


@internal
@pure
def _owed(stored: uint256, index: uint256) -> uint256:
    return wad_math._mul_down(stored, index)


@internal
@view
def _owned(owed: uint256) -> uint256:
    """
    @return Positive cash of all accounts: what backs it, without what is reserved. Fees that a pool
            still owes to the reserves count as owned until they are collected.
    """
    word: uint256 = self._reserves
    backing: uint256 = staticcall ICustody(custody).held() * unit + owed
    return backing - min((word >> 128) + (word & _RESERVE), backing)


@internal
@view
def _rate(owed: uint256) -> uint256:
    terms: uint256 = self._interest
    if terms == 0:
        return 0
    kink: uint256 = (terms >> 128) & _FIELD
    used: uint256 = min(owed * _WAD // max(self._owned(owed), 1), _WAD)
    rate: uint256 = (terms >> 192) + ((terms >> 64) & _FIELD) * min(used, kink) // kink
    if used > kink:
        rate += (terms & _FIELD) * (used - kink) // (_WAD - kink)
    return rate


@internal
def _set_interest(base: uint256, kink: uint256, slope_low: uint256, slope_high: uint256):
    assert base <= _MAX_BASE and kink != 0 and kink < _WAD, "ledger: rate out of bounds"
    assert slope_low <= _MAX_LOW and slope_high <= _MAX_HIGH, "ledger: slope out of bounds"
    self._accrue()
    self._interest = (base << 192) | (kink << 128) | (slope_low << 64) | slope_high
    log IClearinghouse.InterestSet(
        base=base, kink=kink, slope_low=slope_low, slope_high=slope_high
    )


# ── reserves ──


@internal
def _reserve(insurance: uint256, treasury: uint256):
    word: uint256 = self._reserves
    insured: uint256 = (word >> 128) + insurance
    owed: uint256 = (word & _RESERVE) + treasury
    assert (insured | owed) <= _RESERVE, "ledger: reserves out of range"
    self._reserves = (insured << 128) | owed
