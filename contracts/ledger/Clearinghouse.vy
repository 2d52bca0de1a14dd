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
from ..interfaces import IRiskEngine
from ..math import price_fallback
from ..math import series_codec
from ..math import wad_math
from . import account_codec
from . import position_book


implements: IClearinghouse
initializes: access
initializes: position_book
exports: access.manager


struct Side:
    # an account as a move of cash or a fill leaves it
    account: uint256
    word: uint256
    cash: int256
    received: int256
    reduces: bool  # every leg brought a position nearer to zero


# rights of a venue
_TRADE_RIGHT: constant(uint256) = 1
_CASH_RIGHT: constant(uint256) = 2
_EXPIRY_RIGHT: constant(uint256) = 4

# scopes of an operator
_TRADE: constant(uint256) = 1
_WITHDRAW: constant(uint256) = 2

_RESERVE: constant(uint256) = 2**128 - 1
_MAX_POOLS: constant(uint256) = 64
_HALT_SECONDS: constant(uint256) = 72 * 3_600  # the longest halt, and the least time between two

custody: public(immutable(address))
risk_engine: public(immutable(address))
_unit: immutable(uint256)

_config: uint256  # account_codec
_reserves: uint256  # insurance << 128 | treasury, without what pools still owe
_pools: DynArray[uint256, _MAX_POOLS]
_accounts: HashMap[uint256, uint256]  # account_codec
_operators: HashMap[uint256, HashMap[address, uint256]]  # account -> operator -> scope
venue_rights: public(HashMap[address, uint256])


@deploy
def __init__(manager: address, custody_: address, risk_engine_: address):
    assert risk_engine_ != empty(address), "ledger: no risk engine"
    access.__init__(manager)
    custody = custody_
    risk_engine = risk_engine_
    _unit = staticcall ICustody(custody_).unit()
    self._config = account_codec.INITIAL_CONFIG


# ── users ──


@external
def deposit(account: uint256, tokens: uint256):
    self._deposit(account, tokens)


