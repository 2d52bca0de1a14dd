#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title RiskEngine
@author Vomma
@license AGPL-3.0-only
@notice Stand-alone margin: every position pays for itself, nothing nets, long options count
        nothing. Deployed after the AccessManager and the oracle, before the ledger. ADMIN then calls
        `set_perp` for every underlying that has a perpetual.

        With S = spot, a = the option rate, v = the stress volatility, T = years to expiry and
        share = a + 0.4 (1 + a) v sqrt(T), one short contract needs
          call:  min( max(S - K, 0) + share S,          (1 + a) S )
          put:   min( max(K - S, 0) + share min(S, K),  K )
        and one contract of a perp, either way, the perp rate times S.

        Why that bounds the option's worst value: where the forward stays within (1 -+ a) S, the
        intrinsic value rises by at most a S (a call) or a min(S, K) (a put). Time value is greatest at
        the money, so it is at most min(F, K) (2 N(sqrt(w) / 2) - 1) <= 0.4 min(F, K) sqrt(w),
        and sqrt(w) <= v sqrt(T) for every volatility up to v. A call is never worth more than its
        forward, a put never more than its strike. At the initial rates (20 %, 100 %) this covers
        spot +-18 % with a basis of up to 1.6 %, at any volatility up to 100 %.
        Where no price is live, and the caller allows it, every position is judged at the edge of
        the band around the last good price that is worse for it: a sum that is never better than
        either edge for all. A short call and a short perp are worst at the upper edge, a short put
        and a long perp (whose requirement is a small share of its price) at the lower.
@custom:security What it does not cover: moves beyond a, volatility beyond v, and a perp market that
        reports wrongly.
