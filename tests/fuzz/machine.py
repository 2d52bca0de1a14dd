"""Random play of the whole core, what it counts, and replaying a script of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import TestChain
from protocol.chain.embedded import EmbeddedChain
from tests.fuzz import (
    probes,
    rules_amm,
    rules_ledger,
    rules_market,
    rules_perp,
    rules_pool,
    rules_vault,
)
from tests.fuzz.checks import check_cheap, check_full
from tests.fuzz.game import Game, start_game
from tests.fuzz.refusals import REFUSALS
from tests.fuzz.rules import Rule
from tests.fuzz.script import Step, Violation
from tests.fuzz.world import build_arena

RULES: dict[str, Rule] = {
    rule.name: rule
    for module in (
        rules_ledger,
        rules_amm,
        rules_pool,
        rules_perp,
        rules_market,
        rules_vault,
        probes,
    )
    for rule in module.RULES
}
FULL_CHECK = 50  # moves between two full checks
LEAST_SUCCESS = 0.1  # of the draws of every rule

Start = Callable[[], Game]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did: its script, and what it broke, if anything."""

    seed: int
    script: tuple[Step, ...]
    steps: int
    done: Counter[str]
    drawn: Counter[str]
    refused: Counter[str]
    checked: Counter[str]
    broken: Violation | None

    def report(self) -> str:
        """Success of every rule and the reasons of refusals, as a table."""
        rows = [f"seed {self.seed}: {self.steps} transactions, {len(self.script)} moves"]
        for name in RULES:
            done, drawn = self.done[name], self.drawn[name]
            rows.append(f"  {name:<14} {done:>6} of {drawn:>6}  {done / max(drawn, 1):>6.0%}")
        rows += [f"  refused {n:>6}: {reason}" for reason, n in self.refused.most_common()]
        rows += [f"  checked {n:>6}: {what}" for what, n in self.checked.most_common()]
        return "\n".join(rows)

    def starved(self) -> dict[str, float]:
        """Rules that succeeded too seldom, with their share."""
        shares = {name: self.done[name] / self.drawn[name] for name in RULES if self.drawn[name]}
        # A second way to draw the same move may find no occasion in a seed: the move must be made.
        made = {rule.play for name, rule in RULES.items() if self.drawn[name]}
        missing = {name: 0.0 for name, rule in RULES.items() if rule.play not in made}
        return missing | {n: share for n, share in shares.items() if share < LEAST_SUCCESS}


def new_game(artifacts: Artifacts, chain: TestChain | None = None) -> Game:
    """A game on a fresh deployment."""
    return start_game(build_arena(chain or EmbeddedChain(), artifacts), REFUSALS)


def stage(artifacts: Artifacts) -> Start:
    """Games on one deployment, wound back to its start by each call."""
    arena = build_arena(EmbeddedChain(), artifacts)
    start = arena.chain.snapshot()

    def rewound() -> Game:
        nonlocal start
        arena.chain.revert(start)
        start = arena.chain.snapshot()
        return start_game(arena, REFUSALS)

    return rewound


def play(game: Game, *, seed: int, steps: int) -> Run:
    """Draw moves until that many transactions are done or a check breaks."""
    rng, script, broken = random.Random(seed), list[Step](), None
    rules = list(RULES.values())
    weights = [rule.weight for rule in rules]
    try:
        while game.steps < steps:
            (rule,) = rng.choices(rules, weights)
            args = rule.draw(game, rng)
            if args is None:
                continue
            script.append(Step(rule.name, args))
            make_move(game, script[-1], full=len(script) % FULL_CHECK == 0)
        check_full(game)
    except Violation as violation:
        broken = violation
    counts = game.done, game.drawn, game.refused, game.checked
    return Run(seed, tuple(script), game.steps, *counts, broken)


def make_move(game: Game, step: Step, *, full: bool) -> None:
    """One move and the checks after it."""
    game.drawn[step.rule] += 1
    game.done[step.rule] += bool(RULES[step.rule].play(game, *step.args))
    check_cheap(game)
    if full:
        check_full(game)


def replay(start: Start, steps: Sequence[Step]) -> Game:
    """Play a script with every check after every move; raises the `Violation` it runs into."""
    game = start()
    for step in steps:
        make_move(game, step, full=True)
    return game
