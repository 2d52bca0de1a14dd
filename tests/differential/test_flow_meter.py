"""Flow meters: Vyper = the packed twin = a plain ledger of trades in fractions."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

import pytest

from protocol.clients.base import AnyContract
from protocol.errors import InputError, Revert
from protocol.pricing.amm_words import FlowLimits
from protocol.pricing.flow_meter import Meters, charge

REASON = {
    "push_vega": "amm: vega per push",
    "block_vega": "amm: vega per block",
    "block_delta": "amm: delta per block",
    "hour_vega": "amm: vega per hour",
    "hour_delta": "amm: delta per hour",
}


@dataclass(frozen=True)
class Trade:
    at: int
    posted: int
    vega: int  # shares of depth, in steps
    delta: int


@dataclass
class Trades:
    """What the rule says, from the list of all trades."""

    limits: FlowLimits
    done: list[Trade] = field(default_factory=list)

    def levels(self, new: Trade) -> dict[str, int]:
        trades = [*self.done, new]
        # A push is noted by every trade but those of a later second than a trade after it.
        lasts = [0, *(trade.at for trade in trades)]
        pushes = [i for i, trade in enumerate(trades) if trade.posted >= lasts[i]]
        block = [trade for trade in trades if trade.at == new.at]
        return {
            "push_vega": sum(trade.vega for trade in trades[max(pushes) :]),
            "block_vega": sum(trade.vega for trade in block),
            "block_delta": sum(trade.delta for trade in block),
            "hour_vega": bucket([(t.at, t.vega) for t in trades], self.limits.hour_vega),
            "hour_delta": bucket([(t.at, t.delta) for t in trades], self.limits.hour_delta),
        }


def bucket(trades: list[tuple[int, int]], limit: int) -> int:
    """A leaking bucket, empty after an hour when full."""
    level, last = 0, trades[0][0]
    for at, amount in trades:
        gone = floor(Fraction(limit, 10**11) * (at - last) / 3_600)
        level, last = max(level - gone, 0) + amount, at
    return level


@pytest.fixture
def harness(deploy) -> AnyContract:
    return deploy("RiskHarness")


def test_charge__random_trades__all_three_agree(harness, deep):
    rng, chain, tally = random.Random(7), harness.chain, Counter[str]()
    for _ in range(100 if deep else 12):
        limits = FlowLimits(0, 0, *(rng.randrange(1, 300) * 10**14 for _ in range(5)))
        depth, word, twin = rng.randrange(1, 10**24), 0, Meters()
        plain, posted = Trades(limits), chain.timestamp
        for _ in range(30):
            chain.advance(rng.choice([0, 0, 1, 30, 600, rng.randrange(5_000)]))
            if rng.random() < 0.2:
                posted = chain.timestamp
            amounts = [depth * rng.randrange(100_000) // 10**7 for _ in range(2)]
            shares = tuple(ceil(Fraction(amount * 10**7, depth)) for amount in amounts)
            new = Trade(chain.timestamp, posted, *shares)
            levels = plain.levels(new)
            over = [n for n in REASON if levels[n] * 10**11 > getattr(limits, n)]
            args = word, limits.word << 144, posted, depth, *amounts
            twin_args = {"posted": posted, "depth": depth, "now": chain.timestamp}
            twin_args |= {"vega": amounts[0], "exposure": amounts[1]}
            if over:
                with pytest.raises(Revert) as caught:
                    harness.call("charge", *args)
                assert caught.value.reason in {REASON[name] for name in over}
                with pytest.raises(InputError):
                    charge(meters=twin, limits=limits, **twin_args)
                tally[caught.value.reason] += 1
                continue
            word = harness.call("charge", *args)
            twin = charge(meters=twin, limits=limits, **twin_args)
            assert word == twin.word
            assert {name: getattr(twin, name) for name in REASON} == levels
            plain.done.append(new)
            tally["passed"] += 1
    assert tally["passed"] > 50 and all(tally[reason] for reason in REASON.values()), tally
