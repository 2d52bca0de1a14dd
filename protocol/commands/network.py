"""Where commands find the contracts, and whose account they use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from protocol.chain import devnet
from protocol.chain.accounts import Keyring, dev_account
from protocol.chain.artifacts import Artifacts
from protocol.chain.base import DEVNET_CHAIN_ID, Chain
from protocol.chain.rpc import DevnetChain, RpcChain
from protocol.clients.system import System, system_at
from protocol.config import Settings
from protocol.errors import ChainError, ConfigError, InputError, Revert

HINTS = {
    "amm: expiry not listed": "see `vomma quote` for what is listed",
    "amm: strike off the grid": "see `vomma quote` for the distance of strikes",
    "amm: price too old": "`vomma trade --delayed` waits for the next price",
    "amm: halted by drawdown": "nothing is quoted until the ADMIN clears it",
    "amm: refresh needed": "`vomma devnet wait 1` refreshes a devnet",
    "amm: surface stale": "`vomma deploy` opens a fresh market on a devnet",
    "amm: surface behind, no ask": "wait for the next push, or sell",
    "amm: surface behind, no bid": "wait for the next push, or buy",
    "amm: vega per push": "trade less, or wait for the next surface push",
    "amm: vega per block": "trade less, or a second later",
    "amm: delta per block": "trade less, or a second later",
    "amm: vega per hour": "trade less, or later",
    "amm: delta per hour": "trade less, or later",
    "amm: valuation stale": "`vomma devnet wait 1` refreshes a devnet",
    "collateral: above account share": "`vomma collateral status` shows what one account may post",
    "collateral: above cap": "`vomma collateral status` shows what the vault takes in",
    "ledger: below initial margin": "`vomma risk account` shows the headroom",
    "ledger: insolvency pending": "money leaves again once the loss of an auction is covered",
    "oracle: price stale": "`vomma devnet wait 1` refreshes a devnet",
    "orders: no new price yet": "try again after the feed's next update",
    "orders: price too old": "try again after the feed's next update",
    "pricer: market drifted": "`vomma devnet wait 1` refreshes a devnet",
    "pricer: delta cut-off": "choose a strike nearer to the money",
}


def url_of(rpc: str | None) -> str:
    """The node to talk to."""
    if rpc is not None:
        return rpc
    running = devnet.status()
    return running.url if running is not None else Settings().rpc_url


def open_devnet(rpc: str | None) -> DevnetChain:
    """The devnet, its clock held.

    Raises
    ------
    InputError
        Where the node is another network: it has real money and no test powers.
    """
    url = url_of(rpc)
    chain_id = RpcChain(url).chain_id
    if chain_id != DEVNET_CHAIN_ID:
        raise InputError(
            "chain", chain_id, bound=f"a devnet ({DEVNET_CHAIN_ID})", step="run `vomma devnet up`"
        )
    return DevnetChain(url)


def open_system(
    rpc: str | None, *, account: int = 0, keystore: Path | None = None, unlock: bool = False
) -> tuple[System, str]:
    """The deployment on a node, and the address that acts.

    A key is asked for its password only where it is to sign (`unlock`).

    Raises
    ------
    NotDeployed, ChainUnavailable
        Where there is no deployment, or no node.
    ConfigError
        Where a network other than the devnet is to be used without a key.
    """
    url = url_of(rpc)
    chain_id = RpcChain(url).chain_id
    book = devnet.read_addresses(chain_id)
    chain: Chain
    if chain_id == DEVNET_CHAIN_ID:
        chain, sender = DevnetChain(url), dev_account(account).address.lower()
    elif keystore is None:
        raise ConfigError(f"chain {chain_id} is no devnet: pass the key that acts with --keystore")
    else:
        chain, sender = _with_key(url, keystore, unlock)
    return system_at(chain, Artifacts(), book), sender


def open_reader(rpc: str | None) -> System:
    """The deployment on a node, to be read only, all of it as of one block: no key is needed.

    Raises
    ------
    NotDeployed, ChainUnavailable
        Where there is no deployment, or no node.
    """
    chain = RpcChain(url_of(rpc)).pin()
    return system_at(chain, Artifacts(), devnet.read_addresses(chain.chain_id))


@contextmanager
def explained() -> Iterator[None]:
    """A contract's refusal together with what to do about it."""
    try:
        yield
    except Revert as error:
        hint = HINTS.get(error.reason)
        if hint is None:
            raise
        raise ChainError(f"refused with {error.reason!r}; {hint}") from None


def _with_key(url: str, keystore: Path, unlock: bool) -> tuple[Chain, str]:
    if not keystore.exists():
        raise ConfigError(f"keystore {keystore} does not exist")
    if not unlock:
        return RpcChain(url), _address_in(keystore)
    password = typer.prompt(f"password of {keystore}", hide_input=True, err=True)
    keys = Keyring.from_keystores({keystore: password})
    return RpcChain(url, keys=keys), keys.addresses[0]


def _address_in(keystore: Path) -> str:
    """The Web3 Secret Storage form names its address in the open."""

    try:
        return f"0x{json.loads(keystore.read_text())['address'].removeprefix('0x').lower()}"
    except (ValueError, KeyError, AttributeError):
        raise ConfigError(f"keystore {keystore} names no address; is it a keystore file?") from None
