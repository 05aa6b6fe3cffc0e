"""`hubkit push`"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.console import Console
from hubkit.errors import UsageError
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.publish.plan import PushPlan, Target
    from hubkit.publish.service import Choices

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
    from hubkit.publish.plan import Target
    from hubkit.publish.service import Choices

    choices = Choices(
        _allowed(allow or [], reason or []), message, prune, rehearse, code, tuple(include or ())
    )
    work = _Work(choices, Console(quiet=quiet), format, dry_run, yes)
    if source.suffix.lower() in STUDY_FILES and not source.is_dir():
        if to or pr or tag or branch != "main" or private or gated:
            raise UsageError(
                f"{source}: a study's repositories are described in the study itself",
                hint="set them under publish: in the study file",
            )
        _push_study(source, folder or source.parent, work)
        return
    target = Target(to or _repo_id(source), branch, pr, tag, private, gated.value if gated else False)
    _push_release(source, target, work)


@dataclass(frozen=True)
class _Work:
    choices: Choices
    console: Console
    format: Format
    dry_run: bool
    yes: bool

    @property
    def as_json(self) -> bool:
        return self.format is Format.json


def _allowed(codes: list[str], reasons: list[str]) -> dict[str, str]:
    if len(reasons) not in {len(codes), 1}:
        raise UsageError(
            f"{len(codes)} --allow and {len(reasons)} --reason: each exception needs its reason",
            hint='--allow THR001 --reason "kept for comparison"',
        )
    given = reasons if len(reasons) == len(codes) else reasons * len(codes)
    return {code.strip().upper(): text for code, text in zip(codes, given, strict=True)}


def _repo_id(release: Path) -> str:
    from hubkit.cards.settings import NAME, load_settings
    from hubkit.repo.local import open_folder

    open_folder(release)  # a missing folder is told in the words of every verb
    return load_settings(release / NAME).repo_id


def _push_release(release: Path, target: Target, work: _Work) -> None:
    import json

    from hubkit.publish import service, shown
    from hubkit.publish.gate import check_gate
    from hubkit.publish.plan import make_plan
    from hubkit.publish.rehearse import Prepared
    from hubkit.repo.local import open_folder

    console, choices, api = work.console, work.choices, service.client()
    open_folder(release)
    if work.dry_run:
        plan = make_plan(
            release, target, api, message=choices.message, prune=choices.prune, include=choices.include
        )
        _show_plans([plan], work)
        gate = check_gate(release, choices.allow, files=plan.local)
        console.say(shown.gate_line(Prepared(release, plan, gate)))
        console.say(DRY)
        return
    with console.progress() as report:
        prepared = service.prepare(release, target, api, choices, report)
    service.check_login(api, target.repo_id)
    console.say(shown.gate_line(prepared))
    for note in prepared.plan.notes:
        console.say(f"[yellow]note[/] {note}")
    _ask_about_deletions([prepared.plan], work)
    rehearsal = None
    if choices.rehearse and prepared.plan.changes:
        with console.progress() as report:
            rehearsal = service.rehearse_release(prepared, choices, report)
        console.say(shown.rehearsal_line(rehearsal))
    with console.progress() as report:
        run_code = choices.run_code and rehearsal is not None
        done = service.publish(prepared, api, rehearsal=rehearsal, run_code=run_code, report=report)
    for line in shown.published_lines(done):
        console.say(line)
    console.say("")
    if work.as_json:
        console.data(json.dumps(shown.published_json(done), indent=2, ensure_ascii=False))
    else:
        console.show(shown.pinned_lines(done.verification))


def _show_plans(plans: list[PushPlan], work: _Work) -> None:
    import json

    from hubkit.publish.shown import plan_tree

    if work.as_json:
        whole: Any = [plan.to_json() for plan in plans]
        work.console.data(json.dumps(whole if len(plans) > 1 else whole[0], indent=2, ensure_ascii=False))
        return
    for plan in plans:
        work.console.show(plan_tree(plan))


def _ask_about_deletions(plans: list[PushPlan], work: _Work) -> None:
    """Show what would be deleted, and go on only after a yes. Raises UsageError where nobody can be asked, or nobody said yes."""
    import sys

    from hubkit.validate.reporters.text import escape

    doomed = [(plan.repo_id, path) for plan in plans for path in plan.deleted]
    if not doomed:
        return
    for repo_id, path in doomed:
        work.console.say(f"[bold red]-[/] {escape(repo_id)}  {escape(path)}")
    if work.yes:
        return
    question = f"Delete {many(len(doomed), 'file')} from the Hub?"
    if not sys.stdin.isatty():
        raise UsageError(
            f"--prune would delete {len(doomed)} files, and nobody is here to say yes; nothing was sent",
            hint="--prune --yes",
        )
    if not typer.confirm(question, err=True):
        raise UsageError("not deleted; nothing was sent", hint="leave out --prune: then they stay")


def _push_study(path: Path, folder: Path, work: _Work) -> None:
    import json

    from hubkit.publish import service, shown
    from hubkit.study import publish as studies
    from hubkit.study.several import load_study_file
    from hubkit.validate.reporters.text import escape

    console, choices, api = work.console, work.choices, service.client()
    study = load_study_file(path)
    if work.dry_run:
        _show_plans(studies.plans(study, folder, api, choices), work)
        for one in studies.prepare(study, folder, api, choices):
            console.say(f"[bold]{one.plan.repo_id}[/]\n{shown.gate_line(one)}")
        for what in studies.afterwards(study):
            console.say(f"then       {escape(what)}")
        console.say(DRY)
        return
    with console.progress() as report:
        prepared = studies.prepare(study, folder, api, choices, report)
    service.check_login(api, prepared[0].plan.repo_id)
    for one in prepared:
        console.say(f"[bold]{one.plan.repo_id}[/]\n{shown.gate_line(one)}")
    _ask_about_deletions([one.plan for one in prepared], work)
    rehearsals = {}
    if choices.rehearse:
        with console.progress() as report:
            rehearsals = studies.rehearse(study, prepared, choices, report)
        for repo_id, rehearsal in rehearsals.items():
            console.say(f"{shown.rehearsal_line(rehearsal)}  [dim]{repo_id}[/]")
    with console.progress() as report:
        outcome = studies.publish(study, folder, prepared, api, rehearsals, report)
    for done in outcome.releases:
        console.say(f"[bold]{done.pushed.repo_id}[/]")
        for line in shown.published_lines(done):
            console.say(line)
    console.say("")
    if work.as_json:
        console.data(json.dumps(studies.as_json(outcome), indent=2, ensure_ascii=False))
    else:
        console.show(studies.as_markup(outcome))
