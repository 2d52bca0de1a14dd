"""The auctions in a replay: reading who is unhealthy, sending what the strategy says, the books."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol.chain.base import Receipt
from protocol.clients.ledger import BAND
from protocol.clients.liquidator import Liquidator
from protocol.errors import Revert
from protocol.sim.actions import Actions
from protocol.sim.record import LiquidationRecord
from protocol.sim.world import KEEPER, World, account_of
from protocol.strategy.base import (
    Absorb,
    AccountState,
    Bid,
    BidderState,
    CloseAuction,
    Flag,
    Intent,
    ReleaseHold,
)
from protocol.types import Instrument, Kind, Leg
from protocol.units import WAD, from_wad, to_wad


@dataclass(slots=True)
class Auctions:
    """What the keeper and the liquidator do about unhealthy accounts.

    `who` are the owners watched; `bidder` is the liquidator's address.
    """

    world: World
    actions: Actions
    who: tuple[str, ...]
    bidder: str
    records: list[LiquidationRecord] = field(default_factory=list)

    @property
    def contract(self) -> Liquidator:
        return self.world.system.liquidator

    # -- reading --

    def unhealthy(self) -> tuple[AccountState, ...]:
        """Accounts on auction, below maintenance, in debt with nothing left, or with a hold."""
        ledger, settlement, found = self.world.system.ledger, self.world.system.settlement, []
        for owner in self.who:
            account = account_of(owner)
            known = self.contract.auction(account) != (0, 0) or settlement.holds(account)
            if known or not ledger.healthy(account, fallback=BAND, initial=False):
                found.append(self._state(account))
        return tuple(found)

    def bidder_state(self) -> BidderState:
        account = account_of(self.bidder)
        terms = self.contract.terms(account)
        cash = self.world.system.ledger.cash(account)
        return BidderState(account, from_wad(min(terms.equity - terms.initial, cash)))

    def _state(self, account: int) -> AccountState:
        ledger, terms = self.world.system.ledger, self.contract.terms(account)
        start, since = self.contract.auction(account)
        held, cash = ledger.portfolio(account), ledger.cash(account)
        perp = Instrument.perp(self.world.underlying).id
        won = 0
        if perp in held:
            won = self.world.market.perp.unrealised(account, held[perp])
        return AccountState(
            account=account,
            equity=from_wad(terms.equity),
            initial=from_wad(terms.initial),
            maintenance=from_wad(terms.maintenance),
            value=from_wad(terms.equity - cash - won),
            cash=from_wad(cash),
            positions=len(held),
            auctioned=start != 0,
            turned=since != 0,
            discount=from_wad(terms.discount),
            largest=terms.largest / WAD,
            insolvent=terms.insolvent,
            held=self.world.system.settlement.holds(account),
        )

    def bad_debt(self) -> float:
        """What those watched owe without a position to pay for it, USD."""
        ledger = self.world.system.ledger
        broke = [account_of(owner) for owner in self.who if not ledger.portfolio(account_of(owner))]
        return sum(max(0.0, -from_wad(ledger.cash(account))) for account in broke)

    # -- doing --

    def send(self, intents: Iterable[Intent]) -> None:
        """Each as the one who would send it; a refusal is counted and passed over."""
        for intent in intents:
            try:
                self._record(self.actions.count(self._send(intent)))
            except Revert as refusal:
                self.actions.refused(refusal)

    def _send(self, intent: Intent) -> Receipt:
        match intent:
            case Flag(account):
                return self.contract.flag(account, sender=KEEPER)
            case CloseAuction(account):
                return self.contract.close(account, sender=KEEPER)
            case Absorb(account):
                return self.contract.absorb(account, sender=KEEPER)
            case ReleaseHold(account):
                return self.world.system.settlement.release_hold(account, sender=KEEPER)
            case Bid(account, bidder, share, limit):
                size, least = min(to_wad(share), WAD), to_wad(limit)
                return self.contract.bid(account, bidder, size, limit=least, sender=self.bidder)
        raise TypeError(f"no auction action for {intent!r}")

    def _record(self, receipt: Receipt) -> None:
        for event in self.contract.events(receipt):
            row = event.args
            if event.name not in ("AuctionStarted", "SliceSold", "DebtAbsorbed"):
                continue
            parts = [from_wad(each) for each in row.get("covered", (0, 0, 0))]
            self.records.append(
                LiquidationRecord(
                    timestamp=self.world.chain.timestamp,
                    account=row["account"],
                    kind=event.name,
                    share=from_wad(row.get("share", 0)),
                    discount=from_wad(row.get("discount", 0)),
                    insurance=parts[0],
                    pools=parts[1],
                    haircut=parts[2],
                )
            )

    def unwind(self, spot: float) -> None:
        """Sell on what was bought, a half where all of it is too much at once."""
        portfolio = self.world.system.ledger.portfolio(account_of(self.bidder))
        for key, size in portfolio.items():
            series = Instrument.from_id(key)
            for part in (-size, -size // 2):
                if self._trade(series, part, spot):
                    break

    def _trade(self, series: Instrument, size: int, spot: float) -> bool:
        if series.kind == Kind.PERP:
            return self.actions.trade_units(self.bidder, size)
        if self.world.chain.timestamp >= series.expiry:
            return True  # waits for its settlement
        return self.actions.trade_legs(self.bidder, (Leg(series, size),), spot)
