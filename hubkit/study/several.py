"""A study file in either form: one release at the top, or several under `releases`, each one base model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic.json_schema import models_json_schema

from hubkit.cards.settings import Link
from hubkit.errors import UsageError
from hubkit.models.names import model_key
from hubkit.study.mistakes import mistakes
from hubkit.study.publication import Part, Publication, with_repo_id
from hubkit.study.study import NAME_PATTERN, Study, as_json, beside, read_yaml, with_scenarios

if TYPE_CHECKING:
    from collections.abc import Sequence

RELEASES = "releases"
HUB = "https://huggingface.co"


class FolderRelease(Part):
    """A release that is there already, trained elsewhere: a folder with SAEs, card.yaml and README.md."""

    name: str = Field(pattern=NAME_PATTERN)
    """The name by which it is chosen and told."""
    folder: str
    """Relative to the study file, or absolute."""


def _kind(value: Any) -> str:
    there = "folder" in value if isinstance(value, dict) else isinstance(value, FolderRelease)
    return "folder" if there else "study"


AnyRelease = Annotated[
    Annotated[FolderRelease, Tag("folder")] | Annotated[Study, Tag("study")], Discriminator(_kind)
]


class SeveralReleases(Part):
    """A study of several releases, each with a repository of its own: of several base models, or of one and the same."""

    name: str = Field(pattern=NAME_PATTERN)
    """Also in the pattern of the repositories."""
    publish: Publication | None = None
    """Holds for every release that says nothing itself."""
    releases: tuple[AnyRelease, ...] = Field(min_length=1)
    """Each a study of one base model, or a folder that is there already. Those of the same base model name each other on their cards."""

    @model_validator(mode="before")
    @classmethod
    def _named_by_the_pattern(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or not isinstance(raw.get("publish"), dict):
            return raw
        try:
            publication = Publication.model_validate(raw["publish"])
        except ValidationError:  # told with its place when the field itself is read
            return raw
        releases = raw.get(RELEASES)
        if not isinstance(releases, list | tuple):
            return raw
        named = [with_repo_id(one, publication, str(raw.get("name"))) for one in releases]
        return {**raw, RELEASES: named}

    @model_validator(mode="after")
    def _one_repository_each(self) -> Self:
        names = [one.name for one in self.releases]
        repositories = [one.card.repo_id for one in self.releases if isinstance(one, Study)]
        for what, several in (("name", names), ("repository", repositories)):
            twice = sorted({one for one in several if several.count(one) > 1})
            if twice:
                raise ValueError(
                    f"releases: the {what} {twice[0]} is there twice: each release has a name and a repository of its own "
                    "({release} in publish.repository, or card.repo_id)"
                )
        return self


@dataclass(frozen=True)
class StudyFile:
    """What a study file holds, in either form."""

    path: Path
    name: str
    publish: Publication | None
    releases: tuple[Study | FolderRelease, ...]

    @property
    def studies(self) -> tuple[Study, ...]:
        """The releases that hubkit trains."""
        return tuple(one for one in self.releases if isinstance(one, Study))

    def folder_of(self, release: Study | FolderRelease, folder: Path) -> Path:
        """Where a release's files are; `folder` is where the studies' releases go."""
        if isinstance(release, FolderRelease):
            return self.path.parent / release.folder
        return folder / release.name


def load_study_file(path: Path) -> StudyFile:
    """Read a study file of either form. Raises UsageError that names every mistake by its place."""
    raw = read_yaml(path)
    several = isinstance(raw, dict) and RELEASES in raw
    model: type[BaseModel] = SeveralReleases if several else Study
    try:
        found = model.model_validate_json(as_json(_located(raw, path.parent)))
    except ValidationError as error:
        raise mistakes(path, error) from error
    if isinstance(found, Study):
        return StudyFile(path, found.name, found.publish, (beside(found, path.parent),))
    assert isinstance(found, SeveralReleases)  # noqa: S101 - one of the two was asked for
    studies = with_companions([one for one in found.releases if isinstance(one, Study)])
    named = {one.name: _published_as(beside(one, path.parent), found.publish) for one in studies}
    releases = tuple(named.get(one.name, one) for one in found.releases)
    return StudyFile(path, found.name, found.publish, releases)


def with_companions(studies: Sequence[Study]) -> tuple[Study, ...]:
    """The releases of one base model name each other on their cards, behind what their author names there."""

    def beside_it(study: Study) -> list[Link]:
        model = model_key(study.card.base_model)
        others = [one.card for one in studies if one is not study and model_key(one.card.base_model) == model]
        return [Link(name=one.title or one.repo_id, url=f"{HUB}/{one.repo_id}") for one in others]

    def named(study: Study) -> Study:
        card = study.card
        found = [*card.companions, *(one for one in beside_it(study) if one not in card.companions)]
        return study.model_copy(update={"card": card.model_copy(update={"companions": found})})

    return tuple(named(one) for one in studies)


def _published_as(study: Study, publish: Publication | None) -> Study:
    """What the file says of publishing holds for each of its releases that says nothing itself."""
    return study if study.publish is not None else study.model_copy(update={"publish": publish})


def _located(raw: Any, folder: Path) -> Any:
    """Files of scenarios found from the study file, in either form."""
    releases = raw.get(RELEASES) if isinstance(raw, dict) else None
    if not isinstance(releases, list):
        return with_scenarios(raw, folder)
    return {**raw, RELEASES: [with_scenarios(one, folder) for one in releases]}


def load_studies(path: Path) -> list[Study]:
    """The releases of a study file that hubkit trains. Raises UsageError, also where there is none."""
    return trained_here(load_study_file(path))


def trained_here(file: StudyFile) -> list[Study]:
    """The releases that hubkit trains. Raises UsageError where there is none."""
    if not file.studies:
        raise UsageError(
            f"{file.path}: its releases are folders that are there already: there is nothing to run",
            hint=f"hubkit push {file.path}",
        )
    return list(file.studies)


def study_schema() -> dict[str, Any]:
    """The schema of both forms: `if` there are releases `then` the one, `else` the other, so that a mistake has one place and one message."""
    _, schema = models_json_schema(
        [(SeveralReleases, "validation"), (Study, "validation")], ref_template="#/$defs/{model}"
    )
    return {
        **schema,
        "title": "Study file",
        "type": "object",
        "if": {"required": [RELEASES]},
        "then": {"$ref": "#/$defs/SeveralReleases"},
        "else": {"$ref": "#/$defs/Study"},
    }
