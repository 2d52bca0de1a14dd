"""Prices that k of n signers vouch for: the twin of signed_prices.vy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from protocol.chain.accounts import Keyring
from protocol.chain.typed_data import domain_separator, sign_compact, typed_digest, word
from protocol.errors import InputError
from protocol.units import WAD

DOMAIN_NAME, DOMAIN_VERSION = "Vomma PriceOracle", "1"
MAX_CONFIDENCE = WAD // 10
_PRICE_TYPE = keccak(
    b"Price(uint256 underlying,uint256 price,uint256 confidence,uint256 timestamp)"
)


@dataclass(frozen=True, slots=True)
class Report:
    """A price and who vouches for it; see IPriceOracle.Report.

    `price` is WAD, `confidence` a WAD fraction of it (half-width), `timestamp` unix seconds,
    `signatures` pairs (r, vs) in ascending order of their signers.
    """

    underlying: int
    price: int
    confidence: int
    timestamp: int
    signatures: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in (
            ("underlying", 1, 255),
            ("price", 1, 2**96 - 1),
            ("confidence", 0, MAX_CONFIDENCE),
            ("timestamp", 1, 2**40 - 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"report's {name}", value, bound=f"from {low} to {high}")

    def row(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return self.underlying, self.price, self.confidence, self.timestamp, self.signatures


def price_digest(report: Report, *, chain_id: int, oracle: str) -> bytes:
    """The 32 bytes every signer of a report signs."""
    domain = domain_separator(
        name=DOMAIN_NAME, version=DOMAIN_VERSION, chain_id=chain_id, contract=oracle
    )
    members = report.underlying, report.price, report.confidence, report.timestamp
    return typed_digest(domain, _PRICE_TYPE + b"".join(word(member) for member in members))


def sign_report(report: Report, keys: Keyring, *, chain_id: int, oracle: str) -> Report:
    """The report with the signatures of all keys of a ring, and of no others."""
    digest = price_digest(report, chain_id=chain_id, oracle=oracle)
    return replace(report, signatures=_signatures(keys, digest, keys.addresses))


def _signatures(
    keys: Keyring, digest: bytes, signers: Iterable[str]
) -> tuple[tuple[int, int], ...]:
    # Lower-case addresses of one length sort as the numbers they are.
    return tuple(
        sign_compact(bytes(keys.account(signer).key), digest) for signer in sorted(signers)
    )
