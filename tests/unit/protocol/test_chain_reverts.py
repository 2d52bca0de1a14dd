from __future__ import annotations

import pickle

import pytest

from protocol.chain.reverts import decode_revert, halt
from protocol.chain.rpc import _as_error
from protocol.errors import ChainError, Revert


def error_string(text: str) -> bytes:
    body = text.encode()
    words = (32).to_bytes(32, "big") + len(body).to_bytes(32, "big")
    return bytes.fromhex("08c379a0") + words + body.ljust(-(-len(body) // 32) * 32, b"\0")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ""),
        (error_string("amm: no bid"), "amm: no bid"),
        (bytes.fromhex("4e487b71") + (17).to_bytes(32, "big"), "panic 0x11"),
        (b"\x01\x02\x03\x04", "0x01020304"),
        (bytes.fromhex("08c379a0"), "0x08c379a0"),  # cut short
    ],
)
def test_decode_revert__every_form__as_text(data: bytes, reason: str) -> None:
    error = decode_revert(data)
    assert (error.reason, error.data) == (reason, data)
    assert str(error)  # never an empty message


@pytest.mark.parametrize(
    ("engines", "name"),
    [
        (
            ("LackOfFundForMaxFee", "insufficient funds for gas * price + value"),
            "InsufficientFunds",
        ),
        (("CallGasCostMoreThanGasLimit", "intrinsic gas too low"), "IntrinsicGas"),
        (("OutOfGas", "ReentrancySentryOOG", "out of gas"), "OutOfGas"),
        (("InvalidFEOpcode",), "InvalidFEOpcode"),
    ],
)
def test_halt__whatever_the_engine_calls_it__one_name(engines: tuple[str, ...], name: str) -> None:
    assert {halt(words).reason for words in engines} == {f"halt: {name}"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"code": 3, "message": "execution reverted: x", "data": "0x01"}, "0x01"),
        ({"code": 3, "message": "execution reverted", "data": "0x"}, ""),
        ({"code": -32000, "message": "execution reverted"}, ""),
        ({"code": -32603, "message": "EVM error InvalidFEOpcode"}, "halt: InvalidFEOpcode"),
        ({"code": -32000, "message": "insufficient funds for transfer"}, "halt: InsufficientFunds"),
    ],
)
def test_rpc_error__that_is_a_revert__reads_as_one(answer: object, reason: str) -> None:
    error = _as_error("eth_call", answer)
    assert isinstance(error, Revert)
    assert error.reason == reason


def test_rpc_error__of_the_node__names_the_method() -> None:
    error = _as_error("eth_call", {"code": -32601, "message": "Method not found"})
    assert not isinstance(error, Revert)
    assert isinstance(error, ChainError)
    assert str(error) == "eth_call: Method not found"


def test_revert__across_processes__keeps_reason_and_data() -> None:
    error = pickle.loads(pickle.dumps(Revert("amm: no bid", b"\x01")))
    assert (error.reason, error.data) == ("amm: no bid", b"\x01")
