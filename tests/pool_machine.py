"""Two options pools on one ledger, played at random: the rules, and what each must have done."""

from __future__ import annotations

from fractions import Fraction
from math import exp

from protocol.clients.system import Market
from protocol.errors import Revert
from protocol.pricing import amm as twin
from protocol.pricing.amm import RESERVE_STEP
from protocol.pricing.amm_words import SurfaceWords
from protocol.types import Instrument, Leg
from protocol.units import WAD
from tests.pool_play import GREEKS, OWNERS, Play, Pool
from tests.system_fixtures import (
    COLLECTION,
    DELAY,
    KEEPER,
    LP,
    OTHER_LP,
    STRANGER,
    account,
    parameters,
)
from tests.twin_inputs import pool_state, storage

ANY = 2**256 - 1  # a bound will do, however high

VALUATION_SURFACE = 900  # seconds a surface serves valuations


class Machine(Play):
    """The rules, each named for what it does."""

    def trade(self) -> None:
        market, owner = self.market(), self.taker()
        legs = self.legs(market, owner)
        quote = self.attempt(market, owner, legs)
        if quote is None:
            return
        self.done["trade"] += 1
        self.done[f"trade of {len(legs)}"] += 1
        if quote.impact < 0:
            self.done["trade paid for taking risk off"] += 1
            assert quote.cash - quote.fee < quote.mark + quote.spread

    def round_trip(self) -> None:
        market, owner = self.market(), self.taker()
        legs = self.legs(market, owner)
        before, cash = self.pool(market), self.exchange.cash(owner)
        if self.attempt(market, owner, legs) is None:
            return
        if self.attempt(market, owner, [reverse(leg) for leg in legs]) is None:
            return
        after = self.pool(market)
        assert self.exchange.cash(owner) <= cash
        self.check_greeks_restored(before, after)
        for was, now in zip(before.books, after.books, strict=True):
            assert was.value == now.value
            assert now.reserve >= was.reserve  # what is bought back frees nothing yet
        assert after.potential == before.potential
        self.done["round trip"] += 1

    def trip_through_a_move(self) -> None:
        """There and back at two spots: only the mark is live, the potential forgets the trip."""
        market, owner = self.market(), self.taker()
        legs, before = self.legs(market, owner), self.pool(market)
        if self.attempt(market, owner, legs) is None:
            return
        self.drift()
        if self.attempt(market, owner, [reverse(leg) for leg in legs]) is None:
            return
        after = self.pool(market)
        self.check_greeks_restored(before, after)
        assert after.potential == before.potential
        self.done["trip through a move"] += 1

    def check_greeks_restored(self, before: Pool, after: Pool) -> None:
        for was, now in zip(before.books, after.books, strict=True):
            assert [getattr(was, g) for g in GREEKS] == [getattr(now, g) for g in GREEKS]

    def split(self) -> None:
        """The same trade whole and in parts, by size and by leg, in any order."""
        market, owner = self.market(), self.taker()
        legs = self.legs(market, owner, most=3)
        parts = [part for leg in legs for part in self.slices(leg)]
        self.rng.shuffle(parts)
        cash, before = self.exchange.cash(owner), self.pool(market)
        start = self.exchange.chain.snapshot()
        if self.attempt(market, owner, legs) is None:
            return
        whole, end = cash - self.exchange.cash(owner), self.pool(market)
        self.exchange.chain.revert(start)
        for part in parts:
            if self.attempt(market, owner, [part]) is None:
                return
        paid = cash - self.exchange.cash(owner)
        wei = self.price_of_a_wei(market, before) + self.price_of_a_wei(market, end)
        assert paid >= whole - len(parts) * (4 + wei)
        scattered = self.pool(market)
        drift = abs(scattered.totals.vega - end.totals.vega)
        assert drift <= len(parts), "Greeks of parts add up, to a wei each"
        self.done["split"] += 1

    def price_of_a_wei(self, market: Market, pool: Pool) -> int:
        """What a wei more of every Greek costs: those of parts round down, each by up to one.

        And of the share of notional in the spread, which spot values twice over at most.
        """
        state, totals = pool_state(self.exchange, market), pool.totals
        w, reference = state.weights, pool.reference
        slopes = [w.delta * abs(totals.delta) * reference // WAD * reference // WAD]
        slopes += [getattr(w, name) * abs(getattr(totals, name)) for name in GREEKS[1:]]
        slopes += [w.expiry_vega * max(abs(book.vega) for book in pool.books)]
        per_delta = state.spot * (state.uncertainty + state.spreads.hedge_cost) // WAD
        return sum(slopes) // pool.depth // WAD + (per_delta + 2 * state.spot) // WAD + 1

    def slices(self, leg: Leg) -> list[Leg]:
        cuts = sorted(self.rng.randrange(abs(leg.size) + 1) for _ in range(self.rng.randint(0, 3)))
        sign = 1 if leg.size > 0 else -1
        edges = [0, *cuts, abs(leg.size)]
        sizes = [b - a for a, b in zip(edges, edges[1:], strict=False) if b > a]
        return [Leg(leg.instrument, sign * size) for size in sizes]

    def drift(self) -> None:
        """Time and prices move, nobody follows."""
        jump = self.rng.choice([0.002, 0.002, 0.02])
        prices = {
            m.symbol.lower(): self.exchange.spot(m) / WAD * exp(self.rng.gauss(0.0, jump))
            for m in self.exchange.system.markets
        }
        self.exchange.advance(self.rng.choice([1, 12, 120, 250, 900]), **prices)

    def move_market(self) -> None:
        """Surfaces follow a drift now and then, snapshots as well."""
        self.drift()
        if self.exchange.now - self.pushed_at >= 240 and self.rng.random() < 0.7:
            self.push()
        if self.rng.random() < 0.7:
            self.refresh()
        self.done["move"] += 1

    def push(self) -> None:
        self.variance *= exp(self.rng.gauss(0.0, 0.02))
        for market in self.exchange.system.markets:
            self.exchange.push(market, variance=self.variance)
        self.pushed_at = self.exchange.now

    def refresh(self) -> None:
        for market in self.exchange.system.markets:
            bystander = self.pool(self.other(market))
            for book in market.amm.expiries():
                before, since = self.pool(market), self.exchange.now - self.depth_set_at(market)
                market.amm.refresh(book.day, sender=STRANGER)
                self.check_depth(market, before, since)
            self.check_revaluation(market)
            if self.exchange.now - self.pushed_at <= VALUATION_SURFACE:
                value, pool = market.amm.valuation(), self.pool(market)
                assert (value.nav, value.risk) == (pool.nav, pool.potential)
            assert self.pool(self.other(market)) == bystander
            self.done["refresh"] += 1

    def depth_set_at(self, market: Market) -> int:
        return storage(self.exchange, market, "", "_market") >> 88 & (2**40 - 1)

    def check_depth(self, market: Market, before: Pool, elapsed: int) -> None:
        """Down to NAV at once, up to it at the rate; only where every expiry is fresh."""
        after, rate = self.pool(market), parameters(market).upkeep.depth_growth
        try:
            market.amm.valuation()
        except Revert as stale:
            assert stale.reason == "amm: valuation stale" and after.depth == before.depth
            return
        grown = before.depth + before.depth * rate // WAD * elapsed // 3_600
        if after.potential:
            assert after.depth == min(grown, max(after.nav, 0))
        else:
            assert after.depth == max(after.nav, 0)
        if after.depth != before.depth:
            self.done["depth fell" if after.depth < before.depth else "depth grew"] += 1

    def check_revaluation(self, market: Market) -> None:
        exchange, state = self.exchange, pool_state(self.exchange, market)
        for book in self.pool(market).books:
            ledger, underlying = exchange.system.ledger, market.underlying
            held = ledger.pool_positions(market.amm.pool, underlying, book.day)
            words = exchange.system.surface._call("words", underlying, book.day)
            fresh = twin.book(
                positions=[(Instrument.from_id(key), size) for key, size in held.items()],
                spot=state.spot,
                surface=SurfaceWords.from_words(words),
                now=exchange.now,
                window=twin.Window(*exchange.system.oracle.window(underlying, book.day)),
            )
            assert book.value == fresh.value
            risk = fresh.risk
            assert [getattr(book, g) for g in GREEKS] == [getattr(risk, g) for g in GREEKS]
            # by the depth of then, which followed NAV since
            engine = exchange.system.risk_engine
            asked = (engine.reserve(held), engine.reserve(held, enough=ANY))
            assert book.reserve in [-(-each // RESERVE_STEP) * RESERVE_STEP for each in asked]

    def hedge(self) -> None:
        market = self.market()
        before = self.pool(market)
        delta = before.totals.delta
        size = -delta * self.rng.choice([1, 5, 9, 10, 19]) // 10
        limit = 2**128 if size < 0 else 0  # of the wrong side, as a keeper in a hurry might
        if self.rng.random() < 0.8:
            spot = self.exchange.spot(market)
            limit = spot * 101 // 100 if size > 0 else spot * 99 // 100
        try:
            market.amm.hedge(size, limit, sender=KEEPER)
        except Revert as refusal:
            self.refused[refusal.reason] += 1
            assert self.pool(market) == before
            return
        after = self.pool(market)
        assert after.hedge == before.hedge + size
        assert abs(after.totals.delta) < abs(delta)
        assert after.books == before.books
        self.done["hedge"] += 1

    def move_liquidity(self) -> None:
        """An LP comes or goes; who stays has no less per share, at a fresh valuation."""
        market, lp = self.market(), self.rng.choice([LP, OTHER_LP])
        vault, exchange = market.options_vault, self.exchange
        shares = vault.balance_of(lp)
        if shares and self.rng.random() < 0.6:
            asked = min(max(shares // self.rng.randint(1, 9), 10 * WAD), shares)
            vault.request_redeem(asked, lp, sender=lp)
        else:
            exchange.request_deposit(vault, lp, self.rng.choice([10, 5_000, 400_000]))
        exchange.advance(DELAY)
        self.push()
        self.refresh()
        before, supply = market.amm.valuation(), vault.total_supply()
        receipt = vault.process(32, sender=STRANGER)
        names = [event.name for event in vault.events(receipt)]
        after = market.amm.valuation()
        held = Fraction(before.nav - before.risk, supply)
        left = Fraction(after.nav - after.risk, vault.total_supply())
        assert left >= held - Fraction(4, supply)
        assert market.amm.depth() <= before.depth
        exchange.claim(vault, lp)
        for name in set(names):
            self.done[name] += 1

    def expire(self) -> None:
        """The first listed expiry of both markets passes, is printed, settled and closed."""
        exchange, day = self.exchange, self.open_days.pop(0)
        exchange.pass_expiry(day)
        for market in exchange.system.markets:
            settlement, traded = exchange.system.settlement, market.underlying
            settlement.take_print(traded, day, sender=STRANGER)
            everyone = [*(account(owner) for owner in OWNERS), market.amm.pool]
            settlement.settle_accounts(everyone, traded, day, sender=STRANGER)
            exchange.advance(COLLECTION)
            settlement.settle_accounts(everyone, traded, day, sender=STRANGER)
            before = len(market.amm.expiries())
            market.amm.close_expiry(day, sender=STRANGER)
            assert len(market.amm.expiries()) == before - 1
            self.check_pool(market)
        self.settlements = 64
        self.push()
        self.refresh()
        self.done["expire"] += 1


def reverse(leg: Leg) -> Leg:
    return Leg(leg.instrument, -leg.size)
