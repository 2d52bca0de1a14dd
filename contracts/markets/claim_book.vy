#pragma version ~=0.4.3
"""
@title claim_book
@author Vomma
@license AGPL-3.0-only
@notice What controllers may claim, one total for each kind and controller: assets and shares at the
        average rate of the requests in it. Taking one takes the other in proportion, rounded down,
        and taking all of one takes all of the other, so nothing is left behind or made up.
"""


struct Claim:
    assets: uint256
    shares: uint256


_claims: HashMap[uint256, HashMap[address, Claim]]


@internal
def _add(kind: uint256, controller: address, assets: uint256, shares: uint256):
    self._claims[kind][controller].assets += assets
    self._claims[kind][controller].shares += shares


@internal
def _take_assets(kind: uint256, controller: address, assets: uint256) -> uint256:
    """
    @return Shares that go with them; none for a refund.
    """
    claim: Claim = self._claims[kind][controller]
    assert assets != 0, "vault: nothing to claim"
    assert assets <= claim.assets, "vault: above claimable"
    shares: uint256 = assets * claim.shares // claim.assets
    self._claims[kind][controller] = Claim(
        assets=claim.assets - assets, shares=claim.shares - shares
    )
    return shares


@internal
def _take_shares(kind: uint256, controller: address, shares: uint256) -> uint256:
    """
    @return Assets that go with them.
    """
    claim: Claim = self._claims[kind][controller]
    assert shares != 0, "vault: nothing to claim"
    assert shares <= claim.shares, "vault: above claimable"
    assets: uint256 = shares * claim.assets // claim.shares
    self._claims[kind][controller] = Claim(
        assets=claim.assets - assets, shares=claim.shares - shares
    )
    return assets
