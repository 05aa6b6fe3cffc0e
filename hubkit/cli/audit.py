"""`hubkit audit`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import FailOn, FailOnOption, Format, FormatOption, Ignore, Quiet, Select, selection
from hubkit.console import Console
from hubkit.errors import ExitCode

if TYPE_CHECKING:
    from hubkit.audit.run import Row

EPILOG = (
    "Examples:  hubkit audit ./release-a ./release-b   ·   hubkit audit OWNER/REPO OWNER/OTHER --select THR"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(audit)


def audit(
    targets: Annotated[list[str], typer.Argument(help="Folders and repositories.")],
    select: Select = "",
    ignore: Ignore = "",
    fail_on: FailOnOption = FailOn.error,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Validate several folders or repositories, worst first."""
    import json

    from hubkit.audit.run import audit as run
    from hubkit.engine.events import Event
    from hubkit.repo.target import open_target

    console = Console(quiet=quiet)
    rows: list[Row] = []
    with console.progress() as report:
        for row in run(targets, open_target, selection(select, ignore)):
            rows.append(row)
            report(Event("audit", len(rows), len(targets), row.target))
    if format is Format.json:
        console.data(json.dumps([row.to_json() for row in rows], indent=2, ensure_ascii=False))
    else:
        console.show(_table(rows))
    raise typer.Exit(int(_exit_code(rows, fail_on)))


def _table(rows: list[Row]) -> object:
    from rich.table import Table

    from hubkit.validate.finding import Severity
    from hubkit.validate.reporters.text import escape

    table = Table("target", "SAEs", "errors", "warnings", "worst", "never learned", box=None, pad_edge=False)
    for row in sorted(
        rows, key=lambda row: (-(row.report.count(Severity.ERROR) if row.report else 1 << 30), row.target)
    ):
        if row.report is None:
            table.add_row(escape(row.target), "", "", "", "[yellow]unread[/]", escape(row.failure))
            continue
        errors = row.report.count(Severity.ERROR)
        share = f"{row.never_learned} of {row.jumprelu} JumpReLU" if row.jumprelu else ""
        table.add_row(
            escape(row.target),
            str(len(row.report.saes)),
            f"[red]{errors}[/]" if errors else "0",
            str(row.report.count(Severity.WARNING)),
            row.worst,
            share,
        )
    return table


def _exit_code(rows: list[Row], fail_on: FailOn) -> ExitCode:
    """The contract over all rows: incomplete, then findings, then nothing found."""
    codes = [row.report.exit_code(fail_on.severity()) if row.report else ExitCode.INCOMPLETE for row in rows]
    for code in (ExitCode.INCOMPLETE, ExitCode.FINDINGS):
        if code in codes:
            return code
    return ExitCode.NOTHING_FOUND if all(code is ExitCode.NOTHING_FOUND for code in codes) else ExitCode.CLEAN
