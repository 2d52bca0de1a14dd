#pragma version ~=0.4.3
#pragma nonreentrancy on
#pragma evm-version cancun
#pragma optimize gas
"""
@title LiquidityVault
@author Vomma
@license AGPL-3.0-only
@notice Shares of one market's pool, entered and left by request, delay and processing at a fresh
        valuation (ERC-7540, ERC-7575 share = self, ERC-20 shares with 18 decimals).
        In at NAV per share, out at NAV less the potential per share, less the rise of the potential
        the leaver causes: no LP action lowers (NAV - potential) per share of those who stay.
        Assets wait in the ledger account self << 96 | 1, shares in this contract's own balance.
@custom:security The first deposit leaves DEAD_SHARES with nobody, so a share price can not be blown up
                 by a gift to the pool: rounding costs an entrant at most NAV / DEAD_SHARES wei.
                 A pool worth less than a thousandth per share takes no deposits (they are
                 refunded) until somebody gives it cash: entering would drown the shares there are.
                 Every place in a queue that others wait in costs `min_request` for as long as it is
                 held: whole balances below that wait in a queue of their own.
"""


from ethereum.ercs import IERC20
from ethereum.ercs import IERC4626
from snekmate.auth import ownable
from snekmate.tokens import erc20

from ..access import core_lock
from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import ICollector
from ..interfaces import ICustody
from ..interfaces import ILiquidityVault
from ..interfaces import IPool
from ..math import vault_math
from . import claim_book
from . import request_queue
from . import vault_terms

initializes: access
initializes: ownable
initializes: erc20[ownable := ownable]
initializes: request_queue
initializes: claim_book
implements: ILiquidityVault
implements: ICollector
exports: (
    access.manager,
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.nonces,
    erc20.approve,
    erc20.permit,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)


DEPOSITS: constant(uint256) = 1
REDEMPTIONS: constant(uint256) = 2
SMALL: constant(uint256) = 3  # redemptions below the least, served when no other is ripe
REQUEST_ID: constant(uint256) = 0  # the standard's id for requests aggregated by controller
MAX_REQUESTS: constant(uint256) = 32

WAD: constant(uint256) = 10**18
DEAD: constant(address) = 0x000000000000000000000000000000000000dEaD

LEDGER: public(immutable(IClearinghouse))
POOL: public(immutable(IPool))
ACCOUNT: public(immutable(uint256))
_POOL_ACCOUNT: immutable(uint256)
_CUSTODY: immutable(address)
_TOKEN: immutable(address)
_UNIT: immutable(uint256)

terms: public(ILiquidityVault.Terms)
_operators: HashMap[address, HashMap[address, bool]]


@deploy
def __init__(
    pool: address,
    ledger: address,
    custody: address,
    manager: address,
    name: String[25],
    symbol: String[5],
    terms: ILiquidityVault.Terms,
):
    access.__init__(manager)
    ownable.__init__()
    erc20.__init__(name, symbol, 18, name, "1")
    # The share module wants an owner for minting, which is not exported: nobody holds it.
    ownable._transfer_ownership(empty(address))
    POOL = IPool(pool)
    LEDGER = IClearinghouse(ledger)
    ACCOUNT = (convert(self, uint256) << 96) | 1
    _POOL_ACCOUNT = convert(pool, uint256) << 96
    _CUSTODY = custody
    _TOKEN = staticcall ICustody(custody).token()
    _UNIT = staticcall ICustody(custody).unit()
    self._set_terms(terms)


# ── requests ──


@external
def requestDeposit(assets: uint256, controller: address, owner: address) -> uint256:
    self._check_operator(owner)
    assert controller != empty(address), "vault: no controller"
    assert assets * _UNIT >= self.terms.min_request, "vault: request too small"
    stored: uint256 = claim_book._stored(LEDGER, assets)
    request_queue._append(DEPOSITS, controller, stored, block.timestamp + self.terms.delay)
    log ILiquidityVault.DepositRequest(
        controller=controller, owner=owner, requestId=REQUEST_ID, sender=msg.sender, assets=assets
    )
    extcall LEDGER.deposit_from(ACCOUNT, assets, owner)
    return REQUEST_ID


# Reentrant: called back inside `requestDeposit`, whose state is written by then. Custody calls it for
# a deposit of this vault alone, so that the token has the floor under the core's lock only.
@external
@reentrant
def collect(payer: address, tokens: uint256):
    assert msg.sender == _CUSTODY, "vault: custody only"
    done: bool = extcall IERC20(_TOKEN).transferFrom(
        payer, msg.sender, tokens, default_return_value=True
    )
    assert done, "vault: transfer failed"


