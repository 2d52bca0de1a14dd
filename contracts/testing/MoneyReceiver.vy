#pragma version ~=0.4.3
#pragma evm-version cancun
#pragma optimize gas
#pragma nonreentrancy off
"""
@title MoneyReceiver
@author Vomma
@license AGPL-3.0-only
@notice Does what it is told, and calls back when it is paid: says whether it got anywhere.
"""


event CalledBack:
    success: bool


_target: address
_data: Bytes[2048]


@external
def call_back(target: address, data: Bytes[2048]):
    """
    @notice What to call on every payment; nobody: refuse to be paid.
    """
    self._target = target
    self._data = data


@external
@payable
def run(target: address, data: Bytes[2048]):
    raw_call(target, data, value=msg.value)


@external
@payable
def __default__():
    assert self._target != empty(address)
    success: bool = raw_call(self._target, self._data, revert_on_failure=False)
    log CalledBack(success=success)
