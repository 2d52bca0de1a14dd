"""The whole system: one script through a full life, in quote tokens of 6, 8 and 18 decimals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from protocol.clients.system import Market
from protocol.parameters import FeedParameters, PullFeedParameters
from protocol.types import Instrument, Leg
from protocol.units import WAD
from tests.system_fixtures import (
    COLLECTION,
    DELAY,
    KEEPER,
    LP,
    OTHER_LP,
    OTHER_TAKER,
    STRANGER,
    TAKER,
    Exchange,
    account,
    build_exchange,
)

HOUR = 3_600
OWNERS = (TAKER, OTHER_TAKER, LP, OTHER_LP)


@dataclass(frozen=True, slots=True)
class Trail:
    """What a run of the script left behind, WAD, in the order it happened."""

    numbers: tuple[int, ...]
    tokens_back: tuple[int, ...]


def minted(exchange: Exchange) -> int:
    return int(exchange.system.token._call("totalSupply"))


def wallets(exchange: Exchange, owners: Iterable[str] = OWNERS) -> int:
    return sum(exchange.system.token.balance_of(owner) for owner in owners)


def check_conserved(exchange: Exchange, *, settled: int = 0) -> None:
    """Every token is in a wallet or in custody, and custody owes no more than it holds."""
    custody = exchange.system.custody
    assert wallets(exchange) + custody.held() == minted(exchange)
    assert exchange.system.token.balance_of(custody.address) == custody.held()
    spare = custody.held() * exchange.unit - exchange.ledger_cash(OWNERS)
    assert 0 <= spare <= settled
    assert not any(exchange.positions(OWNERS).values())


def trade_and_hedge(exchange: Exchange) -> list[int]:
    """Both takers trade both underlyings; the keeper takes the delta off."""
    numbers = []
    for taker, legs in (
        (TAKER, [exchange.call(2_000, 40), exchange.put(1_900, 25)]),
        (OTHER_TAKER, [exchange.call(2_100, 30, week=1), exchange.call(2_200, -30, week=1)]),
        (OTHER_TAKER, [exchange.put(2_000, -15)]),
        (TAKER, [exchange.call(2_000, -10)]),
    ):
        numbers += exchange.quoted(exchange.trade(*legs, taker=taker))
    far = exchange.option(legs[0].instrument.kind, 60_000, market=exchange.btc, week=1)
    receipt = exchange.trade(Leg(far, 2 * WAD), market=exchange.btc)
    numbers += exchange.quoted(receipt, exchange.btc)
    for market in exchange.system.markets:
        hedge(exchange, market)
    return numbers


def pass_first_expiry(exchange: Exchange, *, eth: float, btc: float) -> list[int]:
    """To the print, with the keeper's duties on the way; its prices."""
    day, system = exchange.days[0], exchange.system
    exchange.advance(HOUR, eth=eth, btc=btc)
    exchange.pass_expiry(day)
    prints = []
    for market in system.markets:
        system.settlement.take_print(market.underlying, day, sender=STRANGER)
        prints.append(system.settlement.settlement_price(market.underlying, day))
    return prints


def settle_and_close(exchange: Exchange) -> None:
    day, owners = exchange.days[0], [account(owner) for owner in (TAKER, OTHER_TAKER)]
    exchange.advance(COLLECTION)
    for market in exchange.system.markets:
        everyone = [*owners, market.amm.pool]
        exchange.system.settlement.settle_accounts(
            everyone, market.underlying, day, sender=STRANGER
        )
        market.amm.close_expiry(day, sender=STRANGER)
        exchange.push(market)
        exchange.refresh(market)


def take_risk_off(exchange: Exchange) -> None:
    """Every taker closes what it holds; the pools sell their hedges."""
    for market in exchange.system.markets:
        for owner in (TAKER, OTHER_TAKER):
            if legs := closing_legs(exchange, market, owner):
                exchange.trade(*legs, taker=owner, market=market)
        hedge(exchange, market)
        exchange.refresh(market)  # what was bought back is still reserved for
        assert not any(market.amm.risk())


def closing_legs(exchange: Exchange, market: Market, owner: str) -> list[Leg]:
    held = exchange.system.ledger.portfolio(account(owner)).items()
    legs = [Leg(Instrument.from_id(key), -size) for key, size in held]
    return [leg for leg in legs if leg.instrument.underlying == market.underlying]


def hedge(exchange: Exchange, market: Market) -> None:
    delta, price = market.amm.risk().delta, exchange.spot(market)
    limit = price * 101 // 100 if delta < 0 else price * 99 // 100
    if delta:
        market.amm.hedge(-delta, limit, sender=KEEPER)
    assert market.amm.risk().delta == 0


