"""The Python interface: what the verbs do, as functions that return values, raise the errors of `hubkit.errors`, and print nothing.

    from hubkit.api import validate, audit, load_release, build_card, plan_push, push

They are here and not in `hubkit` itself, where `hubkit.validate` and `hubkit.audit` are the packages that do the work: with one name for a package and a
function, what `from hubkit import validate` gives would hang on what was imported before. Importing this module imports nothing else of hubkit; a
function imports what it needs when it is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from os import PathLike

    from hubkit.audit.run import Audit
    from hubkit.cards.build import Card
    from hubkit.cards.released import Release
    from hubkit.engine.events import Progress
    from hubkit.publish.flow import Choices, Published, Released
    from hubkit.publish.rehearse import Prepared
    from hubkit.validate.report import Report

    Place = str | PathLike[str]

__all__ = ["PushOptions", "audit", "build_card", "load_release", "plan_push", "push", "validate"]


def validate(
    target: Place,
    *,
    deep: bool = False,
    load: bool = False,
    base_model: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    config: Place | None = None,
    baseline: Place | None = None,
    cache: bool = True,
    timeout: float | None = None,
    progress: Progress | None = None,
) -> Report:
    """Tell whether the SAEs in a folder or repository are what they say: `hubkit validate`.

    `target` is a folder, `OWNER/REPO` or `OWNER/REPO@revision`. `deep` reads whole weights too, `load` asks SAELens itself, `base_model` (`auto`, an id, a
    folder) holds hooks and widths against the base model's config.json. `select` and `ignore` are codes or prefixes. Unlike the verb, no hubkit.toml is
    looked for: `config` names one. `timeout`: seconds for all that is asked of the network. Findings are no exception: `report.findings`,
    `report.complete`, `report.exit_code(Severity.ERROR)`. Raises UsageError, IncompleteError where nothing can be listed.
    """
    from hubkit.engine.events import silent
    from hubkit.validate.request import Request, answer

    request = Request(
        str(target),
        deep=deep, load=load, base_model=base_model, select=tuple(select), ignore=tuple(ignore),
        config=_path(config), no_config=config is None, baseline=_path(baseline), no_cache=not cache, timeout=timeout,
    )  # fmt: skip
    return answer(request, report=progress or silent).report


def audit(
    targets: Iterable[Place],
    *,
    search: str = "",
    filters: Iterable[str] = (),
    store: Place | None = None,
    refresh: bool = False,
    jobs: int = 4,
    timeout: float | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    config: Place | None = None,
    reports: bool = False,
    progress: Progress | None = None,
) -> Audit:
    """Validate many folders or repositories, worst first: `hubkit audit`.

    `targets` are folders, `OWNER/REPO[@revision]`, `OWNER`, `collection:SLUG`; `search` and `filters` (`library=saelens`) narrow owners, or search the Hub.
    What was read is kept in the file `store`, and an audit over the same file goes on where the last one stopped; without one nothing is kept.
    `reports` gives each row its whole report, as `--format json --reports` has it. A repository that cannot be read is a row with
    `failure`, and no exception. Raises UsageError, IncompleteError for a store that cannot be written.
    """
    from hubkit.audit.run import Options, selection, whole_audit
    from hubkit.audit.targets import sources
    from hubkit.engine.events import silent
    from hubkit.publish.client import client
    from hubkit.repo.deadline import LIMIT

    options = Options(
        selection(select, ignore, _path(config)), jobs, refresh=refresh, timeout=timeout or LIMIT
    )
    wanted = sources(map(str, targets), search, filters)
    return whole_audit(wanted, client(), _path(store), options, reports=reports, report=progress or silent)


def load_release(target: Place, *, cache: bool = True, timeout: float | None = None) -> Release:
    """What a release holds, and nobody's judgement of it: its SAEs as values, what hubkit computed of them, how they were made.

    `target` as for `validate`. Configurations and headers are read, no weights: `sae.threshold.read(release.view)` reads one tensor. Raises UsageError,
    NothingFound without an SAE, IncompleteError where something could not be read.
    """
    from hubkit.cards.released import read_release
    from hubkit.repo.deadline import LIMIT, Deadline
    from hubkit.repo.target import open_target

    view = open_target(str(target), cache=None if cache else False, deadline=Deadline(timeout or LIMIT))
    return read_release(view)


def build_card(release: Place, *, write: bool = True, force: bool = False, run_code: bool = True) -> Card:
    """README.md and figures from a release's own files and its card.yaml: `hubkit build-cards`, of one folder.

    `write=False` builds it and writes nothing (`card.text`, `card.changed`, `card.diff`), and runs no code. `force` overwrites a card that hubkit did not write,
    or that was edited since, which is an EditedError else. `run_code` runs the card's Python with SAELens first. Raises UsageError, NothingFound, IncompleteError.
    """
    from hubkit.cards.build import build_card, draft_card
    from hubkit.cards.snippets import run_card
    from hubkit.repo.local import open_folder

    folder = open_folder(Path(release)).root
    if not write:
        return draft_card(folder, force=True)
    return build_card(folder, force=force, run=run_card if run_code else None)


class PushOptions(TypedDict, total=False):
    """What may be said about a push, beside where it goes; each as the option of `hubkit push`."""

    private: bool
    """Of a new repository."""
    gated: Literal["auto", "manual", False]
    """Of a new repository."""
    branch: str
    """`main` by default; it is begun where it is not there."""
    pull_request: bool
    """Propose instead of commit."""
    tag: str | None
    """Of the new commit. A tag never moves."""
    allow: Mapping[str, str]
    """Code to the reason why it may pass the gate."""
    include: Sequence[str]
    """Globs of files that are left out else."""
    message: str | None
    """Of the commit."""
    prune: bool
    """Delete what only the repository has. Nobody is asked: `plan_push(...).plan.deleted` says what."""
    rehearse: bool
    """First do it against a Hub on this machine; True by default."""
    run_code: bool
    """Run the card's code there, where torch is installed; True by default."""


