"""CollateralVault: shares at any decimals, collateral in and out of the ledger, caps, pause."""

from __future__ import annotations

import pytest

from protocol.units import WAD
from tests.collateral_bench import ACCOUNT_SHARE, CAP, ETHER, CollateralBench, bench_of
from tests.ledger_bench import (
    ADMIN,
    HALTED,
    MAKER,
    MAX,
    OPEN,
    OTHER,
    PAUSED,
    SCOPE_TRADE,
    SCOPE_WITHDRAW,
    STRANGER,
    TAKER,
    account,
)

TERMS = CAP, ACCOUNT_SHARE


@pytest.fixture
def bench(chain, deploy) -> CollateralBench:
    return bench_of(chain, deploy)


def raise_price(bench: CollateralBench) -> None:
    """A share is worth a little more than at the start, and no round number."""
    bench.deposit(MAKER, 100 * WAD)
    bench.token.send("mint", bench.receiver.address, WAD, sender=STRANGER)
    row = bench.receiver.address, bench.token.address, 33 * WAD + 7, b""
    bench.vault.send("flashLoan", *row, sender=STRANGER)


# ── ERC-4626 ──


@pytest.mark.parametrize("decimals", [0, 2, 6, 8, 18])
def test_deposit_and_redeem__at_any_decimals__bring_back_what_was_brought(chain, deploy, decimals):
    bench = bench_of(chain, deploy, decimals=decimals)
    assets = 7 * 10**decimals
    bench.deposit(TAKER, assets)
    assert bench.shares(TAKER) == 7 * WAD
    assert bench.vault.call("tokens_of", 7 * WAD) == 7 * WAD
    assert bench.held() == assets
    bench.vault.send("redeem", 7 * WAD, OTHER, TAKER, sender=TAKER)
    assert (bench.tokens(OTHER), bench.held(), bench.shares(TAKER)) == (assets, 0, 0)


def test_deploy__of_a_token_with_over_18_decimals_or_for_no_collateral__reverts(
    chain, deploy, reverts, bench
):
    token = deploy("MockERC20", "Fine", "FINE", 19)
    around = bench.base.ledger.address, bench.base.manager.address
    with reverts("collateral: over 18 decimals"):
        deploy("CollateralVault", token.address, *around, ETHER, "V", "V", TERMS)
    for instrument in (0, 1, 1 << 54, ETHER + 255, 1 << 62 | ETHER, 3 << 62 | 1 << 54):
        with reverts("collateral: bad instrument"):
            deploy("CollateralVault", bench.token.address, *around, instrument, "V", "V", TERMS)


def test_every_entry_and_exit__moves_what_its_preview_said(bench):
    raise_price(bench)
    vault, odd = bench.vault, 3 * WAD + 12_345
    bench.hold(TAKER, 100 * WAD)
    for function, preview, *args in (
        ("deposit", "previewDeposit", odd, TAKER),
        ("mint", "previewMint", odd, TAKER),
        ("withdraw", "previewWithdraw", WAD + 1, TAKER, TAKER),
        ("redeem", "previewRedeem", WAD + 1, TAKER, TAKER),
    ):
        said = vault.call(preview, args[0])
        assert vault.call(function, *args, sender=TAKER) == said
        before = bench.tokens(TAKER), bench.shares(TAKER)
        vault.send(function, *args, sender=TAKER)
        moved = bench.tokens(TAKER) - before[0], bench.shares(TAKER) - before[1]
        shares_asked = function in ("mint", "redeem")
        assert sorted(map(abs, moved)) == sorted((args[0], said)), function
        assert abs(moved[shares_asked]) == args[0]


def test_previews__of_the_same_amount__round_against_the_caller(bench):
    raise_price(bench)
    amount = 10**18 + 1
    assert bench.vault.call("previewMint", amount) == bench.vault.call("previewRedeem", amount) + 1
    assert bench.vault.call("previewWithdraw", amount) == (
        bench.vault.call("previewDeposit", amount) + 1
    )
    assert bench.vault.call("convertToShares", amount) == bench.vault.call("previewDeposit", amount)
    assert bench.vault.call("convertToAssets", amount) == bench.vault.call("previewRedeem", amount)


def test_withdraw_and_redeem__for_another__need_an_allowance(bench, reverts):
    bench.deposit(TAKER, 10 * WAD)
    for function in ("withdraw", "redeem"):
        with reverts("erc20: insufficient allowance"):
            bench.vault.send(function, WAD, OTHER, TAKER, sender=OTHER)
    bench.vault.send("approve", OTHER, 2 * WAD, sender=TAKER)
    bench.vault.send("withdraw", WAD, OTHER, TAKER, sender=OTHER)
    bench.vault.send("redeem", WAD, OTHER, TAKER, sender=OTHER)
    assert (bench.tokens(OTHER), bench.shares(TAKER)) == (2 * WAD, 8 * WAD)
    assert bench.vault.call("allowance", TAKER, OTHER) == 0


