"""A ledger with a Liquidator on it, valued by a risk engine that says what it is told.

TAKER is short `SHORTS` calls against POOL, at a mark of 500 and with 2,500 of equity: 1,500 is its
maintenance, 1,875 its initial margin. A mark of 500 + x takes 10 x off its equity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocol.chain.base import Receipt
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract
from protocol.clients.liquidator import NO_LIMIT, Liquidator, Terms
from protocol.types import Instrument
from protocol.units import WAD
from tests.ledger_bench import (
    ADMIN,
    ETH,
    LIQUIDATE,
    MAKER,
    OTHER,
    POOL,
    STRANGER,
    TAKER,
    LedgerBench,
    account,
    make_bench,
)

PERP_POOL = "0x" + "c2" * 20
BIDDER = OTHER
SICK = account(TAKER)
SHORTS = 10 * WAD
MARK = 500
INITIAL, MAINTENANCE = 1_875 * WAD, 1_500 * WAD  # of the whole short

Deploy = Callable[..., AnyContract]


@dataclass(frozen=True, slots=True)
class Ward:
    """The bench and what every test of an auction does with it."""

    bench: LedgerBench
    liquidator: Liquidator
    series: Instrument

    @property
    def chain(self) -> EmbeddedChain:
        return self.bench.chain

    def mark(self, dollars: float, series: Instrument | None = None) -> None:
        """The value of one contract, with the margin that every short of one needs."""
        row = (round(dollars * 1_000) * WAD // 1_000, INITIAL // 10, MAINTENANCE // 10)
        self.bench.risk.send("set_value", (series or self.series).id, *row, sender=ADMIN)

    def sicken(self, equity: float) -> None:
        """Mark the account down to an equity, as it was opened."""
        self.mark(MARK + (2_500 - equity) / 10)

    def margin(self, who: int = SICK) -> tuple[int, int, int]:
        return tuple(self.bench.ledger.call("margin", who, 2))

    def flag(self, who: int = SICK) -> Receipt:
        return self.liquidator.flag(who, sender=STRANGER)

    def terms(self, who: int = SICK) -> Terms:
        return self.liquidator.terms(who)

    def bid(
        self, share: int, *, who: int = SICK, owner: str = BIDDER, limit: int = NO_LIMIT
    ) -> tuple[int, int, tuple[int, int, int]]:
        """(share taken, cash, covered by [insurance, pools, everybody])."""
        receipt = self.liquidator.bid(who, account(owner), share, limit=limit, sender=owner)
        (sold,) = (e.args for e in self.liquidator.events(receipt) if e.name == "SliceSold")
        return sold["share"], sold["cash"], tuple(sold["covered"])

    def insure(self, dollars: int) -> None:
        """Insurance out of MAKER's cash, by way of a fill and back."""
        other = self.bench.call(9_000)
        fees = (0, dollars * WAD, 0)
        row = {"taker": MAKER, "maker": POOL}
        self.bench.settle([other.id << 128 | WAD], fees=fees, **row)
        self.bench.settle([other.id << 128 | (2**128 - WAD)], **row)

    def insurance(self) -> int:
        return int(self.bench.ledger.call("reserves")[0])

    def held_back(self) -> bool:
        """Whether withdrawals wait."""
        row = (account(MAKER), 1, MAKER)
        try:
            self.bench.chain.call(
                sender=MAKER,
                to=self.bench.ledger.address,
                data=self.bench.ledger.encode("withdraw", *row),
            )
        except Exception as refusal:
            return "insolvency pending" in str(refusal)
        return False

    def cash(self, owner: str) -> int:
        return self.bench.cash(owner)


def make_ward(chain: EmbeddedChain, deploy: Deploy, *, liquidator: str = "Liquidator") -> Ward:
    """Everybody funded, the short open, nobody unhealthy."""

    def put(name: str, *args: object) -> AnyContract:
        return deploy("MockRisk") if name == "RiskEngine" else deploy(name, *args)

    bench = make_bench(chain, put)
    contract = deploy(liquidator, bench.manager.address, bench.ledger.address, bench.expiry.address)
    made = Liquidator(chain, contract.address, contract.abi)
    bench.ledger.send("set_venue", made.address, LIQUIDATE, sender=ADMIN)
    bench.ledger.send("open_pool", account(PERP_POOL), sender=ADMIN)
    made.set_loss_pools(ETH, account(POOL), account(PERP_POOL), sender=ADMIN)
    ward = Ward(bench, made, bench.call(3_000))
    ward.mark(MARK)
    for owner, dollars in ((TAKER, 2_500), (MAKER, 50_000), (BIDDER, 20_000), (POOL, 30_000)):
        bench.fund(owner, dollars)
    bench.fill(ward.series, -SHORTS, payment=-MARK * SHORTS, maker=POOL)
    return ward
