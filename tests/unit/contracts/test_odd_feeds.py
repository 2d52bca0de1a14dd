"""A feed that answers with another round than the one asked for, and a series nobody marks."""

from __future__ import annotations

from protocol.clients.base import AnyContract, deploy_contract
from protocol.types import Instrument, Kind
from protocol.units import WAD
from tests.attacks.twins import broken
from tests.ledger_bench import leg
from tests.system_fixtures import ADMIN, OTHER_TAKER, Exchange, account

ETH, DAY = 1, 20_455  # 2026-01-02
END = DAY * 86_400 + 28_800
VENUE = "0x" + "c0" * 20
NO_FEES = [0, 0, 0]


def test_prove__feed_answers_with_another_round__reverts(chain, deploy, reverts):
    twin = broken(
        "MockAggregator", {"self._history[convert(round_id, uint256)]": "self._history[1]"}
    )
    feed = AnyContract(chain, deploy_contract(chain, twin, 18, WAD, sender=ADMIN), twin.abi)
    oracle = deploy("PriceOracle", deploy("AccessManager").address)
    oracle.send("set_feed", ETH, feed.address, 3_600, WAD, 10**24, 0, 0, sender="0x" + "d0" * 20)
    feed.send("set_round", 2, 3_000 * WAD, END - 1_800, 2, sender=ADMIN)
    chain.set_time(END)
    with reverts("oracle: bad round"):
        oracle.send("prove_print", ETH, DAY, 2, 1, sender=ADMIN)


def test_lens__series_without_a_surface__is_marked_zero(exchange: Exchange):
    ledger, pool = exchange.system.ledger, exchange.eth.amm.pool
    ledger._send("set_venue", VENUE, 1, sender=ADMIN)
    unlisted = Instrument.option(Kind.CALL, ETH, exchange.days[1] + 7, 2_000)
    fill = (OTHER_TAKER, account(OTHER_TAKER), pool, [leg(unlisted, WAD)], 0, NO_FEES)
    ledger._send("settle", *fill, sender=VENUE)
    view = exchange.system.lens.account(account(OTHER_TAKER))
    assert view.positions == {unlisted.id: (WAD, 0)}
