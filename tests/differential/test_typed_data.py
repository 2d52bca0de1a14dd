"""Digests and signatures put together by hand, against eth-account's and the contract's."""

from __future__ import annotations

import random

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from protocol.chain.accounts import Keyring, dev_account
from protocol.chain.typed_data import sign_compact
from protocol.clients.signed_prices import (
    DOMAIN_NAME,
    DOMAIN_VERSION,
    MAX_CONFIDENCE,
    Report,
    price_digest,
    sign_report,
)
from protocol.errors import InputError

FIELDS = ("underlying", "price", "confidence", "timestamp")
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def random_report(rng: random.Random) -> Report:
    return Report(
        underlying=rng.randint(1, 255),
        price=rng.choice([1, 2**96 - 1, rng.randint(1, 2**96 - 1)]),
        confidence=rng.choice([0, MAX_CONFIDENCE, rng.randint(0, MAX_CONFIDENCE)]),
        timestamp=rng.choice([1, 2**40 - 1, rng.randint(1, 2**40 - 1)]),
    )


def reference(report: Report, chain_id: int, oracle: str):
    return encode_typed_data(
        {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": chain_id}
        | {"verifyingContract": oracle},
        {"Price": [{"name": name, "type": "uint256"} for name in FIELDS]},
        {name: getattr(report, name) for name in FIELDS},
    )


@pytest.mark.parametrize("seed", range(60))
def test_price_digest__of_any_report__is_eth_accounts(seed):
    rng = random.Random(seed)
    report, oracle = random_report(rng), f"0x{rng.getrandbits(160):040x}"
    chain_id = rng.choice([1, 31_337, 2**64 - 1])
    message = reference(report, chain_id, oracle)
    digest = price_digest(report, chain_id=chain_id, oracle=oracle)
    assert digest == keccak(b"\x19\x01" + message.header + message.body)

    signer = Account.create(str(seed))
    signed = sign_report(report, Keyring([signer]), chain_id=chain_id, oracle=oracle)
    ((r, vs),) = signed.signatures
    theirs = Account.sign_message(message, signer.key)
    s = vs & (2**255 - 1)
    assert (r, s, 27 + (vs >> 255)) == (theirs.r, theirs.s, theirs.v)
    assert 0 < s <= HALF_ORDER


def test_sign_report__any_order_of_keys__ascends_by_signer():
    rng = random.Random(1)
    accounts = [dev_account(n) for n in range(6)]
    report = random_report(rng)
    where = {"chain_id": 1, "oracle": "0x" + "11" * 20}
    digest = price_digest(report, **where)
    expected = tuple(
        sign_compact(bytes(a.key), digest)
        for a in sorted(accounts, key=lambda a: int(a.address, 16))
    )
    for _ in range(5):
        rng.shuffle(accounts)
        assert sign_report(report, Keyring(accounts), **where).signatures == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("underlying", 0),
        ("underlying", 256),
        ("price", 0),
        ("price", 2**96),
        ("confidence", -1),
        ("confidence", MAX_CONFIDENCE + 1),
        ("timestamp", 0),
        ("timestamp", 2**40),
    ],
)
def test_report__out_of_bounds__names_value_and_bound(name, value):
    fields = {"underlying": 1, "price": 1, "confidence": 0, "timestamp": 1} | {name: value}
    with pytest.raises(InputError, match=rf"report's {name} is {value}, must be from"):
        Report(**fields)
