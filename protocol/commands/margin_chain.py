"""An account's margin from a chain: its portfolio, the market, and the contract's own answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from protocol.clients.collateral import CollateralVault
from protocol.clients.ledger import BAND
from protocol.commands.margins import ChainMargin, Found
from protocol.commands.series import day_name
from protocol.errors import InputError, Revert
from protocol.parameters import MarginParameters
from protocol.risk.margin import margin
from protocol.risk.portfolio import Collateral, Holding, MarketState, Portfolio
from protocol.types import ExpirySurface, Instrument, Kind, Surface
from protocol.units import WAD, expiry_timestamp, from_wad

if TYPE_CHECKING:
    from protocol.clients.oracle import Spot
    from protocol.clients.system import System

_WINDOW = 1_800  # seconds before expiry that the print averages


@dataclass(frozen=True, slots=True)
class _Account:
    """What the ledger says of an account, WAD."""

    number: int
    cash: int
    held: dict[int, int]

    def of(self, kind: Kind) -> dict[Instrument, int]:
        found = {Instrument.from_id(each): size for each, size in self.held.items()}
        return {each: size for each, size in found.items() if each.kind == kind}


@dataclass(frozen=True, slots=True)
class _Price:
    """A spot, and the edges it is judged at where it is not live."""

    spot: Spot
    live: bool

    @property
    def edges(self) -> tuple[int, ...]:
        if self.live:
            return ()
        width = -(-self.spot.price * self.spot.uncertainty // WAD)
        return max(self.spot.price - width, 1), self.spot.price + width


def read_account(system: System, account: int, *, title: str) -> Found:
    """An account on a chain: its portfolio, the margin computed here and the contract's.

    Both by the scenarios in force, and where a price is not live at both edges of its band.

    Raises
    ------
    InputError
        For a pool: its reserve is what it is judged by.
    """
    found = _account(system, account, title)
    parameters, now = system.risk_engine.scenarios(), system.chain.timestamp
    underlyings = {Instrument.from_id(each).underlying for each in found.held}
    prices = {underlying: _price(system, underlying) for underlying in sorted(underlyings)}
    portfolio = _portfolio(system, found, prices)
    markets = {u: _state(system, portfolio, found, u, prices[u], now) for u in prices}
    judged = margin(portfolio=portfolio, markets=markets, now=now, parameters=parameters)
    said = system.risk_engine.assess(account, found.cash, found.held, fallback=BAND)
    symbols = {market.underlying: market.symbol for market in system.markets}
    return Found(
        title=title,
        symbols=symbols,
        portfolio=portfolio,
        markets=markets,
        margin=judged,
        chain=ChainMargin(*map(from_wad, said)),
        notes=tuple(_notes(symbols, markets, prices, parameters, now)),
    )


def _account(system: System, account: int, title: str) -> _Account:
    try:
        held = system.ledger.portfolio(account)
    except Revert as error:
        if error.reason != "ledger: account is a pool":
            raise
        step = "`vomma lp status` shows what is in a pool"
        raise InputError("account", title, bound="a trader's, not a pool", step=step) from None
    return _Account(account, system.ledger.cash(account), held)


def _price(system: System, underlying: int) -> _Price:
    try:
        return _Price(system.oracle.spot(underlying), True)
    except Revert:
        return _Price(system.oracle.last_good(underlying), False)


def _portfolio(system: System, account: _Account, prices: Mapping[int, _Price]) -> Portfolio:
    options = {**account.of(Kind.CALL), **account.of(Kind.PUT)}
    perps = account.of(Kind.PERP)
    holdings = (Holding(each, from_wad(size)) for each, size in (options | perps).items())
    unrealised = {
        perp.underlying: from_wad(
            _perp_profit(system, account, perp, size, prices[perp.underlying].spot.price)
        )
        for perp, size in perps.items()
    }
    posted = tuple(
        _collateral(system, shares, amount)
        for shares, amount in account.of(Kind.COLLATERAL).items()
    )
    return Portfolio(from_wad(account.cash), tuple(holdings), posted, unrealised)


def _perp_profit(system: System, account: _Account, perp: Instrument, size: int, price: int) -> int:
    for market in system.markets:
        if market.underlying == perp.underlying:
            return market.perp.unrealised_at(account.number, size, price)
    raise InputError("underlying", perp.underlying, bound="one of the deployment's markets")


def _collateral(system: System, shares: Instrument, amount: int) -> Collateral:
    address, haircut = system.risk_engine.collateral(shares.id)
    vault = CollateralVault(system.chain, address, system.markets[0].collateral.abi)
    tokens = vault.tokens_of(amount)
    return Collateral(shares.underlying, from_wad(tokens), from_wad(haircut))


def _state(
    system: System,
    portfolio: Portfolio,
    account: _Account,
    underlying: int,
    price: _Price,
    now: int,
) -> MarketState:
    days = sorted({held.instrument.day for held in portfolio.options(underlying)})
    posted = (system.surface.expiry(underlying, day) for day in days)
    smiles = tuple(smile for smile in posted if smile is not None)
    fixed = {
        day: from_wad(system.oracle.settlement_print(underlying, day))
        for day in days
        if expiry_timestamp(day) <= now
    }
    spot = from_wad(price.spot.price)
    return MarketState(
        spot=spot,
        surface=Surface(underlying, spot, now, smiles),
        uncertainty=from_wad(price.spot.uncertainty),
        edges=tuple(map(from_wad, price.edges)),
        accrued=_accrued(system, account, underlying, price),
        prints={day: print_ for day, print_ in fixed.items() if print_ > 0.0},
        windows=_windows(system, underlying, days, now),
    )


def _windows(
    system: System, underlying: int, days: Iterable[int], now: int
) -> dict[int, tuple[float, float]]:
    windows = {}
    for day in days:
        if 0 < expiry_timestamp(day) - now < _WINDOW:
            known, to_come = system.oracle.window(underlying, day)
            windows[day] = from_wad(known), from_wad(to_come)
    return windows


def _accrued(system: System, account: _Account, underlying: int, price: _Price) -> float:
    """The P&L at both edges tells how much of a move of the index funding takes back."""
    perp = Instrument.perp(underlying)
    size = account.held.get(perp.id, 0)
    if not size or not price.edges:
        return 0.0
    low, high = price.edges
    gain = _perp_profit(system, account, perp, size, high)
    gain -= _perp_profit(system, account, perp, size, low)
    return 1.0 - gain / (from_wad(size) * (high - low)) if high > low else 0.0


def _notes(
    symbols: Mapping[int, str],
    markets: Mapping[int, MarketState],
    prices: Mapping[int, _Price],
    parameters: MarginParameters,
    now: int,
) -> Iterable[str]:
    for underlying, state in markets.items():
        symbol = symbols.get(underlying, f"underlying {underlying}")
        if state.edges:
            when = datetime.fromtimestamp(prices[underlying].spot.updated_at, UTC)
            low, high = state.edges
            yield (
                f"{symbol}'s price is of {when:%Y-%m-%d %H:%M:%S} UTC, too old: judged at both "
                f"edges, {low:,.2f} and {high:,.2f}; no new risk until the next price"
            )
        for day, (known, to_come) in state.windows.items():
            fixed = f"print fixed to {1.0 - to_come:.1%}, {known:,.2f} of it"
            yield f"{symbol} {day_name(day)}: {fixed}"
        yield from _surface_notes(symbol, state, parameters, now)


def _surface_notes(
    symbol: str, state: MarketState, parameters: MarginParameters, now: int
) -> Iterable[str]:
    smiles: tuple[ExpirySurface, ...] = () if state.surface is None else state.surface.expiries
    open_ = [smile for smile in smiles if expiry_timestamp(smile.day) > now]
    old = [day_name(s.day) for s in open_ if now - s.timestamp > parameters.max_surface_age]
    if old:
        yield f"{symbol}'s surface is old on {', '.join(old)}: no new risk until the next push"
