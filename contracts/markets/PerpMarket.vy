#pragma version ~=0.4.3
#pragma nonreentrancy on
#pragma evm-version cancun
#pragma optimize gas
"""
@title PerpMarket
@author Vomma
@license AGPL-3.0-only
@notice Perpetual of one underlying against one LP pool (ledger account self << 96). Positions live in
        the ledger; this contract knows at which index and funding every account was last touched:

          unrealised(account) = size * (mark now - mark then),   mark = index - funding index

        One number, the sum of size * mark then over all accounts, is kept without division, so the
        pool's own unrealised P&L is exact: -(skew * mark now - that sum). On a touch P&L becomes
        cash, rounded once against the account, and the pool receives exactly what it loses.
@custom:security Prices come from the oracle alone: a trade never moves the mark. Who sees the outside
                 price first may trade at one of `direct_age` at most, and pays the spread for that
                 age. Exits while the feed is down cost two deviations of what it may have missed.
"""


from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import IFeeTaker
from ..interfaces import IPerpMarket
from ..interfaces import IPool
from ..interfaces import IPriceOracle
from ..math import fee_math
from ..math import perp_math
from ..math import series_codec
from ..math import wad_math
from . import perp_codec

initializes: access
exports: access.manager
implements: IPerpMarket
implements: IPool
implements: IFeeTaker


struct State:
    # the market brought up to now: every word read once, every formula from the same numbers
    index: int256
    skew: int256
    rate: int256
    funding: int256
    mark: int256  # what a unit is worth to a long, up to a constant: index less funding
    scale: int256


struct Fill:
    payment: int256  # on top of index * size, before fee
    fee: uint256


SIGNED_WAD: constant(int256) = 10**18
SIZE_BOUND: constant(int256) = 2**100  # no market is a trillion units; keeps every product in range
PRICE_BOUND: constant(uint256) = 2**127  # any limit above means "no limit"
STALE_SPREAD: constant(uint256) = 2  # a close on a stale feed pays its uncertainty twice
# ... and, per square root of a second, two deviations at 60 % a year: the feed's own drift is set for
# one that still reports every move beyond its threshold, and this one no longer does.
STALE_DRIFT: constant(uint256) = 214 * 10**12
LIQUIDATE: constant(uint256) = 16  # the ledger's right of a Liquidator
CLOSING_ROOM: constant(int256) = 2  # exits may push the skew to twice the cap of openings

MIN_SCALE_SHARES: constant(uint256) = 4  # max skew <= scale / 4: the lowest price is half the index
MAX_VELOCITY: constant(uint256) = 100 * 10**18  # a day, at skew = scale
MAX_RATE: constant(uint256) = 10 * 10**18  # 1,000 % a year
MAX_DIRECT_AGE: constant(uint256) = 172_800  # no feed serves an older price
MIN_RESERVE: constant(uint256) = 2 * 10**16  # 2 % of |skew| * index
MAX_RESERVE: constant(uint256) = 10**18

LEDGER: public(immutable(IClearinghouse))
ORACLE: public(immutable(IPriceOracle))
FEE_SCHEDULE: public(immutable(address))
UNDERLYING: public(immutable(uint256))
INSTRUMENT: public(immutable(uint256))
POOL: public(immutable(uint256))

vault: public(address)
fee_word: public(uint256)
age_exempt: public(HashMap[address, bool])

# Packed by perp_codec.
_market: uint256
_funding: uint256
_limits: uint256
_marks: HashMap[uint256, uint256]
_marked: int256  # sum of size * (last index - last funding) over all accounts, WAD^2


@deploy
def __init__(
    ledger: address,
    oracle: address,
    fee_schedule: address,
    manager: address,
    underlying: uint256,
    params: IPerpMarket.Params,
):
    access.__init__(manager)
    LEDGER = IClearinghouse(ledger)
    ORACLE = IPriceOracle(oracle)
    FEE_SCHEDULE = fee_schedule
    UNDERLYING = underlying
    INSTRUMENT = series_codec._pack(series_codec.PERP, underlying, 0, 0)
    POOL = convert(self, uint256) << 96
    self._market = perp_codec._pack_market(0, 0, block.timestamp)
    self._set_params(params, 0)


# ── trading ──


