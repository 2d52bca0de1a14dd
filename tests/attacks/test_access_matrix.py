"""Who may call what: every function that writes, by every role, goes through or says why not.

The list of functions comes from the ABIs: a new one fails until it is in the table.
"""

from __future__ import annotations

import pytest

from protocol.clients.system import GUARDIAN as GUARDIAN_ROLE
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.core_stage import (
    ADMIN,
    Call,
    HookTokens,
    Stage,
    build_stage,
    every_call,
)
from tests.system_fixtures import KEEPER, STRANGER

OWNER = "0x" + "0e" * 20
TRADE_OPERATOR = "0x" + "01" * 20
WITHDRAW_OPERATOR = "0x" + "02" * 20
LP_OPERATOR = "0x" + "03" * 20  # of the owner's LP shares: as operator and by allowance
GUARDIAN = "0x" + "04" * 20
VENUE = "0x" + "05" * 20  # with the right to trade and no other

PEOPLE = {
    "stranger": STRANGER,
    "owner": OWNER,
    "trade operator": TRADE_OPERATOR,
    "withdraw operator": WITHDRAW_OPERATOR,
    "LP operator": LP_OPERATOR,
    "keeper": KEEPER,
    "guardian": GUARDIAN,
    "admin": ADMIN,
    "venue": VENUE,
}
CONTRACTS = {
    "manager": "AccessManager",
    "ledger": "Clearinghouse",
    "custody": "Custody",
    "settlement": "ExpirySettlement",
    "fee schedule": "FeeSchedule",
    "AMM": "OptionsAMM",
    "perp": "PerpMarket",
    "vault": "LiquidityVault",
    "perp vault": "other LiquidityVault",
    "collateral vault": "CollateralVault",
}
EVERYBODY = frozenset({*PEOPLE, *CONTRACTS})

# who may, why others may not, and what stops even those who may
Rule = tuple[frozenset[str], str, str | None]


def only(*roles: str, reason: str, then: str | None = None) -> Rule:
    return frozenset(roles), reason, then


NO_PROPOSAL = "oracle: nothing proposed"
ANYONE: Rule = EVERYBODY, "", None
NOBODY: Rule = frozenset(), "ecdsa: invalid signature", None
OF_ADMIN = only("admin", reason="access: admin only")
OF_KEEPER = only("keeper", reason="access: keeper only")
OF_TRADER = only("owner", "trade operator", reason="ledger: not authorised")
OF_LP = only("owner", "LP operator", reason="vault: not authorised")
OF_CLAIMANT = only("owner", reason="vault: above claimable")  # whoever calls claims his own
NO_RIGHT = only(reason="ledger: right missing")
# Anybody may borrow for anybody; the borrower here has no code to be called back.
NO_CODE = only(reason="")
OF_LEDGER = only("ledger", reason="custody: ledger only")

