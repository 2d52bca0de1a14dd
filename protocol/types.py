"""The records that cross a layer: instruments, legs, surfaces, prints, account ids.

Ints are WAD unless a field says otherwise (ids, days, seconds); floats are plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from protocol.errors import InputError
from protocol.units import WAD, expiry_timestamp

STRIKE_STEPS = 10_000  # steps of 1e-4 USD in a dollar of strike

_KIND_SHIFT, _UNDERLYING_SHIFT, _DAY_SHIFT = 62, 54, 38
_UNDERLYING_MAX, _DAY_MAX, _STRIKE_MAX = 2**8 - 1, 2**16 - 1, 2**38 - 1
_VAULT_MAX = 2**8 - 1
_INDEX_BITS, _OWNER_BITS = 96, 160


class Kind(IntEnum):
    """What an instrument is: something that trades, or a share of a collateral vault."""

    COLLATERAL = 0
    CALL = 1
    PUT = 2
    PERP = 3


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"instrument {name}", value, bound=f"in [{low}, {high}]")


@dataclass(frozen=True, slots=True, order=True)
class Instrument:
    """One option series, the perpetual of an underlying, or the shares of one of its vaults.

    The twin of `series_codec`.

    Attributes
    ----------
    kind : Kind
    underlying : int
        1..255.
    day : int
        Expiry day counted from the epoch, 1..65535; 0 for a perp or a vault.
    strike_steps : int
        Strike in steps of 1e-4 USD, 1..2**38 - 1; 0 for a perp; which vault of the underlying,
        1..255, for collateral.

    Raises
    ------
    InputError
        Where a field is out of its bounds.
    """

    kind: Kind
    underlying: int
    day: int = 0
    strike_steps: int = 0

    def __post_init__(self) -> None:
        if self.kind not in tuple(Kind):
            bound = "0 collateral, 1 call, 2 put or 3 perp"
            raise InputError("instrument kind", self.kind, bound=bound)
        option = int(self.is_option)
        _check("underlying", self.underlying, 1, _UNDERLYING_MAX)
        _check("expiry day", self.day, option, option * _DAY_MAX)
        if self.kind == Kind.COLLATERAL:
            _check("vault index", self.strike_steps, 1, _VAULT_MAX)
        else:
            _check("strike steps", self.strike_steps, option, option * _STRIKE_MAX)

    @classmethod
    def option(cls, kind: Kind, underlying: int, day: int, strike: float) -> Instrument:
        """The series nearest to a strike in USD."""
        return cls(kind, underlying, day, round(strike * STRIKE_STEPS))

    @classmethod
    def perp(cls, underlying: int) -> Instrument:
        """The perpetual of an underlying."""
        return cls(Kind.PERP, underlying)

    @classmethod
    def collateral(cls, underlying: int, index: int = 1) -> Instrument:
        """Shares of a vault of the underlying's token."""
        return cls(Kind.COLLATERAL, underlying, strike_steps=index)

    @classmethod
    def from_id(cls, instrument_id: int) -> Instrument:
        """Unpack a 64-bit id; the inverse of `id`."""
        kind = instrument_id >> _KIND_SHIFT
        if kind not in tuple(Kind):
            raise InputError("instrument id", instrument_id, bound="of kind 0 to 3")
        return cls(
            kind=Kind(kind),
            underlying=(instrument_id >> _UNDERLYING_SHIFT) & _UNDERLYING_MAX,
            day=(instrument_id >> _DAY_SHIFT) & _DAY_MAX,
            strike_steps=instrument_id & _STRIKE_MAX,
        )

    @property
    def id(self) -> int:
        """kind (2 bits) | underlying (8) | expiry day (16) | strike steps (38)."""
        return (
            self.kind << _KIND_SHIFT
            | self.underlying << _UNDERLYING_SHIFT
            | self.day << _DAY_SHIFT
            | self.strike_steps
        )

    @property
    def strike(self) -> float:
        """Strike in USD; 0 for what is no option."""
        return self.strike_steps / STRIKE_STEPS if self.is_option else 0.0

    @property
    def expiry(self) -> int:
        """Unix seconds of the expiry; only an option has one.

        Raises
        ------
        InputError
            For a perp or collateral.
        """
        if not self.is_option:
            raise InputError("instrument", self, bound="an option", step="nothing else expires")
        return expiry_timestamp(self.day)

    @property
    def is_option(self) -> bool:
        """True for a call or a put."""
        return self.kind in (Kind.CALL, Kind.PUT)

    @property
    def is_call(self) -> bool:
        """True for a call."""
        return self.kind == Kind.CALL

    def payoff(self, price: int) -> int:
        """Cash of one contract of an option at a settlement price, both WAD."""
        gap = price - self.strike_steps * WAD // STRIKE_STEPS
        return max(gap if self.is_call else -gap, 0)


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a trade: `size` contracts in WAD, positive when the taker buys."""

    instrument: Instrument
    size: int


@dataclass(frozen=True, slots=True)
class SviParams:
    """Raw SVI: w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)), k = ln(K/F)."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float


