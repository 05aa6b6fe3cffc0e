"""`hubkit validate`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import FailOn, Ignore, Quiet, ReportFormat, Select, Timeout, codes, text_width
from hubkit.console import Console

if TYPE_CHECKING:
    from hubkit.validate.request import Answer
    from hubkit.validate.rule import Rule

EPILOG = "Examples:  hubkit validate ./my-release --deep   ·   hubkit validate OWNER/REPO@main --format json --fail-on warning"


class SnippetHub(StrEnum):
    """Which Hub the card's code asks."""

    local = "local"
    hub = "hub"


TARGET = "A folder, OWNER/REPO, OWNER/REPO@revision, or - for a list of files on stdin."


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(validate)


def validate(
    target: Annotated[str, typer.Argument(help=TARGET)] = ".",
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
    run_snippets: Annotated[
        bool,
        typer.Option(
            "--run-snippets",
            help="Run the card's Python code as printed, in a process with limits. Only for cards that you trust.",
        ),
    ] = False,
    snippets_on: Annotated[
        SnippetHub | None,
        typer.Option(
            "--snippets-on",
            help="Where that code finds the repository: a throw-away Hub on this machine, or the real one.  \\[default: local for a folder]",
        ),
    ] = None,
    select: Select = "",
    ignore: Ignore = "",
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", help="The lowest severity that makes the exit code 1.  \\[default: error]"),
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Show notes too.")] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Show every statement of the card that nothing could be held against."
        ),
    ] = False,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Do not count the findings in FILE.")
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Write what is found to FILE, as known."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="This configuration, not the hubkit.toml of the working directory or above.",
        ),
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="No configuration file at all.")] = False,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Ask the Hub again for what an earlier run read at the same commit."),
    ] = False,
    timeout: Timeout = None,
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
        target,
        select=codes(select),
        ignore=codes(ignore),
        deep=deep,
        load=load,
        base_model=base_model,
        fail_on=fail_on.severity() if fail_on else None,
        notes=notes,
        baseline=baseline,
        write_baseline=write_baseline,
        config=config,
        no_config=no_config,
        no_cache=no_cache,
        more=_snippets(run_snippets, snippets_on, base_model),
        timeout=timeout,
    )
    if run_snippets:
        console.say("[dim]running the card's code; importing SAELens takes a while[/]")
    # Without --deep there is nothing to wait for.
    with (console if deep else Console(quiet=True)).progress() as report:
        found = answer(request, _lines() if target == STDIN else (), report)
    if found.written is not None:
        console.say(f"{found.written} findings are known now")
    _write(found, format, output, console, verbose=verbose)
    raise typer.Exit(int(found.report.exit_code(found.fail_on)))


def _snippets(wanted: bool, where: SnippetHub | None, base_model: str | None) -> tuple[Rule, ...]:
    """The rule that runs the card's code, where it is asked for."""
    from hubkit.errors import UsageError

    if not wanted:
        if where is not None:
            raise UsageError("--snippets-on says where, and nothing is to run", hint="add --run-snippets")
        return ()
    from hubkit.cards.snippet_rule import snippet_rule

    folder = Path(base_model) if base_model and Path(base_model).is_dir() else None
    return (snippet_rule(where.value if where else None, folder),)


def _lines() -> list[str]:
    """Paths on stdin, in whatever line ends; bytes that are no text stay what they are."""
    import os
    import sys

    return [os.fsdecode(line) for line in sys.stdin.buffer.read().splitlines() if line.strip()]


def _write(
    found: Answer,
    format: ReportFormat,  # noqa: A002
    output: Path | None,
    console: Console,
    *,
    verbose: bool,
) -> None:
    from hubkit.validate.reporters import render, text

    if format is not ReportFormat.text:
        _out(render(found.report, format.value, notes=found.notes), output, console)
    elif output is None:
        console.show(text.render(found.report, notes=found.notes, width=text_width(), verbose=verbose))
    else:
        _out(
            text.without_markup(text.render(found.report, notes=found.notes, verbose=verbose)),
            output,
            console,
        )


def _out(content: str, output: Path | None, console: Console) -> None:
    from hubkit.release.writing import answering

    if output is None:
        console.data(content)
        return
    with answering(output) as temporary:
        temporary.write_bytes(content.encode("utf-8"))
    console.say(f"written to {output}")
