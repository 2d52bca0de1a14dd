"""Markets and random portfolios for tests of margin."""

from __future__ import annotations

from hypothesis import strategies as st

from protocol.config import ReferencePolicy
from protocol.parameters import MarginParameters
from protocol.risk.margin import Margin, margin
from protocol.risk.portfolio import Collateral, Holding, MarketState, Portfolio
from protocol.surface.reference_model import reference_surface
from protocol.types import Instrument, Kind

NOW = 1_700_000_000
TODAY = NOW // 86_400
LIVES = (1, 8, 31, 91)
SPOT = 2_000.0
PERP = Instrument.perp(1)
PARAMETERS = MarginParameters()
STATE = MarketState(
    SPOT,
    reference_surface(
        underlying=1,
        spot=SPOT,
        variance=0.4,
        timestamp=NOW,
        days=[TODAY + life for life in LIVES],
        policy=ReferencePolicy(rate=0.03),
    ),
    uncertainty=0.001,
)


def option(kind: Kind, strike: float, life: int = 31) -> Instrument:
    return Instrument.option(kind, 1, TODAY + life, strike)


def call(strike: float, life: int = 31) -> Instrument:
    return option(Kind.CALL, strike, life)


def put(strike: float, life: int = 31) -> Instrument:
    return option(Kind.PUT, strike, life)


def portfolio(*legs: tuple[Instrument, float], cash: float = 0.0, ether: float = 0.0) -> Portfolio:
    posted = (Collateral(1, ether, 0.1),) if ether else ()
    return Portfolio(cash, tuple(Holding(i, size) for i, size in legs), posted)


def asked(held: Portfolio, state: MarketState = STATE, now: int = NOW) -> Margin:
    return margin(portfolio=held, markets={1: state}, now=now, parameters=PARAMETERS)


def merged(one: Portfolio, other: Portfolio) -> Portfolio:
    """Both as one account: positions in the same instrument net."""
    sizes: dict[Instrument, float] = {}
    for held in (*one.holdings, *other.holdings):
        sizes[held.instrument] = sizes.get(held.instrument, 0.0) + held.size
    return Portfolio(
        one.cash + other.cash,
        tuple(Holding(i, size) for i, size in sizes.items()),
        one.collateral + other.collateral,
    )


strikes = st.integers(20, 80).map(lambda steps: 50.0 * steps)
series = st.builds(option, st.sampled_from([Kind.CALL, Kind.PUT]), strikes, st.sampled_from(LIVES))
sizes = st.floats(-5.0, 5.0).map(lambda size: round(size, 3)).filter(bool)
options = st.lists(st.tuples(series, sizes), max_size=6, unique_by=lambda leg: leg[0].id)


@st.composite
def portfolios(draw: st.DrawFn) -> Portfolio:
    legs = draw(options)
    if draw(st.booleans()):
        legs.append((PERP, draw(sizes)))
    return portfolio(*legs, cash=draw(st.floats(0.0, 5_000.0)), ether=draw(st.floats(0.0, 3.0)))
