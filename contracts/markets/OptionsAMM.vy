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
@custom:security The keeper may list, hedge toward zero delta inside a price bound, move toxicity
        inside bounds, and nothing else. LP money leaves only to the vault, only out of cash not
        reserved for shorts, and as the bounty of a refresh that was due.
        What a false price, surface or key can take is bounded by the flow limits and, once every
        expiry is refreshed, by the drawdown halt.
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
from ..math import surface_codec
from . import drawdown_guard
from . import hedge_budget
from . import pool_book
from . import pool_terms


initializes: access
initializes: drawdown_guard
initializes: hedge_budget
initializes: pool_book
initializes: pool_terms
implements: IOptionsAMM
implements: IPool
implements: IFeeTaker


WAD: constant(uint256) = 10**18
MAX_SIZE: constant(int256) = 10**6 * 10**18  # contracts in a leg
VALUATION_AGE: constant(uint256) = 300  # seconds; LPs move only at values this fresh
VALUATION_DRIFT: constant(uint256) = 10**15  # ... with spot within 10 bp of theirs
LIGHT_BOOK: constant(uint256) = 20  # a bound will do for an expiry's reserve up to depth / 20
VALUATION_SURFACE: constant(uint256) = 900  # ... and at surfaces pushed within so many seconds

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
age_exempt: public(HashMap[address, bool])
_market: uint256  # amm_codec


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
    parameters: uint256[4],
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
    pool_terms._set(parameters)


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
    packed: DynArray[uint256, 8] = []
    priced: IOptionPricer.Priced = empty(IOptionPricer.Priced)
    packed, priced = self._price(account, legs, spot)
    assert priced.cash <= limit_cash, "amm: worse than limit"
    for i: uint256 in range(len(legs), bound=4):
        day: uint256 = series_codec._day(legs[i].instrument)
        pool_book._keep(priced.totals, day, priced.books[i])
    extcall ledger.settle(
        msg.sender,
        account,
        POOL,
        packed,
        priced.cash - convert(priced.fee, int256),
        fee_math._split(pool_terms.flow, priced.fee),
    )
    log IOptionsAMM.Traded(account=account, quote=self._quote(priced), spot=spot.price)
    return priced.cash


@external
@view
def quote(account: uint256, legs: DynArray[IOptionsAMM.Leg, 4]) -> IOptionsAMM.Quote:
    """
    @notice What `trade` would ask of `account` now. Limits are checked as a trade would.
    """
    packed: DynArray[uint256, 8] = []
    priced: IOptionPricer.Priced = empty(IOptionPricer.Priced)
    packed, priced = self._price(account, legs, staticcall oracle.spot(UNDERLYING))
    return self._quote(priced)


# ── upkeep, by anyone ──


@external
def refresh(day: uint256, receiver: uint256 = 0):
    """
    @notice Revalues one listed expiry on the live surface and makes that the snapshot its Greeks are
            taken at. Once every expiry is fresh, depth follows the pool's value.
    """
    word: uint256 = pool_book.expiry[day]
    assert word != 0, "amm: expiry not listed"
    spot: uint256 = self._refresh(day, amm_codec._expiry_step(word))
    bounty: uint256 = pool_terms._bounty(word, spot)
    if receiver != 0 and bounty != 0:
        log IOptionsAMM.BountyPaid(receiver=receiver, amount=bounty)
        extcall ledger.transfer_cash(POOL, receiver, bounty)


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
    delta: int256 = risk_math._delta(pool_book.totals[0])
    after: int256 = delta + size
    assert size != 0 and abs(after) < abs(delta), "amm: hedge adds risk"
    # Past zero two hedges in turn would trade to and fro for ever.
    assert after == 0 or (after > 0) == (delta > 0), "amm: hedge past zero"
    spot: IPriceOracle.Spot = staticcall oracle.spot(UNDERLYING)
    upkeep: IOptionsAMM.Upkeep = amm_codec._upkeep(pool_terms.upkeep)
    bound: uint256 = spot.price * upkeep.hedge_bound // WAD
    if size > 0:
        assert limit_price <= spot.price + bound, "amm: hedge price too high"
    else:
        assert limit_price + bound >= spot.price, "amm: hedge price too low"
    hedge_budget._spend(
        convert(abs(size), uint256) * spot.price // WAD,
        amm_codec._depth(self._market) * upkeep.hedge_hour // WAD,
    )
    pool_book._hedged(after)
    cash: int256 = extcall IPerpMarket(perp).trade(POOL, size, limit_price, deadline)
    log IOptionsAMM.Hedged(size=size, cash=cash, delta=after)
    return cash


