#pragma version ~=0.4.3
"""
@title EngineProbe
@author Vomma
@license AGPL-3.0-only
@notice Does to an EVM what Vomma's contracts do, and what they avoid: writes and clears, transient
        slots, nested calls that fail, creation, payments, every kind of failure. Two engines that
        agree on it in status, gas, logs and state agree where it matters.
"""

interface EngineProbe:
    def write(key: uint256, amount: uint256): payable


event Touched:
    key: indexed(uint256)
    who: indexed(address)
    note: String[40]


words: public(HashMap[uint256, uint256])
spawned: public(DynArray[address, 128])
flicker: transient(HashMap[uint256, uint256])


@deploy
@payable
def __init__(seed: uint256):
    self.words[0] = seed


@external
@payable
def __default__():
    log Touched(key=msg.value, who=msg.sender, note="paid")


@external
@payable
def write(key: uint256, amount: uint256):
    self.words[key] = amount
    log Touched(key=key, who=msg.sender, note="written")


@external
def clear_range(start: uint256, count: uint256):
    for i: uint256 in range(count, bound=64):
        self.words[start + i] = 0


@external
def churn(key: uint256, rounds: uint256) -> uint256:
    """
    @notice Rewrites of one slot within a transaction: every branch of the net gas metering.
    """
    before: uint256 = self.words[key]
    for i: uint256 in range(rounds, bound=16):
        self.words[key] = i % 3
    self.words[key] = before if rounds % 2 == 0 else rounds
    return before


@external
def blink(key: uint256) -> uint256:
    """
    @notice One more than the transient slot held: always 1 in a transaction of its own.
    """
    self.flicker[key] += 1
    return self.flicker[key]


@external
def nest(depth: uint256, fail_at: uint256) -> bool:
    """
    @notice Calls itself; the level `fail_at` reverts after writing, the others go on.
    """
    self.words[1_000 + depth] += 1
    if depth == 0:
        return True
    ok: bool = raw_call(
        self,
        abi_encode(depth - 1, fail_at, method_id=method_id("nest(uint256,uint256)")),
        revert_on_failure=False,
    )
    log Touched(key=depth, who=self, note="ok" if ok else "failed")
    assert depth != fail_at, "probe: level fails"
    return ok


@external
@payable
def pay(receiver: address, amount: uint256, gas_for_it: uint256):
    raw_call(receiver, b"", value=amount, gas=gas_for_it)


@external
def look(target: address) -> (uint256, bytes32, uint256):
    """
    @notice Cold and warm looks at an account.
    """
    size: uint256 = target.codesize
    code_hash: bytes32 = target.codehash
    return size, code_hash, target.balance


@external
def stamp() -> uint256:
    """
    @notice Everything about block and transaction that the engines must agree on.
    """
    self.words[2_000] = block.timestamp
    self.words[2_001] = block.number
    self.words[2_002] = chain.id
    self.words[2_003] = block.basefee + tx.gasprice
    self.words[2_004] = block.gaslimit
    self.words[2_005] = convert(tx.origin, uint256)
    self.words[2_006] = convert(block.coinbase, uint256)
    self.words[2_007] = self.balance
    self.words[2_008] = msg.gas
    return msg.gas


@external
@payable
def spawn(amount: uint256) -> address:
    """
    @notice A proxy of this contract that has already written a word of its own.
    """
    child: address = create_minimal_proxy_to(self, value=msg.value)
    extcall EngineProbe(child).write(7, amount)
    self.spawned.append(child)
    return child


@external
@payable
def create(init_code: Bytes[1024], salt: bytes32) -> address:
    """
    @notice Any creation, also one that fails (empty address) or destroys itself at once.
    """
    return raw_create(init_code, value=msg.value, salt=salt, revert_on_failure=False)


@external
def fail(how: uint256):
    self.words[3_000] += 1
    if how == 0:
        raise "probe: with a reason"
    if how == 1:
        raise
    if how == 2:
        raise UNREACHABLE
    if how == 3:
        raw_revert(b"\x01\x02\x03\x04")
    if how == 4:
        self.words[3_000] = max_value(uint256) + how
    for i: uint256 in range(max_value(uint256)):
        self.words[i] = i
