"""`hubkit validate` without a terminal: the target, the configuration, the baseline and the run, joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.engine.events import Report as Progress
from hubkit.engine.events import silent
from hubkit.errors import NothingFound, UsageError
from hubkit.repo.local import LocalView, open_folder
from hubkit.repo.target import open_target
from hubkit.validate.baseline import apply_baseline, read_baseline, write_baseline
from hubkit.validate.config import Config, find_config, load_config
from hubkit.validate.finding import Severity
from hubkit.validate.releases import releases_of
from hubkit.validate.report import Report, below, joined
from hubkit.validate.run import validate
from hubkit.validate.selection import Ignore, Selection

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.validate.rule import Rule

STDIN = "-"


@dataclass(frozen=True)
class Request:
    """What was typed. None and empty mean: as the configuration says."""

    target: str
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    deep: bool = False
    load: bool = False
    base_model: str | None = None
    fail_on: Severity | None = None
    notes: bool = False
    baseline: Path | None = None
    write_baseline: Path | None = None
    config: Path | None = None
    no_config: bool = False
    no_cache: bool = False
    more: tuple[Rule, ...] = ()
    """Rules that are asked beside those of the catalogue."""


@dataclass(frozen=True)
class Answer:
    """The report, and how it is to be shown and judged."""

    report: Report
    fail_on: Severity
    notes: bool
    written: int | None = None
    """Lines of the baseline that was written."""


def answer(request: Request, files: Iterable[str] = (), report: Progress = silent) -> Answer:
    """Carry it out; `files` is the list that the target `-` stands for. Raises HubkitError."""
    if request.config is not None and request.no_config:
        raise UsageError("--config and --no-config contradict each other", hint="give one of them")
    if request.target != STDIN:
        return _one(request, open_target(request.target, cache=False if request.no_cache else None), report)
    if request.write_baseline is not None:
        raise UsageError("--write-baseline needs one folder or repository, not a list of files")
    listed = list(files)
    folders = releases_of(listed)
    if not folders:
        raise NothingFound(
            f"none of the {len(listed)} files on stdin belongs to a release",
            hint="one path a line, relative to the working directory",
        )
    answers = [_one(request, open_folder(folder), report) for folder in folders]
    moved = [below(one.report, folder.as_posix()) for one, folder in zip(answers, folders, strict=True)]
    return Answer(
        joined(moved, STDIN), min(one.fail_on for one in answers), any(one.notes for one in answers)
    )


def _one(request: Request, view: RepoView, report: Progress) -> Answer:
    config = _config(request, view)
    found = validate(
        view,
        _selection(request, config),
        deep=request.deep,
        load=request.load,
        base_model=request.base_model,
        more=request.more,
        report=report,
    )
    folder = _shown(view.root) if isinstance(view, LocalView) else None
    found = replace(found, config=_shown(config.path), folder=folder)
    baseline = request.baseline or config.baseline
    written = None
    if request.write_baseline is not None:
        old = baseline or request.write_baseline
        before = read_baseline(old) if request.baseline or old.exists() else []
        lines = write_baseline(request.write_baseline, found, before)
        found = apply_baseline(found, lines, str(request.write_baseline))
        written = len(lines)
    elif baseline is not None:
        found = apply_baseline(found, read_baseline(baseline), _shown(baseline) or "")
    fail_on = request.fail_on or config.fail_on or Severity.ERROR
    return Answer(found, fail_on, request.notes or config.notes, written)


def _config(request: Request, view: RepoView) -> Config:
    if request.no_config:
        return Config()
    path = request.config or find_config(view.root if isinstance(view, LocalView) else None)
    return load_config(path) if path is not None else Config()


def _selection(request: Request, config: Config) -> Selection:
    """The command line wins: what `--select` names outright is shown even where the file ignores it."""
    kept: list[str | Ignore] = [
        one for one in config.ignore if not any(code.startswith(one.code) for code in request.select)
    ]
    return Selection(request.select or config.select, (*kept, *request.ignore), config.severity)


def _shown(path: Path | None) -> str | None:
    """As a person would type it from here."""
    if path is None:
        return None
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.resolve().as_posix()
