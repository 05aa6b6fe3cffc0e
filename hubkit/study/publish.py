"""`hubkit push study.yaml`: one repository for each base model, then the index, then the collection, all of it rehearsed first."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.cards.settings import NAME, load_settings
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.publish import service, shown
from hubkit.publish.collection import CollectionItem, CollectionOutcome, keep_collection
from hubkit.publish.index import IndexPublished, Listed, publish_index, write_index
from hubkit.publish.plan import PushPlan, Target, make_plan
from hubkit.publish.rehearse import (
    Prepared,
    Rehearsal,
    check_rehearsal,
    rehearsal_hub,
    rehearse_prepared,
)
from hubkit.publish.service import Choices, Published
from hubkit.study.several import FolderRelease, StudyFile
from hubkit.validate.reporters.text import escape

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hubkit.study.publication import Publication
    from hubkit.study.study import Study


@dataclass(frozen=True)
class StudyOutcome:
    """A study that is on the Hub."""

    releases: tuple[Published, ...]
    index: IndexPublished | None
    collection: CollectionOutcome | None


@dataclass(frozen=True)
class _Done:
    """What one Hub, the real one or the rehearsal's, now has of a release."""

    prepared: Prepared
    commit: str


def plans(study: StudyFile, folder: Path, api: HfApi, choices: Choices) -> list[PushPlan]:
    """The plan of every release, without the gate: for a dry run."""
    return [
        make_plan(release, target, api, message=choices.message, prune=choices.prune, include=choices.include)
        for release, target in targets(study, folder)
    ]


def targets(study: StudyFile, folder: Path) -> list[tuple[Path, Target]]:
    """Each release's folder and where it goes. Raises UsageError where a folder is missing, or its card names another repository than the study."""
    found = []
    for one in study.releases:
        release = study.folder_of(one, folder)
        if not release.is_dir():
            hint = (
                f"hubkit run {study.path}"
                if not isinstance(one, FolderRelease)
                else f"mend folder: of {one.name}"
            )
            raise UsageError(f"{release}: the release {one.name} is not there; nothing was sent", hint=hint)
        found.append((release, _target(study, one, release)))
    names = [target.repo_id for _, target in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"{study.path}: two releases would go to {name}: one repository per base model; nothing was sent",
                hint="give each its own repo_id in card.yaml, or publish.repository a {slug}",
            )
    return found


def _target(study: StudyFile, one: Study | FolderRelease, release: Path) -> Target:
    settings, publication = load_settings(release / NAME), study.publish
    if publication is None:
        return Target(settings.repo_id)
    expected = publication.repo_id(study.name, settings.base_model)
    own_name = not isinstance(one, FolderRelease) and one.card.repo_id == settings.repo_id
    if settings.repo_id != expected and not own_name:
        raise UsageError(
            f"{release / NAME}: repo_id is {settings.repo_id}, by the study's pattern it is {expected}; nothing was sent",
            hint=f"set repo_id: {expected} there and run hubkit build-cards {release}",
        )
    return Target(settings.repo_id, private=publication.private, gated=publication.gated, tag=publication.tag)


def prepare(
    study: StudyFile, folder: Path, api: HfApi, choices: Choices, report: Progress = silent
) -> list[Prepared]:
    """Every release past the gate. Raises HubkitError with everything that stands in the way of any of them; nothing was sent."""
    prepared, refused = [], []
    found = targets(study, folder)
    for done, (release, target) in enumerate(found):
        report(Event("gate", done, len(found), target.repo_id))
        try:
            prepared.append(service.prepare(release, target, api, choices, report))
        except HubkitError as error:
            if error.exit_code is not ExitCode.FINDINGS:
                raise  # not about this release: the next would fare no better
            refused.append(error)
    report(Event("gate", len(found), len(found), "all releases"))
    if len(refused) == 1:
        raise refused[0]
    if refused:
        raise HubkitError("\n".join(error.message for error in refused), refused[0].hint)
    return prepared


