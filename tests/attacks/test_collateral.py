"""Thieves at a collateral vault: its first depositor, its tokens' vices, its own loans.

What leaves an honest depositor short is judged as the thief's profit, whether he keeps it or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.errors import Revert
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides
from tests.attacks.twins import broken
from tests.collateral_bench import CollateralBench, build
from tests.ledger_bench import ADMIN, MAKER, OTHER, SPOT, STRANGER, TAKER, account

THIEF, VICTIM = TAKER, MAKER

WHOLE = "return self._held + _VIRTUAL_ASSETS, erc20.totalSupply + _VIRTUAL_SHARES"
BY_BALANCE = "return self._balance() + _VIRTUAL_ASSETS, erc20.totalSupply + _VIRTUAL_SHARES"
NOT_VIRTUAL = (
    "if erc20.totalSupply == 0:\n        return 1, 1\n    return self._balance(), erc20.totalSupply"
)


def stage(
    side: str, changes: Mapping[str, str], *, token: tuple[object, ...] | None = None
) -> CollateralBench:
    """A wired vault, on the broken side with pieces of its source replaced."""
    artifacts = contracts(side, lambda: broken("CollateralVault", changes))
    return build(EmbeddedChain(), artifacts, token=token)


def worth(bench: CollateralBench, owner: str) -> int:
    """Tokens, and what the shares would bring."""
    shares = bench.shares(owner) + bench.posted(owner)
    return bench.tokens(owner) + int(bench.vault.call("convertToAssets", shares))


# ── the price of a share ──


def inflate(bench: CollateralBench) -> int:
    """Own the only wei of a share, make it dear by a gift, round the next depositor down."""
    bench.hold(THIEF, 10 * WAD + 1)
    bench.vault.send("deposit", 1, THIEF, sender=THIEF)
    bench.token.send("transfer", bench.vault.address, 10 * WAD, sender=THIEF)
    bench.deposit(VICTIM, 15 * WAD)
    bench.vault.send("redeem", bench.shares(THIEF), THIEF, THIEF, sender=THIEF)
    return bench.tokens(THIEF) - 10 * WAD - 1


@on_both_sides
def test_first_deposit__made_dear_by_a_gift__robs_nobody(side: str) -> None:
    judge(side, inflate(stage(side, {WHOLE: NOT_VIRTUAL})), loot=2 * WAD)


def inflate_by_fees(bench: CollateralBench) -> int:
    """The same by fees of flash loans, which do count: what the victim loses of his deposit."""
    bench.vault.send("set_flash_rate", 10**16, sender=ADMIN)
    bench.hold(THIEF, 1)
    bench.vault.send("deposit", 1, THIEF, sender=THIEF)
    bench.token.send("mint", bench.receiver.address, WAD, sender=THIEF)
    for _ in range(1_200):
        row = bench.receiver.address, bench.token.address, bench.held(), b""
        bench.vault.send("flashLoan", *row, sender=THIEF)
    price = bench.held()
    deposit = 2 * price - 1
    bench.deposit(VICTIM, deposit)
    return deposit - worth(bench, VICTIM) - 1


@on_both_sides
def test_first_deposit__made_dear_by_fees__costs_the_next_depositor_a_wei(side: str) -> None:
    counted = NOT_VIRTUAL.replace("self._balance()", "self._held")
    judge(side, inflate_by_fees(stage(side, {WHOLE: counted})), loot=100_000)


def donate(bench: CollateralBench) -> int:
    """A gift to the vault; what it adds to the value of shares that are collateral."""
    shares = bench.post(THIEF, 10 * WAD)
    before = int(bench.vault.call("tokens_of", shares))
    bench.token.send("mint", bench.vault.address, 90 * WAD, sender=STRANGER)
    return int(bench.vault.call("tokens_of", shares)) - before


@on_both_sides
def test_collateral__of_a_vault_that_is_given_tokens__is_worth_no_more(side: str) -> None:
    judge(side, donate(stage(side, {WHOLE: BY_BALANCE})), loot=80 * WAD)


# ── loans ──

LOAN = "flash_loan._lend(_TOKEN, receiver, initiator, tokens, fee, data)"
REPAID_BY_BALANCE = """before: uint256 = self._balance()
        extcall IERC20(_TOKEN).transfer(receiver, tokens)
        extcall IFlashBorrower(receiver).onFlashLoan(initiator, _TOKEN, tokens, fee, data)
        assert self._balance() >= before + fee, "flash: short repayment\""""
