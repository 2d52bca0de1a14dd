"""Reading the chain: what the pool holds, what the strategies see, what the takers have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protocol.clients.periphery import PoolView
from protocol.sim.flow import OpenPosition, StepView
from protocol.sim.world import World, account_of
from protocol.strategy.base import ExpiryState, PerpState, PoolName, PoolState, Snapshot
from protocol.surface.marks import Marks, mark
from protocol.types import Instrument, Kind, Surface
from protocol.units import expiry_timestamp, from_wad, from_wads


@dataclass(frozen=True, slots=True)
class PoolBook:
    """The option pool marked on the surface that is on chain, in numbers.

    `nav` is cash, options at mark and what the hedge has not realised yet.
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
    series = tuple(Instrument.from_id(each) for each in held)
    sizes = from_wads(held.values())
    now = world.chain.timestamp
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
        nav=cash + value + from_wad(view.unrealised),
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


def snapshot(
    world: World,
    *,
    spot: float,
    target: Surface | None,
    positions: Sequence[OpenPosition],
) -> Snapshot:
    """What the strategies are given."""
    view = world.system.lens.pool(world.market.amm.address)
    now, underlying = world.chain.timestamp, world.underlying
    days = {expiry.day for expiry in view.expiries}
    if target is not None:
        days |= set(target.days)
    surface = read_surface(world, [day for day in days if now < expiry_timestamp(day)], spot)
    pool = pool_state(view)
    held = {p.instrument.day for p in positions if p.instrument.kind != Kind.PERP}
    expired = sorted(day for day in held if now >= expiry_timestamp(day))
    closing = sorted({*expired, *(day for day in pool.expiry_days if now >= expiry_timestamp(day))})
    oracle, settlement = world.system.oracle, world.system.settlement
    return Snapshot(
        timestamp=now,
        underlying=underlying,
        spot=spot,
        oracle_timestamp=view.spot.updated_at,
        surface=surface if surface.expiries else None,
        target=target,
        pool=pool,
        perp=PerpState(from_wad(view.skew), from_wad(view.funding_rate)),
        expired_days=tuple(expired),
        fixed_days=tuple(d for d in closing if oracle.settlement_print(underlying, d)),
        priced_days=tuple(d for d in closing if settlement.settlement_price(underlying, d)),
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


def _vaults_due(world: World, now: int) -> tuple[PoolName, ...]:
    due: list[PoolName] = []
    if any(0 < at <= now for at in world.market.options_vault.ripe_at()):
        due.append("options")
    if any(0 < at <= now for at in world.market.perp_vault.ripe_at()):
        due.append("perp")
    return tuple(due)
