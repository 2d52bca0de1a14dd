"""Scenario files: what is refused, and by which name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from protocol.config import (
    FilePrices,
    FlowPolicy,
    HestonPrices,
    PullFeed,
    PushFeed,
    Settings,
    load_scenario,
    parse_scenario,
)
from protocol.errors import ConfigError

REPLAY = Path(__file__).parents[3] / "scenarios" / "replay.yaml"
SMALL: dict[str, Any] = {"name": "small", "seed": 1, "prices": {"source": "heston"}}
PULL: dict[str, Any] = {"feed": {"source": "pull"}}


def test_load_scenario__replay__has_the_starting_values() -> None:
    scenario = load_scenario(REPLAY)
    assert isinstance(scenario.prices, HestonPrices)
    assert (scenario.step_seconds, scenario.underlying.id) == (3_600, 1)
    assert sum(scenario.option_deposits) == 2_000_000.0
    weights = scenario.amm.weights
    assert (weights.vega, weights.expiry_vega, weights.gamma) == (1.0, 3.0, 3e-5)
    assert scenario.amm.spreads.vol_points == 0.0175
    assert scenario.keeper.hedge.risk_aversion == 30.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bogus": 3}, "bogus is no known key; its value is 3"),
        ({"flow": {"trades": 3}}, "flow.trades is no known key; its value is 3"),
        (
            {"flow": {"trades_per_day": -1}},
            "flow.trades_per_day is -1: .*greater than or equal to 0",
        ),
        ({"flow": {"trades_per_day": float("nan")}}, "flow.trades_per_day is nan: .*finite"),
        ({"flow": {"deltas": [0.5]}}, "delta_weights .* must weigh each of"),
        ({"reference": {"eta": 1.9}}, r"eta \(1 \+ \|rho\|\) is 2.261, must be at most 2"),
        ({"amm": {"spreads": {"toxicity": 6}}}, "amm.spreads.toxicity is 6: .*less than or equal"),
        ({"keeper": {"hedge": {"cost": 0}}}, "keeper.hedge.cost is 0: .*greater than 0"),
        ({"steps": 0}, "steps is 0: .*greater than or equal to 1"),
        ({"prices": {"source": "file"}}, "prices.file.path is missing"),
        ({"prices": {"source": "dice"}}, "tag 'dice' .*'heston', 'file'"),
        ({"informed": {"with": PULL}}, "informed.without is missing"),
        (
            {"informed": {"with": PULL, "without": {"feed": {"source": "push", "deviation": 0}}}},
            "informed.without.feed.push.deviation is 0: .*greater than 0",
        ),
        (
            {"informed": {"with": PULL, "without": {"feed": {"source": "push", "lag": 3}}}},
            "informed.without.feed.push.lag is no known key; its value is 3",
        ),
        (
            {"informed": {"with": {"feed": {"source": "pull", "delay_seconds": 20}}}},
            "delay_seconds 20 must be at most max_age_seconds 10",
        ),
        (
            {"informed": {"with": PULL, "without": PULL, "tick_seconds": 7}},
            "informed.tick_seconds 7 must divide step_seconds",
        ),
        (
            {
                "informed": {
                    "with": PULL,
                    "without": {"feed": {"source": "push"}},
                    "tick_seconds": 10,
                }
            },
            r"informed.tick_seconds 10 must divide the times of each feed: \(5, 10\)",
        ),
        (
            {"informed": {"with": PULL, "without": PULL, "sniper": {"cash": 0}}},
            "informed.sniper.cash is 0: .*greater than 0",
        ),
    ],
)
def test_parse_scenario__bad_key__names_key_value_and_bound(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_scenario({**SMALL, **change})


def test_parse_scenario__file_prices__have_a_span() -> None:
    prices = {"source": "file", "path": "eth.csv.gz", "from": "2024-08-01", "to": "2024-08-31"}
    scenario = parse_scenario({**SMALL, "prices": prices})
    start, end = dt.date(2024, 8, 1), dt.date(2024, 8, 31)
    assert scenario.prices == FilePrices(path=Path("eth.csv.gz"), start=start, end=end)


def test_load_scenario__informed__has_both_sides() -> None:
    informed = load_scenario(REPLAY.with_name("informed.yaml")).informed
    assert informed is not None
    assert isinstance(informed.defended.feed, PullFeed)
    assert isinstance(informed.exposed.feed, PushFeed)
    assert informed.defended.anchor.push_seconds < informed.exposed.anchor.push_seconds


def test_load_scenario__no_mapping__raises(tmp_path: Path) -> None:
    for text, message in (("- 1", "must be a mapping"), ("a: [", "is no YAML")):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_scenario(tmp_path / "bad.yaml")
    with pytest.raises(ConfigError, match="does not exist"):
        load_scenario(tmp_path / "none.yaml")


def test_policy__in_code__is_checked_too() -> None:
    with pytest.raises(ValueError, match="buy_share"):
        FlowPolicy(buy_share=1.5)


def test_settings__from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOMMA_RPC_URL", "http://node:1")
    monkeypatch.setenv("VOMMA_DATA", "/data")
    settings = Settings()
    assert (settings.rpc_url, settings.data) == ("http://node:1", Path("/data"))
