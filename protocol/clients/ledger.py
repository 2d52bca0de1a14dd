"""Clients of the ledger and what it stands on: cash, positions, custody, settlement, margin."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.chain.base import Receipt
from protocol.clients.base import Contract
from protocol.clients.collateral import FlashLender
from protocol.clients.margin_words import margin_parameters, margin_words
from protocol.parameters import MarginParameters
from protocol.units import to_wad

TRADE, CASH, EXPIRY, COLLATERAL, LIQUIDATE = 1, 2, 4, 8, 16  # rights of a venue
LIVE_ONLY, LAST_GOOD, BAND = 0, 1, 2  # what margin is judged at without a live price
SCOPE_TRADE, SCOPE_WITHDRAW, SCOPE_ALL = 1, 2, 3  # scopes of an operator


class AccessManager(Contract):
    """Roles and the pause level."""

    def grant_role(self, role: bytes, who: str, *, sender: str) -> Receipt:
        return self._send("grantRole", role, who, sender=sender)

    def has_role(self, role: bytes, who: str) -> bool:
        return bool(self._call("hasRole", role, who))

    def set_ledger(self, ledger: str, *, sender: str) -> Receipt:
        return self._send("set_ledger", ledger, sender=sender)

    def set_pause_level(self, level: int, *, sender: str) -> Receipt:
        return self._send("set_pause_level", level, sender=sender)


class Token(Contract):
    """An ERC-20; `mint` is there on test tokens only."""

    def balance_of(self, who: str) -> int:
        return int(self._call("balanceOf", who))

    def decimals(self) -> int:
        return int(self._call("decimals"))

    def approve(self, spender: str, amount: int, *, sender: str) -> Receipt:
        return self._send("approve", spender, amount, sender=sender)

    def mint(self, receiver: str, amount: int, *, sender: str) -> Receipt:
        return self._send("mint", receiver, amount, sender=sender)


class Custody(FlashLender):
    """The quote token held for the ledger, and lent within a transaction."""

    def token(self) -> str:
        return str(self._call("token"))

    def unit(self) -> int:
        """WAD per smallest token unit."""
        return int(self._call("unit"))

    def held(self) -> int:
        """Smallest token units."""
        return int(self._call("held"))


class Clearinghouse(Contract):
    """The ledger. Cash and sizes are WAD, accounts `owner << 96 | index`."""

    def deposit(self, account: int, tokens: int, *, sender: str) -> Receipt:
        return self._send("deposit", account, tokens, sender=sender)

    def withdraw(self, account: int, tokens: int, receiver: str, *, sender: str) -> Receipt:
        return self._send("withdraw", account, tokens, receiver, sender=sender)

    def transfer_cash(self, source: int, target: int, amount: int, *, sender: str) -> Receipt:
        return self._send("transfer_cash", source, target, amount, sender=sender)

    def set_operator(self, account: int, operator: str, scope: int, *, sender: str) -> Receipt:
        return self._send("set_operator", account, operator, scope, sender=sender)

    def set_venue(self, venue: str, rights: int, *, sender: str) -> Receipt:
        return self._send("set_venue", venue, rights, sender=sender)

    def open_pool(self, account: int, *, sender: str) -> Receipt:
        return self._send("open_pool", account, sender=sender)

    def move_collateral(
        self, caller: str, account: int, instrument: int, amount: int, *, sender: str
    ) -> Receipt:
        """Shares of the vault `sender`; amount < 0 takes them out for `caller`."""
        return self._send("move_collateral", caller, account, instrument, amount, sender=sender)

    def take_slice(
        self, account: int, bidder: int, share: int, price: int, *, sender: str
    ) -> Receipt:
        return self._send("take_slice", account, bidder, share, price, sender=sender)

    def cover(self, account: int, amount: int, pools: Sequence[int], *, sender: str) -> Receipt:
        return self._send("cover", account, amount, list(pools), sender=sender)

    def hold_withdrawals(self, change: int, *, sender: str) -> Receipt:
        return self._send("hold_withdrawals", change, sender=sender)

    def accrue(self, *, sender: str) -> Receipt:
        return self._send("accrue", sender=sender)

    def set_interest(
        self, base: int, kink: int, slope_low: int, slope_high: int, *, sender: str
    ) -> Receipt:
        return self._send("set_interest", base, kink, slope_low, slope_high, sender=sender)

    def may(self, account: int, who: str, scope: int) -> bool:
        """Whether somebody may act for an account."""
        return bool(self._call("may", account, who, scope))

    def cash(self, account: int) -> int:
        return int(self._call("cash", account))

    def position(self, account: int, instrument: int) -> int:
        return int(self._call("position", account, instrument))

    def portfolio(self, account: int) -> dict[int, int]:
        """Instrument -> size, of an account that is not a pool."""
        instruments, sizes = self._call("portfolio", account)
        return dict(zip(instruments, sizes, strict=True))

    def pool_positions(self, account: int, underlying: int, day: int) -> dict[int, int]:
        """Instrument -> size of a pool in one expiry; day 0 is the perp."""
        instruments, sizes = self._call("pool_positions", account, underlying, day)
        return dict(zip(instruments, sizes, strict=True))

    def healthy(self, account: int, fallback: int, *, initial: bool) -> bool:
        """Whether an account holds its initial, else its maintenance margin."""
        return bool(self._call("healthy", account, fallback, initial))

    def debt(self) -> int:
        """What all accounts in debt owe, as of the last accrual."""
        return int(self._call("debt"))

    def withdrawal_holds(self) -> int:
        """Insolvencies being worked out; no cash leaves while there is one."""
        return int(self._call("withdrawal_holds"))

    def indices(self) -> tuple[int, int]:
        """(haircut index, borrow index)."""
        haircut, borrow = self._call("indices")
        return int(haircut), int(borrow)

    def borrow_rate(self) -> int:
        """A year's rate on debt."""
        return int(self._call("borrow_rate"))

    def reserves(self) -> tuple[int, int]:
        """(insurance, treasury)."""
        insurance, treasury = self._call("reserves")
        return int(insurance), int(treasury)