def test_moves_of_nothing__revert(bench, reverts):
    bench.deposit(TAKER, WAD)
    zero = "collateral: nothing to move"
    for function, *args in (
        ("deposit", 0, TAKER),
        ("mint", 0, TAKER),
        ("withdraw", 0, TAKER, TAKER),
        ("redeem", 0, TAKER, TAKER),
        ("post", account(TAKER), 0),
        ("deposit_into", account(TAKER), 0),
        ("take", account(TAKER), 0, TAKER),
    ):
        with reverts(zero):
            bench.vault.send(function, *args, sender=TAKER)


def test_shares_and_tokens__to_the_vault_itself__revert(bench, reverts):
    """What the vault owns of its shares is what is posted, and nothing else."""
    bench.deposit(TAKER, 10 * WAD)
    bench.post(TAKER, WAD)
    me, vault = account(TAKER), bench.vault.address
    bench.vault.send("approve", OTHER, MAX, sender=TAKER)
    for sender, function, *args in (
        (TAKER, "deposit", WAD, vault),
        (TAKER, "mint", WAD, vault),
        (TAKER, "withdraw", WAD, vault, TAKER),
        (TAKER, "redeem", WAD, vault, TAKER),
        (TAKER, "take", me, WAD, vault),
        (TAKER, "transfer", vault, WAD),
        (OTHER, "transferFrom", TAKER, vault, WAD),
    ):
        with reverts("collateral: vault as receiver"):
            bench.vault.send(function, *args, sender=sender)


def test_transfers_of_shares__move_them(bench, reverts):
    bench.deposit(TAKER, 10 * WAD)
    bench.vault.send("transfer", OTHER, WAD, sender=TAKER)
    with reverts("erc20: insufficient allowance"):
        bench.vault.send("transferFrom", TAKER, OTHER, 1, sender=OTHER)
    bench.vault.send("approve", OTHER, WAD, sender=TAKER)
    bench.vault.send("transferFrom", TAKER, OTHER, WAD, sender=OTHER)
    assert (bench.shares(TAKER), bench.shares(OTHER)) == (8 * WAD, 2 * WAD)


# ── collateral ──


def test_post_and_take__bring_back_the_tokens(bench):
    bench.deposit(TAKER, 10 * WAD)
    bench.vault.send("post", account(TAKER), 4 * WAD, sender=TAKER)
    assert (bench.posted(TAKER), bench.shares(TAKER)) == (4 * WAD, 6 * WAD)
    assert bench.vault.call("balanceOf", bench.vault.address) == 4 * WAD
    pool = int(bench.vault.address, 16) << 96
    assert bench.base.ledger.call("position", pool, ETHER) == -4 * WAD
    bench.take(TAKER, 3 * WAD, receiver=OTHER)
    assert (bench.posted(TAKER), bench.tokens(OTHER), bench.held()) == (WAD, 3 * WAD, 7 * WAD)


def test_deposit_into__is_a_deposit_and_a_post(bench):
    raise_price(bench)
    supply = bench.vault.call("totalSupply")
    shares = bench.post(TAKER, 10 * WAD)
    assert 0 < shares < 10 * WAD
    assert bench.vault.call("totalSupply") == supply + shares
    assert bench.shares(TAKER) == 0
    assert bench.vault.call("utilisation")[3] == shares


def test_events__name_account_and_amounts(bench):
    bench.hold(TAKER, WAD)
    receipt = bench.vault.send("deposit_into", account(TAKER), WAD, sender=TAKER)
    posted = {e.name: e.args for e in bench.vault.events(receipt)}["Posted"]
    assert posted == {"account": account(TAKER), "sender": TAKER, "shares": WAD}
    taken = {e.name: e.args for e in bench.vault.events(bench.take(TAKER, WAD))}["Taken"]
    row = {"account": account(TAKER), "receiver": TAKER, "shares": WAD, "assets": WAD}
    assert taken == row


def test_post__to_an_account_of_another__needs_the_right_to_trade(bench, reverts):
    bench.deposit(OTHER, 10 * WAD)
    bench.hold(OTHER, WAD)
    for scope in (0, SCOPE_WITHDRAW):
        bench.base.ledger.send("set_operator", account(TAKER), OTHER, scope, sender=TAKER)
        with reverts("collateral: not authorised"):
            bench.vault.send("post", account(TAKER), WAD, sender=OTHER)
        with reverts("collateral: not authorised"):
            bench.vault.send("deposit_into", account(TAKER), WAD, sender=OTHER)
    bench.base.ledger.send("set_operator", account(TAKER), OTHER, SCOPE_TRADE, sender=TAKER)
    bench.vault.send("post", account(TAKER), WAD, sender=OTHER)
    assert bench.posted(TAKER) == WAD


