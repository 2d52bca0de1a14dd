from __future__ import annotations

from pathlib import Path

import pytest

from protocol.chain.accounts import Keyring, create_keystore, dev_account
from protocol.errors import ConfigError, DataError

FIRST = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"  # what anvil prints as account (0)


def test_dev_account__first__is_anvils() -> None:
    assert Keyring.dev(1).addresses == (FIRST,)


def test_keystore__round_trip__same_signer(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "keeper.json"
    assert create_keystore(path, "secret", key=bytes(dev_account(0).key)) == FIRST
    assert path.stat().st_mode & 0o077 == 0
    assert bytes(dev_account(0).key).hex() not in path.read_text()
    ring = Keyring.from_keystores({path: "secret"})
    assert ring.account(FIRST.upper().replace("X", "x")).key == dev_account(0).key
    assert repr(ring) == f"Keyring({FIRST})"
    with pytest.raises(DataError, match="check the password"):
        Keyring.from_keystores({path: "guess"})
    with pytest.raises(ConfigError, match="never overwritten"):
        create_keystore(path, "secret")


def test_keyring__unknown_address__says_whose_keys_there_are() -> None:
    with pytest.raises(ConfigError, match=f"only for {FIRST}"):
        Keyring.dev(1).account("0x" + "00" * 20)


def test_keystore__missing__says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no keystore"):
        Keyring.from_keystores({tmp_path / "none.json": ""})
