"""What a study has beside its releases, made once these are there: the index repository and the collection, which name the releases' commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.settings import IndexSettings
from hubkit.publish.collection import CollectionItem, CollectionOutcome, CollectionPlan, keep_collection
from hubkit.publish.index import IndexPublished, Listed, publish_index, write_index
from hubkit.publish.rehearse import Prepared

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hubkit.engine.events import Progress


@dataclass(frozen=True)
class Done:
    """What one Hub, the real one or the rehearsal's, now has of a release."""

    prepared: Prepared
    commit: str


@dataclass(frozen=True)
class Finished:
    """What was made of it."""

    index: IndexPublished | None = None
    collection: CollectionOutcome | None = None


@dataclass(frozen=True)
class Afterwards:
    """What is to be made."""

    study: str
    """Its name."""
    owner: str
    """Of the collection: a user or an organisation on the Hub."""
    folder: Path
    """Where the index's card is kept, in a folder of its own."""
    index: IndexSettings | None = None
    collection: CollectionPlan | None = None
    private: bool = False
    """Of a new index repository."""

    def in_words(self) -> list[str]:
        """For a dry run: a plan of it would need the releases' commits."""
        found = [f"the index {self.index.repo_id}"] if self.index else []
        if self.collection:
            found.append(f"the collection {self.collection.title!r} of {self.owner}")
        return found

    def make(self, folder: Path, done: Sequence[Done], api: HfApi, report: Progress) -> Finished:
        """Make it on one Hub; the index's card is written below `folder`, which for a rehearsal is not `self.folder`. Raises HubkitError."""
        index = None
        if self.index is not None:
            listed = [Listed(one.prepared.release, one.prepared.plan.repo_id, one.commit) for one in done]
            place = write_index(folder / self.index.repo_id.rpartition("/")[2], listed, self.index)
            index = publish_index(place, self.index, api, private=self.private, report=report)
        return Finished(index, self._collected(self.collection, done, api) if self.collection else None)

    def _collected(self, plan: CollectionPlan, done: Sequence[Done], api: HfApi) -> CollectionOutcome:
        items = [CollectionItem(self.index.repo_id, f"{self.study}: all repositories")] if self.index else []
        for one in done:
            count, model = len(one.prepared.gate.report.saes), one.prepared.gate.base_model
            items.append(CollectionItem(one.prepared.plan.repo_id, f"{count} SAEs of {model}"))
        return keep_collection(
            api, self.owner, plan.title, items, description=plan.description, private=plan.private
        )