def test_take__needs_the_right_to_withdraw(bench, reverts):
    bench.post(TAKER, 10 * WAD)
    row = account(TAKER), WAD, OTHER
    for scope in (0, SCOPE_TRADE):
        bench.base.ledger.send("set_operator", account(TAKER), OTHER, scope, sender=TAKER)
        with reverts("ledger: not authorised"):
            bench.vault.send("take", *row, sender=OTHER)
    bench.base.ledger.send("set_operator", account(TAKER), OTHER, SCOPE_WITHDRAW, sender=TAKER)
    bench.vault.send("take", *row, sender=OTHER)
    assert bench.tokens(OTHER) == WAD


def test_take__of_more_than_the_account_posted__reverts(bench, reverts):
    """Though the vault holds enough shares, of others."""
    bench.post(TAKER, WAD)
    bench.post(OTHER, 10 * WAD)
    with reverts():
        bench.take(TAKER, WAD + 1)


def test_shares_in_the_ledger__are_in_nobodys_wallet(bench, reverts):
    bench.deposit(TAKER, 10 * WAD)
    bench.vault.send("post", account(TAKER), 10 * WAD, sender=TAKER)
    for function, *args in (
        ("redeem", WAD, TAKER, TAKER),
        ("transfer", OTHER, WAD),
        ("post", account(TAKER, 1), WAD),
    ):
        with reverts():
            bench.vault.send(function, *args, sender=TAKER)
    assert bench.vault.call("maxRedeem", TAKER) == bench.vault.call("maxWithdraw", TAKER) == 0
    assert bench.vault.call("maxRedeem", bench.vault.address) == 0


def short_call(bench: CollateralBench, size: int) -> None:
    """The taker sells calls for cash that he is left with."""
    bench.base.fund(MAKER, 1_000_000)
    call = bench.base.call(3_000.0)
    bench.base.fill(call, -size, payment=-100 * size)


def test_take__while_it_stands_for_a_short__keeps_initial_margin(bench, reverts):
    bench.post(TAKER, 10 * WAD)
    bench.base.fund(TAKER, 100)
    short_call(bench, WAD)
    before = bench.posted(TAKER)
    with reverts("ledger: below initial margin"):
        bench.take(TAKER, 10 * WAD)
    assert bench.posted(TAKER) == before
    bench.take(TAKER, WAD)
    assert bench.base.ledger.call("healthy", account(TAKER), 2, True) is True


def test_withdraw_cash__against_collateral_alone__reverts(bench, reverts):
    bench.post(TAKER, 10 * WAD)
    with reverts():
        bench.base.ledger.send("withdraw", account(TAKER), 1, TAKER, sender=TAKER)


# ── bounds ──


def test_deposit__above_the_cap__reverts(bench, reverts):
    bench.hold(TAKER, 2 * CAP)
    assert bench.vault.call("maxDeposit", TAKER) == CAP
    assert bench.vault.call("maxMint", TAKER) == CAP
    for function in ("deposit", "mint"):
        with reverts("collateral: above cap"):
            bench.vault.send(function, CAP + 1, TAKER, sender=TAKER)
    bench.vault.send("deposit", CAP, TAKER, sender=TAKER)
    assert bench.vault.call("maxDeposit", TAKER) == bench.vault.call("maxMint", TAKER) == 0
    with reverts("collateral: above cap"):
        bench.vault.send("deposit_into", account(TAKER), 1, sender=TAKER)


def test_post__above_the_share_of_an_account__reverts(bench, reverts):
    most = CAP * ACCOUNT_SHARE // WAD
    bench.post(TAKER, most - 1)
    bench.hold(TAKER, 2)
    with reverts("collateral: above account share"):
        bench.vault.send("deposit_into", account(TAKER), 2, sender=TAKER)
    bench.vault.send("deposit_into", account(TAKER), 1, sender=TAKER)


def test_terms__lowered_below_what_is_there__stop_entries_alone(bench, reverts):
    bench.post(TAKER, 10 * WAD)
    bench.deposit(TAKER, 10 * WAD)
    bench.set_terms(cap=0)
    assert bench.vault.call("maxDeposit", TAKER) == 0
    with reverts("collateral: above account share"):
        bench.vault.send("post", account(TAKER), 1, sender=TAKER)
    bench.take(TAKER, 10 * WAD)
    bench.vault.send("redeem", 10 * WAD, TAKER, TAKER, sender=TAKER)
    assert bench.held() == 0


