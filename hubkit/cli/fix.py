"""`hubkit fix`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Format, FormatOption, Quiet, Select
from hubkit.console import Console
from hubkit.errors import ExitCode, NothingFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubkit.fix.run import Plan
    from hubkit.repo.local import LocalView

EPILOG = (
    "Examples:  hubkit fix ./my-release --diff   ·   hubkit fix ./my-release --select THR001 --unsafe-fixes   ·   "
    "hubkit fix OWNER/REPO --pr --dry-run"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(fix)


def fix(
    target: Annotated[
        str, typer.Argument(help="A folder that holds SAEs; with --pr a repository, OWNER/REPO.")
    ],
    select: Select = "",
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="Show what would change, and change nothing; the exit code is 1 when there is something.",
        ),
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe-fixes", help="Also what rests on an assumption, or changes what the file claims."
        ),
    ] = False,
    pr: Annotated[
        bool,
        typer.Option(
            "--pr", help="Open a pull request with the fixes on a repository; main is never written to."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --pr: show the diff and the text, and send nothing.")
    ] = False,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Mend what the weights or the file itself prove; every fix is tried in memory first, and compared bit for bit."""
    import json

    from hubkit.cli import fix_shown as shown
    from hubkit.cli.fix_remote import fix_repository
    from hubkit.fix import render
    from hubkit.fix.run import planned
    from hubkit.release.layout import PROVENANCE
    from hubkit.repo.local import open_folder
    from hubkit.repo.target import HUB

    console = Console(quiet=quiet)
    codes = tuple(code.strip().upper() for code in select.split(",") if code.strip())
    if pr:
        as_json = format is Format.json
        fix_repository(
            target, codes, console, unsafe=unsafe, dry_run=dry_run or diff, as_json=as_json, whole=diff
        )
        return
    if dry_run:
        raise UsageError("--dry-run is for --pr", hint="--diff shows what would change in a folder")
    if not Path(target).exists() and HUB.fullmatch(target):
        raise UsageError(
            f"{target}: there is no such folder; a repository is mended by a pull request",
            hint=f"hubkit fix {target} --pr --dry-run",
        )
    view = open_folder(Path(target))
    with console.progress() as report, planned(view, codes, unsafe=unsafe, report=report) as plan:
        failed = {} if diff else _apply(view, plan)
        answer = shown.as_json(view, plan, diff, failed) if format is Format.json else None
        diffs = [] if answer or not diff else [render.diff(view, one) for one in plan.fixes]
    if answer:
        console.data(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _show(console, diffs, shown.urgent(plan, failed), shown.done(plan, failed, diff=diff))
    if plan.fixes and not diff and view.entry(PROVENANCE):
        console.say(
            "[dim]provenance.json and the card hold digests of these files: hubkit build-cards writes them again[/]"
        )
    touched = bool(plan.fixes or plan.refused or plan.offered)
    if not (diff and touched):
        from hubkit.validate.run import validate

        left = validate(open_folder(Path(target)))
        said = shown.left(left.findings, target) if touched else render.nothing_fixed(left.findings)
        if answer is None and said:
            console.say(said)
        if not (touched or left.saes):
            raise NothingFound(
                f"{target}: no SAE was found here, so there was nothing to mend",
                hint="name the folder that holds the weights, or one above it; hubkit validate says what was passed over",
            )
    raise typer.Exit(int(ExitCode.FINDINGS if failed or (diff and plan.fixes) else ExitCode.CLEAN))


def _apply(view: LocalView, plan: Plan) -> dict[str, str]:
    """Write all fixes; why one could not be written, by its place."""
    from hubkit.errors import HubkitError
    from hubkit.fix.run import apply_fix

    failed = {}
    for one in plan.fixes:
        try:
            apply_fix(view, one)
        except HubkitError as error:
            failed[one.place] = error.message
    return failed


def _show(console: Console, diffs: list[str], urgent: Iterable[str], done: Iterable[str]) -> None:
    """The diffs are the answer; what was done is talk, and goes to where the answer goes unless nobody wants talk."""
    for text in diffs:
        console.data(text)
    for line in urgent:
        console.show(line)
    for line in done if not console.quiet else ():
        console.show(line)