@external
def trade(account: uint256, size: int256, limit_price: uint256, deadline: uint256) -> int256:
    assert block.timestamp <= deadline, "perp: deadline passed"
    held: int256 = self._held(account)
    spot: IPriceOracle.Spot = self._price(self._closes(held, size))
    self._check_age(spot.updated_at)
    state: State = self._state(spot.price)
    fill: Fill = self._fill(state, held, size, spot.uncertainty)
    # One inequality for both sides: a seller's size and payment are negative.
    limit: int256 = convert(min(limit_price, PRICE_BOUND), int256)
    assert state.index * size + fill.payment * SIGNED_WAD <= limit * size, "perp: limit price"

    won: int256 = self._touch(state, account, held, held + size)
    log IPerpMarket.PerpTraded(
        account=account,
        size=size,
        payment=fill.payment,
        fee=fill.fee,
        index=spot.price,
        skew=state.skew + size,
    )
    self._pay(account, won)
    # Whether the caller may trade for the account is the ledger's to check.
    extcall LEDGER.settle(
        msg.sender,
        account,
        POOL,
        [series_codec._leg(INSTRUMENT, size)],
        fill.payment,
        fee_math._split(self.fee_word, fill.fee),
    )
    return fill.payment + convert(fill.fee, int256)


@external
def realise(account: uint256) -> int256:
    held: int256 = self._held(account)
    won: int256 = self._touch(self._live(), account, held, held)
    self._pay(account, won)
    return won


@external
def hand_over(sender: uint256, receiver: uint256, size: int256):
    assert staticcall LEDGER.venue_rights(msg.sender) & LIQUIDATE != 0, "perp: liquidator only"
    assert sender != receiver, "perp: same account"
    held: int256 = self._held(sender)
    assert self._closes(held, -size), "perp: not that much held"
    taken: int256 = self._held(receiver)
    state: State = self._state(self._price(True).price)
    lost: int256 = self._touch(state, sender, held, held - size)
    # The skew as the first touch has left it: the second brings it back.
    state.skew -= size
    won: int256 = self._touch(state, receiver, taken, taken + size)
    self._pay(sender, lost)
    self._pay(receiver, won)


@external
def release(receiver: uint256, amount: uint256):
    assert msg.sender == self.vault, "perp: vault only"
    assert amount <= self._valuation().free_cash, "perp: above free cash"
    extcall LEDGER.transfer_cash(POOL, receiver, amount)


# ── administration ──


@external
def set_fee_word(word: uint256):
    assert msg.sender == FEE_SCHEDULE, "perp: fee schedule only"
    self.fee_word = word
    log IFeeTaker.FeeWordSet(word=word)


@external
def set_params(params: IPerpMarket.Params):
    access._check_admin()
    state: State = self._live()
    cap: int256 = convert(params.rate_cap, int256)
    rate: int256 = max(min(state.rate, cap), -cap)
    self._market = perp_codec._pack_market(state.skew, rate, block.timestamp)
    self._set_params(params, state.funding)


@external
def set_age_exempt(entry: address, exempt: bool):
    access._check_admin()
    self.age_exempt[entry] = exempt
    log IPerpMarket.AgeExemptSet(entry=entry, exempt=exempt)


@external
def set_vault(vault: address):
    access._check_admin()
    assert self.vault == empty(address), "perp: vault already set"
    self.vault = vault
    log IPerpMarket.VaultSet(vault=vault)


# ── views ──


@external
@view
def quote(account: uint256, size: int256) -> (int256, uint256):
    held: int256 = self._held(account)
    spot: IPriceOracle.Spot = self._price(self._closes(held, size))
    fill: Fill = self._fill(self._state(spot.price), held, size, spot.uncertainty)
    return fill.payment, fill.fee


# Reentrant, both: the risk engine asks while this market is settling a trade. By then every word of
# the market is written, so what it reads is the state after the trade.
@external
@view
@reentrant
def unrealised(account: uint256, size: int256) -> int256:
    if size == 0:
        return 0
    return self._unrealised(account, size, self._live().mark)


@external
@view
@reentrant
def unrealised_at(account: uint256, size: int256, index: uint256) -> int256:
    return self._unrealised(account, size, self._state(index).mark)


@external
@view
def valuation() -> IPool.Valuation:
    return self._valuation()


@external
@view
def skew() -> int256:
    return perp_codec._unpack_market(self._market)[0]


@external
@view
def funding() -> (int256, int256):
    state: State = self._live()
    return state.rate, state.funding


@external
@view
def params() -> IPerpMarket.Params:
    return self._params()


# ── internal: deciding ──


@internal
@view
def _held(account: uint256) -> int256:
    # The pool's position is the other side of everyone's: it has no mark of its own.
    assert account != POOL, "perp: pool account"
    return staticcall LEDGER.position(account, INSTRUMENT)


