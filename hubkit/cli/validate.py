"""`hubkit validate`"""

from __future__ import annotations

from typing import Annotated

import typer

from hubkit.cli.options import FailOn, FailOnOption, Format, FormatOption, Ignore, Quiet, Select, selection
from hubkit.console import Console

EPILOG = "Examples:  hubkit validate ./my-release   ·   hubkit validate OWNER/REPO@main --format json --fail-on warning"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(validate)


def validate(
    target: Annotated[str, typer.Argument(help="A folder, OWNER/REPO or OWNER/REPO@revision.")],
    select: Select = "",
    ignore: Ignore = "",
    fail_on: FailOnOption = FailOn.error,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    notes: Annotated[bool, typer.Option("--notes", help="Show notes too.")] = False,
    quiet: Quiet = False,
) -> None:
    """Tell whether the SAEs in a folder or repository are what they say."""
    from hubkit.repo.target import open_target
    from hubkit.validate.reporters import json, text
    from hubkit.validate.run import validate as run

    console = Console(quiet=quiet)
    report = run(open_target(target), selection(select, ignore))
    if format is Format.json:
        console.data(json.render(report))
    else:
        console.show(text.render(report, notes=notes))
    raise typer.Exit(int(report.exit_code(fail_on.severity())))
