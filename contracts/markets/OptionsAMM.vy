#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title OptionsAMM
@author Vomma
@license AGPL-3.0-only
@notice Sells and buys European options of one underlying from an LP pool. A taker pays mark, the
        change of the pool's risk potential, a spread and a fee; the pricer decides, this contract
        keeps the pool's Greeks and its limits, the ledger moves money and positions.

        What a trade may assume and a reader should know:
          - Greeks inside the potential are those of the expiry's last refresh; the mark is live.
          - `depth` is frozen between refreshes. No trade moves it.
          - Value and Greeks of an expiry are exact at its refresh and adjusted by every trade since.
@custom:security The keeper may list, hedge toward zero delta inside a price bound, and nothing else.
        LP money leaves only to the vault, only out of cash not reserved for shorts.
@custom:kill Pause the ledger: every trade settles there. Expiries still close, LPs still leave.
"""


from ..access import role_access as access
from ..interfaces import IClearinghouse
from ..interfaces import IExpirySettlement
from ..interfaces import IFeeTaker
from ..interfaces import IOptionPricer
from ..interfaces import IOptionsAMM
from ..interfaces import IPerpMarket
from ..interfaces import IPool
from ..interfaces import IPriceOracle
from ..interfaces import IVolSurface
from ..math import amm_codec
from ..math import fee_math
from ..math import risk_math
from ..math import series_codec
from . import pool_book


initializes: access
initializes: pool_book
implements: IOptionsAMM
implements: IPool
implements: IFeeTaker


WAD: constant(uint256) = 10**18
MAX_SIZE: constant(int256) = 10**6 * 10**18  # contracts in a leg
VALUATION_AGE: constant(uint256) = 300  # seconds; LPs move only at values this fresh
VALUATION_DRIFT: constant(uint256) = 10**15  # ... and with spot within 10 bp of theirs

UNDERLYING: public(immutable(uint256))
ledger: immutable(IClearinghouse)
oracle: immutable(IPriceOracle)
surface: immutable(IVolSurface)
pricer: immutable(IOptionPricer)
perp: public(immutable(address))
settlement: immutable(IExpirySettlement)
fee_schedule: immutable(address)
POOL: immutable(uint256)
PERP_ID: immutable(uint256)

vault: public(address)
_market: uint256  # depth uint128 | depth set at uint40 | reference price uint88
_weights: uint256
_spreads: uint256
_limits: uint256
_fee_word: uint256


@deploy
def __init__(
    manager: address,
    underlying: uint256,
    ledger_: address,
    oracle_: address,
    surface_: address,
    pricer_: address,
    perp_: address,
    settlement_: address,
    fee_schedule_: address,
    weights: IOptionsAMM.Weights,
    spreads: IOptionsAMM.Spreads,
    limits: IOptionsAMM.Limits,
):
    access.__init__(manager)
    UNDERLYING = underlying
    ledger = IClearinghouse(ledger_)
    oracle = IPriceOracle(oracle_)
    surface = IVolSurface(surface_)
    pricer = IOptionPricer(pricer_)
    perp = perp_
    settlement = IExpirySettlement(settlement_)
    fee_schedule = fee_schedule_
    POOL = convert(self, uint256) << 96
    PERP_ID = series_codec._pack(series_codec.PERP, underlying, 0, 0)
    self._set_parameters(weights, spreads, limits)


# ── takers ──


@external
def trade(
    account: uint256,
    legs: DynArray[IOptionsAMM.Leg, 4],
    limit_cash: int256,
    deadline: uint256,
) -> int256:
    assert block.timestamp <= deadline, "amm: deadline passed"
    spot: IPriceOracle.Spot = staticcall oracle.spot(UNDERLYING)
    priced: IOptionPricer.Priced = self._price(account, legs, spot)
    quote: IOptionsAMM.Quote = self._quote(legs, priced)
    assert quote.cash <= limit_cash, "amm: worse than limit"
    self._book_trade(legs, priced)
    packed: DynArray[uint256, 8] = []
    for leg: IOptionsAMM.Leg in legs:
        packed.append(series_codec._leg(leg.instrument, leg.size))
    extcall ledger.settle(
        msg.sender,
        account,
        POOL,
        packed,
        quote.cash - convert(quote.fee, int256),
        fee_math._split(self._fee_word, quote.fee),
    )
    log IOptionsAMM.Traded(account=account, legs=legs, quote=quote, spot=spot.price)
    return quote.cash


@external
@view
def quote(account: uint256, legs: DynArray[IOptionsAMM.Leg, 4]) -> IOptionsAMM.Quote:
    """
    @notice What `trade` would ask of `account` now. Limits are checked as a trade would.
    """
    priced: IOptionPricer.Priced = self._price(account, legs, staticcall oracle.spot(UNDERLYING))
    self._check_limits(pool_book._after(priced.total), priced)
    return self._quote(legs, priced)


# ── upkeep, by anyone ──


@external
def refresh(day: uint256):
    """
    @notice Revalues one listed expiry on the live surface and makes that the snapshot its Greeks are
            taken at. Once every expiry is fresh, depth follows the pool's value.
    """
    assert pool_book.expiry[day] != 0, "amm: expiry not listed"
    self._refresh(day, amm_codec._expiry_step(pool_book.expiry[day]))


@external
def close_expiry(day: uint256):
    """
    @notice Settles the pool's positions of an expiry with a settlement price and forgets it.
    """
    assert pool_book.expiry[day] != 0, "amm: expiry not listed"
    price: uint256 = staticcall settlement.settlement_price(UNDERLYING, day)
    assert price != 0, "amm: no settlement price"
    pool_book._forget(day)
    extcall settlement.settle_pool(POOL, UNDERLYING, day)
    log IOptionsAMM.ExpiryClosed(day=day)


# ── keeper ──


@external
def list_expiry(day: uint256, strike_step: uint256):
    """
    @param strike_step Strikes are multiples of it, in 1e-4 units of the quote token.
    """
    access._check_keeper()
    assert pool_book.expiry[day] == 0, "amm: expiry listed"
    assert strike_step != 0, "amm: no strike step"
    assert block.timestamp < series_codec._expiry(day), "amm: series expired"
    assert len(pool_book.days) < pool_book.MAX_EXPIRIES, "amm: too many expiries"
    pool_book.days.append(day)
    self._refresh(day, strike_step)
    log IOptionsAMM.ExpiryListed(day=day, strike_step=strike_step)


@external
def hedge(size: int256, limit_price: uint256, deadline: uint256) -> int256:
    """
    @notice Trades the perp for the pool, only toward zero delta and only inside the price bound.
    @return Cash paid, fee included.
    """
    access._check_keeper()
    delta: int256 = risk_math._high(pool_book.totals[0])
    after: int256 = delta + size
    assert size != 0 and abs(after) < abs(delta), "amm: hedge adds risk"
    spot: IPriceOracle.Spot = staticcall oracle.spot(UNDERLYING)
    bound: uint256 = spot.price * amm_codec._limits(self._limits).hedge_bound // WAD
    if size > 0:
        assert limit_price <= spot.price + bound, "amm: hedge price too high"
    else:
        assert limit_price + bound >= spot.price, "amm: hedge price too low"
    pool_book.totals[0] = risk_math._pair(after, risk_math._low(pool_book.totals[0]))
    cash: int256 = extcall IPerpMarket(perp).trade(POOL, size, limit_price, deadline)
    log IOptionsAMM.Hedged(size=size, cash=cash, delta=after)
    return cash


# ── the vault ──


@external
def release(receiver: uint256, amount: uint256):
    assert msg.sender == self.vault, "amm: vault only"
    assert amount <= self._valuation().free_cash, "amm: cash is reserved"
    depth: uint256 = self._market >> 128
    # Floored at one wei: zero would mean that depth was never set.
    self._set_depth(max(depth - min(depth, amount), 1), self._reference())
    extcall ledger.transfer_cash(POOL, receiver, amount)


@external
@view
def valuation() -> IPool.Valuation:
    return self._valuation()


# ── administration ──


@external
def set_parameters(
    weights: IOptionsAMM.Weights, spreads: IOptionsAMM.Spreads, limits: IOptionsAMM.Limits
):
    access._check_admin()
    self._set_parameters(weights, spreads, limits)


@external
def set_vault(vault: address):
    """
    @notice Once: LPs must know who can take the pool's money.
    """
    access._check_admin()
    assert self.vault == empty(address), "amm: vault is set"
    assert vault != empty(address), "amm: no vault"
    self.vault = vault
    log IOptionsAMM.VaultSet(vault=vault)


@external
def set_fee_word(word: uint256):
    assert msg.sender == fee_schedule, "amm: fee schedule only"
    self._fee_word = word
    log IFeeTaker.FeeWordSet(word=word)


# ── views ──


@external
@view
def pool() -> uint256:
    return POOL


@external
@view
def depth() -> uint256:
    return self._market >> 128


@external
@view
def risk() -> IOptionPricer.Risk:
    """
    @return Net Greeks of the pool after hedges, and its reserve.
    """
    return pool_book._after(empty(IOptionPricer.Risk))


@external
@view
def parameters() -> (IOptionsAMM.Weights, IOptionsAMM.Spreads, IOptionsAMM.Limits):
    return (
        amm_codec._weights(self._weights),
        amm_codec._spreads(self._spreads),
        amm_codec._limits(self._limits),
    )


@external
@view
def fee_word() -> uint256:
    return self._fee_word


@external
@view
def reference() -> uint256:
    """
    @return Price at which the potential values delta: spot of the latest refresh.
    """
    return self._reference()


@external
@view
def snapshot(day: uint256) -> uint256[2]:
    """
    @return Surface words of an expiry's last refresh.
    """
    return pool_book.books[day].snapshot


@external
@view
def expiries() -> DynArray[IOptionsAMM.ExpiryState, 12]:
    return pool_book._states()


# ── deciding a price ──


@internal
@view
def _price(
    account: uint256, legs: DynArray[IOptionsAMM.Leg, 4], spot: IPriceOracle.Spot
) -> IOptionPricer.Priced:
    assert len(legs) != 0, "amm: no legs"
    limits: IOptionsAMM.Limits = amm_codec._limits(self._limits)
    inputs: DynArray[IOptionPricer.LegInput, 4] = []
    for i: uint256 in range(len(legs), bound=4):
        for j: uint256 in range(i, bound=4):
            assert legs[j].instrument != legs[i].instrument, "amm: instrument twice"
        inputs.append(self._load_leg(account, legs[i], limits))
    priced: IOptionPricer.Priced = staticcall pricer.price(
        IOptionPricer.PoolState(
            totals=pool_book.totals,
            depth=self._market >> 128,
            reference=self._reference(),
            weights=self._weights,
            pricing=self._spreads,
            fee_word=self._fee_word,
            spot=spot.price,
            uncertainty=spot.uncertainty,
        ),
        inputs,
    )
    # Less risk is paid for up to the cap. More would open an arbitrage between strikes; a refusal
    # would lock the risk in.
    cap: uint256 = priced.gross_vega * limits.shift_cap // WAD
    priced.impact = max(priced.impact, -convert(cap, int256))
    return priced


@internal
@view
def _load_leg(
    account: uint256, leg: IOptionsAMM.Leg, limits: IOptionsAMM.Limits
) -> IOptionPricer.LegInput:
    instrument: uint256 = leg.instrument
    day: uint256 = series_codec._day(instrument)
    word: uint256 = pool_book.expiry[day]
    assert leg.size != 0, "amm: zero size"
    assert abs(leg.size) <= MAX_SIZE, "amm: size too large"
    assert series_codec._is_option(instrument), "amm: not an option"
    assert series_codec._underlying(instrument) == UNDERLYING, "amm: other underlying"
    assert word != 0, "amm: expiry not listed"
    expiry: uint256 = series_codec._expiry(day)
    assert block.timestamp < expiry, "amm: series expired"
    assert block.timestamp + limits.min_life <= expiry, "amm: too close to expiry"
    steps: uint256 = series_codec._strike(instrument) // series_codec.STRIKE_STEP
    assert steps % amm_codec._expiry_step(word) == 0, "amm: strike off the grid"
    assert block.timestamp <= amm_codec._expiry_time(word) + limits.max_age, "amm: refresh needed"
    live: uint256[2] = staticcall surface.words(UNDERLYING, day)
    posted: uint256 = live[1] & (2**64 - 1)
    assert block.timestamp <= posted + limits.max_age, "amm: surface stale"
    # The second word ends in the second of the push, and no expiry is pushed twice in one: where it
    # is the same, so is the first, which need not be read.
    snapshot: uint256[2] = live
    if pool_book.books[day].snapshot[1] != live[1]:
        snapshot = pool_book.books[day].snapshot
    return IOptionPricer.LegInput(
        instrument=instrument,
        size=leg.size,
        taker_position=staticcall ledger.position(account, instrument),
        pool_position=staticcall ledger.position(POOL, instrument),
        live=live,
        expiry=word,
        snapshot=snapshot,
        expiry_vega=pool_book._vega(day),
    )


@internal
@pure
def _quote(
    legs: DynArray[IOptionsAMM.Leg, 4], priced: IOptionPricer.Priced
) -> IOptionsAMM.Quote:
    payment: int256 = priced.mark + priced.impact + convert(priced.spread, int256)
    cash: int256 = payment + convert(priced.fee, int256)
    buys: uint256 = 0
    for leg: IOptionsAMM.Leg in legs:
        if leg.size > 0:
            buys += 1
    # A clamp to zero would pay the taker out of the pool for taking what the pool wants to give.
    if buys == 0:
        assert cash < 0, "amm: no bid"
    if buys == len(legs):
        assert payment > 0, "amm: no ask"
    return IOptionsAMM.Quote(
        cash=cash, mark=priced.mark, impact=priced.impact, spread=priced.spread, fee=priced.fee
    )


@internal
@view
def _check_limits(after: IOptionPricer.Risk, priced: IOptionPricer.Priced):
    """
    @notice A trade may not carry the pool past a limit; one that brings it back may always.
    """
    limits: IOptionsAMM.Limits = amm_codec._limits(self._limits)
    depth: uint256 = self._market >> 128
    cap: uint256 = priced.gross_vega * limits.shift_cap // WAD
    assert priced.impact <= convert(cap, int256), "amm: impact above cap"
    if abs(after.vega) > abs(after.vega - priced.total.vega):
        bound: uint256 = depth * limits.vega // WAD
        assert convert(abs(after.vega), uint256) <= bound, "amm: vega limit"
    if abs(after.delta) > abs(after.delta - priced.total.delta):
        exposure: uint256 = convert(abs(after.delta), uint256) * self._reference() // WAD
        assert exposure <= depth * limits.delta // WAD, "amm: delta limit"
    if priced.total.reserve > 0:
        bound: uint256 = depth * limits.utilisation // WAD
        assert after.reserve <= convert(bound, int256), "amm: utilisation limit"


# ── keeping the book ──


@internal
def _book_trade(legs: DynArray[IOptionsAMM.Leg, 4], priced: IOptionPricer.Priced):
    after: IOptionPricer.Risk = pool_book._after(priced.total)
    for i: uint256 in range(len(legs), bound=4):
        day: uint256 = series_codec._day(legs[i].instrument)
        kept: int256 = pool_book._add_leg(day, legs[i].size, priced.legs[i])
        after.reserve += kept
    self._check_limits(after, priced)
    pool_book._set_totals(after)


@internal
def _refresh(day: uint256, strike_step: uint256):
    spot: IPriceOracle.Spot = staticcall oracle.spot(UNDERLYING)
    words: uint256[2] = staticcall surface.words(UNDERLYING, day)
    instruments: DynArray[uint256, 64] = []
    sizes: DynArray[int256, 64] = []
    instruments, sizes = staticcall ledger.pool_positions(POOL, UNDERLYING, day)
    assert words[1] != 0, "amm: no surface"
    share: uint256 = amm_codec._spreads(self._spreads).reserve_share
    book: IOptionPricer.BookValue = staticcall pricer.book(
        spot.price, words, share, instruments, sizes
    )
    word: uint256 = amm_codec._pack_expiry(
        spot.price, block.timestamp, convert(book.risk.reserve, uint256), strike_step
    )
    pool_book._replace(day, book, word, words)
    self._set_depth(self._market >> 128, spot.price)
    if self._is_fresh(spot.price):
        self._follow_nav(self._nav(), spot.price)
    log IOptionsAMM.ExpiryRefreshed(day=day, spot=spot.price, value=book.value)


# ── value and depth ──


@internal
@view
def _valuation() -> IPool.Valuation:
    spot: IPriceOracle.Spot = staticcall oracle.spot(UNDERLYING)
    assert self._is_fresh(spot.price), "amm: valuation stale"
    nav: int256 = self._nav()
    held: int256 = min(nav, staticcall ledger.cash(POOL))
    free: int256 = held - risk_math._low(pool_book.totals[2])
    return IPool.Valuation(
        nav=nav,
        risk=self._potential(),
        depth=self._market >> 128,
        free_cash=convert(max(free, 0), uint256),
    )


@internal
@view
def _is_fresh(spot: uint256) -> bool:
    for day: uint256 in pool_book.days:
        word: uint256 = pool_book.expiry[day]
        if block.timestamp >= series_codec._expiry(day):
            return False
        if block.timestamp > amm_codec._expiry_time(word) + VALUATION_AGE:
            return False
        then: uint256 = amm_codec._expiry_spot(word)
        if (max(spot, then) - min(spot, then)) * WAD > then * VALUATION_DRIFT:
            return False
    return True


@internal
@view
def _nav() -> int256:
    hedge: int256 = staticcall ledger.position(POOL, PERP_ID)
    nav: int256 = staticcall ledger.cash(POOL) + pool_book._value()
    if hedge != 0:
        nav += staticcall IPerpMarket(perp).unrealised(POOL, hedge)
    return nav


@internal
@view
def _potential() -> uint256:
    """
    @return What the pool owes to those who will take its risk off; the change from an empty book.
    """
    depth: uint256 = self._market >> 128
    if depth == 0:
        return 0
    numerator: int256 = pool_book._numerator(self._weights, self._reference())
    return convert(risk_math._divide(numerator, depth), uint256)


@internal
def _follow_nav(nav: int256, reference: uint256):
    """
    @notice Depth falls with a loss at once and grows slowly: a deposit that doubled it between two
            trades would be a gift to whoever knows its date. A book without risk has no gift to
            make, and follows at once: depth left tiny would take weeks to grow back.
    """
    value: uint256 = convert(max(nav, 0), uint256)
    depth: uint256 = self._market >> 128
    elapsed: uint256 = block.timestamp - ((self._market >> 88) & (2**40 - 1))
    growth: uint256 = amm_codec._limits(self._limits).depth_growth
    grown: uint256 = depth + depth * growth // WAD * elapsed // 3600
    if depth != 0 and value > grown:
        if pool_book._numerator(self._weights, reference) != 0:
            value = grown
    self._set_depth(value, reference)
    self._market = (self._market & ~((2**40 - 1) << 88)) | (block.timestamp << 88)
    log IOptionsAMM.DepthSet(depth=value, nav=nav)


@internal
def _set_depth(depth: uint256, reference: uint256):
    assert depth < 2**128 and reference < 2**88, "amm: depth out of field"
    self._market = (depth << 128) | (self._market & ((2**40 - 1) << 88)) | reference


@internal
@view
def _reference() -> uint256:
    return self._market & (2**88 - 1)


@internal
def _set_parameters(
    weights: IOptionsAMM.Weights, spreads: IOptionsAMM.Spreads, limits: IOptionsAMM.Limits
):
    assert spreads.toxicity >= WAD and spreads.toxicity <= 5 * WAD, "amm: toxicity out of range"
    assert spreads.delta_cut < WAD // 2, "amm: delta cut out of range"
    assert spreads.max_drift <= WAD // 2, "amm: drift out of range"
    assert limits.utilisation <= WAD, "amm: utilisation out of range"
    assert limits.hedge_bound <= WAD // 10, "amm: hedge bound out of range"
    self._weights = amm_codec._pack_weights(weights)
    self._spreads = amm_codec._pack_spreads(spreads)
    self._limits = amm_codec._pack_limits(limits)
    log IOptionsAMM.ParametersSet(weights=weights, spreads=spreads, limits=limits)
