"""Two pools of one ledger that disagree on the forward, and whoever takes the difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from protocol.clients.base import AnyContract, deploy_contract
from protocol.clients.ledger import TRADE
from protocol.clients.markets import LiquidityVault, OptionsAMM
from protocol.clients.oracle import VolSurface
from protocol.parameters import SurfaceParameters, VaultParameters
from protocol.surface.reference_model import reference_surface
from protocol.types import Instrument, Kind
from protocol.units import DAY, WAD, to_wad
from tests.system_fixtures import (
    ADMIN,
    DELAY,
    KEEPER,
    LP,
    OPTIONS_DEPOSIT,
    POLICY,
    STRANGER,
    VARIANCE,
    Exchange,
)

ARBITRAGEUR = "0x" + "a7" * 20
LOAN = 2_000_000  # dollars
SIZE = 100 * WAD
LENDER_FEE = 9 * WAD // 10_000
GAP = 0.04  # between the forwards, as a share of spot


@pytest.fixture(scope="module")
def pools(rewound_exchange: Callable[[], Exchange]) -> tuple[Exchange, OptionsAMM]:
    """The exchange, and a second options pool for ether whose surface sees a higher forward."""
    exchange = rewound_exchange()
    surface = second_surface(exchange)
    second = second_pool(exchange, surface)
    exchange.push(exchange.eth)
    push_higher(exchange, surface)
    second.list_expiry(exchange.days[1], 500_000, sender=KEEPER)
    exchange.eth.amm.refresh(exchange.days[1], sender=KEEPER)
    exchange.advance(900)  # past the push window
    return exchange, second


def put(exchange: Exchange, name: str, *args: object) -> str:
    return deploy_contract(exchange.chain, exchange.artifacts[name], *args, sender=ADMIN)


def second_surface(exchange: Exchange) -> VolSurface:
    steps = SurfaceParameters()
    limits = (to_wad(steps.vol_step), to_wad(steps.basis_step), to_wad(steps.rate_step))
    intervals = steps.step_interval, steps.min_interval
    at = put(exchange, "VolSurface", exchange.system.access.address, *limits, *intervals)
    return VolSurface.at(exchange.chain, at, exchange.artifacts)


def second_pool(exchange: Exchange, surface: VolSurface) -> OptionsAMM:
    system, eth = exchange.system, exchange.eth
    shared = system.access.address, eth.underlying, system.ledger.address, system.oracle.address
    rest = system.pricer, eth.perp, system.settlement, system.fees
    words = eth.amm._call("parameters")
    at = put(
        exchange, "OptionsAMM", *shared, surface.address, *(each.address for each in rest), words
    )
    amm = OptionsAMM.at(exchange.chain, at, exchange.artifacts)
    system.ledger.set_venue(at, TRADE, sender=ADMIN)
    system.ledger.open_pool(int(at, 16) << 96, sender=ADMIN)
    system.fees.push(1, at, sender=ADMIN)
    wiring = at, system.ledger.address, system.custody.address, system.access.address
    terms = VaultParameters()
    shares = to_wad(terms.liquidity_floor), 0
    row = terms.delay, to_wad(terms.min_request), *shares, terms.max_wait
    vault = LiquidityVault.at(
        exchange.chain,
        put(exchange, "LiquidityVault", *wiring, "second LP", "vLP", row),
        exchange.artifacts,
    )
    amm._send("set_vault", vault.address, sender=ADMIN)
    exchange.request_deposit(vault, LP, OPTIONS_DEPOSIT)
    exchange.advance(2 * DELAY)
    vault.process(1, sender=KEEPER)
    return amm


def push_higher(exchange: Exchange, surface: VolSurface) -> None:
    seen = reference_surface(
        underlying=exchange.eth.underlying,
        spot=exchange.spot(exchange.eth) / WAD,
        variance=VARIANCE,
        timestamp=exchange.now,
        days=[day for day in exchange.days if day * DAY > exchange.now],
        policy=POLICY,
    )
    higher = [replace(expiry, basis=expiry.basis + GAP) for expiry in seen.expiries]
    surface.push(exchange.eth.underlying, higher, sender=KEEPER)


def example(exchange: Exchange, *, held: int = LOAN) -> tuple[AnyContract, AnyContract]:
    """(FlashParity, a lender outside of the core with so many dollars)."""
    token = exchange.system.token
    lender = put(exchange, "MockLender", token.address, LENDER_FEE)
    token.mint(lender, held * 10**exchange.decimals, sender=STRANGER)
    parity = put(exchange, "FlashParity", exchange.system.ledger.address)
    return tuple(
        AnyContract(exchange.chain, at, exchange.artifacts[name].abi)
        for at, name in ((parity, "FlashParity"), (lender, "MockLender"))
    )  # type: ignore[return-value]


def parity_of(exchange: Exchange, low: OptionsAMM, high: OptionsAMM) -> tuple[object, ...]:
    day = exchange.days[1]
    call, put_ = (Instrument.option(kind, 1, day, 2_000.0).id for kind in (Kind.CALL, Kind.PUT))
    return low.address, high.address, call, put_, SIZE


def test_parity__between_forwards_that_disagree__earns_the_gap_without_own_money(pools) -> None:
    exchange, second = pools
    contract, lender = example(exchange)
    token, unit = exchange.system.token, 10**exchange.decimals
    terms = parity_of(exchange, exchange.eth.amm, second)
    contract.send("run", lender.address, LOAN * unit, terms, 1, sender=ARBITRAGEUR)
    profit = token.balance_of(ARBITRAGEUR) / unit
    whole_gap = GAP * 2_000.0 * SIZE / WAD
    assert 0.3 * whole_gap < profit < whole_gap
    account = contract.call("ACCOUNT")
    assert exchange.system.ledger.portfolio(account) == {}
    assert exchange.system.ledger.cash(account) < exchange.unit
    assert token.balance_of(contract.address) == 0
    assert token.balance_of(lender.address) == LOAN * unit + LOAN * unit * LENDER_FEE // WAD


def test_parity__the_wrong_way_round__reverts_whole(pools, reverts) -> None:
    exchange, second = pools
    contract, lender = example(exchange)
    unit = 10**exchange.decimals
    terms = parity_of(exchange, second, exchange.eth.amm)
    before = exchange.system.token.balance_of(lender.address)
    with reverts():
        contract.send("run", lender.address, LOAN * unit, terms, 0, sender=ARBITRAGEUR)
    assert exchange.system.token.balance_of(lender.address) == before


def test_parity__below_the_least_profit_asked__reverts(pools, reverts) -> None:
    exchange, second = pools
    contract, lender = example(exchange)
    unit = 10**exchange.decimals
    terms = parity_of(exchange, exchange.eth.amm, second)
    with reverts("flash: profit below the least"):
        contract.send("run", lender.address, LOAN * unit, terms, 10**12, sender=ARBITRAGEUR)


def test_parity__financed_by_custody__meets_the_core_lock(pools, reverts) -> None:
    """Custody's own loan locks the core: what it lends cannot be traded with."""
    exchange, second = pools
    contract, _ = example(exchange)
    custody = exchange.system.custody
    terms = parity_of(exchange, exchange.eth.amm, second)
    with reverts(""):
        row = custody.address, LOAN * 10**exchange.decimals, terms, 0
        contract.send("run", *row, sender=ARBITRAGEUR)


def test_callback__by_anyone_but_the_lender_in_use__reverts(pools, reverts) -> None:
    exchange, _ = pools
    contract, lender = example(exchange)
    for initiator in (contract.address, STRANGER):
        with reverts("flash: not the lender"):
            row = initiator, exchange.system.token.address, 1, 0, b""
            contract.send("onFlashLoan", *row, sender=STRANGER)
        with reverts("flash: not the lender"):
            row = contract.address, exchange.system.token.address, 1, b""
            lender.send("flashLoan", *row, sender=STRANGER)
