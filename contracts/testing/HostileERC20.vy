#pragma version ~=0.4.3
"""
@title HostileERC20
@author Vomma
@license AGPL-3.0-only
@notice A token that misbehaves in one way, chosen at deployment, 0 for none. Anyone mints,
        shrinks a balance and bars a receiver; allowances are not looked at.
"""


FEE: constant(uint256) = 1  # a hundredth of every transfer is lost on the way
REFUSING: constant(uint256) = 2  # moves nothing and answers False
GREEDY: constant(uint256) = 3  # takes one unit more from the sender than was asked

decimals: public(immutable(uint8))
_vice: immutable(uint256)

balanceOf: public(HashMap[address, uint256])
_barred: HashMap[address, bool]


@deploy
def __init__(token_decimals: uint8, vice: uint256):
    decimals = token_decimals
    _vice = vice


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def rebase(owner: address, amount: uint256):
    """
    @notice A loss that is no transfer.
    """
    self.balanceOf[owner] -= amount


@external
def bar(receiver: address):
    self._barred[receiver] = True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256) -> bool:
    if _vice == REFUSING:
        return False
    assert not self._barred[receiver], "token: barred"
    taken: uint256 = amount
    given: uint256 = amount
    if _vice == GREEDY:
        taken += 1
    if _vice == FEE:
        given -= amount // 100
    self.balanceOf[owner] -= taken
    self.balanceOf[receiver] += given
    return True
