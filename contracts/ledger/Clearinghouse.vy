#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title Clearinghouse
@author Vomma
@license AGPL-3.0-only
@notice The ledger: cash and positions of every account, netted to zero. Deployed after the
        AccessManager, the Custody and the RiskEngine, which it is given for good. Wiring, by ADMIN:
          1. AccessManager.set_ledger(ledger)  2. Custody.set_ledger(ledger)
          3. set_venue for every venue         4. open_pool for every pool
        A ledger not wired yet holds no money: Custody takes none before step 2.
@custom:security The hub of the core's lock (see core_lock). It is taken by every entry that moves
        value, and met by every view, so that nobody who is called in between (a token, a price
        feed) trades or reads. Calls out come after all state is written; what follows a call can
        only revert.
        Venues are trusted with whom they book against: a right to TRADE is a right to every
        maker's account, and so is checked by nobody but the ADMIN who grants it.
"""


from ..access import core_lock
from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import ICustody
from ..interfaces import ILender
from ..interfaces import IRiskEngine
from ..math import price_fallback
from ..math import series_codec
from . import account_codec
from . import cash_book
from . import position_book
from . import reserve_book


implements: IClearinghouse
initializes: access
initializes: cash_book
initializes: position_book
initializes: reserve_book[cash_book := cash_book]
exports: access.manager
exports: reserve_book.reserves
exports: (position_book.pool_positions, position_book.position)
exports: (
    cash_book.accrue,
    cash_book.borrow_rate,
    cash_book.cash,
    cash_book.custody,
    cash_book.debt,
    cash_book.indices,
    cash_book.is_pool,
    cash_book.pause_level,
    cash_book.withdrawal_holds,
)


# rights of a venue
_TRADE_RIGHT: constant(uint256) = 1
_CASH_RIGHT: constant(uint256) = 2
_EXPIRY_RIGHT: constant(uint256) = 4
_COLLATERAL_RIGHT: constant(uint256) = 8
_LIQUIDATE_RIGHT: constant(uint256) = 16
_ALL_RIGHTS: constant(uint256) = 31

# scopes of an operator
_TRADE: constant(uint256) = 1
_WITHDRAW: constant(uint256) = 2

_WAD: constant(uint256) = 10**18
_HALT_SECONDS: constant(uint256) = 72 * 3_600  # the longest halt, and the least time between two

risk_engine: public(immutable(address))

_operators: HashMap[uint256, HashMap[address, uint256]]  # account -> operator -> scope
_vaults: HashMap[uint256, address]  # collateral -> the vault that posted it first
venue_rights: public(HashMap[address, uint256])


@deploy
def __init__(manager: address, custody_: address, risk_engine_: address):
    assert risk_engine_ != empty(address), "ledger: no risk engine"
    access.__init__(manager)
    cash_book.__init__(custody_)
    risk_engine = risk_engine_


# ── users ──


@external
def deposit(account: uint256, tokens: uint256):
    self._deposit(account, tokens)


@external
def deposit_with_permit(
    account: uint256, tokens: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    extcall ICustody(cash_book.custody).permit(msg.sender, tokens, deadline, v, r, s)
    self._deposit(account, tokens)


@external
def deposit_from(account: uint256, tokens: uint256, payer: address):
    self._book_deposit(account, tokens)
    extcall ICustody(cash_book.custody).collect(msg.sender, payer, tokens)


@external
def withdraw(account: uint256, tokens: uint256, receiver: address):
    config: uint256 = cash_book._running()
    self._check_no_hold(config)
    self._check_authority(account, msg.sender, _WITHDRAW)
    self._check_amount(tokens)
    amount: uint256 = tokens * cash_book.unit
    left: cash_book.Side = cash_book._give(account, -convert(amount, int256), config)
    log IClearinghouse.Withdrawn(account=account, receiver=receiver, cash=amount)
    self._check_exit(left)
    extcall ICustody(cash_book.custody).pay(receiver, tokens)


@external
def transfer_cash(sender: uint256, receiver: uint256, amount: uint256):
    config: uint256 = cash_book._running()
    self._check_authority(sender, msg.sender, _WITHDRAW)
    self._check_amount(amount)
    self._check_pair(sender, receiver)
    # Into a pool it stays where a loss would be taken from.
    if not account_codec._is_pool(cash_book._accounts[receiver]):
        self._check_no_hold(config)
    signed: int256 = convert(amount, int256)
    left: cash_book.Side = cash_book._give(sender, -signed, config)
    cash_book._give(receiver, signed, config)
    log IClearinghouse.CashMoved(sender=sender, receiver=receiver, amount=signed)
    self._check_exit(left)


@external
def set_operator(account: uint256, operator: address, scope: uint256):
    assert convert(account >> 96, address) == msg.sender, "ledger: owner only"
    assert scope <= _TRADE | _WITHDRAW, "ledger: no such scope"
    self._operators[account][operator] = scope
    log IClearinghouse.OperatorSet(account=account, operator=operator, scope=scope)


# ── venues ──


@external
def settle(
    caller: address,
    taker: uint256,
    maker: uint256,
    legs: DynArray[uint256, 8],
    payment: int256,
    fees: uint256[3],
):
    config: uint256 = cash_book._running()
    made: uint256 = cash_book._accounts[maker]
    # A pool's word, which is read anyway, knows whether its venue may trade. Whoever trades for
    # others is looked up.
    if made & account_codec.TRADES == 0 or maker >> 96 != convert(msg.sender, uint256):
        self._check_right(_TRADE_RIGHT)
    assert taker != maker, "ledger: self trade"
    self._check_authority(taker, caller, _TRADE)
    self._check_legs(legs)

    reserved: uint256 = fees[1] + fees[2]
    received: int256 = payment + convert(fees[0], int256)
    paid: int256 = received + convert(reserved, int256)
    buyer: cash_book.Side = self._fill(taker, cash_book._accounts[taker], legs, True, -paid, config)
    assert buyer.reduces or account_codec._level(config) == account_codec.OPEN, (
        "ledger: paused, reduce only"
    )
    accrued: uint256 = account_codec._with_accrual(made, fees[1], fees[2])
    if accrued == made and reserved != 0:
        cash_book._reserve(fees[1], fees[2])
    other: cash_book.Side = self._fill(maker, accrued, legs, False, received, config)
    log IClearinghouse.FillSettled(
        taker=taker, maker=maker, legs=legs, payment=payment, fees=fees
    )
    # A pool answers to its own venue.
    if buyer.word & account_codec.IS_POOL == 0:
        self._check_side(buyer)
    if made & account_codec.IS_POOL == 0:
        self._check_side(other)


@external
def move_cash(sender: uint256, receiver: uint256, amount: int256):
    self._check_right(_CASH_RIGHT)
    config: uint256 = cash_book._running()
    # A venue realises against its own pool: a right to CASH is no right to move between strangers.
    venue: uint256 = convert(msg.sender, uint256)
    assert sender >> 96 == venue or receiver >> 96 == venue, "ledger: not the venue's pool"
    self._check_pair(sender, receiver)
    cash_book._give(sender, -amount, config)
    cash_book._give(receiver, amount, config)
    log IClearinghouse.CashMoved(sender=sender, receiver=receiver, amount=amount)


@external
def settle_expiries(
    account: uint256,
    instruments: DynArray[uint256, position_book.MAX_INSTRUMENTS],
    cash: int256,
    escrow: uint256,
):
    self._check_right(_EXPIRY_RIGHT)
    config: uint256 = cash_book._running()
    assert escrow >> 96 == convert(msg.sender, uint256), "ledger: not the venue's escrow"
    self._check_pair(account, escrow)
    count: uint256 = len(instruments)
    word: uint256 = cash_book._accounts[account]
    for i: uint256 in range(count, bound=position_book.MAX_INSTRUMENTS):
        # From the last to the first: given in the order of the list, each is a pop off its end.
        instrument: uint256 = instruments[count - 1 - i]
        assert self._expired(instrument), "ledger: series not expired"
        size: int256 = position_book._size(account, instrument)
        assert size != 0, "ledger: no position"
        word = position_book._change(account, word, instrument, -size)[0]
    cash_book._book(account, word, cash, False, config)
    held: cash_book.Side = cash_book._give(escrow, -cash, config)
    # Nobody is paid at an expiry what others have not paid in.
    assert held.cash >= 0, "ledger: escrow too small"
    log IClearinghouse.ExpiriesSettled(
        account=account, instruments=instruments, cash=cash, escrow=escrow
    )


# ── collateral and flash loans ──


@external
def move_collateral(caller: address, account: uint256, instrument: uint256, amount: int256):
    self._check_right(_COLLATERAL_RIGHT)
    config: uint256 = cash_book._running()
    self._check_vault(instrument)
    self._check_amount(convert(abs(amount), uint256))
    vault: uint256 = convert(msg.sender, uint256) << 96
    self._check_pair(vault, account)
    word: uint256 = self._ordinary(account)
    size: int256 = 0
    word, size = position_book._change(account, word, instrument, amount)
    assert size >= 0, "ledger: not that much posted"
    cash_book._accounts[account] = word
    cash_book._accounts[vault] = position_book._change(
        vault, cash_book._accounts[vault], instrument, -amount
    )[0]
    log IClearinghouse.CollateralMoved(account=account, instrument=instrument, amount=amount)
    if amount < 0:
        self._check_no_hold(config)
        self._check_authority(account, caller, _WITHDRAW)
        self._check_exit(cash_book._give(account, 0, config))


@external
def lend(receiver: address, initiator: address, tokens: uint256, data: Bytes[1024]) -> uint256:
    if msg.sender != cash_book.custody:
        self._check_right(_COLLATERAL_RIGHT)
    cash_book._running()
    fee: uint256 = extcall ILender(msg.sender).run_loan(receiver, initiator, tokens, data)
    # The one write after a call: nothing of the core could be entered in between.
    cash_book._reserve(fee, 0)
    return fee


# ── liquidation ──


@external
def take_slice(account: uint256, bidder: uint256, share: uint256, price: int256):
    self._check_right(_LIQUIDATE_RIGHT)
    config: uint256 = cash_book._running()
    assert share != 0 and share <= _WAD, "ledger: share out of bounds"
    self._check_pair(account, bidder)
    word: uint256 = self._ordinary(account)
    other: uint256 = self._ordinary(bidder)
    word, other = position_book._slice(account, bidder, word, other, share)
    cash_book._book(account, word, -price, False, config)
    taker: cash_book.Side = cash_book._book(bidder, other, price, False, config)
    log IClearinghouse.SliceTaken(account=account, bidder=bidder, share=share, price=price)
    self._check_exit(taker)


@external
def cover(account: uint256, amount: uint256, pools: DynArray[uint256, 4]) -> uint256[3]:
    self._check_right(_LIQUIDATE_RIGHT)
    cash_book._running()
    self._check_amount(amount)
    return reserve_book._cover(account, amount, pools)


@external
def hold_withdrawals(change: int256):
    self._check_right(_LIQUIDATE_RIGHT | _EXPIRY_RIGHT)
    config: uint256 = cash_book._config
    assert abs(change) == 1, "ledger: one hold at a time"
    # Below zero there is nothing to convert.
    holds: uint256 = convert(convert(account_codec._holds(config), int256) + change, uint256)
    cash_book._config = account_codec._with_holds(config, holds)
    log IClearinghouse.WithdrawalsHeld(holds=holds)


# ── administration ──


@external
def set_venue(venue: address, rights: uint256):
    self._check_admin()
    assert rights <= _ALL_RIGHTS, "ledger: no such right"
    self.venue_rights[venue] = rights
    self._tell_pool(venue)
    log IClearinghouse.VenueSet(venue=venue, rights=rights)


@external
def open_pool(account: uint256):
    self._check_admin()
    word: uint256 = cash_book._accounts[account]
    if account_codec._is_pool(word):
        return
    reserve_book._open(account, word)
    self._tell_pool(convert(account >> 96, address))
    log IClearinghouse.PoolOpened(account=account)


@external
def set_pause_level(level: uint256):
    assert msg.sender == access.manager, "ledger: manager only"
    assert level <= account_codec.HALTED, "ledger: no such level"
    config: uint256 = cash_book._config
    halt_end: uint256 = account_codec._halt_end(config)
    if level == account_codec.HALTED:
        assert block.timestamp >= halt_end + _HALT_SECONDS, "ledger: halted lately"
        halt_end = block.timestamp + _HALT_SECONDS
    else:
        halt_end = min(halt_end, block.timestamp)
    cash_book._config = account_codec._with_level(config, level, halt_end)
    log IClearinghouse.PauseLevelSet(level=level)


@external
def set_interest(base: uint256, kink: uint256, slope_low: uint256, slope_high: uint256):
    self._check_admin()
    cash_book._set_interest(base, kink, slope_low, slope_high)


@external
def claim_treasury(receiver: address, tokens: uint256):
    self._check_admin()
    cash_book._running()
    amount: uint256 = tokens * cash_book.unit
    reserve_book._claim(amount)
    log IClearinghouse.ReservesClaimed(receiver=receiver, amount=amount)
    extcall ICustody(cash_book.custody).pay(receiver, tokens)


# ── views ──


@external
@view
def portfolio(account: uint256) -> (
    DynArray[uint256, position_book.MAX_INSTRUMENTS],
    DynArray[int256, position_book.MAX_INSTRUMENTS],
):
    word: uint256 = self._ordinary(account)
    return position_book._list(account, account, word)


@external
@view
@reentrant
def margin(
    account: uint256, fallback: uint256 = price_fallback.LIVE_ONLY
) -> (int256, uint256, uint256):
    # Reentrant for the ledger itself, which asks with the lock held, once all is booked. Anyone else
    # meets the lock.
    if msg.sender != self:
        core_lock._check(self)
    word: uint256 = self._ordinary(account)
    instruments: DynArray[uint256, position_book.MAX_INSTRUMENTS] = []
    sizes: DynArray[int256, position_book.MAX_INSTRUMENTS] = []
    instruments, sizes = position_book._list(account, account, word)
    return staticcall IRiskEngine(risk_engine).assess(
        account, account_codec._cash(word, cash_book._config), instruments, sizes, fallback
    )


@external
@view
@reentrant
def healthy(account: uint256, fallback: uint256, initial: bool) -> bool:
    # Reentrant for the same reason.
    if msg.sender != self:
        core_lock._check(self)
    word: uint256 = self._ordinary(account)
    instruments: DynArray[uint256, position_book.MAX_INSTRUMENTS] = []
    sizes: DynArray[int256, position_book.MAX_INSTRUMENTS] = []
    instruments, sizes = position_book._list(account, account, word)
    return staticcall IRiskEngine(risk_engine).is_sound(
        account,
        account_codec._cash(word, cash_book._config),
        instruments,
        sizes,
        fallback,
        initial,
    )


@external
@view
def may(account: uint256, caller: address, scope: uint256) -> bool:
    return scope != 0 and self._may(account, caller, scope)


@external
@view
def unlocked() -> bool:
    return True  # to be reached is the answer: the lock is met before


# ── checks ──


@internal
@view
def _check_admin():
    # The role alone: the core's lock, which role_access would ask for, is this contract's own.
    assert access._has(access.ADMIN), "access: admin only"


@internal
@view
def _may(account: uint256, caller: address, scope: uint256) -> bool:
    if convert(account >> 96, address) == caller:
        return True
    return self._operators[account][caller] & scope == scope


@internal
@view
def _check_authority(account: uint256, caller: address, scope: uint256):
    assert self._may(account, caller, scope), "ledger: not authorised"


@internal
@view
def _check_legs(legs: DynArray[uint256, 8]):
    assert len(legs) != 0, "ledger: no legs"
    for leg: uint256 in legs:
        instrument: uint256 = series_codec._leg_instrument(leg)
        series_codec._check(instrument)
        assert not self._expired(instrument), "ledger: series expired"
        assert series_codec._leg_size(leg) != 0, "ledger: empty leg"


@internal
@view
def _expired(instrument: uint256) -> bool:
    """
    @return False for a perp.
    """
    return series_codec._is_option(instrument) and block.timestamp >= series_codec._expiry(
        series_codec._day(instrument)
    )


@internal
@view
def _check_side(side: cash_book.Side):
    """
    @notice What a fill must leave behind in an account that is no pool. Owned cash and nothing that
            can lose more than was paid for it need no margin. Whoever only reduces may go on down
            to the maintenance margin; nobody else pays out of cash that he does not have.
    """
    if side.cash >= 0 and not account_codec._has_margin(side.word):
        return
    if side.reduces:
        self._check_healthy(side.account, price_fallback.LAST_GOOD, False)
    else:
        assert side.cash >= 0 or side.received >= 0, "ledger: not enough cash"
        self._check_healthy(side.account, price_fallback.LIVE_ONLY, True)


@internal
@view
def _check_exit(side: cash_book.Side):
    """
    @notice What a withdrawal must leave behind, and whoever bids for a part of an account.
    """
    assert side.cash >= 0, "ledger: not enough cash"
    if account_codec._has_margin(side.word) and not account_codec._is_pool(side.word):
        self._check_healthy(side.account, price_fallback.BAND, True)


@internal
@view
def _check_healthy(account: uint256, fallback: uint256, initial: bool):
    # By a call of the ledger to itself: the lists then live in the memory of that call, not below
    # every fill's.
    sound: bool = staticcall IClearinghouse(self).healthy(account, fallback, initial)
    if initial:
        assert sound, "ledger: below initial margin"
    assert sound, "ledger: below maintenance"


@internal
@view
def _check_no_hold(config: uint256):
    assert account_codec._holds(config) == 0, "ledger: insolvency pending"


@internal
@view
def _check_right(right: uint256):
    assert self.venue_rights[msg.sender] & right != 0, "ledger: right missing"


@internal
@pure
def _check_amount(amount: uint256):
    assert amount != 0, "ledger: nothing to move"


@internal
@pure
def _check_pair(sender: uint256, receiver: uint256):
    assert sender != receiver, "ledger: self transfer"
    assert receiver >> 96 != 0, "ledger: no owner"


@internal
@view
def _ordinary(account: uint256) -> uint256:
    """
    @return The word of an account that is not a pool.
    """
    word: uint256 = cash_book._accounts[account]
    assert not account_codec._is_pool(word), "ledger: account is a pool"
    return word


@internal
def _check_vault(instrument: uint256):
    """
    @notice One vault for each collateral: the first that posts it.
    """
    vault: address = self._vaults[instrument]
    if vault == empty(address) and series_codec._is_collateral(instrument):
        vault = msg.sender
        self._vaults[instrument] = vault
    assert vault == msg.sender, "ledger: not its collateral"


# ── moves ──


@internal
def _tell_pool(venue: address):
    """
    @notice A venue's first account, if it is a pool, knows whether the venue may trade: see `settle`.
    """
    account: uint256 = convert(venue, uint256) << 96
    word: uint256 = cash_book._accounts[account] & ~account_codec.TRADES
    if account_codec._is_pool(word) and self.venue_rights[venue] & _TRADE_RIGHT != 0:
        word |= account_codec.TRADES
    cash_book._accounts[account] = word


@internal
def _deposit(account: uint256, tokens: uint256):
    self._book_deposit(account, tokens)
    extcall ICustody(cash_book.custody).pull(msg.sender, tokens)


@internal
def _book_deposit(account: uint256, tokens: uint256):
    assert account >> 96 != 0, "ledger: no owner"
    self._check_amount(tokens)
    amount: uint256 = tokens * cash_book.unit
    cash_book._give(account, convert(amount, int256), cash_book._config)
    log IClearinghouse.Deposited(account=account, sender=msg.sender, cash=amount)


@internal
def _fill(
    account: uint256,
    word: uint256,
    legs: DynArray[uint256, 8],
    buys: bool,
    amount: int256,
    config: uint256,
) -> cash_book.Side:
    after: uint256 = 0
    reduces: bool = False
    after, reduces = position_book._apply(account, word, legs, buys)
    return cash_book._book(account, after, amount, reduces, config)
