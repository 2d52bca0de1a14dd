"""`vomma bench gas | accuracy | sim`."""

from __future__ import annotations

from typing import Annotated

import typer

from protocol.commands.console import Json, print_json, print_table, progress

app = typer.Typer(help="Measure the contracts as they are built here.", no_args_is_help=True)


@app.command(epilog="Example: vomma bench gas --json")
def gas(as_json: Json = False) -> None:
    """Gas of the kernel net of the call, of whole trades, flash loans and the margin scan."""
    from protocol.bench.kernel import gas_rows, market_gas_rows
    from protocol.bench.loans import loan_gas_rows
    from protocol.bench.margin import margin_gas_rows, scenario_count
    from protocol.bench.trades import trade_gas_rows
    from protocol.chain.artifacts import Artifacts
    from protocol.parameters import MarginParameters

    artifacts = Artifacts()
    measures = (gas_rows, market_gas_rows, trade_gas_rows, loan_gas_rows, margin_gas_rows)
    scenarios = scenario_count(MarginParameters())
    rows: list[tuple[str, int]] = []
    with progress("measuring gas", quiet=as_json) as tick:
        for done, measure in enumerate(measures, start=1):
            rows += measure(artifacts)
            tick(done, len(measures))
    if as_json:
        found: list[dict[str, object]] = [{"name": name, "gas": used} for name, used in rows]
        for row in found:
            if str(row["name"]).startswith("margin "):
                row["scenarios"] = scenarios
        print_json(found)
    else:
        print_table(("what", "gas"), [(name, f"{value:,}") for name, value in rows])
        typer.echo(f"margin is judged over {scenarios} scenarios")


@app.command(epilog="Example: vomma bench accuracy --json")
def accuracy(as_json: Json = False) -> None:
    """Largest errors of the pricing kernel against 50 digits, on random options."""
    from protocol.bench.kernel import accuracy_rows
    from protocol.chain.artifacts import Artifacts

    with progress("measuring accuracy", quiet=as_json) as tick:
        rows = accuracy_rows(Artifacts())
        tick(1, 1)
    if as_json:
        print_json(dict(rows))
    else:
        print_table(("what", "largest error"), [(name, f"{value:.2e}") for name, value in rows])


@app.command(epilog="Example: vomma bench sim --json")
def sim(
    trades: Annotated[int, typer.Option(min=5, help="Trades through Vomma, and raw.")] = 1_000,
    rival_trades: Annotated[
        int, typer.Option(min=5, help="How many of them, the first, go through ape too.")
    ] = 100,
    as_json: Json = False,
) -> None:
    """AMM trades a second: embedded chain, the bare EVM under it, and ape on anvil."""
    from protocol.bench.sim import compare
    from protocol.chain.artifacts import Artifacts

    with progress("trading", quiet=as_json) as tick:
        result = compare(Artifacts(), trades=trades, rival_trades=rival_trades, tick=tick)
    if as_json:
        print_json(result.summary())
        return
    print_table(
        ("through", "trades/s", "slowest round", "fastest", "trades", "gas a trade"),
        [
            (
                speed.name,
                f"{speed.per_s:,.1f}",
                f"{min(speed.rates):,.1f}",
                f"{max(speed.rates):,.1f}",
                f"{speed.trades:,}",
                f"{speed.gas_per_trade:,.0f}",
            )
            for speed in (result.vomma, result.raw, result.ape_anvil)
        ],
    )
    typer.echo(
        f"{result.ratio_vs_ape_anvil:,.1f} times ape on anvil, {result.ratio_vs_raw:.2f} of raw; "
        f"gas equal in {result.same_gas} trades"
    )
