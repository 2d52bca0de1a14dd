"""What a strategy is given and what it answers: a snapshot in, intents out.

A strategy is a pure function `(Snapshot, Policy) -> tuple[Intent, ...]`. It reads no clock, no
chain and no market: whoever runs it, keeper or simulator, builds the snapshot and sends the intents
in the order they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protocol.types import ExpirySurface, Surface
from protocol.units import expiry_timestamp

PoolName = Literal["options", "perp"]


@dataclass(frozen=True, slots=True)
class ExpiryState:
    """The option pool's book in one listed expiry, as its last refresh saw it.

    Attributes
    ----------
    day : int
        Expiry day counted from the epoch.
    delta : float
        Units of the underlying.
    vega : float
        USD per 1.00 of vol; negative when the pool is short options.
    gamma_cash : float
        Gamma times spot squared, USD.
    value : float
        At mark, USD; negative when the pool is short options.
    refreshed_at : int
        Unix seconds of the snapshot the Greeks were taken at.
    snapshot_spot : float
        Spot of that snapshot, USD.
    """

    day: int
    delta: float
    vega: float
    gamma_cash: float
    value: float
    refreshed_at: int
    snapshot_spot: float


@dataclass(frozen=True, slots=True)
class PoolState:
    """The option pool.

    Attributes
    ----------
    nav, cash, depth_nav : float
        USD. `depth_nav` is the frozen one impact is priced with.
    delta_options : float
        Units of the underlying, options alone.
    perp_position : float
        Units of the perp held as a hedge.
    vega, gamma_cash : float
        Of all expiries, as in `ExpiryState`.
    expiries : tuple of ExpiryState
        Every listed expiry, expired ones not closed yet included.
    """

    nav: float
    cash: float
    depth_nav: float
    delta_options: float
    perp_position: float
    vega: float
    gamma_cash: float
    expiries: tuple[ExpiryState, ...]

    @property
    def delta(self) -> float:
        """Units of the underlying after hedges."""
        return self.delta_options + self.perp_position

    @property
    def expiry_days(self) -> tuple[int, ...]:
        """Days of the listed expiries."""
        return tuple(expiry.day for expiry in self.expiries)


@dataclass(frozen=True, slots=True)
class PerpState:
    """The perp: takers' net position in units, and funding a year (> 0: longs pay)."""

    skew: float
    funding_rate: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One underlying's market at one block, and the surface wanted there.

    Attributes
    ----------
    timestamp : int
        Unix seconds of the block.
    underlying : int
    spot : float
        Live spot, USD.
    oracle_timestamp : int
        When a price was last recorded on chain.
    surface : Surface or None
        What the chain has; None before the first push.
    target : Surface or None
        What the market or the reference model says now; None when it is silent.
    pool : PoolState
    perp : PerpState
    expired_days : tuple of int
        Expired days in which some account still holds options.
    fixed_days : tuple of int
        Expired days whose print the oracle has fixed.
    priced_days : tuple of int
        Expired days whose settlement price is written.
    vaults_due : tuple of PoolName
        Pools with LP requests whose delay is over.
    """

    timestamp: int
    underlying: int
    spot: float
    oracle_timestamp: int
    surface: Surface | None
    target: Surface | None
    pool: PoolState
    perp: PerpState
    expired_days: tuple[int, ...] = ()
    fixed_days: tuple[int, ...] = ()
    priced_days: tuple[int, ...] = ()
    vaults_due: tuple[PoolName, ...] = ()

    def is_alive(self, day: int) -> bool:
        """Whether a day has not expired."""
        return self.timestamp < expiry_timestamp(day)


@dataclass(frozen=True, slots=True)
class RecordPrice:
    """Add an observation of the price."""

    underlying: int


@dataclass(frozen=True, slots=True)
class PushSurface:
    """Post smiles, days ascending."""

    underlying: int
    expiries: tuple[ExpirySurface, ...]


@dataclass(frozen=True, slots=True)
class ListExpiry:
    """List an expiry with strikes on multiples of `strike_step` USD."""

    day: int
    strike_step: float


@dataclass(frozen=True, slots=True)
class Refresh:
    """Take the Greek snapshot of an expiry anew."""

    day: int


@dataclass(frozen=True, slots=True)
class Hedge:
    """Trade the perp for the pool: `size` units (> 0 buys) at `price_bound` USD or better."""

    underlying: int
    size: float
    price_bound: float


@dataclass(frozen=True, slots=True)
class RecordPrint:
    """Write the settlement price of an expired day."""

    underlying: int
    day: int


@dataclass(frozen=True, slots=True)
class CloseExpiry:
    """Settle the pool's own positions of an expired day and take it off the list."""

    day: int


@dataclass(frozen=True, slots=True)
class SettleAccounts:
    """Settle every account that holds options of an expired day."""

    underlying: int
    day: int


@dataclass(frozen=True, slots=True)
class ProcessVault:
    """Process the LP requests of a pool that are due."""

    pool: PoolName


Intent = (
    RecordPrice
    | PushSurface
    | ListExpiry
    | Refresh
    | Hedge
    | RecordPrint
    | CloseExpiry
    | SettleAccounts
    | ProcessVault
)