@internal
@pure
def _closes(held: int256, size: int256) -> bool:
    # Size first bounded, so that its absolute value and the sums below exist.
    assert size != 0, "perp: zero size"
    assert size > -SIZE_BOUND and size < SIZE_BOUND, "perp: size out of range"
    return (held > 0) != (size > 0) and abs(size) <= abs(held)


@internal
@view
def _price(closes: bool) -> IPriceOracle.Spot:
    """
    @notice A close may not be locked in by a stale feed: it falls back to the last good price. Who
            waits for the feed to be down and then closes the better of two positions holds an
            option on the outside price; the wider spread is its price. Having paid for its age, he
            is not asked for it again: `updated_at` is now.
    """
    if not closes:
        return staticcall ORACLE.spot(UNDERLYING)
    live: bool = False
    answer: Bytes[96] = b""
    # No caller can make this fail by giving little gas: what is left to him after a call that ran
    # out, a 64th, is less than the rest needs.
    live, answer = raw_call(
        ORACLE.address,
        abi_encode(UNDERLYING, method_id=method_id("spot(uint256)")),
        max_outsize=96,
        is_static_call=True,
        revert_on_failure=False,
    )
    if live:
        return abi_decode(answer, IPriceOracle.Spot)
    spot: IPriceOracle.Spot = staticcall ORACLE.last_good(UNDERLYING)
    age: uint256 = block.timestamp - spot.updated_at
    spot.uncertainty = spot.uncertainty * STALE_SPREAD + isqrt(STALE_DRIFT * STALE_DRIFT * age)
    spot.updated_at = block.timestamp
    return spot


@internal
@view
def _check_age(updated_at: uint256):
    if block.timestamp > updated_at + perp_codec._direct_age(self._funding):
        assert self.age_exempt[msg.sender], "perp: price too old"


@internal
@view
def _fill(state: State, held: int256, size: int256, uncertainty: uint256) -> Fill:
    scale: uint256 = 0
    max_skew: uint256 = 0
    max_trade: uint256 = 0
    share: uint256 = 0
    scale, max_skew, max_trade, share = perp_codec._unpack_limits(self._limits)
    amount: uint256 = convert(abs(size), uint256)
    assert amount <= max_trade, "perp: trade too large"
    self._check_skew(state, size, self._closes(held, size), max_skew, share)
    index: uint256 = convert(state.index, uint256)
    premium: int256 = perp_math._premium(state.index, state.skew, size, state.scale)
    spread: uint256 = perp_math._spread(index, amount, uncertainty)
    closing: uint256 = 0
    if (held > 0) != (size > 0):
        closing = min(amount, convert(abs(held), uint256))
    return Fill(
        payment=premium + convert(spread, int256),
        fee=fee_math._option_fee(self.fee_word, index, index, amount, closing),
    )


@internal
@view
def _check_skew(state: State, size: int256, closes: bool, max_skew: uint256, share: uint256):
    after: int256 = abs(state.skew + size)
    if after <= abs(state.skew):
        return
    cap: int256 = convert(max_skew, int256)
    if closes:
        # Exits have room of their own, but not without end: two accounts of one owner could
        # build a large position each way and close one side into the pool.
        assert after <= cap * CLOSING_ROOM, "perp: skew above cap"
        return
    assert after <= cap, "perp: skew above cap"
    reserve: int256 = self._reserve(after, state.index, share)
    assert self._nav(state, staticcall LEDGER.cash(POOL)) >= reserve, "perp: pool too small"


@internal
@view
def _valuation() -> IPool.Valuation:
    state: State = self._live()
    cash: int256 = staticcall LEDGER.cash(POOL)
    nav: int256 = self._nav(state, cash)
    reserve: int256 = self._reserve(abs(state.skew), state.index, self._params().reserve_share)
    return IPool.Valuation(
        nav=nav,
        risk=perp_math._potential(state.index, state.skew, state.scale),
        depth=0,
        # Neither cash owed to winners nor gains not yet collected can be paid out.
        free_cash=convert(max(min(nav, cash) - reserve, 0), uint256),
    )


@internal
@view
def _nav(state: State, cash: int256) -> int256:
    owed: int256 = state.skew * state.mark - self._marked
    return cash + wad_math._floor_div(-owed, SIGNED_WAD)


@internal
@view
def _unrealised(account: uint256, size: int256, mark: int256) -> int256:
    last_index: int256 = 0
    last_funding: int256 = 0
    last_index, last_funding = self._last(account)
    return wad_math._floor_div(size * (mark - (last_index - last_funding)), SIGNED_WAD)


