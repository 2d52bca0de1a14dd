from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol.chain.embedded import EmbeddedChain
from protocol.chain.revm_journal import read_changes
from protocol.clients.base import AnyContract
from protocol.errors import ConfigError, InputError, Revert

if TYPE_CHECKING:
    from tests.conftest import Deploy, Reverts

HOLDER, OTHER = "0x" + "aa" * 20, "0x" + "bb" * 20

# Hand-assembled runtimes, each behind the same loader.
COUNTER = "5f54600101805f555f5260205ff3"  # ++slot 0, return it
TRANSIENT = "5f5c600101805f5d5f5260205ff3"  # ++transient slot 0, return it
CLOCK = "425f524360205246604052445f60600152415f6080015260a05ff3"  # time, number, chain id, …
CLEARER = "60016001555f600155600160025500"  # set slot 1 and clear it: a refund


def loader(runtime: str) -> bytes:
    body = bytes.fromhex(runtime)
    return bytes.fromhex(f"60{len(body):02x}80600a5f395ff300") + body


@pytest.fixture
def token(deploy: Deploy) -> AnyContract:
    return deploy("MockERC20", "Dollar", "USD", 6)


def put(chain: EmbeddedChain, runtime: str) -> str:
    created = chain.transact(sender=HOLDER, to=None, data=loader(runtime)).created
    assert created is not None
    return created


def number(data: bytes | None) -> int:
    assert data is not None
    return int.from_bytes(data[:32], "big")


def test_transact__first_and_second_write__cost_as_on_a_real_chain(chain: EmbeddedChain) -> None:
    counter = put(chain, COUNTER)
    first = chain.transact(sender=HOLDER, to=counter, data=b"")
    second = chain.transact(sender=HOLDER, to=counter, data=b"")
    # 21000 + cold slot 2100 + write, plus 2+3+3+2+2+2+2+3+3+2+... of stack work: the difference
    # between a first write (20000) and a repeat (2900) is what must hold
    assert first.gas_used - second.gas_used == 20_000 - 2_900
    assert second.gas_used - 21_000 - 2_100 - 2_900 < 50
    assert number(second.return_data) == 2


def test_transact__slot_set_and_cleared__refund_capped_at_a_fifth(chain: EmbeddedChain) -> None:
    spent = 21_000 + 2_100 + 20_000 + 100 + 2_100 + 20_000 + 6 * 3 - 1
    receipt = chain.transact(sender=HOLDER, to=put(chain, CLEARER), data=b"")
    assert receipt.gas_used == spent - spent // 5  # 19 900 would be due


def test_transact__again__transient_storage_is_gone(chain: EmbeddedChain) -> None:
    lock = put(chain, TRANSIENT)
    assert [number(chain.call(to=lock, data=b"")) for _ in range(2)] == [1, 1]
    receipts = [chain.transact(sender=HOLDER, to=lock, data=b"") for _ in range(2)]
    assert [number(receipt.return_data) for receipt in receipts] == [1, 1]


def test_transact__block__sees_its_own_number_and_held_time(chain: EmbeddedChain) -> None:
    clock = put(chain, CLOCK)
    chain.set_time(chain.timestamp + 60)
    held = chain.timestamp
    for _ in range(2):
        receipt = chain.transact(sender=HOLDER, to=clock, data=b"")
        assert receipt.return_data is not None
        assert number(receipt.return_data) == held == receipt.timestamp
        assert number(receipt.return_data[32:]) == receipt.block_number == chain.block_number
        assert number(receipt.return_data[64:]) == chain.chain_id == 31_337
    seen = chain.call(to=clock, data=b"")
    assert (number(seen), number(seen[32:])) == (held, chain.block_number)


def test_set_time__backwards__raises(chain: EmbeddedChain) -> None:
    with pytest.raises(InputError, match="revert to a snapshot"):
        chain.set_time(chain.timestamp - 1)


def test_transact__reverts__nothing_changes(
    chain: EmbeddedChain, token: AnyContract, reverts: Reverts
) -> None:
    before = (chain.block_number, chain.nonce(HOLDER), token.call("totalSupply"))
    with reverts("token: balance"):
        token.send("transfer", OTHER, 1, sender=HOLDER)
    assert (chain.block_number, chain.nonce(HOLDER), token.call("totalSupply")) == before


def test_transact__out_of_gas__says_so(token: AnyContract) -> None:
    with pytest.raises(Revert, match="halt: OutOfGas"):
        token.send("mint", HOLDER, 1, sender=HOLDER, gas_limit=25_000)


def test_transact__nonces__one_each(chain: EmbeddedChain, token: AnyContract) -> None:
    for count in range(3):
        assert chain.nonce(HOLDER) == count
        token.send("mint", HOLDER, 1, sender=HOLDER)
    assert chain.nonce(token.address) == 1


def test_transact__from_a_contract__allowed(chain: EmbeddedChain, token: AnyContract) -> None:
    token.send("mint", token.address, 5, sender=HOLDER)
    token.send("transfer", HOLDER, 5, sender=token.address)
    assert token.call("balanceOf", HOLDER) == 5
    assert chain.code(token.address)


def test_transact__value__moves(chain: EmbeddedChain) -> None:
    chain.fund(HOLDER, 10)
    chain.transact(sender=HOLDER, to=OTHER, data=b"", value=4)
    assert (chain.balance(HOLDER), chain.balance(OTHER)) == (6, 4)


def test_call__of_a_write__keeps_nothing(chain: EmbeddedChain) -> None:
    counter = put(chain, COUNTER)
    assert number(chain.call(to=counter, data=b"")) == 1
    assert chain.storage(counter, 0) == 0


def test_revert__to_snapshot__restores_state_blocks_and_time(
    chain: EmbeddedChain, token: AnyContract
) -> None:
    token.send("mint", HOLDER, 7, sender=HOLDER)
    before = (chain.block_number, chain.timestamp, chain.nonce(HOLDER), chain.balance(OTHER))
    outer = chain.snapshot()
    token.send("mint", HOLDER, 1, sender=HOLDER)
    inner = chain.snapshot()
    late = put(chain, COUNTER)
    chain.transact(sender=HOLDER, to=late, data=b"")
    chain.fund(OTHER, 5)
    chain.advance(10)
    chain.revert(inner)
    assert token.call("balanceOf", HOLDER) == 8
    assert (chain.code(late), chain.storage(late, 0)) == (b"", 0)
    chain.revert(outer)
    assert token.call("balanceOf", HOLDER) == 7
    after = (chain.block_number, chain.timestamp, chain.nonce(HOLDER), chain.balance(OTHER))
    assert after == before
    with pytest.raises(InputError, match="snapshot"):
        chain.revert(inner)


def test_revert__over_a_deployment__same_address_and_gas_again(chain: EmbeddedChain) -> None:
    point = chain.snapshot()
    runs = []
    for _ in range(2):
        counter = put(chain, COUNTER)
        gas = chain.transact(sender=HOLDER, to=counter, data=b"").gas_used
        runs.append((counter, gas, chain.code(counter).hex()))
        chain.revert(point)
        point = chain.snapshot()
    assert runs[0] == runs[1]
    assert runs[0][2] == COUNTER


def test_read_changes__unknown_text__stops() -> None:
    text = "0x" + "11" * 20 + ": Account { info: AccountInfo { balance: x }, transient_storage: {"
    with pytest.raises(ConfigError, match="journal"):
        read_changes(text)
