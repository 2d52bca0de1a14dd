#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title Liquidator
@author Vomma
@license AGPL-3.0-only
@notice Auctions of unhealthy accounts. Whoever bids first takes a share of every position, at mark
        plus a discount that rises (see auction_math), and of nothing less: hedges are not stripped
        from what they hedge. Deployed after the ledger and the settlement. Wiring, by ADMIN:
          1. Clearinghouse.set_venue(liquidator, LIQUIDATE)  2. set_loss_pools for every underlying
@custom:security Prices are the risk engine's, at the worse edge where no price is live, so a slice
        leaves the account at least as healthy, whatever the price is. Others pay (insurance, pools,
        then everyone with cash) only once the account's own equity is used up, and only what
        lets a bidder take it. Withdrawals wait meanwhile if insurance may not be enough: nobody leaves
        before a loss he would share, and nobody stops others with an account of cents.
        A pool, a vault's account and any other account of a venue are no business of this contract.
"""


from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import IExpirySettlement
from ..interfaces import ILiquidator
from ..interfaces import IPerpMarket
from ..interfaces import IRiskEngine
from ..math import auction_math
from ..math import price_fallback
from ..math import series_codec
from ..math import wad_math
from . import account_codec


implements: ILiquidator
initializes: access
exports: access.manager


struct Health:
    equity: int256
    initial: uint256
    maintenance: uint256


struct Book:
    instruments: DynArray[uint256, _MAX]
    sizes: DynArray[int256, _MAX]


struct LossPools:
    options: uint256
    perp: uint256


_MAX: constant(uint256) = 64  # instruments of a list
_MAX_POOLS: constant(uint256) = 4  # of one loss
_TRADE: constant(uint256) = 1  # scope of an operator
_LEAST_MARGIN: constant(uint256) = 100 * 10**18  # of a slice and of what it leaves: worth the gas
_CASH_BOUND: constant(int256) = 2**127  # no account has more: any limit above is one never met
# An auction nobody ended and nobody wanted: bids at its old clock would meet an account that was
# healthy in between.
_LIFETIME: constant(uint256) = 43_200

# auction word, high to low:
#   what others may lose 128 | spare 47 | withdrawals held 1 | insolvent since 40 | started at 40
_TIME: constant(uint256) = 2**40 - 1
_SINCE_SHIFT: constant(uint256) = 40
_HELD: constant(uint256) = 1 << 80
_LOSS_SHIFT: constant(uint256) = 128
_MAX_LOSS: constant(uint256) = 2**128 - 1

ledger: public(immutable(address))
risk_engine: public(immutable(address))
settlement: public(immutable(address))

_auctions: HashMap[uint256, uint256]  # account -> word
_at_risk: uint256  # what others may lose by all insolvent accounts
_loss_pools: HashMap[uint256, LossPools]  # underlying ->
_all_pools: DynArray[uint256, _MAX_POOLS]  # the first registered, for debts without positions


@deploy
def __init__(manager: address, ledger_: address, settlement_: address):
    access.__init__(manager)
    assert settlement_ != empty(address), "liquidator: no settlement"
    ledger = ledger_
    settlement = settlement_
    risk_engine = staticcall IClearinghouse(ledger_).risk_engine()


# ── auctions ──


@external
def flag(account: uint256):
    # Nobody could bid, and the discount would rise all the same.
    level: uint256 = staticcall IClearinghouse(ledger).pause_level()
    assert level != account_codec.HALTED, "ledger: halted"
    self._check_ordinary(account)
    book: Book = self._prepare(account)
    word: uint256 = self._auctions[account]
    if word != 0 and self._is_over(word):
        self._end(account)
        word = 0
    health: Health = self._health(account)
    if word == 0:
        assert len(book.instruments) != 0, "liquidator: no positions"
        assert health.equity < convert(health.maintenance, int256), "liquidator: account healthy"
        word = block.timestamp
        log ILiquidator.AuctionStarted(
            account=account, equity=health.equity, maintenance=health.maintenance
        )
    turned: uint256 = self._turned(account, word, health)
    assert turned != self._auctions[account], "liquidator: nothing to flag"
    self._auctions[account] = turned


@external
def bid(
    account: uint256, bidder: uint256, share: uint256, limit: int256, deadline: uint256
) -> (uint256, int256):
    assert block.timestamp <= deadline, "liquidator: deadline passed"
    assert account != bidder, "liquidator: own account"
    assert staticcall IClearinghouse(ledger).may(bidder, msg.sender, _TRADE), (
        "liquidator: not authorised"
    )
    word: uint256 = self._auctions[account]
    assert word != 0, "liquidator: no auction"
    assert not self._is_over(word), "liquidator: flag anew"
    book: Book = self._prepare(account)
    assert len(book.instruments) != 0, "liquidator: no positions"

    health: Health = self._health(account)
    word = self._turned(account, word, health)
    self._auctions[account] = word
    terms: ILiquidator.Terms = self._terms(word, health)
    asked: uint256 = min(share, wad_math.WAD)
    taken: uint256 = self._cut(asked, terms)
    cash: int256 = self._sell(account, bidder, book, taken, terms)
    # Both sides are one price a share: multiplied out, so that neither is rounded.
    least: int256 = max(min(limit, _CASH_BOUND), -_CASH_BOUND) * convert(taken, int256)
    assert cash * convert(asked, int256) >= least, "liquidator: limit price"
    if taken == terms.largest:
        # Solvent: equity meets initial margin by the choice of the share. Insolvent: all is gone.
        self._end(account)
        self._release_settled(account)
    return taken, cash


@external
def close(account: uint256):
    health: Health = self._health(account)  # meets the ledger's lock before anything is written
    word: uint256 = self._auctions[account]
    assert word != 0, "liquidator: no auction"
    if not self._is_over(word):
        assert health.equity >= convert(health.initial, int256), "liquidator: below initial margin"
    self._end(account)


@external
def absorb(account: uint256) -> uint256:
    self._check_ordinary(account)
    book: Book = self._prepare(account)
    assert len(book.instruments) == 0, "liquidator: has positions"
    owed: int256 = -staticcall IClearinghouse(ledger).cash(account)
    assert owed > 0, "liquidator: no debt"
    self._end(account)
    amount: uint256 = convert(owed, uint256)
    covered: uint256[3] = extcall IClearinghouse(ledger).cover(account, amount, self._all_pools)
    self._release_settled(account)
    log ILiquidator.DebtAbsorbed(account=account, amount=amount, covered=covered)
    return amount


# ── administration ──


@external
def set_loss_pools(underlying: uint256, options: uint256, perp: uint256):
    access._check_admin()
    for pool: uint256 in [options, perp]:
        assert staticcall IClearinghouse(ledger).is_pool(pool), "liquidator: not a pool"
        if len(self._all_pools) < _MAX_POOLS and pool not in self._all_pools:
            self._all_pools.append(pool)
    self._loss_pools[underlying] = LossPools(options=options, perp=perp)
    log ILiquidator.LossPoolsSet(underlying=underlying, options=options, perp=perp)


# ── views ──


@external
@view
def auction(account: uint256) -> (uint256, uint256):
    word: uint256 = self._auctions[account]
    return word & _TIME, (word >> _SINCE_SHIFT) & _TIME


@external
@view
def terms(account: uint256) -> ILiquidator.Terms:
    health: Health = self._health(account)
    word: uint256 = self._auctions[account]
    if word == 0:
        if health.equity >= convert(health.maintenance, int256):
            return self._nothing(health)
        word = block.timestamp
    return self._terms(self._phase(word, health), health)


@external
@view
def loss_pools(account: uint256) -> DynArray[uint256, _MAX_POOLS]:
    return self._pools_of(self._book(account))


# ── deciding ──


@internal
@view
def _check_ordinary(account: uint256):
    owner: address = convert(account >> 96, address)
    assert staticcall IClearinghouse(ledger).venue_rights(owner) == 0, "liquidator: a venue's account"


@internal
@view
def _book(account: uint256) -> Book:
    book: Book = empty(Book)
    book.instruments, book.sizes = staticcall IClearinghouse(ledger).portfolio(account)
    return book


@internal
@view
def _health(account: uint256) -> Health:
    health: Health = empty(Health)
    health.equity, health.initial, health.maintenance = staticcall IClearinghouse(ledger).margin(
        account, price_fallback.BAND
    )
    return health


@internal
@view
def _is_over(word: uint256) -> bool:
    return block.timestamp - (word & _TIME) > _LIFETIME


@internal
@view
def _phase(word: uint256, health: Health) -> uint256:
    """
    @return The word of an auction in the phase that its account belongs to now.
    """
    elapsed: uint256 = block.timestamp - (word & _TIME)
    if not auction_math._is_used_up(health.equity, health.maintenance, elapsed):
        return word & _TIME
    if word >> _SINCE_SHIFT != 0:
        return word
    return word | (block.timestamp << _SINCE_SHIFT)


@internal
@view
def _terms(word: uint256, health: Health) -> ILiquidator.Terms:
    terms: ILiquidator.Terms = self._nothing(health)
    since: uint256 = (word >> _SINCE_SHIFT) & _TIME
    if health.equity >= convert(health.initial, int256):
        return terms
    if since != 0:
        terms.insolvent = True
        terms.discount = auction_math._last_discount(
            health.equity, health.maintenance, block.timestamp - since
        )
        terms.largest = wad_math.WAD
        return terms
    terms.discount = auction_math._discount(
        health.equity, health.maintenance, block.timestamp - (word & _TIME)
    )
    terms.largest = auction_math._largest_share(
        health.equity, health.initial, health.maintenance, terms.discount, _LEAST_MARGIN
    )
    return terms


@internal
@pure
def _nothing(health: Health) -> ILiquidator.Terms:
    return ILiquidator.Terms(
        equity=health.equity,
        initial=health.initial,
        maintenance=health.maintenance,
        discount=0,
        largest=0,
        insolvent=False,
    )


@internal
@pure
def _cut(share: uint256, terms: ILiquidator.Terms) -> uint256:
    assert terms.largest != 0, "liquidator: account healthy"
    assert share != 0, "liquidator: zero share"
    taken: uint256 = min(share, terms.largest)
    if taken != terms.largest:
        least: uint256 = wad_math._mul_down(terms.maintenance, min(taken, wad_math.WAD - taken))
        assert least >= _LEAST_MARGIN, "liquidator: slice too small"
    return taken


@internal
@view
def _pools_of(book: Book) -> DynArray[uint256, _MAX_POOLS]:
    """
    @notice For every underlying held, the pool of the venue whose trades lose: in the order of the
            list, the first four.
    """
    shorts: uint256 = self._short_underlyings(book)
    seen: uint256 = 0
    pools: DynArray[uint256, _MAX_POOLS] = []
    for instrument: uint256 in book.instruments:
        underlying: uint256 = series_codec._underlying(instrument)
        if seen & (1 << underlying) != 0:
            continue
        seen |= 1 << underlying
        known: LossPools = self._loss_pools[underlying]
        pool: uint256 = known.perp
        if shorts & (1 << underlying) != 0:
            pool = known.options
        if pool != 0 and len(pools) < _MAX_POOLS and pool not in pools:
            pools.append(pool)
    return pools


@internal
@pure
def _short_underlyings(book: Book) -> uint256:
    """
    @return A bit for every underlying of which options are held short.
    """
    found: uint256 = 0
    for i: uint256 in range(len(book.instruments), bound=_MAX):
        if book.sizes[i] < 0 and series_codec._is_option(book.instruments[i]):
            found |= 1 << series_codec._underlying(book.instruments[i])
    return found


@internal
@pure
def _largest_loss(health: Health) -> uint256:
    """
    @return What others may have to pay at most for an account whose equity is used up.
    """
    most: uint256 = auction_math._last_discount(
        health.equity, health.maintenance, auction_math.LAST_SECONDS
    )
    return min(convert(convert(most, int256) - health.equity, uint256), _MAX_LOSS)


@internal
@view
def _must_hold(word: uint256) -> bool:
    """
    @notice Insurance pays first: while it can pay for every insolvent account, nobody has to wait. Nor
            for an account of cents, whatever there is.
    """
    if word & _HELD != 0 or word >> _LOSS_SHIFT < _LEAST_MARGIN:
        return False
    insurance: uint256 = 0
    treasury: uint256 = 0
    insurance, treasury = staticcall IClearinghouse(ledger).reserves()
    return self._at_risk > insurance


# ── moving ──


@internal
def _prepare(account: uint256) -> Book:
    """
    @notice Interest to now. Expired series that can be paid are paid first. One that cannot (its print
            is missing, or whoever owes has not paid yet) is sold like any other: it must not
            protect an account.
    @return What the account holds after that.
    """
    extcall IClearinghouse(ledger).accrue()
    book: Book = self._book(account)
    for instrument: uint256 in book.instruments:
        if series_codec._is_option(instrument):
            if block.timestamp >= series_codec._expiry(series_codec._day(instrument)):
                paid: bool = raw_call(
                    settlement,
                    abi_encode(account, method_id=method_id("settle_account(uint256)")),
                    revert_on_failure=False,
                )
                return self._book(account)
    return book


@internal
def _turned(account: uint256, word: uint256, health: Health) -> uint256:
    """
    @notice Moves an auction into its phase, and has withdrawals wait where others may have to pay.
    @return The word, to be stored.
    """
    after: uint256 = self._phase(word, health)
    if after >> _SINCE_SHIFT == 0:
        if word >> _SINCE_SHIFT != 0:
            self._release(word)
            log ILiquidator.AuctionTurned(account=account, insolvent=False, equity=health.equity)
        return after
    if word >> _SINCE_SHIFT == 0:
        loss: uint256 = self._largest_loss(health)
        after |= loss << _LOSS_SHIFT
        self._at_risk += loss
        log ILiquidator.AuctionTurned(account=account, insolvent=True, equity=health.equity)
    if self._must_hold(after):
        after |= _HELD
        extcall IClearinghouse(ledger).hold_withdrawals(1)
    return after


@internal
def _sell(
    account: uint256, bidder: uint256, book: Book, share: uint256, terms: ILiquidator.Terms
) -> int256:
    """
    @return Cash to the bidder.
    """
    self._hand_over(book, account, bidder, share)
    covered: uint256[3] = empty(uint256[3])
    beyond: uint256 = auction_math._cover(share, terms.discount, terms.equity)
    # After the perps' P&L has become cash: what is left of equity are the positions alone.
    value: int256 = terms.equity - staticcall IClearinghouse(ledger).cash(account)
    price: int256 = wad_math._smul_floor(
        convert(terms.discount, int256) - value, convert(share, int256)
    )
    if beyond != 0:
        covered = extcall IClearinghouse(ledger).cover(account, beyond, self._pools_of(book))
    extcall IClearinghouse(ledger).take_slice(account, bidder, share, price)
    log ILiquidator.SliceSold(
        account=account,
        bidder=bidder,
        share=share,
        cash=price,
        discount=wad_math._mul_down(terms.discount, share),
        covered=covered,
    )
    if share == wad_math.WAD:
        self._clear(account, book)
    return price


@internal
def _clear(account: uint256, book: Book):
    """
    @notice What a whole account still owes: wei of rounding, and what the haircut took from its own cash.
    """
    owed: int256 = -staticcall IClearinghouse(ledger).cash(account)
    if owed <= 0:
        return
    amount: uint256 = convert(owed, uint256)
    covered: uint256[3] = extcall IClearinghouse(ledger).cover(
        account, amount, self._pools_of(book)
    )
    log ILiquidator.DebtAbsorbed(account=account, amount=amount, covered=covered)


@internal
def _hand_over(book: Book, account: uint256, bidder: uint256, share: uint256):
    for i: uint256 in range(len(book.instruments), bound=_MAX):
        instrument: uint256 = book.instruments[i]
        if series_codec._kind(instrument) == series_codec.PERP:
            market: address = staticcall IRiskEngine(risk_engine).perps(
                series_codec._underlying(instrument)
            )
            # Toward zero, as the ledger cuts. Of a few wei nothing may be left to hand over.
            size: int256 = book.sizes[i] * convert(share, int256) // 10**18
            if size != 0:
                extcall IPerpMarket(market).hand_over(account, bidder, size)


@internal
def _end(account: uint256):
    word: uint256 = self._auctions[account]
    if word == 0:
        return
    self._auctions[account] = 0
    self._release(word)
    log ILiquidator.AuctionEnded(account=account)


@internal
def _release_settled(account: uint256):
    """
    @notice The hold of a settlement that left a loss, which nothing is left of.
    """
    if staticcall IExpirySettlement(settlement).holds(account):
        extcall IExpirySettlement(settlement).release_hold(account)


@internal
def _release(word: uint256):
    """
    @notice Nobody waits for this auction any longer.
    """
    self._at_risk -= word >> _LOSS_SHIFT
    if word & _HELD != 0:
        extcall IClearinghouse(ledger).hold_withdrawals(-1)
