"""What a replay remembers: one frozen record a step, and what happened in it.

Amounts are numbers in the quote token, sizes in units of the underlying, rates a year's fraction.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.risk.attribution import StepAttribution
from protocol.types import Surface


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """One AMM trade of a taker; `cash` all in, > 0 paid by the taker."""

    timestamp: int
    account: int
    legs: tuple[tuple[int, float], ...]  # (instrument id, size)
    mark: float
    impact: float
    spread: float
    fee: float
    cash: float
    spot: float


@dataclass(frozen=True, slots=True)
class HedgeRecord:
    """One hedge of the pool on the perp; `cost` is what was paid over size * index."""

    timestamp: int
    size: float
    index: float
    cost: float


@dataclass(frozen=True, slots=True)
class StepRecord:
    """State at the end of a step, and the flows within it."""

    timestamp: int
    spot: float
    nav: float
    shares: float
    nav_per_share: float
    risk_potential: float
    depth: float
    delta_options: float
    delta_net: float  # after hedges
    gamma_cash: float
    vega: float
    reserve: float
    utilisation: float  # reserve / NAV
    premium: float  # net cash takers paid the pool for options at mark
    impact: float
    spread: float
    fees: float  # all fees of AMM trades
    hedging_cost: float
    funding: float  # received by the pool
    trades: int
    hedges: int
    refused: int  # taker requests the AMM reverted
    pool_pnl: float  # change of NAV not explained by LP flows
    delta_pnl: float  # its delta part: (option delta + hedge) * change of spot
    perp_pnl: float
    insurance: float
    treasury: float
    attribution: StepAttribution
    imbalance: int  # wei: largest |sum of positions| over instruments
    shortfall: int  # wei: max(0, positive cash + fees - tokens - debts)


@dataclass(frozen=True, slots=True)
class LiquidationRecord:
    """What happened to an unhealthy account: flagged, a slice of it sold, or its debt paid.

    `discount` went to the bidder on top of mark; `insurance`, `pools` and `haircut` paid what the
    account could not.
    """

    timestamp: int
    account: int
    kind: str  # the event: AuctionStarted, SliceSold, DebtAbsorbed
    share: float
    discount: float
    insurance: float
    pools: float
    haircut: float


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An informed trader: what it made, by cause, on how many trades, and over time.

    `stale` is what prices were off when it traded; `held` is what came of holding: funding, gamma
    and vega, and moves it was not hedged for.
    """

    name: str
    pnl: float
    trades: int
    causes: tuple[tuple[str, float], ...]
    refusals: tuple[tuple[str, int], ...]
    path: tuple[tuple[int, float], ...]  # (unix seconds, P&L so far)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A whole replay of one scenario with one seed."""

    scenario: str
    seed: int
    source: str  # what the prices are: a file's name or the model's
    underlying: str
    hedged: bool
    engine: str
    steps: tuple[StepRecord, ...]
    trades: tuple[TradeRecord, ...]
    hedges: tuple[HedgeRecord, ...]
    surfaces: tuple[Surface, ...]  # on-chain surface at chosen moments
    expiries: tuple[tuple[int, float], ...]  # (day, settlement price)
    refusals: tuple[tuple[str, int], ...]  # (reason, count)
    transactions: int
    gas_used: int
    wall_s: float
    agents: tuple[AgentRecord, ...] = ()
    liquidations: tuple[LiquidationRecord, ...] = ()
    bad_debt: float = 0.0  # what accounts without positions still owe at the end
