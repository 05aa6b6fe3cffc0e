"""`hubkit push`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.console import Console
from hubkit.errors import ExitCode, HubkitError

if TYPE_CHECKING:
    from hubkit.publish.plan import PushPlan

EPILOG = (
    "Examples:  hubkit push ./my-release --dry-run   ·   hubkit push ./my-release --to OWNER/NAME --private"
)
SIGN = {"add": "[green]+[/]", "modify": "[yellow]~[/]", "unchanged": "[dim]=[/]"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(push)


def push(
    release: Annotated[Path, typer.Argument(help="A release folder.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="OWNER/NAME", help="The repository; by default repo_id of card.yaml."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and send nothing.")] = False,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse/--no-rehearse", help="First do it against a Hub on this machine.")
    ] = True,
    message: Annotated[str | None, typer.Option("--message", "-m", help="The commit's message.")] = None,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Publish a release in one commit, and prove at that commit that it arrived."""
    import json

    from huggingface_hub import HfApi

    from hubkit.cards.settings import NAME, load_settings
    from hubkit.publish.gate import check_gate
    from hubkit.publish.plan import make_plan
    from hubkit.publish.push import push as carry_out
    from hubkit.publish.verify import verify
    from hubkit.repo.local import open_folder

    console = Console(quiet=quiet)
    open_folder(release)
    repo_id = to or load_settings(release / NAME).repo_id
    check_gate(release)
    api = HfApi(library_name="hubkit")
    plan = make_plan(release, repo_id, api, message=message)
    if dry_run:
        console.data(json.dumps(plan.to_json(), indent=2)) if format is Format.json else console.show(
            _tree(plan)
        )
        return
    if rehearse:
        _rehearse(release, repo_id, console)
    pushed = carry_out(plan, release, api, private=private)
    proof = verify(plan, pushed.commit, api)
    if not proof.ok:
        raise HubkitError(
            f"{repo_id}@{pushed.commit}: {len(proof.differing)} files differ from the release: {', '.join(proof.differing[:5])}",
            hint="run the same command again",
            exit_code=ExitCode.INCOMPLETE,
        )
    console.say(
        f"[green]ok[/] {proof.compared} files proven at {repo_id}@{pushed.commit[:12]}"
        + ("" if pushed.new_commit else " (nothing was new)")
    )
    console.data(
        json.dumps({"repo_id": repo_id, "commit": pushed.commit, "files": proof.compared})
        if format is Format.json
        else f"{repo_id}@{pushed.commit}"
    )


def _tree(plan: PushPlan) -> str:
    from hubkit.validate.reporters.text import escape, human_bytes

    head = f"at {plan.parent[:12]}" if plan.parent else "a new repository"
    lines = [
        f"[bold]{plan.repo_id}[/] ({head}): {len(plan.changed)} of {len(plan.files)} files to send, {human_bytes(plan.total_bytes)}, one commit: {escape(plan.message)!s}",
        "",
    ]
    lines += [
        f"  {SIGN[file.action]} {escape(file.path)}  [dim]{human_bytes(file.size)}[/]" for file in plan.files
    ]
    lines += [f"  [dim]  {escape(path)}  (only there; it stays)[/]" for path in plan.kept]
    return "\n".join(lines)


def _rehearse(release: Path, repo_id: str, console: Console) -> None:
    """Against a throw-away Hub: the commit, the tree, the validation by ranges."""
    import tempfile

    from hubkit.publish.rehearse import local_hub
    from hubkit.publish.rehearse import rehearse as run

    with (
        tempfile.TemporaryDirectory(prefix="hubkit-rehearsal-", ignore_cleanup_errors=True) as folder,
        local_hub(Path(folder)) as (hub, api),
    ):
        outcome = run(release, repo_id, hub, api)
    if not outcome.ok:
        differing = ", ".join(outcome.verification.differing) or "it could not be read back"
        raise HubkitError(
            f"{repo_id}: the rehearsal failed: {differing}; nothing was sent",
            hint=f"hubkit validate {release}",
        )
    console.say("[green]ok[/] rehearsed on a Hub on this machine")
