"""`hubkit collect`, `hubkit train`, `hubkit evaluate`: one stage of a study each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.console import Console

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Where the release and the work folder are; beside the study file by default."
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Training processes.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (collect, train, evaluate):
        name = verb.__name__
        app.command(
            epilog=f"Examples:  hubkit {name} study.yaml   ·   hubkit {name} study.yaml --folder out --quiet"
        )(verb)


def collect(study: StudyFile, folder: Folder = None, quiet: Quiet = False) -> None:
    """Sample completions, label them, take activations."""
    from hubkit.study.pipeline import places, run_collect
    from hubkit.study.study import load_study

    loaded, console = load_study(study), Console(quiet=quiet)
    with console.progress() as report:
        pool = run_collect(loaded, folder or study.parent, report=report)
    console.say(f"{len(pool.rows)} labelled rows, {len(pool.layers)} layers")
    console.data(str(places(loaded, folder or study.parent).pool))


def train(study: StudyFile, folder: Folder = None, workers: Workers = 1, quiet: Quiet = False) -> None:
    """Train the grid, and one SAE per outer fold, on a pool that is there."""
    from hubkit.study.pipeline import places, run_train
    from hubkit.study.study import load_study

    loaded, console = load_study(study), Console(quiet=quiet)
    with console.progress() as report:
        summary = run_train(loaded, folder or study.parent, report=report, workers=workers)
    console.say(f"{summary.trained} SAEs trained, {summary.skipped} were there, {summary.seconds:.0f} s")
    console.warn(summary.warnings)
    console.data(str(places(loaded, folder or study.parent).release))


def evaluate(study: StudyFile, folder: Folder = None, quiet: Quiet = False) -> None:
    """Measure the SAEs that are there, on rows that neither they nor the probes have seen."""
    from hubkit.release.layout import EVALUATION
    from hubkit.study.pipeline import places, run_evaluate
    from hubkit.study.study import load_study

    loaded, console = load_study(study), Console(quiet=quiet)
    with console.progress() as report:
        run_evaluate(loaded, folder or study.parent, report=report)
    console.data(str(places(loaded, folder or study.parent).release / EVALUATION))
