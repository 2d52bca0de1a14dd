#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title FlashParity
@author Vomma
@license AGPL-3.0-only
@notice An example: put-call parity between two options pools of one ledger, without own money.
        A call less a put of the same strike is worth D (F - K), whatever the volatility: pools
        whose surfaces disagree on the forward F sell and buy the same thing at two prices. It
        buys call and sells put where F is lower, does the reverse where F is higher, and its
        positions net to zero in the ledger: the borrowed cash comes out again at once.
@custom:security Keeps nothing between transactions; what it earns goes to whoever calls.
@custom:kill Deploy another.
"""


from ..interfaces import IFlashBorrower
from ..interfaces import IOptionsAMM
from . import flash_cash


implements: IFlashBorrower
initializes: flash_cash
exports: flash_cash.ACCOUNT


struct Parity:
    low: address  # options pool with the lower forward
    high: address
    call: uint256  # instruments of one strike and expiry
    put: uint256
    size: int256  # contracts, WAD


@deploy
def __init__(ledger: address):
    flash_cash.__init__(ledger)


@external
def run(lender: address, tokens: uint256, parity: Parity, least: uint256) -> uint256:
    """
    @param tokens Enough to pay for the first package and for the margin of its put.
    @return Profit in token units, at least `least`.
    """
    return flash_cash._borrow(lender, tokens, least, abi_encode(parity))


# Reentrant: called back by the lender within `run`.
@external
@reentrant
def onFlashLoan(
    initiator: address,
    token: address,
    amount: uint256,
    fee: uint256,
    data: Bytes[flash_cash.MAX_DATA],
) -> bytes32:
    flash_cash._put_in(initiator, amount)
    parity: Parity = abi_decode(data, Parity)
    self._trade(parity.low, parity, parity.size)
    self._trade(parity.high, parity, -parity.size)
    flash_cash._take_out(amount + fee)
    return flash_cash.ACCEPTED


@internal
def _trade(amm: address, parity: Parity, size: int256):
    """
    @notice At any price: the profit is judged as a whole.
    """
    legs: DynArray[IOptionsAMM.Leg, 4] = [
        IOptionsAMM.Leg(instrument=parity.call, size=size),
        IOptionsAMM.Leg(instrument=parity.put, size=-size),
    ]
    extcall IOptionsAMM(amm).trade(
        flash_cash.ACCOUNT, legs, max_value(int256), block.timestamp
    )
