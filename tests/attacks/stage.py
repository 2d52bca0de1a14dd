"""What every attack needs: the same system sound and broken, the thief's wealth, and the verdict.

An attack is a function that returns the thief's profit in WAD. It is tried on the real contracts,
where the profit must stay within a bound, and on a twin with one defence taken out, where it must
bring a fortune: without the second half a clumsy thief would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest

from protocol.chain.artifacts import Artifact, Artifacts
from protocol.clients.markets import NO_LIMIT, LiquidityVault
from protocol.clients.system import Market
from protocol.config import AmmParameters, FlowLimits, Limits, Spreads
from protocol.errors import Revert
from protocol.parameters import FeedParameters
from protocol.types import Instrument, Leg
from protocol.units import WAD, to_wad
from tests.attacks.twins import WithTwins
from tests.system_fixtures import ADMIN, STRANGER, TAKER, Exchange, account

SIDES = ("real", "broken")
on_both_sides = pytest.mark.parametrize("side", SIDES)

AMM_PATH, PERP_PATH = 1, 2

# No limit on flow: an attack on a price must fail by the price, not for want of room.
_ROOM = FlowLimits(
    direct_age=65_535,
    push_vega=3.0,
    block_vega=3.0,
    block_delta=3.0,
    hour_vega=3.0,
    hour_delta=3.0,
)


def contracts(side: str, twin: Callable[[], Artifact]) -> Artifacts:
    """The project's contracts, with the twin in place of its original on the broken side."""
    return WithTwins(twin()) if side == "broken" else Artifacts()


def judge(side: str, profit: int, *, loot: int, bound: int = 0) -> None:
    """Real contracts hold the thief to `bound`; the broken twin pays more than `loot`. WAD."""
    if side == "broken":
        assert profit > loot, f"the twin paid {profit / WAD:,.2f}: the attack proves nothing"
    else:
        assert profit <= bound, f"the thief made {profit / WAD:,.2f}"


def roomy(*, direct_age: int = _ROOM.direct_age) -> AmmParameters:
    """The default price of a trade, any flow of trades."""
    return AmmParameters(flow=replace(_ROOM, direct_age=direct_age))


def frictionless(*, shift_cap: float = 1.0) -> AmmParameters:
    """No spreads, a far cap on impact: what is left to stop a thief is the potential alone."""
    spreads = Spreads(vol_points=0.0, floor_rate=0.0, hedge_cost=0.0, drift_widening=0.0)
    return AmmParameters(spreads=spreads, limits=Limits(shift_cap=shift_cap), flow=_ROOM)


def without_fees(exchange: Exchange) -> Exchange:
    """Neither options nor perps cost a fee."""
    fees = exchange.system.fees
    for path, venue in ((AMM_PATH, "amm"), (PERP_PATH, "perp")):
        fees._send("set_rates", path, (0, 0, 0, 0, 0, WAD), sender=ADMIN)
        for market in exchange.system.markets:
            fees.push(path, getattr(market, venue).address, sender=ADMIN)
    return exchange


def with_exact_feed(exchange: Exchange, market: Market) -> Exchange:
    """A feed without uncertainty, so that delta has no spread of its own."""
    f = FeedParameters()
    bounds = (f.max_age, to_wad(f.min_price), to_wad(f.max_price))
    row = (market.underlying, market.feed, *bounds, 0, 0)
    exchange.system.oracle._send("set_feed", *row, sender=ADMIN)
    return exchange


def wealth(exchange: Exchange, market: Market, *owners: str) -> int:
    """Cash and positions of the owners' accounts at mark, on the live surface."""
    return sum(_wealth(exchange, market, account(owner)) for owner in owners)


def _wealth(exchange: Exchange, market: Market, owner: int) -> int:
    system, spot = exchange.system, exchange.spot(market)
    total = system.ledger.cash(owner)
    for key, size in system.ledger.portfolio(owner).items():
        series = Instrument.from_id(key)
        if series.day == 0:
            total += market.perp.unrealised(owner, size)
        else:
            words = system.surface._call("words", market.underlying, series.day)
            total += system.pricer.mark(key, spot, words) * size // WAD
    return total


def stake(exchange: Exchange, vault: LiquidityVault, owner: str) -> int:
    """Tokens of an LP and what its shares, waiting ones too, hold of the pool's NAV, WAD."""
    tokens = exchange.system.token.balance_of(owner) + vault.max_withdraw(owner)
    shares = vault.balance_of(owner) + vault.pending_redeem(owner)
    return (tokens + int(vault._call("convertToAssets", shares))) * exchange.unit


def unwind(
    exchange: Exchange,
    market: Market,
    series: Instrument,
    *,
    parts: int,
    owner: str = TAKER,
) -> None:
    """Close a position in equal parts, as far as the pool takes it back."""
    held = exchange.system.ledger.position(account(owner), series.id)
    edges = [held * part // parts for part in range(parts + 1)]
    for low, high in pairwise(edges):
        with suppress(Revert):
            exchange.trade(Leg(series, low - high), taker=owner, market=market)


def perp(exchange: Exchange, market: Market, owner: str, size: int) -> None:
    """A perp trade at any price."""
    limit = NO_LIMIT if size > 0 else 0
    market.perp.trade(account(owner), size, limit, sender=owner)


def refresh(exchange: Exchange, market: Market) -> None:
    """Every expiry, by anyone."""
    for book in market.amm.expiries():
        market.amm.refresh(book.day, sender=STRANGER)
