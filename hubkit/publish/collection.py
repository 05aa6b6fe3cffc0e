"""The Hub's collection of a study's repositories: made once, then kept as it should be. What a person added to it stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from hubkit.publish.errors import hub_errors
from hubkit.publish.retry import with_retries

if TYPE_CHECKING:
    from huggingface_hub import Collection, HfApi

LONGEST_NOTE = 500


class CollectionPlan(BaseModel):
    """The Hub's collection of the study's repositories; it is updated, never made twice."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    title: str = Field(max_length=59)
    """As the Hub shows it."""
    description: str | None = Field(default=None, max_length=150)
    """One sentence below it."""
    private: bool = False
    """Whether only its owner sees it."""


@dataclass(frozen=True)
class CollectionItem:
    """One repository of the collection."""

    repo_id: str
    note: str


@dataclass(frozen=True)
class CollectionOutcome:
    """Where the collection is, and what had to be done."""

    slug: str
    url: str
    made: bool
    added: tuple[str, ...]
    changed: tuple[str, ...]
    """Items whose note or place was set."""


def keep_collection(
    api: HfApi,
    owner: str,
    title: str,
    items: Sequence[CollectionItem],
    *,
    description: str | None = None,
    private: bool = False,
) -> CollectionOutcome:
    """Make the collection `title` of `owner` hold `items` first, in this order, with their notes. Doing it twice changes nothing. Raises HubkitError."""
    with hub_errors(f"the collection {owner}/{title}"):
        found = with_retries(lambda: _found(api, owner, title))
        made = found is None
        if found is None:
            found = with_retries(
                lambda: api.create_collection(
                    title, namespace=owner, description=description, private=private, exists_ok=True
                )
            )
        _keep_metadata(api, found, description, private=private)
        added = _add_missing(api, found, items)
        changed = _keep_notes_and_order(api, found.slug, items)
    return CollectionOutcome(found.slug, f"{api.endpoint}/collections/{found.slug}", made, added, changed)


def _found(api: HfApi, owner: str, title: str) -> Collection | None:
    """The owner's collection of this title, with all its items."""
    from hubkit.repo.paging import pages_of

    for one in pages_of(api.list_collections(owner=owner)):
        if one.title == title:
            return api.get_collection(one.slug)
    return None


def _keep_metadata(api: HfApi, found: Collection, description: str | None, *, private: bool) -> None:
    wanted: dict[str, Any] = {}
    if description is not None and found.description != description:
        wanted["description"] = description
    if found.private != private:
        wanted["private"] = private
    if wanted:
        with_retries(lambda: api.update_collection_metadata(found.slug, **wanted))


def _add_missing(api: HfApi, found: Collection, items: Sequence[CollectionItem]) -> tuple[str, ...]:
    there = {item.item_id for item in found.items}
    missing = [item for item in items if item.repo_id not in there]
    for item in missing:
        with_retries(
            lambda item=item: api.add_collection_item(  # type: ignore[misc]
                found.slug,
                item_id=item.repo_id,
                item_type="model",
                note=item.note[:LONGEST_NOTE],
                exists_ok=True,
            )
        )
    return tuple(item.repo_id for item in missing)


def _keep_notes_and_order(api: HfApi, slug: str, items: Sequence[CollectionItem]) -> tuple[str, ...]:
    """Ours first, in order: each item that is not where it should be is moved there."""
    changed = []
    for place, item in enumerate(items):
        # Asked anew for every item: moving one moves all behind it.
        now = with_retries(lambda: api.get_collection(slug)).items
        at = next(index for index, one in enumerate(now) if one.item_id == item.repo_id)
        wanted: dict[str, Any] = {}
        if (now[at].note or "") != item.note[:LONGEST_NOTE]:
            wanted["note"] = item.note[:LONGEST_NOTE]
        if at != place:
            wanted["position"] = place
        if wanted:
            key = now[at].item_object_id
            with_retries(
                lambda key=key, wanted=wanted: api.update_collection_item(slug, key, **wanted)  # type: ignore[misc]
            )
            changed.append(item.repo_id)
    return tuple(changed)