@external
def requestRedeem(shares: uint256, controller: address, owner: address) -> uint256:
    core_lock._check(LEDGER.address)
    assert controller != empty(address), "vault: no controller"
    if msg.sender != owner and not self._operators[owner][msg.sender]:
        erc20._spend_allowance(owner, msg.sender, shares)
    kind: uint256 = REDEMPTIONS
    if shares < self.terms.min_request:
        # A balance below the least request may still leave, as a whole, behind all others.
        assert shares != 0 and shares >= erc20.balanceOf[owner], "vault: request too small"
        kind = SMALL
    erc20._transfer(owner, self, shares)
    request_queue._append(kind, controller, shares, block.timestamp + self.terms.delay)
    log ILiquidityVault.RedeemRequest(
        controller=controller, owner=owner, requestId=REQUEST_ID, sender=msg.sender, shares=shares
    )
    return REQUEST_ID


@external
def process(max_requests: uint256) -> (uint256, uint256):
    core_lock._check(LEDGER.address)
    count: uint256 = min(max_requests, MAX_REQUESTS)
    deposits: uint256 = 0
    for i: uint256 in range(count, bound=MAX_REQUESTS):
        if not self._process_deposit():
            break
        deposits += 1
    return deposits, self._process_redemptions(count, self.terms.liquidity_floor, 0)


@external
def release_overdue(max_requests: uint256) -> uint256:
    access._check_guardian()
    return self._process_redemptions(min(max_requests, MAX_REQUESTS), 0, self.terms.max_wait)


@external
def cancel_request(kind: uint256, place: uint256) -> uint256:
    core_lock._check(LEDGER.address)
    controller: address = empty(address)
    amount: uint256 = 0
    ready_at: uint256 = 0
    controller, amount, ready_at = request_queue._at(kind, place)
    assert amount != 0, "vault: no such request"
    self._check_operator(controller)
    assert block.timestamp >= ready_at + self.terms.max_wait, "vault: not overdue"
    request_queue._cancel(kind, place, controller, amount)
    if kind == DEPOSITS:
        claim_book._add(REDEMPTIONS, controller, amount, 0)
        amount = self._worth(amount)
    else:
        erc20._transfer(self, controller, amount)
    log ILiquidityVault.RequestCancelled(controller=controller, kind=kind, amount=amount)
    return amount


# ── claims ──


@external
def deposit(assets: uint256, receiver: address, controller: address = msg.sender) -> uint256:
    core_lock._check(LEDGER.address)
    self._check_operator(controller)
    claimable: uint256 = claim_book._claims[DEPOSITS][controller].assets
    shares: uint256 = claim_book._take_assets(DEPOSITS, controller, assets, claimable)
    self._pay_shares(controller, receiver, assets, shares)
    return shares


@external
def mint(shares: uint256, receiver: address, controller: address = msg.sender) -> uint256:
    core_lock._check(LEDGER.address)
    self._check_operator(controller)
    claimable: uint256 = claim_book._claims[DEPOSITS][controller].assets
    assets: uint256 = claim_book._take_shares(DEPOSITS, controller, shares, claimable)
    self._pay_shares(controller, receiver, assets, shares)
    return assets


@external
def withdraw(assets: uint256, receiver: address, controller: address = msg.sender) -> uint256:
    self._check_operator(controller)
    worth: uint256 = self._payable(controller)
    shares: uint256 = claim_book._take_assets(REDEMPTIONS, controller, assets, worth)
    self._pay_assets(controller, receiver, assets, shares)
    return shares


@external
def redeem(shares: uint256, receiver: address, controller: address = msg.sender) -> uint256:
    self._check_operator(controller)
    worth: uint256 = self._payable(controller)
    assets: uint256 = claim_book._take_shares(REDEMPTIONS, controller, shares, worth)
    self._pay_assets(controller, receiver, assets, shares)
    return assets


@external
def setOperator(operator: address, approved: bool) -> bool:
    core_lock._check(LEDGER.address)
    assert operator != msg.sender, "vault: operator is caller"
    self._operators[msg.sender][operator] = approved
    log ILiquidityVault.OperatorSet(controller=msg.sender, operator=operator, approved=approved)
    return True


# ── shares ──


@external
def transfer(to: address, amount: uint256) -> bool:
    core_lock._check(LEDGER.address)
    erc20._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    core_lock._check(LEDGER.address)
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, to, amount)
    return True


# ── administration ──


@external
def set_terms(terms: ILiquidityVault.Terms):
    access._check_admin()
    self._set_terms(terms)


