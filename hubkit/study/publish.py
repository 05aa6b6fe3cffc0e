"""A study as releases to push: which folder goes to which repository, and what is made once they are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.settings import NAME, load_settings
from hubkit.errors import UsageError
from hubkit.publish.afterwards import Afterwards
from hubkit.publish.flow import Released
from hubkit.publish.plan import Target
from hubkit.study.several import FolderRelease, StudyFile

if TYPE_CHECKING:
    from hubkit.study.study import Study


def targets(study: StudyFile, folder: Path) -> list[Released]:
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
        found.append(Released(release, _target(study, one, release)))
    names = [one.target.repo_id for one in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"{study.path}: two releases would go to {name}: each has a repository of its own; nothing was sent",
                hint="give each its own repo_id in card.yaml, or publish.repository a {release}",
            )
    return found


def _target(study: StudyFile, one: Study | FolderRelease, release: Path) -> Target:
    settings, publication = load_settings(release / NAME), study.publish
    if publication is None:
        return Target(settings.repo_id)
    expected = publication.repo_id(study.name, one.name, settings.base_model)
    own_name = not isinstance(one, FolderRelease) and one.card.repo_id == settings.repo_id
    if settings.repo_id != expected and not own_name:
        raise UsageError(
            f"{release / NAME}: repo_id is {settings.repo_id}, by the study's pattern it is {expected}; nothing was sent",
            hint=f"set repo_id: {expected} there and run hubkit build-cards {release}",
        )
    return Target(settings.repo_id, private=publication.private, gated=publication.gated, tag=publication.tag)


def afterwards(study: StudyFile, folder: Path) -> Afterwards | None:
    """The study's index and collection, if it says where it is published."""
    wanted = study.publish
    if wanted is None:
        return None
    return Afterwards(study.name, wanted.owner, folder, wanted.index, wanted.collection, wanted.private)
