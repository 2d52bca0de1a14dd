"""Revert data, as text."""

from __future__ import annotations

from protocol.errors import Revert

_ERROR = bytes.fromhex("08c379a0")  # Error(string)
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)
# what revm, anvil and geth call the same refusal
_HALTS = {
    "InsufficientFunds": ("lackoffund", "insufficient funds"),
    "IntrinsicGas": ("callgascostmorethangaslimit", "intrinsic gas too"),
    "BlockGasLimit": (
        "callergaslimitmorethanblock",
        "tx.gas_limit > env.block",
        "exceeds block gas",
    ),
    "CodeRejected": ("createcontractsizelimit", "createcontractstartingwithef"),
    "OutOfGas": ("outofgas", "out of gas", "oog"),
}


def decode_revert(data: bytes) -> Revert:
    """The `Revert` that revert data stands for; unknown custom errors show as hex."""
    if data[:4] == _ERROR and len(data) >= 68:
        length = int.from_bytes(data[36:68], "big")
        return Revert(data[68 : 68 + length].decode("utf-8", "replace"), data)
    if data[:4] == _PANIC and len(data) == 36:
        return Revert(f"panic {int.from_bytes(data[4:], 'big'):#04x}", data)
    return Revert(f"0x{data.hex()}" if data else "", data)


def halt(reason: str) -> Revert:
    """The `Revert` of an EVM that stopped without revert data, one name for every engine's."""
    known = (name for name, marks in _HALTS.items() if any(m in reason.lower() for m in marks))
    return Revert(f"halt: {next(known, reason)}")
