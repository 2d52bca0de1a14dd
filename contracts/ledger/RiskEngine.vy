#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title RiskEngine
@author Vomma
@license AGPL-3.0-only
@notice Portfolio margin: the worst value of everything an account holds over a list of scenarios,
        less contingencies, so that what offsets in a scenario nets. Deployed after the AccessManager,
        the oracle and the surface, before the ledger. ADMIN then sets the scenarios (until then
        nothing can be judged) and calls `set_perp` for every underlying that has a perpetual.

        By underlying, with V0 the value at mark and W = worst scenario less contingencies, summed:
          maintenance = max(0, V0 - W), so that equity covers it where cash + W >= 0
          initial     = max(0, V0 + g(-W)), g(x) = factor x for x > 0, x / factor otherwise
        V0 - W is sublinear: two portfolios together never need more than apart.
        Scenarios, all with each leg's volatility as it is at the unmoved spot: core moves of spot by vol
        up, same and down; tails with vol up, of which a share of the P&L counts; two tilts of the
        smile. Volatility moves further for short lives, by (30 days / life) ** (1/4).
        Contingencies, times spot: short rate on net short calls and puts of each expiry, perp rate on
        perps, basis rate and the price's uncertainty on the delta that calls or puts of an expiry are
        net short of, the larger of the two: a long is never charged for more than it is worth.
        `is_sound` tries a bound first (scenario_math).
        Where no price is live, and the caller allows it, all of an underlying is judged at both
        edges of the band around the last good price, and the worse counts.
