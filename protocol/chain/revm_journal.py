"""What a transaction changed, read out of pyrevm's journal.

pyrevm 0.3.7 shows its journal only as Rust debug text, so that text is parsed, here and nowhere
else; the version is pinned because the text is nobody's interface. The differential test against
anvil (tests/differential/test_engines.py) is what keeps this honest.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

from protocol.errors import ConfigError

PYREVM = "0.3.7"

_ACCOUNT = ": Account { info: AccountInfo { balance: "
_INFO = re.compile(r"(\d+), nonce: (\d+), code_hash: 0x")
_CODE = re.compile(
    r"code: Some\(Bytecode \{ bytecode: 0x([0-9a-f]*), state: Analysed \{ len: (\d+)"
)
_STORAGE = " }, storage: {"
_SLOT = ": StorageSlot { previous_or_original_value: "  # between a slot's number and its values
_PRESENT = ", present_value: "
_STATUS = "}, status: AccountStatus("
_END = "}, transient_storage: {"
_known = lru_cache(maxsize=4_096)(int)  # slots and what was in them: numbers seen before


class AccountChange(NamedTuple):  # a tuple: made for every account of every transaction
    """An account as the transaction left it.

    `slots` holds (slot, before, after) of what changed; `code` is set on a created account;
    `destroyed` means created and destroyed in one transaction (EIP-6780).
    """

    address: str
    balance: int
    nonce: int
    slots: list[tuple[int, int, int]]
    code: bytes | None
    destroyed: bool


def check_version() -> None:
    """Stop if another pyrevm than the one whose text is known is installed."""
    found = version("pyrevm")
    if found != PYREVM:
        raise ConfigError(f"pyrevm is {found}, must be {PYREVM}: run `python3 dev.py setup`")


def read_changes(journal: str) -> list[AccountChange]:
    """Every account the open journal has loaded, changed or not, in no fixed order."""
    before, *accounts = journal[: journal.rindex(_END)].split(_ACCOUNT)
    changes = []
    for text in accounts:
        changes.append(_read_account(before[-42:], text))
        before = text
    return changes


def _read_account(address: str, text: str) -> AccountChange:
    """The account behind the mark; the text runs on to the next one's address."""
    info = _INFO.match(text)
    if info is None:
        raise ConfigError(f"cannot read pyrevm's journal at {text[:160]!r}")
    storage = text.index(_STORAGE, info.end()) + len(_STORAGE)  # passes over all the code
    status = text.index(_STATUS, storage - 1)
    flags = text[status + len(_STATUS) : text.index(")", status)]
    created = "Created" in flags
    return AccountChange(
        address,
        int(info[1]),
        int(info[2]),
        _read_slots(text[storage:status]),
        _read_code(text, info.end(), storage) if created else None,
        created and "SelfDestructed" in flags,
    )


def _read_slots(text: str) -> list[tuple[int, int, int]]:
    """(slot, before, after) of those whose value changed: `slot<_SLOT>before<_PRESENT>after }`.

    Compared as text: most slots were only read, and their 77 digits need not become numbers.
    """
    slots = []
    head, *values = text.split(_SLOT)
    for value in values:
        cut = value.index(",")
        start = cut + len(_PRESENT)
        stop = value.index(" ", start)
        if value[:cut] != value[start:stop]:
            slot = head[head.rfind(" ") + 1 :]
            slots.append((_known(slot), _known(value[:cut]), int(value[start:stop])))
        head = value
    return slots


def _read_code(journal: str, start: int, end: int) -> bytes:
    code = _CODE.search(journal, start, end)
    if code is None:
        return b""
    # revm pads analysed code with zeros: `len` is where the contract's own bytes stop
    return bytes.fromhex(code[1])[: int(code[2])]
