"""The sequencer of an L2: while it is down, and for a grace after, there is no live price."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from protocol.chain.accounts import Keyring
from protocol.chain.base import ZERO_ADDRESS
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract
from protocol.clients.oracle import PriceOracle
from protocol.clients.signed_prices import Report, sign_report
from protocol.parameters import PullFeedParameters

WAD = 10**18
PUSHED, PULLED, LATER = 1, 2, 3
ADMIN, STRANGER = "0x" + "d0" * 20, "0x" + "e0" * 20
KEYS = Keyring.dev(1)
GRACE = 3_600
UP, DOWN = 0, 1


@dataclass(frozen=True, slots=True)
class Rollup:
    chain: EmbeddedChain
    oracle: PriceOracle
    uptime: AnyContract
    aggregator: AnyContract

    def status(self, answer: int, *, since: int) -> None:
        """The uptime feed answers, `since` seconds ago; prices are made fresh."""
        self.uptime.send("set_round", 2, answer, self.chain.timestamp - since, 2, sender=STRANGER)
        self.refresh()

    def refresh(self) -> None:
        self.aggregator.send("set_answer", 3_000 * WAD, sender=STRANGER)
        report = Report(PULLED, 3_000 * WAD, 0, self.chain.timestamp)
        where = {"chain_id": self.chain.chain_id, "oracle": self.oracle.address}
        self.oracle.post([sign_report(report, KEYS, **where)], sender=STRANGER)

    def guard(self) -> None:
        self.oracle.set_sequencer(self.uptime.address, GRACE, sender=ADMIN)


@pytest.fixture
def rollup(chain, deploy, artifacts) -> Rollup:
    address = deploy("PriceOracle", deploy("AccessManager").address).address
    oracle = PriceOracle.at(chain, address, artifacts)
    aggregator = deploy("MockAggregator", 18, 3_000 * WAD)
    oracle._send("set_feed", PUSHED, aggregator.address, 60, 1, 10**24, 0, 0, sender=ADMIN)
    oracle.set_pull_feed(PULLED, PullFeedParameters(), sender=ADMIN)
    oracle.set_signers(KEYS.addresses, 1, sender=ADMIN)
    uptime = deploy("MockAggregator", 0, UP)
    chain.advance(10 * GRACE)
    rollup = Rollup(chain, oracle, uptime, aggregator)
    rollup.refresh()
    return rollup


@pytest.mark.parametrize("underlying", [PUSHED, PULLED])
def test_spot__sequencer_down__reverts(underlying, rollup, reverts):
    rollup.guard()
    assert rollup.oracle.spot(underlying).price == 3_000 * WAD
    rollup.status(DOWN, since=10 * GRACE)
    with reverts("oracle: sequencer down"):
        rollup.oracle.spot(underlying)
    with reverts("oracle: sequencer down"):
        rollup.oracle.record(underlying, sender=STRANGER)


@pytest.mark.parametrize("underlying", [PUSHED, PULLED])
def test_spot__in_grace__reverts_until_its_last_second(underlying, rollup, reverts):
    rollup.guard()
    rollup.status(UP, since=GRACE)
    with reverts("oracle: sequencer down"):
        rollup.oracle.spot(underlying)
    rollup.status(UP, since=GRACE + 1)
    assert rollup.oracle.spot(underlying).price == 3_000 * WAD


@pytest.mark.parametrize("started_at", [0, "next second"])
def test_spot__uptime_feed_without_a_past__reverts(started_at, rollup, reverts):
    rollup.guard()
    now = rollup.chain.timestamp
    rollup.status(UP, since=-1 if started_at else now)
    with reverts("oracle: sequencer down"):
        rollup.oracle.spot(PULLED)


def test_last_good__sequencer_down__still_answers(rollup):
    rollup.oracle.record(PUSHED, sender=STRANGER)
    rollup.guard()
    rollup.status(DOWN, since=0)
    for underlying in (PUSHED, PULLED):
        assert rollup.oracle.last_good(underlying).price == 3_000 * WAD


def test_set_sequencer__feeds_of_before_and_after__are_guarded(rollup, reverts):
    rollup.guard()
    rollup.oracle.set_pull_feed(LATER, PullFeedParameters(), sender=ADMIN)
    assert [rollup.oracle.feed(n).guarded for n in (PUSHED, PULLED, LATER)] == [True] * 3
    rollup.status(DOWN, since=0)
    with reverts("oracle: sequencer down"):
        rollup.oracle.spot(LATER)


def test_set_sequencer__to_none__guards_nothing(rollup):
    rollup.guard()
    rollup.status(DOWN, since=0)
    rollup.oracle.set_sequencer(ZERO_ADDRESS, 0, sender=ADMIN)
    assert not rollup.oracle.feed(PUSHED).guarded
    assert {rollup.oracle.spot(n).price for n in (PUSHED, PULLED)} == {3_000 * WAD}


def test_set_sequencer__grace_past_a_day__reverts(rollup, reverts):
    rollup.oracle.set_sequencer(rollup.uptime.address, 86_400, sender=ADMIN)
    with reverts("oracle: grace out of range"):
        rollup.oracle.set_sequencer(rollup.uptime.address, 86_401, sender=ADMIN)


def test_set_sequencer__price_feed_or_nobody__reverts(rollup, reverts):
    with reverts("oracle: no uptime feed"):
        rollup.oracle.set_sequencer(rollup.aggregator.address, GRACE, sender=ADMIN)
    with reverts():
        rollup.oracle.set_sequencer(STRANGER, GRACE, sender=ADMIN)
    assert rollup.oracle.spot(PUSHED).price == 3_000 * WAD
