"""`hubkit verify`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Format, FormatOption, Quiet, Timeout, text_width
from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from hubkit.publish.verify import Verification

EPILOG = "Examples:  hubkit verify OWNER/NAME   ·   hubkit verify OWNER/NAME@COMMIT --against ./my-release"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(verify)


def verify(
    target: Annotated[str, typer.Argument(metavar="OWNER/REPO[@REVISION]", help="A repository on the Hub.")],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="RELEASE",
            help="The release folder that should be there; by default what its provenance.json, else its card, recorded.",
        ),
    ] = None,
    code: Annotated[
        bool, typer.Option("--run", help="Also run the card's own code, on this machine, as you.")
    ] = False,
    timeout: Timeout = None,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Prove a repository: every file by checksum, everything validated by ranges, and the line that loads this very commit."""
    import json

    from hubkit.publish import render
    from hubkit.publish.client import client
    from hubkit.publish.proof import with_code
    from hubkit.publish.verify import verify_repository
    from hubkit.repo.deadline import LIMIT, Deadline
    from hubkit.repo.target import HUB
    from hubkit.validate.reporters import text
    from hubkit.validate.reporters.text import escape

    match = HUB.fullmatch(target)
    if match is None:
        raise UsageError(
            f"{target}: expected OWNER/REPO or OWNER/REPO@revision",
            hint="hubkit verify OWNER/REPO; for a folder: hubkit validate FOLDER",
        )
    console, api = Console(quiet=quiet), client()
    with console.progress() as report:
        proof = verify_repository(
            match["repo"], match["revision"], api, against, report, deadline=Deadline(timeout or LIMIT)
        )
        if code:
            proof = with_code(proof, api, report)
    if format is Format.json:
        console.data(json.dumps(render.verification_json(proof), indent=2, ensure_ascii=False))
    else:
        for path in proof.differing:
            console.show(f"[bold red]differs[/]  {escape(path)}")
        for path in proof.unlisted:
            console.show(f"[yellow]unproven[/] {escape(path)}  [dim]nothing speaks for it[/]")
        if proof.report.findings and not proof.ok:
            console.show(text.render(proof.report, width=text_width()))
        console.show(render.verified_line(proof))
        console.show("")
        console.show(render.pinned_lines(proof))
    raise typer.Exit(int(exit_code(proof)))


def exit_code(proof: Verification) -> ExitCode:
    """1 where something differs or is in error, 4 where not everything could be read."""
    if proof.ok:
        return ExitCode.CLEAN
    return ExitCode.FINDINGS if proof.report.complete else ExitCode.INCOMPLETE