@external
def set_toxicity(toxicity: uint256):
    """
    @notice The multiplier of the spread: for flow that knows more than the pool.
    """
    access._check_keeper()
    pool_terms._set_toxicity(toxicity)


# ── the vault ──


@external
def release(receiver: uint256, amount: uint256):
    assert msg.sender == self.vault, "amm: vault only"
    assert amount <= self._valuation().free_cash, "amm: cash is reserved"
    depth: uint256 = amm_codec._depth(self._market)
    # Floored at one wei: zero would mean that depth was never set.
    self._market = amm_codec._with_depth(
        self._market, max(depth - min(depth, amount), 1), amm_codec._reference(self._market)
    )
    extcall ledger.transfer_cash(POOL, receiver, amount)


@external
@view
def valuation() -> IPool.Valuation:
    return self._valuation()


# ── administration ──


@external
def set_parameters(words: uint256[4]):
    access._check_admin()
    pool_terms._set(words)


@external
def set_age_exempt(entry: address, exempt: bool):
    access._check_admin()
    self.age_exempt[entry] = exempt
    log IOptionsAMM.AgeExemptSet(entry=entry, exempt=exempt)


@external
def clear_drawdown():
    access._check_admin()
    drawdown_guard._clear()
    self._market = self._market & ~amm_codec.HALTED
    log IOptionsAMM.DrawdownCleared()


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
    pool_terms._set_fee_word(word)
    log IFeeTaker.FeeWordSet(word=word)


# ── views ──


@external
@view
def pool() -> uint256:
    return POOL


@external
@view
def depth() -> uint256:
    return amm_codec._depth(self._market)


@external
@view
def halted() -> bool:
    """
    @return Whether a drawdown has stopped quoting.
    """
    return self._market & amm_codec.HALTED != 0


@external
@view
def risk() -> IOptionPricer.Risk:
    """
    @return Net Greeks of the pool after hedges, and its reserve.
    """
    return risk_math._totals(pool_book.totals)


@external
@view
def parameters() -> uint256[4]:
    return [pool_terms.weights, pool_terms.spreads, pool_terms.flow, pool_terms.upkeep]


@external
@view
def fee_word() -> uint256:
    return pool_terms.flow & amm_codec.FEES


@external
@view
def reference() -> uint256:
    """
    @return Price at which the potential values delta: spot of the latest refresh.
    """
    return amm_codec._reference(self._market)


@external
@view
def snapshot(day: uint256) -> uint256[2]:
    """
    @return Surface words of an expiry's last refresh.
    """
    return pool_book.snapshots[day]


@external
@view
def expiries() -> DynArray[IOptionsAMM.ExpiryState, 12]:
    return pool_book._states()


# ── deciding a price ──


@internal
@view
def _price(
    account: uint256, legs: DynArray[IOptionsAMM.Leg, 4], spot: IPriceOracle.Spot
) -> (DynArray[uint256, 8], IOptionPricer.Priced):
    """
    @return (the legs as the ledger takes them, the pricer's decision).
    """
    assert len(legs) != 0, "amm: no legs"
    pool: IOptionPricer.PoolState = self._pool_state(spot)
    packed: DynArray[uint256, 8] = []
    inputs: DynArray[IOptionPricer.LegInput, 4] = []
    for i: uint256 in range(len(legs), bound=4):
        for j: uint256 in range(i, bound=4):
            assert legs[j].instrument != legs[i].instrument, "amm: instrument twice"
        leg: uint256 = series_codec._leg(legs[i].instrument, legs[i].size)
        packed.append(leg)
        inputs.append(self._load_leg(account, leg, legs[i], pool.spreads))
    return packed, staticcall pricer.price(pool, inputs)


