"""The rival of `bench sim`: the same trades through ape's contract API on an anvil of its own.

Kept as fast as ape can be: senders are impersonated, so nothing is signed; its log is silent; the
contract is given its ABI, so nothing is compiled; anvil is Vomma's devnet with a bounded history.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from protocol.bench.trade_stream import GENESIS, Trade, market_on, play
from protocol.chain import devnet
from protocol.chain.artifacts import Artifacts
from protocol.clients.markets import FOREVER, NO_LIMIT
from protocol.sim.world import World, account_of

_NO_STATE_FILE = 3_600  # seconds between two writes of it: longer than the bench
_GAS_MONEY = 10**20  # ape pays for gas


@contextmanager
def ape_on_anvil(
    artifacts: Artifacts, settling: Sequence[Trade]
) -> Iterator[Callable[[Sequence[Trade]], list[int]]]:
    """The bench's market on a new anvil with some trades in it; a function that trades on in ape.

    Raises
    ------
    AnvilMissing
        Without the node program.
    """
    from ape import networks
    from ape.logging import LogLevel, logger

    with TemporaryDirectory() as name:
        folder = Path(name)
        node = devnet.start(
            port=_free_port(), folder=folder, genesis_time=GENESIS, state_interval=_NO_STATE_FILE
        )
        try:
            world = market_on(node.connect(), artifacts)
            play(world, settling)
            settings = {"host": node.url, "manage_process": False}
            with (
                logger.at_level(LogLevel.ERROR),
                networks.ethereum.local.use_provider("foundry", provider_settings=settings),
            ):
                yield _through_ape(world)
        finally:
            devnet.stop(folder)


def _through_ape(world: World) -> Callable[[Sequence[Trade]], list[int]]:
    import ape

    amm = ape.Contract(world.market.amm.address, abi=list(world.market.amm.abi.entries))
    for taker in world.takers:
        world.chain.fund(taker, _GAS_MONEY)
    senders = {taker: ape.accounts[taker] for taker in world.takers}

    def run(trades: Sequence[Trade]) -> list[int]:
        used = []
        for trade in trades:
            legs = [(trade.leg.instrument.id, trade.leg.size)]
            account, sender = account_of(trade.taker), senders[trade.taker]
            used.append(amm.trade(account, legs, NO_LIMIT, FOREVER, sender=sender).gas_used)
        return used

    return run


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
