#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy on
"""
@title Lens
@author Vomma
@license AGPL-3.0-only
@notice Bundled reads over one deployment. It keeps nothing, nobody depends on it, and it answers when
        prices are stale: whoever must act then needs to see.
@custom:security Views only.
@custom:kill Deploy another.
"""


from ..interfaces import IClearinghouse
from ..interfaces import ILens
from ..interfaces import IOptionPricer
from ..interfaces import IOptionsAMM
from ..interfaces import IPerpMarket
from ..interfaces import IPriceOracle
from ..interfaces import IVolSurface
from ..math import amm_codec
from ..math import series_codec


implements: ILens


ledger: immutable(IClearinghouse)
oracle: immutable(IPriceOracle)
surface: immutable(IVolSurface)
pricer: immutable(IOptionPricer)


@deploy
def __init__(ledger_: address, oracle_: address, surface_: address, pricer_: address):
    ledger = IClearinghouse(ledger_)
    oracle = IPriceOracle(oracle_)
    surface = IVolSurface(surface_)
    pricer = IOptionPricer(pricer_)


@external
@view
def pool(amm: address) -> ILens.PoolView:
    account: uint256 = convert(amm, uint256) << 96
    underlying: uint256 = staticcall IOptionsAMM(amm).UNDERLYING()
    perp: IPerpMarket = IPerpMarket(staticcall IOptionsAMM(amm).perp())
    hedge: int256 = staticcall ledger.position(
        account, series_codec._pack(series_codec.PERP, underlying, 0, 0)
    )
    live: bool = self._answers(underlying)
    funding_rate: int256 = 0
    funding_index: int256 = 0
    unrealised: int256 = 0
    if live:
        funding_rate, funding_index = staticcall perp.funding()
        unrealised = staticcall perp.unrealised(account, hedge)
    return ILens.PoolView(
        account=account,
        cash=staticcall ledger.cash(account),
        depth=staticcall IOptionsAMM(amm).depth(),
        risk=staticcall IOptionsAMM(amm).risk(),
        hedge=hedge,
        unrealised=unrealised,
        expiries=staticcall IOptionsAMM(amm).expiries(),
        spot=staticcall oracle.last_good(underlying),
        live=live,
        skew=staticcall perp.skew(),
        funding_rate=funding_rate,
        funding_index=funding_index,
    )


@external
@view
def account(account: uint256) -> ILens.AccountView:
    instruments: DynArray[uint256, 64] = []
    sizes: DynArray[int256, 64] = []
    instruments, sizes = staticcall ledger.portfolio(account)
    marks: DynArray[uint256, 64] = []
    for instrument: uint256 in instruments:
        marks.append(self._mark(instrument))
    return ILens.AccountView(
        cash=staticcall ledger.cash(account), instruments=instruments, sizes=sizes, marks=marks
    )


@external
@pure
def pack_parameters(
    weights: IOptionsAMM.Weights,
    spreads: IOptionsAMM.Spreads,
    limits: IOptionsAMM.Limits,
    flow: IOptionsAMM.FlowLimits,
    upkeep: IOptionsAMM.Upkeep,
) -> uint256[4]:
    return [
        amm_codec._pack_weights(weights, limits),
        amm_codec._pack_spreads(spreads, limits),
        amm_codec._pack_flow(flow, 0),
        amm_codec._pack_upkeep(upkeep),
    ]


@external
@view
def parameters(amm: address) -> ILens.PoolParameters:
    words: uint256[4] = staticcall IOptionsAMM(amm).parameters()
    return ILens.PoolParameters(
        weights=amm_codec._weights(words[0]),
        spreads=amm_codec._spreads(words[1]),
        limits=amm_codec._limits(words[0], words[1]),
        flow=amm_codec._flow_limits(words[2]),
        upkeep=amm_codec._upkeep(words[3]),
    )


@internal
@view
def _mark(instrument: uint256) -> uint256:
    if not series_codec._is_option(instrument):
        return 0
    day: uint256 = series_codec._day(instrument)
    words: uint256[2] = staticcall surface.words(series_codec._underlying(instrument), day)
    if words[1] == 0 or block.timestamp >= series_codec._expiry(day):
        return 0
    spot: IPriceOracle.Spot = staticcall oracle.last_good(series_codec._underlying(instrument))
    return staticcall pricer.mark(instrument, spot.price, words)


@internal
@view
def _answers(underlying: uint256) -> bool:
    # The oracle refuses by reverting; here that is an answer.
    return raw_call(
        oracle.address,
        abi_encode(underlying, method_id=method_id("spot(uint256)")),
        is_static_call=True,
        revert_on_failure=False,
    )