TABLE: dict[str, dict[str, Rule]] = {
    "AccessManager": {
        "grantRole": only("admin", reason="access_control: account is missing role"),
        "revokeRole": only("admin", reason="access_control: account is missing role"),
        "renounceRole": only("owner", reason="access: own roles only"),
        "set_ledger": only("admin", reason="access: admin only", then="access: ledger set"),
        "set_pause_level": only("admin", "guardian", reason="access: guardian only"),
    },
    "Clearinghouse": {
        # What custody pays to itself does not come in.
        "deposit": only(*EVERYBODY - {"custody"}, reason="custody: short transfer"),
        "deposit_with_permit": only(*EVERYBODY - {"custody"}, reason="custody: short transfer"),
        # Who cannot bring the tokens when asked reverts, without a reason.
        "deposit_from": only("vault", "perp vault", reason=""),
        "withdraw": only("owner", "withdraw operator", reason="ledger: not authorised"),
        "transfer_cash": only("owner", "withdraw operator", reason="ledger: not authorised"),
        "set_operator": only("owner", reason="ledger: owner only"),
        "settle": only("AMM", "perp", "venue", reason="ledger: right missing"),
        "move_cash": only("perp", reason="ledger: right missing"),
        "settle_expiries": only("settlement", reason="ledger: right missing"),
        **dict.fromkeys(("take_slice", "cover"), NO_RIGHT),
        "hold_withdrawals": only("settlement", reason="ledger: right missing"),
        "move_collateral": only("collateral vault", reason="ledger: right missing"),
        # They lend to an address without code.
        "lend": only("custody", "collateral vault", reason="ledger: right missing", then=""),
        "accrue": ANYONE,
        "set_interest": OF_ADMIN,
        "set_venue": OF_ADMIN,
        "open_pool": OF_ADMIN,
        "set_pause_level": only("manager", reason="ledger: manager only"),
        "claim_treasury": OF_ADMIN,
    },
    "Custody": {
        "set_ledger": only("admin", reason="access: admin only", then="custody: ledger set"),
        "pull": OF_LEDGER,
        "collect": OF_LEDGER,
        "pay": OF_LEDGER,
        "permit": OF_LEDGER,
        "run_loan": only("ledger", reason="custody: ledger only", then=""),
        "flashLoan": NO_CODE,
        "set_flash_rate": OF_ADMIN,
    },
    "CollateralVault": {
        # What the vault pays to itself does not come in.
        "deposit": only(*EVERYBODY - {"collateral vault"}, reason="collateral: short transfer"),
        "mint": only(*EVERYBODY - {"collateral vault"}, reason="collateral: short transfer"),
        "withdraw": only("owner", "LP operator", reason="erc20: insufficient allowance"),
        "redeem": only("owner", "LP operator", reason="erc20: insufficient allowance"),
        "post": only("owner", "trade operator", reason="collateral: not authorised"),
        "deposit_into": only("owner", "trade operator", reason="collateral: not authorised"),
        "take": only("owner", "withdraw operator", reason="ledger: not authorised"),
        "approve": ANYONE,
        "transfer": ANYONE,
        "transferFrom": only("LP operator", reason="erc20: insufficient allowance"),
        "permit": NOBODY,
        "run_loan": only("ledger", reason="collateral: ledger only", then=""),
        # What the vault asks of itself would be a payment.
        "flashLoan": only("collateral vault", reason=""),
        "set_flash_rate": OF_ADMIN,
        "set_terms": OF_ADMIN,
    },
    "ExpirySettlement": {
        **dict.fromkeys(("take_print", "settle_account", "settle_pool", "settle_accounts"), ANYONE),
        "release_hold": only(*EVERYBODY, reason="", then="expiry: no hold"),
    },
    "Liquidator": {
        # Anyone may, and is told that nothing is wrong with the account.
        "flag": only(*EVERYBODY, reason="", then="liquidator: account healthy"),
        "bid": only(
            "owner",
            "trade operator",
            reason="liquidator: not authorised",
            then="liquidator: no auction",
        ),
        "close": only(*EVERYBODY, reason="", then="liquidator: no auction"),
        "absorb": only(*EVERYBODY, reason="", then="liquidator: has positions"),
        "set_loss_pools": OF_ADMIN,
    },
    "RiskEngine": dict.fromkeys(("set_scenarios", "set_perp", "set_collateral"), OF_ADMIN),
    "FeeSchedule": {"set_rates": OF_ADMIN, "push": OF_ADMIN},
    "LiquidityVault": {
        "requestDeposit": OF_LP,
        "requestRedeem": only("owner", "LP operator", reason="erc20: insufficient allowance"),
        "process": ANYONE,
        "release_overdue": only("guardian", reason="access: guardian only"),
        "cancel_request": only(
            "owner", "LP operator", reason="vault: not authorised", then="vault: not overdue"
        ),
        **dict.fromkeys(("deposit/3", "mint/3", "withdraw/3", "redeem/3"), OF_LP),
        **dict.fromkeys(("deposit/2", "mint/2", "withdraw/2", "redeem/2"), OF_CLAIMANT),
        "setOperator": ANYONE,
        "approve": ANYONE,
        "transfer": ANYONE,
        "transferFrom": only("LP operator", reason="erc20: insufficient allowance"),
        "permit": NOBODY,
        "collect": only("custody", reason="vault: custody only"),
        "set_terms": OF_ADMIN,
    },
    "OptionsAMM": {
        "trade": OF_TRADER,
        "refresh": ANYONE,
        "close_expiry": ANYONE,
        "list_expiry": OF_KEEPER,
        "hedge": OF_KEEPER,
        "release": only("vault", reason="amm: vault only"),
        "set_parameters": OF_ADMIN,
        "set_age_exempt": OF_ADMIN,
        "clear_drawdown": OF_ADMIN,
        "set_toxicity": OF_KEEPER,
        "set_vault": only("admin", reason="access: admin only", then="amm: vault is set"),
        "set_fee_word": only("fee schedule", reason="amm: fee schedule only"),
    },
    "PerpMarket": {
        "trade": OF_TRADER,
        "realise": ANYONE,
        "hand_over": only(reason="perp: liquidator only"),
        "release": only("perp vault", reason="perp: vault only"),
        "set_params": OF_ADMIN,
        "set_age_exempt": OF_ADMIN,
        "set_vault": only("admin", reason="access: admin only", then="perp: vault already set"),
        "set_fee_word": only("fee schedule", reason="perp: fee schedule only"),
    },
    "PriceOracle": {
        "post": ANYONE,
        "record": ANYONE,
        "set_feed": OF_ADMIN,
        "set_pull_feed": OF_ADMIN,
        "set_signers": OF_ADMIN,
        "set_sequencer": OF_ADMIN,
        "prove_print": only(*EVERYBODY, reason="", then="oracle: last round too early"),
        "propose_print": OF_ADMIN,
        "veto_print": only("guardian", reason="access: guardian only", then=NO_PROPOSAL),
        "fix_print": only(*EVERYBODY, reason="", then=NO_PROPOSAL),
    },
    "VolSurface": {"push": OF_KEEPER, "set_step_limits": OF_ADMIN, "set_intervals": OF_ADMIN},
    "DelayedOrders": {
        "commit": only("owner", "trade operator", reason="orders: not authorised"),
        # Contracts of the core take no bounty.
        "execute": only(*PEOPLE, reason="orders: receiver refused"),
        "refund": ANYONE,
        "set_terms": OF_ADMIN,
    },
    "Batch": dict.fromkeys(
        ("trade_options", "trade_perp"),
        only("owner", "trade operator", reason="batch: not authorised"),
    ),
}

