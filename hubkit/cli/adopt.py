"""`hubkit adopt`"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.adopt.outcome import Adoption
    from hubkit.publish.propose_card import Proposal

EPILOG = (
    "Examples:  hubkit adopt OWNER/REPO   ·   hubkit adopt OWNER/REPO --pr --dry-run   ·   hubkit adopt ./my-saes   ·   "
    "hubkit adopt ./my-saes --write"
)
WIDTH = 100
"""Where no terminal says."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(adopt)


def adopt(
    target: Annotated[
        str, typer.Argument(metavar="OWNER/REPO|FOLDER", help="SAEs that have a hand-written README.md.")
    ],
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", help="Write into this folder; a repository's files go to NAME-adopted by default."
        ),
    ] = None,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Of a FOLDER: write beside the SAEs. What is written over is kept as a copy (README.md~).",
        ),
    ] = False,
    pr: Annotated[
        bool,
        typer.Option(
            "--pr", help="Propose the card to a repository as a pull request; main is never written to."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show the difference, write and send nothing; exit code 1 when there is any."
        ),
    ] = False,
    license: Annotated[  # noqa: A002 - the key's name in the card
        str | None,
        typer.Option(
            "--license",
            metavar="ID",
            help="Where nothing says: a licence id of the Hub, mit, apache-2.0, ...",
        ),
    ] = None,
    base_model: Annotated[
        str | None,
        typer.Option("--base-model", metavar="OWNER/MODEL", help="Where nothing says: the base model's id."),
    ] = None,
    repo_id: Annotated[
        str | None,
        typer.Option(
            "--repo-id", metavar="OWNER/NAME", help="Of a FOLDER, where nothing says: where it is on the Hub."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over other files of --into too; copies are kept.")
    ] = False,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Take a hand-written card apart, hold it against the files, and build it again with the author's words in it."""
    from hubkit.adopt.adoption import adopt as adopted
    from hubkit.cards.init import fault
    from hubkit.repo.target import open_target

    console = Console(quiet=quiet)
    given = {
        key: value
        for key, value in (("license", license), ("base_model", base_model), ("repo_id", repo_id))
        if value
    }
    for key, value in given.items():
        if wrong := fault(key, value):
            raise UsageError(f"--{key.replace('_', '-')} {value}: {wrong}")
    is_folder = Path(target).exists()
    _check(target, is_folder=is_folder, pr=pr, write=write, into=into)
    found = adopted(open_target(target), given, Path(target) if is_folder else Path())
    if found is None:
        console.say(
            f"{_escape(target)}: README.md is hubkit's already; its words are in card.yaml, and hubkit build-cards builds it again"
        )
        return
    if format is Format.text:
        _show(found, console)
    if pr:
        _propose(found, console, dry_run=dry_run, as_json=format is Format.json)
        return
    folder = into or (
        Path(target)
        if write and is_folder
        else None
        if is_folder
        else Path(f"{target.split('@')[0].rpartition('/')[2]}-adopted")
    )
    writes = folder is not None and not dry_run
    if format is Format.json:
        console.data(_json(found.to_json()))
    if writes and folder is not None:
        _write(found, folder, console, beside=is_folder and folder == Path(target), force=force)
        if found.lacking:
            where = " --write" if write else f" --into {into}" if into else ""
            again = f"hubkit adopt {target}{found.options}{where}"
            console.say(f"next: [cyan]{_escape(again)}[/]  [dim]with what is missing, the card too[/]")
    else:
        _next(found, target, console, is_folder=is_folder)
        raise typer.Exit(int(ExitCode.FINDINGS))


def _check(target: str, *, is_folder: bool, pr: bool, write: bool, into: Path | None) -> None:
    if pr and is_folder:
        raise UsageError(
            f"{target}: is a folder; a pull request goes to a repository", hint="hubkit adopt OWNER/REPO --pr"
        )
    if pr and "@" in target:
        raise UsageError(
            f"{target}: a pull request goes to main of OWNER/REPO",
            hint=f"hubkit adopt {target.split('@', maxsplit=1)[0]} --pr",
        )
    if write and not is_folder:
        raise UsageError(f"{target}: --write is for a folder", hint=f"hubkit adopt {target} --into FOLDER")
    if write and into is not None:
        raise UsageError("--write is beside the SAEs, --into elsewhere: choose one")


def _show(found: Adoption, console: Console) -> None:
    """The difference, then one sentence."""
    from hubkit.adopt.shown import remaining, shown, summary

    styles = {"head": "[bold]{}[/]", "claim": "[cyan]{}[/]", "text": "{}"}
    terminal = shutil.get_terminal_size((WIDTH, 24)).columns
    for kind, line in shown(found, terminal):
        console.show(styles[kind].format(_escape(line)) if line else "")
    console.show("")
    console.say(f"[bold]{_escape(found.name)}[/]: {_escape(summary(found))}")
    for line in remaining(found):
        console.say(f"[red]{_escape(line)}[/]")
    for secret in found.source.secrets:
        console.say(
            f"[red]secret[/] {_escape(secret)}: left out everywhere; revoke it, it is in the file's history"
        )
    if found.source.mended:
        console.say("[dim]characters that were read in the wrong code page were put right[/]")
    if found.source.broken:
        lines = ", ".join(map(str, found.source.broken))
        console.say(
            f"[yellow]β[/] on line {lines}: a dash, an arrow or ≈ that a copy lost; write it into README.md, and run this again"
        )


def _write(found: Adoption, folder: Path, console: Console, *, beside: bool, force: bool) -> None:
    from hubkit.adopt.write import write

    put = write(found, folder, beside=beside, force=force)
    for copy in put.copies:
        console.say(f"[dim]kept: {_escape(str(copy))}[/]")
    if not put.written:
        console.say(f"{_escape(str(folder))}: nothing changed")
    for path in put.written:
        console.data(str(path))
    if found.repo_id and found.built.card:
        console.say(
            f"next: [cyan]hubkit adopt {_escape(found.repo_id)} --pr --dry-run[/]  [dim]the same as a pull request[/]"
        )
    if beside and found.built.card:
        console.say(
            f"next: [cyan]hubkit preview {_escape(str(folder))}[/]  [dim]look at it; edit card.yaml, then hubkit build-cards[/]"
        )


def _next(found: Adoption, target: str, console: Console, *, is_folder: bool) -> None:
    """What to type next."""
    command = f"hubkit adopt {target}{found.options}" + (" --write" if is_folder else "")
    why = "README.md is kept as README.md~" if is_folder else "writes into a folder of its own"
    console.say(f"nothing was written; next: [cyan]{_escape(command)}[/]  [dim]{why}[/]")


def _propose(found: Adoption, console: Console, *, dry_run: bool, as_json: bool) -> None:
    from hubkit.cli.fix_remote import said_next
    from hubkit.publish.client import check_login, client
    from hubkit.publish.earlier import CORRECT, earlier_pulls
    from hubkit.publish.mend import open_pull_request
    from hubkit.publish.propose_card import proposing

    api = client()
    with proposing(found, api) as proposal:
        if dry_run:
            _show_proposal(found, proposal, console, as_json=as_json)
            said_next(CORRECT, proposal.repo_id, console)
            raise typer.Exit(int(ExitCode.FINDINGS))
        check_login(api, proposal.repo_id)
        there = earlier_pulls(proposal.repo_id, CORRECT, api)
        with console.progress() as report:
            pushed, _ = open_pull_request(proposal, api, report)
    earlier = [one for one in there if one.url != pushed.pull_request]
    console.say(f"{many(len(found.files), 'file')} proposed, equal to what is there now; main is as it was")
    said_next(CORRECT, proposal.repo_id, console, earlier)
    answer = {
        "pull_request": pushed.pull_request,
        "commit": pushed.commit,
        "open_beside": [one.to_json() for one in earlier],
        **found.to_json(),
    }
    console.data(_json(answer) if as_json else pushed.pull_request or pushed.commit)


def _show_proposal(found: Adoption, proposal: Proposal, console: Console, *, as_json: bool) -> None:
    if as_json:
        console.data(_json({"plan": proposal.plan.to_json(), **found.to_json()}))
        return
    console.data(f"# {proposal.plan.message}\n\n{proposal.plan.description}")
    console.say("[dim]nothing was sent: without --dry-run this pull request is opened[/]")


def _json(value: dict[str, Any]) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
