"""Reading the chain: what the pool holds, what the strategies see, what the takers have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protocol.clients.periphery import PoolView
from protocol.sim.flow import OpenPosition, StepView
from protocol.sim.world import World, account_of
from protocol.strategy.base import (
    ExpiredDay,
    ExpiryState,
    Holder,
    PerpState,
    PoolName,
    PoolState,
    Snapshot,
)
from protocol.surface.marks import Marks, mark
from protocol.types import Instrument, Surface
from protocol.units import WAD, expiry_timestamp, from_wad, from_wads

Books = Mapping[int, Mapping[int, int]]  # account -> instrument -> size, WAD


@dataclass(frozen=True, slots=True)
class PoolBook:
    """The option pool marked on the surface that is on chain, in numbers.

    `nav` is cash, options at mark, what the hedge has not realised yet, and what expired options
    come to that are not settled: those are in no other number.
    """

    timestamp: int
    spot: float
    series: tuple[Instrument, ...]
    sizes: np.ndarray[tuple[int], np.dtype[np.float64]]
    marks: Marks | None  # None without a position
    hedge: float
    nav: float
    cash: float
    funding_index: float
    view: PoolView

    @property
    def delta(self) -> float:
        """Units of the underlying after hedges, the smile moving with spot."""
        return self.delta_options + self.hedge

    @property
    def delta_options(self) -> float:
        return 0.0 if self.marks is None else float(self.sizes @ self.marks.smile_delta)

    @property
    def vega(self) -> float:
        return 0.0 if self.marks is None else float(self.sizes @ self.marks.black.vega)

    @property
    def gamma_cash(self) -> float:
        return 0.0 if self.marks is None else float(self.sizes @ self.marks.gamma_cash)


def read_surface(world: World, days: Sequence[int], spot: float) -> Surface:
    """The surface on chain for some days; days without one are left out."""
    smiles = (world.system.surface.expiry(world.underlying, day) for day in sorted(days))
    kept = tuple(smile for smile in smiles if smile is not None)
    return Surface(world.underlying, spot, world.chain.timestamp, kept)


def read_book(world: World, surface: Surface, spot: float) -> PoolBook:
    """The pool's positions at mark, now."""
    view = world.system.lens.pool(world.market.amm.address)
    held: dict[int, int] = {}
    for expiry in view.expiries:
        held |= world.system.ledger.pool_positions(view.account, world.underlying, expiry.day)
    now = world.chain.timestamp
    due = _due(world, held, now)
    alive = {key: size for key, size in held.items() if Instrument.from_id(key).day not in due}
    series = tuple(Instrument.from_id(each) for each in alive)
    sizes = from_wads(alive.values())
    marks = mark(surface=surface, instruments=series, spot=spot, now=now) if series else None
    value = 0.0 if marks is None else float(sizes @ marks.black.value)
    cash = from_wad(view.cash)
    return PoolBook(
        timestamp=now,
        spot=spot,
        series=series,
        sizes=sizes,
        marks=marks,
        hedge=from_wad(view.hedge),
        nav=cash + value + from_wad(view.unrealised) + sum(due.values()),
        cash=cash,
        funding_index=from_wad(view.funding_index),
        view=view,
    )


def read_positions(world: World) -> tuple[OpenPosition, ...]:
    """What the takers hold."""
    found = []
    for number, taker in enumerate(world.takers):
        portfolio = world.system.ledger.portfolio(account_of(taker))
        for instrument, size in portfolio.items():
            found.append(OpenPosition(number, Instrument.from_id(instrument), size))
    return tuple(found)


def read_books(world: World) -> Books:
    """What everybody holds."""
    accounts = (account_of(who) for who in world.actors)
    return {account: world.system.ledger.portfolio(account) for account in accounts}


def snapshot(world: World, *, spot: float, target: Surface | None, books: Books) -> Snapshot:
    """What the strategies are given; only the accounts in `books` are there to be settled."""
    view = world.system.lens.pool(world.market.amm.address)
    now, underlying = world.chain.timestamp, world.underlying
    days = {expiry.day for expiry in view.expiries}
    if target is not None:
        days |= set(target.days)
    surface = read_surface(world, [day for day in days if now < expiry_timestamp(day)], spot)
    return Snapshot(
        timestamp=now,
        underlying=underlying,
        spot=spot,
        oracle_timestamp=view.spot.updated_at,
        surface=surface if surface.expiries else None,
        target=target,
        pool=pool_state(view),
        perp=PerpState(from_wad(view.skew), from_wad(view.funding_rate)),
        expired=_expired(world, view, books),
        vaults_due=_vaults_due(world, now),
    )


