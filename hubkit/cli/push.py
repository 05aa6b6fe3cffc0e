"""`hubkit push`"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Format, FormatOption, Quiet, allowed
from hubkit.console import Console
from hubkit.errors import UsageError
from hubkit.words import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.publish.afterwards import Afterwards
    from hubkit.publish.flow import Choices, Outcome, Published, Released
    from hubkit.publish.plan import PushPlan
    from hubkit.study.several import StudyFile as LoadedFile

EPILOG = (
    "Examples:  hubkit push ./my-release --dry-run   ·   hubkit push study.yaml   ·   "
    "hubkit push ./my-release --to OWNER/NAME --private --tag v1"
)
DRY = "[dim]nothing was sent: without --dry-run this is rehearsed, pushed and proven[/]"
STUDY_FILES = {".yaml", ".yml"}


class GatedChoice(StrEnum):
    """How access to a gated repository is granted."""

    auto = "auto"
    manual = "manual"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(push)


def push(
    source: Annotated[
        Path, typer.Argument(metavar="RELEASE|STUDY", help="A release folder, or a study file.")
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="OWNER/NAME", help="The repository; by default repo_id of card.yaml."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and send nothing.")] = False,
    pr: Annotated[
        bool, typer.Option("--pr", help="Open a pull request: for repositories of others.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    gated: Annotated[
        GatedChoice | None, typer.Option("--gated", help="Ask readers of a new repository for their consent.")
    ] = None,
    branch: Annotated[
        str, typer.Option("--branch", help="Commit to this branch; it is begun where it is not there.")
    ] = "main",
    tag: Annotated[str | None, typer.Option("--tag", help="Name the new commit. A tag never moves.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="CODE", help="Let this through the gate; needs --reason."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="TEXT", help="Why; it is written into the commit."),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Delete what only the repository has; shown first, and asked for a yes."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Yes to what --prune asks.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse/--no-rehearse", help="First do it against a Hub on this machine.")
    ] = True,
    code: Annotated[
        bool, typer.Option("--code/--no-code", help="Run the card's own code, where torch is installed.")
    ] = True,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="PATTERN",
            help="Send this too, which is left out else: wandb, slurm-*.out, ...",
        ),
    ] = None,
    message: Annotated[str | None, typer.Option("--message", "-m", help="The commit's message.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Where a study's releases are; beside the study file by default."),
    ] = None,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Publish a release, or all of a study: one commit a repository, rehearsed before and proven after."""
    from hubkit.publish.flow import Choices

    choices = Choices(
        allowed(allow or [], reason or []), message, prune, rehearse, code, tuple(include or ())
    )
    if source.suffix.lower() in STUDY_FILES and not source.is_dir():
        if to or pr or tag or branch != "main" or private or gated:
            raise UsageError(
                f"{source}: a study's repositories are described in the study itself",
                hint="set them under publish: in the study file",
            )
        work = _of_study(source, choices, folder or source.parent)
    else:
        options = {"revision": branch, "pull_request": pr, "tag": tag, "private": private}
        work = _of_release(source, choices, to, {**options, "gated": gated.value if gated else False})
    talk = _Talk(Console(quiet=quiet), as_json=format is Format.json, study=work.study, yes=yes)
    (_dry_run if dry_run else _push)(work, talk)


@dataclass(frozen=True)
class _Work:
    """What is to be pushed: one release, or all of a study."""

    releases: Sequence[Released]
    choices: Choices
    study: bool = False
    afterwards: Afterwards | None = None


@dataclass(frozen=True)
class _Talk:
    """How it is told. A study's releases are told apart by their names."""

    console: Console
    as_json: bool
    study: bool
    yes: bool

    def title(self, repo_id: str) -> None:
        if self.study:
            self.console.say(f"[bold]{repo_id}[/]")

    def json(self, value: Any) -> None:
        import json

        self.console.data(json.dumps(value, indent=2, ensure_ascii=False))


def _of_release(folder: Path, choices: Choices, to: str | None, options: dict[str, Any]) -> _Work:
    from hubkit.publish.flow import released

    return _Work([released(folder, to, **options)], choices)


def _of_study(path: Path, choices: Choices, folder: Path) -> _Work:
    from hubkit.study.publish import afterwards, targets
    from hubkit.study.several import load_study_file

    study = load_study_file(path)
    return _Work(targets(study, folder), choices, study=True, afterwards=afterwards(study, folder))