@custom:security Not covered: moves beyond the list; a surface, perp market or vault that reports wrongly.
@custom:error Against the account, to some wei a contract beyond the kernel's error.
"""


from ..access import role_access as access
from ..interfaces import ICollateralVault
from ..interfaces import IPerpMarket
from ..interfaces import IRiskEngine
from ..math import margin_codec
from ..math import price_fallback
from ..math import scenario_math
from ..math import series_codec
from ..math import wad_math
from . import market_reads


implements: IRiskEngine
initializes: access
exports: access.manager


struct Book:
    # what is judged, and how
    account: uint256
    instruments: DynArray[uint256, _MAX]
    sizes: DynArray[int256, _MAX]
    fallback: uint256
    terms: uint256


struct Held:
    # of one underlying at one spot; WAD
    sums: scenario_math.Sums
    flat: int256  # the same in every scenario
    perp: int256
    posted: int256  # collateral's units of the underlying, after the haircut
    naked: uint256
    delta: uint256  # WAD squared
    done: uint256  # bits of the positions seen


_MAX: constant(uint256) = 64  # instruments of a list
_WAD: constant(uint256) = 10**18
_SWAD: constant(int256) = 10**18
_SIZE_BOUND: constant(int256) = 2**127

_MAX_HAIRCUT: constant(uint256) = 9 * 10**17

oracle: public(immutable(address))
surface: public(immutable(address))

_terms: uint256  # margin_codec
_tails: uint256
perps: public(HashMap[uint256, address])  # underlying -> market
_vaults: HashMap[uint256, uint256]  # instrument -> haircut << 160 | vault


@deploy
def __init__(manager: address, oracle_: address, surface_: address):
    access.__init__(manager)
    assert oracle_ != empty(address), "risk: no oracle"
    assert surface_ != empty(address), "risk: no surface"
    oracle = oracle_
    surface = surface_


# ── administration ──


@external
def set_scenarios(terms: uint256, tails: uint256):
    access._check_admin()
    margin_codec._check(terms, tails)
    self._terms = terms
    self._tails = tails
    log IRiskEngine.ScenariosSet(terms=terms, tails=tails)


@external
def set_perp(underlying: uint256, market: address):
    access._check_admin()
    assert market != empty(address), "risk: no perp market"
    assert self.perps[underlying] == empty(address), "risk: perp set"
    self.perps[underlying] = market
    log IRiskEngine.PerpSet(underlying=underlying, market=market)


@external
def set_collateral(instrument: uint256, vault: address, haircut: uint256):
    access._check_admin()
    assert series_codec._is_collateral(instrument), "risk: not collateral"
    assert vault != empty(address), "risk: no vault"
    assert haircut <= _MAX_HAIRCUT, "risk: haircut out of bounds"
    known: address = self._vault(instrument)
    assert known == empty(address) or known == vault, "risk: other vault set"
    self._vaults[instrument] = (haircut << 160) | convert(vault, uint256)
    log IRiskEngine.CollateralSet(instrument=instrument, vault=vault, haircut=haircut)


# ── views ──


@external
@view
def assess(
    account: uint256,
    cash: int256,
    instruments: DynArray[uint256, _MAX],
    sizes: DynArray[int256, _MAX],
    fallback: uint256 = price_fallback.LIVE_ONLY,
) -> (int256, uint256, uint256):
    book: Book = self._book(account, instruments, sizes, fallback)
    value: int256 = 0
    stressed: int256 = 0
    value, stressed = self._scan(book)
    return (
        cash + value,
        convert(max(value + self._needed(stressed, book.terms), 0), uint256),
        convert(max(value - stressed, 0), uint256),
    )


@external
@view
def is_sound(
    account: uint256,
    cash: int256,
    instruments: DynArray[uint256, _MAX],
    sizes: DynArray[int256, _MAX],
    fallback: uint256,
    initial: bool,
) -> bool:
    terms: uint256 = self._known_terms()
    least: int256 = self._linear(account, instruments, sizes, fallback, terms)
    if cash >= (self._needed(least, terms) if initial else -least):
        return True
    # By a call to itself: the memory of a scan is then paid for by a scan alone.
    found: (int256, uint256, uint256) = staticcall IRiskEngine(self).assess(
        account, cash, instruments, sizes, fallback
    )
    return found[0] >= convert(found[1] if initial else found[2], int256)


@external
@view
def reserve(
    instruments: DynArray[uint256, _MAX], sizes: DynArray[int256, _MAX], enough: uint256
) -> uint256:
    last: uint256 = price_fallback.LAST_GOOD
    least: int256 = self._linear(0, instruments, sizes, last, self._known_terms())
    asked: uint256 = convert(max(-least, 0), uint256)
    if asked <= enough:
        return asked
    found: (int256, uint256, uint256) = staticcall IRiskEngine(self).assess(
        0, 0, instruments, sizes, last
    )
    return convert(max(convert(found[2], int256) - found[0], 0), uint256)


@external
@view
def short_bound(day: uint256) -> uint256:
    terms: uint256 = self._known_terms()
    left: uint256 = market_reads._left(day)
    # As short as the life may get while the bound is in use.
    return self._bound(left - min(left, margin_codec._surface_age(terms)), terms)


@external
@view
def short_requirement(instrument: uint256, spot: uint256) -> uint256:
    terms: uint256 = self._known_terms()
    expiry: market_reads.Expiry = self._expiry(
        market_reads._group(instrument), price_fallback.LAST_GOOD, terms
    )
    return self._short(instrument, spot, 0, expiry, self._bound(expiry.left, terms))


@external
@view
def scenarios() -> (uint256, uint256):
    return self._terms, self._tails


@external
@view
def collateral(instrument: uint256) -> (address, uint256):
    return self._vault(instrument), self._vaults[instrument] >> 160


# ── what is asked for ──


@internal
@view
def _known_terms() -> uint256:
    terms: uint256 = self._terms
    assert terms != 0, "risk: no scenarios"
    return terms


@internal
@view
def _book(
    account: uint256,
    instruments: DynArray[uint256, _MAX],
    sizes: DynArray[int256, _MAX],
    fallback: uint256,
) -> Book:
    return Book(
        account=account,
        instruments=instruments,
        sizes=sizes,
        fallback=fallback,
        terms=self._known_terms(),
    )


@internal
@pure
def _needed(stressed: int256, terms: uint256) -> int256:
    """
    @return Cash that initial margin asks for: below zero where some may be owed.
    """
    factor: int256 = convert(margin_codec._factor(terms), int256)
    if stressed < 0:
        return wad_math._smul_ceil(-stressed, factor)
    return -wad_math._sdiv_floor(stressed, factor)


# ── the scan ──


@internal
@view
def _scan(book: Book) -> (int256, int256):
    """
    @return (V0, W), WAD.
    """
    grid: scenario_math.Grid = scenario_math._grid(book.terms, self._tails)
    value: int256 = 0
    stressed: int256 = 0
    seen: uint256 = 0
    for instrument: uint256 in book.instruments:
        underlying: uint256 = series_codec._underlying(instrument)
        if (seen >> underlying) & 1 != 0:
            continue
        seen |= 1 << underlying
        worst: int256[2] = self._worst(book, grid, underlying)
        value += worst[0]
        stressed += worst[1]
    return value, stressed


@internal
@view
def _worst(book: Book, grid: scenario_math.Grid, underlying: uint256) -> int256[2]:
    """
    @return (V0, W) of one underlying, WAD; the lower ones of both edges.
    """
    held: Held = empty(Held)
    open: bool = False
    held, open = self._settled(book, underlying)
    if not open:
        # No price is asked for.
        return [held.flat, held.flat]
    price: market_reads.Price = market_reads._price(oracle, underlying, book.fallback)
    low: int256[2] = self._at(book, grid, underlying, price.low, price.uncertainty, held)
    if price.high == price.low:
        return low
    high: int256[2] = self._at(book, grid, underlying, price.high, price.uncertainty, held)
    return [min(low[0], high[0]), min(low[1], high[1])]


@internal
@view
def _settled(book: Book, underlying: uint256) -> (Held, bool):
    """
    @return (payoffs of the printed series, whether there is anything else).
    """
    held: Held = empty(Held)
    open: bool = False
    for i: uint256 in range(len(book.instruments), bound=_MAX):
        instrument: uint256 = book.instruments[i]
        if series_codec._underlying(instrument) != underlying:
            continue
        price: uint256 = market_reads._print(oracle, instrument)
        if price == 0:
            open = True
            continue
        payoff: uint256 = market_reads._intrinsic(instrument, price)
        held.flat += wad_math._smul_floor(book.sizes[i], convert(payoff, int256))
        held.done |= 1 << i
    return held, open


@internal
@view
def _at(
    book: Book,
    grid: scenario_math.Grid,
    underlying: uint256,
    spot: uint256,
    uncertainty: uint256,
    settled: Held,
) -> int256[2]:
    """
    @return (V0, W) of one underlying at one spot, WAD.
    """
    held: Held = settled
    for i: uint256 in range(len(book.instruments), bound=_MAX):
        instrument: uint256 = book.instruments[i]
        if (held.done >> i) & 1 != 0 or series_codec._underlying(instrument) != underlying:
            continue
        size: int256 = book.sizes[i]
        # In the field of a leg: no product below can overflow.
        assert size >= -_SIZE_BOUND and size < _SIZE_BOUND, "risk: size out of field"
        if series_codec._is_option(instrument):
            held = self._add_expiry(book, grid, i, spot, uncertainty, held)
        elif series_codec._is_perp(instrument):
            held.perp += size
            held.flat += self._unrealised(book.account, instrument, size, spot)
        else:
            held.posted += self._posted(instrument, size)
    return self._judged(book.terms, grid, spot, uncertainty, held)


@internal
@view
def _add_expiry(
    book: Book,
    grid: scenario_math.Grid,
    first: uint256,
    spot: uint256,
    uncertainty: uint256,
    before: Held,
) -> Held:
    """
    @notice Adds all options of the expiry that the first is of.
    """
    held: Held = before
    group: uint256 = market_reads._group(book.instruments[first])
    expiry: market_reads.Expiry = self._expiry(group, book.fallback, book.terms)
    forward: uint256 = market_reads._forward(expiry, spot)
    term: scenario_math.Term = self._term(book.terms, grid, expiry, forward)
    held.sums.calls = 0
    held.sums.puts = 0
    calls: int256 = 0
    puts: int256 = 0
    for i: uint256 in range(first, len(book.instruments), bound=_MAX):
        instrument: uint256 = book.instruments[i]
        if market_reads._group(instrument) != group or not series_codec._is_option(instrument):
            continue
        held.done |= 1 << i
        size: int256 = book.sizes[i]
        if expiry.state == market_reads.UNMARKED:
            if size < 0:
                need: uint256 = self._short(instrument, spot, uncertainty, expiry, self._bound(0, book.terms))
                held.flat -= convert(wad_math._mul_up(convert(-size, uint256), need), int256)
            continue
        leg: scenario_math.Leg = market_reads._leg(instrument, size, expiry, forward)
        held.sums = scenario_math._add(held.sums, term, leg, grid)
        if leg.is_call:
            calls += size
        else:
            puts += size
    held.naked += convert(max(-calls, 0) + max(-puts, 0), uint256)
    # Net of both a long would be charged, and a straddle not.
    delta: int256 = max(max(-held.sums.calls, held.sums.puts), 0)
    held.delta += convert(delta, uint256)
    return held


@internal
@pure
def _judged(
    terms: uint256, grid: scenario_math.Grid, spot: uint256, uncertainty: uint256, held: Held
) -> int256[2]:
    exposure: int256 = wad_math._smul_floor(held.perp + held.posted, convert(spot, int256))
    mark: int256 = 0
    worst: int256 = 0
    mark, worst = scenario_math._lowest(held.sums.cells, grid, exposure)
    posted: int256 = wad_math._smul_floor(held.posted, convert(spot, int256))
    flat: int256 = held.flat + posted
    # In WAD squared, so that no wei of a sum is multiplied by spot.
    asked: uint256 = held.naked * margin_codec._short_rate(terms)
    asked += convert(abs(held.perp), uint256) * margin_codec._perp_rate(terms)
    asked += held.delta * (margin_codec._basis_rate(terms) + uncertainty) // _WAD
    charge: uint256 = wad_math._ceil_wad(wad_math._mul_up(asked, spot))
    return [
        wad_math._floor_div(mark, _SWAD) + flat,
        wad_math._floor_div(worst, _SWAD) + flat - convert(charge, int256),
    ]


# ── the bound ──


@internal
@view
def _linear(
    account: uint256,
    instruments: DynArray[uint256, _MAX],
    sizes: DynArray[int256, _MAX],
    fallback: uint256,
    terms: uint256,
) -> int256:
    """
    @return No more than W, without a scan. Nothing nets.
    """
    total: int256 = 0
    price: market_reads.Price = empty(market_reads.Price)
    known: uint256 = 0
    expiry: market_reads.Expiry = empty(market_reads.Expiry)
    bound: uint256 = 0
    group: uint256 = 0
    for i: uint256 in range(len(instruments), bound=_MAX):
        instrument: uint256 = instruments[i]
        size: int256 = sizes[i]
        printed: uint256 = market_reads._print(oracle, instrument)
        if printed != 0:
            payoff: uint256 = market_reads._intrinsic(instrument, printed)
            total += wad_math._smul_floor(size, convert(payoff, int256))
            continue
        is_option: bool = series_codec._is_option(instrument)
        if is_option and size >= 0:
            # Worth nothing at least, and in no contingency: no price is asked for.
            continue
        if known != series_codec._underlying(instrument):
            known = series_codec._underlying(instrument)
            price = market_reads._price(oracle, known, fallback)
        if is_option and group != market_reads._group(instrument):
            group = market_reads._group(instrument)
            expiry = self._expiry(group, fallback, terms)
            bound = self._bound(expiry.left, terms)
        one: int256 = self._least(
            account, instrument, size, price.low, price.uncertainty, expiry, bound, terms
        )
        if price.high != price.low:
            other: int256 = self._least(
                account, instrument, size, price.high, price.uncertainty, expiry, bound, terms
            )
            one = min(one, other)
        total += one
    return total


@internal
@view
def _least(
    account: uint256,
    instrument: uint256,
    size: int256,
    spot: uint256,
    uncertainty: uint256,
    expiry: market_reads.Expiry,
    bound: uint256,
    terms: uint256,
) -> int256:
    """
    @return What one position is worth at least at a spot, contingencies off, WAD.
    """
    amount: uint256 = convert(abs(size), uint256)
    if series_codec._is_option(instrument):
        need: uint256 = self._short(instrument, spot, uncertainty, expiry, bound)
        return -convert(wad_math._mul_up(amount, need), int256)
    if series_codec._is_perp(instrument):
        rate: uint256 = margin_codec._largest_move(terms) + margin_codec._perp_rate(terms)
        need: uint256 = wad_math._mul_up(wad_math._mul_up(amount, spot), rate) + 2  # scan's rounding
        return self._unrealised(account, instrument, size, spot) - convert(need, int256)
    left: uint256 = wad_math._mul_down(spot, _WAD - margin_codec._largest_move(terms))
    return wad_math._smul_floor(self._posted(instrument, size), convert(left, int256))


@internal
@view
def _bound(left: uint256, terms: uint256) -> uint256:
    up: uint256 = 0
    down: uint256 = 0
    lean: uint256 = 0
    up, down, lean = scenario_math._shocks(terms, left)
    return margin_codec._pack_bound(
        margin_codec._largest_move(terms),
        max(up, _WAD + lean),
        margin_codec._short_rate(terms) + margin_codec._basis_rate(terms),
    )


@internal
@view
def _short(
    instrument: uint256, spot: uint256, uncertainty: uint256, expiry: market_reads.Expiry, bound: uint256
) -> uint256:
    """
    @return What one short option needs at most, WAD.
    """
    is_call: bool = series_codec._kind(instrument) == series_codec.CALL
    need: uint256 = series_codec._strike(instrument)
    if expiry.state == market_reads.UNMARKED:
        if is_call:
            need = wad_math._mul_up(spot, _WAD + margin_codec._bound_move(bound))
    else:
        forward: uint256 = market_reads._forward(expiry, spot)
        leg: scenario_math.Leg = market_reads._leg(instrument, -1, expiry, forward)
        need = scenario_math._short_bound(
            is_call, market_reads._averaged(expiry, forward), need, leg.deviation, bound
        )
    need += scenario_math._up(spot, margin_codec._bound_rate(bound) + uncertainty)
    # Rates below zero make an option worth more than it pays.
    return need if expiry.discount <= _WAD else wad_math._mul_up(need, expiry.discount)


# ── reads ──


@internal
@view
def _expiry(group: uint256, fallback: uint256, terms: uint256) -> market_reads.Expiry:
    """
    @notice New risk asks for a young surface; where a price may be old, so may a surface.
    """
    oldest: uint256 = 1
    if fallback == price_fallback.LIVE_ONLY:
        oldest = block.timestamp - margin_codec._surface_age(terms)
    return market_reads._expiry(oracle, surface, group, oldest)


@internal
@view
def _term(
    terms: uint256, grid: scenario_math.Grid, expiry: market_reads.Expiry, forward: uint256
) -> scenario_math.Term:
    term: scenario_math.Term = empty(scenario_math.Term)
    term.up, term.down, term.lean = scenario_math._shocks(terms, expiry.left)
    if expiry.fixed != 0:
        return scenario_math._window_term(
            term, grid, wad_math._mul_down(forward, expiry.open), expiry.fixed, expiry.discount
        )
    return scenario_math._plain_term(term, grid, wad_math._mul_down(forward, expiry.discount))


@internal
@view
def _unrealised(
    account: uint256, instrument: uint256, size: int256, index: uint256
) -> int256:
    """
    @return Nothing for positions nobody has.
    """
    if account == 0:
        return 0
    market: address = self.perps[series_codec._underlying(instrument)]
    assert market != empty(address), "risk: no perp market"
    return staticcall IPerpMarket(market).unrealised_at(account, size, index)


@internal
@view
def _vault(instrument: uint256) -> address:
    return convert(convert(self._vaults[instrument] & (2**160 - 1), uint160), address)


@internal
@view
def _posted(instrument: uint256, shares: int256) -> int256:
    """
    @return Units of the underlying that shares of a vault count as.
    """
    vault: address = self._vault(instrument)
    assert vault != empty(address), "risk: no such collateral"
    tokens: uint256 = staticcall ICollateralVault(vault).tokens_of(convert(shares, uint256))
    counted: uint256 = wad_math._mul_down(tokens, _WAD - (self._vaults[instrument] >> 160))
    return convert(counted, int256)