def plan_push(
    release: Place, to: str | None = None, *, progress: Progress | None = None, **options: Unpack[PushOptions]
) -> Prepared:
    """What `push` would do: the release past the gate, and its plan (`.plan.files`, `.plan.deleted`). Nothing is sent: `hubkit push --dry-run`.

    Raises HubkitError with all that the gate finds, UsageError, IncompleteError.
    """
    from hubkit.engine.events import silent
    from hubkit.publish import flow
    from hubkit.publish.client import client

    one, choices = _asked(release, to, options)
    return flow.prepare([one], client(), choices, progress or silent)[0]


def push(
    release: Place, to: str | None = None, *, progress: Progress | None = None, **options: Unpack[PushOptions]
) -> Published:
    """Publish a release folder to `to` (by default repo_id of its card.yaml): one commit, rehearsed before and proven after, as `hubkit push` does.

    The answer has the commit (`.pushed.commit`) and the proof (`.verification`). Raises HubkitError with all that the gate, the rehearsal or the proof find, UsageError,
    IncompleteError; interrupted anywhere, the same call finishes it. A study of several releases is `hubkit push STUDY`.
    """
    from hubkit.engine.events import silent
    from hubkit.publish import flow
    from hubkit.publish.client import check_login, client

    report = progress or silent
    one, choices = _asked(release, to, options)
    api = client()
    prepared = flow.prepare([one], api, choices, report)
    check_login(api, one.target.repo_id)
    rehearsals = flow.rehearse(prepared, choices, report)
    return flow.publish(prepared, api, choices, rehearsals, report).releases[0]


def _path(place: Place | None) -> Path | None:
    return None if place is None else Path(place)


def _asked(release: Place, to: str | None, options: PushOptions) -> tuple[Released, Choices]:
    from hubkit.publish.flow import Choices, released
    from hubkit.publish.plan import MAIN

    choices = Choices(
        options.get("allow", {}),
        options.get("message"),
        options.get("prune", False),
        options.get("rehearse", True),
        options.get("run_code", True),
        tuple(options.get("include", ())),
    )
    where = {
        "revision": options.get("branch", MAIN),
        "pull_request": options.get("pull_request", False),
        "tag": options.get("tag"),
        "private": options.get("private", False),
        "gated": options.get("gated", False),
    }
    return released(Path(release), to, **where), choices
