#pragma version ~=0.4.3
"""
@title signed_prices
@author Vomma
@license AGPL-3.0-only
@notice Who may vouch for a price, and whether enough of them did: k of up to 15 signers, all of
        the same EIP-712 message

          Price(uint256 underlying,uint256 price,uint256 confidence,uint256 timestamp)

        under the domain ("Vomma PriceOracle", "1", chain id, this contract). Signatures are compact
        (EIP-2098) and in ascending order of their signers, so that nobody counts twice.
@custom:security One message for all: k keys must be stolen to forge a price. Of a median of k
        prices half as many would do, and whoever posts could choose among the subsets of k.
"""


from snekmate.utils import ecdsa
from snekmate.utils import eip712_domain_separator as domain

from ..interfaces import IPriceOracle


initializes: domain


MAX_SIGNERS: constant(uint256) = 15

_PRICE_TYPE: constant(bytes32) = keccak256(
    "Price(uint256 underlying,uint256 price,uint256 confidence,uint256 timestamp)"
)


_signers: DynArray[address, MAX_SIGNERS]
# Every signer's word holds the threshold of all: checking a signature reads no other word.
_thresholds: HashMap[address, uint256]


@deploy
def __init__():
    domain.__init__("Vomma PriceOracle", "1")


@internal
@view
def _check(report: IPriceOracle.Report):
    digest: bytes32 = self._digest(
        report.underlying, report.price, report.confidence, report.timestamp
    )
    threshold: uint256 = 1
    last: uint256 = 0
    for signature: IPriceOracle.Signature in report.signatures:
        # Refuses what nobody signed and the second form of a signature (high s).
        signer: address = ecdsa._try_recover_r_vs(digest, signature.r, signature.vs)
        threshold = self._thresholds[signer]
        assert threshold != 0, "oracle: unknown signer"
        number: uint256 = convert(signer, uint256)
        assert number > last, "oracle: signers not ascending"
        last = number
    assert len(report.signatures) >= threshold, "oracle: too few signatures"


@internal
@view
def _digest(underlying: uint256, price: uint256, confidence: uint256, timestamp: uint256) -> bytes32:
    return domain._hash_typed_data_v4(
        keccak256(abi_encode(_PRICE_TYPE, underlying, price, confidence, timestamp))
    )


@internal
def _set_signers(signers: DynArray[address, MAX_SIGNERS], threshold: uint256):
    assert threshold != 0 and threshold <= len(signers), "oracle: threshold out of range"
    for old: address in self._signers:
        self._thresholds[old] = 0
    last: uint256 = 0
    for signer: address in signers:
        number: uint256 = convert(signer, uint256)
        assert number > last, "oracle: signers not ascending"
        last = number
        self._thresholds[signer] = threshold
    self._signers = signers
    log IPriceOracle.SignersSet(signers=signers, threshold=threshold)


@internal
@view
def _list() -> (DynArray[address, MAX_SIGNERS], uint256):
    """
    @return (signers in ascending order, threshold), empty and 0 before the first are set.
    """
    signers: DynArray[address, MAX_SIGNERS] = self._signers
    return signers, 0 if len(signers) == 0 else self._thresholds[signers[0]]
