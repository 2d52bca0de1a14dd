"""OptionsAMM: its parameters, inside bounds, as words and as records; toxicity; the fee word."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from protocol.clients.deploy import amm_records
from protocol.config import AmmParameters
from protocol.errors import Revert
from protocol.types import Leg
from protocol.units import WAD
from tests.system_fixtures import (
    ADMIN,
    FREE_FLOW,
    KEEPER,
    STRANGER,
    parameters,
    set_parameters,
)

STEP = 10**12
MOST_FLOW = 3 * WAD
TOXICITY, BOUNTY = "amm: toxicity out of range", "amm: bounty out of range"


def records(exchange):
    terms = parameters(exchange.eth)
    return terms.weights, terms.spreads, terms.limits, terms.flow, terms.upkeep


def test_parameters__as_deployed__are_the_defaults(exchange):
    rows = amm_records(AmmParameters(flow=FREE_FLOW))
    assert tuple(astuple(record) for record in records(exchange)) == rows
    assert parameters(exchange.eth).fee_word == exchange.eth.amm._call("fee_word") != 0


def test_lens__packs_and_unpacks__as_the_twin_does(exchange):
    lens, terms = exchange.system.lens, parameters(exchange.eth)
    rows = [astuple(record) for record in records(exchange)]
    assert tuple(lens._call("pack_parameters", *rows)) == replace(terms, fee_word=0).words
    found = lens._call("parameters", exchange.eth.amm.address)
    assert [tuple(record) for record in found] == rows


@pytest.mark.parametrize(
    ("part", "name", "bad", "good", "reason"),
    [
        ("spreads", "toxicity", WAD - STEP, WAD, TOXICITY),
        ("spreads", "toxicity", 3 * WAD + STEP, 3 * WAD, TOXICITY),
        ("spreads", "delta_cut", WAD // 2, WAD // 2 - STEP, "amm: delta cut out of range"),
        ("spreads", "max_drift", WAD // 2 + STEP, WAD // 2, "amm: drift out of range"),
        ("limits", "utilisation", WAD + STEP, WAD, "amm: utilisation out of range"),
        ("limits", "push_window", 3_601, 3_600, "amm: push window out of range"),
        *(
            ("flow", name, MOST_FLOW + 10**14, MOST_FLOW, "amm: flow limit out of range")
            for name in ("push_vega", "block_vega", "block_delta", "hour_vega", "hour_delta")
        ),
        ("upkeep", "max_toxicity", 5 * WAD + STEP, 5 * WAD, TOXICITY),
        ("upkeep", "max_toxicity", WAD - STEP, WAD, TOXICITY),
        ("upkeep", "hedge_bound", WAD // 10 + STEP, WAD // 10, "amm: hedge bound out of range"),
        ("upkeep", "hedge_hour", 3 * WAD + STEP, 3 * WAD, "amm: hedge limit out of range"),
        ("upkeep", "drawdown", WAD + STEP, WAD, "amm: drawdown out of range"),
        ("upkeep", "bounty", 10 * WAD + STEP, 10 * WAD, BOUNTY),
        ("upkeep", "bounty_age", 599, 600, BOUNTY),
        ("upkeep", "bounty_drift", WAD // 100 - STEP, WAD // 100, BOUNTY),
    ],
)
def test_parameters__out_of_range__revert(part, name, bad, good, reason, exchange):
    set_parameters(exchange.eth, **{part: {name: good}})
    before = parameters(exchange.eth)
    assert getattr(getattr(before, part), name) == good
    with pytest.raises(Revert) as caught:
        set_parameters(exchange.eth, **{part: {name: bad}})
    assert caught.value.reason == reason
    assert parameters(exchange.eth) == before


def test_parameters__by_others__revert(exchange):
    for who in (KEEPER, STRANGER):
        with pytest.raises(Revert) as caught:
            set_parameters(exchange.eth, weights={"vega": WAD}, sender=who)
        assert caught.value.reason == "access: admin only"


def test_parameters__with_a_fee_word__leave_the_one_of_the_schedule(exchange):
    terms = parameters(exchange.eth)
    forged = replace(terms, fee_word=0)
    exchange.eth.amm._send("set_parameters", forged.words, sender=ADMIN)
    assert parameters(exchange.eth) == terms


# -- toxicity --


def test_toxicity__in_bounds__moved_alone(exchange):
    before = parameters(exchange.eth)
    for value in (3 * WAD, WAD, WAD + STEP):
        exchange.eth.amm._send("set_toxicity", value, sender=KEEPER)
        spreads = replace(before.spreads, toxicity=value)
        assert parameters(exchange.eth) == replace(before, spreads=spreads)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (WAD - STEP, TOXICITY),
        (0, TOXICITY),
        (3 * WAD + STEP, TOXICITY),
        (WAD + 1, "amm: parameter too fine"),
        (2**24 * STEP, "amm: parameter too large"),
    ],
)
def test_toxicity__out_of_bounds__reverts(value, reason, exchange, reverts):
    before = parameters(exchange.eth)
    with reverts(reason):
        exchange.eth.amm._send("set_toxicity", value, sender=KEEPER)
    assert parameters(exchange.eth) == before


def test_toxicity__by_others__reverts(exchange, reverts):
    for who in (ADMIN, STRANGER):
        with reverts("access: keeper only"):
            exchange.eth.amm._send("set_toxicity", 2 * WAD, sender=who)


# -- fees --


def test_fee_word__only_by_the_schedule(exchange, reverts):
    for who in (ADMIN, KEEPER, STRANGER):
        with reverts("amm: fee schedule only"):
            exchange.eth.amm._send("set_fee_word", 0, sender=who)
    terms, schedule = parameters(exchange.eth), exchange.system.fees.address
    with reverts("amm: fee word out of field"):
        exchange.eth.amm._send("set_fee_word", 2**144, sender=schedule)
    exchange.eth.amm._send("set_fee_word", 0, sender=schedule)
    assert exchange.quote(Leg(exchange.call(2_000, 1).instrument, WAD)).fee == 0
    assert parameters(exchange.eth) == replace(terms, fee_word=0)
