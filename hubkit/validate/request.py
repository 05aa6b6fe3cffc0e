"""`hubkit validate` without a terminal: the target, the configuration, the baseline and the run, joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.engine.events import Progress, silent
from hubkit.errors import NothingFound, UsageError
from hubkit.repo.deadline import DEEP_LIMIT, LIMIT, Deadline
from hubkit.repo.local import LocalView, open_folder
from hubkit.repo.target import open_target
from hubkit.validate.baseline import apply_baseline, read_baseline, write_baseline
from hubkit.validate.config import NAME, find_config, load_config, not_obeyed
from hubkit.validate.finding import Severity
from hubkit.validate.releases import releases_of
from hubkit.validate.report import Known, Report, below, joined
from hubkit.validate.run import unasked, validate
from hubkit.validate.selection import Config, Ignore, Selection

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.validate.rule import Rule

STDIN = "-"


@dataclass(frozen=True)
class Settled:
    """A configuration and a baseline that somebody has decided on already, instead of what the files say."""

    config: Config = field(default_factory=Config)
    known: Sequence[Known] | None = None
    """Lines of the baseline; None where there is none."""
    baseline: Path | None = None
    """Where they are from."""
    remarks: tuple[str, ...] = ()
    """What the report says about it."""


@dataclass(frozen=True)
class Request:
    """What was typed. None and empty mean: as the configuration says."""

    target: str
    _: KW_ONLY
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
    timeout: float | None = None
    """Seconds for all that is asked of the network; None: as long as is sensible."""
    settled: Settled | None = None
    """In place of configuration and baseline."""


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
    deadline = Deadline(request.timeout or (DEEP_LIMIT if request.deep else LIMIT))
    if request.target != STDIN:
        cache = False if request.no_cache else None
        return _one(request, open_target(request.target, cache=cache, deadline=deadline), report)
    if request.write_baseline is not None:
        raise UsageError("--write-baseline needs one folder or repository, not a list of files")
    listed = list(files)
    folders = releases_of(listed)
    if not folders:
        raise NothingFound(
            f"none of the {len(listed)} files on stdin belongs to a release",
            hint="one path a line, relative to the working directory",
        )
    views = [open_folder(folder) for folder in folders]
    for view in views:
        view.deadline = deadline
    answers = [_one(request, view, report) for view in views]
    moved = [below(one.report, folder.as_posix()) for one, folder in zip(answers, folders, strict=True)]
    return Answer(
        joined(moved, STDIN), min(one.fail_on for one in answers), any(one.notes for one in answers)
    )


def _one(request: Request, view: RepoView, report: Progress) -> Answer:
    settled = request.settled or Settled(_config(request))
    config = settled.config
    selection = _selection(request, config, view)
    _check_asked(request, selection)
    found = validate(
        view,
        selection,
        deep=request.deep,
        load=request.load,
        base_model=request.base_model,
        more=request.more,
        report=report,
        coverage=True,
    )
    root = view.root if isinstance(view, LocalView) else None
    remarks = (*found.remarks, *settled.remarks, *_passed_over(view, config))
    narrows = tuple(_narrows(request, config))
    found = replace(
        found, config=_shown(config.path), config_narrows=narrows, folder=_shown(root), remarks=remarks
    )
    baseline = settled.baseline or request.baseline or config.baseline
    written = None
    if request.write_baseline is not None:
        old = baseline or request.write_baseline
        # Lines of the old one stay where this run could not judge them: without --deep nothing says that a deep finding is gone.
        before = read_baseline(old) if request.baseline or old.exists() else []
        lines = write_baseline(request.write_baseline, found, before, root)
        found = apply_baseline(found, lines, str(request.write_baseline), root)
        written = len(lines)
    elif baseline is not None:
        known = read_baseline(baseline) if settled.known is None else settled.known
        found = apply_baseline(found, known, _shown(baseline) or "", root)
    fail_on = request.fail_on or config.fail_on or Severity.ERROR
    return Answer(found, fail_on, request.notes or config.notes, written)


def _config(request: Request) -> Config:
    if request.no_config:
        return Config()
    path = request.config or find_config()
    return load_config(path) if path is not None else Config()


def _selection(request: Request, config: Config, view: RepoView) -> Selection:
    """The command line wins: what `--select` names outright is shown even where the file ignores it."""
    kept: list[str | Ignore] = [
        one for one in config.ignore if not any(code.startswith(one.code) for code in request.select)
    ]
    ignores = (*kept, *request.ignore)
    return Selection(request.select or config.select, ignores, config.severity, _seen(config, view))


def _narrows(request: Request, config: Config) -> Iterator[str]:
    """What the configuration leaves out of the report, ignores and severities aside, unless something else was typed."""
    if config.select and not request.select:
        yield f"asks only {', '.join(config.select)}"
    if config.baseline and not request.baseline and not request.settled:
        yield f"takes what {_shown(config.baseline)} lists as known"


def _seen(config: Config, view: RepoView) -> tuple[str, ...]:
    """From where a glob of the configuration may be meant: the target, or the folder of the file, where the target lies below that."""
    if config.path is None or not isinstance(view, LocalView):
        return ("",)
    home, root = config.path.resolve().parent, view.root.resolve()
    if root == home or not root.is_relative_to(home):
        return ("",)
    return ("", f"{root.relative_to(home).as_posix()}/")


def _check_asked(request: Request, selection: Selection) -> None:
    """Raise UsageError for a rule that was named and would not be asked: clean would not mean anything."""
    if not request.select:
        return
    idle = unasked(
        selection, deep=request.deep, load=request.load, base_model=request.base_model, more=request.more
    )
    if idle:
        raise UsageError(
            f"--select {','.join(idle)}: no such rule is asked without another option",
            hint="--deep for rules of whole weights, --load for LOAD, --base-model auto for HOOK004; hubkit explain CODE says what it reads",
        )


def _passed_over(view: RepoView, config: Config) -> tuple[str, ...]:
    """The configurations in the target: named, not obeyed."""
    found = [entry.path for entry in view.list() if entry.name == NAME]
    obey = ""
    if isinstance(view, LocalView):
        # The working directory's own counts as typed, also where it is set aside by --config or --no-config.
        typed = {path.resolve() for path in (config.path, find_config()) if path is not None}
        inside = {(view.root / path).resolve() for path in found}
        found = sorted(_shown(path) or "" for path in {*inside, *not_obeyed(view.root)} - typed)
        obey = f"; --config {found[0]} would obey it" if found else ""
    if not found:
        return ()
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    what = "lies in what is validated: it is" if len(found) == 1 else "lie in what is validated: they are"
    return (f"{shown} {what} not obeyed{obey}",)


def _shown(path: Path | None) -> str | None:
    """As a person would type it from here."""
    if path is None:
        return None
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.resolve().as_posix()