def pool_state(view: PoolView) -> PoolState:
    """The pool as the contract keeps it, in numbers."""
    expiries = tuple(
        ExpiryState(
            day=book.day,
            delta=from_wad(book.delta),
            vega=from_wad(book.vega),
            gamma_cash=from_wad(book.gamma),
            value=from_wad(book.value),
            refreshed_at=book.refreshed_at,
            snapshot_spot=from_wad(book.spot),
        )
        for book in sorted(view.expiries)
    )
    hedge, cash = from_wad(view.hedge), from_wad(view.cash)
    value = sum(expiry.value for expiry in expiries)
    return PoolState(
        account=view.account,
        nav=cash + value + from_wad(view.unrealised),
        cash=cash,
        depth_nav=from_wad(view.depth),
        delta_options=from_wad(view.risk.delta) - hedge,
        perp_position=hedge,
        vega=from_wad(view.risk.vega),
        gamma_cash=from_wad(view.risk.gamma),
        expiries=expiries,
    )


def step_view(
    world: World, *, surface: Surface, spot: float, positions: tuple[OpenPosition, ...]
) -> StepView:
    """What the order flow sees."""
    return StepView(
        timestamp=world.chain.timestamp,
        seconds=world.scenario.step_seconds,
        spot=spot,
        surface=surface,
        strike_step=world.scenario.keeper.settle.strike_step,
        takers=len(world.takers),
        lps=len(world.lps),
        positions=positions,
    )


def _expired(world: World, view: PoolView, books: Books) -> tuple[ExpiredDay, ...]:
    """Days with a print, and who is still to be settled for them, the pool among them."""
    ledger, settlement, underlying = world.system.ledger, world.system.settlement, world.underlying
    now, listed = world.chain.timestamp, {expiry.day for expiry in view.expiries}
    held = {day for book in books.values() for key in book if (day := Instrument.from_id(key).day)}
    found = []
    for day in sorted(day for day in held | listed if now >= expiry_timestamp(day)):
        price = _print(world, day)
        if price == 0:
            continue
        pool = {view.account: ledger.pool_positions(view.account, underlying, day)}
        due = ((who, _payoffs(book, day, price)) for who, book in {**books, **pool}.items())
        holders = tuple(Holder(who, from_wad(sum(each))) for who, each in due if each)
        found.append(ExpiredDay(day, settlement.collected_at(underlying, day) or None, holders))
    return tuple(found)


def _due(world: World, held: Mapping[int, int], now: int) -> dict[int, float]:
    """Of a pool's options: each expired day that has a print, and what it comes to."""
    days = {Instrument.from_id(key).day for key in held}
    expired = {day: _print(world, day) for day in days if now >= expiry_timestamp(day)}
    return {
        day: from_wad(sum(_payoffs(held, day, price))) for day, price in expired.items() if price
    }


def _print(world: World, day: int) -> int:
    """The settlement price, or what it will be; 0 where there is no print."""
    price = world.system.settlement.settlement_price(world.underlying, day)
    return price or world.system.oracle.settlement_print(world.underlying, day)


def _payoffs(book: Mapping[int, int], day: int, price: int) -> list[int]:
    """Of every option of a day, WAD, each rounded down as the contract does."""
    rows = [(Instrument.from_id(key), size) for key, size in book.items()]
    mine = [(each, size) for each, size in rows if each.is_option and each.day == day]
    return [size * each.payoff(price) // WAD for each, size in mine]


def _vaults_due(world: World, now: int) -> tuple[PoolName, ...]:
    due: list[PoolName] = []
    if any(0 < at <= now for at in world.market.options_vault.ripe_at()):
        due.append("options")
    if any(0 < at <= now for at in world.market.perp_vault.ripe_at()):
        due.append("perp")
    return tuple(due)