@internal
@view
def _last(account: uint256) -> (int256, int256):
    """
    @return (index, funding) at which an account with a position was last touched.
    """
    word: uint256 = self._marks[account]
    # A venue gave it a position without `realise`: its whole notional would count as a gain. The
    # risk engine meets this inside the settlement, so that such a fill cannot be posted.
    assert word != 0, "perp: account not marked"
    return perp_codec._unpack_mark(word)


@internal
@pure
def _reserve(skew: int256, index: int256, share: uint256) -> int256:
    return wad_math._smul_ceil(wad_math._smul_ceil(skew, index), convert(share, int256))


@internal
@view
def _live() -> State:
    spot: IPriceOracle.Spot = staticcall ORACLE.spot(UNDERLYING)
    return self._state(spot.price)


@internal
@view
def _state(price: uint256) -> State:
    """
    @notice Funding is accrued to now; what is owed for the time since the last touch is taken at the
            index of now.
    """
    state: State = empty(State)
    updated_at: uint256 = 0
    velocity: int256 = 0
    cap: int256 = 0
    state.index = convert(price, int256)
    state.scale = convert(perp_codec._unpack_limits(self._limits)[0], int256)
    state.skew, state.rate, updated_at = perp_codec._unpack_market(self._market)
    state.funding, velocity, cap = perp_codec._unpack_funding(self._funding)
    elapsed: int256 = convert(block.timestamp - updated_at, int256)
    if elapsed != 0:
        area: int256 = 0
        state.rate, area = perp_math._accrue(
            state.rate, velocity, cap, state.skew, state.scale, elapsed
        )
        state.funding += perp_math._funding(area, state.index)
    state.mark = state.index - state.funding
    return state


@internal
@view
def _params() -> IPerpMarket.Params:
    params: IPerpMarket.Params = empty(IPerpMarket.Params)
    params.scale, params.max_skew, params.max_trade, params.reserve_share = (
        perp_codec._unpack_limits(self._limits)
    )
    funding: int256 = 0
    velocity: int256 = 0
    cap: int256 = 0
    funding, velocity, cap = perp_codec._unpack_funding(self._funding)
    params.velocity = convert(velocity, uint256)
    params.rate_cap = convert(cap, uint256)
    params.direct_age = perp_codec._direct_age(self._funding)
    return params


# ── internal: moving ──


@internal
def _touch(state: State, account: uint256, held: int256, new_held: int256) -> int256:
    """
    @notice Marks the account with its new size, and keeps the funding accrued.
    @return Cash the account has won since its last touch, rounded down.
    """
    last_index: int256 = 0
    last_funding: int256 = 0
    if held != 0:
        last_index, last_funding = self._last(account)
    before: int256 = held * (last_index - last_funding)
    won: int256 = wad_math._floor_div(held * state.mark - before, SIGNED_WAD)

    skew: int256 = state.skew + new_held - held
    self._market = perp_codec._pack_market(skew, state.rate, block.timestamp)
    self._funding = perp_codec._with_index(self._funding, state.funding)
    self._marked += new_held * state.mark - before
    self._marks[account] = perp_codec._pack_mark(state.index, state.funding)
    if held != 0:
        funding: int256 = wad_math._smul_floor(held, last_funding - state.funding)
        log IPerpMarket.Realised(account=account, amount=won, funding=funding)
    return won


@internal
def _pay(account: uint256, won: int256):
    if won != 0:
        extcall LEDGER.move_cash(POOL, account, won)


@internal
def _set_params(params: IPerpMarket.Params, funding: int256):
    assert params.max_skew * MIN_SCALE_SHARES <= params.scale, "perp: max skew out of bounds"
    assert params.max_skew > 0, "perp: max skew out of bounds"
    assert params.max_trade > 0, "perp: max trade out of bounds"
    assert params.max_trade <= 2 * params.max_skew, "perp: max trade out of bounds"
    assert params.reserve_share >= MIN_RESERVE, "perp: reserve out of bounds"
    assert params.reserve_share <= MAX_RESERVE, "perp: reserve out of bounds"
    assert params.velocity <= MAX_VELOCITY, "perp: velocity out of bounds"
    assert params.rate_cap <= MAX_RATE, "perp: rate cap out of bounds"
    assert params.direct_age <= MAX_DIRECT_AGE, "perp: direct age out of bounds"
    self._limits = perp_codec._pack_limits(
        params.scale, params.max_skew, params.max_trade, params.reserve_share
    )
    self._funding = perp_codec._pack_funding(
        funding, params.velocity, params.rate_cap, params.direct_age
    )
    log IPerpMarket.ParamsSet(params=params)
