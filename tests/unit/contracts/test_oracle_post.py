"""Pull feeds: what a signed price must satisfy to be taken, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isqrt

import pytest

from protocol.chain.accounts import Keyring, dev_account
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract
from protocol.clients.oracle import Feed, PriceOracle
from protocol.clients.signed_prices import Report, sign_report
from protocol.errors import NotDeployed
from protocol.parameters import PullFeedParameters

WAD = 10**18
ETH, BTC, PUSH = 1, 2, 3
ADMIN, STRANGER = "0x" + "d0" * 20, "0x" + "e0" * 20
FEED = PullFeedParameters(
    max_age=60, min_price=100.0, max_price=100_000.0, max_confidence=0.01, drift=1.07e-4
)
CONFIDENCE, DRIFT = 8 * 10**14, 107 * 10**12
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNERS = Keyring.dev(5)


def ring(*indices: int) -> Keyring:
    return Keyring(dev_account(index) for index in indices)


@dataclass(frozen=True, slots=True)
class Market:
    chain: EmbeddedChain
    oracle: PriceOracle
    aggregator: AnyContract

    def report(self, price: int = 3_000 * WAD, *, age: int = 0, underlying: int = ETH) -> Report:
        return Report(underlying, price, CONFIDENCE, self.chain.timestamp - age)

    def sign(self, report: Report, keys: Keyring | None = None, **domain: object) -> Report:
        where = {"chain_id": self.chain.chain_id, "oracle": self.oracle.address} | domain
        return sign_report(report, keys or ring(0, 1), **where)

    def post(self, *reports: Report) -> list[str]:
        """The names of the events."""
        receipt = self.oracle.post(reports, sender=STRANGER)
        return [event.name for event in self.oracle.events(receipt)]

    def price(self, underlying: int = ETH) -> int:
        return self.oracle.spot(underlying).price // WAD


@pytest.fixture
def market(chain, deploy, artifacts) -> Market:
    address = deploy("PriceOracle", deploy("AccessManager").address).address
    oracle = PriceOracle.at(chain, address, artifacts)
    for underlying in (ETH, BTC):
        oracle.set_pull_feed(underlying, FEED, sender=ADMIN)
    oracle.set_signers(SIGNERS.addresses, 2, sender=ADMIN)
    aggregator = deploy("MockAggregator", 8, 3_000 * 10**8)
    oracle._send("set_feed", PUSH, aggregator.address, 60, 1, 10**24, 0, 0, sender=ADMIN)
    chain.advance(1_000)
    return Market(chain, oracle, aggregator)


def test_post__by_threshold_of_signers__is_spot(market):
    report = market.sign(market.report(3_000 * WAD + 1, age=7))
    receipt = market.oracle.post([report], sender=STRANGER)
    (event,) = market.oracle.events(receipt)
    assert event.name == "PricePosted"
    assert tuple(event.args.values()) == report.row()[:4]
    spot = market.oracle.spot(ETH)
    assert (spot.price, spot.updated_at) == (report.price, report.timestamp)
    assert spot.uncertainty == CONFIDENCE + isqrt(DRIFT**2 * 7) + 1


@pytest.mark.parametrize("keys", [ring(0, 1, 2), ring(3, 4), SIGNERS])
def test_post__by_any_signers__is_taken(keys, market):
    assert market.post(market.sign(market.report(), keys)) == ["PricePosted"]


def test_post__confidence__rounds_up_to_a_hundred_millionth(market):
    market.post(market.sign(replace(market.report(), confidence=10**10 + 1)))
    assert market.oracle.spot(ETH).uncertainty == 2 * 10**10


def test_post__at_every_bound__comes_back_whole(market):
    widest = PullFeedParameters(
        max_age=600, min_price=1e-18, max_price=7e10, max_confidence=0.1, drift=1e-3
    )
    market.oracle.set_pull_feed(ETH, widest, sender=ADMIN)
    for age, price in ((600, 7 * 10**28), (599, 1)):
        report = replace(market.report(price, age=age), confidence=10**17)
        market.post(market.sign(report))
        spot = market.oracle.spot(ETH)
        assert (spot.price, spot.updated_at) == (price, report.timestamp)
        assert spot.uncertainty == 10**17 + isqrt(10**30 * age - 1) + 1


# -- who signed --


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (Keyring([]), "oracle: too few signatures"),
        (ring(1), "oracle: too few signatures"),
        (ring(0, 5), "oracle: unknown signer"),
        (ring(5), "oracle: unknown signer"),
    ],
)
def test_post__not_vouched_for__reverts(keys, reason, market, reverts):
    report = sign_report(
        market.report(), keys, chain_id=market.chain.chain_id, oracle=market.oracle.address
    )
    with reverts(reason):
        market.post(report)


def test_post__one_signer_twice__reverts(market, reverts):
    report = market.sign(market.report(), ring(0))
    with reverts("oracle: signers not ascending"):
        market.post(replace(report, signatures=report.signatures * 2))


def test_post__signers_descending__reverts(market, reverts):
    report = market.sign(market.report())
    with reverts("oracle: signers not ascending"):
        market.post(replace(report, signatures=report.signatures[::-1]))


def test_post__second_form_of_a_signature__reverts(market, reverts):
    report = market.sign(market.report(), ring(0))
    ((r, vs),) = report.signatures
    s, odd = vs & (2**255 - 1), vs >> 255
    high = CURVE_ORDER - s
    assert high >> 255 == 1  # the compact form has no room for a high s
    with reverts():
        market.post(replace(report, signatures=((r, vs), (r, high | (1 - odd) << 255))))
    just_high = CURVE_ORDER // 2 + 1
    with reverts("ecdsa: invalid signature `s` value"):
        market.post(replace(report, signatures=((r, just_high),)))


@pytest.mark.parametrize("r", [0, CURVE_ORDER, 2**256 - 1])
def test_post__nobodys_signature__reverts(r, market, reverts):
    with reverts("ecdsa: invalid signature"):
        market.post(replace(market.report(), signatures=((r, 1),)))


@pytest.mark.parametrize("domain", [{"chain_id": 1}, {"oracle": STRANGER}])
def test_post__signed_for_elsewhere__reverts(domain, market, reverts):
    with reverts("oracle: unknown signer"):
        market.post(market.sign(market.report(), **domain))


@pytest.mark.parametrize(
    "change",
    [
        {"underlying": BTC},
        {"price": 3_001 * WAD},
        {"confidence": CONFIDENCE - 1},
        {"timestamp": -1},
    ],
)
def test_post__changed_after_signing__reverts(change, market, reverts):
    report = market.sign(market.report())
    if "timestamp" in change:
        change = {"timestamp": report.timestamp - 1}
    with reverts("oracle: unknown signer"):
        market.post(replace(report, **change))


# -- when --


def test_post__older_or_equal__is_passed_over(market):
    first = market.sign(market.report(3_000 * WAD, age=5))
    market.post(first)
    assert market.post(first) == []
    assert market.post(market.sign(market.report(3_500 * WAD, age=5))) == []
    assert market.post(market.sign(market.report(3_500 * WAD, age=6))) == []
    assert market.price() == 3_000
    assert market.post(market.sign(market.report(3_100 * WAD, age=4))) == ["PricePosted"]
    assert market.price() == 3_100


def test_post__overtaken_in_a_list__others_are_taken(market):
    old = market.sign(market.report(age=5))
    market.post(market.sign(market.report(age=4)))
    other = market.sign(market.report(60_000 * WAD, underlying=BTC))
    assert market.post(old, other) == ["PricePosted"]
    assert (market.price(), market.price(BTC)) == (3_000, 60_000)


def test_post__one_fault_in_a_list__takes_none(market, reverts):
    with reverts("oracle: price out of bounds"):
        market.post(market.sign(market.report()), market.sign(market.report(1, underlying=BTC)))
    with reverts("oracle: price stale"):
        market.oracle.spot(ETH)


def test_post__from_next_second__reverts(market, reverts):
    report = market.sign(market.report(age=-1))
    with reverts("oracle: price from future"):
        market.post(report)
    market.chain.advance(1)
    assert market.post(report) == ["PricePosted"]


def test_post__one_second_past_max_age__reverts(market, reverts):
    report = market.sign(market.report(age=FEED.max_age))
    market.chain.advance(1)
    with reverts("oracle: price stale"):
        market.post(report)
    assert market.post(market.sign(market.report(age=FEED.max_age))) == ["PricePosted"]


def test_spot__one_second_past_max_age__reverts(market, reverts):
    market.post(market.sign(market.report()))
    market.chain.advance(FEED.max_age)
    assert market.price() == 3_000
    market.chain.advance(1)
    with reverts("oracle: price stale"):
        market.oracle.spot(ETH)


# -- how much --


@pytest.mark.parametrize(("bound", "step"), [(100 * WAD, -1), (100_000 * WAD, 1)])
def test_post__past_price_bounds__reverts(bound, step, market, reverts):
    with reverts("oracle: price out of bounds"):
        market.post(market.sign(market.report(bound + step)))
    market.post(market.sign(market.report(bound)))
    assert market.oracle.spot(ETH).price == bound


def test_post__confidence_past_bound__reverts(market, reverts):
    with reverts("oracle: confidence too wide"):
        market.post(market.sign(replace(market.report(), confidence=10**16 + 1)))
    market.post(market.sign(replace(market.report(), confidence=10**16)))
    assert market.oracle.spot(ETH).uncertainty == 10**16


@pytest.mark.parametrize("underlying", [PUSH, 4])
def test_post__to_no_pull_feed__reverts(underlying, market, reverts):
    with reverts("oracle: not a pull feed"):
        market.post(market.sign(market.report(underlying=underlying)))


# -- what else reads it --


def test_record__of_a_posted_price__is_observed(market):
    market.post(market.sign(market.report(age=9)))
    receipt = market.oracle.record(ETH, sender=STRANGER)
    (event,) = market.oracle.events(receipt)
    assert event.args["price"] == 3_000 * WAD
    assert event.args["updated_at"] == market.chain.timestamp - 9


def test_print__of_posted_prices__is_time_average(market):
    day = market.chain.timestamp // 86_400 + 1
    start = day * 86_400 + 28_800 - 1_800
    for after, price in ((0, 3_000), (600, 3_300), (1_200, 3_600)):
        market.chain.set_time(start + after)
        market.post(market.sign(market.report(price * WAD)))
        market.oracle.record(ETH, sender=STRANGER)
    market.chain.set_time(start + 1_800)
    assert market.oracle.settlement_print(ETH, day) == 3_300 * WAD


def test_last_good__posted_and_never_recorded__answers_when_stale(market, reverts):
    with reverts("oracle: nothing recorded"):
        market.oracle.last_good(ETH)
    market.post(market.sign(market.report()))
    posted_at = market.chain.timestamp
    market.chain.advance(10_000)
    last = market.oracle.last_good(ETH)
    assert (last.price, last.updated_at) == (3_000 * WAD, posted_at)
    assert last.uncertainty == CONFIDENCE + DRIFT * 100


def test_last_good__push_replaced_by_pull__is_the_record(market):
    market.aggregator.send("set_answer", 3_100 * 10**8, sender=STRANGER)
    market.oracle.record(PUSH, sender=STRANGER)
    market.oracle.set_pull_feed(PUSH, FEED, sender=ADMIN)
    last = market.oracle.last_good(PUSH)
    assert (last.price, last.uncertainty) == (3_100 * WAD, 10**16)  # the widest confidence
    market.chain.advance(4)
    assert market.oracle.last_good(PUSH).uncertainty == 10**16 + 2 * DRIFT
    market.post(market.sign(market.report(2_000 * WAD, underlying=PUSH)))
    assert market.oracle.last_good(PUSH).price == 2_000 * WAD


# -- administration --


def pull_row(**changes: int) -> list[int]:
    row = {
        "underlying": ETH,
        "max_age": 60,
        "min_price": WAD,
        "max_price": 2 * WAD,
        "max_confidence": 0,
        "drift": 0,
    }
    return list((row | changes).values())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"underlying": 0}, "oracle: unknown underlying"),
        ({"underlying": 256}, "oracle: unknown underlying"),
        ({"max_age": 0}, "oracle: max age out of range"),
        ({"max_age": 601}, "oracle: max age out of range"),
        ({"min_price": 0}, "oracle: empty price bounds"),
        ({"min_price": 2 * WAD}, "oracle: empty price bounds"),
        ({"max_price": 2**96}, "oracle: price bounds too wide"),
        ({"max_confidence": 10**17 + 1}, "oracle: confidence out of range"),
        ({"drift": 10**15 + 1}, "oracle: drift out of range"),
    ],
)
def test_set_pull_feed__out_of_bounds__reverts(change, reason, market, reverts):
    market.oracle._send("set_pull_feed", *pull_row(), sender=ADMIN)
    with reverts(reason):
        market.oracle._send("set_pull_feed", *pull_row(**change), sender=ADMIN)


def test_set_pull_feed__anew__forgets_the_price(market, reverts):
    market.post(market.sign(market.report()))
    market.oracle.set_pull_feed(ETH, FEED, sender=ADMIN)
    with reverts("oracle: price stale"):
        market.oracle.spot(ETH)


def test_set_pull_feed__anew__still_passes_over_what_was_overtaken(market, reverts):
    overtaken = market.sign(market.report())
    market.chain.advance(1)
    market.post(market.sign(market.report()))
    market.oracle.set_pull_feed(ETH, FEED, sender=ADMIN)
    market.post(overtaken)
    with reverts("oracle: price stale"):
        market.oracle.spot(ETH)
    market.chain.advance(1)
    market.post(market.sign(market.report()))
    assert market.oracle.spot(ETH).updated_at == market.chain.timestamp


def test_setters__not_admin__revert(market, reverts):
    with reverts("access: admin only"):
        market.oracle.set_pull_feed(ETH, FEED, sender=STRANGER)
    with reverts("access: admin only"):
        market.oracle.set_signers([STRANGER], 1, sender=STRANGER)
    with reverts("access: admin only"):
        market.oracle.set_sequencer(STRANGER, 0, sender=STRANGER)


def addresses(numbers: Iterable[int]) -> list[str]:
    return [f"0x{number:040x}" for number in numbers]


@pytest.mark.parametrize(
    ("signers", "threshold", "reason"),
    [
        ([], 0, "oracle: threshold out of range"),
        ([], 1, "oracle: threshold out of range"),
        (addresses([1, 2]), 0, "oracle: threshold out of range"),
        (addresses([1, 2]), 3, "oracle: threshold out of range"),
        (addresses([0, 1]), 1, "oracle: signers not ascending"),
        (addresses([2, 1]), 1, "oracle: signers not ascending"),
        (addresses([1, 1]), 1, "oracle: signers not ascending"),
    ],
)
def test_set_signers__impossible__reverts(signers, threshold, reason, market, reverts):
    with reverts(reason):
        market.oracle._send("set_signers", signers, threshold, sender=ADMIN)
    assert market.oracle.signers() == (tuple(sorted(SIGNERS.addresses)), 2)


def test_set_signers__sixteen__reverts(market, reverts):
    market.oracle._send("set_signers", addresses(range(1, 16)), 15, sender=ADMIN)
    with reverts():
        market.oracle._send("set_signers", addresses(range(1, 17)), 15, sender=ADMIN)


def test_set_signers__anew__revokes_the_old(market, reverts):
    market.oracle.set_signers(ring(0, 7).addresses, 1, sender=ADMIN)
    with reverts("oracle: unknown signer"):
        market.post(market.sign(market.report(), ring(1)))
    assert market.post(market.sign(market.report(), ring(7))) == ["PricePosted"]
    assert market.oracle.signers() == (tuple(sorted(ring(0, 7).addresses)), 1)


def test_signers__none_set__nothing_is_taken(market, deploy, artifacts, reverts):
    address = deploy("PriceOracle", deploy("AccessManager").address).address
    market = replace(market, oracle=PriceOracle.at(market.chain, address, artifacts))
    market.oracle.set_pull_feed(ETH, FEED, sender=ADMIN)
    assert market.oracle.signers() == ((), 0)
    with reverts("oracle: too few signatures"):
        market.post(market.report())
    with reverts("oracle: unknown signer"):
        market.post(market.sign(market.report()))


def test_feed__of_either_kind__reads_back(market):
    assert market.oracle.feed(ETH) == Feed(True, False, 60, 100 * WAD, 100_000 * WAD, 10**16, DRIFT)
    market.post(market.sign(market.report()))
    assert market.oracle.feed(ETH).max_age == 60
    assert market.oracle.feed(PUSH) == Feed(False, False, 60, 1, 10**24, 0, 0)
    with pytest.raises(NotDeployed, match="no feed of underlying 9"):
        market.oracle.feed(9)


def test_domain__of_the_oracle__is_published(market):
    fields, name, version, chain_id, contract, *_ = market.oracle._call("eip712Domain")
    assert (fields, name, version) == (b"\x0f", "Vomma PriceOracle", "1")
    assert (chain_id, contract.lower()) == (market.chain.chain_id, market.oracle.address)