# ── views ──


@external
@view
def isOperator(controller: address, operator: address) -> bool:
    return self._operators[controller][operator]


@external
@view
def pendingDepositRequest(requestId: uint256, controller: address) -> uint256:
    return self._worth(request_queue._pending[DEPOSITS][controller])


@external
@view
def claimableDepositRequest(requestId: uint256, controller: address) -> uint256:
    return claim_book._claims[DEPOSITS][controller].assets


@external
@view
def pendingRedeemRequest(requestId: uint256, controller: address) -> uint256:
    return (
        request_queue._pending[REDEMPTIONS][controller]
        + request_queue._pending[SMALL][controller]
    )


@external
@view
def claimableRedeemRequest(requestId: uint256, controller: address) -> uint256:
    return claim_book._claims[REDEMPTIONS][controller].shares


@external
@view
def maxDeposit(controller: address) -> uint256:
    return claim_book._claims[DEPOSITS][controller].assets


@external
@view
def maxMint(controller: address) -> uint256:
    return claim_book._claims[DEPOSITS][controller].shares


@external
@view
def maxWithdraw(controller: address) -> uint256:
    return self._payable(controller)


@external
@view
def maxRedeem(controller: address) -> uint256:
    return claim_book._claims[REDEMPTIONS][controller].shares


# The standard demands that an asynchronous vault's previews revert: no rate exists before processing.


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    raise "vault: no preview of requests"


@external
@view
def previewMint(shares: uint256) -> uint256:
    raise "vault: no preview of requests"


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    raise "vault: no preview of requests"


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    raise "vault: no preview of requests"


@external
@view
def asset() -> address:
    return _TOKEN


@external
@view
def share() -> address:
    return self


@external
@view
def totalAssets() -> uint256:
    return self._nav() // _UNIT


@external
@view
def convertToShares(assets: uint256) -> uint256:
    supply: uint256 = erc20.totalSupply
    if supply == 0:
        return assets * _UNIT
    nav: uint256 = self._nav()
    if nav == 0:
        return 0
    return vault_math._shares_for(assets * _UNIT, supply, nav)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    supply: uint256 = erc20.totalSupply
    if supply == 0:
        return shares // _UNIT
    return shares * self._nav() // supply // _UNIT


@external
@view
def queue_lengths() -> (uint256, uint256):
    redemptions: uint256 = request_queue._length(REDEMPTIONS) + request_queue._length(SMALL)
    return request_queue._length(DEPOSITS), redemptions


@external
@view
def ripe_at() -> (uint256, uint256):
    redemptions: uint256 = request_queue._ready_at(REDEMPTIONS)
    small: uint256 = request_queue._ready_at(SMALL)
    if redemptions == 0 or (small != 0 and small < redemptions):
        redemptions = small
    return request_queue._ready_at(DEPOSITS), redemptions


@external
@view
def request_at(kind: uint256, place: uint256) -> (address, uint256, uint256):
    controller: address = empty(address)
    amount: uint256 = 0
    ready_at: uint256 = 0
    controller, amount, ready_at = request_queue._at(kind, place)
    if kind == DEPOSITS:
        amount = self._worth(amount)
    return controller, amount, ready_at


@external
@view
def places(kind: uint256) -> (uint256, uint256):
    return request_queue._places(kind)


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    return interface_id in [
        0x01ffc9a7,  # ERC-165
        0xe3bc4e65,  # ERC-7540 operators
        0xce3bbe50,  # ERC-7540 deposits by request
        0x620ee8e4,  # ERC-7540 redemptions by request
        0x2f0a18c5,  # ERC-7575 vault
    ]


# ── internal ──


@internal
@view
def _check_operator(owner: address):
    assert msg.sender == owner or self._operators[owner][msg.sender], "vault: not authorised"


@internal
@view
def _worth(stored: uint256) -> uint256:
    return claim_book._worth(LEDGER, ACCOUNT, _UNIT, stored)


@internal
@view
def _payable(controller: address) -> uint256:
    return self._worth(claim_book._claims[REDEMPTIONS][controller].assets)


@internal
@view
def _nav() -> uint256:
    valuation: IPool.Valuation = staticcall POOL.valuation()
    return convert(max(valuation.nav, 0), uint256)


