"""A replacement that misses must not pass for a broken contract."""

from __future__ import annotations

import pytest

from protocol.chain.artifacts import Artifacts
from protocol.errors import InputError
from tests.attacks.twins import WithTwins, broken


def test_broken__text_that_is_not_there__names_it() -> None:
    with pytest.raises(InputError, match="no such text.*exactly one"):
        broken("Custody", {"no such text": ""})


def test_broken__text_that_is_there_twice__is_refused() -> None:
    with pytest.raises(InputError, match="is 2"):
        broken("Custody", {"assert done": "assert True"})


def test_with_twins__one_contract__replaces_it_alone(artifacts: Artifacts) -> None:
    twin = broken("Custody", {'"custody: not enough tokens"': '"custody: twin"'})
    system = WithTwins(twin)
    assert system["Custody"].bytecode != artifacts["Custody"].bytecode
    assert system["MockERC20"].bytecode == artifacts["MockERC20"].bytecode
