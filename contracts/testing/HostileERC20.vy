#pragma version ~=0.4.3
"""
@title HostileERC20
@author Vomma
@license AGPL-3.0-only
@notice A token that misbehaves in one way, chosen at deployment. Anyone mints; allowances are not
        looked at.
"""


FEE: constant(uint256) = 1  # a hundredth of every transfer is lost on the way
REFUSING: constant(uint256) = 2  # moves nothing and answers False
GREEDY: constant(uint256) = 3  # takes one unit more from the sender than was asked
HOOK: constant(uint256) = 4  # makes a call of its owner's choice in every transfer

decimals: public(immutable(uint8))
_vice: immutable(uint256)

balanceOf: public(HashMap[address, uint256])
_target: address
_data: Bytes[1024]


@deploy
def __init__(token_decimals: uint8, vice: uint256):
    decimals = token_decimals
    _vice = vice


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def set_hook(target: address, data: Bytes[1024]):
    self._target = target
    self._data = data


@external
def poke():
    """
    @notice The hook's call, outside of any transfer.
    """
    self._call()


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
    taken: uint256 = amount
    given: uint256 = amount
    if _vice == GREEDY:
        taken += 1
    if _vice == FEE:
        given -= amount // 100
    self.balanceOf[owner] -= taken
    self.balanceOf[receiver] += given
    if _vice == HOOK and self._target != empty(address):
        self._call()
    return True


@internal
def _call():
    # Once only, or a call that transfers would call for ever.
    target: address = self._target
    self._target = empty(address)
    raw_call(target, self._data)
