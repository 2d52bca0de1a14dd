"""One lock for the whole core: while a token has the floor, nobody enters any core contract.

For every entry on whose way a token is called, and every external function of every core contract,
both taken from the ABIs, the function is called from inside the token. It must meet the lock, or
be in the table of exceptions. The token owns, and may do, everything there is, and outside of the
hook each call goes through or is refused by name: so the lock is all that stops it inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from faster_eth_abi import decode

from protocol.chain.artifacts import Artifacts
from protocol.errors import Revert
from tests.attacks.core_stage import (
    Call,
    HookTokens,
    Stage,
    build_stage,
    deployables,
    every_call,
    grant_everything,
)
from tests.attacks.twins import broken

LOCKED = ("", "core: locked")  # Vyper's own lock gives no reason
ERROR = bytes.fromhex("08c379a0")

# The entries on whose way a token is called.
OUTER = [
    "Clearinghouse.deposit/2",
    "Clearinghouse.deposit_with_permit/6",
    "Clearinghouse.deposit_from/3",
    "Clearinghouse.withdraw/3",
    "Clearinghouse.claim_treasury/2",
    "Clearinghouse.lend/4",
    "LiquidityVault.requestDeposit/3",
    "LiquidityVault.withdraw/2",
    "LiquidityVault.withdraw/3",
    "LiquidityVault.redeem/2",
    "LiquidityVault.redeem/3",
    "CollateralVault.deposit/2",
    "CollateralVault.mint/2",
    "CollateralVault.withdraw/3",
    "CollateralVault.redeem/3",
    "CollateralVault.deposit_into/2",
    "CollateralVault.take/3",
    "Custody.flashLoan/4",
    "CollateralVault.flashLoan/4",
]
LOANS = [outer for outer in OUTER if "flashLoan" in outer]
# The hook of a token, or the callback of whoever borrows it.
MOMENTS = [(outer, "probe") for outer in OUTER] + [(outer, "probe_callback") for outer in LOANS]

# What may be called, and why it may.
ONE_CALLER = "only ever called by one contract, whose own entries meet the lock"
FIXED = "set when deployed"
WHOLE = "reads words of its own that no call out finds half written"
PURE = "a function of what it is handed"
SHARES = "allowances of LP shares; whatever spends them meets the lock"
PRICES = "a price or a surface, which no token call changes; asked during settlements"
VOUCHED = "stores a newer price that k signers vouch for, as the next transaction would"
MARGIN = "asked by the risk engine during settlements, when every word is written"

OPEN: dict[str, dict[str, str]] = {
    "AccessManager": {
        "hasRole getRoleAdmin ledger pause_level unlocked": WHOLE,
        "ADMIN GUARDIAN KEEPER supportsInterface": FIXED,
    },
    "Clearinghouse": {"manager custody risk_engine": FIXED},
    "Custody": {
        "manager token unit": FIXED,
        "held ledger flashFee flash_rate flash_lent": WHOLE,
        "pull collect pay permit run_loan": ONE_CALLER,
    },
    "CollateralVault": {
        "approve permit allowance nonces": SHARES,
        "run_loan": ONE_CALLER,
        "totalSupply balanceOf terms utilisation totalAssets tokens_of": WHOLE,
        "convertToShares convertToAssets": WHOLE,
        "previewDeposit previewMint previewWithdraw previewRedeem": WHOLE,
        "flashFee flash_rate flash_lent": WHOLE,
        "name symbol decimals manager asset INSTRUMENT DOMAIN_SEPARATOR eip712Domain": FIXED,
    },
    "ExpirySettlement": {
        "settlement_price owed holds collected_at": WHOLE,
        "ledger oracle escrow": FIXED,
    },
    "Liquidator": {"auction": WHOLE, "manager ledger risk_engine settlement": FIXED},
    "RiskEngine": {
        "assess is_sound reserve": MARGIN,
        "short_bound": PURE,
        "short_requirement": PRICES,
        "scenarios perps collateral": WHOLE,
        "manager oracle surface": FIXED,
    },
    "FeeSchedule": {"rates": WHOLE, "manager": FIXED},
    "LiquidityVault": {
        "approve permit allowance nonces": SHARES,
        "collect": ONE_CALLER,
        "totalSupply balanceOf terms isOperator queue_lengths ripe_at": WHOLE,
        "places": WHOLE,
        "claimableDepositRequest maxDeposit maxMint": WHOLE,
        "pendingRedeemRequest claimableRedeemRequest maxRedeem": WHOLE,
        "previewDeposit previewMint previewWithdraw previewRedeem": FIXED,
        "name symbol decimals manager asset share supportsInterface DOMAIN_SEPARATOR": FIXED,
        "eip712Domain LEDGER POOL ACCOUNT": FIXED,
    },
    "OptionPricer": {"price mark": PURE, "book": PRICES, "oracle risk_engine": FIXED},
    "OptionsAMM": {
        "release set_fee_word": ONE_CALLER,
        "depth risk parameters fee_word reference snapshot expiries vault": WHOLE,
        "halted age_exempt": WHOLE,
        "pool UNDERLYING perp": FIXED,
    },
    "PerpMarket": {
        "release set_fee_word": ONE_CALLER,
        "unrealised unrealised_at": MARGIN,
        "skew funding params vault fee_word age_exempt": WHOLE,
        "LEDGER ORACLE FEE_SCHEDULE UNDERLYING INSTRUMENT POOL manager": FIXED,
    },
    "PriceOracle": {
        "spot last_good settlement_print window": PRICES,
        "signers feed_words proposed_print": WHOLE,
        "post": VOUCHED,
        "eip712Domain": FIXED,
    },
    "DelayedOrders": {"terms last_id order_hash": WHOLE, "manager ledger oracle": FIXED},
    "Batch": {"ledger oracle": FIXED},
    "Lens": {"parameters": WHOLE, "pack_parameters": PURE},
    "VolSurface": {"words previous_words": PRICES, "live_days": WHOLE},
}


class Outcome(NamedTuple):
    succeeded: bool
    reason: str

    @property
    def locked(self) -> bool:
        return not self.succeeded and self.reason in LOCKED


@pytest.fixture(scope="module")
def stage() -> Stage:
    made = build_stage(HookTokens())
    grant_everything(made)
    return made


@pytest.fixture(scope="module")
def calls(stage: Stage) -> dict[str, Call]:
    return every_judged_call(stage)


def every_judged_call(stage: Stage) -> dict[str, Call]:
    found = every_call(Artifacts(), set(stage.contracts))
    # Its argument is a whole pool; it is pure, and has no state to protect.
    return {call.name: call for call in found if call.name != "OptionPricer.price/2"}


def reason_of(call: Call) -> str | None:
    """Why a function may be called while the core is locked."""
    for names, reason in OPEN.get(call.kind, {}).items():
        if call.function in names.split():
            return reason
    return None


def outside(stage: Stage, call: Call) -> Outcome:
    try:
        contract = stage.contracts[call.contract]
        stage.exchange.chain.call(to=contract.address, data=call.data(stage), sender=stage.me)
    except Revert as revert:
        return Outcome(False, revert.reason)
    return Outcome(True, "")


def inside(
    stage: Stage, outer: Call, target: str, data: bytes, moment: str = "probe"
) -> Outcome | None:
    """What becomes of a call out of the first hook of `outer`; None where there is no hook."""
    args = stage.at(outer.contract), outer.data(stage), target, data
    _, met, succeeded, answer = stage.token.call(moment, *args)
    if not met:
        return None
    named = not succeeded and answer[:4] == ERROR
    return Outcome(succeeded, decode(["string"], answer[4:])[0] if named else "")


def breaches(
    stage: Stage, outer: Call, calls: dict[str, Call], moment: str = "probe"
) -> Iterator[str]:
    """Every function that the lock should have stopped and did not, and what came of it."""
    stopped, refused = set(), {}
    for call in calls.values():
        outcome = inside(stage, outer, stage.at(call.contract), call.data(stage), moment)
        assert outcome is not None, f"{outer.name} meets no hook: call it otherwise"
        reason = reason_of(call)
        if outcome.locked:
            stopped.add(call.bare)
        elif outcome.succeeded and reason in (None, ONE_CALLER):
            yield f"{call.name} goes through"
        elif reason is None:
            refused[call.bare] = outcome.reason
    # Of two contracts of a kind one may be in no state for the call; the other must be.
    yield from (f"{name}: {refused[name]}" for name in refused if name not in stopped)


def test_every_contract__is_on_the_stage(stage: Stage) -> None:
    kinds = {name.removeprefix("other ") for name in stage.contracts}
    assert deployables(Artifacts()) == kinds


def test_every_entry_that_calls_a_token__is_listed(stage: Stage, calls: dict[str, Call]) -> None:
    idle = stage.token.address, stage.token.encode("decimals")
    found = [
        call.name
        for call in calls.values()
        if not call.view and inside(stage, call, *idle) is not None
    ]
    assert sorted(name for name in found if not name.startswith("other")) == sorted(OUTER)


def test_every_function__outside_of_a_hook__succeeds_or_is_refused_by_name(
    stage: Stage, calls: dict[str, Call]
) -> None:
    silent = [name for name, call in calls.items() if outside(stage, call).locked]
    assert silent == []


def test_every_exception__is_a_function_and_is_open_somewhere(
    stage: Stage, calls: dict[str, Call]
) -> None:
    named = {
        f"{contract}.{name}"
        for contract, table in OPEN.items()
        for names in table
        for name in names.split()
    }
    assert named <= {f"{call.contract}.{call.function}" for call in calls.values()} | {
        "OptionPricer.price"
    }
    # A withdrawal straight from the ledger locks no other contract by itself.
    outer = calls["Clearinghouse.withdraw/3"]
    for call in calls.values():
        if reason_of(call) is not None and not call.contract.startswith("Custody"):
            outcome = inside(stage, outer, stage.at(call.contract), call.data(stage))
            assert outcome is not None and not outcome.locked, call.name


@pytest.mark.parametrize(("outer", "moment"), MOMENTS)
def test_every_function__from_within_a_token_or_a_loan__meets_the_lock(
    stage: Stage, calls: dict[str, Call], outer: str, moment: str
) -> None:
    assert list(breaches(stage, calls[outer], calls, moment)) == []


# contract, module, what is taken out of it, and a function that then goes through
FREE = {"@view\ndef unlocked": "@view\n@reentrant\ndef unlocked"}
UNPRAGMATIC = {"#pragma nonreentrancy on\n": ""}  # a module's externals have a lock of their own
UNASKED = {'assert staticcall IAccessManager(manager).unlocked(), "core: locked"': "pass"}
UNHEEDED = {'assert self._unlocked(ledger), "core: locked"': "pass"}
TWINS = [
    ("Clearinghouse", None, FREE, "LiquidityVault.requestRedeem/3 goes through"),
    ("Clearinghouse", "cash_book", UNPRAGMATIC, "Clearinghouse.cash/1 goes through"),
    ("LiquidityVault", "core_lock", UNHEEDED, "LiquidityVault.deposit/3 goes through"),
    ("ExpirySettlement", "core_lock", UNHEEDED, "ExpirySettlement.take_print/2 goes through"),
    ("OptionsAMM", "role_access", UNASKED, "OptionsAMM.set_parameters/1 goes through"),
    ("PriceOracle", "role_access", UNASKED, "PriceOracle.record/1 goes through"),
]


@pytest.mark.parametrize(("contract", "module", "changes", "breach"), TWINS)
def test_a_contract_without_the_lock__is_caught(
    contract: str, module: str | None, changes: dict[str, str], breach: str
) -> None:
    artifacts = HookTokens(broken(contract, changes, module=module))
    stage = build_stage(artifacts)
    grant_everything(stage)
    calls = every_judged_call(stage)
    assert breach in breaches(stage, calls["Clearinghouse.withdraw/3"], calls)


@pytest.mark.parametrize(
    ("outer", "breach"),
    [
        ("Custody.flashLoan/4", "Clearinghouse.transfer_cash/3 goes through"),
        ("CollateralVault.flashLoan/4", "Clearinghouse.deposit/2 goes through"),
    ],
)
def test_loans_outside_of_the_ledgers_lock__are_caught(outer: str, breach: str) -> None:
    unlocked = {"@external\ndef lend(": "@external\n@reentrant\ndef lend("}
    stage = build_stage(HookTokens(broken("Clearinghouse", unlocked)))
    grant_everything(stage)
    calls = every_judged_call(stage)
    assert breach in breaches(stage, calls[outer], calls, "probe_callback")
