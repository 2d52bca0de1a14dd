"""A whole deployment: every client, wired; made by `deploy_system`, found by its addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eth_hash.auto import keccak

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import Chain
from protocol.clients.collateral import CollateralVault
from protocol.clients.delayed import DelayedOrders
from protocol.clients.ledger import (
    AccessManager,
    Clearinghouse,
    Custody,
    ExpirySettlement,
    RiskEngine,
    Token,
)
from protocol.clients.liquidator import Liquidator
from protocol.clients.markets import (
    FeeSchedule,
    LiquidityVault,
    OptionPricer,
    OptionsAMM,
    PerpMarket,
)
from protocol.clients.oracle import PriceOracle, VolSurface
from protocol.clients.periphery import Batch, Lens
from protocol.errors import NotDeployed

ADMIN = bytes(32)
GUARDIAN = keccak(b"GUARDIAN_ROLE")
KEEPER = keccak(b"KEEPER_ROLE")


@dataclass(frozen=True, slots=True)
class Market:
    """One underlying: its pools and their vaults, and the vault of its token.

    `feed` is an AggregatorV3 address, zero for signed prices.
    """

    symbol: str
    underlying: int
    feed: str
    perp: PerpMarket
    amm: OptionsAMM
    options_vault: LiquidityVault
    perp_vault: LiquidityVault
    collateral: CollateralVault


@dataclass(frozen=True, slots=True)
class System:
    """One ledger and the markets on it."""

    chain: Chain
    token: Token
    access: AccessManager
    custody: Custody
    ledger: Clearinghouse
    risk_engine: RiskEngine
    settlement: ExpirySettlement
    liquidator: Liquidator
    oracle: PriceOracle
    surface: VolSurface
    pricer: OptionPricer
    fees: FeeSchedule
    delayed: DelayedOrders
    lens: Lens
    batch: Batch
    markets: tuple[Market, ...]

    def market(self, symbol: str) -> Market:
        """The market of an underlying by its symbol.

        Raises
        ------
        NotDeployed
            Where there is none.
        """
        for market in self.markets:
            if market.symbol == symbol:
                return market
        known = ", ".join(market.symbol for market in self.markets)
        raise NotDeployed(f"no market {symbol!r} in this deployment; it has {known}")

    def contracts(self) -> dict[str, str]:
        """Name and address of what all markets share."""
        names = (
            "token access custody ledger risk_engine settlement liquidator oracle surface pricer "
            "fees delayed lens batch"
        ).split()
        return {name: getattr(self, name).address for name in names}

    def addresses(self) -> dict[str, object]:
        """What `system_at` needs to find this deployment again, as JSON values."""
        return {
            "contracts": self.contracts(),
            "markets": [
                {
                    "symbol": market.symbol,
                    "underlying": market.underlying,
                    "feed": market.feed,
                    "perp": market.perp.address,
                    "amm": market.amm.address,
                    "options_vault": market.options_vault.address,
                    "perp_vault": market.perp_vault.address,
                    "collateral": market.collateral.address,
                }
                for market in self.markets
            ],
        }


def system_at(chain: Chain, artifacts: Artifacts, addresses: Mapping[str, object]) -> System:
    """A deployment from its address file.

    Raises
    ------
    NotDeployed
        Where the file lacks a contract, or the chain has no code at its ledger.
    """
    contracts, markets = addresses.get("contracts"), addresses.get("markets")
    if not isinstance(contracts, dict) or not isinstance(markets, list):
        raise NotDeployed("the address file names no deployment; run `vomma deploy` first")
    ledger = contracts.get("ledger")
    if not isinstance(ledger, str) or not chain.code(ledger):
        raise NotDeployed(
            f"no code at the ledger {ledger!r} on chain {chain.chain_id}; run `vomma deploy` first"
        )
    try:
        return System(
            chain=chain,
            token=Token(chain, contracts["token"], artifacts["MockERC20"].abi),
            access=AccessManager.at(chain, contracts["access"], artifacts),
            custody=Custody.at(chain, contracts["custody"], artifacts),
            ledger=Clearinghouse.at(chain, contracts["ledger"], artifacts),
            risk_engine=RiskEngine.at(chain, contracts["risk_engine"], artifacts),
            settlement=ExpirySettlement.at(chain, contracts["settlement"], artifacts),
            liquidator=Liquidator.at(chain, contracts["liquidator"], artifacts),
            oracle=PriceOracle.at(chain, contracts["oracle"], artifacts),
            surface=VolSurface.at(chain, contracts["surface"], artifacts),
            pricer=OptionPricer.at(chain, contracts["pricer"], artifacts),
            fees=FeeSchedule.at(chain, contracts["fees"], artifacts),
            delayed=DelayedOrders.at(chain, contracts["delayed"], artifacts),
            lens=Lens.at(chain, contracts["lens"], artifacts),
            batch=Batch.at(chain, contracts["batch"], artifacts),
            markets=tuple(_market(chain, artifacts, entry) for entry in markets),
        )
    except KeyError as missing:
        raise NotDeployed(f"the address file lacks {missing}; run `vomma deploy` again") from None


def _market(chain: Chain, artifacts: Artifacts, entry: Mapping[str, str]) -> Market:
    return Market(
        symbol=entry["symbol"],
        underlying=int(entry["underlying"]),
        feed=entry["feed"],
        perp=PerpMarket.at(chain, entry["perp"], artifacts),
        amm=OptionsAMM.at(chain, entry["amm"], artifacts),
        options_vault=LiquidityVault.at(chain, entry["options_vault"], artifacts),
        perp_vault=LiquidityVault.at(chain, entry["perp_vault"], artifacts),
        collateral=CollateralVault.at(chain, entry["collateral"], artifacts),
    )
