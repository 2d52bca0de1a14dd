"""Encoders and decoders generated from a contract's ABI.

Each function's selector and coders are made on first use and kept; struct results come back as
named tuples, events as a name and a dict. web3.py does the same at a hundredth of the speed.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak
from faster_eth_abi import decode, encode
from faster_eth_abi.exceptions import EncodingError

from protocol.chain.base import Log
from protocol.errors import DataError, InputError

Json = Mapping[str, Any]
_Shape = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log. Indexed strings, bytes and arrays are their hash, as the chain keeps them."""

    name: str
    args: dict[str, Any]
    address: str


class Function:
    """Coders of one function (one arity of it: Vyper's defaults make several)."""

    __slots__ = ("_inputs", "_outputs", "_shape", "name", "selector", "view")

    def __init__(self, entry: Json) -> None:
        self.name: str = entry["name"]
        self.view: bool = entry["stateMutability"] in ("view", "pure")
        self._inputs = [canonical_type(item) for item in entry["inputs"]]
        self._outputs = [canonical_type(item) for item in entry["outputs"]]
        self._shape = _shape_all(entry["outputs"], self.name)
        self.selector = keccak(f"{self.name}({','.join(self._inputs)})".encode())[:4]

    def encode(self, args: Sequence[Any]) -> bytes:
        return self.selector + encode_args(self.name, self._inputs, args)

    def decode(self, data: bytes) -> Any:
        """Nothing, the one result, or a tuple of several."""
        if not self._outputs:
            return None
        if not data:
            raise DataError(f"{self.name} returned nothing: is the contract deployed there?")
        values = self._shape(decode(self._outputs, data))
        return values[0] if len(values) == 1 else values


class EventCoder:
    """Decoder of one event."""

    __slots__ = ("_fields", "_indexed", "_plain", "name", "topic")

    def __init__(self, entry: Json) -> None:
        self.name: str = entry["name"]
        types = [canonical_type(item) for item in entry["inputs"]]
        self.topic = keccak(f"{self.name}({','.join(types)})".encode())
        fields = [
            (item["name"], kind, item["indexed"], _shape_of(item))
            for item, kind in zip(entry["inputs"], types, strict=True)
        ]
        self._fields = [(name, indexed, shape) for name, _, indexed, shape in fields]
        self._indexed = [_topic_type(kind) for _, kind, indexed, _ in fields if indexed]
        self._plain = [kind for _, kind, indexed, _ in fields if not indexed]

    def decode(self, log: Log) -> Event:
        indexed = iter(decode(self._indexed, b"".join(log.topics[1:])))
        plain = iter(decode(self._plain, log.data))
        args = {
            name: next(indexed) if is_indexed else shape(next(plain))
            for name, is_indexed, shape in self._fields
        }
        return Event(self.name, args, log.address)


class Abi:
    """A contract's functions by name and number of arguments, and its events by topic."""

    def __init__(self, entries: Sequence[Json]) -> None:
        self.entries = entries
        self._raw = {
            (entry["name"], len(entry["inputs"])): entry
            for entry in entries
            if entry["type"] == "function"
        }
        self._functions: dict[tuple[str, int], Function] = {}
        self._events: dict[bytes, EventCoder] | None = None

    def function(self, name: str, arity: int) -> Function:
        key = (name, arity)
        known = self._functions.get(key)
        if known is None:
            if key not in self._raw:
                takes = sorted(a for n, a in self._raw if n == name)
                bound = f"one with {takes} arguments" if takes else "in the ABI"
                raise InputError("function", f"{name} with {arity} arguments", bound=bound)
            known = self._functions[key] = Function(self._raw[key])
        return known

    def encode_constructor(self, args: Sequence[Any]) -> bytes:
        for entry in self.entries:
            if entry["type"] == "constructor":
                kinds = [canonical_type(item) for item in entry["inputs"]]
                return encode_args("constructor", kinds, args)
        return encode_args("constructor", [], args)

    def event(self, log: Log) -> Event | None:
        """The event a log stands for; None when this ABI does not know it."""
        if self._events is None:
            coders = [EventCoder(entry) for entry in self.entries if entry["type"] == "event"]
            self._events = {coder.topic: coder for coder in coders}
        coder = self._events.get(log.topics[0]) if log.topics else None
        return None if coder is None else coder.decode(log)


def encode_args(name: str, kinds: list[str], args: Sequence[Any]) -> bytes:
    """ABI-encode arguments; says which function and what it takes when one does not fit."""
    if len(args) != len(kinds):
        raise InputError(f"{name} arguments", len(args), bound=f"{len(kinds)}: {', '.join(kinds)}")
    try:
        return encode(kinds, args)
    except (EncodingError, TypeError, ValueError) as error:
        bound = f"({', '.join(kinds)})"
        raise InputError(f"{name} arguments", tuple(args), bound=bound, step=str(error)) from None


def canonical_type(item: Json) -> str:
    """The type as it stands in a signature: structs spelled out as tuples."""
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(canonical_type(part) for part in item["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def _topic_type(kind: str) -> str:
    dynamic = kind in ("string", "bytes") or kind.endswith((")", "]"))
    return "bytes32" if dynamic else kind


def _shape_all(items: Sequence[Json], name: str) -> _Shape:
    shapes = [_shape_of(item) for item in items]
    if all(shape is _as_is for shape in shapes):
        return _as_is
    return lambda values: tuple([f(v) for f, v in zip(shapes, values, strict=True)])


def _shape_of(item: Json) -> _Shape:
    """How a decoded value becomes a named tuple, if it is a struct or a list of them."""
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return _as_is
    parts = [_shape_of(part) for part in item["components"]]
    names = [part["name"] or f"field{i}" for i, part in enumerate(item["components"])]
    record = namedtuple(item["name"] or "Result", names, rename=True)  # type: ignore[misc]

    def build(value: Any) -> Any:
        return record(*[f(v) for f, v in zip(parts, value, strict=True)])

    shape: _Shape = build
    for _ in range(kind.count("[")):
        shape = _each(shape)
    return shape


def _each(shape: _Shape) -> _Shape:
    return lambda values: tuple([shape(value) for value in values])


def _as_is(value: Any) -> Any:
    return value