@internal
@view
def _pool_state(spot: IPriceOracle.Spot) -> IOptionPricer.PoolState:
    market: uint256 = self._market
    flow: uint256 = pool_terms.flow
    assert market & amm_codec.HALTED == 0, "amm: halted by drawdown"
    aged: bool = block.timestamp > spot.updated_at + amm_codec._direct_age(flow)
    if aged:
        aged = not self.age_exempt[msg.sender]
    return IOptionPricer.PoolState(
        totals=pool_book.totals,
        market=market,
        weights=pool_terms.weights,
        spreads=pool_terms.spreads,
        flow=flow,
        spot=spot.price,
        uncertainty=spot.uncertainty,
        aged=aged,
    )


@internal
@view
def _load_leg(
    account: uint256, packed: uint256, leg: IOptionsAMM.Leg, spreads: uint256
) -> IOptionPricer.LegInput:
    instrument: uint256 = leg.instrument
    day: uint256 = series_codec._day(instrument)
    word: uint256 = pool_book.expiry[day]
    self._check_series(instrument, leg.size, day, word, spreads)
    max_age: uint256 = amm_codec._max_age(spreads)
    assert block.timestamp <= amm_codec._expiry_time(word) + max_age, "amm: refresh needed"
    live: uint256[2] = staticcall surface.words(UNDERLYING, day)
    posted: uint256 = surface_codec._timestamp(live)
    assert block.timestamp <= posted + max_age, "amm: surface stale"
    previous: uint256[2] = [0, 0]
    if block.timestamp < posted + amm_codec._push_window(spreads):
        previous = staticcall surface.previous_words(UNDERLYING, day)
    # No expiry is pushed twice in a second: a snapshot as old as the surface is the surface.
    snapshot: uint256[2] = live
    if amm_codec._expiry_posted(word) != posted:
        snapshot = pool_book.snapshots[day]
    return IOptionPricer.LegInput(
        leg=packed,
        taker_position=staticcall ledger.position(account, instrument),
        live=live,
        previous=previous,
        expiry=word,
        snapshot=snapshot,
        book=pool_book.books[day],
    )


@internal
@view
def _check_series(
    instrument: uint256, size: int256, day: uint256, word: uint256, spreads: uint256
):
    assert size != 0, "amm: zero size"
    assert size >= -MAX_SIZE and size <= MAX_SIZE, "amm: size too large"
    assert series_codec._is_option(instrument), "amm: not an option"
    assert series_codec._underlying(instrument) == UNDERLYING, "amm: other underlying"
    assert word != 0, "amm: expiry not listed"
    expiry: uint256 = series_codec._expiry(day)
    assert block.timestamp < expiry, "amm: series expired"
    assert block.timestamp + amm_codec._min_life(spreads) <= expiry, "amm: too close to expiry"
    steps: uint256 = series_codec._strike_steps(instrument)
    assert steps % amm_codec._expiry_step(word) == 0, "amm: strike off the grid"


@internal
@pure
def _quote(priced: IOptionPricer.Priced) -> IOptionsAMM.Quote:
    return IOptionsAMM.Quote(
        cash=priced.cash,
        mark=priced.mark,
        impact=priced.impact,
        spread=priced.spread,
        fee=priced.fee,
    )


# ── keeping the book ──


