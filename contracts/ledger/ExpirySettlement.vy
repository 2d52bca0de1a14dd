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

        All positions of an account in one expiry are settled together. What they come to is taken
        into the escrow account of that expiry where it is owed, and paid out of it where it is
        won: nobody is paid before somebody has paid in, nor within ten minutes of the print, in
        which those who owe are settled and losses show. What a loser cannot pay he owes, at
        interest, and the escrow holds it in full; if that ends in a haircut of all cash, the
        escrow's is cut as well, and those who are still to be paid share what is left.
@custom:security A print is written once and every position of the expiry is paid at it. Each payment
        rounds against its account, so that what is owed always covers what is won, and a few wei
        stay in the escrow.
"""


from ..access import core_lock
from ..interfaces import IClearinghouse
from ..interfaces import IExpirySettlement
from ..interfaces import IPriceOracle
from ..math import price_fallback
from ..math import series_codec
from ..math import wad_math


implements: IExpirySettlement


struct Claim:
    # what an account holds in one expiry
    instruments: DynArray[uint256, 64]
    total: int256  # won, or owed below zero
    is_all: bool  # and it holds nothing else


_MAX: constant(uint256) = 64  # instruments of a list
_MAX_BATCH: constant(uint256) = 16
_MAX_SCANS: constant(uint256) = 3  # of positions that stay, in a batch: up to 4.9M gas each
_COLLECTION: constant(uint256) = 600  # seconds: every debtor is settled before a winner can leave
_LEAST_LOSS: constant(int256) = 100 * 10**18  # nobody is kept waiting for less

ledger: public(immutable(address))
oracle: public(immutable(address))

_prices: HashMap[uint256, HashMap[uint256, uint256]]  # underlying -> day -> WAD
_collected_at: HashMap[uint256, uint256]  # expiry -> winners are paid from then on, seconds
_owed: HashMap[uint256, uint256]  # escrow -> paid in and not yet paid out, before any haircut
holds: public(HashMap[uint256, bool])  # account -> withdrawals wait for its loss to be covered


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
    # From the print, not from 08:00: a print that comes late would leave no time to collect.
    self._collected_at[underlying << 16 | day] = block.timestamp + _COLLECTION
    log IExpirySettlement.PrintTaken(underlying=underlying, day=day, price=price)


# ── settling ──


@external
def settle_account(account: uint256) -> uint256:
    instruments: DynArray[uint256, _MAX] = []
    sizes: DynArray[int256, _MAX] = []
    instruments, sizes = staticcall IClearinghouse(ledger).portfolio(account)
    settled: uint256 = 0
    owing: bool = False
    collecting: bool = False
    waiting: bool = False
    done: DynArray[uint256, _MAX] = []
    for instrument: uint256 in instruments:
        expiry: uint256 = self._expiry_of(instrument)
        if self._price(instrument) == 0 or expiry in done:
            continue
        done.append(expiry)
        claim: Claim = self._claim(instruments, sizes, expiry)
        if claim.total > 0 and self._is_collecting(expiry):
            collecting = True
        elif self._settle(account, claim, self._escrow(expiry)):
            settled += len(claim.instruments)
            owing = owing or claim.total < 0
        else:
            waiting = True
    assert settled != 0 or not collecting, "expiry: still collecting"
    assert settled != 0 or not waiting, "expiry: settle shorts first"
    if owing:
        self._hold(account)  # once for all days: each time may scan what stays
    return settled


@external
def settle_pool(account: uint256, underlying: uint256, day: uint256) -> uint256:
    claim: Claim = self._held(account, underlying, day)
    assert claim.total <= 0 or not self._is_collecting(underlying << 16 | day), (
        "expiry: still collecting"
    )
    settled: bool = self._settle(account, claim, self._escrow(underlying << 16 | day))
    assert settled, "expiry: settle shorts first"
    if claim.total < 0:
        self._hold(account)
    return len(claim.instruments)


@external
def settle_accounts(
    accounts: DynArray[uint256, _MAX_BATCH], underlying: uint256, day: uint256
) -> uint256:
    assert self._prices[underlying][day] != 0, "expiry: no print"
    escrow: uint256 = self._escrow(underlying << 16 | day)
    count: uint256 = 0
    scans: uint256 = _MAX_SCANS
    for owing: bool in [True, False]:
        if not owing and self._is_collecting(underlying << 16 | day):
            break
        for account: uint256 in accounts:
            claim: Claim = self._held(account, underlying, day)
            if len(claim.instruments) == 0 or (claim.total <= 0) != owing:
                continue
            if self._is_scanned(account, claim):
                if scans == 0:
                    continue
                scans -= 1
            count += convert(self._settle(account, claim, escrow), uint256)
            if claim.total < 0:
                self._hold(account)
    return count


@external
def release_hold(account: uint256):
    core_lock._check(ledger)
    assert self.holds[account], "expiry: no hold"
    assert self._loss(account) < _LEAST_LOSS, "expiry: loss not covered"
    self.holds[account] = False
    extcall IClearinghouse(ledger).hold_withdrawals(-1)
    log IExpirySettlement.HoldReleased(account=account)


# ── views ──


@external
@view
def settlement_price(underlying: uint256, day: uint256) -> uint256:
    return self._prices[underlying][day]


@external
@view
def collected_at(underlying: uint256, day: uint256) -> uint256:
    return self._collected_at[underlying << 16 | day]


@external
@view
def escrow(underlying: uint256, day: uint256) -> uint256:
    return self._escrow(underlying << 16 | day)


@external
@view
def owed(underlying: uint256, day: uint256) -> uint256:
    return self._owed[self._escrow(underlying << 16 | day)]


# ── internal ──


@internal
def _settle(account: uint256, claim: Claim, escrow: uint256) -> bool:
    """
    @return False where the account is to be paid more than others have paid in so far.
    """
    if len(claim.instruments) == 0:
        return True
    owed: uint256 = self._owed[escrow]
    cash: int256 = claim.total
    if cash < 0:
        self._owed[escrow] = owed + convert(-cash, uint256)
    elif cash > 0:
        won: uint256 = convert(cash, uint256)
        if won > owed:
            return False
        held: uint256 = convert(staticcall IClearinghouse(ledger).cash(escrow), uint256)
        cash = convert(won * min(held, owed) // owed, int256)
        self._owed[escrow] = owed - won
    extcall IClearinghouse(ledger).settle_expiries(account, claim.instruments, cash, escrow)
    return True


@internal
def _hold(account: uint256):
    """
    @notice Whoever is paid what this account owes must not leave before the loss is shared.
    """
    if self.holds[account] or staticcall IClearinghouse(ledger).is_pool(account):
        return
    if self._loss(account) >= _LEAST_LOSS:
        self.holds[account] = True
        extcall IClearinghouse(ledger).hold_withdrawals(1)
        log IExpirySettlement.HoldStarted(account=account)


@internal
@view
def _is_scanned(account: uint256, claim: Claim) -> bool:
    """
    @return Whether settling a claim ends in the scan of what stays, to know whether debt exceeds it.
    """
    if claim.total >= 0 or claim.is_all or self.holds[account]:
        return False
    return staticcall IClearinghouse(ledger).cash(account) + claim.total < 0


@internal
@view
def _loss(account: uint256) -> int256:
    """
    @return What an account owes beyond all it has; 0 or less where there is none.
    """
    owed: int256 = -staticcall IClearinghouse(ledger).cash(account)
    if owed <= 0:
        return owed
    # By the last good price: settlement goes on while the feed is down.
    return -(staticcall IClearinghouse(ledger).margin(account, price_fallback.LAST_GOOD))[0]


@internal
@view
def _held(account: uint256, underlying: uint256, day: uint256) -> Claim:
    instruments: DynArray[uint256, _MAX] = []
    sizes: DynArray[int256, _MAX] = []
    if staticcall IClearinghouse(ledger).is_pool(account):
        instruments, sizes = staticcall IClearinghouse(ledger).pool_positions(
            account, underlying, day
        )
    else:
        instruments, sizes = staticcall IClearinghouse(ledger).portfolio(account)
    return self._claim(instruments, sizes, underlying << 16 | day)


@internal
@view
def _claim(
    instruments: DynArray[uint256, _MAX], sizes: DynArray[int256, _MAX], expiry: uint256
) -> Claim:
    """
    @return What of a portfolio belongs to one expiry, and comes to; nothing while it has no print.
    """
    claim: Claim = empty(Claim)
    price: uint256 = self._prices[expiry >> 16][expiry & (2**16 - 1)]
    if price == 0:
        return claim
    for i: uint256 in range(len(instruments), bound=_MAX):
        instrument: uint256 = instruments[i]
        if self._expiry_of(instrument) == expiry:
            claim.instruments.append(instrument)
            claim.total += wad_math._smul_floor(sizes[i], self._payoff(instrument, price))
    claim.is_all = len(claim.instruments) == len(instruments)
    return claim


@internal
@view
def _is_collecting(expiry: uint256) -> bool:
    return block.timestamp < self._collected_at[expiry]


@internal
@view
def _escrow(expiry: uint256) -> uint256:
    return convert(self, uint256) << 96 | expiry


@internal
@pure
def _expiry_of(instrument: uint256) -> uint256:
    """
    @return underlying << 16 | day, as only options have one.
    """
    return series_codec._underlying(instrument) << 16 | series_codec._day(instrument)


@internal
@view
def _price(instrument: uint256) -> uint256:
    """
    @return 0 before a print, and for what is no option: day 0 has none.
    """
    return self._prices[series_codec._underlying(instrument)][series_codec._day(instrument)]


@internal
@pure
def _payoff(instrument: uint256, price: uint256) -> int256:
    """
    @notice Cash value of one contract, WAD.
    """
    strike: uint256 = series_codec._strike(instrument)
    if series_codec._kind(instrument) == series_codec.CALL:
        return convert(price - min(price, strike), int256)
    return convert(strike - min(price, strike), int256)
