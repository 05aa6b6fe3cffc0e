"""`hubkit build-cards`"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.console import Console
from hubkit.errors import ExitCode
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.cards.build import RunCode
    from hubkit.cards.checksums import Checksums
    from hubkit.study.cards import CardJob, Outcome

EPILOG = (
    "Examples:  hubkit build-cards ./my-release   ·   hubkit build-cards study.yaml --check   ·   "
    "hubkit build-cards ./my-release --diff"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build-cards", epilog=EPILOG)(build_cards)


def build_cards(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RELEASE|STUDY",
            help="A release folder with a card.yaml, or a study file: all its releases and its index.",
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Where a study's releases are; beside the study file by default."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit code 1 when a card is not what would be written."),
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
    facts: Annotated[
        bool,
        typer.Option("--facts", help="Write nothing; list every fact that prose may quote, with its file."),
    ] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Do not run the card's own code; the card then says so.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Overwrite a README.md that hubkit did not write, or that was edited since."
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write README.md from a release's own files."""
    writing = not (check or diff or facts)
    ahead = _hashed_ahead(target) if writing else None
    try:
        from hubkit.study.cards import card_jobs

        console = Console(quiet=quiet)
        jobs = card_jobs(target, folder)
        if facts:
            for job in jobs:
                _list_facts(job, console)
        elif check or diff:
            _compare(jobs, console, check=check, diff=diff)
        else:
            _write(jobs, console, ahead, force=force, no_run=no_run)
    finally:
        if ahead is not None:
            ahead.stop()


def _compare(jobs: list[CardJob], console: Console, *, check: bool, diff: bool) -> None:
    """Write nothing; tell how the cards differ from what would be written."""
    from hubkit.study.cards import draft

    drafts = [draft(job) for job in jobs]
    for one in drafts:
        _tell_difference(one, console, diff=diff)
    if check and any(one.changed for one in drafts):
        raise typer.Exit(int(ExitCode.FINDINGS))


def _write(
    jobs: list[CardJob], console: Console, ahead: Checksums | None, *, force: bool, no_run: bool
) -> None:
    from hubkit.study.cards import build

    for job in jobs:
        with _running(console, job, no_run=no_run) as run:
            _tell(build(job, force=force, run=run, checksums=ahead), console)


def _hashed_ahead(release: Path) -> Checksums | None:
    """Hashing the weights takes as long as importing what builds a card: both go on at once. None for a study file."""
    from hubkit.cards.checksums import Checksums

    return Checksums.of(release) if release.is_dir() else None


@contextmanager
def _running(console: Console, job: CardJob, *, no_run: bool) -> Iterator[RunCode | None]:
    """What runs a card's code, said before: it takes seconds."""
    from hubkit.cards.snippets import SnippetOutcome, run_card

    def run(card: str, release: Path) -> SnippetOutcome:
        console.say(f"[dim]{job.name}: running the card's code[/]")
        return run_card(card, release)

    yield None if no_run else run


def _tell(one: Outcome, console: Console) -> None:
    from hubkit.validate.reporters.text import escape

    what = f"{many(one.saes, 'SAE')} described"
    console.say(what + ("" if one.changed else "; the card was current"))
    for doubt in one.doubts:
        console.say(f"[yellow]perhaps wrong[/]  {escape(doubt)}")
    console.data(str(one.path))


def _tell_difference(one: Outcome, console: Console, *, diff: bool) -> None:
    console.say(f"{one.path}: " + ("not what would be written" if one.changed else "current"))
    if diff and one.diff:
        console.data(one.diff)


def _list_facts(job: CardJob, console: Console) -> None:
    from hubkit.study.cards import facts_of

    for name, fact in facts_of(job):
        where = f"{fact.source.file}#{fact.source.pointer}" if fact.source.file else "counted"
        console.data(f"facts.{name} = {fact}  ({where}{'; ' + fact.stated if fact.stated else ''})")
