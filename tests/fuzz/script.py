"""A script of random play: steps as plain data, to be printed, cut down and replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Args = tuple["int | str | Args", ...]


class Violation(AssertionError):
    """A check that did not hold: `check` names it, so that a shorter script can be compared."""

    def __init__(self, check: str, detail: object = "") -> None:
        super().__init__(f"{check}: {detail}" if detail != "" else check)
        self.check = check


def demand(holds: bool, check: str, detail: object = "") -> None:
    """Raise `Violation` unless a check holds."""
    if not holds:
        raise Violation(check, detail)


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a rule: its name and what it was drawn to do."""

    rule: str
    args: Args = ()

    def __str__(self) -> str:
        return f"Step({self.rule!r}, {self.args!r})"


def as_program(steps: Sequence[Step], *, seed: int, check: str) -> str:
    """The script as a test that can be pasted and run."""
    lines = "\n".join(f"        {step}," for step in steps)
    return (
        f"# seed {seed}, breaks: {check}\n"
        "from tests.fuzz.machine import new_game, replay\n"
        "from tests.fuzz.script import Step\n\n\n"
        "def test_found(artifacts):\n"
        f"    steps = [\n{lines}\n    ]\n"
        "    replay(lambda: new_game(artifacts), steps)\n"
    )


def simpler(args: Args) -> Iterator[Args]:
    """The same arguments with one thing less in them, or one number plainer; boldest first."""
    for place, value in enumerate(args):
        before, after = args[:place], args[place + 1 :]
        if isinstance(value, tuple):
            if len(value) > 1 and all(isinstance(item, tuple) for item in value):
                for cut in range(len(value)):
                    yield (*before, (*value[:cut], *value[cut + 1 :]), *after)
            for inner in simpler(value):
                yield (*before, inner, *after)
        elif isinstance(value, int):
            for number in _plainer(value):
                yield (*before, number, *after)


def _plainer(value: int) -> Iterator[int]:
    sign = -1 if value < 0 else 1
    tried = {value}
    for size in (0, 1, 10**18, _leading(abs(value), 1), _leading(abs(value), 3)):
        number = sign * size
        if number not in tried and size < abs(value):
            tried.add(number)
            yield number


def _leading(size: int, digits: int) -> int:
    """A number down to its leading digits."""
    step: int = 10 ** max(len(str(size)) - digits, 0)
    return size // step * step
