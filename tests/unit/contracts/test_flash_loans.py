"""Flash loans of Custody and of a collateral vault: who is paid, what is refused, what stays."""

from __future__ import annotations

import pytest

from protocol.clients.base import AnyContract
from protocol.units import WAD
from tests.collateral_bench import RATE, CollateralBench, Lender, bench_of
from tests.ledger_bench import ADMIN, HALTED, MAKER, PAUSED, STRANGER, TAKER, Deploy, account

NOBODY = "0x" + "00" * 20
DOLLARS, ETHERS = 10_000, 50
LENDERS = ["custody", "vault"]
both_lenders = pytest.mark.parametrize("name", LENDERS)


@pytest.fixture
def bench(chain, deploy) -> CollateralBench:
    """Both lenders hold money; the borrower has some of each token for fees."""
    made = bench_of(chain, deploy)
    made.base.fund(MAKER, DOLLARS)
    made.deposit(MAKER, ETHERS * WAD)
    made.base.token.send("mint", made.receiver.address, 10**9, sender=STRANGER)
    made.token.send("mint", made.receiver.address, 10 * WAD, sender=STRANGER)
    return made


def prepare(
    bench: CollateralBench,
    target: AnyContract | None = None,
    data: bytes = b"",
    *,
    short: int = 0,
    refuses: bool = False,
) -> None:
    at = target.address if target else NOBODY
    bench.receiver.send("prepare", at, data, short, refuses, sender=STRANGER)


def borrow(bench: CollateralBench, lender: Lender, amount: int, data: bytes = b"") -> None:
    lender.lend(bench.receiver.address, amount, sender=TAKER, data=data)