@internal
def _process_deposit() -> bool:
    controller: address = empty(address)
    stored: uint256 = 0
    controller, stored = request_queue._head(DEPOSITS, 0)
    if controller == empty(address):
        return False
    if stored == 0:
        request_queue._take(DEPOSITS, controller, 0)
        return True
    assets: uint256 = self._worth(stored)
    valuation: IPool.Valuation = staticcall POOL.valuation()
    shares: uint256 = vault_math._entry(assets * _UNIT, erc20.totalSupply, valuation.nav)
    request_queue._take(DEPOSITS, controller, stored)
    if shares == 0:
        claim_book._add(REDEMPTIONS, controller, stored, 0)
        log ILiquidityVault.DepositRefunded(controller=controller, assets=assets)
        return True
    if erc20.totalSupply == 0:
        shares -= vault_math.DEAD_SHARES
        erc20._mint(DEAD, vault_math.DEAD_SHARES)
    erc20._mint(self, shares)
    claim_book._add(DEPOSITS, controller, assets, shares)
    log ILiquidityVault.DepositProcessed(controller=controller, assets=assets, shares=shares)
    extcall LEDGER.transfer_cash(ACCOUNT, _POOL_ACCOUNT, assets * _UNIT)
    return True


@internal
def _process_redemptions(count: uint256, kept_share: uint256, wait: uint256) -> uint256:
    """
    @param kept_share Of NAV that stays in free cash.
    @param wait Seconds for which a request must have been ripe.
    @return Number of places in the queues that are done with.
    """
    done: uint256 = 0
    kind: uint256 = REDEMPTIONS
    if staticcall LEDGER.withdrawal_holds() != 0:
        return 0  # the pool can pay nobody yet; deposits before this went in
    for i: uint256 in range(count, bound=MAX_REQUESTS):
        controller: address = empty(address)
        asked: uint256 = 0
        controller, asked = request_queue._head(kind, wait)
        if controller == empty(address) and kind == REDEMPTIONS:
            kind = SMALL
            controller, asked = request_queue._head(kind, wait)
        if controller == empty(address):
            break
        if asked == 0:
            request_queue._take(kind, controller, 0)
        elif not self._redeem(kind, controller, asked, kept_share):
            break
        done += 1
    return done


@internal
def _redeem(kind: uint256, controller: address, asked: uint256, kept_share: uint256) -> bool:
    """
    @return Whether the head has gone in whole, and the next may be tried.
    """
    shares: uint256 = 0
    payout: uint256 = 0
    shares, payout = self._exit_payout(asked, kept_share)
    assets: uint256 = (payout - vault_math._fee(payout, self.terms.exit_fee)) // _UNIT
    # Nobody is redeemed for nothing: the head waits until its share is worth something. But for
    # one that no token unit would pay for, and that nobody shall wait behind.
    if assets == 0:
        if kind != SMALL or shares != asked:
            return False
        request_queue._take(kind, controller, asked)
        erc20._transfer(self, controller, asked)
        return True
    # A part costs its owner a rounding and everybody a pass: none below the least request.
    if shares < min(asked, self.terms.min_request):
        return False
    request_queue._take(kind, controller, shares)
    erc20._burn(self, shares)
    claim_book._add(REDEMPTIONS, controller, claim_book._stored(LEDGER, assets), shares)
    log ILiquidityVault.RedeemProcessed(controller=controller, shares=shares, assets=assets)
    extcall POOL.release(ACCOUNT, assets * _UNIT)
    # A part that went out has used up what there is: the next one would find nothing.
    return shares == asked


@internal
@view
def _exit_payout(asked: uint256, kept_share: uint256) -> (uint256, uint256):
    """
    @return (shares that fit now, their payout before the exit fee).
    """
    valuation: IPool.Valuation = staticcall POOL.valuation()
    if valuation.nav <= 0:
        return 0, 0
    nav: uint256 = convert(valuation.nav, uint256)
    kept: uint256 = nav * kept_share // WAD
    limit: uint256 = valuation.free_cash - min(valuation.free_cash, kept)
    return vault_math._fitting(
        asked, erc20.totalSupply, nav, valuation.risk, valuation.depth, limit
    )


@internal
def _pay_shares(controller: address, receiver: address, assets: uint256, shares: uint256):
    erc20._transfer(self, receiver, shares)
    log IERC4626.Deposit(sender=controller, owner=receiver, assets=assets, shares=shares)


@internal
def _pay_assets(controller: address, receiver: address, assets: uint256, shares: uint256):
    log IERC4626.Withdraw(
        sender=msg.sender, receiver=receiver, owner=controller, assets=assets, shares=shares
    )
    extcall LEDGER.withdraw(ACCOUNT, assets, receiver)


@internal
def _set_terms(terms: ILiquidityVault.Terms):
    vault_terms._check(terms)
    self.terms = terms
    log ILiquidityVault.TermsSet(terms=terms)
