"""Keys: encrypted keystores for real networks, the well-known ones for a devnet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from protocol.errors import ConfigError, DataError

DEV_MNEMONIC = "test test test test test test test test test test test junk"


class Keyring:
    """Addresses one can sign for. Keys stay inside; `repr` shows addresses only."""

    def __init__(self, accounts: Iterable[LocalAccount]) -> None:
        self._accounts = {account.address.lower(): account for account in accounts}

    @classmethod
    def dev(cls, count: int = 10) -> Keyring:
        """The first accounts every anvil starts with; the whole world knows their keys."""
        return cls(dev_account(index) for index in range(count))

    @classmethod
    def from_keystores(cls, passwords: Mapping[Path, str]) -> Keyring:
        """Keys from encrypted keystore files (the Web3 Secret Storage form geth writes)."""
        return cls(_unlock(path, password) for path, password in passwords.items())

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(self._accounts)

    def account(self, address: str) -> LocalAccount:
        """The signer of an address, for messages and orders."""
        account = self._accounts.get(address.lower())
        if account is None:
            raise ConfigError(
                f"no key for {address}, only for {', '.join(self._accounts) or 'nobody'}: "
                "add its keystore"
            )
        return account

    def sign_transaction(self, address: str, transaction: Mapping[str, Any]) -> bytes:
        """The raw signed transaction; `to` is empty for a deployment."""
        checked = dict(transaction)
        if checked["to"]:  # eth-account insists on the checksum
            checked["to"] = to_checksum_address(checked["to"])
        return bytes(self.account(address).sign_transaction(checked).raw_transaction)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._accounts)})"


@lru_cache(maxsize=64)
def dev_account(index: int) -> LocalAccount:
    """One of the accounts every anvil starts with."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(
        DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}"
    )
    return account


def create_keystore(path: Path, password: str, *, key: bytes | None = None) -> str:
    """Write a new encrypted key (or a given one) for its owner's eyes only; its address."""
    if path.exists():
        raise ConfigError(f"{path} exists: keys are never overwritten, choose another name")
    account: LocalAccount = Account.create() if key is None else Account.from_key(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(account.encrypt(password)))
    return account.address.lower()


def _unlock(path: Path, password: str) -> LocalAccount:
    try:
        key = Account.decrypt(path.read_text(), password)
    except FileNotFoundError:
        raise ConfigError(f"no keystore {path}: make one, or point to another") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} does not open: {error}; check the password") from None
    account: LocalAccount = Account.from_key(key)
    return account