@external
def deposit_with_permit(
    account: uint256, tokens: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    extcall ICustody(custody).permit(msg.sender, tokens, deadline, v, r, s)
    self._deposit(account, tokens)


@external
def deposit_from(account: uint256, tokens: uint256, payer: address):
    self._book_deposit(account, tokens)
    extcall ICustody(custody).collect(msg.sender, payer, tokens)


@external
def withdraw(account: uint256, tokens: uint256, receiver: address):
    config: uint256 = self._running()
    self._check_authority(account, msg.sender, _WITHDRAW)
    assert tokens != 0, "ledger: nothing to move"
    amount: uint256 = tokens * _unit
    left: Side = self._give(account, -convert(amount, int256), config)
    log IClearinghouse.Withdrawn(account=account, receiver=receiver, cash=amount)
    self._check_exit(left)
    extcall ICustody(custody).pay(receiver, tokens)


@external
def transfer_cash(sender: uint256, receiver: uint256, amount: uint256):
    config: uint256 = self._running()
    self._check_authority(sender, msg.sender, _WITHDRAW)
    assert amount != 0, "ledger: nothing to move"
    assert sender != receiver, "ledger: self transfer"
    assert receiver >> 96 != 0, "ledger: no owner"
    signed: int256 = convert(amount, int256)
    left: Side = self._give(sender, -signed, config)
    self._give(receiver, signed, config)
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
    config: uint256 = self._running()
    made: uint256 = self._accounts[maker]
    # A pool's word, which is read anyway, knows whether its venue may trade. Whoever trades for
    # others is looked up.
    if made & account_codec.TRADES == 0 or maker >> 96 != convert(msg.sender, uint256):
        assert self.venue_rights[msg.sender] & _TRADE_RIGHT != 0, "ledger: no right to trade"
    assert taker != maker, "ledger: self trade"
    self._check_authority(taker, caller, _TRADE)
    self._check_legs(legs)

    reserved: uint256 = fees[1] + fees[2]
    received: int256 = payment + convert(fees[0], int256)
    paid: int256 = received + convert(reserved, int256)
    buyer: Side = self._fill(taker, self._accounts[taker], legs, True, -paid, config)
    assert buyer.reduces or account_codec._level(config) == account_codec.OPEN, (
        "ledger: paused, reduce only"
    )
    accrued: uint256 = account_codec._with_accrual(made, fees[1], fees[2])
    if accrued == made and reserved != 0:
        self._reserve(fees[1], fees[2])
    other: Side = self._fill(maker, accrued, legs, False, received, config)
    log IClearinghouse.FillSettled(
        taker=taker, maker=maker, legs=legs, payment=payment, fees=fees
    )
    self._check_side(buyer)
    self._check_side(other)


@external
def move_cash(sender: uint256, receiver: uint256, amount: int256):
    assert self.venue_rights[msg.sender] & _CASH_RIGHT != 0, "ledger: no right to cash"
    config: uint256 = self._running()
    # A venue realises against its own pool: a right to CASH is no right to move between strangers.
    venue: uint256 = convert(msg.sender, uint256)
    assert sender >> 96 == venue or receiver >> 96 == venue, "ledger: not the venue's pool"
    assert sender != receiver, "ledger: self transfer"
    self._give(sender, -amount, config)
    self._give(receiver, amount, config)
    log IClearinghouse.CashMoved(sender=sender, receiver=receiver, amount=amount)


@external
def settle_expiries(
    account: uint256,
    instruments: DynArray[uint256, position_book.MAX_INSTRUMENTS],
    payoffs: DynArray[uint256, position_book.MAX_INSTRUMENTS],
):
    assert self.venue_rights[msg.sender] & _EXPIRY_RIGHT != 0, "ledger: no right to expire"
    config: uint256 = self._running()
    count: uint256 = len(instruments)
    assert len(payoffs) == count, "ledger: lengths differ"
    word: uint256 = self._accounts[account]
    total: int256 = 0
    for i: uint256 in range(count, bound=position_book.MAX_INSTRUMENTS):
        # From the last to the first: given in the order of the list, each is a pop off its end.
        instrument: uint256 = instruments[count - 1 - i]
        assert self._expired(instrument), "ledger: series not expired"
        size: int256 = position_book._size(account, instrument)
        assert size != 0, "ledger: no position"
        word = position_book._change(account, word, instrument, -size)[0]
        total += wad_math._smul_floor(size, convert(payoffs[count - 1 - i], int256))
    self._book(account, word, total, False, config)
    log IClearinghouse.ExpiriesSettled(account=account, instruments=instruments, cash=total)


# ── administration ──


@external
def set_venue(venue: address, rights: uint256):
    self._check_admin()
    assert rights <= _TRADE_RIGHT | _CASH_RIGHT | _EXPIRY_RIGHT, "ledger: no such right"
    self.venue_rights[venue] = rights
    self._tell_pool(venue)
    log IClearinghouse.VenueSet(venue=venue, rights=rights)


@external
def open_pool(account: uint256):
    self._check_admin()
    word: uint256 = self._accounts[account]
    if account_codec._is_pool(word):
        return
    assert account_codec._count(word) == 0, "ledger: account in use"
    assert len(self._pools) < _MAX_POOLS, "ledger: too many pools"
    self._pools.append(account)
    self._accounts[account] = word | account_codec.IS_POOL
    self._tell_pool(convert(account >> 96, address))
    log IClearinghouse.PoolOpened(account=account)


@external
def set_pause_level(level: uint256):
    assert msg.sender == access.manager, "ledger: manager only"
    assert level <= account_codec.HALTED, "ledger: no such level"
    config: uint256 = self._config
    halt_end: uint256 = account_codec._halt_end(config)
    if level == account_codec.HALTED:
        assert block.timestamp >= halt_end + _HALT_SECONDS, "ledger: halted lately"
        halt_end = block.timestamp + _HALT_SECONDS
    else:
        halt_end = min(halt_end, block.timestamp)
    self._config = account_codec._with_level(config, level, halt_end)
    log IClearinghouse.PauseLevelSet(level=level)


@external
def claim_treasury(receiver: address, tokens: uint256):
    self._check_admin()
    self._running()
    amount: uint256 = tokens * _unit
    self._collect()
    word: uint256 = self._reserves
    assert amount <= word & _RESERVE, "ledger: not that much owed"
    self._reserves = word - amount
    log IClearinghouse.ReservesClaimed(receiver=receiver, amount=amount)
    extcall ICustody(custody).pay(receiver, tokens)


# ── views ──


@external
@view
def cash(account: uint256) -> int256:
    return account_codec._cash(self._accounts[account], self._config)


@external
@view
def position(account: uint256, instrument: uint256) -> int256:
    return position_book._size(account, instrument)


@external
@view
def sizes(account: uint256, other: uint256, instrument: uint256) -> (int256, int256):
    return position_book._size(account, instrument), position_book._size(other, instrument)


@external
@view
def portfolio(account: uint256) -> (
    DynArray[uint256, position_book.MAX_INSTRUMENTS],
    DynArray[int256, position_book.MAX_INSTRUMENTS],
):
    word: uint256 = self._accounts[account]
    assert not account_codec._is_pool(word), "ledger: account is a pool"
    return position_book._list(account, account, word)


@external
@view
def pool_positions(account: uint256, underlying: uint256, day: uint256) -> (
    DynArray[uint256, position_book.MAX_INSTRUMENTS],
    DynArray[int256, position_book.MAX_INSTRUMENTS],
):
    return position_book._pool_list(account, underlying, day)


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
    word: uint256 = self._accounts[account]
    assert not account_codec._is_pool(word), "ledger: account is a pool"
    instruments: DynArray[uint256, position_book.MAX_INSTRUMENTS] = []
    sizes: DynArray[int256, position_book.MAX_INSTRUMENTS] = []
    instruments, sizes = position_book._list(account, account, word)
    return staticcall IRiskEngine(risk_engine).assess(
        account, account_codec._cash(word, self._config), instruments, sizes, fallback
    )


@external
@view
def may(account: uint256, caller: address, scope: uint256) -> bool:
    return scope != 0 and self._may(account, caller, scope)


@external
@view
def reserves() -> (uint256, uint256):
    word: uint256 = self._reserves
    insured: uint256 = word >> 128
    owed: uint256 = word & _RESERVE
    for pool: uint256 in self._pools:
        accrued: uint256[2] = account_codec._accrued(self._accounts[pool])
        insured += accrued[0]
        owed += accrued[1]
    return insured, owed


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
def _running() -> uint256:
    """
    @return The config word, once it says that the ledger is not halted.
    """
    config: uint256 = self._config
    assert account_codec._level(config) != account_codec.HALTED, "ledger: halted"
    return config


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
def _check_side(side: Side):
    """
    @notice What a fill must leave behind. A pool answers to its own venue. Whoever only reduces may
            go on down to the maintenance margin, and without margin positions even in debt,
            as long as the debt does not grow.
    """
    if account_codec._is_pool(side.word):
        return
    if account_codec._has_margin(side.word):
        if side.reduces:
            self._check_maintenance(side.account)
        else:
            self._check_initial(side.account, price_fallback.LIVE_ONLY)
    elif side.cash < 0:
        assert side.reduces and side.received >= 0, "ledger: not enough cash"


@internal
@view
def _check_exit(side: Side):
    """
    @notice What a withdrawal must leave behind.
    """
    assert side.cash >= 0, "ledger: not enough cash"
    if account_codec._has_margin(side.word) and not account_codec._is_pool(side.word):
        self._check_initial(side.account, price_fallback.BAND)


# Both by a call of the ledger to itself: the lists then live in the memory of that call, not below
# every fill's.


@internal
@view
def _check_initial(account: uint256, fallback: uint256):
    equity: int256 = 0
    initial: uint256 = 0
    maintenance: uint256 = 0
    equity, initial, maintenance = staticcall IClearinghouse(self).margin(account, fallback)
    assert equity >= convert(initial, int256), "ledger: below initial margin"


@internal
@view
def _check_maintenance(account: uint256):
    """
    @notice For what reduces: it goes on while the feed is down.
    """
    equity: int256 = 0
    initial: uint256 = 0
    maintenance: uint256 = 0
    equity, initial, maintenance = staticcall IClearinghouse(self).margin(
        account, price_fallback.LAST_GOOD
    )
    assert equity >= convert(maintenance, int256), "ledger: below maintenance"


# ── moves ──


@internal
def _tell_pool(venue: address):
    """
    @notice A venue's first account, if it is a pool, knows whether the venue may trade: see `settle`.
    """
    account: uint256 = convert(venue, uint256) << 96
    word: uint256 = self._accounts[account] & ~account_codec.TRADES
    if account_codec._is_pool(word) and self.venue_rights[venue] & _TRADE_RIGHT != 0:
        word |= account_codec.TRADES
    self._accounts[account] = word


@internal
def _deposit(account: uint256, tokens: uint256):
    self._book_deposit(account, tokens)
    extcall ICustody(custody).pull(msg.sender, tokens)


@internal
def _book_deposit(account: uint256, tokens: uint256):
    assert account >> 96 != 0, "ledger: no owner"
    assert tokens != 0, "ledger: nothing to move"
    amount: uint256 = tokens * _unit
    self._give(account, convert(amount, int256), self._config)
    log IClearinghouse.Deposited(account=account, sender=msg.sender, cash=amount)


@internal
def _give(account: uint256, amount: int256, config: uint256) -> Side:
    """
    @notice Books cash, amount < 0 takes it. Whoever calls judges the side it leaves.
    """
    return self._book(account, self._accounts[account], amount, False, config)


@internal
def _fill(
    account: uint256,
    word: uint256,
    legs: DynArray[uint256, 8],
    buys: bool,
    amount: int256,
    config: uint256,
) -> Side:
    after: uint256 = 0
    reduces: bool = False
    after, reduces = position_book._apply(account, word, legs, buys)
    return self._book(account, after, amount, reduces, config)


@internal
def _book(
    account: uint256, word: uint256, amount: int256, reduces: bool, config: uint256
) -> Side:
    cash: int256 = account_codec._cash(word, config) + amount
    after: uint256 = account_codec._with_cash(word, cash, config)
    self._accounts[account] = after
    return Side(account=account, word=after, cash=cash, received=amount, reduces=reduces)


@internal
def _collect():
    """
    @notice What pools owe to the reserves, into the reserves.
    """
    for pool: uint256 in self._pools:
        word: uint256 = self._accounts[pool]
        accrued: uint256[2] = account_codec._accrued(word)
        self._accounts[pool] = account_codec._without_accrual(word)
        self._reserve(accrued[0], accrued[1])


@internal
def _reserve(insurance: uint256, treasury: uint256):
    word: uint256 = self._reserves
    insured: uint256 = (word >> 128) + insurance
    owed: uint256 = (word & _RESERVE) + treasury
    assert insured <= _RESERVE and owed <= _RESERVE, "ledger: reserves out of range"
    self._reserves = (insured << 128) | owed
