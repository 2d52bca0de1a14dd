#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title DelayedOrders
@author Vomma
@license AGPL-3.0-only
@notice Commit now, execute at a price reported later. Markets exempt this contract from their rule on
        the age of a price:

          commit             update       window ends
          ──┬─────────────────┬───────────────┬──────▶ time
            │  price of then  │   executes    │ waits for the update after
            │  never applies  │   at it       │

        The order itself is in its event; kept here is a hash, and the native token of the bounties.
@custom:security Committer and executor may be one, and an owner can make his own order fail (by having
                 no cash in the account) until he likes the price. What he gains by it is bounded by
                 the window: he never trades at a price older than that, and pays the market's spread
                 for the age. Calls go to venues of the ledger, with typed arguments; whoever gets the
                 bounty is called last, with little gas.
@custom:kill Revoke the markets' exemption, or pause the ledger. Bounties are refunded after expiry.
"""


from ..access import core_lock
from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import IDelayedOrders
from ..interfaces import IOptionsAMM
from ..interfaces import IPerpMarket
from ..interfaces import IPriceOracle
from ..math import series_codec


initializes: access
exports: access.manager
implements: IDelayedOrders


_TRADE: constant(uint256) = 1  # scope of an operator, and right of a venue

_MAX_MIN_BOUNTY: constant(uint256) = 10**18  # one unit of the native token
_MIN_LIFETIME: constant(uint256) = 60
_MAX_LIFETIME: constant(uint256) = 172_800  # no feed serves an older price
_MAX_WINDOW: constant(uint256) = 600
_BOUNTY_GAS: constant(uint256) = 30_000  # a wallet's receive and an event, no more

ledger: public(immutable(address))
oracle: public(immutable(address))

terms: public(IDelayedOrders.Terms)
last_id: public(uint256)
order_hash: public(HashMap[uint256, bytes32])


@deploy
def __init__(manager: address, ledger_: address, oracle_: address, terms: IDelayedOrders.Terms):
    access.__init__(manager)
    assert ledger_ != empty(address) and oracle_ != empty(address), "orders: no ledger or oracle"
    ledger = ledger_
    oracle = oracle_
    self._set_terms(terms)


# ── orders ──


@external
@payable
def commit(
    market: address, account: uint256, legs: DynArray[IOptionsAMM.Leg, 4], limit: int256
) -> uint256:
    self._check_order(market, legs, limit)
    rights: uint256 = staticcall IClearinghouse(ledger).venue_rights(market)
    assert rights & _TRADE != 0, "orders: not a venue"
    self._check_authority(account, msg.sender)
    terms: IDelayedOrders.Terms = self.terms
    assert msg.value >= terms.min_bounty, "orders: bounty too small"
    order: IDelayedOrders.Order = IDelayedOrders.Order(
        market=market,
        account=account,
        committer=msg.sender,
        committed_at=block.timestamp,
        expires_at=block.timestamp + terms.lifetime,
        bounty=msg.value,
        limit=limit,
        legs=legs,
    )
    id: uint256 = self.last_id + 1
    self.last_id = id
    self.order_hash[id] = keccak256(abi_encode(order))
    log IDelayedOrders.OrderCommitted(id=id, account=account, order=order)
    return id


@external
def execute(id: uint256, order: IDelayedOrders.Order) -> int256:
    assert block.timestamp <= order.expires_at, "orders: expired"
    self._check_price(order)
    # Whoever lost the right to trade since must not trade through an order he left behind.
    self._check_authority(order.account, order.committer)
    self._close(id, order)
    cash: int256 = self._trade(order)
    log IDelayedOrders.OrderExecuted(id=id, executor=msg.sender, cash=cash)
    self._pay(msg.sender, order.bounty)
    return cash


@external
def refund(id: uint256, order: IDelayedOrders.Order):
    core_lock._check(ledger)
    assert block.timestamp > order.expires_at, "orders: not expired yet"
    self._close(id, order)
    log IDelayedOrders.OrderRefunded(id=id)
    self._pay(order.committer, order.bounty)


# ── administration ──


@external
def set_terms(terms: IDelayedOrders.Terms):
    access._check_admin()
    self._set_terms(terms)


# ── checks ──


@internal
@view
def _check_order(market: address, legs: DynArray[IOptionsAMM.Leg, 4], limit: int256):
    """
    @notice What can never execute is refused now: the commit could not be taken back.
    """
    assert len(legs) != 0, "orders: no legs"
    if not series_codec._is_option(legs[0].instrument):
        assert len(legs) == 1, "orders: perp stands alone"
        assert limit >= 0, "orders: negative price"
        assert staticcall IPerpMarket(market).INSTRUMENT() == legs[0].instrument, (
            "orders: other market"
        )
        return
    # Asked by way of its perp, so that a perp market itself does not pass for one of options.
    perp: address = staticcall IOptionsAMM(market).perp()
    underlying: uint256 = staticcall IPerpMarket(perp).UNDERLYING()
    for leg: IOptionsAMM.Leg in legs:
        assert series_codec._is_option(leg.instrument), "orders: perp stands alone"
        assert series_codec._underlying(leg.instrument) == underlying, "orders: other market"


@internal
@view
def _check_authority(account: uint256, caller: address):
    assert staticcall IClearinghouse(ledger).may(account, caller, _TRADE), "orders: not authorised"


@internal
@view
def _check_price(order: IDelayedOrders.Order):
    underlying: uint256 = series_codec._underlying(order.legs[0].instrument)
    spot: IPriceOracle.Spot = staticcall IPriceOracle(oracle).spot(underlying)
    # A price of the second of the commit was in the mempool before it.
    assert spot.updated_at > order.committed_at, "orders: no new price yet"
    assert block.timestamp <= spot.updated_at + self.terms.window, "orders: price too old"


# ── moves ──


@internal
def _close(id: uint256, order: IDelayedOrders.Order):
    assert self.order_hash[id] == keccak256(abi_encode(order)), "orders: not open"
    self.order_hash[id] = empty(bytes32)


@internal
def _trade(order: IDelayedOrders.Order) -> int256:
    if series_codec._is_option(order.legs[0].instrument):
        return extcall IOptionsAMM(order.market).trade(
            order.account, order.legs, order.limit, block.timestamp
        )
    return extcall IPerpMarket(order.market).trade(
        order.account, order.legs[0].size, convert(order.limit, uint256), block.timestamp
    )


@internal
def _pay(receiver: address, amount: uint256):
    """
    @notice Who refuses its money stands in nobody's way: an executor loses the execution, and anyone
            else may have it; a committer's refund waits.
    """
    paid: bool = raw_call(
        receiver, b"", value=amount, gas=_BOUNTY_GAS, revert_on_failure=False
    )
    assert paid, "orders: receiver refused"


@internal
def _set_terms(terms: IDelayedOrders.Terms):
    assert terms.min_bounty <= _MAX_MIN_BOUNTY, "orders: bounty out of bounds"
    assert terms.lifetime >= _MIN_LIFETIME, "orders: lifetime out of bounds"
    assert terms.lifetime <= _MAX_LIFETIME, "orders: lifetime out of bounds"
    assert terms.window != 0 and terms.window <= _MAX_WINDOW, "orders: window out of bounds"
    self.terms = terms
    log IDelayedOrders.TermsSet(terms=terms)
