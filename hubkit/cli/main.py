"""The program: one verb a module, and the one place where exceptions become messages and exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from types import FrameType
from typing import Any

import typer.main

from hubkit import __version__
from hubkit.cli import (
    adopt,
    audit,
    build_cards,
    convert,
    demo,
    diff,
    explain,
    fix,
    hub,
    init,
    preview,
    push,
    registry,
    reproduce,
    rules,
    run,
    schema,
    stages,
    validate,
    verify,
)
from hubkit.console import Console, use_utf8
from hubkit.errors import ExitCode, HubkitError, OutputError
from hubkit.streams import guarded, let_go
from hubkit.texts import shortened, visible
from hubkit.third_party import settle

app = typer.Typer(
    name="hubkit",
    help="Sparse autoencoders, from activations to a Hub repository that tells the truth about itself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


TRACEBACK = "HUBKIT_TRACEBACK"
"""Set to anything: a crash shows its traceback."""
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
    convert,
    diff,
    run,
    stages,
    init,
    adopt,
    build_cards,
    preview,
    push,
    registry,
    reproduce,
    verify,
    schema,
):
    module.register(app)
app.add_typer(hub.app, name="hub")


def main() -> None:
    """Run the program: 0 to 4 by the contract in `hubkit.errors`, 70 where hubkit itself failed, 130 on Ctrl-C."""
    use_utf8()
    settle()
    interrupted = _watch_interrupt()
    try:
        with guarded():
            _run(interrupted)
    except OutputError as error:
        let_go()
        if not error.gone:
            Console().error(error.message, error.hint)
        sys.exit(int(error.exit_code))


def _run(interrupted: list[int]) -> None:
    """The verb, and the exit code. Raises SystemExit, OutputError."""
    try:
        _command_line()()
    except OutputError:
        raise
    except HubkitError as error:
        Console().error(error.message, error.hint)
        _leave(error.exit_code)
    except SystemExit:
        if interrupted:  # typer ends with 1 then
            if RESUMED & set(sys.argv[1:2]) and not {"--quiet", "-q"} & set(sys.argv):
                Console().say("stopped; what was finished is kept, and the same command goes on from there")
            _leave(ExitCode.INTERRUPTED)
        sys.stdout.flush()
        raise
    except OSError as error:
        Console().error(*_of_the_machine(error))
        _leave(ExitCode.INCOMPLETE)
    except MemoryError:
        Console().error(
            "there is not enough memory for this", "a machine with more, or fewer --jobs and --workers"
        )
        _leave(ExitCode.INCOMPLETE)
    except Exception as error:  # noqa: BLE001 - the one place where a defect of hubkit becomes a message
        _tell_crash(error)
        _leave(ExitCode.CRASHED)


def _command_line() -> Any:
    """What typer makes of the verbs, its help without the name of a type behind what is only switched on: `--deep`, not `--deep <bool>`."""
    group: Any = typer.main.get_command(app)
    left: list[tuple[Any, Any]] = [(group, None)]
    while left:
        command, parent = left.pop()
        context = command.context_class(command, parent=parent, **command.context_settings)
        left += [(inner, context) for inner in getattr(command, "commands", {}).values()]
        for param in command.get_params(context):
            if getattr(param, "is_flag", False):
                param.metavar = ""
    return group


def _leave(code: ExitCode) -> None:
    """End, after what is left for stdout was written. Raises SystemExit, OutputError."""
    sys.stdout.flush()
    sys.exit(int(code))


def _of_the_machine(error: OSError) -> tuple[str, str | None]:
    """What the system refused, where, and what helps."""
    where = f"{error.filename}: " if error.filename is not None else ""
    helps = {
        errno.ENOSPC: "make room on that disk, and run the same command again",
        getattr(errno, "EDQUOT", -1): "make room within the quota, and run the same command again",
        errno.EROFS: "that disk is read-only: choose another place",
        errno.EACCES: "check the permissions",
    }
    said = error.strerror or str(error) or type(error).__name__
    return f"{where}{said}", helps.get(error.errno or 0)


def _tell_crash(error: Exception) -> None:
    """In three lines, whatever the error holds; with the traceback where it was asked for."""
    if os.environ.get(TRACEBACK):
        sys.stderr.write(visible("".join(traceback.format_exception(error))))
    said = shortened(" ".join(str(error).split()), 300)
    Console().error(
        f"the program itself failed: {type(error).__name__}: {said}",
        f"this is a defect of hubkit; please report it with the traceback: set {TRACEBACK}=1 and run the same command again",
    )


def _watch_interrupt() -> list[int]:
    """A list that is no longer empty once Ctrl-C was pressed; KeyboardInterrupt is raised as ever."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    return seen
