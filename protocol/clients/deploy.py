"""Put a whole system on a chain, in the order its wiring needs, from one account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import ZERO_ADDRESS, Chain
from protocol.clients.base import Contract, deploy_contract
from protocol.clients.ledger import CASH, COLLATERAL, EXPIRY, LIQUIDATE, TRADE
from protocol.clients.margin_words import margin_words
from protocol.clients.oracle import PriceOracle
from protocol.clients.system import GUARDIAN, KEEPER, System, system_at
from protocol.config import AmmParameters
from protocol.parameters import MarketParameters, PerpParameters, SystemParameters
from protocol.types import Instrument
from protocol.units import to_wad

FEED_DECIMALS = 8
FEE_PATH_AMM, FEE_PATH_PERP = 1, 2
FIRST_VAULT = 1  # of an underlying's collateral

CONTRACTS = (
    "MockERC20 AccessManager PriceOracle VolSurface Custody RiskEngine Clearinghouse "
    "ExpirySettlement Liquidator DelayedOrders FeeSchedule OptionPricer Lens Batch MockAggregator "
    "PerpMarket OptionsAMM LiquidityVault CollateralVault"
).split()

Progress = Callable[[str], None]


def deploy_system(
    chain: Chain,
    artifacts: Artifacts,
    parameters: SystemParameters,
    *,
    sender: str,
    keeper: str,
    progress: Progress | None = None,
) -> System:
    """Deploy and wire everything; `sender` is left as ADMIN and GUARDIAN, `keeper` as KEEPER.

    The quote token and push feeds are test contracts: this is for devnets and simulation. A pull
    feed has no price until the first is posted.
    """
    deployment = _Deployment(chain, artifacts, sender, progress or (lambda _: None))
    return deployment.run(parameters, keeper)


class _Deployment:
    """One run: remembers where contracts went until the address book is whole."""

    def __init__(self, chain: Chain, artifacts: Artifacts, sender: str, progress: Progress) -> None:
        self.chain, self.artifacts, self.sender = chain, artifacts, sender
        self.progress = progress
        self.at: dict[str, str] = {}

    def run(self, parameters: SystemParameters, keeper: str) -> System:
        self._core(parameters)
        markets = [self._market(market, parameters) for market in parameters.markets]
        for entry, market in zip(markets, parameters.markets, strict=True):
            entry["collateral"] = self._collateral(market)
        book = {"contracts": self.at, "markets": markets}
        system = system_at(self.chain, self.artifacts, book)
        for role, who in ((GUARDIAN, self.sender), (KEEPER, keeper)):
            system.access.grant_role(role, who, sender=self.sender)
        return system

    def _core(self, parameters: SystemParameters) -> None:
        symbol = parameters.quote_symbol
        access = self._put("access", "AccessManager")
        token = self._put("token", "MockERC20", symbol, symbol, parameters.quote_decimals)
        oracle = self._put("oracle", "PriceOracle", access)
        steps = parameters.surface
        limits = (to_wad(steps.vol_step), to_wad(steps.basis_step), to_wad(steps.rate_step))
        intervals = (steps.step_interval, steps.min_interval)
        surface = self._put("surface", "VolSurface", access, *limits, *intervals)
        custody = self._put("custody", "Custody", access, token)
        risk = self._put("risk_engine", "RiskEngine", access, oracle, surface)
        self._send("RiskEngine", risk, "set_scenarios", *margin_words(parameters.margin))
        ledger = self._put("ledger", "Clearinghouse", access, custody, risk)
        settlement = self._put("settlement", "ExpirySettlement", ledger, oracle)
        liquidator = self._put("liquidator", "Liquidator", access, ledger, settlement)
        late = parameters.delayed
        terms = (to_wad(late.min_bounty), late.lifetime, late.window)
        self._put("delayed", "DelayedOrders", access, ledger, oracle, terms)
        self._put("fees", "FeeSchedule", access)
        pricer = self._put("pricer", "OptionPricer", oracle, risk)
        self._put("lens", "Lens", ledger, oracle, surface, pricer)
        self._put("batch", "Batch", ledger, oracle)
        self._send("AccessManager", access, "set_ledger", ledger)
        self._send("Custody", custody, "set_ledger", ledger)
        self._send("Clearinghouse", ledger, "set_venue", settlement, EXPIRY)
        self._send("Clearinghouse", ledger, "set_venue", liquidator, LIQUIDATE)
        self._send("Clearinghouse", ledger, "set_interest", *_wads(parameters.interest))
        if parameters.reporters:
            PriceOracle.at(self.chain, oracle, self.artifacts).set_signers(
                parameters.reporters, parameters.report_threshold, sender=self.sender
            )

    def _market(self, market: MarketParameters, system: SystemParameters) -> dict[str, object]:
        at, underlying = self.at, market.underlying
        feed = self._feed(market)
        shared = at["ledger"], at["oracle"]
        perp = self._deploy(
            "PerpMarket", *shared, at["fees"], at["access"], underlying, perp_words(market.perp)
        )
        amm = self._deploy(
            "OptionsAMM",
            at["access"],
            underlying,
            *shared,
            at["surface"],
            at["pricer"],
            perp,
            at["settlement"],
            at["fees"],
            self._packed(market.amm),
        )
        self._send("RiskEngine", at["risk_engine"], "set_perp", underlying, perp)
        for exempt in (amm, at["delayed"]):
            self._send("PerpMarket", perp, "set_age_exempt", exempt, True)
        self._send("OptionsAMM", amm, "set_age_exempt", at["delayed"], True)
        for venue, rights, path in (
            (perp, TRADE | CASH, FEE_PATH_PERP),
            (amm, TRADE, FEE_PATH_AMM),
        ):
            self._send("Clearinghouse", at["ledger"], "set_venue", venue, rights)
            self._send("Clearinghouse", at["ledger"], "open_pool", int(venue, 16) << 96)
            self._send("FeeSchedule", at["fees"], "push", path, venue)
        pools = (int(amm, 16) << 96, int(perp, 16) << 96)
        self._send("Liquidator", at["liquidator"], "set_loss_pools", underlying, *pools)
        vaults = {
            "options_vault": self._vault("OptionsAMM", amm, f"{market.symbol} options LP", system),
            "perp_vault": self._vault("PerpMarket", perp, f"{market.symbol} perp LP", system),
        }
        entry = {"symbol": market.symbol, "underlying": underlying, "feed": feed}
        return {**entry, "perp": perp, "amm": amm, **vaults}

    def _feed(self, market: MarketParameters) -> str:
        """The feed's contract, and the oracle told of it; the zero address for signed prices."""
        f, oracle = market.feed, self.at["oracle"]
        if f.source == "pull":
            PriceOracle.at(self.chain, oracle, self.artifacts).set_pull_feed(
                market.underlying, f, sender=self.sender
            )
            return ZERO_ADDRESS
        answer = round(market.price * 10**FEED_DECIMALS)
        feed = self._deploy("MockAggregator", FEED_DECIMALS, answer)
        bounds = (to_wad(f.min_price), to_wad(f.max_price), to_wad(f.deviation), to_wad(f.drift))
        row = (market.underlying, feed, f.max_age, *bounds)
        self._send("PriceOracle", oracle, "set_feed", *row)
        return feed

    def _packed(self, amm: AmmParameters) -> list[int]:
        lens = Contract(self.chain, self.at["lens"], self.artifacts["Lens"].abi)
        return list(lens._call("pack_parameters", *amm_records(amm)))

    def _vault(self, pool_name: str, pool: str, name: str, system: SystemParameters) -> str:
        at, terms = self.at, system.vault
        shares = (terms.min_request, terms.liquidity_floor, terms.exit_fee)
        row = (terms.delay, *(to_wad(share) for share in shares), terms.max_wait)
        wiring = (pool, at["ledger"], at["custody"], at["access"])
        vault = self._deploy("LiquidityVault", *wiring, name, "vLP", row)
        self._send(pool_name, pool, "set_vault", vault)
        return vault

    def _collateral(self, market: MarketParameters) -> str:
        """The vault of the underlying's token, which is a test contract."""
        at, terms, symbol = self.at, market.collateral, f"W{market.symbol}"[:5]
        token = self._deploy("MockERC20", f"Wrapped {market.symbol}", symbol, terms.decimals)
        instrument = Instrument.collateral(market.underlying, FIRST_VAULT).id
        vault = self._deploy(
            "CollateralVault",
            token,
            at["ledger"],
            at["access"],
            instrument,
            f"Vomma {symbol}",
            symbol,
            (to_wad(terms.cap), to_wad(terms.account_share)),
        )
        self._send("Clearinghouse", at["ledger"], "set_venue", vault, COLLATERAL)
        row = (instrument, vault, to_wad(terms.haircut))
        self._send("RiskEngine", at["risk_engine"], "set_collateral", *row)
        return vault

    def _put(self, key: str, name: str, *args: Any) -> str:
        self.at[key] = self._deploy(name, *args)
        return self.at[key]

    def _deploy(self, name: str, *args: Any) -> str:
        self.progress(name)
        return deploy_contract(self.chain, self.artifacts[name], *args, sender=self.sender)

    def _send(self, name: str, address: str, function: str, *args: Any) -> None:
        Contract(self.chain, address, self.artifacts[name].abi)._send(
            function, *args, sender=self.sender
        )


def _wads(record: Any) -> tuple[int, ...]:
    """A record of numbers as the tuple of WADs a contract takes."""
    return tuple(to_wad(float(number)) for number in astuple(record))


def perp_words(perp: PerpParameters) -> tuple[int, ...]:
    """Parameters as the perp market takes them: WAD, but for the age in seconds."""
    return (*_wads(perp)[:-1], perp.direct_age)


def amm_records(amm: AmmParameters) -> tuple[tuple[int, ...], ...]:
    """(weights, spreads, limits, flow limits, upkeep): WAD, but whole numbers are seconds."""
    records: tuple[Any, ...] = (amm.weights, amm.spreads, amm.limits, amm.flow, amm.upkeep)
    return tuple(
        tuple(x if isinstance(x, int) else to_wad(x) for x in astuple(record)) for record in records
    )
