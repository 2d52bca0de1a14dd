"""Doing things in the simulated market: the keeper's intents, the traders' requests.

A refusal by a contract is a result, counted by its reason; anything else is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod
from math import copysign

from protocol.chain.base import Receipt
from protocol.clients.markets import LiquidityVault
from protocol.errors import Revert
from protocol.sim.flow import DepositRequest, ExitRequest, PerpRequest, TradeRequest
from protocol.sim.record import HedgeRecord, TradeRecord
from protocol.sim.world import (
    ARBITRAGEUR,
    KEEPER,
    MAX_REQUESTS,
    World,
    account_of,
    claim,
    request_deposit,
)
from protocol.strategy.base import (
    CloseExpiry,
    Hedge,
    Intent,
    ListExpiry,
    ProcessVault,
    PushSurface,
    RecordPrice,
    RecordPrint,
    Refresh,
    SettleAccounts,
)
from protocol.types import STRIKE_STEPS, Leg
from protocol.units import from_wad, to_wad

_ANY_PRICE = 2**128
ARBITRAGE_COST = 0.0011  # perp fee, spread and what the outside leg costs


@dataclass(slots=True)
class StepTape:
    """What happened in the step so far; amounts in the quote token."""

    trades: list[TradeRecord] = field(default_factory=list)
    hedges: list[HedgeRecord] = field(default_factory=list)
    settled: list[tuple[int, float]] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    maker_fees: float = 0.0
    option_flows: float = 0.0  # net LP money into the option pool
    perp_flows: float = 0.0


class Actions:
    """Turns intents and requests into transactions and writes the tape."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tape = StepTape()
        self.transactions = 0
        self.gas_used = 0

    def keep(self, intents: Iterable[Intent]) -> None:
        """Send the keeper's intents in order."""
        for intent in intents:
            self._do(intent)

    @singledispatchmethod
    def _do(self, intent: Intent) -> None:
        raise TypeError(f"no action for {intent!r}")

    @_do.register
    def _(self, intent: ProcessVault) -> None:
        market = self.world.market
        is_options = intent.pool == "options"
        vault = market.options_vault if is_options else market.perp_vault
        lps = self.world.lps if is_options else self.world.perp_lps
        try:
            receipt = self.count(vault.process(MAX_REQUESTS, sender=KEEPER))
        except Revert as refusal:  # money waits while an insolvency is worked out
            self.refused(refusal)
            return
        flows = 0.0
        unit = self.world.system.custody.unit()
        for event in vault.events(receipt):
            if event.name == "DepositProcessed":
                flows += from_wad(event.args["assets"] * unit)
            elif event.name == "RedeemProcessed":
                flows -= from_wad(event.args["assets"] * unit)
        if is_options:
            self.tape.option_flows += flows
        else:
            self.tape.perp_flows += flows
        for lp in lps:
            self._claim(vault, lp)

    def _claim(self, vault: LiquidityVault, lp: str) -> None:
        try:
            claim(vault, lp)
        except Revert as refusal:
            self.refused(refusal)

    @_do.register
    def _(self, intent: RecordPrice) -> None:
        self.count(self.world.system.oracle.record(intent.underlying, sender=KEEPER))

    @_do.register
    def _(self, intent: PushSurface) -> None:
        surface = self.world.system.surface
        self.count(surface.push(intent.underlying, intent.expiries, sender=KEEPER))

    @_do.register
    def _(self, intent: ListExpiry) -> None:
        step = round(intent.strike_step * STRIKE_STEPS)
        self.count(self.world.market.amm.list_expiry(intent.day, step, sender=KEEPER))

    @_do.register
    def _(self, intent: Refresh) -> None:
        self.count(self.world.market.amm.refresh(intent.day, sender=KEEPER))

    @_do.register
    def _(self, intent: RecordPrint) -> None:
        settlement = self.world.system.settlement
        self.count(settlement.take_print(intent.underlying, intent.day, sender=KEEPER))
        price = settlement.settlement_price(intent.underlying, intent.day)
        self.tape.settled.append((intent.day, from_wad(price)))

    @_do.register
    def _(self, intent: CloseExpiry) -> None:
        self.count(self.world.market.amm.close_expiry(intent.day, sender=KEEPER))

    @_do.register
    def _(self, intent: Hedge) -> None:
        amm = self.world.market.amm
        try:
            receipt = amm.hedge(to_wad(intent.size), to_wad(intent.price_bound), sender=KEEPER)
        except Revert as refusal:
            self.refused(refusal)
            return
        self.count(receipt)
        for event in amm.events(receipt):
            if event.name == "Hedged":
                spot = from_wad(self.world.system.oracle.spot(self.world.underlying).price)
                cost, size = from_wad(event.args["cash"]), from_wad(event.args["size"])
                now = self.world.chain.timestamp
                self.tape.hedges.append(HedgeRecord(now, size, spot, cost))

    @_do.register
    def _(self, intent: SettleAccounts) -> None:
        self.world.settled_days.add(intent.day)
        settlement = self.world.system.settlement
        row = (intent.accounts, intent.underlying, intent.day)
        self.count(settlement.settle_accounts(*row, sender=KEEPER))

    # -- traders and LPs --

    def trade(self, request: TradeRequest, spot: float) -> None:
        """A taker's option trade at the market; its margin or the pool's limits may refuse it."""
        self.trade_legs(self.world.takers[request.taker], request.legs, spot)

    def trade_legs(self, trader: str, legs: Sequence[Leg], spot: float) -> bool:
        """The same for anybody; whether it was done."""
        account, amm = account_of(trader), self.world.market.amm
        try:
            receipt = self.count(amm.trade(account, legs, sender=trader))
        except Revert as refusal:
            self.refused(refusal)
            return False
        for event in self.world.system.ledger.events(receipt):
            if event.name == "FillSettled":
                self.tape.maker_fees += from_wad(event.args["fees"][0])
        for event in amm.events(receipt):
            if event.name == "Traded":
                cash, mark, impact, spread, fee = (from_wad(x) for x in event.args["quote"])
                sizes = tuple((leg.instrument.id, from_wad(leg.size)) for leg in legs)
                row = (mark, impact, spread, fee, cash, spot)
                self.tape.trades.append(
                    TradeRecord(self.world.chain.timestamp, account, sizes, *row)
                )
        return True

    def trade_perp(self, request: PerpRequest) -> None:
        self.trade_units(self.world.takers[request.taker], request.size)

    def arbitrage_perp(self, skew: float, scale: float) -> None:
        """Trade the skew back to where the premium no longer pays for closing it outside."""
        excess = abs(skew) - ARBITRAGE_COST * scale
        if excess > 0.0:
            self.trade_units(ARBITRAGEUR, to_wad(-copysign(excess, skew)))

    def deposit(self, request: DepositRequest) -> None:
        lp, vault = self.world.lps[request.lp], self.world.market.options_vault
        request_deposit(self.world, vault, lp, from_wad(request.amount))

    def leave(self, request: ExitRequest) -> None:
        lp, vault = self.world.lps[request.lp], self.world.market.options_vault
        shares = int(vault.balance_of(lp) * request.share)
        if shares == 0:
            return
        try:
            self.count(vault.request_redeem(shares, lp, sender=lp))
        except Revert as refusal:
            self.refused(refusal)

    def trade_units(self, trader: str, size: int) -> bool:
        """A perp trade of anybody's at the market, WAD; whether it was done."""
        limit = _ANY_PRICE if size > 0 else 0
        perp = self.world.market.perp
        try:
            self.count(perp.trade(account_of(trader), size, limit, sender=trader))
        except Revert as refusal:
            self.refused(refusal)
            return False
        return True

    # -- the books --

    def count(self, receipt: Receipt) -> Receipt:
        """Its gas, and that it was one."""
        self.transactions += 1
        self.gas_used += receipt.gas_used
        return receipt

    def refused(self, refusal: Revert) -> None:
        """By its reason."""
        self.tape.refusals[refusal.reason or "no reason"] += 1
