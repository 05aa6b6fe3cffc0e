"""What a study file says about publishing: one repository per base model, named by a pattern, an index repository, a collection."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hubkit.cards.settings import IndexSettings
from hubkit.licenses import LICENSES
from hubkit.publish.collection import CollectionPlan

FIELDS = ("owner", "study", "release", "model", "slug")


class Part(BaseModel):
    """A part of the study file: unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class PoolPublication(Part):
    """The release carries its pool: every completion with all judges' labels, and the activations. Both keys are asked for, since nothing published can be taken back."""

    license: str
    """Of the completions: a licence id of the Hub that the base model's own licence allows."""
    privacy: str = Field(min_length=20)
    """Why these texts may be public: where prompts and completions come from, and whom they speak of."""

    @field_validator("license")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in LICENSES:
            raise ValueError(f"{value!r}, expected a licence id of the Hub{_near(value)}")
        return value


def _near(value: str) -> str:
    near = get_close_matches(value.lower(), sorted(LICENSES), n=1)
    return f"; was {near[0]!r} meant?" if near else ", such as 'cc-by-4.0'"


class Publication(Part):
    """Where the releases of a study go."""

    owner: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    """The user or organisation on the Hub."""
    repository: str = "{owner}/{study}-{slug}"
    """The pattern of the repositories' names: `{owner}`, `{study}` (the study's name), `{release}` (the release's), `{model}` (the base model's name as the Hub writes it),
    `{slug}` (the same in small letters, digits and hyphens)."""
    private: bool = False
    """Of new repositories."""
    gated: Literal["auto", "manual", False] = False
    """Of new repositories."""
    tag: str | None = None
    """A name for the new commits. A tag never moves."""
    index: IndexSettings | None = None
    """The repository that lists the others; its card is written from the releases' facts at their commits."""
    collection: CollectionPlan | None = None
    """Of the Hub: a page that lists the repositories."""
    pool: PoolPublication | None = None
    """Whether releases carry their pool, so that anybody can compute their numbers again (`hubkit reproduce`)."""

    @model_validator(mode="after")
    def _pattern_names_each_model(self) -> Self:
        unknown = [name for name in re.findall(r"{([^{}]*)}", self.repository) if name not in FIELDS]
        if unknown:
            raise ValueError(f"repository: {{{unknown[0]}}}, expected some of {', '.join(FIELDS)}")
        if not re.search(r"{(release|model|slug)}", self.repository):
            raise ValueError(
                "repository: without {release}, {model} or {slug} all releases would share one name"
            )
        return self

    def repo_id(self, study: str, release: str, base_model: str) -> str:
        """The repository of one release."""
        model = base_model.rstrip("/").rpartition("/")[2]
        slug = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
        return self.repository.format(owner=self.owner, study=study, release=release, model=model, slug=slug)


def with_repo_id(release: Any, publication: Publication, study: str) -> Any:
    """A release of the raw study file, its card named by the pattern where it has no name of its own."""
    card = release.get("card") if isinstance(release, dict) else None
    if not isinstance(card, dict) or "repo_id" in card or not isinstance(card.get("base_model"), str):
        return release
    return {
        **release,
        "card": {"repo_id": publication.repo_id(study, str(release.get("name")), card["base_model"]), **card},
    }
