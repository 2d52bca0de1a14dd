"""Encoders and decoders generated from a contract's ABI.

Each function's selector and coders are made on first use and kept; struct results come back as
named tuples, events as a name and a dict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from protocol.chain.abi_decode import Json, decoder_of
from protocol.chain.abi_encode import encoder_of
from protocol.chain.base import Log
from protocol.errors import DataError, InputError


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log. Indexed strings, bytes and arrays are their hash, as the chain keeps them."""

    name: str
    args: dict[str, Any]
    address: str


class Arguments:
    """Encoder of what a function takes."""

    __slots__ = ("_encode", "_name", "signature")

    def __init__(self, name: str, items: Sequence[Json]) -> None:
        self._name, self._encode = name, encoder_of(items)
        self.signature = f"({','.join(canonical_type(item) for item in items)})"

    def encode(self, args: Sequence[Any]) -> bytes:
        """Says which function and what it takes when an argument does not fit."""
        try:
            return self._encode(args)
        except ValueError as error:
            name = f"{self._name} arguments"
            bound = self.signature.replace(",", ", ")
            raise InputError(name, tuple(args), bound=bound, step=str(error)) from None


class Function:
    """Coders of one function (one arity of it: Vyper's defaults make several)."""

    __slots__ = ("_arguments", "_decode", "name", "selector", "view")

    def __init__(self, entry: Json) -> None:
        self.name: str = entry["name"]
        self.view: bool = entry["stateMutability"] in ("view", "pure")
        self._arguments = Arguments(self.name, entry["inputs"])
        self._decode = decoder_of(entry["outputs"]) if entry["outputs"] else None
        self.selector = keccak(f"{self.name}{self._arguments.signature}".encode())[:4]

    def encode(self, args: Sequence[Any]) -> bytes:
        return self.selector + self._arguments.encode(args)

    def decode(self, data: bytes) -> Any:
        """Nothing, the one result, or a tuple of several."""
        if self._decode is None:
            return None
        if not data:
            raise DataError(f"{self.name} returned nothing: is the contract deployed there?")
        values = self._decode(data)
        return values[0] if len(values) == 1 else values


class EventCoder:
    """Decoder of one event."""

    __slots__ = ("_indexed", "_names", "_plain", "name", "topic")

    def __init__(self, entry: Json) -> None:
        self.name: str = entry["name"]
        inputs: Sequence[Json] = entry["inputs"]
        kinds = [canonical_type(item) for item in inputs]
        self.topic = keccak(f"{self.name}({','.join(kinds)})".encode())
        self._names = [(item["name"], bool(item["indexed"])) for item in inputs]
        self._indexed = decoder_of([_as_topic(item) for item in inputs if item["indexed"]])
        self._plain = decoder_of([item for item in inputs if not item["indexed"]])

    def decode(self, log: Log) -> Event:
        indexed = iter(self._indexed(b"".join(log.topics[1:])))
        plain = iter(self._plain(log.data))
        args = {name: next(indexed if is_topic else plain) for name, is_topic in self._names}
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
        inputs: Sequence[Json] = ()
        for entry in self.entries:
            if entry["type"] == "constructor":
                inputs = entry["inputs"]
        return Arguments("constructor", inputs).encode(args)

    def event(self, log: Log) -> Event | None:
        """The event a log stands for; None when this ABI does not know it."""
        if self._events is None:
            coders = [EventCoder(entry) for entry in self.entries if entry["type"] == "event"]
            self._events = {coder.topic: coder for coder in coders}
        coder = self._events.get(log.topics[0]) if log.topics else None
        return None if coder is None else coder.decode(log)


def canonical_type(item: Json) -> str:
    """The type as it stands in a signature: structs spelled out as tuples."""
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(canonical_type(part) for part in item["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def _as_topic(item: Json) -> Json:
    """What stands in a topic: the value of a word, the hash of anything longer."""
    kind: str = item["type"]
    longer = kind in ("string", "bytes") or kind.startswith("tuple") or kind.endswith("]")
    return {"type": "bytes32"} if longer else item
