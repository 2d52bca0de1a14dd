"""Gas of flash loans: whole receipts, from the transaction's base cost to the lender's events."""

from __future__ import annotations

from protocol.bench.trades import listed_world
from protocol.chain.artifacts import Artifacts
from protocol.clients.base import AnyContract, deploy_contract
from protocol.clients.collateral import FlashLender
from protocol.clients.ledger import Token
from protocol.sim.world import World
from protocol.units import WAD

_DOLLARS, _ETHERS = 100_000, 50  # of each loan


def loan_gas_rows(artifacts: Artifacts) -> list[tuple[str, int]]:
    """(name, gas) of loans that are not the first of lender or borrower.

    `flash loan`: from Custody, to a borrower that holds the fee and approves the repayment in its
    callback; `collateral vault`: from there. `example borrower`: through FlashRoundTrip, with
    the fee out of the wallet of its caller.
    """
    world = listed_world(artifacts)
    custody, vault = world.system.custody, world.market.collateral
    dollars, ether = world.system.token, _fill(world, artifacts)
    amount = _DOLLARS * 10 ** dollars.decimals()
    loans = _Loans(world, artifacts)
    return [
        ("flash loan", loans.direct(custody, dollars, amount)),
        ("flash loan, collateral vault", loans.direct(vault, ether, _ETHERS * WAD)),
        ("flash loan, example borrower", loans.through_example(custody, dollars, amount)),
    ]


class _Loans:
    """Loans that a taker asks for, with money for the fees."""

    def __init__(self, world: World, artifacts: Artifacts) -> None:
        self.world, self.artifacts, self.taker = world, artifacts, world.takers[0]

    def direct(self, lender: FlashLender, token: Token, amount: int) -> int:
        at = self._deploy("MockBorrower").address
        token.mint(at, amount, sender=self.taker)
        lender.flash_loan(at, token.address, amount, sender=self.taker)
        return lender.flash_loan(at, token.address, amount, sender=self.taker).gas_used

    def through_example(self, lender: FlashLender, token: Token, amount: int) -> int:
        borrower = self._deploy("FlashRoundTrip")
        token.mint(self.taker, amount, sender=self.taker)
        token.approve(borrower.address, 2**256 - 1, sender=self.taker)
        terms = lender.address, token.address, amount
        borrower.send("run", *terms, sender=self.taker)
        return borrower.send("run", *terms, sender=self.taker).gas_used

    def _deploy(self, name: str) -> AnyContract:
        artifact, chain = self.artifacts[name], self.world.chain
        at = deploy_contract(chain, artifact, sender=self.taker)
        return AnyContract(chain, at, artifact.abi)


def _fill(world: World, artifacts: Artifacts) -> Token:
    """Tokens into the collateral vault; the token."""
    vault, taker = world.market.collateral, world.takers[0]
    ether = Token(world.chain, vault.asset(), artifacts["MockERC20"].abi)
    ether.mint(taker, _ETHERS * WAD, sender=taker)
    ether.approve(vault.address, _ETHERS * WAD, sender=taker)
    vault.deposit(_ETHERS * WAD, taker, sender=taker)
    return ether
