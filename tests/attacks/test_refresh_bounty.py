"""The bounty of a refresh, farmed for a day: every expiry, by age and by the feed's noise."""

from __future__ import annotations

from protocol.chain.artifacts import Artifact
from protocol.config import Upkeep
from protocol.units import WAD
from tests.attacks.stage import contracts, judge, on_both_sides
from tests.attacks.twins import broken
from tests.system_fixtures import SPOTS, TAKER, Exchange, account, build_exchange

DAY = 86_400
NOISE = 0.009  # of spot to either side: less than the least drift that is ever paid, there and back
TERMS = Upkeep()


def pays_at_any_age() -> Artifact:
    age = "block.timestamp >= amm_codec._expiry_time(word) + upkeep.bounty_age"
    return broken("OptionsAMM", {age: "True"}, module="pool_terms")


def farm(exchange: Exchange, step: int) -> int:
    """A refresh of each expiry every `step` seconds, twice."""
    before, spot = exchange.cash(TAKER), SPOTS["ETH"]
    for turn in range(DAY // step):
        exchange.advance(step, eth=spot * (1 + NOISE * (-1 if turn % 2 else 1)))
        for day in exchange.days:
            for _ in range(2):
                exchange.eth.amm._send("refresh", day, account(TAKER), sender=TAKER)
    return exchange.cash(TAKER) - before


@on_both_sides
def test_bounty__farmed_for_a_day__is_one_an_age_and_expiry(side: str) -> None:
    """16 USD a day and expiry, 192 for twelve. A trend adds one for each 2 %."""
    exchange = build_exchange(contracts(side, pays_at_any_age))
    bound = len(exchange.days) * (DAY // TERMS.bounty_age) * round(TERMS.bounty * WAD)
    step = 600 if side == "broken" else TERMS.bounty_age
    profit = farm(exchange, step)
    judge(side, profit, bound=bound, loot=10 * bound)
    if side == "real":
        assert profit == bound
        assert farm(exchange, TERMS.bounty_age - 1) <= 0
