"""LiquidityVault on a perp pool: requests, claims, authority, the edges of ERC-7540."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from protocol.chain.base import ZERO_ADDRESS
from protocol.chain.embedded import EmbeddedChain
from protocol.units import WAD
from tests.market_bench import (
    ADMIN,
    LP,
    MAX_AGE,
    OTHER_LP,
    STRANGER,
    TERMS,
    Bench,
    account,
    build,
    rewound,
)

DEAD_SHARES = 10**15
DELAY = TERMS["delay"]


@pytest.fixture(scope="module", params=[6, 8, 18])
def fresh(artifacts, request) -> Iterator[Callable[[], Bench]]:
    yield from rewound(lambda: build(EmbeddedChain(), artifacts, decimals=request.param))


@pytest.fixture
def bench(fresh) -> Bench:
    return fresh()


def tokens(bench: Bench, dollars: int) -> int:
    return dollars * 10**bench.decimals


def vault_account(bench: Bench) -> int:
    return account(bench.vault.address, 1)


def test_deposit__requested_processed_claimed__one_share_a_dollar(bench):
    bench.request_deposit(LP, 1_000)
    assert bench.vault.call("pendingDepositRequest", 0, LP) == tokens(bench, 1_000)
    assert bench.cash(vault_account(bench)) == 1_000 * WAD
    bench.advance(DELAY)
    bench.process()
    assert bench.vault.call("pendingDepositRequest", 0, LP) == 0
    assert bench.vault.call("claimableDepositRequest", 0, LP) == tokens(bench, 1_000)
    assert bench.vault.call("maxMint", LP) == 1_000 * WAD - DEAD_SHARES
    assert (bench.cash(vault_account(bench)), bench.cash(bench.pool)) == (0, 1_000 * WAD)
    bench.vault.send("deposit", tokens(bench, 1_000), LP, LP, sender=LP)
    assert bench.shares(LP) == 1_000 * WAD - DEAD_SHARES
    assert bench.vault.call("totalSupply") == 1_000 * WAD
    assert bench.vault.call("totalAssets") == tokens(bench, 1_000)


def test_redeem__requested_processed_claimed__tokens_less_exit_fee(bench):
    bench.enter(OTHER_LP, 1_000)
    bench.enter(LP, 1_000)
    bench.request_redeem(LP, 1_000 * WAD)
    assert bench.vault.call("pendingRedeemRequest", 0, LP) == 1_000 * WAD
    assert bench.shares(LP) == 0
    bench.advance(DELAY)
    bench.process()
    assert bench.vault.call("claimableRedeemRequest", 0, LP) == 1_000 * WAD
    assert bench.vault.call("maxWithdraw", LP) == tokens(bench, 999)
    bench.vault.send("redeem", 1_000 * WAD, STRANGER, LP, sender=LP)
    assert bench.token.call("balanceOf", STRANGER) == tokens(bench, 999)
    assert bench.vault.call("totalSupply") == 1_000 * WAD
    assert bench.cash(bench.pool) == 1_001 * WAD  # the fee is with those who stay
    assert bench.cash(vault_account(bench)) == 0


def test_process__before_the_delay__does_nothing(bench):
    bench.request_deposit(LP, 1_000)
    bench.advance(DELAY - 1)
    bench.process()
    assert bench.vault.call("queue_lengths") == (1, 0)
    assert bench.vault.call("ripe_at") == (bench.now() + 1, 0)
    bench.advance(1)
    bench.process()
    assert bench.vault.call("queue_lengths") == (0, 0)
    assert bench.vault.call("ripe_at") == (0, 0)


def test_process__at_most_so_many__oldest_first(bench):
    for owner in (LP, OTHER_LP, LP):
        bench.request_deposit(owner, 100)
    bench.advance(DELAY)
    bench.process(2)
    assert bench.vault.call("queue_lengths") == (1, 0)
    assert bench.vault.call("maxDeposit", LP) == tokens(bench, 100)
    assert bench.vault.call("maxDeposit", OTHER_LP) == tokens(bench, 100)
    assert bench.vault.call("pendingDepositRequest", 0, LP) == tokens(bench, 100)
    bench.process(0)
    assert bench.vault.call("queue_lengths") == (1, 0)


def test_process__feed_stale__reverts(bench, reverts):
    bench.request_deposit(LP, 100)
    bench.chain.advance(MAX_AGE + 1)
    with reverts("oracle: price stale"):
        bench.process()


def test_claims__in_parts_by_either_unit__add_up(bench):
    bench.request_deposit(LP, 1_000)
    bench.advance(DELAY)
    bench.process()
    bench.vault.send("deposit", tokens(bench, 1_000) // 3, LP, LP, sender=LP)
    bench.vault.send("mint", 7, LP, LP, sender=LP)
    bench.vault.send("mint", bench.vault.call("maxMint", LP), LP, sender=LP)
    assert bench.shares(LP) == 1_000 * WAD - DEAD_SHARES
    assert bench.vault.call("maxDeposit", LP) == bench.vault.call("maxMint", LP) == 0

    bench.request_redeem(LP, 600 * WAD)
    bench.advance(DELAY)
    bench.process()
    owed, before = bench.vault.call("maxWithdraw", LP), bench.token.call("balanceOf", LP)
    bench.vault.send("withdraw", owed // 7, LP, sender=LP)
    bench.vault.send("redeem", 100 * WAD, LP, LP, sender=LP)
    bench.vault.send("withdraw", bench.vault.call("maxWithdraw", LP), LP, LP, sender=LP)
    assert bench.token.call("balanceOf", LP) - before == owed
    assert bench.vault.call("maxRedeem", LP) == 0


@pytest.mark.parametrize("claim", ["deposit", "mint", "withdraw", "redeem"])
def test_claims__nothing_or_too_much__revert(claim, bench, reverts):
    with reverts("vault: nothing to claim"):
        bench.vault.send(claim, 0, LP, LP, sender=LP)
    with reverts("vault: above claimable"):
        bench.vault.send(claim, 1, LP, LP, sender=LP)


@pytest.mark.parametrize("claim", ["deposit", "mint", "withdraw", "redeem"])
def test_claims__of_somebody_else__need_an_operator(claim, bench, reverts):
    with reverts("vault: not authorised"):
        bench.vault.send(claim, 1, STRANGER, LP, sender=STRANGER)
    bench.vault.send("setOperator", STRANGER, True, sender=LP)
    with reverts("vault: above claimable"):
        bench.vault.send(claim, 1, STRANGER, LP, sender=STRANGER)
    bench.vault.send("setOperator", STRANGER, False, sender=LP)
    with reverts("vault: not authorised"):
        bench.vault.send(claim, 1, STRANGER, LP, sender=STRANGER)


def test_request_deposit__with_an_owners_tokens__needs_an_operator(bench, reverts):
    amount = bench.hold(LP, 100)
    with reverts("vault: not authorised"):
        bench.vault.send("requestDeposit", amount, STRANGER, LP, sender=STRANGER)
    bench.vault.send("setOperator", STRANGER, True, sender=LP)
    assert bench.vault.call("isOperator", LP, STRANGER)
    bench.vault.send("requestDeposit", amount, OTHER_LP, LP, sender=STRANGER)
    assert bench.vault.call("pendingDepositRequest", 0, OTHER_LP) == amount


def test_request_redeem__with_an_owners_shares__needs_operator_or_allowance(bench, reverts):
    bench.enter(LP, 1_000)
    args = (50 * WAD, STRANGER, LP)
    with reverts("erc20: insufficient allowance"):
        bench.vault.send("requestRedeem", *args, sender=STRANGER)
    bench.vault.send("approve", STRANGER, 50 * WAD, sender=LP)
    bench.vault.send("requestRedeem", *args, sender=STRANGER)
    assert bench.vault.call("allowance", LP, STRANGER) == 0
    bench.vault.send("setOperator", STRANGER, True, sender=LP)
    bench.vault.send("requestRedeem", *args, sender=STRANGER)
    assert bench.vault.call("pendingRedeemRequest", 0, STRANGER) == 100 * WAD


def test_requests__too_small__revert_unless_all_there_is(bench, reverts):
    bench.hold(LP, 100)
    with reverts("vault: request too small"):
        bench.vault.send("requestDeposit", tokens(bench, 10) - 1, LP, LP, sender=LP)
    bench.enter(LP, 1_000)
    with reverts("vault: request too small"):
        bench.request_redeem(LP, 10 * WAD - 1)
    bench.vault.send("transfer", OTHER_LP, WAD, sender=LP)
    bench.request_redeem(OTHER_LP, WAD)
    with reverts("vault: request too small"):
        bench.request_redeem(OTHER_LP, 0)


def test_requests__without_controller__revert(bench, reverts):
    amount = bench.hold(LP, 100)
    with reverts("vault: no controller"):
        bench.vault.send("requestDeposit", amount, ZERO_ADDRESS, LP, sender=LP)
    with reverts("vault: no controller"):
        bench.vault.send("requestRedeem", amount, ZERO_ADDRESS, LP, sender=LP)


def test_set_operator__oneself__reverts(bench, reverts):
    with reverts("vault: operator is caller"):
        bench.vault.send("setOperator", LP, True, sender=LP)


@pytest.mark.parametrize(
    "preview", ["previewDeposit", "previewMint", "previewWithdraw", "previewRedeem"]
)
def test_previews__always__revert(preview, bench, reverts):
    with reverts("vault: no preview of requests"):
        bench.vault.call(preview, WAD)


# Each interface as the functions whose selectors make up its id, `name/arity`.
INTERFACES = {
    "ERC-165": "supportsInterface/1",
    "ERC-7540 operators": "setOperator/2 isOperator/2",
    "ERC-7540 deposits": "requestDeposit/3 pendingDepositRequest/2 claimableDepositRequest/2 "
    "deposit/3 mint/3",
    "ERC-7540 redemptions": "requestRedeem/3 pendingRedeemRequest/2 claimableRedeemRequest/2",
    "ERC-7575": "asset/0 share/0 convertToShares/1 convertToAssets/1 totalAssets/0 "
    "maxDeposit/1 previewDeposit/1 deposit/2 maxMint/1 previewMint/1 mint/2 "
    "maxWithdraw/1 previewWithdraw/1 withdraw/3 maxRedeem/1 previewRedeem/1 redeem/3",
}


@pytest.mark.parametrize("name", INTERFACES)
def test_supports_interface__every_function_there__and_its_id_known(name, bench):
    interface_id = 0
    for function in INTERFACES[name].split():
        stem, arity = function.split("/")
        selector = bench.vault.abi.function(stem, int(arity)).selector
        interface_id ^= int.from_bytes(selector, "big")
    assert bench.vault.call("supportsInterface", interface_id.to_bytes(4, "big"))


@pytest.mark.parametrize("interface_id", ["ffffffff", "00000000", "f815c03d"])
def test_supports_interface__others__no(interface_id, bench):
    assert not bench.vault.call("supportsInterface", bytes.fromhex(interface_id))


def test_conversions__before_and_after_a_gain__at_nav(bench):
    assert bench.vault.call("convertToShares", tokens(bench, 5)) == 5 * WAD
    assert bench.vault.call("convertToAssets", 5 * WAD) == tokens(bench, 5)
    bench.enter(LP, 1_000)
    bench.fund(STRANGER, 1_000, into=bench.pool)
    assert bench.vault.call("convertToShares", tokens(bench, 5)) == 5 * WAD // 2
    assert bench.vault.call("convertToAssets", 5 * WAD) == tokens(bench, 10)
    assert bench.vault.call("asset") == bench.token.address
    assert bench.vault.call("share") == bench.vault.address


def test_events__of_a_round_trip__name_controller_owner_and_sender(bench):
    amount = bench.hold(LP, 100)
    receipt = bench.vault.send("requestDeposit", amount, OTHER_LP, LP, sender=LP)
    (event,) = (e for e in bench.vault.events(receipt) if e.name == "DepositRequest")
    wanted = {"controller": OTHER_LP, "owner": LP, "requestId": 0, "sender": LP, "assets": amount}
    assert event.args == wanted
    bench.advance(DELAY)
    (event,) = (e for e in bench.vault.events(bench.process()) if e.name == "DepositProcessed")
    shares = 100 * WAD - DEAD_SHARES
    assert event.args == {"controller": OTHER_LP, "assets": amount, "shares": shares}
    receipt = bench.vault.send("deposit", amount, STRANGER, OTHER_LP, sender=OTHER_LP)
    (event,) = (e for e in bench.vault.events(receipt) if e.name == "Deposit")
    wanted = {"sender": OTHER_LP, "owner": STRANGER, "assets": amount, "shares": shares}
    assert event.args == wanted


def changed(**changes: int) -> tuple[int, ...]:
    return tuple((TERMS | changes).values())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"delay": 59}, "vault: delay out of bounds"),
        ({"delay": 7 * 86_400 + 1}, "vault: delay out of bounds"),
        ({"min_request": WAD - 1}, "vault: request out of bounds"),
        ({"min_request": 10**24 + 1}, "vault: request out of bounds"),
        ({"liquidity_floor": WAD // 2 + 1}, "vault: floor out of bounds"),
        ({"exit_fee": 2 * 10**16 + 1}, "vault: exit fee out of bounds"),
        ({"max_wait": 3_599}, "vault: wait out of bounds"),
        ({"max_wait": 30 * 86_400 + 1}, "vault: wait out of bounds"),
    ],
)
def test_set_terms__out_of_bounds__reverts(changes, reason, bench, reverts):
    with reverts(reason):
        bench.vault.send("set_terms", changed(**changes), sender=ADMIN)


def test_set_terms__by_others__reverts(bench, reverts):
    with reverts("access: admin only"):
        bench.vault.send("set_terms", changed(), sender=STRANGER)
    bench.vault.send("set_terms", changed(delay=60), sender=ADMIN)
    assert tuple(bench.vault.call("terms")) == changed(delay=60)
