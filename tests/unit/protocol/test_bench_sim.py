from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocol import cli
from protocol.bench import sim, trade_stream
from protocol.bench.sim import Comparison, Speed, Way, race, require_same_gas
from protocol.bench.trade_stream import Trade, draw_trades, embedded_market, play
from protocol.chain.artifacts import Artifacts
from protocol.errors import AnvilMissing, ChainError
from protocol.sim.world import ADMIN, World


@pytest.fixture
def world(artifacts: Artifacts) -> World:
    return embedded_market(artifacts)[1]


def quiet(done: int, of: int) -> None:
    """Nobody looks at the progress."""


def test_draw__same_seed__same_trades_and_all_go_through(
    world: World, artifacts: Artifacts
) -> None:
    trades = draw_trades(world, 12, seed=3)
    assert trades == draw_trades(embedded_market(artifacts)[1], 12, seed=3)
    fresh = embedded_market(artifacts)[1]
    before = fresh.chain.block_number
    play(fresh, trades)  # raises if any of them reverts
    assert fresh.chain.block_number == before + 12
    assert {trade.leg.size > 0 for trade in trades} == {True, False}
    assert len({trade.taker for trade in trades}) > 2
    assert len({trade.leg.instrument for trade in trades}) > 4


def test_draw__pool_that_refuses__says_how_many_and_why(world: World) -> None:
    world.system.access.set_pause_level(1, sender=ADMIN)
    with pytest.raises(ChainError, match=r"0 trades went through, 3 are needed.*pass fewer"):
        draw_trades(world, 3)


def test_race__unequal_shares__each_from_the_start_and_in_turns(world: World) -> None:
    stream = draw_trades(world, 25)
    calls: list[tuple[str, int, int]] = []

    def way(name: str, trades: int) -> Way:
        def run(some: list[Trade]) -> list[int]:
            calls.append((name, stream.index(some[0]), len(some)))
            return [1] * len(some)

        return Way(name, run, trades)

    fast, slow = race([way("fast", 20), way("slow", 4)], stream, tick=quiet, rounds=2)
    assert calls[:2] == [("fast", 0, 5), ("slow", 0, 5)]  # the warm-up
    assert calls[2:] == [("fast", 5, 10), ("slow", 5, 2), ("fast", 15, 10), ("slow", 7, 2)]
    assert (fast.trades, slow.trades, len(fast.gas)) == (20, 4, 25)
    assert min(fast.rates) > 0


def test_clients_and_raw__same_trades__raw_has_warm_slots(artifacts: Artifacts) -> None:
    stream = draw_trades(embedded_market(artifacts)[1], 10)
    chain, bare = embedded_market(artifacts)
    exact = sim.through_clients(embedded_market(artifacts)[1])(stream)
    warm = sim.raw(chain, bare.market.amm.address)(stream)
    assert warm[0] == exact[0]  # nothing is warm yet
    assert all(few < many for few, many in zip(warm[1:], exact[1:], strict=True))


def test_same_gas__one_unit_off__names_the_trade() -> None:
    here, there = Speed("vomma", gas=[10, 20, 30]), Speed("ape on anvil", gas=[10, 20])
    assert require_same_gas(here, there) == 2
    there.gas[1] += 1
    with pytest.raises(ChainError, match="trade 2 used 20 gas through vomma, 21 through ape"):
        require_same_gas(here, there)


def test_ratios__medians_of_rounds() -> None:
    vomma = Speed("vomma", [5], [(10, 1.0), (10, 0.5), (10, 10.0)])
    raw = Speed("raw", [5], [(10, 0.5)])
    ape = Speed("ape", [5], [(1, 1.0)])
    found = Comparison(vomma, raw, ape, same_gas=1)
    assert (found.ratio_vs_ape_anvil, found.ratio_vs_raw) == (10.0, 0.5)
    assert found.summary()["vomma"]["slowest_round_per_s"] == 1.0


@pytest.mark.parametrize("words", [("--trades", "0"), ("--trades", "8", "--rival-trades", "9")])
def test_command__counts_out_of_bounds__says_the_bound(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli.app, ["bench", "sim", *words])
    assert done.exit_code == 2
    assert "5" in done.output


def test_compare__without_anvil__names_the_setup(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AnvilMissing, match="dev.py setup"):
        sim.compare(artifacts, trades=10, rival_trades=5, tick=quiet)


def test_settling__fills_most_hands() -> None:
    hands = trade_stream.TAKERS * trade_stream.EXPIRIES * len(trade_stream.STRIKES) * 2
    assert trade_stream.SETTLING > 2 * hands
