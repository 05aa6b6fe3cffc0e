"""What may be audited: what was typed, taken apart. Nothing is asked of the disk's content or the network here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hubkit.errors import UsageError
from hubkit.repo.target import HUB

OWNER = re.compile(r"(?:hf://(?:models/)?)?(?P<owner>[A-Za-z0-9][\w.-]{0,95})/?")
COLLECTION = "collection:"
LAST = "last"
PREFIXES = {
    "library": "",
    "tag": "",
    "base_model": "base_model:",
    "license": "license:",
    "dataset": "dataset:",
}
"""What stands before the value in the Hub's own tags."""


@dataclass(frozen=True)
class Folder:
    """A folder on this machine."""

    path: Path


@dataclass(frozen=True)
class Repository:
    """One repository, at a branch, tag or commit where one is named."""

    repo_id: str
    revision: str | None = None


@dataclass(frozen=True)
class Collection:
    """The models of a collection."""

    slug: str


@dataclass(frozen=True)
class Query:
    """The models that a search gives; every part narrows it."""

    author: str | None = None
    search: str | None = None
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [self.author or "", f"search {self.search}" if self.search else "", *self.tags]
        return ", ".join(filter(None, parts))


Source = Folder | Repository | Collection | Query


def sources(targets: Iterable[str], search: str = "", filters: Iterable[str] = ()) -> Iterator[Source]:
    """What `targets` stand for. `search` and `filters` narrow the owners among them, or, where there is none, search the whole Hub.

    Raises UsageError for a filter that is none.
    """
    query = _query(search, filters)
    owners = 0
    for text in targets:
        source = parse_target(text)
        if isinstance(source, Query):
            owners += 1
            source = Query(query.author or source.author, query.search, query.tags)
        yield source
    if not owners and query != Query():
        yield query


def parse_target(text: str) -> Source:
    """One target. An existing path wins over a name on the Hub of the same spelling."""
    if text.startswith(COLLECTION):
        return Collection(text.removeprefix(COLLECTION))
    path = Path(text)
    if not _exists(path):
        if match := HUB.fullmatch(text):
            return Repository(match.group("repo"), match.group("revision"))
        if match := OWNER.fullmatch(text):
            return Query(author=match.group("owner"))
    return Folder(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or with a NUL
        return False


def _query(search: str, filters: Iterable[str]) -> Query:
    author: str | None = None
    tags: list[str] = []
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            tags.append(text)
        elif key == "author" and value:
            author = value
        elif key in PREFIXES and value:
            tags.append(PREFIXES[key] + value)
        else:
            raise UsageError(
                f"--filter {text}: expected KEY=VALUE with one of {', '.join((*PREFIXES, 'author'))}",
                hint="hubkit audit --filter library=saelens",
            )
    return Query(author, search or None, tuple(tags))


def lines_of(stream: Iterable[str]) -> Iterator[str]:
    """Targets, one a line; empty lines and what follows a `#` at a line's beginning or after a space do not count."""
    for line in stream:
        text = re.split(r"(?:^|\s)#", line.removeprefix("\ufeff"), maxsplit=1)[0].strip()
        if text:
            yield text


def parse_since(text: str) -> datetime | None:
    """The moment of `--since DATE`, None for `last`. Raises UsageError."""
    if text == LAST:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--since {text}: expected a date such as 2026-08-01, or {LAST}",
            hint="hubkit audit OWNER --since last",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
