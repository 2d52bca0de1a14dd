"""A market with informed traders in it: ticks between its steps, a modelled feed, their books."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.config import Defence, InformedPolicy, PullFeed, Scenario
from protocol.errors import ConfigError
from protocol.sim.informed.desk import Desk
from protocol.sim.informed.latency import LatencyArb
from protocol.sim.informed.sniper import Sniper
from protocol.sim.informed.tape import FeedTape, PullTape, PushTape
from protocol.sim.informed.ticks import Ticks
from protocol.sim.record import AgentRecord
from protocol.sim.run import MarketRun, Outside
from protocol.sim.world import KEEPER
from protocol.types import Surface

TRADERS = ("latency_arb", "sniper")
LATENCY_ARB, SNIPER = "0x" + "1a" * 20, "0x" + "51" * 20


class InformedRun(MarketRun):
    """A market with one set of defences; the traders in it act before everybody else."""

    def __init__(
        self,
        chain: TestChain,
        artifacts: Artifacts,
        scenario: Scenario,
        ticks: Ticks,
        defence: Defence,
        *,
        traders: Collection[str] = TRADERS,
        source: str,
        seed: int,
        hedged: bool,
    ) -> None:
        policy = policy_of(scenario)
        keeper = replace(scenario.keeper, anchor=defence.anchor)
        every = slice(None, None, ticks.every)
        outside = Outside(ticks.ts[every], ticks.spot[every], ticks.variance, source)
        super().__init__(
            chain,
            artifacts,
            replace(scenario, keeper=keeper, amm=defence.amm),
            outside,
            seed,
            hedged,
            defence,
        )
        self.ticks, self.policy = ticks, policy
        oldest = max(defence.direct_age, defence.amm.flow.direct_age)
        self.tape: FeedTape = (
            PullTape(self.world, ticks, defence.feed, oldest=oldest)
            if isinstance(defence.feed, PullFeed)
            else PushTape(self.world, ticks, artifacts, defence.feed)
        )
        self._hire(traders)

    def _hire(self, traders: Collection[str]) -> None:
        arb = self.policy.latency_arb if "latency_arb" in traders else None
        sniper = self.policy.sniper if "sniper" in traders else None
        self.arb: LatencyArb | None = None
        self.sniper: Sniper | None = None
        self.desks: dict[str, Desk] = {}
        if arb is not None:
            desk = Desk(self.world, LATENCY_ARB, cash=arb.cash, outside_cost=arb.outside_cost)
            self.desks["latency_arb"] = desk
            self.arb = LatencyArb(self.world, self.tape, desk, arb)
        if sniper is not None:
            desk = Desk(self.world, SNIPER, cash=sniper.cash, outside_cost=sniper.outside_cost)
            self.desks["sniper"] = desk
            self.sniper = Sniper(self.world, desk, sniper)
        self.world.guests.extend(desk.address for desk in self.desks.values())
        self.paths: dict[str, list[tuple[int, float]]] = {name: [] for name in self.desks}

    def move_to(self, i: int) -> None:
        """Tick by tick to the end of the step; what trades comes before the price is recorded."""
        end = i * self.ticks.every
        for tick in range(end - self.ticks.every + 1, end + 1):
            if self.arb is not None:
                self.arb.act(tick, last=tick == end)
        self.tape.show(end)
        self.shown = self.tape.shown
        self.world.system.oracle.record(self.world.underlying, sender=KEEPER)

    def upkeep(self, i: int) -> None:
        """The sniper sees the keeper's next push and is before it."""
        if i and self.sniper is not None:
            spot = float(self.outside.spot[i])
            self.sniper.act(outside=spot, shown=self.shown, coming=self.target(i))
        super().upkeep(i)

    def is_accounted(self, i: int) -> bool:
        """Accounts of the pool cost more than a step; the traders' go with them."""
        done = int(self.outside.ts[i]) % self.policy.account_seconds == 0
        if i == len(self.outside.ts) - 1:
            self._close(i)
            done = True
        if done:
            self._value(i, self.target(i))
        return done

    def agents(self) -> tuple[AgentRecord, ...]:
        """What each made and why."""
        return tuple(self._agent(name, desk) for name, desk in self.desks.items())

    def _agent(self, name: str, desk: Desk) -> AgentRecord:
        pnl = self.paths[name][-1][1]
        held = pnl - sum(desk.causes.values())
        return AgentRecord(
            name=name,
            pnl=pnl,
            trades=desk.trades,
            causes=tuple(sorted({**desk.causes, "held": held}.items())),
            refusals=tuple(sorted(desk.refusals.items())),
            path=tuple(self.paths[name]),
        )

    def _close(self, i: int) -> None:
        if self.arb is not None:
            self.arb.close(i * self.ticks.every)
        if self.sniper is not None:
            spot = float(self.outside.spot[i])
            self.sniper.close(outside=spot, coming=self.target(i))

    def _value(self, i: int, surface: Surface) -> None:
        spot, now = float(self.outside.spot[i]), int(self.outside.ts[i])
        for name, desk in self.desks.items():
            pnl = desk.pnl(spot=spot, shown=self.shown, surface=surface)
            self.paths[name].append((now, pnl))


def policy_of(scenario: Scenario) -> InformedPolicy:
    """The scenario's informed traders; raises `ConfigError` where it has none."""
    if scenario.informed is None:
        raise ConfigError(f"scenario {scenario.name} has no key `informed`")
    return scenario.informed
