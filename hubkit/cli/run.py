"""`hubkit run`"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.cli.plan_shown import show_plan
from hubkit.cli.stages import DEFAULT_WORKERS, Device, Folder, Folds, RowsOnly, StudyFile, Workers
from hubkit.console import Console
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.engine.events import Progress
    from hubkit.study.several import StudyFile as LoadedFile
    from hubkit.study.study import Study
    from hubkit.study.tiny import Tiny

EPILOG = "Examples:  hubkit run study.yaml   ·   hubkit run study.yaml --folder out --workers 4   ·   hubkit run study.yaml --dry-run   ·   hubkit run study.yaml --scale tiny --folder trial"


class Scale(StrEnum):
    """How large the base models are."""

    tiny = "tiny"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(run)


def run(
    study: StudyFile,
    folder: Folder = None,
    workers: Workers = DEFAULT_WORKERS,
    folds: Folds = None,
    rows_only: RowsOnly = False,
    device: Device = "cpu",
    release: Annotated[
        list[str] | None,
        typer.Option(
            "--release", metavar="NAME", help="Only this release of a study of several; may be given again."
        ),
    ] = None,
    scale: Annotated[
        Scale | None,
        typer.Option(
            "--scale",
            help="tiny: the whole study in minutes, with lab models of the real classes in place of the base models.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be trained, and what it takes on this machine.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Carry out a study: collect, train, evaluate, describe. What is finished is not done again."""
    from hubkit.study.pipeline import run_study
    from hubkit.study.several import load_study_file
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options

    console = Console(quiet=quiet)
    crossfit = CrossFit(folds, scenarios=not rows_only, control=not rows_only)
    options = Options(crossfit=crossfit, workers=workers, device=device)
    below = folder or study.parent
    file = load_study_file(study)
    studies = _chosen(file, release or [])
    small = _made_small(file, studies, below) if scale is Scale.tiny else {}
    if dry_run:
        show_plan(console, [small[one.name].study if small else one for one in studies], crossfit, workers)
        return
    for one in studies:
        with console.progress() as report:
            loaded = _ready(small[one.name], below, console, report) if small else one
            outcome = run_study(loaded, below, options=options, report=report)
        console.warn(outcome.trained.warnings)
        console.data(str(outcome.folders.release))


def _made_small(file: LoadedFile, studies: list[Study], folder: Path) -> dict[str, Tiny]:
    """Those releases by their names in the study file."""
    from hubkit.study.tiny import tiny_file

    chosen = replace(file, releases=tuple(studies))
    _, small = tiny_file(chosen, folder)
    return {one.name: made for one, made in zip(studies, small, strict=True)}


def _ready(one: Tiny, folder: Path, console: Console, report: Progress) -> Study:
    """The tiny study with its model trained and its file written; what is not as the study file says is told."""
    from hubkit.study.tiny import build_model, keep_study

    console.warn({one.study.name: list(one.notes)})
    build_model(one, report)
    keep_study(one, folder)
    return one.study


def _chosen(file: LoadedFile, names: list[str]) -> list[Study]:
    """Those of `names`, all where there are none. Raises UsageError for a name that there is not, and where nothing is to be trained."""
    from hubkit.study.several import trained_here

    studies = trained_here(file)
    there = [one.name for one in studies]
    for name in names:
        if name not in there:
            raise UsageError(f"--release {name}: {file.path} has {', '.join(there)}")
    return [one for one in studies if not names or one.name in names]
