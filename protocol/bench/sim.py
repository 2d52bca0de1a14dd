"""AMM trades a second: through Vomma's clients, raw on the EVM, and through ape on anvil.

One seeded stream of small trades by several takers in several series goes through three times, from
the same starting state, taking turns: a noisy machine then slows all three.

- `vomma`: the typed client on the embedded chain; a receipt each, gas exact to the unit.
- `raw`: the bare minimum on the same EVM with ready calldata: block, call, transient storage reset.
  No receipt, no nonce, and state stays in revm's journal, so slots stay warm and gas is not exact.
- `ape_anvil`: ape's contract API on an anvil of its own; its gas must be vomma's, trade by trade.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from protocol.bench.ape_rival import ape_on_anvil
from protocol.bench.trade_stream import SETTLING, Trade, draw_trades, embedded_market, play
from protocol.chain import devnet
from protocol.chain.artifacts import Artifacts
from protocol.chain.embedded import EmbeddedChain, block_env
from protocol.errors import ChainError, InputError
from protocol.sim.world import World, account_of

ROUNDS = 5
_WARM_UP = 5  # trades of the stream that nobody times: first use builds coders and connections


@dataclass(frozen=True, slots=True)
class Way:
    """A way to send trades: runs some and says what gas each used."""

    name: str
    run: Callable[[Sequence[Trade]], list[int]]
    trades: int


@dataclass(slots=True)
class Speed:
    """What a way did: gas of every trade, and (trades, seconds) of each round."""

    name: str
    gas: list[int] = field(default_factory=list)
    rounds: list[tuple[int, float]] = field(default_factory=list)

    @property
    def trades(self) -> int:
        """How many were timed."""
        return sum(count for count, _ in self.rounds)

    @property
    def gas_per_trade(self) -> float:
        return sum(self.gas) / len(self.gas)

    @property
    def rates(self) -> list[float]:
        """Trades a second, round by round."""
        return [count / seconds for count, seconds in self.rounds]

    @property
    def per_s(self) -> float:
        """The median round's."""
        return median(self.rates)

    def summary(self) -> dict[str, float]:
        """Rates in trades a second, gas as the way itself counts it."""
        return {
            "trades": self.trades,
            "seconds": sum(seconds for _, seconds in self.rounds),
            "trades_per_s": self.per_s,
            "slowest_round_per_s": min(self.rates),
            "fastest_round_per_s": max(self.rates),
            "gas_per_trade": self.gas_per_trade,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The three ways, and how many trades' gas was found equal here and on anvil."""

    vomma: Speed
    raw: Speed
    ape_anvil: Speed
    same_gas: int

    @property
    def ratio_vs_ape_anvil(self) -> float:
        return self.vomma.per_s / self.ape_anvil.per_s

    @property
    def ratio_vs_raw(self) -> float:
        return self.vomma.per_s / self.raw.per_s

    def summary(self) -> dict[str, Any]:
        return {
            "trades_per_s": self.vomma.per_s,
            "ratio_vs_ape_anvil": self.ratio_vs_ape_anvil,
            "ratio_vs_raw": self.ratio_vs_raw,
            "trades_of_same_gas": self.same_gas,
            "vomma": self.vomma.summary(),
            "raw": self.raw.summary(),
            "ape_anvil": self.ape_anvil.summary(),
        }


def through_clients(world: World) -> Callable[[Sequence[Trade]], list[int]]:
    """The typed client on the embedded chain."""
    amm = world.market.amm

    def run(trades: Sequence[Trade]) -> list[int]:
        return [
            amm.trade(account_of(trade.taker), (trade.leg,), sender=trade.taker).gas_used
            for trade in trades
        ]

    return run


def raw(chain: EmbeddedChain, to: str) -> Callable[[Sequence[Trade]], list[int]]:
    """Ready calldata on the bare EVM, nothing kept but revm's journal."""
    evm, now, number = chain.engine, chain.timestamp, chain.block_number

    def run(trades: Sequence[Trade]) -> list[int]:
        nonlocal number
        used = []
        for trade in trades:
            number += 1
            evm.set_block_env(block_env(number, now))
            evm.message_call(trade.taker, to, trade.data)
            evm.reset_transient_storage()  # or the locks stay shut
            assert evm.result is not None
            used.append(evm.result.gas_used)
        return used

    return run


def race(
    ways: Sequence[Way],
    stream: Sequence[Trade],
    *,
    tick: Callable[[int, int], None],
    rounds: int = ROUNDS,
) -> list[Speed]:
    """Every way through its share of the stream from the first trade on, taking turns."""
    speeds = [Speed(way.name, gas=way.run(stream[:_WARM_UP])) for way in ways]
    gc.collect()
    gc.freeze()  # or every way pays for what ape has imported, each time the collector looks
    for turn in range(rounds):
        for way, speed in zip(ways, speeds, strict=True):
            start, stop = _bounds(way.trades, rounds)[turn]
            began = time.perf_counter()
            speed.gas += way.run(stream[start:stop])
            speed.rounds.append((stop - start, time.perf_counter() - began))
        tick(turn + 1, rounds)
    gc.unfreeze()
    return speeds


def compare(
    artifacts: Artifacts,
    *,
    trades: int,
    rival_trades: int,
    tick: Callable[[int, int], None],
) -> Comparison:
    """The race of all three.

    Raises
    ------
    InputError
        For less than a trade a round, or more of the rival's than there are.
    AnvilMissing
        Without the node program.
    ChainError
        Where the gas of a trade on the embedded engine is not anvil's.
    """
    if not ROUNDS <= rival_trades <= trades:
        bound = f"at least {ROUNDS} (one a round) and at most --trades, which is {trades}"
        raise InputError("--rival-trades", rival_trades, bound=bound)
    devnet.find_anvil()  # before the work that would be in vain without it
    stream = draw_trades(embedded_market(artifacts)[1], SETTLING + _WARM_UP + trades)
    settling, timed = stream[:SETTLING], stream[SETTLING:]
    worlds = [embedded_market(artifacts) for _ in range(2)]
    for _, world in worlds:
        play(world, settling)
    (_, ours), (bare_chain, bare_world) = worlds
    with ape_on_anvil(artifacts, settling) as rival:
        ways = (
            Way("vomma", through_clients(ours), trades),
            Way("raw", raw(bare_chain, bare_world.market.amm.address), trades),
            Way("ape on anvil", rival, rival_trades),
        )
        vomma, bare, ape = race(ways, timed, tick=tick)
    return Comparison(vomma, bare, ape, require_same_gas(vomma, ape))


def require_same_gas(one: Speed, other: Speed) -> int:
    """How many trades both made; each must have used the same gas."""
    for number, (mine, theirs) in enumerate(zip(one.gas, other.gas, strict=False), start=1):
        if mine != theirs:
            raise ChainError(
                f"trade {number} used {mine} gas through {one.name}, {theirs} through "
                f"{other.name}: find out why with `pytest tests/differential/test_engines.py`"
            )
    return min(len(one.gas), len(other.gas))


def _bounds(trades: int, rounds: int) -> list[tuple[int, int]]:
    """(start, stop) of each round's share, behind the warm-up."""
    return list(pairwise(_WARM_UP + trades * turn // rounds for turn in range(rounds + 1)))