def rehearse(
    study: StudyFile, prepared: list[Prepared], choices: Choices, report: Progress = silent
) -> dict[str, Rehearsal]:
    """All of it against one throw-away Hub: the releases, the index, the collection. Repository to outcome. Raises HubkitError; nothing was sent.

    The code of a card that is on the Hub already, with all its files, is not run again.
    """
    outcomes: dict[str, Rehearsal] = {}
    with rehearsal_hub(prepared) as (hub, api):
        for one in prepared:
            run_code = choices.run_code and one.plan.changes
            outcome = rehearse_prepared(one, hub, api, run_code=run_code, report=report)
            check_rehearsal(one, outcome)
            outcomes[one.plan.repo_id] = outcome
        done = [_Done(one, outcomes[one.plan.repo_id].pushed.commit) for one in prepared]
        with tempfile.TemporaryDirectory(prefix="hubkit-index-", ignore_cleanup_errors=True) as scratch:
            _finish(study, Path(scratch), done, api, report)
    return outcomes


def publish(
    study: StudyFile,
    folder: Path,
    prepared: list[Prepared],
    api: HfApi,
    rehearsals: Mapping[str, Rehearsal],
    report: Progress = silent,
) -> StudyOutcome:
    """Push and prove every release, then the index and the collection. Raises HubkitError; what was published stays, and running again goes on."""
    releases = []
    for one in prepared:
        rehearsal = rehearsals.get(one.plan.repo_id)
        releases.append(service.publish(one, api, rehearsal=rehearsal, report=report))
    done = [_Done(one.prepared, one.pushed.commit) for one in releases]
    index, collection = _finish(study, folder, done, api, report)
    return StudyOutcome(tuple(releases), index, collection)


def _finish(
    study: StudyFile, folder: Path, done: list[_Done], api: HfApi, report: Progress
) -> tuple[IndexPublished | None, CollectionOutcome | None]:
    """The index repository and the collection, where the study has them."""
    publication = study.publish
    if publication is None:
        return None, None
    index = None
    if publication.index is not None:
        settings = publication.index
        listed = [Listed(one.prepared.release, one.prepared.plan.repo_id, one.commit) for one in done]
        place = write_index(folder / settings.repo_id.rpartition("/")[2], listed, settings)
        index = publish_index(place, settings, api, private=publication.private, report=report)
    collection = _collected(study, publication, done, api) if publication.collection else None
    return index, collection


def _collected(
    study: StudyFile, publication: Publication, done: list[_Done], api: HfApi
) -> CollectionOutcome:
    plan = publication.collection
    assert plan is not None  # noqa: S101 - the caller looked
    items = (
        [CollectionItem(publication.index.repo_id, f"{study.name}: all repositories")]
        if publication.index
        else []
    )
    for one in done:
        count, model = len(one.prepared.gate.report.saes), one.prepared.gate.base_model
        items.append(CollectionItem(one.prepared.plan.repo_id, f"{count} SAEs of {model}"))
    return keep_collection(
        api, publication.owner, plan.title, items, description=plan.description, private=plan.private
    )


def afterwards(study: StudyFile) -> list[str]:
    """What is made once the releases are there, in words: a plan of it would need their commits."""
    publication = study.publish
    if publication is None:
        return []
    found = [f"the index {publication.index.repo_id}"] if publication.index else []
    if publication.collection:
        found.append(f"the collection {publication.collection.title!r} of {publication.owner}")
    return found


def as_json(outcome: StudyOutcome) -> dict[str, Any]:
    """For programs."""
    index, collection = outcome.index, outcome.collection
    return {
        "releases": [shown.published_json(one) for one in outcome.releases],
        "index": {"repo_id": index.pushed.repo_id, "commit": index.pushed.commit} if index else None,
        "collection": collection.slug if collection else None,
    }


def as_markup(outcome: StudyOutcome) -> str:
    """For a person: where everything is, and how to load from exactly there."""
    lines = ["[bold]published and proven[/]", ""]
    lines += [f"  [bold]{escape(one.pushed.repo_id)}[/]@{one.pushed.commit}" for one in outcome.releases]
    if outcome.index:
        lines.append(
            f"  [bold]{escape(outcome.index.pushed.repo_id)}[/]@{outcome.index.pushed.commit}  [dim]the index[/]"
        )
    if outcome.collection:
        lines.append(f"  {escape(outcome.collection.url)}")
    proof = outcome.releases[0].verification
    return "\n".join(
        [*lines, "", "[dim]one of them, at exactly this commit:[/]", "", shown.pinned_lines(proof)]
    )
