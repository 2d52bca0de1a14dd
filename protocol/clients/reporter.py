"""Reporting prices: which keys vouch, what the oracle would take, and posting it."""

from __future__ import annotations

from protocol.chain.accounts import Keyring
from protocol.chain.base import Receipt
from protocol.clients.oracle import PriceOracle
from protocol.clients.signed_prices import Report, sign_report
from protocol.errors import ConfigError, InputError
from protocol.units import from_wad, to_wad


class Reporter:
    """Signs prices of one pull feed with as many keys as the oracle asks for, and posts them."""

    def __init__(self, oracle: PriceOracle, keys: Keyring, *, underlying: int, sender: str) -> None:
        """
        Raises
        ------
        ConfigError
            Where the feed takes no signed prices, or too few of the keys may sign.
        """
        self.oracle, self.underlying, self.sender = oracle, underlying, sender
        self.feed = oracle.feed(underlying)
        if not self.feed.pull:
            raise ConfigError(
                f"the feed of underlying {underlying} is a push feed and takes no signed prices; "
                "`vomma reporter enable` changes that on a devnet"
            )
        self._keys = vouching(keys, *oracle.signers())

    @property
    def signers(self) -> tuple[str, ...]:
        return self._keys.addresses

    def sign(self, *, price: float, confidence: float, timestamp: int) -> Report:
        """A signed report of a price (USD) and its half-width (a fraction), checked as the oracle
        will check it.

        Raises
        ------
        InputError
            Where the price or the confidence is outside the feed's bounds.
        """
        wad, width = to_wad(price), to_wad(confidence)
        low, high, widest = self.feed.min_price, self.feed.max_price, self.feed.width
        if not low <= wad <= high:
            bound = f"from {from_wad(low):g} to {from_wad(high):g}, the feed's bounds"
            raise InputError("price", price, bound=bound, step="check its source")
        if not 0 <= width <= widest:
            bound = f"from 0 to {from_wad(widest):g}, the feed's bound"
            raise InputError("confidence", confidence, bound=bound)
        report = Report(self.underlying, wad, width, timestamp)
        chain_id = self.oracle.chain.chain_id
        return sign_report(report, self._keys, chain_id=chain_id, oracle=self.oracle.address)

    def post(self, report: Report) -> tuple[Receipt, bool]:
        """(the receipt, whether the price was taken: another may have been faster)."""
        receipt = self.oracle.post([report], sender=self.sender)
        taken = any(event.name == "PricePosted" for event in self.oracle.events(receipt))
        return receipt, taken


def vouching(keys: Keyring, signers: tuple[str, ...], threshold: int) -> Keyring:
    """As many of the keys as a price needs, of those the oracle knows.

    Raises
    ------
    ConfigError
        Where there are too few, or the oracle knows no signers yet.
    """
    known = [address for address in keys.addresses if address in signers]
    if threshold == 0:
        raise ConfigError("the oracle knows no signers yet; its ADMIN sets them")
    if len(known) < threshold:
        raise ConfigError(
            f"{len(known)} of the keys {keys} may sign, the oracle asks for {threshold} of "
            f"{', '.join(signers)}; add the keystores of more signers"
        )
    return Keyring(keys.account(address) for address in known[:threshold])
