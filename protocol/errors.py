"""Every error Vomma raises on purpose.

    VommaError
    ├─ InputError           an argument is outside its bounds
    ├─ DataError            a file or feed does not say what it should
    ├─ ConfigError          the set-up cannot work
    │  └─ CompileError      a contract does not compile
    └─ ChainError           the chain said no, or nothing
       ├─ Revert            a call or transaction reverted: `reason`, `data`
       ├─ ChainUnavailable  no answer from the node
       ├─ NotDeployed       no code, or no known address
       ├─ PortInUse         something else listens where the devnet should
       └─ AnvilMissing      the devnet's node program is not installed

A message carries the value, the bound it broke and the next step.
"""

from __future__ import annotations

from functools import partial


class VommaError(Exception):
    """Base of every error below."""


class InputError(VommaError):
    """An argument outside its bounds.

    `InputError("strike", -1, bound="a price above 0", step="pass the strike in WAD")` reads
    "strike is -1, must be a price above 0; pass the strike in WAD".
    """

    def __init__(self, name: str, value: object, *, bound: str, step: str = "") -> None:
        self.name, self.value, self.bound, self.step = name, value, bound, step
        super().__init__(f"{name} is {value!r}, must be {bound}" + (f"; {step}" if step else ""))

    def __reduce__(self) -> tuple[partial[InputError], tuple[str, object]]:
        """Between processes too, where errors are rebuilt from positional arguments alone."""
        return partial(type(self), bound=self.bound, step=self.step), (self.name, self.value)


class DataError(VommaError):
    """A file or feed does not say what it should."""


class ConfigError(VommaError):
    """The set-up cannot work."""


class CompileError(ConfigError):
    """A contract does not compile."""


class ChainError(VommaError):
    """The chain said no, or nothing."""


class Revert(ChainError):
    """A call or transaction reverted; the state is as before.

    `reason` is the contract's reason string, `panic 0x..` for a Solidity panic, `halt: ...` when
    the EVM stopped (out of gas, invalid opcode) and empty for a bare revert; `data` is raw.
    """

    def __init__(self, reason: str, data: bytes = b"") -> None:
        self.reason, self.data = reason, data
        super().__init__(reason or "reverted without a reason")

    def __reduce__(self) -> tuple[type[Revert], tuple[str, bytes]]:
        return type(self), (self.reason, self.data)


class ChainUnavailable(ChainError):
    """No answer from the node."""


class NotDeployed(ChainError):
    """No code at an address, or no known address for a name."""


class PortInUse(ChainError):
    """Something else listens where the devnet should."""


class AnvilMissing(ChainError):
    """The devnet's node program is not installed."""