@internal
def _refresh(day: uint256, strike_step: uint256) -> uint256:
    """
    @return Spot.
    """
    spot: IPriceOracle.Spot = staticcall oracle.spot(UNDERLYING)
    words: uint256[2] = staticcall surface.words(UNDERLYING, day)
    instruments: DynArray[uint256, 64] = []
    sizes: DynArray[int256, 64] = []
    instruments, sizes = staticcall ledger.pool_positions(POOL, UNDERLYING, day)
    assert words[1] != 0, "amm: no surface"
    book: IOptionPricer.BookValue = staticcall pricer.book(
        spot.price,
        words,
        day,
        instruments,
        sizes,
        amm_codec._depth(self._market) // LIGHT_BOOK,
    )
    word: uint256 = amm_codec._pack_expiry(
        spot.price, block.timestamp, book.bound, surface_codec._timestamp(words), strike_step
    )
    pool_book._replace(day, book, word, words)
    self._market = amm_codec._with_depth(
        self._market, amm_codec._depth(self._market), spot.price
    )
    if self._is_fresh(spot.price):
        self._follow_nav(self._nav(pool_book._value()), spot.price)
    # Even where other expiries are old: whoever robs the pool would leave one of them so.
    nav: int256 = self._nav(pool_book._value_near(spot.price))
    fell: bool = drawdown_guard._fell(
        self.vault, nav, amm_codec._upkeep(pool_terms.upkeep).drawdown
    )
    if fell and self._market & amm_codec.HALTED == 0:
        self._market = self._market | amm_codec.HALTED
        log IOptionsAMM.DrawdownHalt(nav=nav)
    log IOptionsAMM.ExpiryRefreshed(day=day, spot=spot.price, value=book.value)
    return spot.price


# ── value and depth ──


@internal
@view
def _valuation() -> IPool.Valuation:
    spot: IPriceOracle.Spot = staticcall oracle.spot(UNDERLYING)
    assert self._is_fresh(spot.price), "amm: valuation stale"
    nav: int256 = self._nav(pool_book._value())
    held: int256 = min(nav, staticcall ledger.cash(POOL))
    free: int256 = held - risk_math._reserve(pool_book.totals[0])
    return IPool.Valuation(
        nav=nav,
        risk=self._potential(),
        depth=amm_codec._depth(self._market),
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
        # An LP pays no spread on vol: who knows better than an old surface would leave at its price.
        if block.timestamp > amm_codec._expiry_posted(word) + VALUATION_SURFACE:
            return False
        then: uint256 = amm_codec._expiry_spot(word)
        if (max(spot, then) - min(spot, then)) * WAD > then * VALUATION_DRIFT:
            return False
    return True


@internal
@view
def _nav(options: int256) -> int256:
    hedge: int256 = staticcall ledger.position(POOL, PERP_ID)
    nav: int256 = staticcall ledger.cash(POOL) + options
    if hedge != 0:
        nav += staticcall IPerpMarket(perp).unrealised(POOL, hedge)
    return nav


@internal
@view
def _potential() -> uint256:
    """
    @return What the pool owes to those who will take its risk off; the change from an empty book.
    """
    depth: uint256 = amm_codec._depth(self._market)
    if depth == 0:
        return 0
    numerator: int256 = pool_book._numerator(
        pool_terms.weights, amm_codec._reference(self._market)
    )
    return convert(risk_math._divide(numerator, depth), uint256)


@internal
def _follow_nav(nav: int256, reference: uint256):
    """
    @notice Depth falls with a loss at once and grows slowly: a deposit that doubled it between two
            trades would be a gift to whoever knows its date. A book without risk has no gift to
            make, and follows at once: depth left tiny would take weeks to grow back.
    """
    value: uint256 = convert(max(nav, 0), uint256)
    depth: uint256 = amm_codec._depth(self._market)
    elapsed: uint256 = block.timestamp - amm_codec._depth_time(self._market)
    growth: uint256 = amm_codec._upkeep(pool_terms.upkeep).depth_growth
    grown: uint256 = depth + depth * growth // WAD * elapsed // 3600
    if depth != 0 and value > grown:
        if pool_book._numerator(pool_terms.weights, reference) != 0:
            value = grown
    self._market = amm_codec._with_depth_time(
        amm_codec._with_depth(self._market, value, reference), block.timestamp
    )
    log IOptionsAMM.DepthSet(depth=value, nav=nav)