# Contracts that the table does not know by the one that the function is asked of.
INSTANCE = {"close_expiry": "other OptionsAMM"}


@pytest.fixture(scope="module")
def stage() -> Stage:
    made = build_stage(HookTokens(), OWNER)
    access, ledger, vault = made.exchange.system.access, "Clearinghouse", "LiquidityVault"
    access.grant_role(GUARDIAN_ROLE, GUARDIAN, sender=ADMIN)
    made.contracts["AccessManager"].send("revokeRole", GUARDIAN_ROLE, ADMIN, sender=ADMIN)
    made.do(ledger, "set_operator", made.mine, TRADE_OPERATOR, 1)
    made.do(ledger, "set_operator", made.mine, WITHDRAW_OPERATOR, 2)
    made.exchange.system.ledger.set_venue(VENUE, 1, sender=ADMIN)
    made.do(vault, "setOperator", LP_OPERATOR, True)
    made.do(vault, "approve", LP_OPERATOR, 1)
    made.do("CollateralVault", "approve", LP_OPERATOR, 10 * WAD)
    for operator, scope in ((TRADE_OPERATOR, 1), (WITHDRAW_OPERATOR, 2)):
        made.do(ledger, "set_operator", made.collateral, operator, scope)
        made.do("CollateralVault", "transfer", operator, WAD)
    for role in EVERYBODY:
        made.token.send("mint", sender_of(made, role), 10**9, sender=STRANGER)
    return made


def sender_of(stage: Stage, role: str) -> str:
    return PEOPLE.get(role) or stage.at(CONTRACTS[role])


def writers() -> list[Call]:
    artifacts = HookTokens()
    return [call for call in every_call(artifacts, set(TABLE)) if not call.view]


def outcome(stage: Stage, call: Call, role: str) -> str | None:
    """None where the call goes through, else the reason it reverts with."""
    target = stage.at(INSTANCE.get(call.function, call.contract))
    try:
        stage.exchange.chain.call(to=target, data=call.data(stage), sender=sender_of(stage, role))
    except Revert as revert:
        return revert.reason
    return None


def rule_of(call: Call) -> Rule:
    """A table's row is of a function, or of one arity of it."""
    rules = TABLE[call.contract]
    return rules.get(call.function) or rules[f"{call.function}/{call.arity}"]


def expected(rule: Rule, role: str) -> str | None:
    allowed, reason, then = rule
    return then if role in allowed else reason


def test_table__names_what_the_contracts_have() -> None:
    rows = [(contract, name) for contract, rules in TABLE.items() for name in rules]
    named = {f"{contract}.{name.partition('/')[0]}" for contract, name in rows}
    assert named == {f"{call.contract}.{call.function}" for call in writers()}


def test_table__knows_every_contract_that_anyone_can_write_to(stage: Stage) -> None:
    found = [c for c in every_call(HookTokens(), set(stage.contracts)) if not c.view]
    assert {call.kind for call in found} == set(TABLE)


@pytest.mark.parametrize("call", writers(), ids=lambda call: call.name)
def test_function__by_every_role__is_allowed_or_says_why_not(stage: Stage, call: Call) -> None:
    rule = rule_of(call)
    found = {role: outcome(stage, call, role) for role in sorted(EVERYBODY)}
    assert found == {role: expected(rule, role) for role in sorted(EVERYBODY)}
