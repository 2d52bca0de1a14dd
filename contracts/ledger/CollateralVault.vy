#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title CollateralVault
@author Vomma
@license AGPL-3.0-only
@notice Holds one token that is not the quote token, by internal accounting. Its ERC-4626 shares count
        as collateral once they are posted to the ledger; what it holds is lent within a transaction
        (ERC-3156), and the fee raises the price of a share. Wiring, by ADMIN:
          1. Clearinghouse.set_venue(vault, COLLATERAL)   2. RiskEngine.set_collateral(...)
@custom:security Virtual shares and assets, a millionth of a token, stand beside the real ones: who
        blows up the price of a share pays the virtual ones a million times what a later depositor
        loses by rounding, and the price never falls. A donation changes nothing.
        Tokens move inside the ledger's lock only, when all is written: whoever is called on the way
        enters no contract of the core. A vault without the right COLLATERAL is shut, exits too.
        Tokens that rebase or that can take from a holder without a transfer are not supported:
        exits revert once there is less than is accounted for. A token with a fee reverts.
        Who owns many accounts may post more than one account's share: it bounds what one
        liquidation has to sell, not what one person risks.
@custom:kill Set the cap to 0: no deposits, exits go on.
"""


from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ethereum.ercs import IERC4626
from snekmate.auth import ownable
from snekmate.tokens import erc20

from ..access import core_lock
from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import ICollateralVault
from ..interfaces import IFlashLender
from ..interfaces import ILender
from ..math import series_codec
from . import flash_loan


implements: IERC4626
implements: ICollateralVault
implements: IFlashLender
implements: ILender
initializes: access
initializes: ownable
initializes: erc20[ownable := ownable]
initializes: flash_loan
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
    flash_loan.flash_rate,
    flash_loan.flash_lent,
)


_WAD: constant(uint256) = 10**18
_TRADE_SCOPE: constant(uint256) = 1
_OPEN: constant(uint256) = 0  # pause levels of the ledger
_HALTED: constant(uint256) = 2

INSTRUMENT: public(immutable(uint256))
LEDGER: immutable(IClearinghouse)
_TOKEN: immutable(address)
_UNIT: immutable(uint256)  # WAD per smallest token unit
_VIRTUAL_ASSETS: immutable(uint256)
_VIRTUAL_SHARES: immutable(uint256)

terms: public(ICollateralVault.Terms)
_held: uint256


@deploy
def __init__(
    token: address,
    ledger: address,
    manager: address,
    instrument: uint256,
    name: String[25],
    symbol: String[5],
    terms: ICollateralVault.Terms,
):
    access.__init__(manager)
    ownable.__init__()
    erc20.__init__(name, symbol, 18, name, "1")
    flash_loan.__init__()
    # The share module wants an owner for minting, which is not exported: nobody holds it.
    ownable._transfer_ownership(empty(address))
    decimals: uint256 = convert(staticcall IERC20Detailed(token).decimals(), uint256)
    assert decimals <= 18, "collateral: over 18 decimals"
    assert series_codec._is_collateral(instrument), "collateral: bad instrument"
    LEDGER = IClearinghouse(ledger)
    INSTRUMENT = instrument
    _TOKEN = token
    _UNIT = 10 ** (18 - decimals)
    _VIRTUAL_ASSETS = 10 ** (max(decimals, 6) - 6)
    _VIRTUAL_SHARES = _VIRTUAL_ASSETS * _UNIT
    self._set_terms(terms)


# ── collateral ──


@external
def post(account: uint256, shares: uint256):
    assert shares != 0, "collateral: nothing to move"
    self._check_may(account)
    erc20._transfer(msg.sender, self, shares)
    self._post(account, shares)


@external
def deposit_into(account: uint256, assets: uint256) -> uint256:
    self._check_may(account)
    shares: uint256 = self._shares_down(assets)
    self._issue(self, assets, shares)
    self._post(account, shares)
    self._bring(assets)
    return shares


@external
def take(account: uint256, shares: uint256, receiver: address) -> uint256:
    assets: uint256 = self._assets_down(shares)
    self._cancel(self, receiver, assets, shares)
    log ICollateralVault.Taken(account=account, receiver=receiver, shares=shares, assets=assets)
    extcall LEDGER.move_collateral(msg.sender, account, INSTRUMENT, -convert(shares, int256))
    self._pay(receiver, assets)
    return assets


# ── ERC-4626 ──


@external
def deposit(assets: uint256, receiver: address) -> uint256:
    shares: uint256 = self._shares_down(assets)
    self._enter(receiver, assets, shares)
    return shares


@external
def mint(shares: uint256, receiver: address) -> uint256:
    assets: uint256 = self._assets_up(shares)
    self._enter(receiver, assets, shares)
    return assets


@external
def withdraw(assets: uint256, receiver: address, owner: address) -> uint256:
    shares: uint256 = self._shares_up(assets)
    self._leave(receiver, owner, assets, shares)
    return shares


@external
def redeem(shares: uint256, receiver: address, owner: address) -> uint256:
    assets: uint256 = self._assets_down(shares)
    self._leave(receiver, owner, assets, shares)
    return assets


@external
def transfer(to: address, amount: uint256) -> bool:
    core_lock._check(LEDGER.address)
    self._move_shares(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    core_lock._check(LEDGER.address)
    erc20._spend_allowance(owner, msg.sender, amount)
    self._move_shares(owner, to, amount)
    return True


@external
@view
def asset() -> address:
    return _TOKEN


@external
@view
def totalAssets() -> uint256:
    return self._held


@external
@view
def convertToShares(assets: uint256) -> uint256:
    return self._shares_down(assets)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    return self._assets_down(shares)


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    return self._shares_down(assets)


@external
@view
def previewMint(shares: uint256) -> uint256:
    return self._assets_up(shares)


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    return self._shares_up(assets)


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    return self._assets_down(shares)


@external
@view
def maxDeposit(receiver: address) -> uint256:
    return self._room()


@external
@view
def maxMint(receiver: address) -> uint256:
    return self._shares_down(self._room())


@external
@view
def maxWithdraw(owner: address) -> uint256:
    return self._assets_down(self._leaving(owner))


@external
@view
def maxRedeem(owner: address) -> uint256:
    return self._leaving(owner)


# ── ERC-3156 ──


@external
def flashLoan(
    receiver: address, token: address, amount: uint256, data: Bytes[flash_loan.MAX_DATA]
) -> bool:
    flash_loan._check_request(token, _TOKEN, amount, self._held)
    assert receiver != self, "collateral: vault as receiver"
    self._check_open()
    extcall LEDGER.lend(receiver, msg.sender, amount, data)
    return True


@external
@view
def maxFlashLoan(token: address) -> uint256:
    if token != _TOKEN or staticcall LEDGER.pause_level() != _OPEN:
        return 0
    return self._held


@external
@view
def flashFee(token: address, amount: uint256) -> uint256:
    assert token == _TOKEN, "flash: foreign token"
    return flash_loan._fee(amount)


# Reentrant: called back by the ledger, which holds the core's lock, inside of an entry of this vault,
# which holds its own. The two ends of the move say which entry it is.
@external
@reentrant
def run_loan(
    receiver: address, initiator: address, tokens: uint256, data: Bytes[flash_loan.MAX_DATA]
) -> uint256:
    assert msg.sender == LEDGER.address, "collateral: ledger only"
    if receiver == self:
        self._pull(initiator, tokens)
    elif initiator == self:
        self._push(receiver, tokens)
    else:
        fee: uint256 = flash_loan._fee(tokens)
        self._held += fee
        flash_loan._lend(_TOKEN, receiver, initiator, tokens, fee, data)
    return 0  # nothing for the insurance fund


# ── administration ──


@external
def set_terms(terms: ICollateralVault.Terms):
    access._check_admin()
    self._set_terms(terms)


@external
def set_flash_rate(rate: uint256):
    access._check_admin()
    flash_loan._set_rate(rate)


# ── views ──


# Reentrant: the ledger asks for the margin of what stays while `take` holds this vault's lock. By then
# the shares are burnt and the tokens written off.
@external
@view
@reentrant
def tokens_of(shares: uint256) -> uint256:
    return self._assets_down(shares) * _UNIT


@external
@view
def utilisation() -> ICollateralVault.Utilisation:
    return ICollateralVault.Utilisation(
        held=self._held * _UNIT,
        cap=self.terms.cap,
        supply=erc20.totalSupply,
        posted=erc20.balanceOf[self],
        lent=(flash_loan._lending >> flash_loan._RATE_BITS) * _UNIT,
    )


# ── the price of a share ──


@internal
@view
def _whole() -> (uint256, uint256):
    """
    @return All assets and all shares, the virtual ones with them: their ratio is the price.
    """
    return self._held + _VIRTUAL_ASSETS, erc20.totalSupply + _VIRTUAL_SHARES


@internal
@view
def _shares_down(amount: uint256) -> uint256:
    assets: uint256 = 0
    shares: uint256 = 0
    assets, shares = self._whole()
    return amount * shares // assets


@internal
@view
def _shares_up(amount: uint256) -> uint256:
    assets: uint256 = 0
    shares: uint256 = 0
    assets, shares = self._whole()
    return self._ceil(amount * shares, assets)


@internal
@view
def _assets_down(amount: uint256) -> uint256:
    assets: uint256 = 0
    shares: uint256 = 0
    assets, shares = self._whole()
    return amount * assets // shares


@internal
@view
def _assets_up(amount: uint256) -> uint256:
    assets: uint256 = 0
    shares: uint256 = 0
    assets, shares = self._whole()
    return self._ceil(amount * assets, shares)


@internal
@pure
def _ceil(numerator: uint256, denominator: uint256) -> uint256:
    return numerator // denominator + convert(numerator % denominator != 0, uint256)


# ── checks ──


@internal
@view
def _check_may(account: uint256):
    # Not for strangers: collateral takes one of an account's 64 places.
    assert staticcall LEDGER.may(account, msg.sender, _TRADE_SCOPE), "collateral: not authorised"


@internal
@view
def _check_open():
    assert staticcall LEDGER.pause_level() == _OPEN, "collateral: paused"


@internal
@view
def _room() -> uint256:
    """
    @return Tokens that may still come in.
    """
    held: uint256 = self._held * _UNIT
    cap: uint256 = self.terms.cap
    if held >= cap or staticcall LEDGER.pause_level() != _OPEN:
        return 0
    return (cap - held) // _UNIT


@internal
@view
def _leaving(owner: address) -> uint256:
    """
    @return Shares that the owner may redeem now; those of posted collateral are not in a wallet.
    """
    if owner == self or staticcall LEDGER.pause_level() == _HALTED:
        return 0
    return erc20.balanceOf[owner]


# ── moves ──


@internal
def _enter(receiver: address, assets: uint256, shares: uint256):
    # Shares of this vault's own are those that are posted.
    assert receiver != self, "collateral: vault as receiver"
    self._issue(receiver, assets, shares)
    self._bring(assets)


@internal
def _issue(receiver: address, assets: uint256, shares: uint256):
    assert shares != 0, "collateral: nothing to move"
    assert assets <= self._room(), "collateral: above cap"
    self._held += assets
    erc20._mint(receiver, shares)
    log IERC4626.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)


@internal
def _leave(receiver: address, owner: address, assets: uint256, shares: uint256):
    if msg.sender != owner:
        erc20._spend_allowance(owner, msg.sender, shares)
    self._cancel(owner, receiver, assets, shares)
    self._pay(receiver, assets)


@internal
def _cancel(owner: address, receiver: address, assets: uint256, shares: uint256):
    assert shares != 0, "collateral: nothing to move"
    assert receiver != self, "collateral: vault as receiver"
    self._held -= assets
    erc20._burn(owner, shares)
    log IERC4626.Withdraw(
        sender=msg.sender, receiver=receiver, owner=owner, assets=assets, shares=shares
    )


@internal
def _move_shares(owner: address, to: address, amount: uint256):
    assert to != self, "collateral: vault as receiver"
    erc20._transfer(owner, to, amount)


@internal
def _post(account: uint256, shares: uint256):
    self._check_open()
    held: int256 = staticcall LEDGER.position(account, INSTRUMENT)
    tokens: uint256 = self._assets_down(convert(held, uint256) + shares) * _UNIT
    assert tokens <= self.terms.cap * self.terms.account_share // _WAD, (
        "collateral: above account share"
    )
    log ICollateralVault.Posted(account=account, sender=msg.sender, shares=shares)
    extcall LEDGER.move_collateral(msg.sender, account, INSTRUMENT, convert(shares, int256))


@internal
def _bring(assets: uint256):
    """
    @notice Tokens of the caller in, under the core's lock: see `run_loan`.
    """
    extcall LEDGER.lend(self, msg.sender, assets, b"")


@internal
def _pay(receiver: address, assets: uint256):
    # Dust that is worth no token may go: it takes a place in its owner's account.
    if assets != 0:
        extcall LEDGER.lend(receiver, self, assets, b"")


@internal
def _pull(payer: address, assets: uint256):
    before: uint256 = self._balance()
    done: bool = extcall IERC20(_TOKEN).transferFrom(
        payer, self, assets, default_return_value=True
    )
    assert done, "collateral: transfer failed"
    assert self._balance() >= before + assets, "collateral: short transfer"


@internal
def _push(receiver: address, assets: uint256):
    done: bool = extcall IERC20(_TOKEN).transfer(receiver, assets, default_return_value=True)
    assert done, "collateral: transfer failed"
    assert self._balance() >= self._held, "collateral: short transfer"


@internal
@view
def _balance() -> uint256:
    return staticcall IERC20(_TOKEN).balanceOf(self)


@internal
def _set_terms(terms: ICollateralVault.Terms):
    assert terms.account_share <= _WAD, "collateral: share above one"
    self.terms = terms
    log ICollateralVault.TermsSet(terms=terms)
