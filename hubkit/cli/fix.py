"""`hubkit fix`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Format, FormatOption, Quiet, Select
from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
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

    from hubkit.cli.fix_remote import fix_repository
    from hubkit.fix.run import planned
    from hubkit.release.layout import PROVENANCE
    from hubkit.repo.local import open_folder
    from hubkit.repo.target import HUB

    console = Console(quiet=quiet)
    codes = tuple(code.strip().upper() for code in select.split(",") if code.strip())
    if pr:
        as_json = format is Format.json
        fix_repository(target, codes, console, unsafe=unsafe, dry_run=dry_run or diff, as_json=as_json)
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
        answer = _as_json(view, plan, diff, failed) if format is Format.json else None
        shown = [] if answer else _shown(view, plan, diff, failed)
    if answer:
        console.data(json.dumps(answer, indent=2, ensure_ascii=False))
    for line, plain in shown:
        (console.data if plain else console.show)(line)
    if plan.fixes and not diff and view.entry(PROVENANCE):
        console.say(
            "[dim]provenance.json and the card hold digests of these files: hubkit build-cards writes them again[/]"
        )
    if answer is None and not (plan.fixes or plan.refused or plan.offered):
        from hubkit.fix.render import nothing_fixed
        from hubkit.validate.run import validate

        console.say(nothing_fixed(validate(view).findings))
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


def _shown(view: LocalView, plan: Plan, diff: bool, failed: dict[str, str]) -> list[tuple[str, bool]]:
    """Lines, and whether each is plain text."""
    from hubkit.fix import render
    from hubkit.validate.reporters.text import escape

    lines: list[tuple[str, bool]] = []
    for one in plan.fixes:
        if diff:
            lines.append((render.diff(view, one), True))
        elif one.place in failed:
            lines.append(
                (
                    f"[red]not fixed[/] {escape(one.place)}  {', '.join(one.codes)}: {escape(failed[one.place])}",
                    False,
                )
            )
        else:
            lines.append((f"[green]fixed[/] {escape(one.place)}  [dim]{', '.join(one.codes)}[/]", False))
            lines += [(f"[dim]      {escape(note)}[/]", False) for note in one.notes]
    lines += [
        (f"[yellow]left alone[/] {escape(r.place)}  {r.code}: {escape(r.reason)}", False)
        for r in plan.refused
    ]
    if plan.offered:
        codes = ", ".join(sorted({code for _, code in plan.offered}))
        lines.append(
            (
                f"[dim]{len(plan.offered)} more with --unsafe-fixes ({codes}); hubkit explain says what each assumes[/]",
                False,
            )
        )
    return lines


def _as_json(view: LocalView, plan: Plan, diff: bool, failed: dict[str, str]) -> dict[str, Any]:
    from hubkit.fix import render

    return {
        "fixes": [
            {
                "place": one.place,
                "codes": list(one.codes),
                "files": list(one.files),
                "done": not diff and one.place not in failed,
                "reason": failed.get(one.place),
                "notes": list(one.notes),
            }
            | ({"diff": render.diff(view, one)} if diff else {})
            for one in plan.fixes
        ],
        "refused": [{"place": r.place, "code": r.code, "reason": r.reason} for r in plan.refused],
        "offered": [{"place": place, "code": code} for place, code in plan.offered],
    }