@custom:error Requirements round up, equity rounds down.
"""


from ..access import role_access as access
from ..interfaces import IPerpMarket
from ..interfaces import IPriceOracle
from ..interfaces import IRiskEngine
from ..math import price_fallback
from ..math import series_codec
from ..math import wad_math


implements: IRiskEngine
initializes: access
exports: access.manager


struct Basis:
    # what all positions of one underlying are judged by; read once per run of one underlying
    underlying: uint256
    low: uint256  # both edges are spot where it is live
    high: uint256
    rates: uint256


_MAX: constant(uint256) = 64  # instruments of a list
_WAD: constant(uint256) = 10**18
_YEAR: constant(uint256) = 365 * 86_400
_ATM_FACTOR: constant(uint256) = 4 * 10**17  # above 1 / sqrt(2 pi) = 0.39894...

# A word of rates, six 40-bit fields in steps of 1e-9, high to low:
#   perp initial | perp maintenance | vol initial | vol maintenance | option initial | maintenance
_STEP: constant(uint256) = 10**9
_FIELD: constant(uint256) = 2**40 - 1
_DEFAULT_RATES: constant(uint256) = (
    (100_000_000 << 200)
    | (50_000_000 << 160)
    | (1_000_000_000 << 120)
    | (750_000_000 << 80)
    | (200_000_000 << 40)
    | 150_000_000
)
_VOLS_MASK: constant(uint256) = (2**80 - 1) << 80

_MIN_OPTION_RATE: constant(uint256) = 5 * 10**16
_MIN_PERP_RATE: constant(uint256) = 10**16  # 100x leverage
_MAX_RATE: constant(uint256) = _WAD
_MAX_VOL: constant(uint256) = 10 * _WAD

oracle: public(immutable(address))

_rates: HashMap[uint256, uint256]  # underlying -> word, 0 = defaults
perps: public(HashMap[uint256, address])  # underlying -> market


@deploy
def __init__(manager: address, oracle_: address):
    access.__init__(manager)
    assert oracle_ != empty(address), "risk: no oracle"
    oracle = oracle_


# ── administration ──


@external
def set_margin_rates(
    underlying: uint256,
    option_initial: uint256,
    option_maintenance: uint256,
    perp_initial: uint256,
    perp_maintenance: uint256,
):
    access._check_admin()
    self._check_pair(option_initial, option_maintenance, _MIN_OPTION_RATE, _MAX_RATE)
    self._check_pair(perp_initial, perp_maintenance, _MIN_PERP_RATE, _MAX_RATE)
    self._rates[underlying] = (
        (self._pair(perp_initial, perp_maintenance) << 160)
        | (self._rates_of(underlying) & _VOLS_MASK)
        | self._pair(option_initial, option_maintenance)
    )
    log IRiskEngine.MarginRatesSet(
        underlying=underlying,
        option_initial=option_initial,
        option_maintenance=option_maintenance,
        perp_initial=perp_initial,
        perp_maintenance=perp_maintenance,
    )


@external
def set_stress_vols(underlying: uint256, initial: uint256, maintenance: uint256):
    access._check_admin()
    self._check_pair(initial, maintenance, 0, _MAX_VOL)
    self._rates[underlying] = (self._rates_of(underlying) & ~_VOLS_MASK) | (
        self._pair(initial, maintenance) << 80
    )
    log IRiskEngine.StressVolsSet(
        underlying=underlying, initial=initial, maintenance=maintenance
    )


@external
def set_perp(underlying: uint256, market: address):
    access._check_admin()
    assert market != empty(address), "risk: no perp market"
    assert self.perps[underlying] == empty(address), "risk: perp set"
    self.perps[underlying] = market
    log IRiskEngine.PerpSet(underlying=underlying, market=market)


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
    equity: int256 = cash
    initial: uint256 = 0
    maintenance: uint256 = 0
    basis: Basis = empty(Basis)
    for i: uint256 in range(len(instruments), bound=_MAX):
        instrument: uint256 = instruments[i]
        size: int256 = sizes[i]
        if series_codec._is_option(instrument):
            price: uint256 = self._print(instrument)
            if price != 0:
                payoff: uint256 = self._intrinsic(instrument, price)
                equity += wad_math._smul_floor(size, convert(payoff, int256))
                continue
            if size >= 0:
                continue
        basis = self._basis(basis, series_codec._underlying(instrument), fallback)
        spot: uint256 = self._worst(instrument, size, basis)
        if not series_codec._is_option(instrument):
            equity += self._unrealised(account, instrument, size, spot)
        needs: uint256[2] = self._requirements(instrument, spot, basis.rates)
        amount: uint256 = convert(abs(size), uint256)
        initial += wad_math._mul_up(amount, needs[0])
        maintenance += wad_math._mul_up(amount, needs[1])
    return equity, initial, maintenance


@external
@view
def short_requirement(instrument: uint256, spot: uint256) -> uint256:
    rates: uint256 = self._rates_of(series_codec._underlying(instrument))
    return self._requirements(instrument, spot, rates)[0]


@external
@view
def margin_rates(underlying: uint256) -> (uint256, uint256, uint256, uint256, uint256, uint256):
    rates: uint256 = self._rates_of(underlying)
    return (
        self._rate(rates, 40),
        self._rate(rates, 0),
        self._rate(rates, 200),
        self._rate(rates, 160),
        self._rate(rates, 120),
        self._rate(rates, 80),
    )


# ── margin ──


@internal
@view
def _requirements(instrument: uint256, spot: uint256, rates: uint256) -> uint256[2]:
    """
    @return (initial, maintenance) of one contract: of a short option, of a perp either way.
    """
    if not series_codec._is_option(instrument):
        return [
            wad_math._mul_up(spot, self._rate(rates, 200)),
            wad_math._mul_up(spot, self._rate(rates, 160)),
        ]
    root: uint256 = self._root_years(instrument)
    return [
        self._short_option(instrument, spot, self._rate(rates, 40), self._rate(rates, 120), root),
        self._short_option(instrument, spot, self._rate(rates, 0), self._rate(rates, 80), root),
    ]


@internal
@pure
def _short_option(
    instrument: uint256, spot: uint256, rate: uint256, vol: uint256, root: uint256
) -> uint256:
    stressed: uint256 = wad_math._mul_up(wad_math._mul_up(_ATM_FACTOR, _WAD + rate), vol)
    share: uint256 = rate + wad_math._mul_up(stressed, root)
    exposed: uint256 = spot
    ceiling: uint256 = wad_math._mul_up(spot, _WAD + rate)
    if series_codec._kind(instrument) == series_codec.PUT:
        ceiling = series_codec._strike(instrument)
        exposed = min(spot, ceiling)
    return min(self._intrinsic(instrument, spot) + wad_math._mul_up(exposed, share), ceiling)


@internal
@pure
def _intrinsic(instrument: uint256, price: uint256) -> uint256:
    strike: uint256 = series_codec._strike(instrument)
    if series_codec._kind(instrument) == series_codec.CALL:
        return price - min(price, strike)
    return strike - min(price, strike)


@internal
@view
def _root_years(instrument: uint256) -> uint256:
    """
    @return sqrt of the years to expiry, WAD, rounded up; 0 from expiry on.
    """
    expiry: uint256 = series_codec._expiry(series_codec._day(instrument))
    if block.timestamp >= expiry:
        return 0
    return isqrt((expiry - block.timestamp) * _WAD * _WAD // _YEAR) + 1


# ── reads ──


@internal
@view
def _basis(last: Basis, underlying: uint256, fallback: uint256) -> Basis:
    if last.underlying == underlying:
        return last
    low: uint256 = 0
    high: uint256 = 0
    low, high = self._edges(underlying, fallback)
    return Basis(underlying=underlying, low=low, high=high, rates=self._rates_of(underlying))


@internal
@view
def _edges(underlying: uint256, fallback: uint256) -> (uint256, uint256):
    if fallback == price_fallback.LIVE_ONLY:
        spot: IPriceOracle.Spot = staticcall IPriceOracle(oracle).spot(underlying)
        return spot.price, spot.price
    # Little gas does not make a live price fail: the 64th left after it is less than the rest needs.
    live: bool = False
    answer: Bytes[96] = b""
    live, answer = raw_call(
        oracle,
        abi_encode(underlying, method_id=method_id("spot(uint256)")),
        max_outsize=96,
        is_static_call=True,
        revert_on_failure=False,
    )
    if live:
        spot: IPriceOracle.Spot = abi_decode(answer, IPriceOracle.Spot)
        return spot.price, spot.price
    last: IPriceOracle.Spot = staticcall IPriceOracle(oracle).last_good(underlying)
    if fallback == price_fallback.LAST_GOOD:
        return last.price, last.price
    width: uint256 = wad_math._mul_up(last.price, last.uncertainty)
    return last.price - min(width, last.price), last.price + width


@internal
@pure
def _worst(instrument: uint256, size: int256, basis: Basis) -> uint256:
    """
    @return The edge that a position is worth least at: of options, only shorts are asked about.
    """
    if series_codec._kind(instrument) == series_codec.PUT or size > 0:
        return basis.low
    return basis.high


@internal
@view
def _print(instrument: uint256) -> uint256:
    """
    @return What the series is settled at, or 0 while that is open. Between expiry and print a short
            is margined like before: its owner must not leave with money that it owes already.
    """
    day: uint256 = series_codec._day(instrument)
    if block.timestamp < series_codec._expiry(day):
        return 0
    return staticcall IPriceOracle(oracle).settlement_print(
        series_codec._underlying(instrument), day
    )


@internal
@view
def _unrealised(
    account: uint256, instrument: uint256, size: int256, index: uint256
) -> int256:
    market: address = self.perps[series_codec._underlying(instrument)]
    assert market != empty(address), "risk: no perp market"
    return staticcall IPerpMarket(market).unrealised_at(account, size, index)


# ── rates ──


@internal
@view
def _rates_of(underlying: uint256) -> uint256:
    word: uint256 = self._rates[underlying]
    if word == 0:
        return _DEFAULT_RATES
    return word


@internal
@pure
def _rate(word: uint256, offset: uint256) -> uint256:
    return ((word >> offset) & _FIELD) * _STEP


@internal
@pure
def _pair(initial: uint256, maintenance: uint256) -> uint256:
    return (initial // _STEP << 40) | maintenance // _STEP


@internal
@pure
def _check_pair(initial: uint256, maintenance: uint256, low: uint256, high: uint256):
    assert low <= maintenance and maintenance <= initial, "risk: rate out of bounds"
    assert initial <= high, "risk: rate out of bounds"
    # A rate finer than a step would come back changed, so it is refused instead of rounded.
    assert initial % _STEP == 0 and maintenance % _STEP == 0, "risk: rate finer than 1e-9"