def leave(exchange: Exchange) -> list[int]:
    """All LPs and takers go; the token units each one of them took out."""
    for market in exchange.system.markets:
        for vault in (market.options_vault, market.perp_vault):
            vault.request_redeem(vault.balance_of(LP), LP, sender=LP)
    exchange.advance(DELAY)
    for market in exchange.system.markets:
        exchange.push(market)
        exchange.refresh(market)
        for vault in (market.options_vault, market.perp_vault):
            vault.process(32, sender=STRANGER)
            exchange.claim(vault, LP)
    for taker in (TAKER, OTHER_TAKER):
        tokens = exchange.cash(taker) // exchange.unit
        exchange.system.ledger.withdraw(account(taker), tokens, taker, sender=taker)
    return [exchange.system.token.balance_of(owner) for owner in (LP, TAKER, OTHER_TAKER)]


def live(exchange: Exchange) -> Trail:
    """Deposit, list (both by the fixture), trade, hedge, expire, settle, close, leave."""
    check_conserved(exchange)
    numbers = trade_and_hedge(exchange)
    check_conserved(exchange)
    prints = pass_first_expiry(exchange, eth=2_150.0, btc=59_000.0)
    assert prints == [2_150 * WAD, 59_000 * WAD]
    settle_and_close(exchange)
    check_conserved(exchange, settled=8)
    for market in exchange.system.markets:
        numbers += [*market.amm.valuation(), *market.amm.risk(), market.amm.depth()]
        numbers.append(exchange.system.ledger.cash(market.perp.pool))
    numbers += [exchange.cash(owner) for owner in (TAKER, OTHER_TAKER)]
    take_risk_off(exchange)
    check_conserved(exchange, settled=8)
    numbers += [exchange.cash(owner) for owner in (TAKER, OTHER_TAKER)]
    numbers += exchange.system.ledger.reserves()
    back = leave(exchange)
    check_conserved(exchange, settled=8)
    return Trail(tuple(numbers), tuple(tokens * exchange.unit for tokens in back))


@pytest.fixture(scope="module")
def trails(artifacts) -> dict[int, Trail]:
    return {decimals: live(build_exchange(artifacts, decimals=decimals)) for decimals in (6, 8, 18)}


@pytest.mark.parametrize("decimals", [6, 8])
def test_life__any_decimals__same_numbers(decimals, trails):
    """Inside, all is WAD; tokens round only on their way out."""
    assert trails[decimals].numbers == trails[18].numbers
    for coarse, fine in zip(trails[decimals].tokens_back, trails[18].tokens_back, strict=True):
        assert 0 <= fine - coarse <= 4 * 10 ** (18 - decimals)  # four exits of the LP


def test_life__on_signed_prices__same_numbers(artifacts, trails):
    """As wide and as volatile as the push feed, a pull feed gives the same market."""
    push = FeedParameters()
    feed = PullFeedParameters(
        min_price=push.min_price, max_price=push.max_price, drift=push.drift, max_age=600
    )
    assert live(build_exchange(artifacts, decimals=18, feed=feed)) == trails[18]


def test_life__expiry__pays_intrinsic_value(exchange):
    """What the takers won is what the pool lost, at the print."""
    exchange.trade(exchange.call(2_000, 40), exchange.put(1_900, 25))
    cash, pool = exchange.cash(TAKER), exchange.system.ledger.cash(exchange.eth.amm.pool)
    pass_first_expiry(exchange, eth=2_150.0, btc=59_000.0)
    settle_and_close(exchange)
    assert exchange.cash(TAKER) - cash == 40 * 150 * WAD
    assert exchange.system.ledger.cash(exchange.eth.amm.pool) - pool == -40 * 150 * WAD
    assert exchange.system.ledger.portfolio(account(TAKER)) == {}


def test_life__lp__leaves_with_what_the_pool_earned(exchange):
    """A pool that took risk on and off again at a still market is richer by spread and fees."""
    exchange.trade(exchange.call(2_000, 40))
    exchange.trade(exchange.call(2_000, -40))
    exchange.refresh(exchange.eth)
    vault, amm = exchange.eth.options_vault, exchange.eth.amm
    gain = amm.valuation().nav - 2_000_000 * WAD
    assert gain > 0 and amm.valuation().risk == 0
    shares = vault.balance_of(LP) // 2
    vault.request_redeem(shares, LP, sender=LP)
    exchange.advance(DELAY)
    exchange.push(exchange.eth)
    exchange.refresh(exchange.eth)
    vault.process(32, sender=STRANGER)
    exchange.claim(vault, LP)
    tokens = exchange.system.token.balance_of(LP) * exchange.unit
    fair = (1_000_000 * WAD + gain // 2) * 999 // 1_000  # an exit fee of 10 bp
    assert fair - WAD // 1_000 <= tokens <= fair  # the dead shares have theirs
