"""`hubkit run`"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.cli.plan_shown import show_plan
from hubkit.cli.run_shown import show_run
from hubkit.cli.stages import (
    DEFAULT_WORKERS,
    Device,
    Engine,
    EngineName,
    Folder,
    Folds,
    Memory,
    RayAddress,
    RowsOnly,
    Seeds,
    StudyFile,
    Workers,
    cluster,
)
from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError
from hubkit.study.stage import Stage, between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.engine.events import Progress
    from hubkit.study.run_log import RunLog
    from hubkit.study.several import StudyFile as LoadedFile
    from hubkit.study.stages import StageDone, StudyRun
    from hubkit.study.study import Study
    from hubkit.study.tiny import Tiny
    from hubkit.train.run import Options

EPILOG = "Examples:  hubkit run study.yaml   ·   hubkit run study.yaml --folder out --workers 4   ·   hubkit run study.yaml --dry-run   ·   hubkit run study.yaml --scale tiny --folder trial   ·   hubkit run study.yaml --from evaluate --push"


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
    seeds: Seeds = 1,
    device: Device = "cpu",
    memory: Memory = None,
    engine: EngineName = Engine.local,
    ray_address: RayAddress = None,
    release: Annotated[
        list[str] | None,
        typer.Option(
            "--release", metavar="NAME", help="Only this release of a study of several; may be given again."
        ),
    ] = None,
    from_: Annotated[
        Stage | None,
        typer.Option("--from", help="Begin with this stage; what comes before it must be there."),
    ] = None,
    until: Annotated[Stage | None, typer.Option("--until", help="End with this stage.")] = None,
    push: Annotated[
        bool,
        typer.Option(
            "--push", help="Publish at the end: rehearsed, pushed and proven, as `hubkit push` does."
        ),
    ] = False,
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
    """Carry out a study: collect, train, evaluate, validate, describe, and publish with --push. What is finished is not done again."""
    from hubkit.engine.memory import parse_memory
    from hubkit.study.several import load_study_file
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options

    console = Console(quiet=quiet)
    crossfit = CrossFit(folds, scenarios=not rows_only, control=not rows_only, seeds=seeds)
    address = cluster(engine, ray_address)
    limit = None if memory is None else parse_memory(memory)
    options = Options(crossfit=crossfit, workers=workers, device=device, ray_address=address, memory=limit)
    stages = between(from_, until, push=push)
    work = _chosen(load_study_file(study), release or [], folder or study.parent, tiny=scale is Scale.tiny)
    if dry_run:
        show_plan(console, work.studies, crossfit, workers)
        return
    _carry_out(work, stages, options, console)


@dataclass(frozen=True)
class _Work:
    """What is to be carried out: some releases of a study file, and the models of those that were made small."""

    file: LoadedFile
    folder: Path
    tiny: Sequence[Tiny] = ()

    @property
    def studies(self) -> list[Study]:
        return list(self.file.studies)


def _carry_out(work: _Work, stages: Sequence[Stage], options: Options, console: Console) -> None:
    """Every release through the stages, one after the other; then the push of all of them, and what it came to."""
    from hubkit.study.run_log import RunLog
    from hubkit.study.stages import StudyRun, errors_of

    log_file = work.folder / "work" / f"{work.file.name}.log"
    done: dict[str, list[StageDone]] = {}
    with RunLog(log_file, work.folder, ["hubkit", *sys.argv[1:]], options.device_here) as log:
        for one in work.studies:
            for note in _known_before(work, one, options):
                console.warn({one.name: [note]})
                log.write(f"warning {one.name}: {note}")
            done[one.name] = []
            with console.progress() as report:
                follow = log.follow(report)
                _prepare(work, one, follow, console)
                run = StudyRun(one, work.folder, options=options, report=follow)
                for stage in stages:
                    if stage is not Stage.push:
                        done[one.name].append(_told(run.carry_out(stage), run, console, log))
        pushed = _push(work, console, log) if Stage.push in stages else ""
    show_run(console, done, pushed, log_file)
    for one in work.studies:
        console.data(str(work.folder / one.name))
    if any(errors_of(several) for several in done.values()):
        raise typer.Exit(int(ExitCode.FINDINGS))


def _known_before(work: _Work, one: Study, options: Options) -> list[str]:
    """What can be told before the first completion: few rows, few scenarios, too little memory, days without a GPU."""
    from hubkit.release.layout import MANIFEST
    from hubkit.study.forecast import forecast
    from hubkit.study.pipeline import study_folders

    if work.tiny or (study_folders(one, work.folder).pool / MANIFEST).is_file():
        return []  # nobody's model, or a pool that has a report of its own
    try:
        return forecast(one, options.crossfit, options.workers).notes
    except UsageError:  # a width that only the pool will tell: the pool's own report speaks then
        return []


def _prepare(work: _Work, one: Study, report: Progress, console: Console) -> None:
    """Of a release that was made small: its model trained and its file written; what is not as the study file says is told."""
    from hubkit.study.tiny import build_model, keep_study

    for small in work.tiny:
        if small.study.name == one.name:
            console.say(f"{one.name}: {small.study.collect.model_name} in place of {small.replaced}")
            console.warn({one.name: list(small.notes)})
            build_model(small, report)
            keep_study(small, work.folder)


def _told(done: StageDone, run: StudyRun, console: Console, log: RunLog) -> StageDone:
    """Note what a stage came to, and what must be known before the next one takes hours."""
    from hubkit.cli.pool_shown import show
    from hubkit.collect.times import read_times
    from hubkit.release.layout import POOL_REPORT, TIMES
    from hubkit.release.pool_report import PoolReport

    log.write(f"{run.study.name}: {done.stage} {'done' if done.fresh else 'was there'}: {done.told}")
    if done.stage is Stage.collect:
        work = run.where.work
        report = PoolReport.load(work / POOL_REPORT)
        show(console, report, read_times(work / TIMES))
        for warning in report.warnings:
            log.write(f"warning pool: {warning}")
    warned: dict[str, list[str]] = {}
    for sae_id, text in done.warnings:
        warned.setdefault(sae_id, []).append(text)
        log.write(f"warning {sae_id}: {text}")
    console.warn(warned)
    return done


def _push(work: _Work, console: Console, log: RunLog) -> str:
    """Push all of it, and say so in one line."""
    from rich.text import Text

    from hubkit.cli.push import push_releases
    from hubkit.publish.render import rehearsal_line
    from hubkit.words import many

    outcome = push_releases(work.file, work.folder, console)
    for one in outcome.releases:
        if one.rehearsal is not None:
            said = Text.from_markup(rehearsal_line(one.rehearsal)).plain
            log.write(f"{one.pushed.repo_id}: {said}")
        log.write(f"push: {one.pushed.repo_id} at {one.pushed.commit}")
    there = sum(not one.pushed.new_commit for one in outcome.releases)
    told = f"{many(len(outcome.releases), 'release')} published and proven"
    return told + (f", {there} of them as before" if there else "")


def _chosen(file: LoadedFile, names: list[str], folder: Path, *, tiny: bool) -> _Work:
    """The releases of `names`, all where there are none, at the scale that was asked for. Raises UsageError for a name that there is not, and where nothing is to be trained."""
    from hubkit.study.several import trained_here
    from hubkit.study.tiny import tiny_file

    there = [one.name for one in trained_here(file)]
    for name in names:
        if name not in there:
            raise UsageError(f"--release {name}: {file.path} has {', '.join(there)}")
    if names:
        # an index and a collection are of all releases
        publish = file.publish and file.publish.model_copy(update={"index": None, "collection": None})
        file = replace(
            file, publish=publish, releases=tuple(one for one in file.releases if one.name in names)
        )
    if not tiny:
        return _Work(file, folder)
    small_file, small = tiny_file(file, folder)
    return _Work(small_file, folder, small)
