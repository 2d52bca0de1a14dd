"""The whole core in mid-life, and a valid call of every external function in it.

Tests that judge every function (the core's lock, who may call what) take their list from the ABIs;
this file says what each one is called with. A function without arguments here fails them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import ZERO_ADDRESS
from protocol.clients.base import AnyContract, deploy_contract
from protocol.clients.delayed import Order
from protocol.clients.ledger import COLLATERAL as COLLATERAL_RIGHT
from protocol.clients.margin_words import margin_words
from protocol.clients.system import ADMIN as ADMIN_ROLE
from protocol.clients.system import GUARDIAN as GUARDIAN_ROLE
from protocol.clients.system import KEEPER as KEEPER_ROLE
from protocol.parameters import MarginParameters
from protocol.types import Instrument, Kind, Leg, account_id
from protocol.units import WAD
from tests.attacks.twins import WithTwins
from tests.system_fixtures import ADMIN, HOUR, STRANGER, Exchange, build_exchange

NOBODY = "0x" + "99" * 20
FOLDERS = ("access", "ledger", "markets", "oracle", "orders", "incentives", "periphery")
MAX = 2**256 - 1
NO_LIMIT = 10**6 * WAD
VIEWS = ("view", "pure")
NO_BYTES = bytes(32)


class HookTokens(WithTwins):
    """Deploys the hook token where a system asks for the well-behaved one."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__("HookERC20" if name == "MockERC20" else name)


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployment, and the address `me` that has something of everything in it.

    One expiry is over and printed (the other options pool has not closed it), one trades, one has a
    surface and is not listed.
    """

    exchange: Exchange
    me: str
    token: AnyContract
    contracts: dict[str, AnyContract]
    orders: list[tuple[int, Order]]  # delayed: the first expired, the second may execute

    @property
    def mine(self) -> int:
        return account_id(int(self.me, 16), 0)

    @property
    def collateral(self) -> int:
        """An account of its own for collateral."""
        return account_id(int(self.me, 16), 7)

    @property
    def pool(self) -> int:
        return self.exchange.eth.amm.pool

    @property
    def perp_pool(self) -> int:
        return self.exchange.eth.perp.pool

    @property
    def past_day(self) -> int:
        return self.exchange.days[0]

    @property
    def missed_day(self) -> int:
        """Over, without a print."""
        return self.past_day - 3

    @property
    def day(self) -> int:
        return self.exchange.days[1]

    @property
    def new_day(self) -> int:
        return self.exchange.days[2]

    @property
    def option(self) -> int:
        return Instrument.option(Kind.CALL, 1, self.day, 2_000.0).id

    def at(self, name: str) -> str:
        return self.contracts[name].address

    def do(self, name: str, function: str, *args: Any) -> None:
        """A transaction of `me`."""
        self.contracts[name].send(function, *args, sender=self.me)


def build_stage(artifacts: Artifacts, me: str | None = None) -> Stage:
    """The exchange with `me`, by default the hook token itself."""
    exchange = build_exchange(artifacts)
    exchange = replace(exchange, days=(*exchange.days, exchange.days[1] + 14))
    token = AnyContract(exchange.chain, exchange.system.token.address, artifacts["HookERC20"].abi)
    contracts = dict(_contracts(exchange, artifacts))
    stage = Stage(exchange, me or token.address, token, contracts, [])
    _live(stage)
    return stage


def _contracts(exchange: Exchange, artifacts: Artifacts) -> Iterator[tuple[str, AnyContract]]:
    system, eth = exchange.system, exchange.eth
    placed = {
        "AccessManager": system.access,
        "Clearinghouse": system.ledger,
        "Custody": system.custody,
        "ExpirySettlement": system.settlement,
        "Liquidator": system.liquidator,
        "RiskEngine": system.risk_engine,
        "FeeSchedule": system.fees,
        "LiquidityVault": eth.options_vault,
        "OptionPricer": system.pricer,
        "OptionsAMM": eth.amm,
        "PerpMarket": eth.perp,
        "PriceOracle": system.oracle,
        "VolSurface": system.surface,
        "Lens": system.lens,
        "Batch": system.batch,
        "DelayedOrders": system.delayed,
    }
    yield "CollateralVault", _vault(exchange, artifacts)
    for name, client in placed.items():
        yield name, AnyContract(exchange.chain, client.address, artifacts[name].abi)
    for name, client in (("LiquidityVault", eth.perp_vault), ("OptionsAMM", exchange.btc.amm)):
        other = AnyContract(exchange.chain, client.address, artifacts[name].abi)
        yield f"other {name}", other


def _vault(exchange: Exchange, artifacts: Artifacts) -> AnyContract:
    """A collateral vault for the quote token, which is the one with the hook."""
    system = exchange.system
    instrument = Instrument.collateral(exchange.eth.underlying, 2).id
    wiring = system.token.address, system.ledger.address, system.access.address
    row = *wiring, instrument, "Hook vault", "vHOOK", (10**9 * WAD, WAD)
    at = deploy_contract(exchange.chain, artifacts["CollateralVault"], *row, sender=ADMIN)
    system.ledger.set_venue(at, COLLATERAL_RIGHT, sender=ADMIN)
    return AnyContract(exchange.chain, at, artifacts["CollateralVault"].abi)


def _live(stage: Stage) -> None:
    """Days in which `me` deposits, trades, provides liquidity and lets a series expire."""
    exchange, unit = stage.exchange, 10**stage.exchange.decimals
    stage.token.send("mint", stage.me, 10**8 * unit, sender=stage.me)
    stage.do("Clearinghouse", "deposit", stage.mine, 10**6 * unit)
    stage.do("CollateralVault", "deposit", 1_000 * unit, stage.me)
    stage.do("CollateralVault", "deposit_into", stage.collateral, 1_000 * unit)
    vaults = "LiquidityVault", "other LiquidityVault"
    for vault in vaults:
        stage.do(vault, "requestDeposit", 1_000 * unit, stage.me, stage.me)
    exchange.advance(HOUR)
    exchange.push(exchange.eth)
    exchange.refresh(exchange.eth)
    for vault in vaults:
        stage.do(vault, "process", 32)
        stage.do(vault, "deposit", 900 * unit, stage.me, stage.me)
        stage.do(vault, "requestRedeem", 800 * WAD, stage.me, stage.me)
    exchange.advance(HOUR)
    exchange.push(exchange.eth)
    exchange.refresh(exchange.eth)
    for vault in vaults:
        stage.do(vault, "process", 32)
    _trade_bitcoin(stage)
    legs = [(exchange.call(2_000.0, 1, week=week).instrument.id, WAD) for week in (0, 1)]
    stage.do("OptionsAMM", "trade", stage.mine, legs, NO_LIMIT, MAX)
    stage.do("PerpMarket", "trade", stage.mine, WAD, MAX, MAX)
    for entry in ("DelayedOrders", "Batch"):
        stage.do("Clearinghouse", "set_operator", stage.mine, stage.at(entry), 1)
    _commit(stage)
    exchange.pass_expiry(stage.past_day)
    exchange.push(exchange.eth)
    for market in exchange.system.markets:
        exchange.system.settlement.take_print(market.underlying, stage.past_day, sender=STRANGER)
    exchange.eth.amm.close_expiry(stage.past_day, sender=STRANGER)
    _commit(stage)
    exchange.advance(300)
    exchange.refresh(exchange.eth)
    stage.do("LiquidityVault", "requestRedeem", 20 * WAD, stage.me, stage.me)


def _trade_bitcoin(stage: Stage) -> None:
    """So that the other options pool has something to settle."""
    exchange = stage.exchange
    exchange.push(exchange.btc)
    exchange.refresh(exchange.btc)
    series = exchange.option(Kind.CALL, 60_000.0, market=exchange.btc)
    trade = (stage.mine, [(series.id, WAD // 10)], NO_LIMIT, MAX)
    stage.do("other OptionsAMM", "trade", *trade)


def _commit(stage: Stage) -> None:
    system, leg = stage.exchange.system, Leg(Instrument.perp(1), WAD)
    terms = system.delayed.terms()._replace(min_bounty=0)
    system.delayed.set_terms(terms, sender=ADMIN)
    receipt = system.delayed.commit(
        stage.at("PerpMarket"), stage.mine, [leg], NO_LIMIT, bounty=0, sender=stage.me
    )
    stage.orders.extend(system.delayed.committed(receipt))


def grant_everything(stage: Stage) -> None:
    """Every role and every right to `me`: then only the lock stands in its way."""
    system = stage.exchange.system
    for role in (ADMIN_ROLE, GUARDIAN_ROLE, KEEPER_ROLE):
        system.access.grant_role(role, stage.me, sender=ADMIN)
    system.ledger.set_venue(stage.me, 31, sender=ADMIN)


# ── what every function is called with ──

Arguments = Callable[[Stage], tuple[Any, ...]]


def _legs(s: Stage) -> list[tuple[int, int]]:
    return [(s.option, WAD)]


def _words(s: Stage) -> Any:
    return s.contracts["VolSurface"].call("words", 1, s.day)


def _rates(s: Stage) -> Any:
    return s.contracts["FeeSchedule"].call("rates", 1)


def account_of(owner: str) -> int:
    return account_id(int(owner, 16), 0)


PERP = Instrument.perp(1).id
COLLATERAL = Instrument.collateral(1).id
FEED = (3_600, WAD, 10**6 * WAD)  # max age, bounds
ALIKE: dict[str, Arguments] = {
    # the same in every contract that has it
    "set_vault": lambda s: (NOBODY,),
    "set_fee_word": lambda s: (0,),
    "release": lambda s: (s.mine, 1),
    "flashLoan": lambda s: (s.me, s.token.address, 10**6, b""),
    "maxFlashLoan": lambda s: (s.token.address,),
    "flashFee": lambda s: (s.token.address, 10**6),
    "set_flash_rate": lambda s: (WAD // 1_000,),
    "run_loan": lambda s: (s.me, s.me, 1, b""),
}
CALLS: dict[str, dict[str, Arguments]] = {
    "AccessManager": {
        "grantRole": lambda s: (KEEPER_ROLE, NOBODY),
        "revokeRole": lambda s: (KEEPER_ROLE, NOBODY),
        "renounceRole": lambda s: (KEEPER_ROLE, s.me),
        "set_ledger": lambda s: (NOBODY,),
        "set_pause_level": lambda s: (1,),
        "hasRole": lambda s: (KEEPER_ROLE, s.me),
        "getRoleAdmin": lambda s: (KEEPER_ROLE,),
        "supportsInterface": lambda s: (b"abcd",),
    },
    "Clearinghouse": {
        "deposit": lambda s: (s.mine, 1),
        "deposit_with_permit": lambda s: (s.mine, 1, MAX, 27, NO_BYTES, NO_BYTES),
        "deposit_from": lambda s: (s.mine, 1, s.me),
        "withdraw": lambda s: (s.mine, 1, s.me),
        "transfer_cash": lambda s: (s.mine, s.mine + 1, 1),
        "set_operator": lambda s: (s.mine, NOBODY, 3),
        "settle": lambda s: (s.me, s.mine, s.pool, [s.option << 128 | 1], 0, [0, 0, 0]),
        "move_cash": lambda s: (s.mine, s.perp_pool, 1),
        "settle_expiries": lambda s: (s.mine, [], 0, account_of(s.at("ExpirySettlement"))),
        "move_collateral": lambda s: (s.me, s.mine, COLLATERAL, WAD),
        "lend": lambda s: (s.me, s.me, 1, b""),
        "take_slice": lambda s: (s.mine, s.mine + 2, WAD, 0),
        "cover": lambda s: (s.mine, 1, []),
        "hold_withdrawals": lambda s: (1,),
        "set_interest": lambda s: (0, WAD // 2, 0, 0),
        "set_venue": lambda s: (NOBODY, 1),
        "open_pool": lambda s: (account_id(int(NOBODY, 16), 0),),
        "set_pause_level": lambda s: (1,),
        "claim_treasury": lambda s: (s.me, 1),
        "cash": lambda s: (s.mine,),
        "position": lambda s: (s.mine, s.option),
        "portfolio": lambda s: (s.mine,),
        "pool_positions": lambda s: (s.pool, 1, s.day),
        "margin": lambda s: (s.mine, 2),
        "healthy": lambda s: (s.mine, 2, True),
        "may": lambda s: (s.mine, NOBODY, 1),
        "is_pool": lambda s: (s.pool,),
        "venue_rights": lambda s: (s.me,),
    },
    "Custody": {
        "set_ledger": lambda s: (s.at("Clearinghouse"),),
        "pull": lambda s: (s.me, 1),
        "collect": lambda s: (s.at("LiquidityVault"), s.me, 1),
        "pay": lambda s: (s.me, 1),
        "permit": lambda s: (s.me, 1, MAX, 27, NO_BYTES, NO_BYTES),
    },
    "CollateralVault": {
        "post": lambda s: (s.collateral, WAD),
        "deposit_into": lambda s: (s.collateral, 10**6),
        "take": lambda s: (s.collateral, WAD, s.me),
        "deposit": lambda s: (10**6, s.me),
        "mint": lambda s: (WAD, s.me),
        "withdraw": lambda s: (10**6, s.me, s.me),
        "redeem": lambda s: (WAD, s.me, s.me),
        "transfer": lambda s: (NOBODY, 0),
        "transferFrom": lambda s: (s.me, NOBODY, 1),
        "approve": lambda s: (NOBODY, 1),
        "permit": lambda s: (s.me, NOBODY, 1, MAX, 27, NO_BYTES, NO_BYTES),
        "balanceOf": lambda s: (s.me,),
        "allowance": lambda s: (s.me, NOBODY),
        "nonces": lambda s: (s.me,),
        "set_terms": lambda s: ((10**9 * WAD, WAD),),
        **{f"convertTo{what}": lambda s: (10**6,) for what in ("Shares", "Assets")},
        **{
            f"preview{kind}": lambda s: (10**6,)
            for kind in ("Deposit", "Mint", "Withdraw", "Redeem")
        },
        **{f"max{kind}": lambda s: (s.me,) for kind in ("Deposit", "Mint", "Withdraw", "Redeem")},
        "tokens_of": lambda s: (WAD,),
    },
    "ExpirySettlement": {
        "take_print": lambda s: (1, s.past_day),
        "settle_account": lambda s: (s.mine,),
        "settle_pool": lambda s: (s.pool, 1, s.past_day),
        "settle_accounts": lambda s: ([s.mine], 1, s.past_day),
        "release_hold": lambda s: (s.mine,),
        "holds": lambda s: (s.mine,),
        **{name: lambda s: (1, s.past_day) for name in ("escrow", "owed", "collected_at")},
        "settlement_price": lambda s: (1, s.past_day),
    },
    "Liquidator": {
        "flag": lambda s: (s.mine,),
        "bid": lambda s: (s.pool, s.mine, WAD, -WAD, MAX),
        "close": lambda s: (s.mine,),
        "absorb": lambda s: (s.mine,),
        "set_loss_pools": lambda s: (1, s.pool, s.perp_pool),
        "auction": lambda s: (s.mine,),
        "terms": lambda s: (s.mine,),
        "loss_pools": lambda s: (s.mine,),
    },
    "RiskEngine": {
        "set_scenarios": lambda s: margin_words(MarginParameters()),
        "set_perp": lambda s: (3, NOBODY),
        "set_collateral": lambda s: (3 << 54 | 1, NOBODY, WAD // 10),
        "assess": lambda s: (s.mine, WAD, [s.option], [-WAD], 2),
        "is_sound": lambda s: (s.mine, WAD, [s.option], [-WAD], 2, True),
        "short_requirement": lambda s: (s.option, 2_000 * WAD),
        "reserve": lambda s: ([s.option], [-WAD], 0),
        "short_bound": lambda s: (s.day,),
        "collateral": lambda s: (1 << 54 | 1,),
        "perps": lambda s: (1,),
    },
    "FeeSchedule": {
        "set_rates": lambda s: (1, _rates(s)),
        "push": lambda s: (1, s.at("OptionsAMM")),
        "rates": lambda s: (1,),
    },
    "LiquidityVault": {
        "balanceOf": lambda s: (s.me,),
        "allowance": lambda s: (s.me, NOBODY),
        "nonces": lambda s: (s.me,),
        "approve": lambda s: (NOBODY, 1),
        "permit": lambda s: (s.me, NOBODY, 1, MAX, 27, NO_BYTES, NO_BYTES),
        "requestDeposit": lambda s: (10**8, s.me, s.me),
        "collect": lambda s: (s.me, 1),
        "requestRedeem": lambda s: (20 * WAD, s.me, s.me),
        "process": lambda s: (1,),
        "release_overdue": lambda s: (1,),
        "cancel_request": lambda s: (2, 1),
        "request_at": lambda s: (1, 0),
        "places": lambda s: (2,),
        "deposit": lambda s: (1, s.me, s.me),
        "mint": lambda s: (1, s.me, s.me),
        "withdraw": lambda s: (1, s.me, s.me),
        "redeem": lambda s: (WAD, s.me, s.me),
        "setOperator": lambda s: (NOBODY, True),
        "transfer": lambda s: (NOBODY, 0),
        "transferFrom": lambda s: (s.me, NOBODY, 1),
        "set_terms": lambda s: (s.contracts["LiquidityVault"].call("terms"),),
        "isOperator": lambda s: (s.me, NOBODY),
        "supportsInterface": lambda s: (b"abcd",),
        "convertToShares": lambda s: (1,),
        "convertToAssets": lambda s: (WAD,),
        "previewDeposit": lambda s: (1,),
        "previewMint": lambda s: (1,),
        "previewWithdraw": lambda s: (1,),
        "previewRedeem": lambda s: (1,),
        **{f"pending{kind}Request": lambda s: (0, s.me) for kind in ("Deposit", "Redeem")},
        **{f"claimable{kind}Request": lambda s: (0, s.me) for kind in ("Deposit", "Redeem")},
        **{f"max{kind}": lambda s: (s.me,) for kind in ("Deposit", "Mint", "Withdraw", "Redeem")},
    },
    "OptionPricer": {
        "book": lambda s: (2_000 * WAD, _words(s), s.day, [s.option], [WAD], 0),
        "mark": lambda s: (s.option, 2_000 * WAD, _words(s)),
    },
    "OptionsAMM": {
        "trade": lambda s: (s.mine, _legs(s), NO_LIMIT, MAX),
        "quote": lambda s: (s.mine, _legs(s)),
        "refresh": lambda s: (s.day, s.mine),
        "close_expiry": lambda s: (s.past_day,),
        "list_expiry": lambda s: (s.new_day, 500_000),
        "hedge": lambda s: (WAD // 100, 2_010 * WAD, MAX),
        "set_parameters": lambda s: (s.contracts["OptionsAMM"].call("parameters"),),
        "set_toxicity": lambda s: (2 * WAD,),
        "set_age_exempt": lambda s: (NOBODY, True),
        "age_exempt": lambda s: (NOBODY,),
        "snapshot": lambda s: (s.day,),
    },
    "PerpMarket": {
        "trade": lambda s: (s.mine, WAD, MAX, MAX),
        "realise": lambda s: (s.mine,),
        "hand_over": lambda s: (s.mine, s.mine + 2, WAD // 1_000),
        "set_params": lambda s: (s.contracts["PerpMarket"].call("params"),),
        "set_age_exempt": lambda s: (NOBODY, True),
        "quote": lambda s: (s.mine, WAD),
        "unrealised": lambda s: (s.mine, WAD),
        "unrealised_at": lambda s: (s.mine, WAD, 2_000 * WAD),
        "age_exempt": lambda s: (NOBODY,),
    },
    "PriceOracle": {
        "post": lambda s: ([],),
        "record": lambda s: (1,),
        "feed_words": lambda s: (1,),
        "spot": lambda s: (1,),
        "last_good": lambda s: (1,),
        "settlement_print": lambda s: (1, s.past_day),
        "window": lambda s: (1, s.past_day),
        "set_feed": lambda s: (3, s.exchange.eth.feed, *FEED, 0, 0),
        "set_pull_feed": lambda s: (3, 60, *FEED[1:], 0, 0),
        "set_signers": lambda s: ([NOBODY], 1),
        "set_sequencer": lambda s: (ZERO_ADDRESS, 0),
        "prove_print": lambda s: (1, s.missed_day, 1, 2),
        "propose_print": lambda s: (1, s.missed_day, 2_000 * WAD),
        "veto_print": lambda s: (1, s.missed_day),
        "fix_print": lambda s: (1, s.missed_day),
        "proposed_print": lambda s: (1, s.missed_day),
    },
    "VolSurface": {
        "push": lambda s: (1, []),
        "set_step_limits": lambda s: (WAD // 10, WAD // 100, WAD // 10),
        "set_intervals": lambda s: (3_600, 240),
        "words": lambda s: (1, s.day),
        "previous_words": lambda s: (1, s.day),
        "live_days": lambda s: (1,),
    },
    "DelayedOrders": {
        "commit": lambda s: (s.at("PerpMarket"), s.mine, [(PERP, WAD)], NO_LIMIT),
        "execute": lambda s: s.orders[1],
        "refund": lambda s: s.orders[0],
        "set_terms": lambda s: (s.contracts["DelayedOrders"].call("terms"),),
        "order_hash": lambda s: (s.orders[0][0],),
    },
    "Batch": {
        "trade_options": lambda s: (s.at("OptionsAMM"), [], s.mine, _legs(s), NO_LIMIT, MAX),
        "trade_perp": lambda s: (s.at("PerpMarket"), [], s.mine, WAD, MAX, MAX),
    },
    "Lens": {
        "pool": lambda s: (s.at("OptionsAMM"),),
        "account": lambda s: (s.mine,),
        "parameters": lambda s: (s.at("OptionsAMM"),),
        "pack_parameters": lambda s: s.contracts["Lens"].call("parameters", s.at("OptionsAMM")),
    },
}


@dataclass(frozen=True, slots=True)
class Call:
    """One external function of one contract, with so many arguments."""

    contract: str
    function: str
    arity: int
    view: bool

    @property
    def kind(self) -> str:
        return self.contract.removeprefix("other ")

    @property
    def name(self) -> str:
        return f"{self.contract}.{self.function}/{self.arity}"

    @property
    def bare(self) -> str:
        """The name, whichever of two contracts of a kind it is."""
        return self.name.removeprefix("other ")

    def data(self, stage: Stage) -> bytes:
        return stage.contracts[self.contract].encode(self.function, *self.args(stage))

    def args(self, stage: Stage) -> tuple[Any, ...]:
        """The arguments above; none are needed where there are none."""
        if self.arity == 0:
            return ()
        given = CALLS[self.kind].get(self.function) or ALIKE.get(self.function)
        assert given is not None, f"{self.name}: say in core_stage.py what to call it with"
        return given(stage)[: self.arity]


def deployables(artifacts: Artifacts) -> set[str]:
    return {name for name, path in artifacts.sources.items() if path.parent.name in FOLDERS}


def every_call(artifacts: Artifacts, names: set[str]) -> list[Call]:
    """All external functions of contracts, from their ABIs."""
    return [
        Call(name, entry["name"], len(entry["inputs"]), entry["stateMutability"] in VIEWS)
        for name in sorted(names)
        for entry in artifacts[name.removeprefix("other ")].abi.entries
        if entry["type"] == "function"
    ]
