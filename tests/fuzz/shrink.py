"""Cut a script that breaks a check down to what it takes, and print it as a program.

Delta debugging: leave out ever smaller runs of moves while the same check breaks, then make the
numbers of those that are left plainer. Replays are exact, so a script either breaks it or does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.fuzz.machine import Run, Start, make_move
from tests.fuzz.script import Step, Violation, as_program, simpler

PATIENCE = 200_000  # moves replayed in all


@dataclass(slots=True)
class Shrinker:
    """Replays candidates on games of its own, until it has replayed enough."""

    start: Start
    check: str
    full: bool = False  # whether it takes the checks that read everything
    moves: int = 0

    def breaks(self, steps: Sequence[Step]) -> bool:
        """Whether a script runs into the same violation; other ends do not count."""
        game = self.start()
        for step in steps:
            self.moves += 1
            try:
                make_move(game, step, full=self.full)
            except Violation as violation:
                return violation.check == self.check
            except Exception:  # without its past a move may make no sense at all
                return False
        return False

    @property
    def tired(self) -> bool:
        return self.moves > PATIENCE

    def cut(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Leave out halves, quarters, ... single moves."""
        kept, size = tuple(steps), max(len(steps) // 2, 1)
        while size:
            at = 0
            while at < len(kept) and not self.tired:
                shorter = kept[:at] + kept[at + size :]
                if self.breaks(shorter):
                    kept = shorter
                else:
                    at += size
            size //= 2
        return kept

    def plain(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Plainer numbers, fewer legs, one change at a time."""
        for place in range(len(steps)):
            steps = self._plain_step(steps, place)
        return steps

    def _plain_step(self, steps: tuple[Step, ...], place: int) -> tuple[Step, ...]:
        again = True
        while again and not self.tired:
            again = False
            for args in simpler(steps[place].args):
                tried = (*steps[:place], replace(steps[place], args=args), *steps[place + 1 :])
                if self.breaks(tried):
                    steps, again = tried, True
                    break
        return steps


def shrink(steps: Sequence[Step], start: Start, check: str) -> tuple[Step, ...]:
    """The shortest and plainest script found that breaks the check; the script itself if it fails
    only now and then."""
    for full in (False, True):
        shrinker = Shrinker(start, check, full)
        if shrinker.breaks(steps):
            return shrinker.plain(shrinker.cut(steps))
    return tuple(steps)


def explain(run: Run, start: Start) -> str:
    """What a run broke, with the program that shows it."""
    assert run.broken is not None
    steps = shrink(run.script, start, run.broken.check)
    return f"{run.broken}\n\n{as_program(steps, seed=run.seed, check=run.broken.check)}"