@dataclass(frozen=True, slots=True)
class ExpirySurface:
    """The smile of one expiry as it was fitted at `timestamp`.

    Attributes
    ----------
    day : int
        Expiry day counted from the epoch.
    svi : SviParams
        Total variance from `timestamp` to the expiry.
    basis : float
        Forward over spot less one.
    rate : float
        Continuous discount rate a year.
    timestamp : int
        Unix seconds.
    behind : int
        Whether the market has moved further than a push may: vol stands higher (1), lower (2) or
        either (3) than here.
    """

    day: int
    svi: SviParams
    basis: float
    rate: float
    timestamp: int
    behind: int = 0

    def forward(self, spot: float) -> float:
        """The forward at a spot: it moves with spot at the posted basis."""
        return spot * (1.0 + self.basis)


@dataclass(frozen=True, slots=True)
class Surface:
    """All expiries of an underlying, days ascending, with the spot they were fitted at (USD)."""

    underlying: int
    spot: float
    timestamp: int
    expiries: tuple[ExpirySurface, ...]

    def __post_init__(self) -> None:
        days = self.days
        if any(near >= far for near, far in zip(days, days[1:], strict=False)):
            raise InputError("surface days", days, bound="ascending")

    @property
    def days(self) -> tuple[int, ...]:
        """Expiry days on the surface."""
        return tuple(expiry.day for expiry in self.expiries)

    def on(self, day: int) -> ExpirySurface:
        """The smile of one expiry.

        Raises
        ------
        InputError
            Where the surface has no such day.
        """
        for expiry in self.expiries:
            if expiry.day == day:
                return expiry
        raise InputError("expiry day", day, bound=f"on the surface, which has {self.days}")

    def only(self, days: Iterable[int]) -> Surface:
        """The surface cut down to some days."""
        kept = set(days)
        expiries = tuple(expiry for expiry in self.expiries if expiry.day in kept)
        return Surface(self.underlying, self.spot, self.timestamp, expiries)


@dataclass(frozen=True, slots=True)
class SettledPrint:
    """The settlement price of an expiry, WAD, as it was written once on chain."""

    underlying: int
    day: int
    price: int


def account_id(owner: int, index: int = 0) -> int:
    """`owner << 96 | index`: the id of an owner's sub-account.

    Raises
    ------
    InputError
        Where the owner is no 160-bit address or the index does not fit in 96 bits.
    """
    if not 0 <= owner < 1 << _OWNER_BITS:
        raise InputError("account owner", owner, bound="a 160-bit address")
    if not 0 <= index < 1 << _INDEX_BITS:
        raise InputError("account index", index, bound="in [0, 2**96)")
    return owner << _INDEX_BITS | index


def account_owner(account: int) -> int:
    """The owner's address as an int."""
    return account >> _INDEX_BITS


def account_index(account: int) -> int:
    """The index of the sub-account."""
    return account & ((1 << _INDEX_BITS) - 1)
