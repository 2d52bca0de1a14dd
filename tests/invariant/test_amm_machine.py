"""A living market of two options pools: what holds after every trade, refresh, hedge and LP move.

Random actions, biased to the edges (a wei, the pool's limits, closing to the contract), on one
ledger. Most go through; those refused must have changed nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from protocol.units import WAD
from tests.pool_machine import Machine
from tests.system_fixtures import (
    DELAY,
    LP,
    STRANGER,
    Exchange,
    set_parameters,
)

RULES: tuple[tuple[Callable[[Machine], None], int], ...] = (
    (Machine.trade, 38),
    (Machine.round_trip, 12),
    (Machine.trip_through_a_move, 6),
    (Machine.split, 15),
    (Machine.move_market, 20),
    (Machine.hedge, 8),
    (Machine.move_liquidity, 3),
)
LEAST = {  # in a default run, of those that went through
    "trade": 200,
    "trade of 1": 100,
    "trade of 2": 40,
    "trade of 3": 20,
    "trade of 4": 15,
    "trade paid for taking risk off": 80,
    "credit at the cap": 15,
    "round trip": 50,
    "trip through a move": 20,
    "split": 60,
    "refresh": 200,
    "depth grew": 100,
    "depth fell": 30,
    "hedge": 30,
    "DepositProcessed": 6,
    "RedeemProcessed": 4,
    "expire": 4,
}


def run(exchange: Exchange, seed: int, steps: int) -> Machine:
    machine = Machine(exchange, random.Random(seed), open_days=list(exchange.days))
    machine.pushed_at = exchange.now
    rules, weights = zip(*RULES, strict=True)
    for step in range(steps):
        if step == steps * 3 // 4:
            machine.expire()
        machine.rng.choices(rules, weights)[0](machine)
        machine.check_ledger()
        for market in exchange.system.markets:
            machine.check_pool(market)
    return machine


def test_two_pools__random_life__every_rule_holds(rewound_exchange, deep):
    done: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for seed in range(12 if deep else 4):
        machine = run(rewound_exchange(), seed, 1_000 if deep else 250)
        done += machine.done
        refused += machine.refused
    assert {name: done[name] for name, least in LEAST.items() if done[name] < least} == {}
    assert sum(refused.values()) > 20


def test_depth__empty_book__follows_the_deposits(exchange):
    """Without risk there is no gift in a jump of depth; with some, it grows at its rate."""
    set_parameters(exchange.eth, upkeep={"depth_growth": WAD // 100})
    for dollars, leg in ((3_000_000, None), (1_000_000, exchange.call(2_000, 1))):
        if leg is not None:
            exchange.trade(leg)
        before = exchange.eth.amm.depth()
        exchange.request_deposit(exchange.eth.options_vault, LP, dollars)
        exchange.advance(DELAY)
        exchange.push(exchange.eth)
        exchange.refresh(exchange.eth)
        exchange.eth.options_vault.process(32, sender=STRANGER)
        exchange.refresh(exchange.eth)
        grown = exchange.eth.amm.depth() - before
        assert grown >= dollars * WAD if leg is None else grown <= before // 100
