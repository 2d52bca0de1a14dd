"""The machine finds what is broken, and cuts what it found down to a program that runs.

Every twin has one rule taken out of one contract; the check that must notice is named beside it.
"""

from __future__ import annotations

import pytest

from protocol.chain.artifacts import Artifacts
from tests.attacks.twins import WithTwins, broken
from tests.fuzz.machine import Run, Start, new_game, play, replay, stage
from tests.fuzz.script import Step, Violation, as_program, simpler
from tests.fuzz.shrink import shrink

STEPS = 6_000  # transactions within which a twin must be found out
TWINS: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "anybody withdraws": (
        "Clearinghouse",
        {"    self._check_authority(account, msg.sender, _WITHDRAW)\n": ""},
        ("went through: cash",),
    ),
    "the maker is charged its fee": (
        "Clearinghouse",
        {
            "self._fill(maker, accrued, legs, False, received, config)": (
                "self._fill(maker, accrued, legs, False, payment, config)"
            )
        },
        ("trade: NAV - potential never falls", "ledger: cash is the sum of its events"),
    ),
    "leavers take their part of the potential": (
        "LiquidityVault",
        {"nav, valuation.risk, valuation.depth": "nav, 0, valuation.depth"},
        ("vault: who stays loses nothing",),
    ),
    "no limit of the user": (
        "OptionsAMM",
        {'    assert priced.cash <= limit_cash, "amm: worse than limit"\n': ""},
        ("went through: amm: worse than limit",),
    ),
    "a perp trade leaves the pool's sum as it was": (
        "PerpMarket",
        {"    self._marked += new_held * state.mark - before\n": ""},
        ("perp: the pool owes what all have won",),
    ),
}


def found(name: str) -> tuple[Run, Start, tuple[str, ...]]:
    contract, changes, checks = TWINS[name]
    artifacts = WithTwins(broken(contract, changes))
    for seed in range(4):
        run = play(new_game(artifacts), seed=seed, steps=STEPS // 4)
        if run.broken is not None:
            break
    return run, stage(artifacts), checks


@pytest.mark.parametrize("name", TWINS)
def test_twin__random_life__is_found_out(name: str) -> None:
    run, _, checks = found(name)
    assert run.broken is not None and run.broken.check in checks


@pytest.mark.parametrize(
    "name, rules",
    [
        ("leavers take their part of the potential", {"lp"}),
        ("a perp trade leaves the pool's sum as it was", {"perp"}),
    ],
)
def test_shrink__twin_found_out__leaves_the_moves_it_takes(name: str, rules: set[str]) -> None:
    """Out of hundreds: such as a trade that leaves a potential, a redemption, its processing."""
    run, start, (check, *_) = found(name)
    steps = shrink(run.script, start, check)
    assert len(steps) <= 8 and rules <= {step.rule.split()[0] for step in steps}
    assert len(run.script) > 2 * len(steps)
    with pytest.raises(Violation, match=check):
        replay(start, steps)


def test_program__of_a_script__runs_as_printed(artifacts: Artifacts) -> None:
    steps = (Step("deposit", (0, 7, 0)), Step("move", (60, 5, -5)), Step("donate", (2, 3)))
    names: dict[str, object] = {}
    exec(as_program(steps, seed=1, check="nothing"), names)
    names["test_found"](artifacts)  # type: ignore[operator]


def test_simpler__arguments__one_change_each_and_never_larger() -> None:
    rows = ((1, 20_000, 2_000, 3 * 10**18 + 7), (2, 20_000, 1_900, -5))
    found = list(simpler((1, rows)))
    assert (1, rows[:1]) in found and (1, rows[1:]) in found
    assert (0, rows) in found
    assert (1, ((1, 20_000, 2_000, 10**18), rows[1])) in found
    assert (1, rows) not in found
