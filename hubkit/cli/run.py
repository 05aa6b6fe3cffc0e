"""`hubkit run`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.console import Console

EPILOG = "Examples:  hubkit run study.yaml   ·   hubkit run study.yaml --folder out --workers 4"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(run)


def run(
    study: Annotated[Path, typer.Argument(help="A study file.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", help="Where the release and the work folder go; beside the study file by default."
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Training processes.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Carry out a study: collect, train, evaluate, describe. What is finished is not done again."""
    from hubkit.study.pipeline import run_study
    from hubkit.study.study import load_study

    console = Console(quiet=quiet)
    loaded = load_study(study)
    with console.progress() as report:
        outcome = run_study(loaded, folder or study.parent, report=report, workers=workers)
    console.warn(outcome.trained.warnings)
    console.data(str(outcome.places.release))
