"""`hubkit verify`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubkit.cli.options import text_width
from hubkit.console import Console
from hubkit.errors import ExitCode

EPILOG = "Examples:  hubkit verify OWNER/NAME --against ./my-release   ·   hubkit verify OWNER/NAME@COMMIT --against ./my-release"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(verify)


def verify(
    target: Annotated[str, typer.Argument(help="OWNER/REPO or OWNER/REPO@revision.")],
    against: Annotated[Path, typer.Option("--against", help="The release folder that should be there.")],
) -> None:
    """Compare a repository with a release, file by file by checksum, and validate it by ranges."""
    from huggingface_hub import HfApi

    from hubkit.publish.plan import make_plan
    from hubkit.publish.verify import verify as prove
    from hubkit.validate.reporters.text import escape, render

    repo_id, _, revision = target.partition("@")
    api = HfApi(library_name="hubkit")
    plan = make_plan(against, repo_id, api, revision=revision or "main")
    console = Console()
    if plan.parent is None:
        console.error(
            f"{target}: no such repository or revision", "check the name; for a private one: hf auth login"
        )
        raise typer.Exit(int(ExitCode.USAGE))
    proof = prove(plan, plan.parent, api)
    for path in proof.differing:
        console.show(f"[bold red]differs[/] {escape(path)}")
    console.show(
        f"{proof.compared - len(proof.differing)} of {proof.compared} files equal at {escape(repo_id)}@{plan.parent[:12]}"
    )
    console.show(render(proof.report, width=text_width()))
    raise typer.Exit(
        int(
            ExitCode.CLEAN
            if proof.ok
            else ExitCode.FINDINGS
            if proof.report.complete
            else ExitCode.INCOMPLETE
        )
    )
