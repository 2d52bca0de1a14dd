"""A funded market on ape's foundry node, once for all acceptance tests."""

import pytest
from ape import chain

from protocol.chain.artifacts import ROOT, Artifacts
from protocol.chain.rpc import DevnetChain
from protocol.config import load_scenario
from protocol.sim.opening import open_devnet
from protocol.sim.world import World


@pytest.fixture(scope="session")
def world() -> World:
    scenario = load_scenario(ROOT / "scenarios" / "replay.yaml")
    opened = open_devnet(DevnetChain(chain.provider.http_uri), Artifacts(), scenario)
    for taker in opened.takers:
        opened.chain.fund(taker, 10**20)  # ape pays for gas, the devnet's clients do not
    return opened
