"""A wired ledger on a fresh chain, with a market that says what it is told, for the ledger's tests.

Owners are plain addresses; `VENUE` is an account that holds every venue right, so a test posts
fills without a market in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocol.chain.base import Receipt
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract
from protocol.clients.margin_words import margin_words
from protocol.parameters import MarginParameters
from protocol.types import Instrument, Kind, account_id
from protocol.units import WAD

ADMIN = "0x" + "d0" * 20
GUARDIAN = "0x" + "d1" * 20
VENUE = "0x" + "c0" * 20
TAKER = "0x" + "b1" * 20
MAKER = "0x" + "b2" * 20
OTHER = "0x" + "b3" * 20
POOL = "0x" + "c1" * 20
STRANGER = "0x" + "e0" * 20

ETH = 1
SPOT = 3_000 * WAD
VOL = 7 * WAD // 10  # of a flat surface
TRADE, CASH, EXPIRY, COLLATERAL, LIQUIDATE = 1, 2, 4, 8, 16  # rights of a venue
ALL_RIGHTS = 31
SCOPE_TRADE, SCOPE_WITHDRAW = 1, 2
OPEN, PAUSED, HALTED = 0, 1, 2
NO_FEES = (0, 0, 0)
MAX = 2**256 - 1

DAY_SECONDS, EXPIRY_SECONDS = 86_400, 28_800  # a series expires at 08:00 UTC of its day
COLLECTION = 600  # seconds from a print until those who are owed are paid

Deploy = Callable[..., AnyContract]


def account(owner: str, index: int = 0) -> int:
    return account_id(int(owner, 16), index)


def leg(instrument: Instrument | int, size: int) -> int:
    number = instrument.id if isinstance(instrument, Instrument) else instrument
    return number << 128 | size & (2**128 - 1)


@dataclass(frozen=True, slots=True)
class LedgerBench:
    chain: EmbeddedChain
    manager: AnyContract
    market: AnyContract  # oracle and perp market in one
    token: AnyContract
    custody: AnyContract
    risk: AnyContract
    ledger: AnyContract
    expiry: AnyContract
    unit: int  # WAD of a smallest token unit

    @property
    def day(self) -> int:
        """An expiry day about a month away."""
        return self.chain.timestamp // DAY_SECONDS + 30

    def call(self, strike: float, day: int | None = None) -> Instrument:
        return Instrument.option(Kind.CALL, ETH, day or self.day, strike)

    def put(self, strike: float, day: int | None = None) -> Instrument:
        return Instrument.option(Kind.PUT, ETH, day or self.day, strike)

    def fund(self, owner: str, dollars: int, index: int = 0) -> Receipt:
        tokens = dollars * WAD // self.unit
        self.token.send("mint", owner, tokens, sender=owner)
        self.token.send("approve", self.custody.address, MAX, sender=owner)
        return self.ledger.send("deposit", account(owner, index), tokens, sender=owner)

    def cash(self, owner: str, index: int = 0) -> int:
        return int(self.ledger.call("cash", account(owner, index)))

    def position(self, owner: str, instrument: Instrument) -> int:
        return int(self.ledger.call("position", account(owner), instrument.id))

    def portfolio(self, owner: str) -> dict[int, int]:
        ids, sizes = self.ledger.call("portfolio", account(owner))
        return dict(zip(ids, sizes, strict=True))

    def pool_positions(self, owner: str, day: int, underlying: int = ETH) -> dict[int, int]:
        ids, sizes = self.ledger.call("pool_positions", account(owner), underlying, day)
        return dict(zip(ids, sizes, strict=True))

    def settle(
        self,
        legs: list[int],
        *,
        payment: int = 0,
        fees: tuple[int, int, int] = NO_FEES,
        taker: str = TAKER,
        maker: str = MAKER,
        caller: str | None = None,
        venue: str = VENUE,
    ) -> Receipt:
        return self.ledger.send(
            "settle",
            caller or taker,
            account(taker),
            account(maker),
            legs,
            payment,
            list(fees),
            sender=venue,
        )

    def fill(self, instrument: Instrument, size: int, payment: int = 0, **more: object) -> Receipt:
        """One leg."""
        return self.settle([leg(instrument, size)], payment=payment, **more)  # type: ignore[arg-type]

    def post(self, owner: str, collateral: Instrument, shares: int, vault: str = VENUE) -> Receipt:
        """Shares of a vault into an account; below zero, out of it, for its owner."""
        row = (owner, account(owner), collateral.id, shares)
        return self.ledger.send("move_collateral", *row, sender=vault)

    def set_spot(self, price: int, underlying: int = ETH) -> None:
        self.market.send("set_price", underlying, price, sender=ADMIN)

    def set_print(self, day: int, price: int, *, collected: bool = True) -> None:
        """Move past the expiry of a day, take its print, and let the time to collect pass."""
        self.chain.set_time(max(self.chain.timestamp, day * DAY_SECONDS + EXPIRY_SECONDS))
        self.market.send("set_print", ETH, day, price, sender=ADMIN)
        self.expiry.send("take_print", ETH, day, sender=STRANGER)
        if collected:
            self.chain.advance(COLLECTION)

    def cash_needed(self, positions: dict[Instrument, int]) -> tuple[int, int]:
        """Cash that initial and maintenance margin ask for beside positions nobody has."""
        ids, sizes = [each.id for each in positions], list(positions.values())
        value, *margins = self.risk.call("assess", 0, 0, ids, sizes)
        initial, maintenance = (int(margin - value) for margin in margins)
        return initial, maintenance

    def pause(self, level: int) -> None:
        self.manager.send("set_pause_level", level, sender=ADMIN)


def make_bench(
    chain: EmbeddedChain,
    deploy: Deploy,
    *,
    decimals: int = 6,
    token: AnyContract | None = None,
) -> LedgerBench:
    """Wired as a deployment is; the pool of `POOL` is open, nobody has cash."""
    manager, market = deploy("AccessManager"), deploy("MockMarket")
    token = token or deploy("MockERC20", "Dollar", "USD", decimals)
    risk = deploy("RiskEngine", manager.address, market.address, market.address)
    custody = deploy("Custody", manager.address, token.address)
    ledger = deploy("Clearinghouse", manager.address, custody.address, risk.address)
    expiry = deploy("ExpirySettlement", ledger.address, market.address)
    for contract, name, *args in (
        (manager, "set_ledger", ledger.address),
        (custody, "set_ledger", ledger.address),
        (manager, "grantRole", manager.call("GUARDIAN"), GUARDIAN),
        (ledger, "set_venue", VENUE, ALL_RIGHTS),
        (ledger, "set_venue", expiry.address, EXPIRY),
        (ledger, "open_pool", account(POOL)),
        (risk, "set_scenarios", *margin_words(MarginParameters())),
        (risk, "set_perp", ETH, market.address),
        (market, "set_price", ETH, SPOT),
        (market, "set_vol", ETH, VOL),
    ):
        contract.send(name, *args, sender=ADMIN)
    unit = 10 ** (18 - token.call("decimals"))
    return LedgerBench(chain, manager, market, token, custody, risk, ledger, expiry, unit)
