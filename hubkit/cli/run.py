"""`hubkit run`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.cli.plan_shown import show_plan
from hubkit.cli.stages import (
    DEFAULT_WORKERS,
    Device,
    Engine,
    EngineName,
    Folder,
    Folds,
    RayAddress,
    RowsOnly,
    StudyFile,
    Workers,
    cluster,
)
from hubkit.console import Console
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.study.study import Study

EPILOG = "Examples:  hubkit run study.yaml   ·   hubkit run study.yaml --folder out --workers 4   ·   hubkit run study.yaml --dry-run"


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
    engine: EngineName = Engine.local,
    ray_address: RayAddress = None,
    release: Annotated[
        list[str] | None,
        typer.Option(
            "--release", metavar="NAME", help="Only this release of a study of several; may be given again."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be trained, and what it takes on this machine.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Carry out a study: collect, train, evaluate, describe. What is finished is not done again."""
    from hubkit.study.pipeline import run_study
    from hubkit.study.several import load_studies
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options

    console = Console(quiet=quiet)
    crossfit = CrossFit(folds, scenarios=not rows_only, control=not rows_only)
    address = cluster(engine, ray_address)
    options = Options(crossfit=crossfit, workers=workers, device=device, ray_address=address)
    studies = _chosen(study, load_studies(study), release or [])
    if dry_run:
        show_plan(console, studies, crossfit, workers)
        return
    for loaded in studies:
        with console.progress() as report:
            outcome = run_study(loaded, folder or study.parent, options=options, report=report)
        console.warn(outcome.trained.warnings)
        console.data(str(outcome.folders.release))


def _chosen(path: Path, studies: list[Study], names: list[str]) -> list[Study]:
    """Those of `names`, all where there are none. Raises UsageError for a name that there is not."""
    there = [one.name for one in studies]
    for name in names:
        if name not in there:
            raise UsageError(f"--release {name}: {path} has {', '.join(there)}")
    return [one for one in studies if not names or one.name in names]
