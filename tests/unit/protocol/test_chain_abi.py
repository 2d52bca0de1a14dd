from __future__ import annotations

import re
from typing import Any

import pytest
from eth_hash.auto import keccak
from faster_eth_abi import decode, encode
from faster_eth_abi.exceptions import EncodingError
from hypothesis import given
from hypothesis import strategies as st

from protocol.chain.abi import Abi, canonical_type
from protocol.chain.abi_decode import decoder_of
from protocol.chain.abi_encode import encoder_of
from protocol.chain.base import Log
from protocol.errors import DataError, InputError

POINT = [{"name": "x", "type": "uint256"}, {"name": "y", "type": "int128"}]


def function(name: str, inputs: list[dict], outputs: list[dict]) -> dict:
    return {
        "type": "function",
        "name": name,
        "inputs": inputs,
        "outputs": outputs,
        "stateMutability": "view",
    }


def item(kind: str, name: str = "", **more: object) -> dict:
    return {"type": kind, "name": name, **more}


ABI = Abi(
    [
        function("add", [item("uint256"), item("uint256")], [item("uint256")]),
        function("add", [item("uint256")], [item("uint256")]),
        function("move", [item("tuple", "p", components=POINT)], []),
        function(
            "points",
            [],
            [item("tuple[]", "", components=POINT), item("address", "owner")],
        ),
        {
            "type": "event",
            "name": "Moved",
            "inputs": [
                item("address", "who", indexed=True),
                item("tuple", "p", components=POINT, indexed=False),
                item("uint256", "at", indexed=True),
                item("string", "why", indexed=False),
            ],
        },
    ]
)


def word(value: int) -> bytes:
    return value.to_bytes(32, "big", signed=value < 0)


def test_encode__struct__selector_of_the_tuple_signature() -> None:
    data = ABI.function("move", 1).encode([(3, -4)])
    assert data == keccak(b"move((uint256,int128))")[:4] + word(3) + word(-4)


def test_function__overloads__chosen_by_arity() -> None:
    assert ABI.function("add", 1).encode([1])[:4] == keccak(b"add(uint256)")[:4]
    assert ABI.function("add", 2).encode([1, 2])[:4] == keccak(b"add(uint256,uint256)")[:4]


def test_function__unknown__names_what_there_is() -> None:
    with pytest.raises(InputError, match=r"one with \[1, 2\] arguments"):
        ABI.function("add", 3)
    with pytest.raises(InputError, match="in the ABI"):
        ABI.function("subtract", 1)


def test_encode__value_out_of_range__names_function_and_types() -> None:
    with pytest.raises(InputError, match=r"add arguments.*uint256, uint256"):
        ABI.function("add", 2).encode([1, -1])


def test_decode__structs__named() -> None:
    owner = "0x" + "ab" * 20
    body = word(64) + bytes(12) + bytes.fromhex(owner[2:]) + word(1) + word(5) + word(-6)
    points, found = ABI.function("points", 0).decode(body)
    assert (points[0].x, points[0].y, found) == (5, -6, owner)


def test_decode__nothing_returned__asks_for_the_contract() -> None:
    with pytest.raises(DataError, match="deployed"):
        ABI.function("add", 2).decode(b"")


def test_event__indexed_and_plain__in_declared_order() -> None:
    who = "0x" + "cd" * 20
    topics = (
        keccak(b"Moved(address,(uint256,int128),uint256,string)"),
        bytes(12) + bytes.fromhex(who[2:]),
        word(99),
    )
    data = word(1) + word(-2) + word(96) + word(2) + b"hi".ljust(32, b"\0")
    event = ABI.event(Log("0x" + "11" * 20, topics, data))
    assert event is not None
    assert list(event.args) == ["who", "p", "at", "why"]
    assert (event.args["who"], event.args["p"].y, event.args["at"]) == (who, -2, 99)
    assert event.args["why"] == "hi"


def test_event__unknown_topic__none() -> None:
    assert ABI.event(Log("0x" + "11" * 20, (bytes(32),), b"")) is None
    assert ABI.event(Log("0x" + "11" * 20, (), b"")) is None


WORDS = {
    "uint256": st.integers(0, 2**256 - 1),
    "uint8": st.integers(0, 255),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "int24": st.integers(-(2**23), 2**23 - 1),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: f"0x{raw.hex()}"),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes4": st.binary(min_size=4, max_size=4),
    "bytes": st.binary(max_size=70),
    "string": st.text("aé∀", max_size=40),
}


@st.composite
def items(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """Any ABI item: words, bytes, structs and arrays of them."""
    shape = draw(st.sampled_from(["word"] * 3 + ["struct", "array"] * (depth > 0)))
    if shape == "word":
        return item(draw(st.sampled_from(list(WORDS))))
    if shape == "struct":
        parts = draw(st.lists(items(depth - 1), min_size=1, max_size=3))
        named = [{**part, "name": f"part{i}"} for i, part in enumerate(parts)]
        return item("tuple", components=named)
    inner = draw(items(depth - 1))
    return {**inner, "type": inner["type"] + draw(st.sampled_from(["[]", "[1]", "[3]"]))}


def values_of(described: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = described["type"]
    if kind.endswith("]"):
        inner, _, length = kind[:-1].rpartition("[")
        bounds = {"min_size": int(length or 0), "max_size": int(length or 3)}
        return st.lists(values_of({**described, "type": inner}), **bounds).map(tuple)
    if kind == "tuple":
        return st.tuples(*[values_of(part) for part in described["components"]])
    return WORDS[kind]


@given(st.data())
def test_decoder__any_type__like_the_library(data: st.DataObject) -> None:
    described = data.draw(st.lists(items(), min_size=1, max_size=4))
    values = data.draw(st.tuples(*[values_of(one) for one in described]))
    kinds = [canonical_type(one) for one in described]
    body = encode(kinds, values)
    assert decoder_of(described)(body) == decode(kinds, body) == values
    if body:
        with pytest.raises(DataError, match="another contract"):
            decoder_of(described)(body[: len(body) - 32])


@given(st.data())
def test_encoder__any_type__like_the_library(data: st.DataObject) -> None:
    described = data.draw(st.lists(items(), min_size=1, max_size=4))
    values = data.draw(st.tuples(*[values_of(one) for one in described]))
    kinds = [canonical_type(one) for one in described]
    assert encoder_of(described)(values) == encode(kinds, values)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", 256),
        ("uint256", -1),
        ("uint256", True),
        ("uint256", 1.0),
        ("uint256", "1"),
        ("int24", 2**23),
        ("int24", -(2**23) - 1),
        ("bool", 1),
        ("address", "0x12"),
        ("address", 5),
        ("address", "0x" + "g" * 40),
        ("bytes4", b"12345"),
        ("bytes4", "1234"),
        ("bytes", "text"),
        ("string", b"bytes"),
        ("uint256[]", 7),
        ("uint256[2]", [1]),
        ("uint256[2]", [1, 2, 3]),
        ("uint256[]", [1, "x"]),
    ],
)
def test_encoder__value_of_another_type__says_which(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(value)) + "|'x' is no int|non-hexadecimal"):
        encoder_of([item(kind)])([value])
    with pytest.raises((EncodingError, TypeError, ValueError)):  # as the library does
        encode([kind], [value])


def test_encode__too_few_arguments__says_how_many() -> None:
    with pytest.raises(InputError, match="has 1 members, must have 2"):
        ABI.function("add", 2).encode([1])
