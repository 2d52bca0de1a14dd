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
    account : int
        Its ledger account.
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

    account: int
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
class Holder:
    """An account or pool with options of an expired day; `payoff` is what it is owed, USD."""

    account: int
    payoff: float


@dataclass(frozen=True, slots=True)
class ExpiredDay:
    """An expired day whose print the oracle has fixed.

    Attributes
    ----------
    day : int
    collected_at : int or None
        Unix seconds from which those who are owed are paid; None until the print is written.
    holders : tuple of Holder
        Whoever is still to be settled, the option pool among them; any order.
    """

    day: int
    collected_at: int | None
    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True)
class AccountState:
    """A margined account as the liquidator sees it; amounts in USD.

    Attributes
    ----------
    account : int
    equity, initial, maintenance : float
        At the worse edge where no price is live.
    value : float
        Of its positions; what a perp won or lost is counted as cash.
    cash : float
    positions : int
        How many.
    auctioned : bool
        Whether it is on auction.
    turned : bool
        Whether its auction is in the phase where others pay what equity cannot.
    discount : float
        What the whole of it pays a bidder on top of mark, now.
    largest : float
        Share that may be bought, 0 where none.
    insolvent : bool
        Whether that phase is where it belongs.
    held : bool
        Whether withdrawals wait for the loss it was settled into at expiry.
    """

    account: int
    equity: float
    initial: float
    maintenance: float
    value: float
    cash: float
    positions: int
    auctioned: bool
    turned: bool
    discount: float
    largest: float
    insolvent: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class BidderState:
    """The liquidator's own account; `free` is its equity above initial margin, USD."""

    account: int
    free: float


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
    expired : tuple of ExpiredDay
        Days with a print that some account still holds options of, or that the pool still lists.
    vaults_due : tuple of PoolName
        Pools with LP requests whose delay is over.
    accounts : tuple of AccountState
        Those on auction, below maintenance margin, in debt with nothing left, or whose loss at
        expiry withdrawals wait for.
    bidder : BidderState or None
        The liquidator, where there is one.
    """

    timestamp: int
    underlying: int
    spot: float
    oracle_timestamp: int
    surface: Surface | None
    target: Surface | None
    pool: PoolState
    perp: PerpState
    expired: tuple[ExpiredDay, ...] = ()
    vaults_due: tuple[PoolName, ...] = ()
    accounts: tuple[AccountState, ...] = ()
    bidder: BidderState | None = None

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
    """Settle at most 16 accounts or pools for an expired day."""

    underlying: int
    day: int
    accounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProcessVault:
    """Process the LP requests of a pool that are due."""

    pool: PoolName


@dataclass(frozen=True, slots=True)
class Flag:
    """Start an account's auction, or move it into its phase."""

    account: int


@dataclass(frozen=True, slots=True)
class CloseAuction:
    """End the auction of an account that meets its initial margin again."""

    account: int


@dataclass(frozen=True, slots=True)
class Absorb:
    """Have insurance and those behind it pay the debt of an account with nothing left."""

    account: int


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Let withdrawals go on: an account's loss at expiry is covered."""

    account: int


@dataclass(frozen=True, slots=True)
class Bid:
    """Buy a share of an account for `bidder`, for at least `limit` USD of cash."""

    account: int
    bidder: int
    share: float
    limit: float


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
    | Flag
    | CloseAuction
    | Absorb
    | ReleaseHold
    | Bid
)
