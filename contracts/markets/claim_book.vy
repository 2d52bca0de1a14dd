#pragma version ~=0.4.3
"""
@title claim_book
@author Vomma
@license AGPL-3.0-only
@notice What controllers may claim, one total for each kind and controller: assets and shares at the
        average rate of the requests in it. Taking one takes the other in proportion, rounded down,
        and taking all of one takes all of the other, so nothing is left behind or made up.
        Assets that wait on the ledger share its haircuts: they are kept before the haircut index,
        as the ledger keeps cash, so that nobody's place in time decides what he is paid, and who
        comes after a haircut pays for none of it.
@custom:security The ledger rounds each write of an account against it. So the last of the assets may be
                 worth wei less than the index says, and never more than what the account holds.
"""


from ..interfaces import IClearinghouse


_WAD: constant(uint256) = 10**18


struct Claim:
    assets: uint256
    shares: uint256


_claims: HashMap[uint256, HashMap[address, Claim]]


@internal
def _add(kind: uint256, controller: address, assets: uint256, shares: uint256):
    self._claims[kind][controller].assets += assets
    self._claims[kind][controller].shares += shares


@internal
def _take_assets(kind: uint256, controller: address, assets: uint256, worth: uint256) -> uint256:
    """
    @param worth Of all assets of the claim, now.
    @return Shares that go with them; none for a refund.
    """
    claim: Claim = self._claims[kind][controller]
    assert assets != 0, "vault: nothing to claim"
    assert assets <= worth, "vault: above claimable"
    kept: uint256 = (worth - assets) * claim.assets // worth
    shares: uint256 = (claim.assets - kept) * claim.shares // claim.assets
    self._claims[kind][controller] = Claim(assets=kept, shares=claim.shares - shares)
    return shares


@internal
def _take_shares(kind: uint256, controller: address, shares: uint256, worth: uint256) -> uint256:
    """
    @param worth Of all assets of the claim, now.
    @return Assets that go with them, at what they are worth.
    """
    claim: Claim = self._claims[kind][controller]
    assert shares != 0, "vault: nothing to claim"
    assert shares <= claim.shares, "vault: above claimable"
    assets: uint256 = shares * claim.assets // claim.shares
    self._claims[kind][controller] = Claim(
        assets=claim.assets - assets, shares=claim.shares - shares
    )
    return assets * worth // claim.assets


# ── haircuts ──


@internal
@view
def _stored(ledger: IClearinghouse, assets: uint256) -> uint256:
    """
    @custom:rounding down, against whoever claims them
    """
    return assets * _WAD // self._index(ledger)


@internal
@view
def _worth(ledger: IClearinghouse, account: uint256, unit: uint256, stored: uint256) -> uint256:
    """
    @param account Where the assets wait.
    @custom:rounding down, against whoever claims them
    """
    index: uint256 = self._index(ledger)
    if index == _WAD:
        return stored
    held: uint256 = convert(max(staticcall ledger.cash(account), 0), uint256) // unit
    return min(stored * index // _WAD, held)


@internal
@view
def _index(ledger: IClearinghouse) -> uint256:
    haircut: uint256 = 0
    borrow: uint256 = 0
    haircut, borrow = staticcall ledger.indices()
    return haircut
