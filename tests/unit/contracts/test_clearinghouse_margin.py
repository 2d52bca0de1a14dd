"""The ledger's side of collateral, flash loans, liquidation and losses."""

from __future__ import annotations

import pytest

from protocol.errors import Revert
from protocol.types import Instrument
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ALL_RIGHTS,
    COLLATERAL,
    ETH,
    EXPIRY,
    HALTED,
    LIQUIDATE,
    MAKER,
    OPEN,
    OTHER,
    PAUSED,
    POOL,
    SCOPE_TRADE,
    SCOPE_WITHDRAW,
    SPOT,
    STRANGER,
    TAKER,
    VENUE,
    account,
    leg,
    make_bench,
)

DOLLARS = 100_000
SHARES = Instrument.collateral(ETH)
PERP = Instrument.perp(ETH)


@pytest.fixture
def bench(chain, deploy):
    made = make_bench(chain, deploy)
    for owner in (TAKER, MAKER, OTHER, POOL):
        made.fund(owner, DOLLARS)
    made.market.send("set_tokens", WAD, sender=ADMIN)
    made.risk.send("set_collateral", SHARES.id, made.market.address, WAD // 10, sender=ADMIN)
    return made


def backing(bench) -> int:
    """Tokens and debts less what everybody owns: never below zero, and a few wei at most."""
    owners = (TAKER, MAKER, OTHER, POOL, VENUE, STRANGER)
    owned = sum(max(bench.cash(owner), 0) for owner in owners)
    tokens = bench.custody.call("held") * bench.unit
    return tokens + bench.ledger.call("debt") - owned - sum(bench.ledger.call("reserves"))


def take_slice(bench, share, price=0, *, bidder=OTHER, sender=VENUE):
    row = (account(TAKER), account(bidder), share, price)
    return bench.ledger.send("take_slice", *row, sender=sender)


def cover(bench, amount, pools=(), *, owner=TAKER, sender=VENUE):
    return bench.ledger.send("cover", account(owner), amount, list(pools), sender=sender)


def indebt(bench, owner, dollars):
    """To the pool, by a realised loss."""
    bench.ledger.send("set_venue", POOL, ALL_RIGHTS, sender=ADMIN)
    amount = bench.cash(owner) + dollars * WAD
    bench.ledger.send("move_cash", account(owner), account(POOL), amount, sender=POOL)


# ── collateral ──


def test_collateral__comes_and_goes__and_nets_to_zero(bench):
    receipt = bench.post(TAKER, SHARES, 3 * WAD)
    assert bench.position(TAKER, SHARES) == 3 * WAD
    assert bench.position(VENUE, SHARES) == -3 * WAD
    (event,) = bench.ledger.events(receipt)
    assert event.args == {"account": account(TAKER), "instrument": SHARES.id, "amount": 3 * WAD}
    bench.post(TAKER, SHARES, -3 * WAD)
    assert bench.portfolio(TAKER) == bench.portfolio(VENUE) == {}


def test_collateral__of_another_vault_or_no_vault__reverts(bench, reverts):
    with reverts("ledger: right missing"):
        bench.post(TAKER, SHARES, WAD, vault=STRANGER)
    bench.post(TAKER, SHARES, WAD)
    bench.ledger.send("set_venue", STRANGER, COLLATERAL, sender=ADMIN)
    for instrument in (SHARES, Instrument.perp(ETH), bench.call(3_000)):
        with reverts("ledger: not its collateral"):
            bench.post(TAKER, instrument, WAD, vault=STRANGER)


@pytest.mark.parametrize("number", [0, 1, 1 << 54, 1 << 54 | 256, 1 << 54 | 1 << 38 | 1, 1 << 64])
def test_collateral__with_an_id_that_none_has__reverts(bench, reverts, number):
    with reverts("ledger: not its collateral"):
        row = (TAKER, account(TAKER), number, WAD)
        bench.ledger.send("move_collateral", *row, sender=VENUE)


def test_collateral__of_nothing_or_to_nobody_or_a_pool_or_the_vault__reverts(bench, reverts):
    def move(target, amount):
        row = (TAKER, target, SHARES.id, amount)
        bench.ledger.send("move_collateral", *row, sender=VENUE)

    with reverts("ledger: nothing to move"):
        move(account(TAKER), 0)
    with reverts("ledger: no owner"):
        move(5, WAD)
    with reverts("ledger: account is a pool"):
        move(account(POOL), WAD)
    with reverts("ledger: self transfer"):
        move(account(VENUE), WAD)


def test_collateral__beyond_what_is_posted__reverts(bench, reverts):
    bench.post(TAKER, SHARES, WAD)
    bench.post(MAKER, SHARES, WAD)
    with reverts("ledger: not that much posted"):
        bench.post(TAKER, SHARES, -WAD - 1)


def test_collateral__leaves_by_whom(bench, reverts):
    bench.post(TAKER, SHARES, WAD)

    def take(caller):
        row = (caller, account(TAKER), SHARES.id, -1)
        bench.ledger.send("move_collateral", *row, sender=VENUE)

    for scope, allowed in ((0, False), (SCOPE_TRADE, False), (SCOPE_WITHDRAW, True), (3, True)):
        bench.ledger.send("set_operator", account(TAKER), STRANGER, scope, sender=TAKER)
        if allowed:
            take(STRANGER)
            continue
        with reverts("ledger: not authorised"):
            take(STRANGER)
    take(TAKER)


def test_collateral__covers_a_short_and_may_not_leave_it_bare(bench, reverts):
    bench.ledger.send("withdraw", account(TAKER), DOLLARS * 10**6 - 1, TAKER, sender=TAKER)
    short = bench.call(3_000)
    with reverts("ledger: below initial margin"):
        bench.fill(short, -WAD, maker=POOL)
    bench.post(TAKER, SHARES, 10 * WAD)  # worth 2,700 a share
    bench.fill(short, -WAD, maker=POOL)
    with reverts("ledger: below initial margin"):
        bench.post(TAKER, SHARES, -10 * WAD)
    bench.fill(short, WAD, maker=POOL)
    bench.post(TAKER, SHARES, -10 * WAD)


def test_collateral__of_an_account_in_debt__stays(bench, reverts):
    bench.post(TAKER, SHARES, 10 * WAD)
    indebt(bench, TAKER, 1)
    with reverts("ledger: not enough cash"):
        bench.post(TAKER, SHARES, -1)
    bench.fund(TAKER, 1)
    bench.post(TAKER, SHARES, -10 * WAD)


def test_collateral__never_trades_nor_expires(bench, reverts):
    bench.post(TAKER, SHARES, WAD)
    with reverts("series: bad instrument"):
        bench.fill(SHARES, WAD, maker=TAKER, taker=MAKER)
    with reverts("ledger: series not expired"):
        row = (account(TAKER), [SHARES.id], 0, account(VENUE, 1))
        bench.ledger.send("settle_expiries", *row, sender=VENUE)


def test_collateral__comes_while_halted__not_at_all(bench, reverts):
    bench.pause(HALTED)
    for amount in (WAD, -WAD):
        with reverts("ledger: halted"):
            bench.post(TAKER, SHARES, amount)


def test_healthy__of_a_pool__reverts(bench, reverts):
    with reverts("ledger: account is a pool"):
        bench.ledger.call("healthy", account(POOL), 2, True)


def test_healthy__is_what_margin_says(bench):
    short = bench.call(3_000)
    need, _ = bench.cash_needed({short: -WAD})
    bench.fill(short, -(DOLLARS * WAD * WAD // need) + 10, maker=POOL)
    for spot, initial, maintenance in ((100, True, True), (101, False, True), (130, False, False)):
        bench.set_spot(SPOT * spot // 100)
        equity, most, least = bench.ledger.call("margin", account(TAKER))
        assert (equity >= most, equity >= least) == (initial, maintenance)
        for which, expected in ((True, initial), (False, maintenance)):
            assert bench.ledger.call("healthy", account(TAKER), 0, which) == expected


# ── flash loans ──


def test_lend__by_no_lender__reverts(bench, reverts):
    row = (TAKER, TAKER, 1, b"")
    bench.ledger.send("set_venue", STRANGER, ALL_RIGHTS - COLLATERAL, sender=ADMIN)
    with reverts("ledger: right missing"):
        bench.ledger.send("lend", *row, sender=STRANGER)
    bench.pause(HALTED)
    with reverts("ledger: halted"):
        bench.ledger.send("lend", *row, sender=bench.custody.address)


def test_lend__runs_the_lender_under_the_lock__and_books_its_fee(bench, deploy):
    lender = deploy("LoanProbe", bench.ledger.address)
    bench.ledger.send("set_venue", lender.address, COLLATERAL, sender=ADMIN)
    lender.send("set_fee", 5 * WAD, sender=ADMIN)
    lender.send("borrow", STRANGER, 77, b"abc", sender=TAKER)
    assert lender.call("seen") == (STRANGER.lower(), TAKER.lower(), 77, b"abc", True)
    assert bench.ledger.call("reserves") == (5 * WAD, 0)


# ── slices ──


def test_slice__of_everything__moves_all(bench):
    legs = [leg(bench.call(3_000), 2 * WAD), leg(bench.put(2_900), -WAD), leg(PERP, 3 * WAD)]
    bench.settle(legs, maker=POOL)
    bench.post(TAKER, SHARES, 5)
    before = bench.portfolio(TAKER)
    receipt = take_slice(bench, WAD, 1_000 * WAD)
    assert bench.portfolio(OTHER) == before
    assert bench.portfolio(TAKER) == {}
    assert bench.cash(OTHER) - bench.cash(TAKER) == 2_000 * WAD
    assert backing(bench) == 0
    (event,) = bench.ledger.events(receipt)
    row = {"account": account(TAKER), "bidder": account(OTHER)}
    assert event.args == {**row, "share": WAD, "price": 1_000 * WAD}


@pytest.mark.parametrize("share", [1, WAD // 3, WAD // 2 + 1, WAD - 1])
def test_slice__rounds_every_position_toward_zero(bench, share):
    sizes = {bench.call(3_000): 2 * WAD + 7, bench.put(2_900): -WAD - 1, PERP: 3, SHARES: 5 * WAD}
    options = [leg(i, size) for i, size in sizes.items() if i != SHARES]
    bench.settle(options, maker=POOL)
    bench.post(TAKER, SHARES, sizes[SHARES])
    take_slice(bench, share)
    for instrument, size in sizes.items():
        moved = abs(size) * share // WAD * (1 if size > 0 else -1)
        assert bench.position(OTHER, instrument) == moved
        assert bench.position(TAKER, instrument) == size - moved
    assert set(bench.portfolio(OTHER)) == {i.id for i in sizes if bench.position(OTHER, i)}


def test_slice__nets_against_what_the_bidder_holds(bench):
    series = bench.call(3_000)
    bench.fill(series, -2 * WAD, maker=POOL)
    bench.fill(series, 2 * WAD, taker=OTHER, maker=POOL)
    take_slice(bench, WAD, -500 * WAD)
    assert bench.portfolio(TAKER) == bench.portfolio(OTHER) == {}
    assert bench.cash(TAKER) == (DOLLARS + 500) * WAD


def test_slice__of_64_positions__fits_in_a_transaction(bench, reverts):
    for n, strike in enumerate(range(2_968, 3_032)):
        bench.fill(bench.call(strike), (-1) ** n * WAD // 100, maker=POOL)
    start = bench.chain.snapshot()
    assert take_slice(bench, WAD // 2).gas_used < 6_000_000
    assert len(bench.portfolio(TAKER)) == len(bench.portfolio(OTHER)) == 64
    bench.chain.revert(start)
    assert take_slice(bench, WAD).gas_used < 6_000_000
    assert bench.portfolio(TAKER) == {} and len(bench.portfolio(OTHER)) == 64
    # A list that is full takes more of what it has, and nothing new.
    bench.fill(bench.call(2_968), WAD // 100, maker=POOL)
    take_slice(bench, WAD)
    bench.fill(bench.put(3_000), WAD // 100, maker=MAKER)
    with reverts("ledger: too many instruments"):
        take_slice(bench, WAD)


def test_slice__the_bidder_must_pay_and_hold_margin(bench, reverts):
    short = bench.call(3_000)
    bench.fill(short, -10 * WAD, maker=POOL)
    with reverts("ledger: not enough cash"):
        take_slice(bench, WAD, -DOLLARS * WAD - 1)
    need, _ = bench.cash_needed({short: -10 * WAD})
    spare = DOLLARS * WAD - need
    with reverts("ledger: below initial margin"):
        take_slice(bench, WAD, -spare - WAD)
    take_slice(bench, WAD, -spare + WAD)


def test_slice__the_account_may_end_in_debt(bench):
    bench.fill(bench.call(3_000), -WAD, maker=POOL)
    take_slice(bench, WAD, 2 * DOLLARS * WAD)
    assert bench.cash(TAKER) == -DOLLARS * WAD
    assert bench.ledger.call("debt") == DOLLARS * WAD and backing(bench) == 0


def test_slice__when_paused__goes_on(bench, reverts):
    bench.fill(bench.call(3_000), -WAD, maker=POOL)
    bench.pause(PAUSED)
    take_slice(bench, WAD // 2)
    bench.pause(HALTED)
    with reverts("ledger: halted"):
        take_slice(bench, WAD // 2)
    with reverts("ledger: halted"):
        cover(bench, WAD)


def test_slice__between_the_wrong_accounts_or_of_a_wrong_share__reverts(bench, reverts):
    for share in (0, WAD + 1):
        with reverts("ledger: share out of bounds"):
            take_slice(bench, share)
    with reverts("ledger: self transfer"):
        take_slice(bench, WAD, bidder=TAKER)
    with reverts("ledger: account is a pool"):
        take_slice(bench, WAD, bidder=POOL)
    with reverts("ledger: account is a pool"):
        row = (account(POOL), account(OTHER), WAD, 0)
        bench.ledger.send("take_slice", *row, sender=VENUE)
    with reverts("ledger: no owner"):
        row = (account(TAKER), 7, WAD, 0)
        bench.ledger.send("take_slice", *row, sender=VENUE)


def test_slice__without_the_right__reverts(bench, reverts):
    bench.ledger.send("set_venue", STRANGER, ALL_RIGHTS - LIQUIDATE, sender=ADMIN)
    with reverts("ledger: right missing"):
        take_slice(bench, WAD, sender=STRANGER)


# ── holds ──


def test_hold__stops_what_leaves__until_it_goes(bench, reverts):
    bench.post(TAKER, SHARES, WAD)
    bench.ledger.send("hold_withdrawals", 1, sender=VENUE)
    moves = (
        lambda: bench.ledger.send("withdraw", account(TAKER), 1, TAKER, sender=TAKER),
        lambda: bench.ledger.send("transfer_cash", account(TAKER), account(MAKER), 1, sender=TAKER),
        lambda: bench.post(TAKER, SHARES, -WAD),
    )
    for move in moves:
        with reverts("ledger: insolvency pending"):
            move()
    bench.ledger.send("transfer_cash", account(TAKER), account(POOL), 1, sender=TAKER)
    bench.ledger.send("hold_withdrawals", -1, sender=VENUE)
    for move in moves:
        move()


def test_hold__counts(bench, reverts):
    def hold(change, sender=VENUE):
        return bench.ledger.send("hold_withdrawals", change, sender=sender)

    (event,) = bench.ledger.events(hold(1))
    assert event.args == {"holds": 1}
    hold(1)
    hold(-1)
    with reverts("ledger: insolvency pending"):
        bench.ledger.send("withdraw", account(TAKER), 1, TAKER, sender=TAKER)
    hold(-1)
    with reverts():
        hold(-1)
    for change in (0, 2, -2):
        with reverts("ledger: one hold at a time"):
            hold(change)
    bench.ledger.send("set_venue", STRANGER, ALL_RIGHTS - LIQUIDATE - EXPIRY, sender=ADMIN)
    with reverts("ledger: right missing"):
        hold(1, STRANGER)


def test_hold__keeps_indices_and_pause_level(bench):
    indebt(bench, MAKER, 1_000)
    bench.ledger.send("cover", account(MAKER), 1_000 * WAD, [], sender=VENUE)
    indices = bench.ledger.call("indices")
    assert indices[0] < WAD
    bench.pause(PAUSED)
    bench.ledger.send("hold_withdrawals", 1, sender=VENUE)
    assert bench.ledger.call("indices") == indices
    assert bench.ledger.call("pause_level") == PAUSED
    bench.pause(OPEN)
    with pytest.raises(Revert, match="insolvency pending"):
        bench.ledger.send("withdraw", account(TAKER), 1, TAKER, sender=TAKER)


def test_hold__lets_everything_else_go_on(bench):
    bench.fill(bench.call(3_000), -WAD, maker=POOL)
    bench.ledger.send("hold_withdrawals", 1, sender=VENUE)
    bench.fund(TAKER, 10)
    bench.post(TAKER, SHARES, WAD)
    bench.fill(bench.call(3_000), WAD, maker=POOL)
    take_slice(bench, WAD)
    bench.ledger.send("move_cash", account(MAKER), account(VENUE), 1, sender=VENUE)
