"""What a transaction changed, read out of pyrevm's journal.

pyrevm 0.3.7 shows its journal only as Rust debug text, so that text is parsed, here and nowhere
else; the version is pinned because the text is nobody's interface. The differential test against
anvil (tests/differential/test_engines.py) is what keeps this honest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version

from protocol.errors import ConfigError

PYREVM = "0.3.7"

_ACCOUNT = ": Account { info: AccountInfo { balance: "
_INFO = re.compile(r"(\d+), nonce: (\d+), code_hash: 0x")
_CODE = re.compile(
    r"code: Some\(Bytecode \{ bytecode: 0x([0-9a-f]*), state: Analysed \{ len: (\d+)"
)
_STORAGE = " }, storage: {"
# a slot whose value changed; its number stands before the match (a pattern that starts with digits
# would be tried at every digit of every value)
_CHANGED = re.compile(
    r": StorageSlot \{ previous_or_original_value: (\d+), present_value: (?!\1 )(\d+) \}"
)
_STATUS = "}, status: AccountStatus("
_END = "}, transient_storage: {"


@dataclass(frozen=True, slots=True)
class AccountChange:
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
    end = journal.rindex(_END)
    changes = []
    at = journal.find(_ACCOUNT, 0, end)
    while at >= 0:
        change, at = _read_account(journal, at, end)
        changes.append(change)
        at = journal.find(_ACCOUNT, at, end)
    return changes


def _read_account(journal: str, at: int, end: int) -> tuple[AccountChange, int]:
    """The account whose mark is at `at` (its address stands before), and where its text ends."""
    info = _INFO.match(journal, at + len(_ACCOUNT), end)
    if info is None:
        raise ConfigError(f"cannot read pyrevm's journal at {journal[at : at + 160]!r}")
    storage = journal.index(_STORAGE, info.end(), end) + len(_STORAGE)  # passes over all the code
    status = journal.index(_STATUS, storage - 1, end)
    after = journal.index(")", status + len(_STATUS))
    slots = []
    for found in _CHANGED.finditer(journal, storage, status):
        number = max(storage, journal.rfind(" ", storage, found.start()) + 1)
        slots.append((int(journal[number : found.start()]), int(found[1]), int(found[2])))
    flags = journal[status + len(_STATUS) : after]
    created = "Created" in flags
    change = AccountChange(
        journal[at - 42 : at],
        int(info[1]),
        int(info[2]),
        slots,
        _read_code(journal, info.end(), storage) if created else None,
        created and "SelfDestructed" in flags,
    )
    return change, after


def _read_code(journal: str, start: int, end: int) -> bytes:
    code = _CODE.search(journal, start, end)
    if code is None:
        return b""
    # revm pads analysed code with zeros: `len` is where the contract's own bytes stop
    return bytes.fromhex(code[1])[: int(code[2])]