def test_terms__by_anyone_but_the_admin_or_out_of_bounds__revert(bench, reverts):
    with reverts("access: admin only"):
        bench.vault.send("set_terms", TERMS, sender=STRANGER)
    with reverts("collateral: share above one"):
        bench.set_terms(account_share=WAD + 1)
    bench.set_terms(cap=5, account_share=WAD)
    assert tuple(bench.vault.call("terms")) == (5, WAD)


def test_vault__while_paused__takes_nothing_in_and_lets_everything_out(bench, reverts):
    bench.deposit(TAKER, 10 * WAD)
    bench.post(TAKER, 10 * WAD)
    bench.hold(TAKER, WAD)
    bench.base.pause(PAUSED)
    assert bench.vault.call("maxDeposit", TAKER) == bench.vault.call("maxMint", TAKER) == 0
    with reverts("collateral: above cap"):
        bench.vault.send("deposit", WAD, TAKER, sender=TAKER)
    with reverts("collateral: paused"):
        bench.vault.send("post", account(TAKER), WAD, sender=TAKER)
    assert bench.vault.call("maxRedeem", TAKER) == 10 * WAD
    bench.vault.send("redeem", WAD, TAKER, TAKER, sender=TAKER)
    bench.take(TAKER, WAD)


def test_vault__while_halted__lets_nothing_out(bench, reverts):
    bench.deposit(TAKER, 10 * WAD)
    bench.post(TAKER, WAD)
    bench.base.pause(HALTED)
    assert bench.vault.call("maxRedeem", TAKER) == bench.vault.call("maxWithdraw", TAKER) == 0
    for function, *args in (("redeem", WAD, TAKER, TAKER), ("take", account(TAKER), WAD, TAKER)):
        with reverts("ledger: halted"):
            bench.vault.send(function, *args, sender=TAKER)
    bench.base.pause(OPEN)
    bench.take(TAKER, WAD)


def test_vault__without_its_right__is_shut(bench, reverts):
    bench.deposit(TAKER, 10 * WAD)
    bench.base.ledger.send("set_venue", bench.vault.address, 0, sender=ADMIN)
    with reverts():
        bench.vault.send("redeem", WAD, TAKER, TAKER, sender=TAKER)


def test_utilisation__says_what_is_posted_and_lent(bench):
    raise_price(bench)
    bench.post(TAKER, 40 * WAD)
    held, cap, supply, posted, lent = bench.vault.call("utilisation")
    assert (held, cap, lent) == (bench.held(), CAP, 33 * WAD + 7)
    assert (supply, posted) == (bench.vault.call("totalSupply"), bench.posted(TAKER))


# ── hostile tokens ──

FEE, REFUSING, GREEDY = 1, 2, 3


def hostile(chain, deploy, vice: int) -> CollateralBench:
    bench = bench_of(chain, deploy, token=deploy("HostileERC20", 18, vice))
    bench.token.send("mint", TAKER, 100 * WAD, sender=TAKER)
    return bench


def test_token_with_a_fee__reverts_even_over_a_donation(chain, deploy, reverts):
    bench = hostile(chain, deploy, FEE)
    bench.token.send("mint", bench.vault.address, 100 * WAD, sender=STRANGER)
    for function, to in (("deposit", TAKER), ("deposit_into", account(TAKER))):
        args = (WAD, to) if function == "deposit" else (to, WAD)
        with reverts("collateral: short transfer"):
            bench.vault.send(function, *args, sender=TAKER)


def test_token_that_refuses__reverts(chain, deploy, reverts):
    bench = hostile(chain, deploy, REFUSING)
    with reverts("collateral: transfer failed"):
        bench.vault.send("deposit", WAD, TAKER, sender=TAKER)


def test_token_that_takes_more_than_it_pays__reverts(chain, deploy, reverts):
    bench = hostile(chain, deploy, GREEDY)
    bench.vault.send("deposit", 10 * WAD, TAKER, sender=TAKER)
    with reverts("collateral: short transfer"):
        bench.vault.send("redeem", WAD, TAKER, TAKER, sender=TAKER)


def test_token_that_returns_nothing__works(chain, deploy):
    bench = bench_of(chain, deploy, token=deploy("NoReturnERC20"))
    bench.deposit(TAKER, 10 * 10**6)
    bench.post(TAKER, 10 * 10**6)
    bench.take(TAKER, WAD)
    bench.vault.send("redeem", WAD, TAKER, TAKER, sender=TAKER)
    bench.token.send("mint", bench.receiver.address, 10**6, sender=STRANGER)
    row = bench.receiver.address, bench.token.address, 10**6, b""
    bench.vault.send("flashLoan", *row, sender=STRANGER)
    assert bench.held() == 18 * 10**6 + 500
