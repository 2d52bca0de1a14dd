"""Who and how much, for random play with margin: near where a rule starts to bite."""

from __future__ import annotations

import random

from protocol.clients.ledger import Clearinghouse
from protocol.units import WAD, from_wad
from tests.margin_stage import ACCOUNTS, BIDDER, MarginStage
from tests.system_fixtures import HOUR, account

RICH = account(BIDDER)


class Draws:
    """Draws on what the stage holds now."""

    def __init__(self, stage: MarginStage, rng: random.Random) -> None:
        self.stage, self.rng = stage, rng

    @property
    def ledger(self) -> Clearinghouse:
        return self.stage.ledger

    def possible(self, name: str) -> str:
        """The rule itself, mostly; where it has nobody to act on, what leads to it."""
        sick, auctioned, recovered = self.unhealthy(), self.auctioned(), self.recovered()
        needs = {
            "bid": (auctioned, "flag"),
            "close": (recovered, "deposit" if auctioned else "flag"),
            "flag": ([who for who in sick if who not in auctioned], "squeeze"),
            "absorb": (self.broke(), "roll" if self.underwater() else "squeeze"),
            "squeeze": (self.short(), "fill"),
            "take": (self.posted(), "post"),
        }
        if self.broke() and self.rng.random() < 0.3:
            return "absorb"
        while name in needs and not needs[name][0] and self.rng.random() < 0.95:
            name = needs[name][1]
        return name

    def unhealthy(self) -> list[int]:
        terms = {who: self.stage.liquidator.terms(who) for who in ACCOUNTS}
        return [who for who, each in terms.items() if each.equity < each.maintenance]

    def auctioned(self) -> list[int]:
        """On an auction that takes bids."""
        latest = self.stage.exchange.now - 12 * HOUR
        return [who for who in ACCOUNTS if self.stage.liquidator.auction(who)[0] >= latest]

    def recovered(self) -> list[int]:
        """On auction, and fit to leave it."""
        margins = {who: self.stage.margin(who) for who in self.auctioned()}
        return [who for who, (equity, initial, _) in margins.items() if equity >= initial]

    def underwater(self) -> list[int]:
        return [who for who in ACCOUNTS if self.stage.margin(who)[0] < 0]

    def broke(self) -> list[int]:
        """In debt with nothing left."""
        return [
            who for who in ACCOUNTS if self.ledger.cash(who) < 0 and not self.ledger.portfolio(who)
        ]

    def short(self) -> list[int]:
        """Whoever has most of his equity bound, the rich bidder apart."""
        bound = {}
        for who in ACCOUNTS:
            equity, _, maintenance = self.stage.margin(who)
            if who != RICH and 50 * WAD < maintenance < equity:
                bound[who] = maintenance / equity
        return sorted(bound, key=bound.__getitem__)[-1:]

    def posted(self) -> list[int]:
        return [who for who in ACCOUNTS if self.ledger.position(who, self.stage.collateral)]

    def one(self, found: list[int]) -> int:
        return self.rng.choice(found or list(ACCOUNTS))

    def anyone(self) -> int:
        return self.rng.choice(list(ACCOUNTS))

    def near(self, edge: float) -> float:
        """A little, most or all of what may go, or a little too much."""
        return edge * self.rng.choice((0.2, 0.7, 0.95, 0.999_999, 1.0, 1.000_001, 1.05))

    def leaving(self, who: int) -> float:
        """Cash that may leave, USD."""
        headroom = self.stage.twin(who)[0].initial_headroom
        return max(min(headroom, from_wad(self.ledger.cash(who))), 0.0)

    def size(self, who: int, series: int) -> int:
        equity, initial, _ = self.stage.margin(who)
        spot = self.stage.exchange.spot(self.stage.exchange.eth)
        if self.rng.random() < 0.3:
            price = self.stage.mark(series)
            return max(int(self.near(0.3) * self.ledger.cash(who)) * WAD // max(price, 1), 1)
        need = self.stage.engine._call("short_requirement", series, spot) * 5 // 4
        free = min(max(equity - initial, 0), 30_000 * WAD)
        return -max(int(self.near(free)) * WAD // need, 1)