@both_lenders
@pytest.mark.parametrize("part", [1, 3, 2_000, "all"])
def test_loan__of_any_part__comes_back_with_a_fee_rounded_up(bench, name, part):
    lender = bench.lender(name)
    held = lender.held
    amount = held if part == "all" else part
    fee = -(-amount * RATE // WAD)
    assert lender.contract.call("flashFee", lender.token.address, amount) == fee
    borrow(bench, lender, amount)
    assert lender.held == held + fee == lender.token.call("balanceOf", lender.contract.address)
    assert lender.contract.call("flash_lent") == amount


@both_lenders
def test_borrower__is_told_who_asked_the_fee_and_the_data(bench, name):
    lender, data = bench.lender(name), b"\x01" * 1_024
    borrow(bench, lender, 10**6, data)
    assert bench.receiver.call("initiator") == TAKER
    assert bench.receiver.call("fee") == 10**6 * RATE // WAD
    assert bench.receiver.call("received") == data


@both_lenders
def test_loan__logs_who_and_how_much(bench, name):
    lender = bench.lender(name)
    receipt = lender.lend(bench.receiver.address, 10**6, sender=TAKER)
    (event,) = [e for e in lender.contract.events(receipt) if e.name == "FlashLoaned"]
    fee = 10**6 * RATE // WAD
    expected = {"receiver": bench.receiver.address, "initiator": TAKER, "amount": 10**6, "fee": fee}
    assert event.args == expected


def test_fee_of_custody__goes_to_the_insurance_fund_to_the_wei(bench):
    before = bench.base.ledger.call("reserves")
    lender = bench.lender("custody")
    held = lender.held
    borrow(bench, lender, 9_999_999_999)
    insurance, treasury = bench.base.ledger.call("reserves")
    assert (insurance - before[0], treasury) == (5_000_000 * bench.base.unit, before[1])
    assert lender.held == held + 5_000_000


def test_fee_of_a_vault__goes_to_its_shares(bench):
    before = bench.vault.call("tokens_of", WAD)
    insurance = bench.base.ledger.call("reserves")
    borrow(bench, bench.lender("vault"), 50 * WAD)
    worth = bench.vault.call("tokens_of", WAD)
    assert before == WAD and WAD * 1.000499 < worth <= WAD * 1.0005
    assert bench.base.ledger.call("reserves") == insurance


@both_lenders
def test_loan__of_nothing_or_of_too_much_or_of_another_token__reverts(bench, reverts, name):
    lender = bench.lender(name)
    other = bench.lender(LENDERS[1 - LENDERS.index(name)])
    with reverts("flash: nothing to lend"):
        borrow(bench, lender, 0)
    with reverts("flash: above what is held"):
        borrow(bench, lender, lender.held + 1)
    foreign = Lender(lender.contract, other.token)
    with reverts("flash: foreign token"):
        borrow(bench, foreign, 1)
    with reverts("flash: foreign token"):
        lender.contract.call("flashFee", other.token.address, 1)
    assert foreign.held == 0


@both_lenders
def test_loan__above_what_is_held_with_a_donation_there__reverts(bench, reverts, name):
    lender = bench.lender(name)
    lender.token.send("mint", lender.contract.address, WAD, sender=STRANGER)
    with reverts("flash: above what is held"):
        borrow(bench, lender, lender.held + 1)


@both_lenders
def test_borrower__that_refuses_or_pays_short__reverts(bench, reverts, name):
    lender = bench.lender(name)
    prepare(bench, refuses=True)
    with reverts("flash: callback refused"):
        borrow(bench, lender, 10**6)
    prepare(bench, short=1)
    with reverts("token: allowance"):
        borrow(bench, lender, 10**6)
    spend = lender.token.encode("transfer", STRANGER, 10**6)
    prepare(bench, lender.token, spend)
    own = lender.token.call("balanceOf", bench.receiver.address)
    away = lender.token.encode("transfer", STRANGER, own)
    bench.receiver.send("run", lender.token.address, away, sender=STRANGER)
    with reverts("token: balance"):
        borrow(bench, lender, 10**6)


@both_lenders
def test_borrower__that_is_no_contract__reverts(bench, reverts, name):
    with reverts():
        bench.lender(name).lend(STRANGER, 10**6, sender=STRANGER)


@both_lenders
def test_tokens_given_back_as_a_donation__do_not_pay_the_loan_twice(bench, reverts, name):
    """Repaid by a plain transfer, the loan is taken from the allowance all the same."""
    lender = bench.lender(name)
    amount = lender.held
    gift = lender.token.encode("transfer", lender.contract.address, amount)
    prepare(bench, lender.token, gift)
    with reverts("token: balance"):
        borrow(bench, lender, amount)


@both_lenders
def test_lender_itself__as_receiver__reverts(bench, reverts, name):
    lender = bench.lender(name)
    with reverts():
        lender.lend(lender.contract.address, 10**6, sender=STRANGER)


@both_lenders
def test_run_loan__by_anyone_but_the_ledger__reverts(bench, reverts, name):
    lender = bench.lender(name)
    reason = "custody: ledger only" if name == "custody" else "collateral: ledger only"
    for sender in (STRANGER, ADMIN, TAKER):
        with reverts(reason):
            lender.contract.send("run_loan", sender, sender, 1, b"", sender=sender)


@both_lenders
@pytest.mark.parametrize("level", [PAUSED, HALTED])
def test_loan__while_paused__is_not_made(bench, reverts, name, level):
    lender = bench.lender(name)
    bench.base.pause(level)
    assert lender.held == 0
    with reverts():
        borrow(bench, lender, 1)


@both_lenders
def test_rate__by_the_admin__is_bounded(bench, reverts, name):
    lender = bench.lender(name)
    with reverts("access: admin only"):
        lender.contract.send("set_flash_rate", 0, sender=STRANGER)
    with reverts("flash: rate above 1 %"):
        lender.contract.send("set_flash_rate", 10**16 + 1, sender=ADMIN)
    borrow(bench, lender, 10**6)
    for rate, fee in ((10**16, 10_000), (0, 0)):
        lender.contract.send("set_flash_rate", rate, sender=ADMIN)
        assert lender.contract.call("flash_rate") == rate
        borrow(bench, lender, 10**6)
        assert bench.receiver.call("fee") == fee
    assert lender.contract.call("flash_lent") == 3 * 10**6


@both_lenders
def test_core__inside_of_a_loan__is_shut(bench, name):
    """One entry of the ledger, one of the other lender; all of them are in the core-lock suite."""
    lender = bench.lender(name)
    other = bench.lender(LENDERS[1 - LENDERS.index(name)])
    entries = (
        (bench.base.ledger, ("deposit", account(TAKER), 1)),
        (bench.vault, ("deposit", 1, TAKER)),
        (other.contract, ("flashLoan", bench.receiver.address, other.token.address, 1, b"")),
    )
    for contract, (function, *args) in entries:
        prepare(bench, contract, contract.encode(function, *args))
        borrow(bench, lender, 10**6)
        assert bench.receiver.call("succeeded") is False
    prepare(bench, lender.token, lender.token.encode("balanceOf", TAKER))
    borrow(bench, lender, 10**6)
    assert bench.receiver.call("succeeded") is True


def test_loan__of_a_custody_without_a_ledger__reverts(chain, deploy: Deploy, reverts, bench):
    fresh = deploy("Custody", bench.base.manager.address, bench.base.token.address)
    with reverts("flash: above what is held"):
        row = bench.receiver.address, bench.base.token.address, 1, b""
        fresh.send("flashLoan", *row, sender=STRANGER)
