"""`hubkit validate`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import FailOn, Ignore, Quiet, ReportFormat, Select, codes, text_width
from hubkit.console import Console

if TYPE_CHECKING:
    from hubkit.validate.request import Answer

EPILOG = "Examples:  hubkit validate ./my-release --deep   ·   hubkit validate OWNER/REPO@main --format json --fail-on warning"
TARGET = "A folder, OWNER/REPO, OWNER/REPO@revision, or - for a list of files on stdin."


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(validate)


def validate(
    target: Annotated[str, typer.Argument(help=TARGET)],
    deep: Annotated[bool, typer.Option("--deep", help="Read whole weights too.")] = False,
    load: Annotated[
        bool, typer.Option("--load", help="Ask SAELens itself: open every SAE, and compare what it computes.")
    ] = False,
    base_model: Annotated[
        str | None,
        typer.Option(
            "--base-model",
            metavar="auto|ID|FOLDER",
            help="Also hold hooks and widths against the base model's config.json: as each cfg.json names it (auto), an id of the Hub, a folder.",
        ),
    ] = None,
    select: Select = "",
    ignore: Ignore = "",
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", help="The lowest severity that makes the exit code 1.  \\[default: error]"),
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Show notes too.")] = False,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Do not count the findings in FILE.")
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Write what is found to FILE, as known."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="This configuration, not the nearest hubkit.toml."),
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="No configuration file at all.")] = False,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Ask the Hub again for what an earlier run read at the same commit."),
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name in the contract
        ReportFormat, typer.Option("--format", "-f", help="How the answer is written.")
    ] = ReportFormat.text,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, not to stdout.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Tell whether the SAEs in a folder or repository are what they say."""
    from hubkit.validate.request import STDIN, Request, answer

    console = Console(quiet=quiet)
    request = Request(
        target, codes(select), codes(ignore), deep, load, base_model, fail_on.severity() if fail_on else None, notes,
        baseline, write_baseline, config, no_config, no_cache,
    )  # fmt: skip
    # Without --deep there is nothing to wait for.
    with (console if deep else Console(quiet=True)).progress() as report:
        found = answer(request, _lines() if target == STDIN else (), report)
    if found.written is not None:
        console.say(f"{found.written} findings are known now")
    _write(found, format, output, console)
    raise typer.Exit(int(found.report.exit_code(found.fail_on)))


def _lines() -> list[str]:
    """Paths on stdin, in whatever line ends; bytes that are no text stay what they are."""
    import os
    import sys

    return [os.fsdecode(line) for line in sys.stdin.buffer.read().splitlines() if line.strip()]


def _write(found: Answer, format: ReportFormat, output: Path | None, console: Console) -> None:  # noqa: A002
    from hubkit.validate.reporters import render, text

    if format is not ReportFormat.text:
        _out(render(found.report, format.value, notes=found.notes), output, console)
    elif output is None:
        console.show(text.render(found.report, notes=found.notes, width=text_width()))
    else:
        _out(text.without_markup(text.render(found.report, notes=found.notes)), output, console)


def _out(content: str, output: Path | None, console: Console) -> None:
    from hubkit.errors import UsageError
    from hubkit.release.writing import write_text

    if output is None:
        console.data(content)
        return
    try:
        write_text(output, content)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error
    console.say(f"written to {output}")
