"""What a price costs to read and to post: the read is on every trade."""

from __future__ import annotations

import pytest

from protocol.chain.accounts import Keyring
from protocol.clients.oracle import PriceOracle
from protocol.clients.signed_prices import Report, sign_report
from protocol.parameters import PullFeedParameters

WAD = 10**18
PUSH, PULL = 1, 2
ADMIN, STRANGER = "0x" + "d0" * 20, "0x" + "e0" * 20
SIGNATURE_GAS = 7_000  # ecrecover, a storage read, 64 bytes of calldata


@pytest.fixture
def oracle(chain, deploy, artifacts) -> PriceOracle:
    address = deploy("PriceOracle", deploy("AccessManager").address).address
    oracle = PriceOracle.at(chain, address, artifacts)
    aggregator = deploy("MockAggregator", 8, 3_000 * 10**8)
    oracle._send("set_feed", PUSH, aggregator.address, 3_600, 1, 10**24, 0, 10**14, sender=ADMIN)
    oracle.set_pull_feed(PULL, PullFeedParameters(max_age=600), sender=ADMIN)
    return oracle


def post(oracle: PriceOracle, signers: int) -> int:
    """Gas of a later post by so many signers."""
    keys, chain = Keyring.dev(signers), oracle.chain
    oracle.set_signers(keys.addresses, signers, sender=ADMIN)
    chain.advance(5)
    report = Report(PULL, 3_000 * WAD, 10**15, chain.timestamp)
    signed = sign_report(report, keys, chain_id=chain.chain_id, oracle=oracle.address)
    return oracle.post([signed], sender=STRANGER).gas_used


def test_spot__pull__costs_a_third_of_push_at_most(oracle):
    post(oracle, 1)
    oracle.chain.advance(7)
    gas = {}
    for underlying in (PUSH, PULL):
        data = oracle.encode("spot", underlying)
        receipt = oracle.chain.transact(sender=STRANGER, to=oracle.address, data=data)
        gas[underlying] = receipt.gas_used - 21_000
    assert gas[PULL] * 3 < gas[PUSH]
    assert gas[PULL] < 4_200  # one cold slot and little else


def test_post__each_further_signer__costs_its_check(oracle):
    post(oracle, 1)  # the first writes a fresh word
    costs = [post(oracle, signers) for signers in (1, 2, 3)]
    assert costs[0] < 52_000
    assert all(b - a < SIGNATURE_GAS for a, b in zip(costs, costs[1:], strict=False))
