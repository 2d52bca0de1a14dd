"""The whole core with owners on margin: what they hold, what it needs, and what must always hold.

Two underlyings with perps, options on the first, and its collateral vault. Options are filled at
mark against `DEALER`, a pool that takes any trade; everything else is the deployment's own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from protocol.chain.artifacts import Artifacts
from protocol.clients.collateral import CollateralTerms
from protocol.clients.ledger import TRADE, Token
from protocol.clients.system import Market
from protocol.pricing.amm_words import SurfaceWords
from protocol.risk.margin import Margin, margin
from protocol.risk.portfolio import Collateral, Holding, MarketState, Portfolio
from protocol.types import ExpirySurface, Instrument, Kind, Surface, SviParams
from protocol.units import DAY, WAD, expiry_timestamp, from_wad
from tests.system_fixtures import (
    ADMIN,
    COLLECTION,
    LP,
    OTHER_LP,
    OTHER_TAKER,
    STRANGER,
    TAKER,
    VARIANCE,
    Exchange,
    account,
    build_exchange,
)

BORROWER, WRITER, BIDDER = ("0x" + byte * 20 for byte in ("7d", "7e", "7f"))
VENUE = "0x" + "c0" * 20
DEALER = account(VENUE)
# One owner has two accounts, so that he may bid for himself.
ACCOUNTS = {
    account(BORROWER): BORROWER,
    account(BORROWER, 1): BORROWER,
    account(WRITER): WRITER,
    account(BIDDER): BIDDER,
}
BAND = 2  # price_fallback
RELATIVE = 1e-9  # twin and contract, of all that is held
DUST = 10**6  # wei: each write of an account may leave one that is nobody's


class MarginStage:
    """The deployment, with the owners in it."""

    def __init__(self, artifacts: Artifacts) -> None:
        self.exchange: Exchange = build_exchange(artifacts)
        self.variance = VARIANCE
        self.all_days = set(self.exchange.days)
        system = self.exchange.system
        self.ledger, self.liquidator = system.ledger, system.liquidator
        self.vault, self.engine = self.exchange.eth.collateral, system.risk_engine
        self.parameters = self.engine.scenarios()
        self.collateral = self.vault.instrument()
        self.haircut = from_wad(self.engine._call("collateral", self.collateral)[1])
        self.ether = Token(self.exchange.chain, self.vault.asset(), artifacts["MockERC20"].abi)
        self.vault.set_terms(CollateralTerms(10**7 * WAD, WAD), sender=ADMIN)
        self.ledger.set_venue(VENUE, TRADE, sender=ADMIN)
        self.ledger.open_pool(DEALER, sender=ADMIN)
        self.liquidator.set_loss_pools(1, DEALER, self.exchange.eth.perp.pool, sender=ADMIN)
        for owner, dollars in ((VENUE, 5_000), (BORROWER, 20_000), (WRITER, 40_000)):
            self.exchange.fund(owner, dollars)
        self.exchange.fund(BIDDER, 10**6)
        for owner in ACCOUNTS.values():
            self.ether.approve(self.vault.address, 2**256 - 1, sender=owner)
            system.token.approve(system.custody.address, 2**256 - 1, sender=owner)
        self.last = (self.ledger.indices()[0], *self.share_price())

    # -- the market --

    @property
    def markets(self) -> tuple[Market, ...]:
        return self.exchange.system.markets

    def push(self) -> None:
        self.exchange.push(self.exchange.eth, variance=self.variance)

    def words(self, day: int) -> SurfaceWords:
        posted = self.exchange.system.surface._call("words", 1, day)
        return SurfaceWords.from_words(posted)

    def surface_age(self) -> int:
        """Seconds."""
        return self.exchange.now - self.words(self.exchange.days[0]).timestamp

    def mark(self, series: int) -> int:
        spot = self.exchange.spot(self.exchange.eth)
        posted = self.exchange.system.surface._call("words", 1, Instrument.from_id(series).day)
        return self.exchange.system.pricer.mark(series, spot, posted)

    def roll(self) -> int:
        """Past the first expiry: printed, all paid, another listed in its place. Its day."""
        day, *rest = self.exchange.days
        self.exchange.pass_expiry(day)
        settlement = self.exchange.system.settlement
        settlement.take_print(1, day, sender=STRANGER)
        settlement.settle_accounts([*ACCOUNTS, DEALER], 1, day, sender=STRANGER)
        self.exchange.advance(COLLECTION)
        settlement.settle_accounts([*ACCOUNTS, DEALER], 1, day, sender=STRANGER)
        self.exchange = replace(self.exchange, days=(*rest, rest[-1] + 14))
        self.all_days |= set(self.exchange.days)
        self.push()
        return day

    # -- margin, and its twin --

    def margin(self, who: int) -> tuple[int, int, int]:
        """(equity, initial, maintenance)."""
        equity, initial, maintenance = self.ledger._call("margin", who, BAND)
        return int(equity), int(initial), int(maintenance)

    def twin(self, who: int) -> tuple[Margin, float]:
        """The float twin's margin, and all that is held at spot, USD."""
        positions = self.ledger.portfolio(who)
        posted = from_wad(self.vault.tokens_of(positions.pop(self.collateral, 0)))
        held = [Holding(Instrument.from_id(n), from_wad(size)) for n, size in positions.items()]
        portfolio = Portfolio(
            cash=from_wad(self.ledger.cash(who)),
            holdings=tuple(held),
            collateral=(Collateral(1, posted, self.haircut),) if posted else (),
            unrealised={m.underlying: self._unrealised(who, m, positions) for m in self.markets},
        )
        states = {market.underlying: self._state(market) for market in self.markets}
        seen = margin(
            portfolio=portfolio,
            markets=states,
            now=self.exchange.now,
            parameters=self.parameters,
        )
        gross = sum(abs(h.size) * states[h.instrument.underlying].spot for h in held)
        return seen, gross + abs(portfolio.cash) + posted * states[1].spot

    def _unrealised(self, who: int, market: Market, positions: dict[int, int]) -> float:
        size = positions.get(Instrument.perp(market.underlying).id, 0)
        return from_wad(market.perp.unrealised(who, size)) if size else 0.0

    def _state(self, market: Market) -> MarketState:
        spot = self.exchange.system.oracle.spot(market.underlying)
        smiles = []
        for day in self.exchange.days if market.underlying == 1 else ():
            words = self.words(day)
            svi = SviParams(*(from_wad(getattr(words, n)) for n in ("a", "b", "rho", "m", "sigma")))
            rates = from_wad(words.basis), from_wad(words.rate)
            smiles.append(ExpirySurface(day, svi, *rates, words.timestamp))
        price = from_wad(spot.price)
        surface = Surface(market.underlying, price, self.exchange.now, tuple(smiles))
        return MarketState(price, surface, from_wad(spot.uncertainty))

    # -- what always holds --

    def share_price(self) -> tuple[int, int]:
        """Assets and shares of the collateral vault, the virtual ones with them."""
        extra = 10 ** (self.ether.decimals() - 6)
        return self.vault.total_assets() + extra, self.vault.utilisation().supply + extra

    def check(self, who: int) -> None:
        """All books, and one account's margin."""
        self.check_positions()
        self.check_backing()
        self.check_vault()
        self.check_margin(who)

    def check_positions(self) -> None:
        sums: Counter[int] = Counter()
        for each in ACCOUNTS:
            sums.update(self.ledger.portfolio(each))
        for day in (0, *self.exchange.days):
            sums.update(self.ledger.pool_positions(DEALER, 1, day))
        for market in self.markets:
            perp = Instrument.perp(market.underlying).id
            sums[perp] += self.ledger.position(market.perp.pool, perp)
        posted = sums[self.collateral]
        at_vault = self.ledger.position(account(self.vault.address), self.collateral)
        assert posted == -at_vault == self.vault.balance_of(self.vault.address)
        sums[self.collateral] += at_vault
        assert not any(sums.values()), "an instrument does not net to zero"

    def everybody(self) -> list[int]:
        """Every account there is cash in."""
        found = [*ACCOUNTS, DEALER, *map(account, (TAKER, OTHER_TAKER, LP, OTHER_LP))]
        for market in self.markets:
            vaults = market.options_vault, market.perp_vault
            found += [market.amm.pool, market.perp.pool, *(each.account() for each in vaults)]
        settlement = self.exchange.system.settlement
        return found + [settlement.escrow(1, day) for day in sorted(self.all_days)]

    def check_backing(self) -> None:
        cash = [self.ledger.cash(each) for each in self.everybody()]
        owned = sum(each for each in cash if each > 0) + sum(self.ledger.reserves())
        held = self.exchange.system.custody.held() * self.exchange.unit
        owed, debts = self.ledger.debt(), -sum(each for each in cash if each < 0)
        assert 0 <= held + owed - owned <= DUST, "cash is not backed"
        assert 0 <= debts - owed <= DUST, "debts do not add up"
        index = self.ledger.indices()[0]
        assert index <= self.last[0], "the haircut index rose"
        self.last = (index, *self.last[1:])

    def check_vault(self) -> None:
        (assets, shares), (index, assets_before, shares_before) = self.share_price(), self.last
        assert assets * shares_before >= assets_before * shares, "a vault share lost value"
        self.last = (index, assets, shares)
        supply = self.vault.utilisation().supply
        held = self.ether.balance_of(self.vault.address)
        assert self.vault.tokens_of(supply) <= self.vault.total_assets() <= held

    def check_margin(self, who: int) -> None:
        """Contract = twin, and the quick verdict = the full scan's."""
        equity, initial, maintenance = self.margin(who)
        seen, gross = self.twin(who)
        slack = RELATIVE * gross + 1e-9
        for ours, theirs in (
            (seen.equity, equity),
            (seen.initial, initial),
            (seen.maintenance, maintenance),
        ):
            assert abs(ours - from_wad(theirs)) <= slack, "the twin disagrees"
        for strict, needed in ((True, initial), (False, maintenance)):
            sound = self.ledger.healthy(who, BAND, initial=strict)
            assert sound == (equity >= needed), "the quick verdict is not the scan's"

    def check_exit(self, who: int) -> None:
        """After cash or collateral has left."""
        equity, initial, _ = self.margin(who)
        assert self.ledger.cash(who) >= 0 and equity >= initial, "left below initial margin"

    def seconds_to_expiry(self) -> int:
        return expiry_timestamp(self.exchange.days[0]) - self.exchange.now - DAY

    def option(self, kind: Kind, moneyness: float, index: int) -> Instrument:
        """A series at a multiple of spot, on a grid of 50."""
        strike = round(from_wad(self.exchange.spot(self.exchange.eth)) * moneyness / 50) * 50.0
        return Instrument.option(kind, 1, self.exchange.days[index], max(strike, 50.0))
