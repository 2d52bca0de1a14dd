"""The command line: assembles the groups of commands and says plainly what went wrong.

Exit codes: 0 done, 1 failed, 2 asked for something that cannot be, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from protocol.commands import (
    bench,
    collateral,
    deploy,
    devnet,
    flash,
    lp,
    reporter,
    risk,
    run,
    trade,
)
from protocol.errors import CompileError, ConfigError, DataError, InputError, VommaError

_DEBUG = "--debug"


class _Vomma(TyperGroup):
    """The root: `--debug` counts wherever it stands, and errors are one message, no traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        flags = [_DEBUG] if _DEBUG in args else []
        return super().parse_args(ctx, flags + [word for word in args if word != _DEBUG])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except VommaError as error:
            if ctx.params.get("debug"):
                raise
            typer.secho(f"vomma: {error}", fg="red", err=True)
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            typer.secho("vomma: stopped", fg="red", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="vomma",
    cls=_Vomma,
    help="Vomma: build, run and stress-test an on-chain options market.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(epilog="Example: vomma demo")
def _root(
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show where an error came from.")] = False,
) -> None:
    pass


run.register(app)
app.add_typer(devnet.app, name="devnet")
deploy.register(app)
trade.register(app)
app.add_typer(lp.app, name="lp")
app.add_typer(collateral.app, name="collateral")
app.add_typer(risk.app, name="risk")
flash.register(app)
app.add_typer(reporter.app, name="reporter")
app.add_typer(bench.app, name="bench")


def exit_code(error: VommaError) -> int:
    """2 where the input is at fault, 1 for everything else."""
    at_fault = isinstance(error, InputError | DataError | ConfigError)
    return 2 if at_fault and not isinstance(error, CompileError) else 1


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; whatever was not foreseen is one line too, but for --debug."""
    words = list(sys.argv[1:] if words is None else words)
    try:
        app(words)
    except Exception as error:
        if _DEBUG in words:
            raise
        what = f"{type(error).__name__}: {error}"
        typer.secho(f"vomma: unexpected {what}; run again with {_DEBUG}", fg="red", err=True)
        sys.exit(1)
