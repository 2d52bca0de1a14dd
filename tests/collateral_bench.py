"""A wired ledger, a collateral vault for wrapped ether and a borrower that does what it is told."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.chain.artifacts import Artifacts
from protocol.chain.base import Receipt
from protocol.chain.embedded import EmbeddedChain
from protocol.clients.base import AnyContract, deploy_contract
from protocol.clients.ledger import COLLATERAL
from protocol.units import WAD
from tests.ledger_bench import ADMIN, ETH, MAX, Deploy, LedgerBench, account, make_bench

ETHER = ETH << 54 | 1  # the instrument
CAP, ACCOUNT_SHARE = 1_000 * WAD, WAD // 4
HAIRCUT = WAD // 10
RATE = 5 * 10**14  # of a flash loan, the default


@dataclass(frozen=True, slots=True)
class Lender:
    """Somebody who lends, and the token he lends."""

    contract: AnyContract
    token: AnyContract

    @property
    def held(self) -> int:
        return int(self.contract.call("maxFlashLoan", self.token.address))

    def lend(self, receiver: str, amount: int, *, sender: str, data: bytes = b"") -> Receipt:
        return self.contract.send(
            "flashLoan", receiver, self.token.address, amount, data, sender=sender
        )


@dataclass(frozen=True, slots=True)
class CollateralBench:
    base: LedgerBench
    token: AnyContract
    vault: AnyContract
    receiver: AnyContract

    @property
    def chain(self) -> EmbeddedChain:
        return self.base.chain

    def lender(self, name: str) -> Lender:
        """`custody` or `vault`."""
        if name == "vault":
            return Lender(self.vault, self.token)
        return Lender(self.base.custody, self.base.token)

    def hold(self, owner: str, assets: int) -> None:
        """Tokens that the vault may take."""
        self.token.send("mint", owner, assets, sender=owner)
        self.token.send("approve", self.vault.address, MAX, sender=owner)

    def deposit(self, owner: str, assets: int) -> Receipt:
        self.hold(owner, assets)
        return self.vault.send("deposit", assets, owner, sender=owner)

    def post(self, owner: str, assets: int) -> int:
        """Tokens into the owner's account; shares."""
        self.hold(owner, assets)
        before = self.posted(owner)
        self.vault.send("deposit_into", account(owner), assets, sender=owner)
        return self.posted(owner) - before

    def take(self, owner: str, shares: int, *, receiver: str | None = None) -> Receipt:
        row = account(owner), shares, receiver or owner
        return self.vault.send("take", *row, sender=owner)

    def shares(self, owner: str) -> int:
        return int(self.vault.call("balanceOf", owner))

    def posted(self, owner: str) -> int:
        return int(self.base.ledger.call("position", account(owner), ETHER))

    def tokens(self, owner: str) -> int:
        return int(self.token.call("balanceOf", owner))

    def held(self) -> int:
        return int(self.vault.call("totalAssets"))

    def price(self) -> tuple[int, int]:
        """Assets and shares, the virtual ones with them: their ratio is the price of a share."""
        decimals = int(self.token.call("decimals"))
        extra = 10 ** (max(decimals, 6) - 6)
        supply = int(self.vault.call("totalSupply"))
        return self.held() + extra, supply + extra * 10 ** (18 - decimals)

    def set_terms(self, *, cap: int = CAP, account_share: int = ACCOUNT_SHARE) -> None:
        self.vault.send("set_terms", (cap, account_share), sender=ADMIN)


def make_collateral_bench(
    base: LedgerBench, deploy: Deploy, *, token: AnyContract | None = None, decimals: int = 18
) -> CollateralBench:
    """The vault may move collateral; nobody has any."""
    token = token or deploy("MockERC20", "Wrapped ether", "WETH", decimals)
    wiring = token.address, base.ledger.address, base.manager.address
    terms = CAP, ACCOUNT_SHARE
    vault = deploy("CollateralVault", *wiring, ETHER, "Vomma WETH", "vWETH", terms)
    base.ledger.send("set_venue", vault.address, COLLATERAL, sender=ADMIN)
    base.risk.send("set_collateral", ETHER, vault.address, HAIRCUT, sender=ADMIN)
    return CollateralBench(base, token, vault, deploy("FlashReceiver"))


def bench_of(
    chain: EmbeddedChain, deploy: Deploy, *, token: AnyContract | None = None, decimals: int = 18
) -> CollateralBench:
    base = make_bench(chain, deploy)
    return make_collateral_bench(base, deploy, token=token, decimals=decimals)


def build(
    chain: EmbeddedChain,
    artifacts: Artifacts,
    *,
    decimals: int = 18,
    token: tuple[object, ...] | None = None,
) -> CollateralBench:
    """The same without fixtures; `token`: the name and arguments of another contract."""

    def put(name: str, *args: object) -> AnyContract:
        artifact = artifacts[name]
        address = deploy_contract(chain, artifact, *args, sender=ADMIN)
        return AnyContract(chain, address, artifact.abi)

    other = put(str(token[0]), *token[1:]) if token else None
    return bench_of(chain, put, token=other, decimals=decimals)
