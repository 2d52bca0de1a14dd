#pragma version ~=0.4.3
"""
@title vault_terms
@author Vomma
@license AGPL-3.0-only
@notice The bounds inside which the ADMIN may set the terms of a LiquidityVault.
"""


from ..interfaces import ILiquidityVault


MIN_DELAY: constant(uint256) = 60
MAX_DELAY: constant(uint256) = 7 * 86_400
MIN_WAIT: constant(uint256) = 3_600
MAX_WAIT: constant(uint256) = 30 * 86_400
MIN_REQUEST: constant(uint256) = 10**18
MAX_REQUEST: constant(uint256) = 10**24  # a million
MAX_FLOOR: constant(uint256) = 5 * 10**17
MAX_EXIT_FEE: constant(uint256) = 2 * 10**16  # 2 %


@internal
@pure
def _check(terms: ILiquidityVault.Terms):
    assert terms.delay >= MIN_DELAY and terms.delay <= MAX_DELAY, "vault: delay out of bounds"
    assert terms.min_request >= MIN_REQUEST, "vault: request out of bounds"
    assert terms.min_request <= MAX_REQUEST, "vault: request out of bounds"
    assert terms.liquidity_floor <= MAX_FLOOR, "vault: floor out of bounds"
    assert terms.exit_fee <= MAX_EXIT_FEE, "vault: exit fee out of bounds"
    assert terms.max_wait >= MIN_WAIT and terms.max_wait <= MAX_WAIT, "vault: wait out of bounds"