def push_release(folder: Path, repo_id: str, console: Console) -> Published:
    """Push one release, as `hubkit push FOLDER --to REPO_ID` does without another option."""
    from hubkit.publish.flow import Choices

    options = {"revision": "main", "pull_request": False, "tag": None, "private": False, "gated": False}
    work = _of_release(folder, Choices(), repo_id, options)
    return _push(work, _Talk(console, as_json=False, study=False, yes=False)).releases[0]


def push_releases(study: LoadedFile, folder: Path, console: Console) -> Outcome:
    """Push every release of a study that is below `folder`, as `hubkit push STUDY` does without an option."""
    from hubkit.publish.flow import Choices
    from hubkit.study.publish import afterwards, targets

    work = _Work(targets(study, folder), Choices(), study=True, afterwards=afterwards(study, folder))
    return _push(work, _Talk(console, as_json=False, study=True, yes=False))


def _dry_run(work: _Work, talk: _Talk) -> None:
    """Look and plan as a push does; the plans are shown, then what the gate says, then nothing more is done."""
    from hubkit.publish import flow, render
    from hubkit.publish.client import client
    from hubkit.validate.reporters.text import escape

    looked = flow.look(work.releases, work.choices)
    plans = flow.plan(looked, client(), work.choices)
    if talk.as_json:
        whole = [plan.to_json() for plan in plans]
        talk.json(whole if len(whole) > 1 else whole[0])
    else:
        for plan in plans:
            talk.console.show(render.plan_tree(plan))
    for one in flow.joined(looked, plans):
        talk.title(one.plan.repo_id)
        talk.console.say(render.gate_line(one))
        for line in render.card_lines(one):
            talk.console.say(line)
    for what in work.afterwards.in_words() if work.afterwards else ():
        talk.console.say(f"then       {escape(what)}")
    talk.console.say(DRY)


def _push(work: _Work, talk: _Talk) -> Outcome:
    """Prepare, ask, rehearse, publish; each step told when it is done."""
    from hubkit.publish import flow, render
    from hubkit.publish.client import check_login, client

    console, choices, api = talk.console, work.choices, client()
    with console.progress() as report:
        prepared = flow.prepare(work.releases, api, choices, report)
    check_login(api, prepared[0].plan.repo_id)
    for one in prepared:
        talk.title(one.plan.repo_id)
        console.say(render.gate_line(one))
        for line in render.card_lines(one):
            console.say(line)
        for note in one.plan.notes:
            console.say(f"[yellow]note[/] {note}")
    _ask_about_deletions([one.plan for one in prepared], talk)
    with console.progress() as report:
        rehearsals = flow.rehearse(prepared, choices, report, afterwards=work.afterwards)
    for repo_id, rehearsal in rehearsals.items():
        console.say(render.rehearsal_line(rehearsal) + (f"  [dim]{repo_id}[/]" if talk.study else ""))
    with console.progress() as report:
        outcome = flow.publish(prepared, api, choices, rehearsals, report, afterwards=work.afterwards)
    _tell(outcome, talk)
    return outcome


def _tell(outcome: Outcome, talk: _Talk) -> None:
    from hubkit.publish import render

    for done in outcome.releases:
        talk.title(done.pushed.repo_id)
        for line in render.published_lines(done):
            talk.console.say(line)
    talk.console.say("")
    if talk.as_json:
        talk.json(render.outcome_json(outcome) if talk.study else render.published_json(outcome.releases[0]))
    elif talk.study:
        talk.console.show(render.outcome_lines(outcome))
    else:
        talk.console.show(render.pinned_lines(outcome.releases[0].verification))


def _ask_about_deletions(plans: Sequence[PushPlan], talk: _Talk) -> None:
    """Show what would be deleted, and go on only after a yes. Raises UsageError where nobody can be asked, or nobody said yes."""
    import sys

    from hubkit.validate.reporters.text import escape

    doomed = [(plan.repo_id, path) for plan in plans for path in plan.deleted]
    if not doomed:
        return
    for repo_id, path in doomed:
        talk.console.say(f"[bold red]-[/] {escape(repo_id)}  {escape(path)}")
    if talk.yes:
        return
    question = f"Delete {many(len(doomed), 'file')} from the Hub?"
    if not sys.stdin.isatty():
        raise UsageError(
            f"--prune would delete {len(doomed)} files, and nobody is here to say yes; nothing was sent",
            hint="--prune --yes",
        )
    if not typer.confirm(question, err=True):
        raise UsageError("not deleted; nothing was sent", hint="leave out --prune: then they stay")