UNLOCKED = {
    LOAN: REPAID_BY_BALANCE,
    "from ..interfaces import IFlashLender": (
        "from ..interfaces import IFlashBorrower\nfrom ..interfaces import IFlashLender"
    ),
    "@external\ndef deposit(": "@external\n@reentrant\ndef deposit(",
    "if held >= cap or staticcall LEDGER.pause_level() != _OPEN:": "if held >= cap:",
    'extcall LEDGER.lend(self, msg.sender, assets, b"")': "self._pull(msg.sender, assets)",
}


def deposit_the_loan(bench: CollateralBench) -> int:
    """Borrow what others deposited, deposit it as one's own, and owe nothing."""
    bench.deposit(VICTIM, 100 * WAD)
    thief = bench.receiver
    bench.token.send("mint", thief.address, WAD, sender=THIEF)
    allow = bench.token.encode("approve", bench.vault.address, 10**30)
    thief.send("run", bench.token.address, allow, sender=THIEF)
    fee = int(bench.vault.call("flashFee", bench.token.address, 99 * WAD))
    deposit = bench.vault.encode("deposit", 99 * WAD + fee, thief.address)
    thief.send("prepare", bench.vault.address, deposit, 0, False, sender=THIEF)
    row = thief.address, bench.token.address, 99 * WAD, b""
    bench.vault.send("flashLoan", *row, sender=THIEF)
    return worth(bench, thief.address) - WAD


@on_both_sides
def test_loan__deposited_where_it_came_from__is_not_repaid_by_that(side: str) -> None:
    judge(side, deposit_the_loan(stage(side, UNLOCKED)), loot=90 * WAD)


LEAVING = "self._check_exit(cash_book._give(account, 0, config))"
UNASKED = {LEAVING: "cash_book._give(account, 0, config)"}


def short_on_borrowed_tokens(bench: CollateralBench) -> int:
    """Post tokens that must go back, sell calls, take the premium and the tokens: what is left."""
    bench.base.fund(VICTIM, 1_000_000)
    borrowed = 100 * WAD
    bench.post(THIEF, borrowed)
    bench.base.fill(bench.base.call(3_000.0), -20 * WAD, payment=-20 * 300 * WAD)
    dollars = bench.base.cash(THIEF) // bench.base.unit
    bench.base.ledger.send("withdraw", account(THIEF), dollars, THIEF, sender=THIEF)
    with suppress(Revert):
        bench.take(THIEF, bench.posted(THIEF))
    owed = (borrowed - bench.tokens(THIEF)) * SPOT // WAD
    return dollars * bench.base.unit - owed


@on_both_sides
def test_collateral__that_must_go_back__carries_no_position(side: str) -> None:
    artifacts = contracts(side, lambda: broken("Clearinghouse", UNASKED))
    bench = build(EmbeddedChain(), artifacts)
    judge(side, short_on_borrowed_tokens(bench), loot=5_000 * WAD)


# ── shares ──

LATE = {
    "    self._held -= assets\n    erc20._burn(owner, shares)": "    erc20._burn(owner, shares)",
    "    self._cancel(owner, receiver, assets, shares)\n    self._pay(receiver, assets)": (
        "    self._cancel(owner, receiver, assets, shares)\n"
        "    self._pay(receiver, assets)\n"
        "    self._held -= assets"
    ),
    "assert self._balance() >= self._held": "assert self._balance() + assets >= self._held",
}


def read_inside(bench: CollateralBench) -> int:
    """Redeem with a hook in the token: by how much a reader overrates a share meanwhile."""
    token = bench.token
    token.send("mint", token.address, 90 * WAD, sender=THIEF)
    deposit = bench.vault.encode("deposit", 90 * WAD, token.address)
    token.send("act", bench.vault.address, deposit, sender=THIEF)
    bench.deposit(VICTIM, 10 * WAD)
    redeem = bench.vault.encode("redeem", 80 * WAD, token.address, token.address)
    row = bench.vault.address, redeem, bench.vault.address, bench.vault.encode("tokens_of", WAD)
    _, met, succeeded, answer = token.call("probe", *row)
    assert met and succeeded
    token.send("probe", *row, sender=THIEF)
    return int.from_bytes(answer, "big") - int(bench.vault.call("tokens_of", WAD))


