"""The program: one verb a module, and the one place where exceptions become messages and exit codes."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from hubkit import __version__
from hubkit.cli import (
    audit,
    build_cards,
    demo,
    diff,
    explain,
    fix,
    hub,
    init,
    preview,
    push,
    rules,
    run,
    schema,
    stages,
    validate,
    verify,
)
from hubkit.console import Console, use_utf8
from hubkit.errors import ExitCode, HubkitError

app = typer.Typer(
    name="hubkit",
    help="Sparse autoencoders, from activations to a Hub repository that tells the truth about itself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


RESUMED = {"demo", "run", "collect", "train", "evaluate", "push"}
"""Verbs that find what an interrupted run of theirs has finished."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"hubkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options before the verb."""


for module in (
    demo,
    validate,
    audit,
    explain,
    rules,
    fix,
    diff,
    run,
    stages,
    init,
    build_cards,
    preview,
    push,
    verify,
    schema,
):
    module.register(app)
app.add_typer(hub.app, name="hub")


def main() -> None:
    """Run the program: 0 to 4 by the contract in `hubkit.errors`, 130 on Ctrl-C."""
    use_utf8()
    interrupted = _watch_interrupt()
    try:
        app()
    except HubkitError as error:
        Console().error(error.message, error.hint)
        sys.exit(int(error.exit_code))
    except SystemExit:
        if interrupted:  # typer ends with 1 then
            if RESUMED & set(sys.argv[1:2]) and not {"--quiet", "-q"} & set(sys.argv):
                Console().say("stopped; what was finished is kept, and the same command goes on from there")
            sys.exit(int(ExitCode.INTERRUPTED))
        raise


def _watch_interrupt() -> list[int]:
    """A list that is no longer empty once Ctrl-C was pressed; KeyboardInterrupt is raised as ever."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    return seen
