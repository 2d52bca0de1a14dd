#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
"""
@title AccountHarness
@author Vomma
@license AGPL-3.0-only
@notice Test door to the account codec, with indices that the ledger does not have yet.
"""


from ..ledger import account_codec


@internal
@pure
def _config(haircut: uint256, borrow: uint256) -> uint256:
    return (haircut << 160) | (borrow << 64)


@external
@view
def initial_config() -> uint256:
    return account_codec.INITIAL_CONFIG


@external
@pure
def cash(word: uint256, haircut: uint256, borrow: uint256) -> int256:
    return account_codec._cash(word, self._config(haircut, borrow))


@external
@pure
def with_cash(word: uint256, cash: int256, haircut: uint256, borrow: uint256) -> uint256:
    return account_codec._with_cash(word, cash, self._config(haircut, borrow))


@external
@pure
def with_first(word: uint256, instrument: uint256) -> uint256:
    return account_codec._with_first(word, instrument)


@external
@pure
def fields(word: uint256) -> (uint256, uint256, bool, bool):
    """
    @return (first instrument, count, is a pool, has margin positions)
    """
    return (
        account_codec._first(word),
        account_codec._count(word),
        account_codec._is_pool(word),
        account_codec._has_margin(word),
    )


@external
@view
def level(config: uint256) -> uint256:
    return account_codec._level(config)


@external
@pure
def with_level(config: uint256, level: uint256, halt_end: uint256) -> uint256:
    return account_codec._with_level(config, level, halt_end)
