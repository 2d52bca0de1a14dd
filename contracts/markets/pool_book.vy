#pragma version ~=0.4.3
"""
@title pool_book
@author Vomma
@license AGPL-3.0-only
@notice The risk an options pool holds: per listed expiry the snapshot of its last refresh and a book
        of its Greeks, value and reserve, and the totals over expiries with the hedge in the delta.
        Totals are kept, not summed, so that a trade touches one expiry only. Words: risk_math.
"""


from ..interfaces import IOptionPricer
from ..interfaces import IOptionsAMM
from ..math import amm_codec
from ..math import risk_math


MAX_EXPIRIES: constant(uint256) = 12
_SWAD: constant(int256) = 10**18

totals: uint256[2]
expiry: HashMap[uint256, uint256]  # day -> expiry word (amm_codec); 0 = not listed
snapshots: HashMap[uint256, uint256[2]]  # surface words of the last refresh
books: HashMap[uint256, uint256[2]]
days: DynArray[uint256, MAX_EXPIRIES]


@internal
def _keep(totals: uint256[2], day: uint256, book: uint256[2]):
    """
    @notice Words that a trade or a refresh has come to.
    """
    self.totals[0] = totals[0]
    self.totals[1] = totals[1]
    self._keep_book(day, book)


@internal
def _keep_book(day: uint256, book: uint256[2]):
    self.books[day][0] = book[0]
    self.books[day][1] = book[1]


@internal
def _hedged(delta: int256):
    self.totals[0] = risk_math._with_delta(self.totals[0], delta)


@internal
def _replace(day: uint256, book: IOptionPricer.BookValue, word: uint256, snapshot: uint256[2]):
    """
    @notice A revalued expiry instead of what was kept of it, in the totals too.
    """
    was: uint256[2] = self.books[day]
    now: IOptionPricer.Risk = book.risk
    now.reserve = risk_math._reserve_steps(now.reserve)
    total: IOptionPricer.Risk = risk_math._totals(self.totals)
    total.delta += now.delta - risk_math._delta(was[0])
    total.vega += now.vega - risk_math._vega(was[0])
    total.gamma += now.gamma - risk_math._high(was[1])
    total.reserve += now.reserve - risk_math._reserve(was[0])
    self._keep(
        risk_math._pack_totals(total, risk_math._flow(self.totals)),
        day,
        [
            risk_math._first(now.delta, now.vega, now.reserve),
            risk_math._pair(now.gamma, book.value),
        ],
    )
    self.snapshots[day] = snapshot
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
def _value() -> int256:
    """
    @return Value of all options held, at mark.
    """
    value: int256 = 0
    for day: uint256 in self.days:
        value += risk_math._low(self.books[day][1])
    return value


@internal
@view
def _value_near(spot: uint256) -> int256:
    """
    @return Value of all options held, expiries refreshed at another spot carried to this one by
            their delta and gamma.
    """
    value: int256 = self._value()
    for day: uint256 in self.days:
        then: uint256 = amm_codec._expiry_spot(self.expiry[day])
        move: int256 = convert(spot, int256) - convert(then, int256)
        if move != 0:
            book: uint256[2] = self.books[day]
            share: int256 = move * _SWAD // convert(then, int256)
            value += risk_math._delta(book[0]) * move // _SWAD
            value += risk_math._high(book[1]) * share // _SWAD * share // _SWAD // 2
    return value


@internal
@view
def _numerator(weights: uint256, reference: uint256) -> int256:
    """
    @return The potential before its division (risk_math): the change from an empty book.
    """
    total: int256 = risk_math._common_change(
        weights, reference, empty(IOptionPricer.Risk), risk_math._totals(self.totals)
    )
    for day: uint256 in self.days:
        total += risk_math._expiry_change(weights, 0, risk_math._vega(self.books[day][0]))
    return total


@internal
@view
def _states() -> DynArray[IOptionsAMM.ExpiryState, 12]:
    states: DynArray[IOptionsAMM.ExpiryState, 12] = []
    for day: uint256 in self.days:
        word: uint256 = self.expiry[day]
        book: uint256[2] = self.books[day]
        states.append(
            IOptionsAMM.ExpiryState(
                day=day,
                spot=amm_codec._expiry_spot(word),
                refreshed_at=amm_codec._expiry_time(word),
                bound=amm_codec._expiry_bound(word),
                strike_step=amm_codec._expiry_step(word),
                reserve=convert(risk_math._reserve(book[0]), uint256),
                delta=risk_math._delta(book[0]),
                vega=risk_math._vega(book[0]),
                gamma=risk_math._high(book[1]),
                value=risk_math._low(book[1]),
            )
        )
    return states