@on_both_sides
def test_share__read_in_the_middle_of_an_exit__has_its_price(side: str) -> None:
    judge(side, read_inside(stage(side, LATE, token=HOOK)), loot=3 * WAD)


KEPT = {"erc20._transfer(msg.sender, self, shares)\n    self._post(": "self._post("}


def redeem_what_is_posted(bench: CollateralBench) -> int:
    """Tokens taken out, while the shares still stand as collateral."""
    bench.deposit(VICTIM, 10 * WAD)
    bench.deposit(THIEF, 10 * WAD)
    bench.vault.send("post", account(THIEF), 10 * WAD, sender=THIEF)
    with suppress(Revert):
        bench.vault.send("redeem", 10 * WAD, THIEF, THIEF, sender=THIEF)
    collateral = int(bench.vault.call("tokens_of", bench.posted(THIEF)))
    return bench.tokens(THIEF) + collateral - 10 * WAD


@on_both_sides
def test_shares__posted_as_collateral__cannot_be_redeemed_as_well(side: str) -> None:
    judge(side, redeem_what_is_posted(stage(side, KEPT)), loot=9 * WAD)


# ── tokens ──

HOOK = "HookERC20", "Hook", "HOOK", 18
FEE, REFUSING, HONEST = 1, 2, 0

CAME = 'assert self._balance() >= before + assets, "collateral: short transfer"'
TRUSTING = {
    '    assert done, "collateral: transfer failed"\n    ' + CAME: "    pass",
}


@pytest.mark.parametrize("vice", [FEE, REFUSING], ids=["fee on transfer", "false"])
@on_both_sides
def test_token_that_does_not_arrive__makes_no_shares(side: str, vice: int) -> None:
    bench = stage(side, TRUSTING, token=("HostileERC20", 18, vice))
    bench.token.send("mint", THIEF, 100 * WAD, sender=STRANGER)
    with suppress(Revert):
        bench.vault.send("deposit", 100 * WAD, THIEF, sender=THIEF)
    judge(side, bench.held() - bench.tokens(bench.vault.address), loot=WAD // 2)


UNCOVERED = {'assert self._balance() >= self._held, "collateral: short transfer"': "pass"}


def leave_first(bench: CollateralBench) -> int:
    """A token that shrinks by half: what the first to leave takes above his half."""
    for owner in (THIEF, VICTIM):
        bench.token.send("mint", owner, 10 * WAD, sender=STRANGER)
        bench.vault.send("deposit", 10 * WAD, owner, sender=owner)
    bench.token.send("rebase", bench.vault.address, 10 * WAD, sender=STRANGER)
    with suppress(Revert):
        bench.vault.send("redeem", 10 * WAD, THIEF, THIEF, sender=THIEF)
    return bench.tokens(THIEF) - 5 * WAD


@on_both_sides
def test_token_that_shrinks__pays_nobody_at_the_cost_of_others(side: str) -> None:
    bench = stage(side, UNCOVERED, token=("HostileERC20", 18, HONEST))
    judge(side, leave_first(bench), loot=4 * WAD)


def test_token_that_refuses_a_receiver__keeps_the_collateral_where_it_is(reverts) -> None:
    bench = stage("real", {}, token=("HostileERC20", 18, HONEST))
    bench.token.send("mint", VICTIM, 10 * WAD, sender=STRANGER)
    bench.vault.send("deposit_into", account(VICTIM), 10 * WAD, sender=VICTIM)
    bench.token.send("bar", VICTIM, sender=STRANGER)
    with reverts("token: barred"):
        bench.take(VICTIM, 10 * WAD)
    assert (bench.posted(VICTIM), bench.held()) == (10 * WAD, 10 * WAD)
    bench.take(VICTIM, 10 * WAD, receiver=OTHER)
    assert bench.tokens(OTHER) == 10 * WAD