class ExpirySettlement(Contract):
    """Settlement prices, and paying expired series at them."""

    def take_print(self, underlying: int, day: int, *, sender: str) -> Receipt:
        return self._send("take_print", underlying, day, sender=sender)

    def settle_account(self, account: int, *, sender: str) -> Receipt:
        return self._send("settle_account", account, sender=sender)

    def settle_pool(self, account: int, underlying: int, day: int, *, sender: str) -> Receipt:
        return self._send("settle_pool", account, underlying, day, sender=sender)

    def settle_accounts(
        self, accounts: Sequence[int], underlying: int, day: int, *, sender: str
    ) -> Receipt:
        """At most 16 accounts or pools, those who owe first."""
        return self._send("settle_accounts", list(accounts), underlying, day, sender=sender)

    def release_hold(self, account: int, *, sender: str) -> Receipt:
        return self._send("release_hold", account, sender=sender)

    def holds(self, account: int) -> bool:
        """Whether withdrawals wait for a loss of this account."""
        return bool(self._call("holds", account))

    def collected_at(self, underlying: int, day: int) -> int:
        """From when on those who are owed are paid, unix seconds; 0 before a print."""
        return int(self._call("collected_at", underlying, day))

    def escrow(self, underlying: int, day: int) -> int:
        """The ledger account that an expiry is paid into and out of."""
        return int(self._call("escrow", underlying, day))

    def owed(self, underlying: int, day: int) -> int:
        """Paid into an expiry and not paid out yet."""
        return int(self._call("owed", underlying, day))

    def settlement_price(self, underlying: int, day: int) -> int:
        return int(self._call("settlement_price", underlying, day))


class RiskEngine(Contract):
    """Equity and margin of positions handed to it."""

    def assess(
        self, account: int, cash: int, positions: dict[int, int], *, fallback: int = LIVE_ONLY
    ) -> tuple[int, int, int]:
        """(equity, initial margin, maintenance margin)."""
        ids, sizes = list(positions), list(positions.values())
        equity, initial, maintenance = self._call("assess", account, cash, ids, sizes, fallback)
        return int(equity), int(initial), int(maintenance)

    def reserve(self, positions: dict[int, int], *, enough: int = 0) -> int:
        """Cash a pool must hold against positions; a bound of it where that is up to `enough`."""
        return int(self._call("reserve", list(positions), list(positions.values()), enough))

    def collateral(self, instrument: int) -> tuple[str, int]:
        """(vault, haircut) of what is posted as an instrument."""
        vault, haircut = self._call("collateral", instrument)
        return str(vault), int(haircut)

    def scenarios(self) -> MarginParameters:
        """The scenario list and rates in force."""
        return margin_parameters(*self._call("scenarios"))

    def set_scenarios(self, parameters: MarginParameters, *, sender: str) -> Receipt:
        return self._send("set_scenarios", *margin_words(parameters), sender=sender)

    def set_perp(self, underlying: int, market: str, *, sender: str) -> Receipt:
        return self._send("set_perp", underlying, market, sender=sender)

    def set_collateral(
        self, instrument: int, vault: str, haircut: float, *, sender: str
    ) -> Receipt:
        return self._send("set_collateral", instrument, vault, to_wad(haircut), sender=sender)
