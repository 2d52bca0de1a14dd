#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title FlashLiquidation
@author Vomma
@license AGPL-3.0-only
@notice An example: a bid for an unhealthy account without own money. Borrowed cash carries the margin
        of what the bid takes; options go back to an options pool, perps to their market, and the
        discount less all costs stays. Collateral goes to the caller as it is, who has approved
        what it costs in the quote token: no contract here buys it.
@custom:security Keeps nothing between transactions; what it earns goes to whoever calls. Trades at any
        price: the profit is judged as a whole, so ask for a least one.
@custom:kill Deploy another.
"""


from ethereum.ercs import IERC20
from ..interfaces import ICollateralVault
from ..interfaces import IFlashBorrower
from ..interfaces import ILiquidator
from ..interfaces import IOptionsAMM
from ..interfaces import IPerpMarket
from ..math import series_codec
from . import flash_cash


implements: IFlashBorrower
initializes: flash_cash
exports: flash_cash.ACCOUNT


struct Liquidation:
    liquidator: address
    account: uint256  # on auction
    share: uint256  # of it to bid for, WAD; cut to the largest
    # where to sell; of one underlying
    amm: address
    perp: address
    vault: address


_MAX_INSTRUMENTS: constant(uint256) = 64
_MAX_PRICE: constant(uint256) = 2**127


@deploy
def __init__(ledger: address):
    flash_cash.__init__(ledger)


@external
def run(lender: address, tokens: uint256, liquidation: Liquidation, least: uint256) -> uint256:
    """
    @param tokens Enough for the initial margin of what is taken.
    @return Profit in token units, at least `least`; collateral comes on top.
    """
    return flash_cash._borrow(lender, tokens, least, abi_encode(liquidation))


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
    order: Liquidation = abi_decode(data, Liquidation)
    extcall ILiquidator(order.liquidator).bid(
        order.account, flash_cash.ACCOUNT, order.share, min_value(int256), block.timestamp
    )
    self._sell_all(order)
    flash_cash._take_out(amount + fee)
    held: uint256 = staticcall IERC20(token).balanceOf(self)
    if held < amount + fee:
        paid: bool = extcall IERC20(token).transferFrom(
            flash_cash._caller, self, amount + fee - held, default_return_value=True
        )
        assert paid, "flash: transfer failed"
    return flash_cash.ACCEPTED


@internal
def _sell_all(order: Liquidation):
    instruments: DynArray[uint256, _MAX_INSTRUMENTS] = []
    sizes: DynArray[int256, _MAX_INSTRUMENTS] = []
    instruments, sizes = staticcall flash_cash.LEDGER.portfolio(flash_cash.ACCOUNT)
    for i: uint256 in range(len(instruments), bound=_MAX_INSTRUMENTS):
        self._sell(order, instruments[i], sizes[i])


@internal
def _sell(order: Liquidation, instrument: uint256, size: int256):
    kind: uint256 = series_codec._kind(instrument)
    if kind == series_codec.COLLATERAL:
        extcall ICollateralVault(order.vault).take(
            flash_cash.ACCOUNT, convert(size, uint256), flash_cash._caller
        )
    elif kind == series_codec.PERP:
        limit: uint256 = 0
        if size < 0:
            limit = _MAX_PRICE
        extcall IPerpMarket(order.perp).trade(flash_cash.ACCOUNT, -size, limit, block.timestamp)
    else:
        legs: DynArray[IOptionsAMM.Leg, 4] = [
            IOptionsAMM.Leg(instrument=instrument, size=-size)
        ]
        extcall IOptionsAMM(order.amm).trade(
            flash_cash.ACCOUNT, legs, max_value(int256), block.timestamp
        )
