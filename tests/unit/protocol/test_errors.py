"""Errors say the same in every process."""

from __future__ import annotations

import pickle

import pytest

from protocol.errors import InputError, Revert, VommaError


@pytest.mark.parametrize(
    "error",
    [
        InputError("strike", -1, bound="a price above 0", step="pass WAD"),
        InputError("size", 0.0, bound="not 0"),
        Revert("amm: no bid", b"\x01"),
    ],
)
def test_errors__between_processes__are_the_same(error: VommaError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
