"""Collections of models: `collections.json` in the store. No HTTP."""

from __future__ import annotations

import re
import threading
import unicodedata
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hubkit.localhub.disk import read_json, write_json
from hubkit.localhub.history import utc_text
from hubkit.localhub.refusals import InvalidRequestError, RefExistsError, ThingMissingError

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_TITLE = 60
LONGEST_NOTE = 500


@dataclass(frozen=True)
class Item:
    """One model in a collection."""

    key: str
    model: str
    note: str | None = None


@dataclass(frozen=True)
class Collection:
    """`slug` is `namespace/title-in-small-letters-<24 hex digits>`: it follows the title, and any slug that ends in these digits is understood."""

    slug: str
    title: str
    owner: str
    private: bool
    description: str | None
    updated: str
    theme: str = "indigo"
    items: tuple[Item, ...] = ()


class CollectionExistsError(RefExistsError):
    """Somebody has a collection of this title."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"a collection of this title exists: {slug}")
        self.slug = slug


class Collections:
    """All collections of a Hub."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "collections.json"
        self._lock = threading.RLock()

    def all(self) -> list[Collection]:
        """In the order in which they were made."""
        with self._lock:
            try:
                found = read_json(self._path)
            except FileNotFoundError:
                return []
        return [Collection(**{**one, "items": tuple(Item(**item) for item in one["items"])}) for one in found]

    def get(self, slug: str) -> Collection:
        """The collection of this slug, or of one that it had under another title. Raises ThingMissingError."""
        found = next((one for one in self.all() if _key(one.slug) == _key(slug)), None)
        if found is None:
            raise ThingMissingError(f"Collection not found: {slug}")
        return found

    def create(self, owner: str, title: str, description: str | None, *, private: bool) -> Collection:
        """Raises CollectionExistsError for a second one of this title in a namespace."""
        _check_title(title)
        with self._lock:
            present = self.all()
            for one in present:
                if one.owner == owner and one.title == title:
                    raise CollectionExistsError(one.slug)
            slug = f"{owner}/{_slugged(title)}-{uuid.uuid4().hex[:24]}"
            made = Collection(slug, title, owner, private, description, _now())
            self._write([*present, made])
            return made

    def update(self, slug: str, changes: dict[str, Any]) -> Collection:
        """Set title, description, private or theme; `position` is taken, and ignored: owners have no pages here."""
        kinds = {"title": str, "description": str, "private": bool, "theme": str, "position": int}
        for name, value in changes.items():
            if name not in kinds or not isinstance(value, kinds[name]):
                raise InvalidRequestError(f"a collection has no {name} {value!r:.80}")
        if "title" in changes:
            _check_title(changes["title"])
        known = {name: value for name, value in changes.items() if name != "position"}
        with self._lock:
            found = self.get(slug)
            if "title" in known:
                known["slug"] = f"{found.owner}/{_slugged(known['title'])}-{found.slug.rpartition('-')[2]}"
            return self._replace(replace(found, **known))

    def delete(self, slug: str) -> None:
        """Raises ThingMissingError."""
        with self._lock:
            gone = self.get(slug)
            self._write([one for one in self.all() if one != gone])

    def add(self, slug: str, model: str, note: str | None) -> Collection:
        """Put a model at the end. Raises RefExistsError for one that is there."""
        with self._lock:
            found = self.get(slug)
            if any(item.model == model for item in found.items):
                raise RefExistsError(f"{model} is in the collection {slug} already")
            return self._replace(
                replace(found, items=(*found.items, Item(uuid.uuid4().hex[:24], model, _note(note))))
            )

    def change_item(self, slug: str, key: str, note: str | None, position: int | None) -> Collection:
        """Give an item another note or place (0 is the first); None leaves as it is."""
        with self._lock:
            found = self.get(slug)
            item = _item(found, key)
            if note is not None:
                changed = replace(item, note=_note(note))
                found = replace(found, items=tuple(changed if one == item else one for one in found.items))
                item = changed
            if position is not None:
                others = [one for one in found.items if one != item]
                others.insert(max(0, position), item)
                found = replace(found, items=tuple(others))
            return self._replace(found)

    def remove(self, slug: str, key: str) -> Collection:
        """Take an item out. Raises ThingMissingError."""
        with self._lock:
            found = self.get(slug)
            gone = _item(found, key)
            return self._replace(replace(found, items=tuple(one for one in found.items if one != gone)))

    def rename(self, old: str, new: str | None) -> None:
        """Follow a model that got another name, or (None) is gone."""
        with self._lock:
            for found in self.all():
                if any(item.model == old for item in found.items):
                    kept = [item for item in found.items if item.model != old or new is not None]
                    items = tuple(
                        replace(item, model=new) if new and item.model == old else item for item in kept
                    )
                    self._replace(replace(found, items=items))

    def _replace(self, changed: Collection) -> Collection:
        with self._lock:
            changed = replace(changed, updated=_now())
            key = _key(changed.slug)
            self._write([changed if _key(one.slug) == key else one for one in self.all()])
            return changed

    def _write(self, all_of_them: list[Collection]) -> None:
        write_json(self._path, [asdict(one) for one in all_of_them])


def _key(slug: str) -> tuple[str, str]:
    """What of a slug stays when the title changes."""
    return slug.partition("/")[0], slug.rpartition("-")[2]


def _item(collection: Collection, key: str) -> Item:
    for item in collection.items:
        if item.key == key:
            return item
    raise ThingMissingError(f"there is no item {key[:80]!r} in {collection.slug}")


def _note(text: str | None) -> str | None:
    if text is not None and len(text) > LONGEST_NOTE:
        raise InvalidRequestError(f"a note has at most {LONGEST_NOTE} characters, this one {len(text)}")
    return text


def _check_title(title: str) -> None:
    if not 0 < len(title.strip()) <= LONGEST_TITLE:
        raise InvalidRequestError(f"a collection's title has 1 to {LONGEST_TITLE} characters: {title[:80]!r}")


def _slugged(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "collection"


def _now() -> str:
    return utc_text(datetime.now(UTC))
