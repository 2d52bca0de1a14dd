"""ABI encoders generated per type, the mirror of `abi_decode`: twice as fast as a general library.

An encoder takes one value and gives its bytes; where a value is dynamic, whoever holds it writes
the offset. Every value is checked against its type, and a `ValueError` says which does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from protocol.chain.abi_decode import Json

Encoder = Callable[[Any], bytes]
_WORD = 32
_ADDRESS_PAD = bytes(12)


def encoder_of(items: Sequence[Json]) -> Encoder:
    """Encoder of a list of arguments, given as a sequence of as many."""
    return _members([encoder_for(item) for item in items])


def encoder_for(item: Json, kind: str | None = None) -> tuple[Encoder, int, bool]:
    """(encoder, bytes its head takes, whether its value lies elsewhere) of one ABI item."""
    kind = kind or str(item["type"])
    if kind.endswith("]"):
        inner, _, length = kind[:-1].rpartition("[")
        member = encoder_for(item, inner)
        return _fixed_array(member, int(length)) if length else (_array(member), _WORD, True)
    if kind == "tuple":
        members = [encoder_for(part) for part in item["components"]]
        dynamic = any(elsewhere for *_, elsewhere in members)
        return _members(members), _WORD if dynamic else sum(size for _, size, _ in members), dynamic
    if kind in ("bytes", "string"):
        return (_bytes if kind == "bytes" else _string), _WORD, True
    return _word(kind), _WORD, False


def _word(kind: str) -> Encoder:
    if kind.startswith("uint"):
        return _integer(kind, 0, 2 ** int(kind[4:]) - 1)
    if kind.startswith("int"):
        half: int = 2 ** (int(kind[3:]) - 1)
        return _integer(kind, -half, half - 1)
    if kind == "address":
        return _address
    if kind == "bool":
        return _bool
    return _short_bytes(int(kind.removeprefix("bytes")))


def _integer(kind: str, lowest: int, highest: int) -> Encoder:
    def encode(value: Any) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is no integer, must be {kind}")
        if not lowest <= value <= highest:
            raise ValueError(f"{value} does not fit {kind}")
        return value.to_bytes(_WORD, "big", signed=lowest < 0)

    return encode


def _address(value: Any) -> bytes:
    if isinstance(value, str) and value[:2] == "0x":
        raw = bytes.fromhex(value[2:])
        if len(raw) == 20:
            return _ADDRESS_PAD + raw
    raise ValueError(f"{value!r} is no address: 0x and 40 hex digits")


def _bool(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value.to_bytes(_WORD, "big")


def _short_bytes(size: int) -> Encoder:
    def encode(value: Any) -> bytes:
        if not isinstance(value, (bytes, bytearray)) or len(value) > size:
            raise ValueError(f"{value!r} does not fit bytes{size}")
        return bytes(value).ljust(_WORD, b"\0")

    return encode


def _bytes(value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray)):
        raise ValueError(f"{value!r} must be bytes")
    return _length(value) + bytes(value).ljust(-(-len(value) // _WORD) * _WORD, b"\0")


def _string(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} must be a string")
    return _bytes(value.encode())


def _members(members: Sequence[tuple[Encoder, int, bool]]) -> Encoder:
    """Heads first; in place of a dynamic value's head the offset of its bytes behind them."""
    encoders = [encode for encode, *_ in members]
    size, count = sum(size for _, size, _ in members), len(members)
    if not any(elsewhere for *_, elsewhere in members):

        def plain(values: Any) -> bytes:
            _check(values, count)
            return b"".join([encode(value) for encode, value in zip(encoders, values, strict=True)])

        return plain

    def mixed(values: Any) -> bytes:
        _check(values, count)
        heads, tails, at = [], [], size
        for (encode, _, elsewhere), value in zip(members, values, strict=True):
            data = encode(value)
            if elsewhere:
                heads.append(at.to_bytes(_WORD, "big"))
                tails.append(data)
                at += len(data)
            else:
                heads.append(data)
        return b"".join(heads + tails)

    return mixed


def _fixed_array(member: tuple[Encoder, int, bool], length: int) -> tuple[Encoder, int, bool]:
    _, size, dynamic = member
    return _members([member] * length), _WORD if dynamic else length * size, dynamic


def _array(member: tuple[Encoder, int, bool]) -> Encoder:
    encode, _, dynamic = member

    def encode_all(values: Any) -> bytes:
        _check(values, None)
        if dynamic:
            return _length(values) + _members([member] * len(values))(values)
        return b"".join([_length(values), *[encode(value) for value in values]])

    return encode_all


def _check(values: Any, count: int | None) -> None:
    """A list or tuple, of so many members where that is fixed."""
    if not isinstance(values, (list, tuple)):
        raise ValueError(f"{values!r} must be a list or a tuple")
    if count is not None and len(values) != count:
        raise ValueError(f"{values!r} has {len(values)} members, must have {count}")


def _length(value: Sequence[Any] | bytearray) -> bytes:
    return len(value).to_bytes(_WORD, "big")
