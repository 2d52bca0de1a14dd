#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
"""
@title SeriesHarness
@author Vomma
@license AGPL-3.0-only
@notice Test door to the series codec.
"""


from ..math import series_codec


@external
@pure
def check(instrument: uint256):
    series_codec._check(instrument)


@external
@pure
def pack(kind: uint256, underlying: uint256, day: uint256, strike_steps: uint256) -> uint256:
    return series_codec._pack(kind, underlying, day, strike_steps)


@external
@pure
def unpack(instrument: uint256) -> (uint256, uint256, uint256, uint256, uint256, bool):
    """
    @return (kind, underlying, day, strike WAD, expiry in seconds, is an option)
    """
    return (
        series_codec._kind(instrument),
        series_codec._underlying(instrument),
        series_codec._day(instrument),
        series_codec._strike(instrument),
        series_codec._expiry(series_codec._day(instrument)),
        series_codec._is_option(instrument),
    )


@external
@pure
def leg(instrument: uint256, size: int256) -> uint256:
    return series_codec._leg(instrument, size)


@external
@pure
def unleg(leg: uint256) -> (uint256, int256):
    return series_codec._leg_instrument(leg), series_codec._leg_size(leg)
