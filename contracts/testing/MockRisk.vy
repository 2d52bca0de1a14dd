#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
"""
@title MockRisk
@author Vomma
@license AGPL-3.0-only
@notice A risk engine that values what it was told: for tests of auctions to the wei.
"""


_MAX: constant(uint256) = 64
_WAD: constant(int256) = 10**18

perps: public(HashMap[uint256, address])
_marks: HashMap[uint256, int256]  # instrument -> of one contract
_needs: HashMap[uint256, uint256[2]]  # instrument -> initial, maintenance of one short contract


@external
def set_perp(underlying: uint256, market: address):
    self.perps[underlying] = market


@external
def set_scenarios(terms: uint256, tails: uint256):
    pass  # values here follow from no scenario


@external
def set_value(instrument: uint256, mark: int256, initial: uint256, maintenance: uint256):
    self._marks[instrument] = mark
    self._needs[instrument] = [initial, maintenance]


@external
@view
def assess(
    account: uint256,
    cash: int256,
    instruments: DynArray[uint256, _MAX],
    sizes: DynArray[int256, _MAX],
    fallback: uint256,
) -> (int256, uint256, uint256):
    return self._assess(cash, instruments, sizes)


@external
@view
def is_sound(
    account: uint256,
    cash: int256,
    instruments: DynArray[uint256, _MAX],
    sizes: DynArray[int256, _MAX],
    fallback: uint256,
    initial: bool,
) -> bool:
    equity: int256 = 0
    needs: uint256[2] = [0, 0]
    equity, needs[0], needs[1] = self._assess(cash, instruments, sizes)
    if initial:
        return equity >= convert(needs[0], int256)
    return equity >= convert(needs[1], int256)


@internal
@view
def _assess(
    cash: int256, instruments: DynArray[uint256, _MAX], sizes: DynArray[int256, _MAX]
) -> (int256, uint256, uint256):
    value: int256 = 0
    initial: uint256 = 0
    maintenance: uint256 = 0
    for i: uint256 in range(len(instruments), bound=_MAX):
        value += sizes[i] * self._marks[instruments[i]]
        if sizes[i] < 0:
            short: uint256 = convert(-sizes[i], uint256)
            initial += short * self._needs[instruments[i]][0]
            maintenance += short * self._needs[instruments[i]][1]
    return cash + value // _WAD, initial // 10**18, maintenance // 10**18
