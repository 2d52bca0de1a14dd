#pragma version ~=0.4.3
"""
@title pool_book
@author Vomma
@license AGPL-3.0-only
@notice The risk an options pool holds: per listed expiry the snapshot of its last refresh, its
        Greeks, value and reserve, and the totals over expiries with the hedge in the delta. Totals
        are kept, not summed, so that a trade touches one expiry only.
"""


from ..interfaces import IOptionPricer
from ..interfaces import IOptionsAMM
from ..math import amm_codec
from ..math import risk_math


struct Book:
    snapshot: uint256[2]  # surface words of the last refresh
    risk: uint256[3]  # delta | vega, gamma | vanna, volga | value


MAX_EXPIRIES: constant(uint256) = 12

totals: uint256[3]  # delta | vega, gamma | vanna, volga | reserve
expiry: HashMap[uint256, uint256]  # day -> expiry word (amm_codec); 0 = not listed
books: HashMap[uint256, Book]
days: DynArray[uint256, MAX_EXPIRIES]


@internal
@view
def _after(change: IOptionPricer.Risk) -> IOptionPricer.Risk:
    """
    @return The totals, with a change of the book.
    """
    return self._moved(self.totals, change)


@internal
@pure
def _moved(words: uint256[3], change: IOptionPricer.Risk) -> IOptionPricer.Risk:
    return IOptionPricer.Risk(
        delta=risk_math._high(words[0]) + change.delta,
        vega=risk_math._low(words[0]) + change.vega,
        gamma=risk_math._high(words[1]) + change.gamma,
        vanna=risk_math._low(words[1]) + change.vanna,
        volga=risk_math._high(words[2]) + change.volga,
        reserve=risk_math._low(words[2]) + change.reserve,
    )


@internal
@pure
def _pack(risk: IOptionPricer.Risk, last: int256) -> uint256[3]:
    return [
        risk_math._pair(risk.delta, risk.vega),
        risk_math._pair(risk.gamma, risk.vanna),
        risk_math._pair(risk.volga, last),
    ]


@internal
def _set_totals(after: IOptionPricer.Risk):
    self.totals = self._pack(after, after.reserve)


@internal
def _add_leg(day: uint256, size: int256, leg: IOptionPricer.PricedLeg) -> int256:
    """
    @notice One leg of a trade into its expiry: the pool gave `size` contracts at the mark.
    @return What of the reserve's change was not taken. Buys and sells reserve at different spots, so
            an expiry could end below zero; it stays at zero, and the totals must stay its sum.
    """
    change: IOptionPricer.Risk = leg.change
    word: uint256 = self.expiry[day]
    reserve: int256 = convert(amm_codec._expiry_reserve(word), int256) + change.reserve
    # The third low half of an expiry's words is its value, where the totals keep the reserve.
    change.reserve = -risk_math._scaled(convert(leg.mark, int256), size)
    now: IOptionPricer.Risk = self._moved(self.books[day].risk, change)
    self.books[day].risk = self._pack(now, now.reserve)
    self.expiry[day] = amm_codec._with_reserve(word, convert(max(reserve, 0), uint256))
    return max(-reserve, 0)


@internal
def _replace(day: uint256, book: IOptionPricer.BookValue, word: uint256, snapshot: uint256[2]):
    """
    @notice A revalued expiry instead of what was kept of it, in the totals too.
    """
    was: uint256[3] = self.books[day].risk
    reserve: int256 = convert(amm_codec._expiry_reserve(self.expiry[day]), int256)
    change: IOptionPricer.Risk = IOptionPricer.Risk(
        delta=book.risk.delta - risk_math._high(was[0]),
        vega=book.risk.vega - risk_math._low(was[0]),
        gamma=book.risk.gamma - risk_math._high(was[1]),
        vanna=book.risk.vanna - risk_math._low(was[1]),
        volga=book.risk.volga - risk_math._high(was[2]),
        reserve=book.risk.reserve - reserve,
    )
    self._set_totals(self._after(change))
    self.books[day] = Book(snapshot=snapshot, risk=self._pack(book.risk, book.value))
    self.expiry[day] = word


@internal
def _forget(day: uint256):
    self._replace(day, empty(IOptionPricer.BookValue), 0, [0, 0])
    days: DynArray[uint256, MAX_EXPIRIES] = []
    for listed: uint256 in self.days:
        if listed != day:
            days.append(listed)
    self.days = days


@internal
@view
def _vega(day: uint256) -> int256:
    return risk_math._low(self.books[day].risk[0])


@internal
@view
def _value() -> int256:
    """
    @return Value of all options held, at mark.
    """
    value: int256 = 0
    for day: uint256 in self.days:
        value += risk_math._low(self.books[day].risk[2])
    return value


@internal
@view
def _numerator(weights: uint256, reference: uint256) -> int256:
    """
    @return The potential before its division (risk_math): the change from an empty book.
    """
    total: int256 = risk_math._common_change(
        weights, reference, [0, 0, 0], self._after(empty(IOptionPricer.Risk))
    )
    for day: uint256 in self.days:
        total += risk_math._expiry_change(weights, 0, self._vega(day))
    return total


@internal
@view
def _states() -> DynArray[IOptionsAMM.ExpiryState, 12]:
    states: DynArray[IOptionsAMM.ExpiryState, 12] = []
    for day: uint256 in self.days:
        word: uint256 = self.expiry[day]
        greeks: uint256[3] = self.books[day].risk
        states.append(
            IOptionsAMM.ExpiryState(
                day=day,
                spot=amm_codec._expiry_spot(word),
                refreshed_at=amm_codec._expiry_time(word),
                strike_step=amm_codec._expiry_step(word),
                reserve=amm_codec._expiry_reserve(word),
                delta=risk_math._high(greeks[0]),
                vega=risk_math._low(greeks[0]),
                gamma=risk_math._high(greeks[1]),
                vanna=risk_math._low(greeks[1]),
                volga=risk_math._high(greeks[2]),
                value=risk_math._low(greeks[2]),
            )
        )
    return states
