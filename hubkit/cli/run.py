"""`hubkit run`"""

from __future__ import annotations

import typer

from hubkit.cli.options import Quiet
from hubkit.cli.stages import DEFAULT_WORKERS, Device, Folder, Folds, RowsOnly, StudyFile, Workers
from hubkit.console import Console

EPILOG = "Examples:  hubkit run study.yaml   ·   hubkit run study.yaml --folder out --workers 4"


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
    quiet: Quiet = False,
) -> None:
    """Carry out a study: collect, train, evaluate, describe. What is finished is not done again."""
    from hubkit.study.pipeline import run_study
    from hubkit.study.several import load_studies
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options

    console = Console(quiet=quiet)
    crossfit = CrossFit(folds, scenarios=not rows_only, control=not rows_only)
    options = Options(crossfit=crossfit, workers=workers, device=device)
    for loaded in load_studies(study):
        with console.progress() as report:
            outcome = run_study(loaded, folder or study.parent, options=options, report=report)
        console.warn(outcome.trained.warnings)
        console.data(str(outcome.folders.release))
