"""Clients of a collateral vault, and of whatever lends within a transaction (ERC-3156)."""

from __future__ import annotations

from typing import NamedTuple

from protocol.chain.base import Receipt
from protocol.clients.base import Contract


class CollateralTerms(NamedTuple):
    """WAD: tokens the vault takes in, and the share of them that one account may post."""

    cap: int
    account_share: int


class Utilisation(NamedTuple):
    """What a vault does with its tokens; WAD, shares for supply and posted."""

    held: int
    cap: int
    supply: int
    posted: int
    lent: int  # within transactions, ever


class FlashLender(Contract):
    """Lends tokens within one transaction. Amounts are smallest token units."""

    def max_flash_loan(self, token: str) -> int:
        return int(self._call("maxFlashLoan", token))

    def flash_fee(self, token: str, amount: int) -> int:
        return int(self._call("flashFee", token, amount))

    def flash_loan(
        self, receiver: str, token: str, amount: int, data: bytes = b"", *, sender: str
    ) -> Receipt:
        return self._send("flashLoan", receiver, token, amount, data, sender=sender)

    def flash_rate(self) -> int:
        """WAD of the amount."""
        return int(self._call("flash_rate"))

    def flash_lent(self) -> int:
        """Token units ever lent."""
        return int(self._call("flash_lent"))

    def set_flash_rate(self, rate: int, *, sender: str) -> Receipt:
        return self._send("set_flash_rate", rate, sender=sender)


class CollateralVault(FlashLender):
    """ERC-4626 shares of one token that the ledger takes as collateral. Shares are WAD."""

    def asset(self) -> str:
        return str(self._call("asset"))

    def instrument(self) -> int:
        """The ledger's id of what is posted here."""
        return int(self._call("INSTRUMENT"))

    def total_assets(self) -> int:
        return int(self._call("totalAssets"))

    def balance_of(self, owner: str) -> int:
        return int(self._call("balanceOf", owner))

    def tokens_of(self, shares: int) -> int:
        """Tokens the shares are redeemed for, WAD."""
        return int(self._call("tokens_of", shares))

    def shares_for(self, assets: int) -> int:
        """Shares that so many token units are taken out for, rounded up."""
        return int(self._call("previewWithdraw", assets))

    def utilisation(self) -> Utilisation:
        return Utilisation(*self._call("utilisation"))

    def terms(self) -> CollateralTerms:
        return CollateralTerms(*self._call("terms"))

    def set_terms(self, terms: CollateralTerms, *, sender: str) -> Receipt:
        return self._send("set_terms", tuple(terms), sender=sender)

    def deposit(self, assets: int, receiver: str, *, sender: str) -> Receipt:
        return self._send("deposit", assets, receiver, sender=sender)

    def redeem(self, shares: int, receiver: str, owner: str, *, sender: str) -> Receipt:
        return self._send("redeem", shares, receiver, owner, sender=sender)

    def post(self, account: int, shares: int, *, sender: str) -> Receipt:
        """The sender's shares into an account of the ledger."""
        return self._send("post", account, shares, sender=sender)

    def deposit_into(self, account: int, assets: int, *, sender: str) -> Receipt:
        """Tokens into shares into an account of the ledger."""
        return self._send("deposit_into", account, assets, sender=sender)

    def take(self, account: int, shares: int, receiver: str, *, sender: str) -> Receipt:
        """Shares out of an account of the ledger, as tokens to a receiver."""
        return self._send("take", account, shares, receiver, sender=sender)

    def try_take(self, account: int, shares: int, receiver: str, *, sender: str) -> int:
        """Token units that `take` would pay now; nothing is sent."""
        return int(self._call("take", account, shares, receiver, sender=sender))
